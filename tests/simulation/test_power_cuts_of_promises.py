"""Every promise of a broker that syncs what it acknowledges, under power cuts at the moment of an answer.

`test_power_cuts.py` proves it for produced records, reads and commits; here are transactions, both group protocols,
administration, DeleteRecords, compaction, and partitions that move between directories meanwhile (`knowledge.py`).
"""

from __future__ import annotations

import asyncio

import pytest

from ottla.testing.cluster import SimCluster
from ottla.testing.disk import CrashMode
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation import knowledge
from tests.simulation.knowledge import Promise
from tests.simulation.test_power_cuts import until_the_cut

A, B = "/disk-a", "/disk-b"
ROUNDS, SEEDS = 6, 12
DURABLE = {
    "log.dirs": f"{A},{B}",
    "log.flush.interval.messages": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "log.cleaner.backoff.ms": "100",
    "log.index.interval.bytes": "200",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


class SlowStore:
    """The metadata store takes its time, so that an answer before the commit would show."""

    def __init__(self, simulation: Simulation) -> None:
        self._random = simulation.random.fork("metadata", traced=False)

    def latency(self) -> float:
        return self._random.between(0.0, 0.01)

    def lost(self) -> bool | None:
        return None


class Cut:
    """Done when clients were told enough for this round."""

    def __init__(self, answers: int) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = answers

    def told(self) -> None:
        self._left -= 1
        if self._left <= 0 and not self.future.done():
            self.future.set_result(None)


def promises(simulation: Simulation) -> dict[str, Promise]:
    return {
        "transactions": knowledge.Transactions(simulation),
        "epochs": knowledge.MemberEpochs(simulation),
        "generations": knowledge.Generations(simulation),
        "administration": knowledge.Administration(simulation),
        "trimmed": knowledge.Trimmed(simulation),
        "keys": knowledge.Keys(simulation),
        "moves": knowledge.Mover(simulation, (A, B), ("orders", "trimmed", "keyed", "__consumer_offsets")),
    }


async def cut_and_cut_again(simulation: Simulation, names: tuple[str, ...]) -> int:
    random = simulation.random
    cluster = SimCluster(simulation, DURABLE)
    cluster.metadata_faults = SlowStore(simulation)
    await cluster.start()
    everything = promises(simulation)
    chosen = [everything[name] for name in names]
    async with cluster.client() as client:
        for one in chosen:
            await one.prepare(client)
    answers = 0

    def counted(cut: Cut) -> None:
        nonlocal answers
        answers += 1
        cut.told()

    for _ in range(ROUNDS):
        async with cluster.client(timeout_ms=1000) as client:
            cut = Cut(1 + random.below(25))
            work = [
                asyncio.ensure_future(until_the_cut(one.work(client, lambda cut=cut: counted(cut))))  # type: ignore[misc]
                for one in chosen
            ]
            await asyncio.wait([cut.future, *work], timeout=20, return_when=asyncio.FIRST_COMPLETED)
            if random.chance(0.2):
                cluster.kill()
            else:
                cluster.cut_power(mode=random.choice(list(CrashMode)))
            await asyncio.gather(*work)
        await cluster.start()
        if random.chance(0.3):
            continue  # another cut before anybody has looked
        async with cluster.client() as client:
            for one in chosen:
                await one.check(client)
    async with cluster.client() as client:
        for one in chosen:
            await one.check(client)
    await cluster.stop()
    return answers


MIXES: dict[str, tuple[str, ...]] = {
    "transactions": ("transactions",),
    "consumer-group": ("epochs",),
    "classic-group": ("generations",),
    "administration": ("administration",),
    "delete-records": ("trimmed",),
    "compaction": ("keys",),
    "moves": ("transactions", "trimmed", "keys", "moves"),
    "all": ("transactions", "epochs", "generations", "administration", "trimmed", "keys", "moves"),
}


@pytest.mark.parametrize("mix", list(MIXES))
def test_what_a_client_was_told_survives_the_power_cut_of_that_moment(mix: str, scale: float) -> None:
    answers = 0
    for seed in range(int(SEEDS * scale)):
        try:
            answers += run_simulation(seed, lambda simulation: cut_and_cut_again(simulation, MIXES[mix])).value
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert answers > 20 * int(SEEDS * scale)
