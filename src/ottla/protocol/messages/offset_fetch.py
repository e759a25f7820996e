"""OffsetFetch: a group asks how far it had read."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, Int64, String, Uuid


class OffsetFetchRequest(Message, api=9, versions=(1, 10), flexible=6):
    """Ask for committed offsets; null topics mean all of them. From version 8 for several groups at once."""

    class OffsetFetchRequestTopic(Struct):
        name: String = field(default="", until=7)
        partition_indexes: list[Int32] = field(until=7)

    class OffsetFetchRequestTopics(Struct):
        name: String = field(default="", since=8, until=9, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=10, ignorable=True)
        partition_indexes: list[Int32] = field(since=8)

    class OffsetFetchRequestGroup(Struct):
        group_id: String = field(default="", since=8)
        member_id: String | None = field(default=None, since=9, ignorable=True)
        member_epoch: Int32 = field(default=-1, since=9, ignorable=True)
        topics: list[OffsetFetchRequest.OffsetFetchRequestTopics] | None = field(since=8)

    group_id: String = field(default="", until=7)
    topics: list[OffsetFetchRequestTopic] | None = field(until=7, nullable_since=2)
    groups: list[OffsetFetchRequestGroup] = field(since=8)
    require_stable: Bool = field(default=False, since=7)


class OffsetFetchResponse(Message, api=9, versions=(1, 10), flexible=6):
    """The committed offsets, -1 where there is none."""

    class OffsetFetchResponsePartition(Struct):
        partition_index: Int32 = field(default=0, until=7)
        committed_offset: Int64 = field(default=0, until=7)
        committed_leader_epoch: Int32 = field(default=-1, since=5, until=7, ignorable=True)
        metadata: String | None = field(default="", until=7)
        error_code: Int16 = field(default=0, until=7)

    class OffsetFetchResponseTopic(Struct):
        name: String = field(default="", until=7)
        partitions: list[OffsetFetchResponse.OffsetFetchResponsePartition] = field(until=7)

    class OffsetFetchResponsePartitions(Struct):
        partition_index: Int32 = field(default=0, since=8)
        committed_offset: Int64 = field(default=0, since=8)
        committed_leader_epoch: Int32 = field(default=-1, since=8, ignorable=True)
        metadata: String | None = field(default="", since=8)
        error_code: Int16 = field(default=0, since=8)

    class OffsetFetchResponseTopics(Struct):
        name: String = field(default="", since=8, until=9, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=10, ignorable=True)
        partitions: list[OffsetFetchResponse.OffsetFetchResponsePartitions] = field(since=8)

    class OffsetFetchResponseGroup(Struct):
        group_id: String = field(default="", since=8)
        topics: list[OffsetFetchResponse.OffsetFetchResponseTopics] = field(since=8)
        error_code: Int16 = field(default=0, since=8)

    throttle_time_ms: Int32 = field(default=0, since=3, ignorable=True)
    topics: list[OffsetFetchResponseTopic] = field(until=7)
    error_code: Int16 = field(default=0, since=2, until=7, ignorable=True)
    groups: list[OffsetFetchResponseGroup] = field(since=8)
