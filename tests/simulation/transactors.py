"""Simulated transactional producers and read_committed readers, as simple as they can be and be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ottla.client.cluster import GROUP, Cluster, raise_error
from ottla.common.errors import KafkaError, error_for
from ottla.common.names import TopicPartition, Uuid
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.protocol.messages.transactions import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)
from ottla.records.batch import batches
from ottla.records.control import read_marker
from ottla.records.record import BatchBuilder, Record, read_records
from ottla.testing.simulation import Simulation

TRANSACTION = 1
FENCING = (47, 48, 49, 90)
"""Somebody else has this transactional id now, or has aborted what was open: a late commit of TV2 looks like the
repetition of an end that was decided otherwise."""


class Fenced(Exception):
    """This producer is over: another one has its transactional id, or its transaction took too long."""


class Transactor:
    """One transactional producer of TV1 or TV2, which repeats every request until it is answered.

    Any failure that is not worth a repetition ends it as `Fenced` or `Aborted`; nothing is buffered.
    """

    def __init__(self, simulation: Simulation, client: Cluster, transactional_id: str, *, bumps: bool) -> None:
        self._simulation = simulation
        self._client = client
        self.transactional_id = transactional_id
        self.bumps = bumps
        self.producer_id, self.epoch = -1, -1
        self._sequences: dict[TopicPartition, int] = {}
        self._added: set[TopicPartition] = set()

    async def init(self, timeout_ms: int = 60_000) -> None:
        request = InitProducerIdRequest(transactional_id=self.transactional_id, transaction_timeout_ms=timeout_ms)
        answer: InitProducerIdResponse = await self._ask(request, lambda answer: answer)
        self._become(answer.producer_id, answer.producer_epoch)

    def _become(self, producer_id: int, epoch: int) -> None:
        if (producer_id, epoch) != (self.producer_id, self.epoch):
            self._sequences.clear()
        self.producer_id, self.epoch = producer_id, epoch

    async def _ask(self, request: Any, answered: Any, version: int | None = None) -> Any:
        def check(answer: Any) -> Any:
            raise_error(answer)
            return answered(answer)

        try:
            return await self._client.send_to_coordinator(self.transactional_id, request, check, TRANSACTION)
        except KafkaError as error:
            raise self._verdict(error) from error

    def _verdict(self, error: KafkaError) -> Exception:
        return Fenced(error.name) if error.code in FENCING else error

    async def send(self, partition: TopicPartition, *values: bytes) -> None:
        """One batch, in the transaction; repeated with the same sequence until it is acknowledged."""
        client = self._client
        if not self.bumps and partition not in self._added:
            await self._add(partition)
        sequence = self._sequences.get(partition, 0)
        builder = BatchBuilder(
            producer_id=self.producer_id, producer_epoch=self.epoch, base_sequence=sequence, transactional=True
        )
        for value in values:
            builder.append(self._simulation.clock.now_ms(), None, value)
        data = ProduceRequest.PartitionProduceData(index=partition.partition, records=builder.build())
        request = ProduceRequest(
            transactional_id=self.transactional_id,
            acks=-1,
            timeout_ms=30_000,
            topic_data=[ProduceRequest.TopicProduceData(name=partition.topic, partition_data=[data])],
        )

        async def attempt() -> None:
            leader = await client.leader(*partition)
            answer: ProduceResponse = await client.send(request, broker=leader, version=12 if self.bumps else 11)
            raise_error(answer.responses[0].partition_responses[0])

        try:
            await client.retrying(attempt, [partition.topic])
        except KafkaError as error:
            raise self._verdict(error) from error
        self._sequences[partition] = sequence + len(values)

    async def _add(self, partition: TopicPartition) -> None:
        topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(
            name=partition.topic, partitions=[partition.partition]
        )
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=self.transactional_id,
            v3_and_below_producer_id=self.producer_id,
            v3_and_below_producer_epoch=self.epoch,
            v3_and_below_topics=[topic],
        )
        await self._coordinated(
            request,
            3,
            lambda answer: answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code,
        )
        self._added.add(partition)

    async def _coordinated(self, request: Any, version: int, code: Any, key: str = "", kind: int = TRANSACTION) -> Any:
        client = self._client

        async def attempt() -> Any:
            coordinator = await client.coordinator(key or self.transactional_id, kind)
            answer = await client.send(request, broker=coordinator, version=version)
            if code(answer):
                raise error_for(code(answer))
            return answer

        try:
            return await client.retrying(attempt)
        except KafkaError as error:
            raise self._verdict(error) from error

    async def send_offsets(self, group: str, offsets: dict[TopicPartition, int]) -> None:
        """The group's offsets, in the transaction."""
        if not self.bumps:
            added = AddOffsetsToTxnRequest(
                transactional_id=self.transactional_id,
                producer_id=self.producer_id,
                producer_epoch=self.epoch,
                group_id=group,
            )
            await self._coordinated(added, 3, lambda answer: answer.error_code)
        asked = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition
        request = TxnOffsetCommitRequest(
            transactional_id=self.transactional_id,
            group_id=group,
            producer_id=self.producer_id,
            producer_epoch=self.epoch,
            topics=[
                TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(
                    name=partition.topic,
                    partitions=[asked(partition_index=partition.partition, committed_offset=offset)],
                )
                for partition, offset in offsets.items()
            ],
        )

        def code(answer: Any) -> int:
            return next((one.error_code for topic in answer.topics for one in topic.partitions if one.error_code), 0)

        await self._coordinated(request, 5 if self.bumps else 4, code, group, GROUP)

    async def end(self, *, commit: bool) -> None:
        """Decided when it returns."""
        request = EndTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self.producer_id,
            producer_epoch=self.epoch,
            committed=commit,
        )
        answer = await self._coordinated(request, 5 if self.bumps else 4, lambda answer: answer.error_code)
        self._added.clear()
        if self.bumps:
            self._become(answer.producer_id, answer.producer_epoch)


class Seen(NamedTuple):
    """What a read_committed reader saw: the records that count, where to go on, and the last stable offset."""

    records: list[Record]
    next_offset: int
    last_stable_offset: int


async def read_committed(client: Cluster, partition: TopicPartition, offset: int, max_wait_ms: int = 500) -> Seen:
    """One fetch, filtered as clients do: by the list of aborted transactions and the markers."""
    part = FetchRequest.FetchPartition(partition=partition.partition, fetch_offset=offset, partition_max_bytes=1 << 20)

    async def attempt() -> Seen:
        leader = await client.leader(*partition)
        topic_id = Uuid(client.topics[partition.topic].topic_id)
        request = FetchRequest(
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            max_bytes=1 << 20,
            isolation_level=1,
            topics=[FetchRequest.FetchTopic(topic=partition.topic, topic_id=topic_id, partitions=[part])],
        )
        answer: FetchResponse = await client.send(request, broker=leader)
        raise_error(answer)
        found = answer.responses[0].partitions[0]
        raise_error(found)
        data = memoryview(b"" if found.records is None else found.records)
        aborted = [(one.producer_id, one.first_offset) for one in found.aborted_transactions or []]
        records = list(_filtered(data, aborted, offset))
        next_offset = max([offset, *(header.last_offset + 1 for _, header in batches(data))])
        return Seen(records, next_offset, found.last_stable_offset)

    return await client.retrying(attempt, [partition.topic])


def _filtered(data: memoryview, aborted: list[tuple[int, int]], offset: int) -> Iterator[Record]:
    dead: set[int] = set()
    waiting = sorted(aborted, key=lambda one: one[1])
    for position, header in batches(data):
        batch = data[position : position + header.size_bytes]
        while waiting and waiting[0][1] <= header.last_offset:
            dead.add(waiting.pop(0)[0])
        if header.is_control:
            marker = read_marker(batch)
            if marker is not None and not marker.committed:
                dead.discard(header.producer_id)
            continue
        if header.is_transactional and header.producer_id in dead:
            continue
        yield from (record for record in read_records(batch) if record.offset >= offset)


async def stable_offset(client: Cluster, group: str, partition: TopicPartition) -> int:
    """The group's offset once no transaction is about to change it; 0 if there is none."""
    topic = OffsetFetchRequest.OffsetFetchRequestTopics(name=partition.topic, partition_indexes=[partition.partition])
    request = OffsetFetchRequest(
        groups=[OffsetFetchRequest.OffsetFetchRequestGroup(group_id=group, topics=[topic])], require_stable=True
    )

    async def attempt() -> int:
        answer = await client.send(request, broker=await client.coordinator(group, GROUP), version=8)
        raise_error(answer.groups[0])
        found = answer.groups[0].topics[0].partitions[0]
        raise_error(found)
        return max(int(found.committed_offset), 0)

    return await client.retrying(attempt)


async def latest(client: Cluster, partition: TopicPartition, *, committed: bool) -> int:
    """The high watermark, or the last stable offset."""
    asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=partition.partition, timestamp=-1)
    request = ListOffsetsRequest(
        replica_id=-1,
        isolation_level=1 if committed else 0,
        topics=[ListOffsetsRequest.ListOffsetsTopic(name=partition.topic, partitions=[asked])],
    )

    def check(answer: Any) -> int:
        found = answer.topics[0].partitions[0]
        raise_error(found)
        return int(found.offset)

    return await client.send_to_leader(*partition, request, check)


async def everything_committed(client: Cluster, partition: TopicPartition) -> list[Record]:
    """All that counts up to the present end; waits until nothing before it is undecided."""
    end = await latest(client, partition, committed=False)
    records: list[Record] = []
    offset = 0
    while offset < end:
        seen = await read_committed(client, partition, offset)
        records += seen.records
        offset = seen.next_offset
    return records
