"""OffsetForLeaderEpoch: where a leader epoch ended, to find where two logs part (KIP-101, KIP-320)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Int64, String


class OffsetForLeaderEpochRequest(Message, api=23, versions=(2, 4), flexible=4):
    """Ask where an epoch ended; sent by followers and by consumers that check for truncation."""

    class OffsetForLeaderPartition(Struct):
        partition: Int32 = 0
        current_leader_epoch: Int32 = -1
        leader_epoch: Int32 = 0

    class OffsetForLeaderTopic(Struct):
        topic: String = ""
        partitions: list[OffsetForLeaderEpochRequest.OffsetForLeaderPartition] = field()

    replica_id: Int32 = field(default=-2, since=3, ignorable=True)
    topics: list[OffsetForLeaderTopic] = field()


class OffsetForLeaderEpochResponse(Message, api=23, versions=(2, 4), flexible=4):
    """The largest epoch up to the one asked for, and its end offset."""

    class EpochEndOffset(Struct):
        error_code: Int16 = 0
        partition: Int32 = 0
        leader_epoch: Int32 = -1
        end_offset: Int64 = -1

    class OffsetForLeaderTopicResult(Struct):
        topic: String = ""
        partitions: list[OffsetForLeaderEpochResponse.EpochEndOffset] = field()

    throttle_time_ms: Int32 = 0
    topics: list[OffsetForLeaderTopicResult] = field()
