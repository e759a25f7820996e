"""Control batches: the markers that end a transaction in a partition (KIP-98)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from ottla.common.errors import CorruptMessage
from ottla.records.batch import CONTROL, TRANSACTIONAL, Buffer
from ottla.records.record import BatchBuilder, read_records

ABORT, COMMIT = 0, 1

_KEY = struct.Struct(">hh")
_VALUE = struct.Struct(">hi")


class Marker(NamedTuple):
    """What a marker says; its producer is in the batch header."""

    committed: bool
    coordinator_epoch: int
    timestamp: int


def end_marker(
    *,
    producer_id: int,
    producer_epoch: int,
    committed: bool,
    coordinator_epoch: int,
    timestamp: int,
    base_offset: int = 0,
    leader_epoch: int = -1,
) -> bytes:
    """A batch of 78 bytes that commits or aborts the producer's transaction."""
    builder = BatchBuilder(
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        attributes=CONTROL | TRANSACTIONAL,
    )
    builder.append(timestamp, _KEY.pack(0, COMMIT if committed else ABORT), _VALUE.pack(0, coordinator_epoch))
    return builder.build()


def read_marker(batch: Buffer) -> Marker | None:
    """The marker in a control batch; None for other control records, and for a batch that compaction emptied.

    Raises CorruptMessage.
    """
    records = read_records(batch)
    if not records:
        return None
    record = records[0]
    if record.key is None or len(record.key) < _KEY.size:
        raise CorruptMessage("a control record has no key")
    _, kind = _KEY.unpack_from(record.key)
    if kind not in (ABORT, COMMIT):
        return None
    if record.value is None or len(record.value) < _VALUE.size:
        raise CorruptMessage("an end of transaction marker has no value")
    _, coordinator_epoch = _VALUE.unpack_from(record.value)
    return Marker(kind == COMMIT, coordinator_epoch, record.timestamp)
