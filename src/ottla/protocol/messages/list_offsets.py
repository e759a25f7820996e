"""ListOffsets: the offset that belongs to a timestamp, or to one of the special marks."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, Int64, String


class ListOffsetsRequest(Message, api=2, versions=(1, 11), flexible=6):
    """Look up the offset of a timestamp; -1 is the latest, -2 the earliest.

    Further marks: -3 is the largest timestamp, -4 the earliest on local disk, -5 the latest in remote storage, -6 the
    first that is not copied there yet.
    """

    class ListOffsetsPartition(Struct):
        partition_index: Int32 = 0
        current_leader_epoch: Int32 = field(default=-1, since=4, ignorable=True)
        timestamp: Int64 = 0

    class ListOffsetsTopic(Struct):
        name: String = ""
        partitions: list[ListOffsetsRequest.ListOffsetsPartition] = field()

    replica_id: Int32 = 0
    isolation_level: Int8 = field(default=0, since=2)
    topics: list[ListOffsetsTopic] = field()
    timeout_ms: Int32 = field(default=0, since=10, ignorable=True)


class ListOffsetsResponse(Message, api=2, versions=(1, 11), flexible=6):
    """For each partition, the offset found and its timestamp."""

    class ListOffsetsPartitionResponse(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        timestamp: Int64 = -1
        offset: Int64 = -1
        leader_epoch: Int32 = field(default=-1, since=4)

    class ListOffsetsTopicResponse(Struct):
        name: String = ""
        partitions: list[ListOffsetsResponse.ListOffsetsPartitionResponse] = field()

    throttle_time_ms: Int32 = field(default=0, since=2, ignorable=True)
    topics: list[ListOffsetsTopicResponse] = field()
