"""Consumer groups on a whole broker, by seed: members come, go and die, topics appear, and the broker is killed.

At no moment do two live members own one partition, committed counts never go back, and with the faults over everything
is shared out again.
"""

from __future__ import annotations

import asyncio

import pytest

from ottla.client.operations import create_topic
from ottla.testing.cluster import SimCluster
from ottla.testing.network import Link
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.consumer_members import ConsumerMember, Sight

SEEDS = 12
ROUGH = Link(reset_probability=0.002, stall_probability=0.01, stall_s=(0.05, 1.5), chunk_probability=0.3)
TOPICS = {"events-1": 5, "events-2": 2, "events-3": 4}


async def play(simulation: Simulation) -> Sight:
    random = simulation.random
    cluster = SimCluster(simulation, {"offsets.topic.num.partitions": "2"})
    await cluster.start()
    sight = Sight()
    members: dict[str, tuple[ConsumerMember, asyncio.Future[None]]] = {}
    made = 0

    def enter() -> None:
        nonlocal made
        made += 1
        member = ConsumerMember(cluster, sight, f"m{made}", "events-.*")
        members[member.name] = (member, asyncio.ensure_future(member.run()))

    async with cluster.client(timeout_ms=600_000) as client:
        left = dict(TOPICS)
        name = next(iter(left))
        await create_topic(client, name, left.pop(name))
        enter()
        for _ in range(10):
            await asyncio.sleep(random.between(0.5, 15.0))
            what = random.below(6)
            if what <= 1 and len(members) < 5:
                enter()
            elif what == 2 and len(members) > 1:
                member, running = members.pop(random.choice(sorted(members)))
                if random.chance(0.5):
                    running.cancel()
                    member.die()
                else:
                    member.stopping = True
                    await running
            elif what == 3 and left:
                name = next(iter(left))
                await create_topic(client, name, left.pop(name))
            elif what >= 4:
                cluster.kill()
                await asyncio.sleep(random.between(0.0, 2.0))
                await cluster.start()
        await asyncio.sleep(150)  # sessions end, patterns are resolved anew, everybody settles
        for _, running in members.values():
            if running.done():
                running.result()
        made_topics = {name: count for name, count in TOPICS.items() if name not in left}
        assert len(sight.owners) == sum(made_topics.values()), f"shared out: {sight.owners}"
        sizes = [len(member.owned) for member, _ in members.values()]
        assert max(sizes) - min(sizes) <= 1
        for member, running in members.values():
            member.stopping = True
            await running
    await cluster.stop()
    return sight


@pytest.mark.parametrize("part", range(3))
def test_no_two_members_own_a_partition_whatever_the_seed(part: int, scale: float) -> None:
    for seed in range(part, int(SEEDS * scale), 3):
        try:
            sight = run_simulation(seed, play, link=ROUGH if seed % 2 else Link()).value
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error
        assert sight.moves >= 5
        assert sight.commits > 50


def test_a_seed_has_one_trace() -> None:
    assert run_simulation(3, play, link=ROUGH).digest == run_simulation(3, play, link=ROUGH).digest
