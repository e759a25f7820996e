"""What one broker said about transactions, in a form that two brokers can agree on; and what others see of them.

Producer ids are told by the order in which they were met, so that equal ids stay equal and different ones different.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ottla.client.connection import Connection
from ottla.common.names import TRANSACTION_STATE, TopicPartition, Uuid
from ottla.coordinator.transaction.transaction import State
from ottla.protocol.logs.framing import decode_key, decode_value
from ottla.protocol.logs.transaction_state import KEYS, TransactionLogKey, TransactionLogValue
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.protocol.messages.transactions import (
    DescribeTransactionsRequest,
    ListTransactionsRequest,
)
from ottla.records.batch import BatchHeader, batches
from ottla.records.control import read_marker
from ottla.records.record import read_records

TRANSACTION = 1
COORDINATOR_ERRORS = (14, 15, 16)
CONCURRENT = 51
ORDERS = "orders"
GROUP_PART, DATA = TopicPartition(ORDERS, 0), TopicPartition(ORDERS, 1)


class Conversation:
    """`told` is what the broker said, a line for each question."""

    def __init__(self, connection: Connection, prefix: str) -> None:
        self._connection = connection
        self.prefix = prefix
        self._known: dict[int, str] = {-1: "none"}
        self.told: list[str] = []

    async def send(self, request: Message, version: int) -> Any:
        return await self._connection.send(request, version=version)

    def tell(self, *facts: object) -> None:
        self.told.append(" ".join(str(fact) for fact in facts))

    def name(self, producer_id: int) -> str:
        return self._known.setdefault(producer_id, f"P{len(self._known)}")

    def topic(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    async def create_topic(self, name: str = ORDERS, partitions: int = 2) -> None:
        wanted = CreateTopicsRequest.CreatableTopic(
            name=self.topic(name), num_partitions=partitions, replication_factor=1
        )
        answer = await self.send(CreateTopicsRequest(topics=[wanted], timeout_ms=10_000), 7)
        assert answer.topics[0].error_code in (0, 36), answer
        for _ in range(200):
            known = await self.send(
                MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=self.topic(name))]), 12
            )
            if known.topics[0].error_code == 0 and not any(
                [await self._end(TopicPartition(name, index), 0) for index in range(partitions)]
            ):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the topic does not appear")

    async def topic_id(self, name: str = ORDERS) -> Uuid:
        known = await self.send(
            MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=self.topic(name))]), 12
        )
        return Uuid(bytes(known.topics[0].topic_id))

    async def group_ready(self, group: str) -> None:
        """Waits until the group has a coordinator that answers."""
        for _ in range(400):
            await self.send(FindCoordinatorRequest(key_type=0, coordinator_keys=[self.prefix + group]), 4)
            wanted = OffsetFetchRequest.OffsetFetchRequestGroup(group_id=self.prefix + group, topics=None)
            if not (await self.send(OffsetFetchRequest(groups=[wanted]), 8)).groups[0].error_code:
                return
            await asyncio.sleep(0.025)
        raise AssertionError("the group has no coordinator")

    async def offsets(self, group: str, *, stable: bool, part: TopicPartition = DATA, everything: bool = False) -> None:
        topics = OffsetFetchRequest.OffsetFetchRequestTopics(
            name=self.topic(part.topic), partition_indexes=[part.partition]
        )
        request = OffsetFetchRequest(
            groups=[
                OffsetFetchRequest.OffsetFetchRequestGroup(
                    group_id=self.prefix + group, topics=None if everything else [topics]
                )
            ],
            require_stable=stable,
        )
        answer = (await self.send(request, 8)).groups[0]
        shown = [
            (one.partition_index, one.committed_offset, one.metadata, one.error_code)
            for topic in answer.topics
            for one in topic.partitions
        ]
        self.tell("offsets", "stable" if stable else "any", answer.error_code, shown)

    async def describe(self, transactional_id: str) -> None:
        state = await self.state(transactional_id)
        topics = sorted(
            (topic.topic.removeprefix(self.prefix + "-"), sorted(topic.partitions)) for topic in state.topics
        )
        self.tell(
            *("describe", state.error_code, state.transaction_state),
            "nobody" if state.error_code else self.name(state.producer_id),
            *(state.producer_epoch, state.transaction_timeout_ms, state.transaction_start_time_ms > 0, topics),
        )

    async def state(self, transactional_id: str) -> Any:
        request = DescribeTransactionsRequest(transactional_ids=[self.prefix + transactional_id])
        return (await self.send(request, 0)).transaction_states[0]

    async def listed(self, version: int = 2, **filters: Any) -> None:
        """ListTransactions, of this conversation's ids alone."""
        answer = await self.send(ListTransactionsRequest(**filters), version)
        shown = sorted(
            (one.transactional_id.removeprefix(self.prefix), self.name(one.producer_id), one.transaction_state)
            for one in answer.transaction_states
            if one.transactional_id.startswith(self.prefix)
        )
        self.tell("list", answer.error_code, answer.unknown_state_filters, shown)

    async def records(self, transactional_id: str) -> None:
        """Every value that was written to `__transaction_state` for the id, times apart, a line each."""
        await self.settled(transactional_id)
        topic = (
            await self.send(MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=TRANSACTION_STATE)]), 12)
        ).topics[0]
        for index in range(len(topic.partitions)):
            for header, key, value in await self._stored(index):
                if key.transactional_id == self.prefix + transactional_id:
                    self.tell("record", header.producer_id, header.base_sequence, header.codec, self._shown(value))

    async def _stored(self, index: int) -> list[tuple[BatchHeader, TransactionLogKey, TransactionLogValue | None]]:
        found: list[tuple[BatchHeader, TransactionLogKey, TransactionLogValue | None]] = []
        offset = 0
        while True:
            partition = FetchRequest.FetchPartition(partition=index, fetch_offset=offset, partition_max_bytes=1 << 20)
            request = FetchRequest(
                max_wait_ms=0,
                max_bytes=1 << 20,
                topics=[FetchRequest.FetchTopic(topic=TRANSACTION_STATE, partitions=[partition])],
            )
            answer = (await self.send(request, 12)).responses[0].partitions[0]
            if not answer.records:
                return found
            for position, header in batches(answer.records):
                for record in read_records(answer.records[position : position + header.size_bytes]):
                    key = decode_key(KEYS, record.key or b"")
                    value = None if record.value is None else decode_value(TransactionLogValue, record.value)
                    assert isinstance(key, TransactionLogKey)
                    assert value is None or isinstance(value, TransactionLogValue)
                    found.append((header, key, value))
                offset = header.last_offset + 1

    def _shown(self, value: TransactionLogValue | None) -> str:
        if value is None:
            return "gone"
        partitions = value.transaction_partitions
        return " ".join(
            str(fact)
            for fact in (
                *(State(value.transaction_status).title, self.name(value.producer_id), value.producer_epoch),
                *("before", self.name(value.previous_producer_id), "next", self.name(value.next_producer_id)),
                *("tv", value.client_transaction_version, value.transaction_timeout_ms),
                *("started" if value.transaction_start_timestamp_ms > 0 else value.transaction_start_timestamp_ms,),
                partitions
                and sorted((one.topic.removeprefix(self.prefix), sorted(one.partition_ids)) for one in partitions),
            )
        )

    async def settled(self, transactional_id: str) -> None:
        """Waits until no transaction of the id is about to complete."""
        for _ in range(400):
            if not (await self.state(transactional_id)).transaction_state.startswith("Prepare"):
                return
            await asyncio.sleep(0.025)
        raise AssertionError("the transaction does not complete")

    async def log(self, part: TopicPartition, *, committed: bool = True) -> None:
        """All batches of a partition as a fetch tells them, with the watermarks and the aborted list."""
        partition = FetchRequest.FetchPartition(
            partition=part.partition, fetch_offset=0, partition_max_bytes=1 << 20, log_start_offset=-1
        )
        request = FetchRequest(
            max_wait_ms=0,
            max_bytes=1 << 20,
            isolation_level=1 if committed else 0,
            topics=[FetchRequest.FetchTopic(topic=self.topic(part.topic), partitions=[partition])],
        )
        answer = (await self.send(request, 12)).responses[0].partitions[0]
        shown = []
        for position, header in batches(answer.records or b""):
            batch = bytes(answer.records[position : position + header.size_bytes])
            marker = read_marker(batch) if header.is_control else None
            what = (
                [(record.value or b"").decode() for record in read_records(batch)]
                if marker is None
                else ("commit" if marker.committed else "abort")
            )
            shown.append((self.name(header.producer_id), header.producer_epoch, header.base_sequence, what))
        aborted = answer.aborted_transactions
        self.tell(
            *("fetch", answer.error_code, "hw", answer.high_watermark, "lso", answer.last_stable_offset),
            *("aborted", aborted and [(self.name(one.producer_id), one.first_offset) for one in aborted], shown),
        )

    async def ends(self, part: TopicPartition) -> None:
        """ListOffsets of the latest offset, for both isolation levels."""
        self.tell("ends", *[await self._end(part, level) for level in (0, 1)])

    async def _end(self, part: TopicPartition, level: int) -> int:
        """The latest offset; -1 while nobody leads the partition."""
        asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=part.partition, timestamp=-1)
        topic = ListOffsetsRequest.ListOffsetsTopic(name=self.topic(part.topic), partitions=[asked])
        request = ListOffsetsRequest(replica_id=-1, isolation_level=level, topics=[topic])
        offset: int = (await self.send(request, 7)).topics[0].partitions[0].offset
        return offset
