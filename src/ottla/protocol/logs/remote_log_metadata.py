"""The records of `__remote_log_metadata`: which segments lie in remote storage (KIP-405).

They are framed as those of the metadata log (`ottla.protocol.logs.framing`).
"""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Bytes, Int8, Int32, Int64, String, Uuid


class RemoteLogSegmentMetadataRecord(Message, record=0, versions=(0, 0), flexible=0):
    """A segment begins its way to remote storage."""

    class TopicIdPartitionEntry(Struct):
        name: String = ""
        id: Uuid = ZERO_UUID
        partition: Int32 = 0

    class RemoteLogSegmentIdEntry(Struct):
        topic_id_partition: RemoteLogSegmentMetadataRecord.TopicIdPartitionEntry = field()
        id: Uuid = ZERO_UUID

    class SegmentLeaderEpochEntry(Struct):
        leader_epoch: Int32 = 0
        offset: Int64 = 0

    remote_log_segment_id: RemoteLogSegmentIdEntry = field()
    start_offset: Int64 = 0
    end_offset: Int64 = 0
    broker_id: Int32 = 0
    max_timestamp_ms: Int64 = 0
    event_timestamp_ms: Int64 = 0
    segment_leader_epochs: list[SegmentLeaderEpochEntry] = field()
    segment_size_in_bytes: Int32 = 0
    custom_metadata: Bytes | None = None
    remote_log_segment_state: Int8 = 0
    txn_index_empty: Bool = field(default=False, tag=0)


class RemoteLogSegmentMetadataUpdateRecord(Message, record=1, versions=(0, 0), flexible=0):
    """The state of a remote segment changed."""

    class TopicIdPartitionEntry(Struct):
        name: String = ""
        id: Uuid = ZERO_UUID
        partition: Int32 = 0

    class RemoteLogSegmentIdEntry(Struct):
        topic_id_partition: RemoteLogSegmentMetadataUpdateRecord.TopicIdPartitionEntry = field()
        id: Uuid = ZERO_UUID

    remote_log_segment_id: RemoteLogSegmentIdEntry = field()
    broker_id: Int32 = 0
    event_timestamp_ms: Int64 = 0
    custom_metadata: Bytes | None = None
    remote_log_segment_state: Int8 = 0


class RemotePartitionDeleteMetadataRecord(Message, record=2, versions=(0, 0), flexible=0):
    """How far the deletion of a partition in remote storage has got."""

    class TopicIdPartitionEntry(Struct):
        name: String = ""
        id: Uuid = ZERO_UUID
        partition: Int32 = 0

    topic_id_partition: TopicIdPartitionEntry = field()
    broker_id: Int32 = 0
    event_timestamp_ms: Int64 = 0
    remote_partition_delete_state: Int8 = 0


class RemoteLogSegmentMetadataSnapshotRecord(Message, record=3, versions=(0, 0), flexible=0):
    """A remote segment in the snapshot file of a partition."""

    class SegmentLeaderEpochEntry(Struct):
        leader_epoch: Int32 = 0
        offset: Int64 = 0

    segment_id: Uuid = ZERO_UUID
    start_offset: Int64 = 0
    end_offset: Int64 = 0
    broker_id: Int32 = 0
    max_timestamp_ms: Int64 = 0
    event_timestamp_ms: Int64 = 0
    segment_leader_epochs: list[SegmentLeaderEpochEntry] = field()
    segment_size_in_bytes: Int32 = 0
    custom_metadata: Bytes | None = None
    remote_log_segment_state: Int8 = 0
    txn_index_empty: Bool = field(default=False, tag=0)


RECORDS: dict[int, type[Message]] = {
    0: RemoteLogSegmentMetadataRecord,
    1: RemoteLogSegmentMetadataUpdateRecord,
    2: RemotePartitionDeleteMetadataRecord,
    3: RemoteLogSegmentMetadataSnapshotRecord,
}
"""The class of each record type."""
