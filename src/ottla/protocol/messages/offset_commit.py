"""OffsetCommit: a group stores how far it has read."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Int64, String, Uuid


class OffsetCommitRequest(Message, api=8, versions=(2, 10), flexible=8):
    """Store offsets for a group; sent to its coordinator by members and by tools."""

    class OffsetCommitRequestPartition(Struct):
        partition_index: Int32 = 0
        committed_offset: Int64 = 0
        committed_leader_epoch: Int32 = field(default=-1, since=6, ignorable=True)
        committed_metadata: String | None = ""

    class OffsetCommitRequestTopic(Struct):
        name: String = field(default="", until=9, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=10, ignorable=True)
        partitions: list[OffsetCommitRequest.OffsetCommitRequestPartition] = field()

    group_id: String = ""
    generation_id_or_member_epoch: Int32 = -1
    member_id: String = ""
    group_instance_id: String | None = field(default=None, since=7)
    retention_time_ms: Int64 = field(default=-1, until=4, ignorable=True)
    topics: list[OffsetCommitRequestTopic] = field()


class OffsetCommitResponse(Message, api=8, versions=(2, 10), flexible=8):
    """For each partition, whether the offset is stored."""

    class OffsetCommitResponsePartition(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0

    class OffsetCommitResponseTopic(Struct):
        name: String = field(default="", until=9, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=10, ignorable=True)
        partitions: list[OffsetCommitResponse.OffsetCommitResponsePartition] = field()

    throttle_time_ms: Int32 = field(default=0, since=3, ignorable=True)
    topics: list[OffsetCommitResponseTopic] = field()
