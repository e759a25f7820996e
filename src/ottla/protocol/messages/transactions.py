"""Transactions: their partitions, their offsets, their end, and what tools see of them."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, Int64, String


class AddPartitionsToTxnRequest(Message, api=24, versions=(0, 5), flexible=3):
    """Add partitions to a transaction. Versions 0 to 3 come from clients; later ones from brokers, for many
    transactions, or only to verify (KIP-890).
    """

    class AddPartitionsToTxnTopic(Struct):
        name: String = ""
        partitions: list[Int32] = field()

    class AddPartitionsToTxnTransaction(Struct):
        transactional_id: String = field(default="", since=4)
        producer_id: Int64 = field(default=0, since=4)
        producer_epoch: Int16 = field(default=0, since=4)
        verify_only: Bool = field(default=False, since=4)
        topics: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic] = field(since=4)

    transactions: list[AddPartitionsToTxnTransaction] = field(since=4)
    v3_and_below_transactional_id: String = field(default="", until=3)
    v3_and_below_producer_id: Int64 = field(default=0, until=3)
    v3_and_below_producer_epoch: Int16 = field(default=0, until=3)
    v3_and_below_topics: list[AddPartitionsToTxnTopic] = field(until=3)


class AddPartitionsToTxnResponse(Message, api=24, versions=(0, 5), flexible=3):
    """For each partition, whether the transaction has it."""

    class AddPartitionsToTxnTopicResult(Struct):
        name: String = ""
        results_by_partition: list[AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult] = field()

    class AddPartitionsToTxnPartitionResult(Struct):
        partition_index: Int32 = 0
        partition_error_code: Int16 = 0

    class AddPartitionsToTxnResult(Struct):
        transactional_id: String = field(default="", since=4)
        topic_results: list[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult] = field(since=4)

    throttle_time_ms: Int32 = 0
    error_code: Int16 = field(default=0, since=4, ignorable=True)
    results_by_transaction: list[AddPartitionsToTxnResult] = field(since=4)
    results_by_topic_v3_and_below: list[AddPartitionsToTxnTopicResult] = field(until=3)


class AddOffsetsToTxnRequest(Message, api=25, versions=(0, 4), flexible=3):
    """Announce that a transaction will commit offsets of a group; sent to the transaction coordinator."""

    transactional_id: String = ""
    producer_id: Int64 = 0
    producer_epoch: Int16 = 0
    group_id: String = ""


class AddOffsetsToTxnResponse(Message, api=25, versions=(0, 4), flexible=3):
    """Whether it was added."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0


class EndTxnRequest(Message, api=26, versions=(0, 5), flexible=3):
    """Commit or abort the transaction that is under way."""

    transactional_id: String = ""
    producer_id: Int64 = 0
    producer_epoch: Int16 = 0
    committed: Bool = False


class EndTxnResponse(Message, api=26, versions=(0, 5), flexible=3):
    """Whether it is decided; from version 5 the id and epoch for the next one (KIP-890)."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    producer_id: Int64 = field(default=-1, since=5, ignorable=True)
    producer_epoch: Int16 = field(default=-1, since=5, ignorable=True)


class WriteTxnMarkersRequest(Message, api=27, versions=(1, 2), flexible=1):
    """Write the commit or abort marker to partitions; sent by the transaction coordinator to their leaders."""

    class WritableTxnMarkerTopic(Struct):
        name: String = ""
        partition_indexes: list[Int32] = field()

    class WritableTxnMarker(Struct):
        producer_id: Int64 = 0
        producer_epoch: Int16 = 0
        transaction_result: Bool = False
        topics: list[WriteTxnMarkersRequest.WritableTxnMarkerTopic] = field()
        coordinator_epoch: Int32 = 0
        transaction_version: Int8 = field(default=0, since=2, ignorable=True)

    markers: list[WritableTxnMarker] = field()


class WriteTxnMarkersResponse(Message, api=27, versions=(1, 2), flexible=1):
    """For each partition, whether the marker is written."""

    class WritableTxnMarkerPartitionResult(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0

    class WritableTxnMarkerTopicResult(Struct):
        name: String = ""
        partitions: list[WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult] = field()

    class WritableTxnMarkerResult(Struct):
        producer_id: Int64 = 0
        topics: list[WriteTxnMarkersResponse.WritableTxnMarkerTopicResult] = field()

    markers: list[WritableTxnMarkerResult] = field()


class TxnOffsetCommitRequest(Message, api=28, versions=(0, 5), flexible=3):
    """Store offsets that count once the transaction commits; sent to the group coordinator."""

    class TxnOffsetCommitRequestPartition(Struct):
        partition_index: Int32 = 0
        committed_offset: Int64 = 0
        committed_leader_epoch: Int32 = field(default=-1, since=2, ignorable=True)
        committed_metadata: String | None = ""

    class TxnOffsetCommitRequestTopic(Struct):
        name: String = ""
        partitions: list[TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition] = field()

    transactional_id: String = ""
    group_id: String = ""
    producer_id: Int64 = 0
    producer_epoch: Int16 = 0
    generation_id: Int32 = field(default=-1, since=3)
    member_id: String = field(default="", since=3)
    group_instance_id: String | None = field(default=None, since=3)
    topics: list[TxnOffsetCommitRequestTopic] = field()


class TxnOffsetCommitResponse(Message, api=28, versions=(0, 5), flexible=3):
    """For each partition, whether the offset is pending."""

    class TxnOffsetCommitResponsePartition(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0

    class TxnOffsetCommitResponseTopic(Struct):
        name: String = ""
        partitions: list[TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition] = field()

    throttle_time_ms: Int32 = 0
    topics: list[TxnOffsetCommitResponseTopic] = field()


class DescribeTransactionsRequest(Message, api=65, versions=(0, 0), flexible=0):
    """Ask a transaction coordinator about transactional ids."""

    transactional_ids: list[String] = field()


class DescribeTransactionsResponse(Message, api=65, versions=(0, 0), flexible=0):
    """State, producer and partitions of each."""

    class TopicData(Struct):
        topic: String = ""
        partitions: list[Int32] = field()

    class TransactionState(Struct):
        error_code: Int16 = 0
        transactional_id: String = ""
        transaction_state: String = ""
        transaction_timeout_ms: Int32 = 0
        transaction_start_time_ms: Int64 = 0
        producer_id: Int64 = 0
        producer_epoch: Int16 = 0
        topics: list[DescribeTransactionsResponse.TopicData] = field()

    throttle_time_ms: Int32 = 0
    transaction_states: list[TransactionState] = field()


class ListTransactionsRequest(Message, api=66, versions=(0, 2), flexible=0):
    """Ask a broker for the transactions that it coordinates."""

    state_filters: list[String] = field()
    producer_id_filters: list[Int64] = field()
    duration_filter: Int64 = field(default=-1, since=1)
    transactional_id_pattern: String | None = field(default=None, since=2)


class ListTransactionsResponse(Message, api=66, versions=(0, 2), flexible=0):
    """The transactions that match the filters."""

    class TransactionState(Struct):
        transactional_id: String = ""
        producer_id: Int64 = 0
        transaction_state: String = ""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    unknown_state_filters: list[String] = field()
    transaction_states: list[TransactionState] = field()
