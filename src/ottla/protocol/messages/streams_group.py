"""Streams groups of KIP-1071: heartbeat and describe."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, Int64, String, UInt16


class StreamsGroupHeartbeatRequest(Message, api=88, versions=(0, 0), flexible=0):
    """Join with a topology, report tasks, keep alive and leave; null fields have not changed."""

    class KeyValue(Struct):
        key: String = ""
        value: String = ""

    class TopicInfo(Struct):
        name: String = ""
        partitions: Int32 = 0
        replication_factor: Int16 = 0
        topic_configs: list[StreamsGroupHeartbeatRequest.KeyValue] = field()

    class Endpoint(Struct):
        host: String = ""
        port: UInt16 = 0

    class TaskOffset(Struct):
        subtopology_id: String = ""
        partition: Int32 = 0
        offset: Int64 = 0

    class TaskIds(Struct):
        subtopology_id: String = ""
        partitions: list[Int32] = field()

    class CopartitionGroup(Struct):
        source_topics: list[Int16] = field()
        source_topic_regex: list[Int16] = field()
        repartition_source_topics: list[Int16] = field()

    class Subtopology(Struct):
        subtopology_id: String = ""
        source_topics: list[String] = field()
        source_topic_regex: list[String] = field()
        state_changelog_topics: list[StreamsGroupHeartbeatRequest.TopicInfo] = field()
        repartition_sink_topics: list[String] = field()
        repartition_source_topics: list[StreamsGroupHeartbeatRequest.TopicInfo] = field()
        copartition_groups: list[StreamsGroupHeartbeatRequest.CopartitionGroup] = field()

    class Topology(Struct):
        epoch: Int32 = 0
        subtopologies: list[StreamsGroupHeartbeatRequest.Subtopology] = field()

    group_id: String = ""
    member_id: String = ""
    member_epoch: Int32 = 0
    endpoint_information_epoch: Int32 = 0
    instance_id: String | None = None
    rack_id: String | None = None
    rebalance_timeout_ms: Int32 = -1
    topology: Topology | None = None
    active_tasks: list[TaskIds] | None = None
    standby_tasks: list[TaskIds] | None = None
    warmup_tasks: list[TaskIds] | None = None
    process_id: String | None = None
    user_endpoint: Endpoint | None = None
    client_tags: list[KeyValue] | None = None
    task_offsets: list[TaskOffset] | None = None
    task_end_offsets: list[TaskOffset] | None = None
    shutdown_application: Bool = False


class StreamsGroupHeartbeatResponse(Message, api=88, versions=(0, 0), flexible=0):
    """The member epoch, the tasks if they changed, and the state of the group."""

    class Status(Struct):
        status_code: Int8 = 0
        status_detail: String = ""

    class TopicPartition(Struct):
        topic: String = ""
        partitions: list[Int32] = field()

    class TaskIds(Struct):
        subtopology_id: String = ""
        partitions: list[Int32] = field()

    class Endpoint(Struct):
        host: String = ""
        port: UInt16 = 0

    class EndpointToPartitions(Struct):
        user_endpoint: StreamsGroupHeartbeatResponse.Endpoint = field()
        active_partitions: list[StreamsGroupHeartbeatResponse.TopicPartition] = field()
        standby_partitions: list[StreamsGroupHeartbeatResponse.TopicPartition] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    member_id: String = ""
    member_epoch: Int32 = 0
    heartbeat_interval_ms: Int32 = 0
    acceptable_recovery_lag: Int32 = 0
    task_offset_interval_ms: Int32 = 0
    status: list[Status] | None = field()
    active_tasks: list[TaskIds] | None = None
    standby_tasks: list[TaskIds] | None = None
    warmup_tasks: list[TaskIds] | None = None
    endpoint_information_epoch: Int32 = 0
    partitions_by_user_endpoint: list[EndpointToPartitions] | None = None


class StreamsGroupDescribeRequest(Message, api=89, versions=(0, 0), flexible=0):
    """Ask for streams groups."""

    group_ids: list[String] = field()
    include_authorized_operations: Bool = False


class StreamsGroupDescribeResponse(Message, api=89, versions=(0, 0), flexible=0):
    """State, topology, members and tasks of each group."""

    class Endpoint(Struct):
        host: String = ""
        port: UInt16 = 0

    class TaskOffset(Struct):
        subtopology_id: String = ""
        partition: Int32 = 0
        offset: Int64 = 0

    class Assignment(Struct):
        active_tasks: list[StreamsGroupDescribeResponse.TaskIds] = field()
        standby_tasks: list[StreamsGroupDescribeResponse.TaskIds] = field()
        warmup_tasks: list[StreamsGroupDescribeResponse.TaskIds] = field()

    class TaskIds(Struct):
        subtopology_id: String = ""
        partitions: list[Int32] = field()

    class KeyValue(Struct):
        key: String = ""
        value: String = ""

    class TopicInfo(Struct):
        name: String = ""
        partitions: Int32 = 0
        replication_factor: Int16 = 0
        topic_configs: list[StreamsGroupDescribeResponse.KeyValue] = field()

    class Subtopology(Struct):
        subtopology_id: String = ""
        source_topics: list[String] = field()
        repartition_sink_topics: list[String] = field()
        state_changelog_topics: list[StreamsGroupDescribeResponse.TopicInfo] = field()
        repartition_source_topics: list[StreamsGroupDescribeResponse.TopicInfo] = field()

    class Topology(Struct):
        epoch: Int32 = 0
        subtopologies: list[StreamsGroupDescribeResponse.Subtopology] | None = None

    class Member(Struct):
        member_id: String = ""
        member_epoch: Int32 = 0
        instance_id: String | None = None
        rack_id: String | None = None
        client_id: String = ""
        client_host: String = ""
        topology_epoch: Int32 = 0
        process_id: String = ""
        user_endpoint: StreamsGroupDescribeResponse.Endpoint | None = None
        client_tags: list[StreamsGroupDescribeResponse.KeyValue] = field()
        task_offsets: list[StreamsGroupDescribeResponse.TaskOffset] = field()
        task_end_offsets: list[StreamsGroupDescribeResponse.TaskOffset] = field()
        assignment: StreamsGroupDescribeResponse.Assignment = field()
        target_assignment: StreamsGroupDescribeResponse.Assignment = field()
        is_classic: Bool = False

    class DescribedGroup(Struct):
        error_code: Int16 = 0
        error_message: String | None = None
        group_id: String = ""
        group_state: String = ""
        group_epoch: Int32 = 0
        assignment_epoch: Int32 = 0
        topology: StreamsGroupDescribeResponse.Topology | None = None
        members: list[StreamsGroupDescribeResponse.Member] = field()
        authorized_operations: Int32 = -(2**31)

    throttle_time_ms: Int32 = 0
    groups: list[DescribedGroup] = field()
