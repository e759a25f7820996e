"""Simulated clients: an idempotent producer and a member of a classic group, as simple as they can be and be right.

They write down what they saw (`History`); `checks.py` judges it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ottla.client.cluster import GROUP, Cluster
from ottla.client.operations import offset_for, produce
from ottla.common.errors import KafkaError, NetworkException, OffsetOutOfRange, error_for
from ottla.protocol.message import Message
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import SimCluster

TOPIC, READERS = "events", "readers"
SESSION_MS, REBALANCE_MS, HEARTBEAT_S = 10_000, 20_000, 3.0
JOIN_AGAIN = (22, 25, 27, 82)  # the member must join again: generation, member id, rebalance, fenced


@dataclass
class History:
    """What clients saw, in the order in which they saw it."""

    acked: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Partition and offset of each acknowledged value."""
    sent: list[bytes] = field(default_factory=list)
    owned: list[tuple[int, str, int]] = field(default_factory=list)
    """(generation, member, partition) of each assignment."""
    committed: dict[int, int] = field(default_factory=dict)
    """The highest offset that the coordinator acknowledged, by partition."""
    resumed: list[tuple[int, int, int]] = field(default_factory=list)
    """(partition, where a new owner went on, the highest offset acknowledged before it asked)."""
    consumed: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """What was read at (partition, offset)."""
    conflicts: list[str] = field(default_factory=list)
    """Reads that contradict an earlier one."""


class IdempotentProducer:
    """Numbered values to one partition, one batch at a time, each repeated until it is acknowledged (KIP-98)."""

    def __init__(self, cluster: SimCluster, history: History, name: str, partition: int) -> None:
        self._cluster = cluster
        self._history = history
        self._name = name
        self._partition = partition

    async def run(self, batches: int) -> None:
        random = self._cluster.simulation.random
        async with self._cluster.client(timeout_ms=600_000) as client:
            started: InitProducerIdResponse = await client.retrying(
                lambda: client.send(InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000))
            )
            sequence = 0
            for number in range(batches):
                values = [f"{self._name}-{number}-{index}".encode() for index in range(1 + random.below(5))]
                builder = BatchBuilder(
                    producer_id=started.producer_id, producer_epoch=started.producer_epoch, base_sequence=sequence
                )
                for value in values:
                    builder.append(self._cluster.simulation.clock.now_ms(), None, value)
                self._history.sent += values
                base = await produce(client, TOPIC, self._partition, builder.build())
                for index, value in enumerate(values):
                    self._history.acked[value] = (self._partition, base + index)
                sequence += len(values)
                await asyncio.sleep(random.between(0.0, 0.3))


class GroupMember:
    """Joins, shares the partitions out when it leads, reads, commits what it read, and joins again when told to."""

    def __init__(self, cluster: SimCluster, history: History, name: str, partitions: int) -> None:
        self._cluster = cluster
        self._history = history
        self._name = name
        self._partitions = partitions
        self.stopping = False
        self._member_id = ""
        self._generation = -1

    async def run(self) -> None:
        async with self._cluster.client(timeout_ms=600_000) as client:
            await client.leader(TOPIC, 0)
            while not self.stopping:
                try:
                    mine = await self._join(client)
                    await self._work(client, mine)
                except NetworkException:
                    await asyncio.sleep(0.1)
                except KafkaError as error:
                    if error.code == 25:
                        self._member_id = ""
                    if error.code not in JOIN_AGAIN and not error.retriable:
                        raise
                    await asyncio.sleep(0.05)
            await self._leave(client)

    async def _ask(self, client: Cluster, message: Message, version: int) -> object:
        """Once, without repetition: a parked join must not be sent twice behind the member's back."""
        coordinator = await client.coordinator(READERS, GROUP)
        return await client.send(message, broker=coordinator, version=version)

    async def _join(self, client: Cluster) -> list[int]:
        while True:
            answer = await self._ask(
                client,
                JoinGroupRequest(
                    group_id=READERS,
                    session_timeout_ms=SESSION_MS,
                    rebalance_timeout_ms=REBALANCE_MS,
                    member_id=self._member_id,
                    protocol_type="consumer",
                    protocols=[JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")],
                ),
                5,
            )
            assert isinstance(answer, JoinGroupResponse)
            if answer.error_code == 79:
                self._member_id = answer.member_id
                continue
            if answer.error_code:
                raise error_for(answer.error_code)
            break
        self._member_id, self._generation = answer.member_id, answer.generation_id
        members = [one.member_id for one in answer.members]
        shares = {
            member: bytes(part for part in range(self._partitions) if part % len(members) == index)
            for index, member in enumerate(members)
        }
        synced = await self._ask(
            client,
            SyncGroupRequest(
                group_id=READERS,
                generation_id=self._generation,
                member_id=self._member_id,
                assignments=[
                    SyncGroupRequest.SyncGroupRequestAssignment(member_id=member, assignment=share)
                    for member, share in shares.items()
                ],
            ),
            3,
        )
        assert isinstance(synced, SyncGroupResponse)
        if synced.error_code:
            raise error_for(synced.error_code)
        mine = list(bytes(synced.assignment))
        self._history.owned += [(self._generation, self._member_id, partition) for partition in mine]
        return mine

    async def _work(self, client: Cluster, mine: list[int]) -> None:
        offsets = {partition: await self._resume(client, partition) for partition in mine}
        loop = self._cluster.simulation.loop
        beat_at = loop.time() + HEARTBEAT_S
        while not self.stopping:
            if mine:
                await self._read(client, offsets)
            else:
                await asyncio.sleep(1.0)
            if loop.time() >= beat_at:
                await self._heartbeat(client)
                beat_at = loop.time() + HEARTBEAT_S

    async def _resume(self, client: Cluster, partition: int) -> int:
        known = self._history.committed.get(partition, 0)
        answer = await self._ask(
            client,
            OffsetFetchRequest(
                group_id=READERS,
                topics=[OffsetFetchRequest.OffsetFetchRequestTopic(name=TOPIC, partition_indexes=[partition])],
            ),
            5,
        )
        assert isinstance(answer, OffsetFetchResponse)
        if answer.error_code:
            raise error_for(answer.error_code)
        found = answer.topics[0].partitions[0]
        if found.error_code:
            raise error_for(found.error_code)
        self._history.resumed.append((partition, max(found.committed_offset, 0), known))
        # A commit whose answer was lost may be there all the same: what the coordinator tells counts as acknowledged.
        self._history.committed[partition] = max(found.committed_offset, known)
        return max(found.committed_offset, 0)

    async def _read(self, client: Cluster, offsets: dict[int, int]) -> None:
        """One fetch over all partitions of this member, then a commit of what it brought."""
        known = client.topics[TOPIC]
        request = FetchRequest(
            max_wait_ms=500,
            min_bytes=1,
            max_bytes=1 << 20,
            topics=[
                FetchRequest.FetchTopic(
                    topic=TOPIC,
                    topic_id=known.topic_id,
                    partitions=[
                        FetchRequest.FetchPartition(
                            partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20
                        )
                        for partition, offset in offsets.items()
                    ],
                )
            ],
        )
        answer = await client.send(request, broker=await client.leader(TOPIC, next(iter(offsets))))
        assert isinstance(answer, FetchResponse)
        if answer.error_code:
            raise error_for(answer.error_code)
        moved = {}
        for topic in answer.responses:
            for part in topic.partitions:
                if part.error_code == OffsetOutOfRange.code:
                    offsets[part.partition_index] = await offset_for(client, TOPIC, part.partition_index, -2)
                elif part.error_code:
                    raise error_for(part.error_code)
                elif part.records:
                    self._note(part.partition_index, offsets, part.records)
                    moved[part.partition_index] = offsets[part.partition_index]
        if moved:
            await self._commit(client, moved)

    def _note(self, partition: int, offsets: dict[int, int], records: object) -> None:
        assert isinstance(records, bytes | memoryview)
        for record in read_all(records):
            if record.offset < offsets[partition]:
                continue
            value = record.value or b""
            before = self._history.consumed.setdefault((partition, record.offset), value)
            if before != value:
                self._history.conflicts.append(f"{partition}@{record.offset} was {before!r} and is {value!r}")
            offsets[partition] = record.offset + 1

    async def _commit(self, client: Cluster, offsets: dict[int, int]) -> None:
        answer = await self._ask(
            client,
            OffsetCommitRequest(
                group_id=READERS,
                generation_id_or_member_epoch=self._generation,
                member_id=self._member_id,
                topics=[
                    OffsetCommitRequest.OffsetCommitRequestTopic(
                        name=TOPIC,
                        partitions=[
                            OffsetCommitRequest.OffsetCommitRequestPartition(
                                partition_index=partition, committed_offset=offset, committed_metadata=""
                            )
                            for partition, offset in offsets.items()
                        ],
                    )
                ],
            ),
            8,
        )
        assert isinstance(answer, OffsetCommitResponse)
        for part in answer.topics[0].partitions:
            if part.error_code:
                raise error_for(part.error_code)
            before = self._history.committed.get(part.partition_index, 0)
            self._history.committed[part.partition_index] = max(before, offsets[part.partition_index])

    async def _heartbeat(self, client: Cluster) -> None:
        answer = await self._ask(
            client,
            HeartbeatRequest(group_id=READERS, generation_id=self._generation, member_id=self._member_id),
            3,
        )
        code: int = answer.error_code  # type: ignore[attr-defined]
        if code:
            raise error_for(code)

    async def _leave(self, client: Cluster) -> None:
        leaving = LeaveGroupRequest.MemberIdentity(member_id=self._member_id)
        try:
            await self._ask(client, LeaveGroupRequest(group_id=READERS, members=[leaving]), 4)
        except KafkaError:
            pass  # the broker is gone: the session will end by itself
