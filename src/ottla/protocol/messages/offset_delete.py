"""OffsetDelete: forget committed offsets of a group (KIP-496)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, String


class OffsetDeleteRequest(Message, api=47, versions=(0, 0)):
    """Delete committed offsets of partitions that the group does not read."""

    class OffsetDeleteRequestPartition(Struct):
        partition_index: Int32 = 0

    class OffsetDeleteRequestTopic(Struct):
        name: String = ""
        partitions: list[OffsetDeleteRequest.OffsetDeleteRequestPartition] = field()

    group_id: String = ""
    topics: list[OffsetDeleteRequestTopic] = field()


class OffsetDeleteResponse(Message, api=47, versions=(0, 0)):
    """For each partition, whether its offset is gone."""

    class OffsetDeleteResponsePartition(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0

    class OffsetDeleteResponseTopic(Struct):
        name: String = ""
        partitions: list[OffsetDeleteResponse.OffsetDeleteResponsePartition] = field()

    error_code: Int16 = 0
    throttle_time_ms: Int32 = 0
    topics: list[OffsetDeleteResponseTopic] = field()
