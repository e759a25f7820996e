"""The power is cut at the very moment at which a client learns something: none of what clients know may be lost.

The torture cuts at any time and rarely meets the milliseconds between a write and its fsync; here every cut does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from ottla.client.cluster import GROUP, Cluster
from ottla.client.operations import create_topic, fetch, produce
from ottla.common.errors import KafkaError, error_for
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.disk import CrashMode
from ottla.testing.simulation import Simulation, run_simulation

TOPIC, READER = "events", "reader"
ROUNDS, SEEDS = 8, 40
DURABLE = {"log.flush.interval.messages": "1", "offsets.topic.num.partitions": "1"}


class Known:
    """What clients were told, in any order; `cut` is done when they have been told enough for this round."""

    def __init__(self) -> None:
        self.records: dict[int, bytes] = {}
        """Acknowledged or read, by offset."""
        self.committed = 0
        self.cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left = 0

    def told(self) -> None:
        self.left -= 1
        if self.left <= 0 and not self.cut.done():
            self.cut.set_result(None)

    def record(self, offset: int, value: bytes) -> None:
        before = self.records.setdefault(offset, value)
        assert before == value, f"offset {offset} was {before!r} and is {value!r}"
        self.told()


async def produce_on(client: Cluster, known: Known, name: str) -> None:
    for number in range(1000):
        value = f"{name}-{number}".encode()
        batch = BatchBuilder()
        batch.append(0, None, value)
        known.record(await produce(client, TOPIC, 0, batch.build(), acks=-1 if number % 2 else 1), value)


async def read_on(client: Cluster, known: Known) -> None:
    offset = 0
    while True:
        for record in read_all((await fetch(client, TOPIC, 0, offset)).records):
            if record.offset >= offset:
                known.record(record.offset, record.value or b"")
                offset = record.offset + 1


async def commit_on(client: Cluster, known: Known) -> None:
    for offset in range(known.committed + 1, 1 << 31):
        part = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
        named = OffsetCommitRequest.OffsetCommitRequestTopic(name=TOPIC, partitions=[part])
        request = OffsetCommitRequest(group_id=READER, generation_id_or_member_epoch=-1, topics=[named])
        answer = await client.send(request, broker=await client.coordinator(READER, GROUP), version=8)
        code = answer.topics[0].partitions[0].error_code
        if code:
            raise error_for(code)
        known.committed = offset
        known.told()


async def until_the_cut(work: Awaitable[None]) -> None:
    try:
        await work
    except KafkaError as error:
        assert error.retriable, error


async def committed_offset(client: Cluster) -> int:
    topic = OffsetFetchRequest.OffsetFetchRequestTopic(name=TOPIC, partition_indexes=[0])

    async def ask() -> int:
        request = OffsetFetchRequest(group_id=READER, topics=[topic])
        answer = await client.send(request, broker=await client.coordinator(READER, GROUP), version=5)
        code = answer.error_code or answer.topics[0].partitions[0].error_code
        if code:
            raise error_for(code)
        found: int = answer.topics[0].partitions[0].committed_offset
        return max(found, 0)

    return await client.retrying(ask)


async def everything(client: Cluster, end: int) -> dict[int, bytes]:
    log: dict[int, bytes] = {}
    while len(log) < end:
        fetched = await fetch(client, TOPIC, 0, len(log))
        assert fetched.records, f"the log ends at {len(log)}; clients know of offset {end - 1}"
        log.update({record.offset: record.value or b"" for record in read_all(fetched.records)})
    return log


async def cut_at_the_worst_moment(simulation: Simulation) -> int:
    random = simulation.random
    cluster = SimCluster(simulation, DURABLE)
    await cluster.start()
    known = Known()
    async with cluster.client() as client:
        await create_topic(client, TOPIC)
        assert await committed_offset(client) == 0
    killed = False
    for round_number in range(ROUNDS):
        async with cluster.client(timeout_ms=1000) as client:
            known.cut = simulation.loop.create_future()
            known.left = 1 + random.below(12)
            # A reader alone after a kill sees what the kill left unsynced: none of it may vanish with the power.
            producers = 0 if killed and random.chance(0.7) else random.below(4)
            names = [f"{round_number}-{number}" for number in range(producers)]
            work = [until_the_cut(produce_on(client, known, name)) for name in names]
            work.append(until_the_cut(read_on(client, known)))
            if random.chance(0.5):
                work.append(until_the_cut(commit_on(client, known)))
            running = [asyncio.ensure_future(one) for one in work]
            await asyncio.wait([known.cut, *running], timeout=5, return_when=asyncio.FIRST_COMPLETED)
            killed = random.chance(0.5)
            if killed:
                cluster.kill()
            else:
                cluster.cut_power(mode=random.choice([CrashMode.LOSE, CrashMode.TORN, CrashMode.SCATTERED]))
            await asyncio.gather(*running)
        await cluster.start()
        if random.chance(0.5):
            continue  # another cut at once, before anybody has looked
        async with cluster.client() as client:
            found = await everything(client, max(known.records, default=-1) + 1)
            for offset, value in found.items():
                known.record(offset, value)
            lost = {offset: value for offset, value in known.records.items() if found.get(offset) != value}
            assert not lost, f"seed {simulation.seed}: clients knew {lost}"
            assert await committed_offset(client) >= known.committed, f"seed {simulation.seed}: a commit was lost"
    await cluster.stop()
    return len(known.records)


@pytest.mark.parametrize("part", range(2))
def test_what_a_client_knows_survives_the_power_cut_of_that_moment(part: int, scale: float) -> None:
    known = 0
    for seed in range(part, int(SEEDS * scale), 2):
        try:
            known += run_simulation(seed, cut_at_the_worst_moment).value
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert known > 5 * SEEDS * scale
