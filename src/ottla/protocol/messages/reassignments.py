"""AlterPartitionReassignments and ListPartitionReassignments: move replicas between brokers (KIP-455)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, String


class AlterPartitionReassignmentsRequest(Message, api=45, versions=(0, 1), flexible=0):
    """Set new replicas for partitions, or with null cancel a move."""

    class ReassignablePartition(Struct):
        partition_index: Int32 = 0
        replicas: list[Int32] | None = None

    class ReassignableTopic(Struct):
        name: String = ""
        partitions: list[AlterPartitionReassignmentsRequest.ReassignablePartition] = field()

    timeout_ms: Int32 = 60000
    allow_replication_factor_change: Bool = field(default=True, since=1)
    topics: list[ReassignableTopic] = field()


class AlterPartitionReassignmentsResponse(Message, api=45, versions=(0, 1), flexible=0):
    """For each partition, whether the move was accepted."""

    class ReassignablePartitionResponse(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = ""

    class ReassignableTopicResponse(Struct):
        name: String = ""
        partitions: list[AlterPartitionReassignmentsResponse.ReassignablePartitionResponse] = field()

    throttle_time_ms: Int32 = 0
    allow_replication_factor_change: Bool = field(default=True, since=1, ignorable=True)
    error_code: Int16 = 0
    error_message: String | None = ""
    responses: list[ReassignableTopicResponse] = field()


class ListPartitionReassignmentsRequest(Message, api=46, versions=(0, 0), flexible=0):
    """Ask which partitions are moving."""

    class ListPartitionReassignmentsTopics(Struct):
        name: String = ""
        partition_indexes: list[Int32] = field()

    timeout_ms: Int32 = 60000
    topics: list[ListPartitionReassignmentsTopics] | None = None


class ListPartitionReassignmentsResponse(Message, api=46, versions=(0, 0), flexible=0):
    """Replicas, and those being added and removed."""

    class OngoingPartitionReassignment(Struct):
        partition_index: Int32 = 0
        replicas: list[Int32] = field()
        adding_replicas: list[Int32] = field()
        removing_replicas: list[Int32] = field()

    class OngoingTopicReassignment(Struct):
        name: String = ""
        partitions: list[ListPartitionReassignmentsResponse.OngoingPartitionReassignment] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
    topics: list[OngoingTopicReassignment] = field()
