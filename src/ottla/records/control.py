"""Control batches: the markers that end a transaction in a partition."""

from __future__ import annotations

from typing import NamedTuple

from ottla.records.batch import Buffer

ABORT, COMMIT = 0, 1


class Marker(NamedTuple):
    committed: bool
    coordinator_epoch: int
    timestamp: int


def end_marker(
    *, producer_id: int, producer_epoch: int, committed: bool, coordinator_epoch: int, timestamp: int,
    base_offset: int = 0, leader_epoch: int = -1,
) -> bytes:
    """A batch of 78 bytes."""
    ...


def read_marker(batch: Buffer) -> Marker | None:
    """The marker in a control batch; None if it is of another type or empty. Raises CorruptMessage."""
    ...
