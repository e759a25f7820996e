"""Everything that a producer, or a broker in its name, may ask about transactions."""

from __future__ import annotations

import asyncio
import time

from ottla.common.names import TopicPartition, Uuid
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.messages.transactions import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    EndTxnRequest,
    TxnOffsetCommitRequest,
    WriteTxnMarkersRequest,
)
from ottla.records.record import BatchBuilder
from tests.conformance.transaction_conversation import CONCURRENT, COORDINATOR_ERRORS, DATA, TRANSACTION, Conversation


class Producer:
    """An identity as the broker gave it."""

    def __init__(self, transactional_id: str, producer_id: int, epoch: int) -> None:
        self.transactional_id = transactional_id
        self.producer_id = producer_id
        self.epoch = epoch
        self.sequence = 0

    def at(self, epoch: int, producer_id: int | None = None) -> Producer:
        """The same with another epoch or id, as a zombie or an impostor has it."""
        return Producer(self.transactional_id, self.producer_id if producer_id is None else producer_id, epoch)


class Asker(Conversation):
    """Each call tells what was answered."""

    async def init(
        self,
        transactional_id: str,
        *,
        version: int = 5,
        timeout_ms: int = 60_000,
        known: Producer | None = None,
        quiet: bool = False,
    ) -> Producer:
        """InitProducerId; repeated while the coordinator is being found, or (`quiet`) while a transaction ends."""
        request = InitProducerIdRequest(
            transactional_id=self.prefix + transactional_id if transactional_id else "",
            transaction_timeout_ms=timeout_ms,
            producer_id=known.producer_id if known else -1,
            producer_epoch=known.epoch if known else -1,
        )
        while True:
            answer = await self.send(request, version)
            if answer.error_code in COORDINATOR_ERRORS or (quiet and answer.error_code == CONCURRENT):
                await self.send(
                    FindCoordinatorRequest(key_type=TRANSACTION, coordinator_keys=[self.prefix + transactional_id]), 4
                )
                await asyncio.sleep(0.05)
                continue
            break
        if not quiet:
            self.tell("init", transactional_id, answer.error_code, self.name(answer.producer_id), answer.producer_epoch)
        return Producer(transactional_id, answer.producer_id, answer.producer_epoch)

    async def add(self, who: Producer, *parts: TopicPartition, version: int = 3) -> None:
        """AddPartitionsToTxn as a client asks it; not told while the last transaction still completes."""
        topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
        topics = [topic(name=self.topic(part.topic), partitions=[part.partition]) for part in parts]
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=self.prefix + who.transactional_id,
            v3_and_below_producer_id=who.producer_id,
            v3_and_below_producer_epoch=who.epoch,
            v3_and_below_topics=topics,
        )
        answer = await self.send(request, version)
        self.tell("add", self._codes(answer.results_by_topic_v3_and_below))

    async def add_batched(
        self, *asked: tuple[Producer, bool, tuple[TopicPartition, ...]], version: int = 5
    ) -> AddPartitionsToTxnResponse:
        """AddPartitionsToTxn as brokers ask it: (producer, verify only, partitions) each."""
        topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
        request = AddPartitionsToTxnRequest(
            transactions=[
                AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction(
                    transactional_id=self.prefix + who.transactional_id,
                    producer_id=who.producer_id,
                    producer_epoch=who.epoch,
                    verify_only=verify_only,
                    topics=[topic(name=self.topic(part.topic), partitions=[part.partition]) for part in parts],
                )
                for who, verify_only, parts in asked
            ]
        )
        answer: AddPartitionsToTxnResponse = await self.send(request, version)
        shown = {
            one.transactional_id.removeprefix(self.prefix): self._codes(one.topic_results)
            for one in answer.results_by_transaction
        }
        self.tell("add batched", answer.error_code, sorted(shown.items()))
        return answer

    def _codes(self, results: list[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult]) -> str:
        found = {
            f"{topic.name.removeprefix(self.prefix + '-')}-{part.partition_index}": part.partition_error_code
            for topic in results
            for part in topic.results_by_partition
        }
        return str(sorted(found.items()))

    async def add_offsets(self, who: Producer, group: str, *, version: int = 4) -> None:
        request = AddOffsetsToTxnRequest(
            transactional_id=self.prefix + who.transactional_id,
            producer_id=who.producer_id,
            producer_epoch=who.epoch,
            group_id=self.prefix + group,
        )
        answer = await self.send(request, version)
        self.tell("add offsets", answer.error_code)

    async def end(self, who: Producer, *, commit: bool, version: int = 5) -> Producer:
        """EndTxn; the identity for the next transaction."""
        request = EndTxnRequest(
            transactional_id=self.prefix + who.transactional_id,
            producer_id=who.producer_id,
            producer_epoch=who.epoch,
            committed=commit,
        )
        answer = await self.send(request, version)
        self.tell(
            *("end", "commit" if commit else "abort", answer.error_code),
            *(self.name(answer.producer_id), answer.producer_epoch),
        )
        if answer.producer_id < 0:
            return who.at(who.epoch)
        return who.at(answer.producer_epoch, answer.producer_id)

    async def produce(
        self,
        who: Producer,
        part: TopicPartition,
        value: bytes,
        *,
        version: int = 12,
        sequence: int | None = None,
        transactional: bool = True,
        named: bool = True,
    ) -> None:
        """One record; `named` False leaves the transactional id out of the request."""
        used = who.sequence if sequence is None else sequence
        builder = BatchBuilder(
            producer_id=who.producer_id, producer_epoch=who.epoch, base_sequence=used, transactional=transactional
        )
        builder.append(int(time.time() * 1000), b"k", value)  # an old time would roll a segment
        request = ProduceRequest(
            transactional_id=self.prefix + who.transactional_id if named else None,
            acks=-1,
            timeout_ms=10_000,
            topic_data=[
                ProduceRequest.TopicProduceData(
                    name=self.topic(part.topic),
                    topic_id=await self.topic_id(part.topic) if version >= 13 else Uuid(bytes(16)),
                    partition_data=[ProduceRequest.PartitionProduceData(index=part.partition, records=builder.build())],
                )
            ],
        )
        answer = (await self.send(request, version)).responses[0].partition_responses[0]
        if not answer.error_code:
            who.sequence = used + 1
        self.tell("produce", answer.error_code, answer.base_offset, answer.log_start_offset)

    async def commit_offsets(
        self,
        who: Producer,
        group: str,
        offset: int,
        *,
        version: int = 5,
        member: str = "",
        generation: int = -1,
        part: TopicPartition = DATA,
        metadata: str = "",
    ) -> None:
        request = TxnOffsetCommitRequest(
            transactional_id=self.prefix + who.transactional_id,
            group_id=self.prefix + group,
            producer_id=who.producer_id,
            producer_epoch=who.epoch,
            member_id=member,
            generation_id=generation,
            topics=[
                TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(
                    name=self.topic(part.topic),
                    partitions=[
                        TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(
                            partition_index=part.partition, committed_offset=offset, committed_metadata=metadata
                        )
                    ],
                )
            ],
        )
        answer = await self.send(request, version)
        self.tell("txn offset commit", answer.topics[0].partitions[0].error_code)

    async def commit_plainly(self, group: str, offset: int, part: TopicPartition = DATA) -> None:
        """OffsetCommit, outside of any transaction."""
        asked = OffsetCommitRequest.OffsetCommitRequestPartition(
            partition_index=part.partition, committed_offset=offset, committed_metadata=""
        )
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=self.topic(part.topic), partitions=[asked])
        answer = await self.send(OffsetCommitRequest(group_id=self.prefix + group, topics=[topic]), 8)
        self.tell("offset commit", answer.topics[0].partitions[0].error_code)

    async def delete_offset(self, group: str, part: TopicPartition = DATA) -> None:
        asked = OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=part.partition)
        topic = OffsetDeleteRequest.OffsetDeleteRequestTopic(name=self.topic(part.topic), partitions=[asked])
        answer = await self.send(OffsetDeleteRequest(group_id=self.prefix + group, topics=[topic]), 0)
        self.tell("offset delete", answer.error_code, answer.topics[0].partitions[0].error_code)

    async def delete_group(self, group: str) -> None:
        answer = await self.send(DeleteGroupsRequest(groups_names=[self.prefix + group]), 2)
        self.tell("delete group", answer.results[0].error_code)

    async def write_marker(
        self, producer_id: int, epoch: int, *parts: TopicPartition, commit: bool, coordinator_epoch: int, version: int
    ) -> None:
        """WriteTxnMarkers, as a coordinator or `kafka-transactions abort` sends it."""
        topic = WriteTxnMarkersRequest.WritableTxnMarkerTopic
        marker = WriteTxnMarkersRequest.WritableTxnMarker(
            producer_id=producer_id,
            producer_epoch=epoch,
            transaction_result=commit,
            coordinator_epoch=coordinator_epoch,
            transaction_version=2 if version >= 2 else 0,
            topics=[topic(name=self.topic(part.topic), partition_indexes=[part.partition]) for part in parts],
        )
        answer = await self.send(WriteTxnMarkersRequest(markers=[marker]), version)
        codes = sorted(
            (one.partition_index, one.error_code)
            for topic_answer in answer.markers[0].topics
            for one in topic_answer.partitions
        )
        self.tell("marker", self.name(answer.markers[0].producer_id), codes)
