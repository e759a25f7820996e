"""Reading a segment from its start, batch by batch, as far as it is whole: what recovery is made of."""

from __future__ import annotations

from collections.abc import Callable

from ottla.common.errors import KafkaError
from ottla.records.batch import (
    CRC_FROM,
    HEADER,
    HEADER_BYTES,
    LENGTH_AT,
    MAGIC,
    MINIMUM_LENGTH,
    NO_TIMESTAMP,
    BatchHeader,
    crc32c,
)
from ottla.records.control import read_marker
from ottla.storage.epochs import Epochs
from ottla.storage.files import File
from ottla.storage.indexes import AbortedTransaction
from ottla.storage.producers import Producers
from ottla.storage.segment import Segment
from ottla.storage.tail import RELATIVE_MAX, leaps

_CHUNK_BYTES = 1 << 20

OnBatch = Callable[[int, BatchHeader, memoryview], None]
"""(position, header, the whole batch)"""


def scan_batches(
    file: File, size: int, base_offset: int, next_offset: int, on_batch: OnBatch, *, position: int = 0
) -> tuple[int, int]:
    """Calls `on_batch` for each good batch from `position` on; the position and the offset after the last one.

    Stops at the first that is cut off, has a wrong CRC, or an offset that cannot be: below `next_offset`, too far from
    the base, or above the batch behind it, which is where it should be. (No CRC covers an offset.)
    """
    unpack, header_size = HEADER.unpack_from, HEADER_BYTES
    make = BatchHeader._make
    start, chunk = position, memoryview(b"")
    while size - position >= header_size:
        at = position - start
        if at + header_size > len(chunk):
            start, at = position, 0
            chunk = memoryview(file.pread(position, _CHUNK_BYTES))
            if len(chunk) < header_size:
                break
        header = make(unpack(chunk, at))
        end = at + header[1] + LENGTH_AT
        if header[3] != MAGIC or header[1] < MINIMUM_LENGTH or start + end > size:
            break
        if end > len(chunk):
            start, at, end = position, 0, end - at
            chunk = memoryview(file.pread(position, max(end, _CHUNK_BYTES)))
            if len(chunk) < end:
                break
        if crc32c(chunk[at + CRC_FROM : end]) != header[4]:
            break
        first, last = header[0], header[0] + header[6]
        if first < next_offset or last < first or last - base_offset > RELATIVE_MAX:
            break
        if first > next_offset and leaps(file, size, header, start + end, next_offset):
            break
        on_batch(position, header, chunk[at:end])
        next_offset = last + 1
        position = start + end
    return position, next_offset


class Rebuild:
    """Brings epochs, producers and the segment's own indexes to where the log ends, from the batches themselves."""

    def __init__(
        self,
        segment: Segment,
        epochs: Epochs | None,
        producers: Producers | None,
        index_interval_bytes: int | None,
        on_aborted: Callable[[AbortedTransaction], None] | None = None,
    ) -> None:
        self._segment = segment
        self._epochs = epochs
        self._producers = producers
        self._interval = index_interval_bytes
        """None: the indexes are left alone."""
        self._on_aborted = on_aborted
        self._last_epoch = -1 if epochs is None else epochs.latest

    def on_batch(self, position: int, header: BatchHeader, batch: memoryview) -> None:
        if self._interval is not None:
            timestamp = header[8] if header[12] else NO_TIMESTAMP  # one that compaction emptied has no time
            self._segment.note(position, len(batch), header[0] + header[6], timestamp, self._interval)
        if self._epochs is not None and header[2] > self._last_epoch and header[2] >= 0:
            self._last_epoch = header[2]
            self._epochs.assign(header[2], header[0])
        if self._producers is not None and header[9] >= 0:
            self._producer(header, batch)

    def _producer(self, header: BatchHeader, batch: memoryview) -> None:
        producers = self._producers
        assert producers is not None
        if not header.is_control:
            producers.add(header, header.base_offset)
            return
        try:
            marker = read_marker(batch)
        except KafkaError:  # garbage in a right CRC, and it was in the log before: no reason to lose the rest
            return
        if marker is None:
            return
        completed = producers.complete(header, marker, header.base_offset)
        if completed is not None and completed.aborted and self._on_aborted is not None:
            self._on_aborted(
                AbortedTransaction(
                    completed.producer_id,
                    completed.first_offset,
                    completed.last_offset,
                    producers.stable_after(completed),
                )
            )
