"""DeleteRecords: move the start of a partition's log."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Int64, String


class DeleteRecordsRequest(Message, api=21, versions=(0, 2), flexible=2):
    """Delete what lies before an offset; -1 stands for the high watermark. Sent to the leader."""

    class DeleteRecordsPartition(Struct):
        partition_index: Int32 = 0
        offset: Int64 = 0

    class DeleteRecordsTopic(Struct):
        name: String = ""
        partitions: list[DeleteRecordsRequest.DeleteRecordsPartition] = field()

    topics: list[DeleteRecordsTopic] = field()
    timeout_ms: Int32 = 0


class DeleteRecordsResponse(Message, api=21, versions=(0, 2), flexible=2):
    """The new low watermark of each partition."""

    class DeleteRecordsPartitionResult(Struct):
        partition_index: Int32 = 0
        low_watermark: Int64 = 0
        error_code: Int16 = 0

    class DeleteRecordsTopicResult(Struct):
        name: String = ""
        partitions: list[DeleteRecordsResponse.DeleteRecordsPartitionResult] = field()

    throttle_time_ms: Int32 = 0
    topics: list[DeleteRecordsTopicResult] = field()
