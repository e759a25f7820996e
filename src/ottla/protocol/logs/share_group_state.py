"""The records of `__share_group_state`: snapshots of share partitions, and what changed since.

A key is framed by its record type, a value by its version (`ottla.protocol.logs.framing`). A null value deletes.
"""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, Int64, String, Uuid


class ShareSnapshotKey(Message, record=0, versions=(0, 0)):
    """Key: the whole state of a share partition."""

    group_id: String = ""
    topic_id: Uuid = ZERO_UUID
    partition: Int32 = 0


class ShareSnapshotValue(Message, record=0, versions=(0, 0), flexible=0):
    """Value: its epochs, its start offset and its batches."""

    class StateBatch(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        delivery_state: Int8 = 0
        delivery_count: Int16 = 0

    snapshot_epoch: Int32 = 0
    state_epoch: Int32 = 0
    leader_epoch: Int32 = 0
    start_offset: Int64 = 0
    delivery_complete_count: Int32 = field(default=-1, tag=0)
    create_timestamp: Int64 = 0
    write_timestamp: Int64 = 0
    state_batches: list[StateBatch] = field()


class ShareUpdateKey(Message, record=1, versions=(0, 0)):
    """Key: a change to the state of a share partition."""

    group_id: String = ""
    topic_id: Uuid = ZERO_UUID
    partition: Int32 = 0


class ShareUpdateValue(Message, record=1, versions=(0, 0), flexible=0):
    """Value: the batches that changed since the snapshot."""

    class StateBatch(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        delivery_state: Int8 = 0
        delivery_count: Int16 = 0

    snapshot_epoch: Int32 = 0
    leader_epoch: Int32 = 0
    start_offset: Int64 = 0
    delivery_complete_count: Int32 = field(default=-1, tag=0)
    state_batches: list[StateBatch] = field()


KEYS: dict[int, type[Message]] = {
    0: ShareSnapshotKey,
    1: ShareUpdateKey,
}
"""The class of the key of each record type."""

VALUES: dict[int, type[Message]] = {
    0: ShareSnapshotValue,
    1: ShareUpdateValue,
}
"""The class of the value of each record type."""
