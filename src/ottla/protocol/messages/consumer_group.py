"""Consumer groups of KIP-848: heartbeat and describe."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, String, Uuid


class ConsumerGroupHeartbeatRequest(Message, api=68, versions=(0, 1), flexible=0):
    """Join, keep alive, report and leave, all in one; null fields have not changed since the last one."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    group_id: String = ""
    member_id: String = ""
    member_epoch: Int32 = 0
    instance_id: String | None = None
    rack_id: String | None = None
    rebalance_timeout_ms: Int32 = -1
    subscribed_topic_names: list[String] | None = None
    subscribed_topic_regex: String | None = field(default=None, since=1)
    server_assignor: String | None = None
    topic_partitions: list[TopicPartitions] | None = None


class ConsumerGroupHeartbeatResponse(Message, api=68, versions=(0, 1), flexible=0):
    """The member epoch, and the assignment if it changed."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    class Assignment(Struct):
        topic_partitions: list[ConsumerGroupHeartbeatResponse.TopicPartitions] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    member_id: String | None = None
    member_epoch: Int32 = 0
    heartbeat_interval_ms: Int32 = 0
    assignment: Assignment | None = None


class ConsumerGroupDescribeRequest(Message, api=69, versions=(0, 1), flexible=0):
    """Ask for consumer groups of the new protocol."""

    group_ids: list[String] = field()
    include_authorized_operations: Bool = False


class ConsumerGroupDescribeResponse(Message, api=69, versions=(0, 1), flexible=0):
    """State, epochs, members and assignments of each group."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        topic_name: String = ""
        partitions: list[Int32] = field()

    class Assignment(Struct):
        topic_partitions: list[ConsumerGroupDescribeResponse.TopicPartitions] = field()

    class Member(Struct):
        member_id: String = ""
        instance_id: String | None = None
        rack_id: String | None = None
        member_epoch: Int32 = 0
        client_id: String = ""
        client_host: String = ""
        subscribed_topic_names: list[String] = field()
        subscribed_topic_regex: String | None = None
        assignment: ConsumerGroupDescribeResponse.Assignment = field()
        target_assignment: ConsumerGroupDescribeResponse.Assignment = field()
        member_type: Int8 = field(default=-1, since=1, ignorable=True)

    class DescribedGroup(Struct):
        error_code: Int16 = 0
        error_message: String | None = None
        group_id: String = ""
        group_state: String = ""
        group_epoch: Int32 = 0
        assignment_epoch: Int32 = 0
        assignor_name: String = ""
        members: list[ConsumerGroupDescribeResponse.Member] = field()
        authorized_operations: Int32 = -(2**31)

    throttle_time_ms: Int32 = 0
    groups: list[DescribedGroup] = field()
