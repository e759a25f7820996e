"""DescribeTopicPartitions: topics page by page, with the replicas eligible to lead (KIP-966)."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, String, Uuid


class DescribeTopicPartitionsRequest(Message, api=75, versions=(0, 0), flexible=0):
    """Ask for topics from a cursor on."""

    class TopicRequest(Struct):
        name: String = ""

    class Cursor(Struct):
        topic_name: String = ""
        partition_index: Int32 = 0

    topics: list[TopicRequest] = field()
    response_partition_limit: Int32 = 2000
    cursor: Cursor | None = None


class DescribeTopicPartitionsResponse(Message, api=75, versions=(0, 0), flexible=0):
    """The topics, and the cursor where to go on."""

    class DescribeTopicPartitionsResponsePartition(Struct):
        error_code: Int16 = 0
        partition_index: Int32 = 0
        leader_id: Int32 = 0
        leader_epoch: Int32 = -1
        replica_nodes: list[Int32] = field()
        isr_nodes: list[Int32] = field()
        eligible_leader_replicas: list[Int32] | None = None
        last_known_elr: list[Int32] | None = None
        offline_replicas: list[Int32] = field()

    class DescribeTopicPartitionsResponseTopic(Struct):
        error_code: Int16 = 0
        name: String | None = ""
        topic_id: Uuid = ZERO_UUID
        is_internal: Bool = False
        partitions: list[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition] = field()
        topic_authorized_operations: Int32 = -(2**31)

    class Cursor(Struct):
        topic_name: String = ""
        partition_index: Int32 = 0

    throttle_time_ms: Int32 = 0
    topics: list[DescribeTopicPartitionsResponseTopic] = field()
    next_cursor: Cursor | None = None
