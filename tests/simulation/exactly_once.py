"""Workloads of exactly once, each drawn from one seed with its faults.

python -m tests.simulation.exactly_once process 17        # replays a seed of consume-transform-produce
python -m tests.simulation.exactly_once money 0-200       # a soak of money transfers
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, produce
from ottla.common.names import TopicPartition
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import SimCluster
from ottla.testing.files import CrashMode
from ottla.testing.network import Link
from ottla.testing.simulation import Run, Simulation, run_simulation
from tests.simulation.transactors import (
    Fenced,
    Transactor,
    everything_committed,
    latest,
    read_committed,
    stable_offset,
)

INPUT, OUTPUT, ACCOUNTS, PROCESSOR = "input", "output", "accounts", "processor"
PARTITIONS, VALUES = 2, 30
BANKS, TRANSFERS = 2, 12
STEADY = Link()
ROUGH = Link(reset_probability=0.002, stall_probability=0.01, stall_s=(0.05, 1.5), chunk_probability=0.3)
PATIENT_MS = 600_000


class World:
    """A broker whose faults and settings come from the seed."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.random = simulation.random
        self.durable = self.random.chance(0.5)  # then only fsynced data counts, and the power may be cut
        self.cluster = SimCluster(
            simulation,
            {
                "offsets.topic.num.partitions": "2",
                "transaction.state.log.num.partitions": "2",
                "log.flush.interval.messages": "1" if self.durable else str(2**63 - 1),
                "log.index.interval.bytes": "200",
                "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            },
        )

    async def faults(self) -> None:
        for _ in range(1 + self.random.below(4)):
            await asyncio.sleep(self.random.between(0.1, 2.0))
            kind = self.random.below(4)
            if kind == 0:
                await self.cluster.stop()
            elif kind == 1 and self.durable:
                self.cluster.cut_power(mode=self.random.choice(list(CrashMode)))
            else:
                self.cluster.kill()
            await asyncio.sleep(self.random.between(0.0, 1.0))
            await self.cluster.start()


class Processor:
    """Consume, transform, produce: the output and the input's offset in one transaction, one id for each partition.

    It dies and comes again, and now and then a zombie goes on beside its successor.
    """

    def __init__(self, world: World, partition: int) -> None:
        self._world = world
        self._source = TopicPartition(INPUT, partition)
        self._bumps = world.random.chance(0.5)
        self.zombies = 0

    async def run(self) -> None:
        """Until all of the input is processed, in as many lives as it takes."""
        world = self._world
        lives: list[asyncio.Future[None]] = []
        done = False
        while not done:
            life: asyncio.Future[None] = asyncio.ensure_future(self._live())
            await asyncio.wait([life], timeout=world.random.between(0.5, 5.0))
            if life.done():
                done = life.exception() is None
                if not done and not isinstance(life.exception(), Fenced):
                    raise life.exception() or AssertionError
            else:
                lives.append(life)  # it is taken for dead, and is not
                self.zombies += 1
        for life in lives:
            try:
                await life
            except Fenced:
                pass

    async def _live(self) -> None:
        world, source = self._world, self._source
        async with world.cluster.client(timeout_ms=PATIENT_MS) as client:
            producer = Transactor(world.simulation, client, f"{PROCESSOR}-{source.partition}", bumps=self._bumps)
            await producer.init()
            offset = await stable_offset(client, PROCESSOR, source)
            end = await latest(client, source, committed=False)
            while offset < end:
                offset = await self._step(client, producer, offset)

    async def _step(self, client: Cluster, producer: Transactor, offset: int) -> int:
        random = self._world.random
        seen = await read_committed(client, self._source, offset)
        wanted = seen.records[: 1 + random.below(4)]
        if not wanted:
            return seen.next_offset
        for record in wanted:
            target = TopicPartition(OUTPUT, random.below(PARTITIONS))
            await producer.send(target, b"processed " + (record.value or b""))
        await producer.send_offsets(PROCESSOR, {self._source: wanted[-1].offset + 1})
        await asyncio.sleep(random.between(0.0, 0.2))
        commit = random.chance(0.7)
        await producer.end(commit=commit)
        return wanted[-1].offset + 1 if commit else offset


async def process(simulation: Simulation) -> int:
    """Each input is in the output exactly once, for who reads what is committed; how many zombies there were."""
    world = World(simulation)
    cluster = world.cluster
    await cluster.start()
    async with cluster.client(timeout_ms=PATIENT_MS) as client:
        await create_topic(client, INPUT, PARTITIONS)
        await create_topic(client, OUTPUT, PARTITIONS, configs={"internal.segment.bytes": "2000"})
        expected = await _fill(simulation, client)
        processors = [Processor(world, partition) for partition in range(PARTITIONS)]
        working = [asyncio.ensure_future(one.run()) for one in processors]
        await world.faults()
        await asyncio.gather(*working)
        found = Counter[bytes]()
        for index in range(PARTITIONS):
            found.update(
                record.value or b"" for record in await everything_committed(client, TopicPartition(OUTPUT, index))
            )
        assert found == expected, f"missing {expected - found}, too often {found - expected}"
    await cluster.stop()
    return sum(one.zombies for one in processors)


async def _fill(simulation: Simulation, client: Cluster) -> Counter[bytes]:
    """The input, each value once; the output that is expected of it."""
    who: InitProducerIdResponse = await client.retrying(
        lambda: client.send(InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000))
    )
    expected = Counter[bytes]()
    for number in range(VALUES):
        batch = BatchBuilder(
            producer_id=who.producer_id, producer_epoch=who.producer_epoch, base_sequence=number // PARTITIONS
        )
        value = f"value-{number}".encode()
        batch.append(simulation.clock.now_ms(), None, value)
        await produce(client, INPUT, number % PARTITIONS, batch.build())
        expected[b"processed " + value] += 1
    return expected


async def money(simulation: Simulation) -> int:
    """Transfers between the accounts of some banks (partitions): the total never changes, at any read.

    A reader of what is committed may see one leg of a transfer before the other: in another partition the marker comes
    a moment later, and in the same one an undecided transaction may stand between the legs. So a read goes on until
    each transfer that it has begun to see is whole; then nothing may be missing or too much. Answers how many reads.
    """
    world = World(simulation)
    cluster = world.cluster
    await cluster.start()
    async with cluster.client(timeout_ms=PATIENT_MS) as client:
        await create_topic(client, ACCOUNTS, BANKS, configs={"internal.segment.bytes": "3000"})
        stopping = asyncio.Event()
        auditors = [asyncio.ensure_future(_audit(world, stopping)) for _ in range(2)]
        clerks = [asyncio.ensure_future(_clerk(world, f"clerk-{number}")) for number in range(3)]
        await world.faults()
        committed = Counter[bytes]()
        for done in await asyncio.gather(*clerks):
            committed.update(done)
        stopping.set()
        audits = sum(await asyncio.gather(*auditors))
        legs = Counter[bytes]()
        total = 0
        for bank in range(BANKS):
            for record in await everything_committed(client, TopicPartition(ACCOUNTS, bank)):
                name, _, amount = (record.value or b"").rpartition(b" ")
                legs[name] += 1
                total += int(amount)
        assert total == 0, f"the total is {total}"
        assert set(legs.values()) <= {2}, f"half a transfer: {[name for name, count in legs.items() if count != 2]}"
        assert set(committed) == set(legs), f"differs: {set(committed) ^ set(legs)}"
    await cluster.stop()
    return audits


async def _clerk(world: World, name: str) -> list[bytes]:
    """The names of the transfers that it committed. It is fenced when it sleeps too long, and begins again."""
    random = world.random
    bumps = random.chance(0.5)
    committed: list[bytes] = []
    async with world.cluster.client(timeout_ms=PATIENT_MS) as client:
        number = 0
        while number < TRANSFERS:
            producer = Transactor(world.simulation, client, name, bumps=bumps)
            await producer.init(timeout_ms=2000)
            try:
                while number < TRANSFERS:
                    transfer = f"{name}:{number}".encode()
                    number += 1
                    if await _transfer(world, producer, transfer):
                        committed.append(transfer)
            except Fenced:
                continue
    return committed


async def _transfer(world: World, producer: Transactor, name: bytes) -> bool:
    """True if it is committed. Raises Fenced; then it is not."""
    random = world.random
    amount = 1 + random.below(100)
    source = TopicPartition(ACCOUNTS, random.below(BANKS))
    target = source if random.chance(0.5) else TopicPartition(ACCOUNTS, random.below(BANKS))
    await producer.send(source, b"%s %d" % (name, -amount))
    await asyncio.sleep(random.between(0.0, 0.3))
    await producer.send(target, b"%s %d" % (name, amount))
    if random.chance(0.1):
        await asyncio.sleep(4.0)  # longer than the transaction may take
    commit = random.chance(0.7)
    await producer.end(commit=commit)
    return commit


class Book:
    """What an auditor has read of all banks so far, from their start."""

    def __init__(self, client: Cluster) -> None:
        self._client = client
        self._offsets = dict.fromkeys(range(BANKS), 0)
        self.legs: dict[bytes, list[int]] = {}

    async def read(self, bank: int, max_wait_ms: int) -> int:
        """One fetch; where it ended."""
        seen = await read_committed(
            self._client, TopicPartition(ACCOUNTS, bank), self._offsets[bank], max_wait_ms=max_wait_ms
        )
        for record in seen.records:
            name, _, amount = (record.value or b"").rpartition(b" ")
            self.legs.setdefault(name, []).append(int(amount))
        self._offsets[bank] = seen.next_offset
        return seen.next_offset


async def _audit(world: World, stopping: asyncio.Event) -> int:
    """Reads all banks from their start again and again; the total is the same each time."""
    audits = 0
    async with world.cluster.client(timeout_ms=PATIENT_MS) as client:
        while not stopping.is_set():
            book = Book(client)
            for bank in range(BANKS):
                end = await latest(client, TopicPartition(ACCOUNTS, bank), committed=True)
                while await book.read(bank, max_wait_ms=0) < end:
                    pass
            transfers = list(book.legs)
            deadline = world.simulation.loop.time() + 120
            while any(len(book.legs[name]) < 2 for name in transfers):
                for bank in range(BANKS):
                    await book.read(bank, max_wait_ms=100)
                assert world.simulation.loop.time() < deadline, f"half a transfer of {transfers}"
            total = sum(sum(book.legs[name]) for name in transfers)
            assert total == 0, f"the total is {total}"
            audits += 1
            await asyncio.sleep(world.random.between(0.0, 0.2))
    return audits


WORKLOADS: dict[str, Callable[[Simulation], Awaitable[int]]] = {"process": process, "money": money}


def run(workload: str, seed: int, *, keep_trace: bool = False) -> Run[int]:
    link = ROUGH if seed % 2 else STEADY
    return run_simulation(seed, WORKLOADS[workload], keep_trace=keep_trace, link=link)


def main(words: list[str]) -> None:
    workload, *seeds = words
    for word in seeds:
        first, _, last = word.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            done = run(workload, seed)
            print(f"{workload} seed {seed}: {done.value}, {done.virtual_s:.0f} s, {done.digest[:16]}")


if __name__ == "__main__":
    main(sys.argv[1:])
