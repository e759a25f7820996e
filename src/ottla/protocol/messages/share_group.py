"""Share groups of KIP-932: membership, fetching, acknowledging, and their offsets."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, Int64, Records, String, Uuid


class ShareGroupHeartbeatRequest(Message, api=76, versions=(1, 1), flexible=0):
    """Join, keep alive and leave a share group."""

    group_id: String = ""
    member_id: String = ""
    member_epoch: Int32 = 0
    rack_id: String | None = None
    subscribed_topic_names: list[String] | None = None


class ShareGroupHeartbeatResponse(Message, api=76, versions=(1, 1), flexible=0):
    """The member epoch, and the assignment if it changed."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    class Assignment(Struct):
        topic_partitions: list[ShareGroupHeartbeatResponse.TopicPartitions] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    member_id: String | None = None
    member_epoch: Int32 = 0
    heartbeat_interval_ms: Int32 = 0
    assignment: Assignment | None = None


class ShareGroupDescribeRequest(Message, api=77, versions=(1, 1), flexible=0):
    """Ask for share groups."""

    group_ids: list[String] = field()
    include_authorized_operations: Bool = False


class ShareGroupDescribeResponse(Message, api=77, versions=(1, 1), flexible=0):
    """State, epochs, members and assignments of each group."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        topic_name: String = ""
        partitions: list[Int32] = field()

    class Assignment(Struct):
        topic_partitions: list[ShareGroupDescribeResponse.TopicPartitions] = field()

    class Member(Struct):
        member_id: String = ""
        rack_id: String | None = None
        member_epoch: Int32 = 0
        client_id: String = ""
        client_host: String = ""
        subscribed_topic_names: list[String] = field()
        assignment: ShareGroupDescribeResponse.Assignment = field()

    class DescribedGroup(Struct):
        error_code: Int16 = 0
        error_message: String | None = None
        group_id: String = ""
        group_state: String = ""
        group_epoch: Int32 = 0
        assignment_epoch: Int32 = 0
        assignor_name: String = ""
        members: list[ShareGroupDescribeResponse.Member] = field()
        authorized_operations: Int32 = -(2**31)

    throttle_time_ms: Int32 = 0
    groups: list[DescribedGroup] = field()


class ShareFetchRequest(Message, api=78, versions=(1, 2), flexible=0):
    """Acquire records of share partitions, and acknowledge earlier ones on the way."""

    class AcknowledgementBatch(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        acknowledge_types: list[Int8] = field()

    class FetchPartition(Struct):
        partition_index: Int32 = 0
        acknowledgement_batches: list[ShareFetchRequest.AcknowledgementBatch] = field()

    class FetchTopic(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ShareFetchRequest.FetchPartition] = field()

    class ForgottenTopic(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    group_id: String | None = None
    member_id: String | None = ""
    share_session_epoch: Int32 = 0
    max_wait_ms: Int32 = 0
    min_bytes: Int32 = 0
    max_bytes: Int32 = 2**31 - 1
    max_records: Int32 = 0
    batch_size: Int32 = 0
    share_acquire_mode: Int8 = field(default=0, since=2, ignorable=True)
    is_renew_ack: Bool = field(default=False, since=2)
    topics: list[FetchTopic] = field()
    forgotten_topics_data: list[ForgottenTopic] = field()


class ShareFetchResponse(Message, api=78, versions=(1, 2), flexible=0):
    """Batches, and which ranges of offsets the member has acquired."""

    class LeaderIdAndEpoch(Struct):
        leader_id: Int32 = 0
        leader_epoch: Int32 = 0

    class AcquiredRecords(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        delivery_count: Int16 = 0

    class PartitionData(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None
        acknowledge_error_code: Int16 = 0
        acknowledge_error_message: String | None = None
        current_leader: ShareFetchResponse.LeaderIdAndEpoch = field()
        records: Records = b""
        acquired_records: list[ShareFetchResponse.AcquiredRecords] = field()

    class ShareFetchableTopicResponse(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ShareFetchResponse.PartitionData] = field()

    class NodeEndpoint(Struct):
        node_id: Int32 = 0
        host: String = ""
        port: Int32 = 0
        rack: String | None = None

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    acquisition_lock_timeout_ms: Int32 = 0
    responses: list[ShareFetchableTopicResponse] = field()
    node_endpoints: list[NodeEndpoint] = field()


class ShareAcknowledgeRequest(Message, api=79, versions=(1, 2), flexible=0):
    """Acknowledge records: accept, release, reject or renew."""

    class AcknowledgementBatch(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        acknowledge_types: list[Int8] = field()

    class AcknowledgePartition(Struct):
        partition_index: Int32 = 0
        acknowledgement_batches: list[ShareAcknowledgeRequest.AcknowledgementBatch] = field()

    class AcknowledgeTopic(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ShareAcknowledgeRequest.AcknowledgePartition] = field()

    group_id: String | None = None
    member_id: String | None = ""
    share_session_epoch: Int32 = 0
    is_renew_ack: Bool = field(default=False, since=2)
    topics: list[AcknowledgeTopic] = field()


class ShareAcknowledgeResponse(Message, api=79, versions=(1, 2), flexible=0):
    """For each partition, whether that was possible."""

    class LeaderIdAndEpoch(Struct):
        leader_id: Int32 = 0
        leader_epoch: Int32 = 0

    class PartitionData(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None
        current_leader: ShareAcknowledgeResponse.LeaderIdAndEpoch = field()

    class ShareAcknowledgeTopicResponse(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ShareAcknowledgeResponse.PartitionData] = field()

    class NodeEndpoint(Struct):
        node_id: Int32 = 0
        host: String = ""
        port: Int32 = 0
        rack: String | None = None

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    acquisition_lock_timeout_ms: Int32 = field(default=0, since=2, ignorable=True)
    responses: list[ShareAcknowledgeTopicResponse] = field()
    node_endpoints: list[NodeEndpoint] = field()


class DescribeShareGroupOffsetsRequest(Message, api=90, versions=(0, 1), flexible=0):
    """Ask for the start offsets of share groups."""

    class DescribeShareGroupOffsetsRequestTopic(Struct):
        topic_name: String = ""
        partitions: list[Int32] = field()

    class DescribeShareGroupOffsetsRequestGroup(Struct):
        group_id: String = ""
        topics: list[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic] | None = field()

    groups: list[DescribeShareGroupOffsetsRequestGroup] = field()


class DescribeShareGroupOffsetsResponse(Message, api=90, versions=(0, 1), flexible=0):
    """Start offset and lag of each share partition."""

    class DescribeShareGroupOffsetsResponsePartition(Struct):
        partition_index: Int32 = 0
        start_offset: Int64 = 0
        leader_epoch: Int32 = 0
        lag: Int64 = field(default=-1, since=1, ignorable=True)
        error_code: Int16 = 0
        error_message: String | None = None

    class DescribeShareGroupOffsetsResponseTopic(Struct):
        topic_name: String = ""
        topic_id: Uuid = ZERO_UUID
        partitions: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition] = field()

    class DescribeShareGroupOffsetsResponseGroup(Struct):
        group_id: String = ""
        topics: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic] = field()
        error_code: Int16 = 0
        error_message: String | None = None

    throttle_time_ms: Int32 = 0
    groups: list[DescribeShareGroupOffsetsResponseGroup] = field()


class AlterShareGroupOffsetsRequest(Message, api=91, versions=(0, 0), flexible=0):
    """Set the start offsets of an empty share group."""

    class AlterShareGroupOffsetsRequestPartition(Struct):
        partition_index: Int32 = 0
        start_offset: Int64 = 0

    class AlterShareGroupOffsetsRequestTopic(Struct):
        topic_name: String = ""
        partitions: list[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition] = field()

    group_id: String = ""
    topics: list[AlterShareGroupOffsetsRequestTopic] = field()


class AlterShareGroupOffsetsResponse(Message, api=91, versions=(0, 0), flexible=0):
    """For each partition, whether it was set."""

    class AlterShareGroupOffsetsResponsePartition(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None

    class AlterShareGroupOffsetsResponseTopic(Struct):
        topic_name: String = ""
        topic_id: Uuid = ZERO_UUID
        partitions: list[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    responses: list[AlterShareGroupOffsetsResponseTopic] = field()


class DeleteShareGroupOffsetsRequest(Message, api=92, versions=(0, 0), flexible=0):
    """Forget topics in an empty share group."""

    class DeleteShareGroupOffsetsRequestTopic(Struct):
        topic_name: String = ""

    group_id: String = ""
    topics: list[DeleteShareGroupOffsetsRequestTopic] = field()


class DeleteShareGroupOffsetsResponse(Message, api=92, versions=(0, 0), flexible=0):
    """For each topic, whether it was forgotten."""

    class DeleteShareGroupOffsetsResponseTopic(Struct):
        topic_name: String = ""
        topic_id: Uuid = ZERO_UUID
        error_code: Int16 = 0
        error_message: String | None = None

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    responses: list[DeleteShareGroupOffsetsResponseTopic] = field()
