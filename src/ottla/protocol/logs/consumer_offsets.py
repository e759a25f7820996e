"""The records of `__consumer_offsets`: committed offsets and the state of groups of every kind.

A key is framed by its record type, a value by its version (`ottla.protocol.logs.framing`). A null value deletes.
"""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bytes, Int8, Int16, Int32, Int64, String, UInt16, Uuid


class LegacyOffsetCommitKey(Message, record=0, versions=(0, 0)):
    """Key: a committed offset, as brokers before 0.9 wrote it."""

    group: String = ""
    topic: String = ""
    partition: Int32 = 0


class LegacyOffsetCommitValue(Message, record=0, versions=(0, 0)):
    """Value: its offset; read, never written."""

    offset: Int64 = 0
    metadata: String = ""
    commit_timestamp: Int64 = 0


class OffsetCommitKey(Message, record=1, versions=(0, 0)):
    """Key: a committed offset of a group."""

    group: String = ""
    topic: String = ""
    partition: Int32 = 0


class OffsetCommitValue(Message, record=1, versions=(0, 4), flexible=4):
    """Value: the offset, and what came with it."""

    offset: Int64 = 0
    leader_epoch: Int32 = field(default=-1, since=3, ignorable=True)
    metadata: String = ""
    commit_timestamp: Int64 = 0
    expire_timestamp: Int64 = field(default=-1, since=1, until=1, ignorable=True)
    topic_id: Uuid = field(default=ZERO_UUID, since=4, tag=0, ignorable=True)


class GroupMetadataKey(Message, record=2, versions=(0, 0)):
    """Key: a classic group."""

    group: String = ""


class GroupMetadataValue(Message, record=2, versions=(0, 4), flexible=4):
    """Value: its generation and members, written when a generation begins."""

    class MemberMetadata(Struct):
        member_id: String = ""
        group_instance_id: String | None = field(default=None, since=3, ignorable=True)
        client_id: String = ""
        client_host: String = ""
        rebalance_timeout: Int32 = field(default=-1, since=1, ignorable=True)
        session_timeout: Int32 = 0
        subscription: Bytes = b""
        assignment: Bytes = b""

    protocol_type: String = ""
    generation: Int32 = 0
    protocol: String | None = ""
    leader: String | None = ""
    current_state_timestamp: Int64 = field(default=-1, since=2, ignorable=True)
    members: list[MemberMetadata] = field()


class ConsumerGroupMetadataKey(Message, record=3, versions=(0, 0)):
    """Key: a consumer group (KIP-848)."""

    group_id: String = ""


class ConsumerGroupMetadataValue(Message, record=3, versions=(0, 0), flexible=0):
    """Value: its epoch, and a hash of the metadata that it depends on."""

    epoch: Int32 = 0
    metadata_hash: Int64 = field(default=0, tag=0)


class ConsumerGroupPartitionMetadataKey(Message, record=4, versions=(0, 0)):
    """Key: the partitions that a consumer group depends on; superseded by the hash."""

    group_id: String = ""


class ConsumerGroupPartitionMetadataValue(Message, record=4, versions=(0, 0), flexible=0):
    """Value: topics and their racks; only met in older logs."""

    class PartitionMetadata(Struct):
        partition: Int32 = 0
        racks: list[String] = field()

    class TopicMetadata(Struct):
        topic_id: Uuid = ZERO_UUID
        topic_name: String = ""
        num_partitions: Int32 = 0
        partition_metadata: list[ConsumerGroupPartitionMetadataValue.PartitionMetadata] = field()

    topics: list[TopicMetadata] = field()


class ConsumerGroupMemberMetadataKey(Message, record=5, versions=(0, 0)):
    """Key: a member of a consumer group."""

    group_id: String = ""
    member_id: String = ""


class ConsumerGroupMemberMetadataValue(Message, record=5, versions=(0, 0), flexible=0):
    """Value: what the member said about itself."""

    class ClassicProtocol(Struct):
        name: String = ""
        metadata: Bytes = b""

    class ClassicMemberMetadata(Struct):
        session_timeout_ms: Int32 = 0
        supported_protocols: list[ConsumerGroupMemberMetadataValue.ClassicProtocol] = field()

    instance_id: String | None = ""
    rack_id: String | None = ""
    client_id: String = ""
    client_host: String = ""
    subscribed_topic_names: list[String] = field()
    subscribed_topic_regex: String | None = ""
    rebalance_timeout_ms: Int32 = -1
    server_assignor: String | None = ""
    classic_member_metadata: ClassicMemberMetadata | None = field(tag=0)


class ConsumerGroupTargetAssignmentMetadataKey(Message, record=6, versions=(0, 0)):
    """Key: the target assignment of a consumer group."""

    group_id: String = ""


class ConsumerGroupTargetAssignmentMetadataValue(Message, record=6, versions=(0, 0), flexible=0):
    """Value: the epoch that it was made for."""

    assignment_epoch: Int32 = 0
    assignment_timestamp: Int64 = field(default=0, tag=0)


class ConsumerGroupTargetAssignmentMemberKey(Message, record=7, versions=(0, 0)):
    """Key: what a consumer group member shall have."""

    group_id: String = ""
    member_id: String = ""


class ConsumerGroupTargetAssignmentMemberValue(Message, record=7, versions=(0, 0), flexible=0):
    """Value: its partitions."""

    class TopicPartition(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    topic_partitions: list[TopicPartition] = field()


class ConsumerGroupCurrentMemberAssignmentKey(Message, record=8, versions=(0, 0)):
    """Key: what a consumer group member has."""

    group_id: String = ""
    member_id: String = ""


class ConsumerGroupCurrentMemberAssignmentValue(Message, record=8, versions=(0, 0), flexible=0):
    """Value: its epochs, its partitions, and those that it still has to give up."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()
        assignment_epochs: list[Int32] | None = field(tag=0)

    member_epoch: Int32 = 0
    previous_member_epoch: Int32 = 0
    state: Int8 = 0
    assigned_partitions: list[TopicPartitions] = field()
    partitions_pending_revocation: list[TopicPartitions] = field()


class ConsumerGroupRegularExpressionKey(Message, record=16, versions=(0, 0)):
    """Key: a regular expression that a consumer group subscribes to."""

    group_id: String = ""
    regular_expression: String = ""


class ConsumerGroupRegularExpressionValue(Message, record=16, versions=(0, 0), flexible=0):
    """Value: the topics that matched, and when."""

    topics: list[String] = field()
    version: Int64 = 0
    timestamp: Int64 = 0


class ShareGroupMetadataKey(Message, record=11, versions=(0, 0)):
    """Key: a share group (KIP-932)."""

    group_id: String = ""


class ShareGroupMetadataValue(Message, record=11, versions=(0, 0), flexible=0):
    """Value: its epoch, and a hash of the metadata that it depends on."""

    epoch: Int32 = 0
    metadata_hash: Int64 = 0


class ShareGroupMemberMetadataKey(Message, record=10, versions=(0, 0)):
    """Key: a member of a share group."""

    group_id: String = ""
    member_id: String = ""


class ShareGroupMemberMetadataValue(Message, record=10, versions=(0, 0), flexible=0):
    """Value: what the member said about itself."""

    rack_id: String | None = ""
    client_id: String = ""
    client_host: String = ""
    subscribed_topic_names: list[String] = field()


class ShareGroupTargetAssignmentMetadataKey(Message, record=12, versions=(0, 0)):
    """Key: the target assignment of a share group."""

    group_id: String = ""


class ShareGroupTargetAssignmentMetadataValue(Message, record=12, versions=(0, 0), flexible=0):
    """Value: the epoch that it was made for."""

    assignment_epoch: Int32 = 0
    assignment_timestamp: Int64 = field(default=0, tag=0)


class ShareGroupTargetAssignmentMemberKey(Message, record=13, versions=(0, 0)):
    """Key: what a share group member shall have."""

    group_id: String = ""
    member_id: String = ""


class ShareGroupTargetAssignmentMemberValue(Message, record=13, versions=(0, 0), flexible=0):
    """Value: its partitions."""

    class TopicPartition(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    topic_partitions: list[TopicPartition] = field()


class ShareGroupCurrentMemberAssignmentKey(Message, record=14, versions=(0, 0)):
    """Key: what a share group member has."""

    group_id: String = ""
    member_id: String = ""


class ShareGroupCurrentMemberAssignmentValue(Message, record=14, versions=(0, 0), flexible=0):
    """Value: its epochs and its partitions."""

    class TopicPartitions(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[Int32] = field()

    member_epoch: Int32 = 0
    previous_member_epoch: Int32 = 0
    state: Int8 = 0
    assigned_partitions: list[TopicPartitions] = field()


class ShareGroupStatePartitionMetadataKey(Message, record=15, versions=(0, 0)):
    """Key: which share partitions of a group have state."""

    group_id: String = ""


class ShareGroupStatePartitionMetadataValue(Message, record=15, versions=(0, 0), flexible=0):
    """Value: topics whose state is being made, exists, or is being deleted."""

    class TopicPartitionsInfo(Struct):
        topic_id: Uuid = ZERO_UUID
        topic_name: String = ""
        partitions: list[Int32] = field()

    class TopicInfo(Struct):
        topic_id: Uuid = ZERO_UUID
        topic_name: String = ""

    initializing_topics: list[TopicPartitionsInfo] = field()
    initialized_topics: list[TopicPartitionsInfo] = field()
    deleting_topics: list[TopicInfo] = field()


class StreamsGroupMetadataKey(Message, record=17, versions=(0, 0)):
    """Key: a streams group (KIP-1071)."""

    group_id: String = ""


class StreamsGroupMetadataValue(Message, record=17, versions=(0, 0), flexible=0):
    """Value: its epoch, the topology that was validated, and the settings of the last assignment."""

    class LastAssignmentConfig(Struct):
        key: String = ""
        value: String = ""

    epoch: Int32 = 0
    metadata_hash: Int64 = 0
    validated_topology_epoch: Int32 = field(default=-1, tag=0)
    last_assignment_configs: list[LastAssignmentConfig] | None = field(tag=1)


class StreamsGroupTopologyKey(Message, record=23, versions=(0, 0)):
    """Key: the topology of a streams group."""

    group_id: String = ""


class StreamsGroupTopologyValue(Message, record=23, versions=(0, 0), flexible=0):
    """Value: its subtopologies with their topics."""

    class TopicConfig(Struct):
        key: String = ""
        value: String = ""

    class TopicInfo(Struct):
        name: String = ""
        partitions: Int32 = 0
        replication_factor: Int16 = 0
        topic_configs: list[StreamsGroupTopologyValue.TopicConfig] = field()

    class CopartitionGroup(Struct):
        source_topics: list[Int16] = field()
        source_topic_regex: list[Int16] = field()
        repartition_source_topics: list[Int16] = field()

    class Subtopology(Struct):
        subtopology_id: String = ""
        source_topics: list[String] = field()
        source_topic_regex: list[String] = field()
        state_changelog_topics: list[StreamsGroupTopologyValue.TopicInfo] = field()
        repartition_sink_topics: list[String] = field()
        repartition_source_topics: list[StreamsGroupTopologyValue.TopicInfo] = field()
        copartition_groups: list[StreamsGroupTopologyValue.CopartitionGroup] = field()

    epoch: Int32 = 0
    subtopologies: list[Subtopology] = field()


class StreamsGroupMemberMetadataKey(Message, record=19, versions=(0, 0)):
    """Key: a member of a streams group."""

    group_id: String = ""
    member_id: String = ""


class StreamsGroupMemberMetadataValue(Message, record=19, versions=(0, 0), flexible=0):
    """Value: what the member said about itself."""

    class Endpoint(Struct):
        host: String = ""
        port: UInt16 = 0

    class KeyValue(Struct):
        key: String = ""
        value: String = ""

    instance_id: String | None = ""
    rack_id: String | None = ""
    client_id: String = ""
    client_host: String = ""
    rebalance_timeout_ms: Int32 = -1
    topology_epoch: Int32 = 0
    process_id: String = ""
    user_endpoint: Endpoint | None = None
    client_tags: list[KeyValue] = field()


class StreamsGroupTargetAssignmentMetadataKey(Message, record=20, versions=(0, 0)):
    """Key: the target assignment of a streams group."""

    group_id: String = ""


class StreamsGroupTargetAssignmentMetadataValue(Message, record=20, versions=(0, 0), flexible=0):
    """Value: the epoch that it was made for."""

    assignment_epoch: Int32 = 0
    assignment_timestamp: Int64 = field(default=0, tag=0)


class StreamsGroupTargetAssignmentMemberKey(Message, record=21, versions=(0, 0)):
    """Key: what a streams group member shall have."""

    group_id: String = ""
    member_id: String = ""


class StreamsGroupTargetAssignmentMemberValue(Message, record=21, versions=(0, 0), flexible=0):
    """Value: its active, standby and warm-up tasks."""

    class TaskIds(Struct):
        subtopology_id: String = ""
        partitions: list[Int32] = field()

    active_tasks: list[TaskIds] = field()
    standby_tasks: list[TaskIds] = field()
    warmup_tasks: list[TaskIds] = field()


class StreamsGroupCurrentMemberAssignmentKey(Message, record=22, versions=(0, 0)):
    """Key: what a streams group member has."""

    group_id: String = ""
    member_id: String = ""


class StreamsGroupCurrentMemberAssignmentValue(Message, record=22, versions=(0, 0), flexible=0):
    """Value: its epochs, its tasks, and those that it still has to give up."""

    class TaskIds(Struct):
        subtopology_id: String = ""
        partitions: list[Int32] = field()
        assignment_epochs: list[Int32] | None = field(tag=0)

    member_epoch: Int32 = 0
    previous_member_epoch: Int32 = 0
    state: Int8 = 0
    active_tasks: list[TaskIds] = field()
    standby_tasks: list[TaskIds] = field()
    warmup_tasks: list[TaskIds] = field()
    active_tasks_pending_revocation: list[TaskIds] = field()
    standby_tasks_pending_revocation: list[TaskIds] = field()
    warmup_tasks_pending_revocation: list[TaskIds] = field()


KEYS: dict[int, type[Message]] = {
    0: LegacyOffsetCommitKey,
    1: OffsetCommitKey,
    2: GroupMetadataKey,
    3: ConsumerGroupMetadataKey,
    4: ConsumerGroupPartitionMetadataKey,
    5: ConsumerGroupMemberMetadataKey,
    6: ConsumerGroupTargetAssignmentMetadataKey,
    7: ConsumerGroupTargetAssignmentMemberKey,
    8: ConsumerGroupCurrentMemberAssignmentKey,
    16: ConsumerGroupRegularExpressionKey,
    11: ShareGroupMetadataKey,
    10: ShareGroupMemberMetadataKey,
    12: ShareGroupTargetAssignmentMetadataKey,
    13: ShareGroupTargetAssignmentMemberKey,
    14: ShareGroupCurrentMemberAssignmentKey,
    15: ShareGroupStatePartitionMetadataKey,
    17: StreamsGroupMetadataKey,
    23: StreamsGroupTopologyKey,
    19: StreamsGroupMemberMetadataKey,
    20: StreamsGroupTargetAssignmentMetadataKey,
    21: StreamsGroupTargetAssignmentMemberKey,
    22: StreamsGroupCurrentMemberAssignmentKey,
}
"""The class of the key of each record type."""

VALUES: dict[int, type[Message]] = {
    0: LegacyOffsetCommitValue,
    1: OffsetCommitValue,
    2: GroupMetadataValue,
    3: ConsumerGroupMetadataValue,
    4: ConsumerGroupPartitionMetadataValue,
    5: ConsumerGroupMemberMetadataValue,
    6: ConsumerGroupTargetAssignmentMetadataValue,
    7: ConsumerGroupTargetAssignmentMemberValue,
    8: ConsumerGroupCurrentMemberAssignmentValue,
    16: ConsumerGroupRegularExpressionValue,
    11: ShareGroupMetadataValue,
    10: ShareGroupMemberMetadataValue,
    12: ShareGroupTargetAssignmentMetadataValue,
    13: ShareGroupTargetAssignmentMemberValue,
    14: ShareGroupCurrentMemberAssignmentValue,
    15: ShareGroupStatePartitionMetadataValue,
    17: StreamsGroupMetadataValue,
    23: StreamsGroupTopologyValue,
    19: StreamsGroupMemberMetadataValue,
    20: StreamsGroupTargetAssignmentMetadataValue,
    21: StreamsGroupTargetAssignmentMemberValue,
    22: StreamsGroupCurrentMemberAssignmentValue,
}
"""The class of the value of each record type."""
