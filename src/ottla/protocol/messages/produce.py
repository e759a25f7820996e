"""Produce: a producer hands record batches to the leaders of partitions."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Int64, Records, String, Uuid


class ProduceRequest(Message, api=0, versions=(3, 13), flexible=9):
    """Append batches to partitions; sent by producers to the leader.

    With acks=0 no response follows. Topics go by name up to version 12 and by id from 13.
    """

    class PartitionProduceData(Struct):
        index: Int32 = 0
        records: Records | None = None

    class TopicProduceData(Struct):
        name: String = field(default="", until=12, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=13, ignorable=True)
        partition_data: list[ProduceRequest.PartitionProduceData] = field()

    transactional_id: String | None = None
    acks: Int16 = 0
    timeout_ms: Int32 = 0
    topic_data: list[TopicProduceData] = field()


class ProduceResponse(Message, api=0, versions=(3, 13), flexible=9):
    """For each partition, the offset that the first record got, or why it got none."""

    class BatchIndexAndErrorMessage(Struct):
        batch_index: Int32 = field(default=0, since=8)
        batch_index_error_message: String | None = field(default=None, since=8)

    class LeaderIdAndEpoch(Struct):
        leader_id: Int32 = field(default=-1, since=10)
        leader_epoch: Int32 = field(default=-1, since=10)

    class PartitionProduceResponse(Struct):
        index: Int32 = 0
        error_code: Int16 = 0
        base_offset: Int64 = 0
        log_append_time_ms: Int64 = -1
        log_start_offset: Int64 = field(default=-1, since=5, ignorable=True)
        record_errors: list[ProduceResponse.BatchIndexAndErrorMessage] = field(since=8, ignorable=True)
        error_message: String | None = field(default=None, since=8, ignorable=True)
        current_leader: ProduceResponse.LeaderIdAndEpoch | None = field(since=10, tag=0, optional=True)

    class TopicProduceResponse(Struct):
        name: String = field(default="", until=12, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=13, ignorable=True)
        partition_responses: list[ProduceResponse.PartitionProduceResponse] = field()

    class NodeEndpoint(Struct):
        node_id: Int32 = field(default=0, since=10)
        host: String = field(default="", since=10)
        port: Int32 = field(default=0, since=10)
        rack: String | None = field(default=None, since=10)

    responses: list[TopicProduceResponse] = field()
    throttle_time_ms: Int32 = 0
    node_endpoints: list[NodeEndpoint] = field(since=10, tag=0)
