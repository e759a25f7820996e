"""DescribeProducers: who has written to a partition lately (KIP-664)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Int64, String


class DescribeProducersRequest(Message, api=61, versions=(0, 0), flexible=0):
    """Ask the leader for the producers that are active in partitions; finds transactions left open."""

    class TopicRequest(Struct):
        name: String = ""
        partition_indexes: list[Int32] = field()

    topics: list[TopicRequest] = field()


class DescribeProducersResponse(Message, api=61, versions=(0, 0), flexible=0):
    """For each partition, its producers."""

    class ProducerState(Struct):
        producer_id: Int64 = 0
        producer_epoch: Int32 = 0
        last_sequence: Int32 = -1
        last_timestamp: Int64 = -1
        coordinator_epoch: Int32 = 0
        current_txn_start_offset: Int64 = -1

    class PartitionResponse(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None
        active_producers: list[DescribeProducersResponse.ProducerState] = field()

    class TopicResponse(Struct):
        name: String = ""
        partitions: list[DescribeProducersResponse.PartitionResponse] = field()

    throttle_time_ms: Int32 = 0
    topics: list[TopicResponse] = field()
