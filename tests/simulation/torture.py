"""One broker, producers, a group of readers, and faults, all drawn from one seed. `run(seed)` is a whole test.

python -m tests.simulation.torture 17          # replays a seed
python -m tests.simulation.torture 0-200       # a soak
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, fetch, offset_for
from ottla.records.record import read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.files import CrashMode
from ottla.testing.network import Link
from ottla.testing.simulation import Run, Simulation, run_simulation
from tests.simulation.checks import check
from tests.simulation.members import TOPIC, GroupMember, History, IdempotentProducer

PARTITIONS, PRODUCERS, MEMBERS, BATCHES = 3, 4, 3, 40
STEADY = Link()
ROUGH = Link(reset_probability=0.002, stall_probability=0.01, stall_s=(0.05, 1.5), chunk_probability=0.3)


async def torture(simulation: Simulation) -> History:
    """Kills or power cuts while clients work; then everything is read and judged."""
    random = simulation.random
    durable = random.chance(0.5)  # then only fsynced data may be acknowledged, and the power may be cut
    settings = {
        "offsets.topic.num.partitions": "2",
        "log.flush.interval.messages": "1" if durable else str(2**63 - 1),
        "log.index.interval.bytes": "200",
        "group.min.session.timeout.ms": "1000",
    }
    cluster = SimCluster(simulation, settings)
    await cluster.start()
    history = History()
    async with cluster.client(timeout_ms=600_000) as client:
        await create_topic(client, TOPIC, PARTITIONS, configs={"internal.segment.bytes": "2000"})
        members = [GroupMember(cluster, history, f"m{number}", PARTITIONS) for number in range(MEMBERS)]
        reading = [asyncio.ensure_future(member.run()) for member in members]
        writing = [
            asyncio.ensure_future(IdempotentProducer(cluster, history, f"p{number}", number % PARTITIONS).run(BATCHES))
            for number in range(PRODUCERS)
        ]
        for _ in range(1 + random.below(4)):
            await asyncio.sleep(random.between(0.2, 4.0))
            await _fault(cluster, durable)
        await asyncio.gather(*writing)
        await _caught_up(client, history, reading)
        for member in members:
            member.stopping = True
        await asyncio.gather(*reading)
        check(history, await _everything(client))
    await cluster.stop()
    return history


async def _fault(cluster: SimCluster, durable: bool) -> None:
    random = cluster.simulation.random
    kind = random.below(4)
    if kind == 0:
        await cluster.stop()
    elif kind == 1 and durable:
        cluster.cut_power(mode=random.choice(list(CrashMode)))
    else:
        cluster.kill()
    await asyncio.sleep(random.between(0.0, 2.0))
    await cluster.start()


async def _caught_up(client: Cluster, history: History, reading: Sequence[asyncio.Future[None]]) -> None:
    """Liveness: with the faults over, the group reads and commits everything within a minute of virtual time."""
    ends = {partition: await offset_for(client, TOPIC, partition) for partition in range(PARTITIONS)}
    for _ in range(600):
        if all(history.committed.get(partition, 0) >= end for partition, end in ends.items()):
            return
        for member in reading:
            if member.done():
                member.result()  # it ends only by a failure
        await asyncio.sleep(0.1)
    raise AssertionError(f"the group is stuck: committed {history.committed}, ends {ends}")


async def _everything(client: Cluster) -> dict[tuple[int, int], bytes]:
    log = {}
    for partition in range(PARTITIONS):
        offset, end = 0, await offset_for(client, TOPIC, partition)
        while offset < end:
            for record in read_all((await fetch(client, TOPIC, partition, offset)).records):
                log[partition, record.offset] = record.value or b""
                offset = max(offset, record.offset + 1)
    return log


def run(seed: int, *, keep_trace: bool = False) -> Run[History]:
    return run_simulation(seed, torture, keep_trace=keep_trace, link=ROUGH if seed % 2 else STEADY)


def main(words: list[str]) -> None:
    for word in words:
        first, _, last = word.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            done = run(seed)
            print(f"seed {seed}: {len(done.value.acked)} acknowledged, {done.virtual_s:.0f} s, {done.digest[:16]}")


if __name__ == "__main__":
    main(sys.argv[1:])
