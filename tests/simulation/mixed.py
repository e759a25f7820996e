"""Everything at once on one broker, drawn from one seed: what each part promises must hold beside all the others.

Idempotent and transactional producers, both group protocols, compaction, retention, DeleteRecords, topics that are
deleted and made again, partitions that move between directories, settings that change; kills, power cuts and a
rough network.

python -m tests.simulation.mixed 17          # replays a seed
python -m tests.simulation.mixed 0-300       # a soak
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, delete_topic, fetch, offset_for, produce
from ottla.common.errors import KafkaError
from ottla.common.names import TopicPartition
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.network import Link
from ottla.testing.simulation import Run, Simulation, run_simulation
from tests.simulation import exactly_once, knowledge, torture
from tests.simulation.checks import Reads, check, check_committed
from tests.simulation.compaction_workload import alter_topic
from tests.simulation.consumer_members import ConsumerMember, Sight
from tests.simulation.exactly_once import ACCOUNTS, BANKS, INPUT, OUTPUT, PATIENT_MS, ROUGH, Processor, World
from tests.simulation.members import TOPIC, GroupMember, History, IdempotentProducer
from tests.simulation.transactors import everything_committed, latest, read_committed

A, B = "/disk-a", "/disk-b"
BATCHES = 12
SMALL = {"internal.segment.bytes": "2000", "file.delete.delay.ms": "100"}
SETTINGS = {
    "log.dirs": f"{A},{B}",
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "300",
    "log.initial.task.delay.ms": "300",
    "group.min.session.timeout.ms": "1000",
    "log.flush.offset.checkpoint.interval.ms": "1000",
    "replica.high.watermark.checkpoint.interval.ms": "1000",
}
MOVED = (TOPIC, INPUT, OUTPUT, ACCOUNTS, "keyed", "trimmed", "aging", "__consumer_offsets", "__transaction_state")


class Aging(knowledge.Trimmed):
    """A topic that is held small: what it keeps is the end of what was acknowledged, without a gap."""

    TOPIC = "aging"

    async def prepare(self, client: Cluster) -> None:
        await create_topic(
            client,
            self.TOPIC,
            configs={**SMALL, "internal.segment.bytes": "700", "retention.bytes": "1500", "retention.ms": "-1"},
        )

    async def _trim(self, client: Cluster) -> None:
        change = {"retention.bytes": str(1000 + self._random.below(3000))}
        await alter_topic(client, self.TOPIC, change)

    async def check(self, client: Cluster) -> None:
        start = await offset_for(client, self.TOPIC, 0, knowledge.EARLIEST)
        self._low = self._most = start
        await super().check(client)


async def churn(world: World, stopping: asyncio.Event) -> int:
    """A topic that is made, filled, read and deleted again and again shows nothing of its former lives."""
    lives = 0
    async with world.cluster.client(timeout_ms=PATIENT_MS) as client:
        while not stopping.is_set():
            lives += 1
            await create_topic(client, "churn", configs=SMALL)
            values = [b"%d:%d" % (lives, number) for number in range(1 + world.random.below(6))]
            for value in values:
                builder = BatchBuilder()
                builder.append(world.simulation.clock.now_ms(), None, value + b"." * 400)
                await produce(client, "churn", 0, builder.build())
            offset, end, seen = 0, await offset_for(client, "churn", 0), []
            while offset < end:
                records = list(read_all((await fetch(client, "churn", 0, offset)).records))
                seen += [(one.value or b"").rstrip(b".") for one in records if one.offset >= offset]
                offset = max([offset, *(one.offset + 1 for one in records)])
            assert set(seen) == set(values), f"life {lives} shows {seen}"
            await delete_topic(client, "churn")
            await asyncio.sleep(world.random.between(0.0, 0.3))
    return lives


async def change_settings(world: World, stopping: asyncio.Event) -> None:
    random = world.random
    async with world.cluster.client(timeout_ms=PATIENT_MS) as client:
        while not stopping.is_set():
            topic = random.choice((TOPIC, OUTPUT, ACCOUNTS, "keyed"))
            change = random.choice(
                (
                    {"internal.segment.bytes": str(1500 + random.below(4000))},
                    {"index.interval.bytes": str(100 + random.below(3000))},
                    {"max.message.bytes": str(100_000 + random.below(1000))},
                    {"min.cleanable.dirty.ratio": f"0.{1 + random.below(8)}"},
                )
            )
            try:
                await alter_topic(client, topic, change)
            except KafkaError as error:
                assert error.retriable, error
            await asyncio.sleep(random.between(0.0, 0.5))


async def read_on(world: World, reads: Reads, stopping: asyncio.Event) -> None:
    """A read_committed consumer of all banks: each poll goes on where the last one ended."""
    async with world.cluster.client(timeout_ms=PATIENT_MS) as client:
        offsets = dict.fromkeys(range(BANKS), 0)
        while not stopping.is_set():
            for bank in range(BANKS):
                seen = await read_committed(client, TopicPartition(ACCOUNTS, bank), offsets[bank], max_wait_ms=20)
                reads.polled(
                    bank, offsets[bank], seen.next_offset, [(one.offset, one.value or b"") for one in seen.records]
                )
                offsets[bank] = seen.next_offset


async def disturb(work: Awaitable[None]) -> None:
    """A disturbance may find the broker away; only what cannot be repeated is a failure."""
    try:
        await work
    except KafkaError as error:
        assert error.retriable, error


async def mixed(simulation: Simulation, make_world: type[World] = World) -> Counter[str]:
    world = make_world(simulation)
    cluster = world.cluster
    cluster.settings.update(SETTINGS)
    await cluster.start()
    counts = Counter[str]()
    stopping = asyncio.Event()
    history, sight, reads = History(), Sight(), Reads()
    keys = knowledge.Keys(simulation)
    trimmed = knowledge.Trimmed(simulation, durable=world.durable)
    aging = Aging(simulation)
    keys.pace_s = trimmed.pace_s = aging.pace_s = 0.2
    mover = knowledge.Mover(simulation, (A, B), MOVED)

    def told() -> None:
        counts["answers"] += 1

    async with cluster.client(timeout_ms=PATIENT_MS) as client:
        for topic, partitions in ((TOPIC, torture.PARTITIONS), (INPUT, 2), (OUTPUT, 2), (ACCOUNTS, BANKS)):
            await create_topic(client, topic, partitions, configs=SMALL)
        await create_topic(client, "shared-1", 4)
        for promise in (keys, trimmed, aging):
            await promise.prepare(client)
        expected = await exactly_once._fill(simulation, client)
        members = [GroupMember(cluster, history, f"m{number}", torture.PARTITIONS) for number in range(2)]
        sharers = [ConsumerMember(cluster, sight, f"s{number}", "shared-.*") for number in range(2)]
        processors = [Processor(world, partition) for partition in range(2)]
        working = [
            asyncio.ensure_future(one)
            for one in (
                *(IdempotentProducer(cluster, history, f"p{number}", number).run(BATCHES) for number in range(3)),
                *(one.run() for one in processors),
            )
        ]
        clerks = [asyncio.ensure_future(exactly_once._clerk(world, f"clerk-{number}")) for number in range(2)]
        lasting = [
            asyncio.ensure_future(one)
            for one in (
                *(one.run() for one in (*members, *sharers)),
                churn(world, stopping),
                change_settings(world, stopping),
                read_on(world, reads, stopping),
                exactly_once._audit(world, stopping),
            )
        ]
        endless = [asyncio.ensure_future(disturb(one.work(client, told))) for one in (keys, trimmed, aging, mover)]
        await world.faults()
        await asyncio.gather(*working)
        committed = Counter[bytes]()
        for done in await asyncio.gather(*clerks):
            committed.update(done)
        for one in endless:
            if one.done():
                one.result()
            one.cancel()
        await asyncio.gather(*endless, return_exceptions=True)
        await torture._caught_up(client, history, lasting[:2])
        stopping.set()
        for member in (*members, *sharers):
            member.stopping = True
        await asyncio.gather(*lasting)
        check(history, await torture._everything(client))
        for promise in (keys, trimmed, aging):
            await promise.check(client)
        await _check_output(client, expected)
        final = {
            (bank, one.offset): one.value or b""
            for bank in range(BANKS)
            for one in await everything_committed(client, TopicPartition(ACCOUNTS, bank))
        }
        check_committed(reads, final, set(committed))
        assert sum(int(value.rpartition(b" ")[2]) for value in final.values()) == 0
        for bank in range(BANKS):
            part = TopicPartition(ACCOUNTS, bank)
            assert await latest(client, part, committed=True) == await latest(client, part, committed=False)
    await cluster.stop()
    counts.update(acked=len(history.acked), moves=sight.moves, commits=sight.commits, transfers=len(committed))
    counts.update(polled=len(reads.seen), zombies=sum(one.zombies for one in processors))
    return counts


async def _check_output(client: Cluster, expected: Counter[bytes]) -> None:
    found = Counter[bytes]()
    for index in range(2):
        found.update(one.value or b"" for one in await everything_committed(client, TopicPartition(OUTPUT, index)))
    assert found == expected, f"missing {expected - found}, too often {found - expected}"


def run(seed: int, *, keep_trace: bool = False) -> Run[Counter[str]]:
    return run_simulation(seed, mixed, keep_trace=keep_trace, link=ROUGH if seed % 2 else Link())


def main(words: list[str], run: Callable[[int], Run[Counter[str]]] = run) -> None:
    """Each word is a seed, or a range of them."""
    for word in words:
        first, _, last = word.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            done = run(seed)
            print(f"seed {seed}: {dict(done.value)}, {done.virtual_s:.0f} s, {done.digest[:16]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
