"""The three indexes of a segment, in Kafka's bytes.

Those of the active segment live in memory and reach the disk when it is rolled or closed: recovery rebuilds them. Those
of a closed segment stay on disk and are searched there, so that a cold segment costs no memory.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import islice
from operator import lt
from typing import NamedTuple

from ottla.storage.files import File

OFFSET_ENTRY = struct.Struct(">ii")
TIME_ENTRY = struct.Struct(">qi")
TXN_ENTRY = struct.Struct(">hqqqq")
NO_TIMESTAMP = -1

_WHOLE_ENTRIES = 32
"""A search on disk reads the rest at once when it is down to so many entries."""


def _rise(values: array[int]) -> bool:
    return all(map(lt, values, islice(values, 1, None)))


class OffsetIndex:
    """Last offset of a batch, relative to the segment's base, and the position of that batch. Both rise."""

    __slots__ = ("offsets", "positions")

    def __init__(self) -> None:
        self.offsets = array("i")
        self.positions = array("i")

    def __len__(self) -> int:
        return len(self.offsets)

    def append(self, offset: int, position: int) -> None:
        self.offsets.append(offset)
        self.positions.append(position)

    def rises(self, size_bytes: int) -> bool:
        """It may be the index of a segment of this size."""
        if not self.offsets:
            return True
        first_is_possible = self.offsets[0] >= 0 and self.positions[0] > 0
        return first_is_possible and self.positions[-1] < size_bytes and _rise(self.offsets) and _rise(self.positions)

    def position_below(self, offset: int) -> int:
        """A batch start from which a scan finds every batch that ends at or above `offset`; 0 if none is indexed."""
        index = bisect_right(self.offsets, offset)
        return self.positions[index - 1] if index else 0

    def position_before(self, offset: int, limit: int) -> int:
        """The last indexed batch that begins at or below `limit` and ends below `offset`; 0 if there is none."""
        index = min(bisect_left(self.offsets, offset), bisect_right(self.positions, limit))
        return self.positions[index - 1] if index else 0

    def truncate(self, offset: int) -> None:
        """Keeps the entries below `offset`."""
        index = bisect_left(self.offsets, offset)
        del self.offsets[index:]
        del self.positions[index:]

    def encode(self) -> bytes:
        entries = array("i", bytes(8 * len(self.offsets)))
        entries[0::2] = self.offsets
        entries[1::2] = self.positions
        if sys.byteorder == "little":
            entries.byteswap()
        return entries.tobytes()

    @classmethod
    def decode(cls, data: bytes) -> OffsetIndex:
        """A preallocated rest of zeros, or half an entry, is left out."""
        entries = array("i", data[: len(data) // 8 * 8])
        if sys.byteorder == "little":
            entries.byteswap()
        index = cls()
        index.offsets, index.positions = entries[0::2], entries[1::2]
        if 0 in index.positions:  # the first batch of a segment never has an entry
            end = index.positions.index(0)
            del index.offsets[end:]
            del index.positions[end:]
        return index


class TimeIndex:
    """Largest timestamp so far, strictly rising, and the relative last offset of the batch that holds it."""

    __slots__ = ("offsets", "timestamps")

    def __init__(self) -> None:
        self.timestamps = array("q")
        self.offsets = array("i")

    def __len__(self) -> int:
        return len(self.offsets)

    def maybe_append(self, timestamp: int, offset: int) -> None:
        if timestamp > (self.timestamps[-1] if self.timestamps else NO_TIMESTAMP):
            self.timestamps.append(timestamp)
            self.offsets.append(offset)

    @property
    def last(self) -> tuple[int, int]:
        """(timestamp, relative offset); (-1, 0) when empty."""
        return (self.timestamps[-1], self.offsets[-1]) if self.timestamps else (NO_TIMESTAMP, 0)

    def rises(self) -> bool:
        """It may be the index of a segment."""
        return not self.offsets or (min(self.offsets) >= 0 and _rise(self.timestamps))

    def entry_before(self, timestamp: int) -> tuple[int, int] | None:
        """The last entry below `timestamp`: no batch below its relative offset reaches that time."""
        index = bisect_left(self.timestamps, timestamp)
        return (self.timestamps[index - 1], self.offsets[index - 1]) if index else None

    def truncate(self, offset: int) -> None:
        index = bisect_left(self.offsets, offset)
        del self.offsets[index:]
        del self.timestamps[index:]

    def encode(self) -> bytes:
        pack = TIME_ENTRY.pack
        return b"".join([pack(*entry) for entry in zip(self.timestamps, self.offsets, strict=True)])

    @classmethod
    def decode(cls, data: bytes) -> TimeIndex:
        index = cls()
        for timestamp, offset in TIME_ENTRY.iter_unpack(data[: len(data) // 12 * 12]):
            if timestamp == 0 and offset == 0:  # preallocated
                break
            index.timestamps.append(timestamp)
            index.offsets.append(offset)
        return index


class AbortedTransaction(NamedTuple):
    """One entry of the transaction index. Absolute offsets; `last_offset` is the marker's."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int
    """The last stable offset after the marker: no entry further on concerns anything below it."""

    def encode(self) -> bytes:
        return TXN_ENTRY.pack(0, *self)


def decode_aborted(data: bytes) -> list[AbortedTransaction]:
    """Half an entry at the end is left out."""
    whole = data[: len(data) // TXN_ENTRY.size * TXN_ENTRY.size]
    return [AbortedTransaction(*entry[1:]) for entry in TXN_ENTRY.iter_unpack(whole)]


def aborted_may_be_true(data: bytes, base_offset: int) -> bool:
    """The bytes of a transaction index: whole entries, each a transaction that ended in this segment, in order."""
    if len(data) % TXN_ENTRY.size:
        return False
    before = base_offset - 1
    for version, producer_id, first, last, _ in TXN_ENTRY.iter_unpack(data):
        if version != 0 or producer_id < 0 or not 0 <= first < last or last <= before or last - base_offset >= 1 << 31:
            return False
        before = last
    return True


def encode_aborted(entries: Iterable[AbortedTransaction]) -> bytes:
    return b"".join([entry.encode() for entry in entries])


def search(file: File, entry: struct.Struct, field: int, key: int) -> tuple[int, int] | None:
    """In an index on disk: the last entry whose `field` is <= `key`, or None. The fields rise from entry to entry.

    A preallocated rest of zeros counts as the end.
    """
    size = entry.size
    low, high = 0, file.size() // size
    while high - low > _WHOLE_ENTRIES:
        middle = (low + high) // 2
        found = entry.unpack(file.pread(middle * size, size))
        if found[field] > key or not any(found):
            high = middle
        else:
            low = middle
    data = file.pread(low * size, (high - low) * size)
    best = None
    for found in entry.iter_unpack(data[: len(data) // size * size]):
        if found[field] > key or not any(found):
            break
        best = (found[0], found[1])
    return best


def last_entry(file: File, entry: struct.Struct) -> tuple[int, int] | None:
    """The last entry of an index on disk that is not preallocated, or None."""
    return search(file, entry, 0, (1 << 63) - 1)
