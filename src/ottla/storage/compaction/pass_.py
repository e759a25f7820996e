"""One pass over the segments of a log, as a job for a worker process: file names and values in, the same out.

First the dirty part is read and the last offset of each key noted; then every segment up to there is copied without
what is superseded, several small ones into one. Each finished copy is reported at once, synced, under the suffix
`.cleaned`; whoever ordered the pass puts it in its place (`swap`) while the pass goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ottla.common.errors import CorruptMessage
from ottla.records.batch import CRC_FROM, HEADER, HEADER_BYTES, BatchHeader, Buffer, check_outline, crc32c
from ottla.storage.compaction.offset_map import OffsetMap
from ottla.storage.compaction.outline import Outline, outlines
from ottla.storage.compaction.policy import SourceSegment, groups
from ottla.storage.compaction.retain import LastRecord, Retention, Transactions, payload_within_budget
from ottla.storage.files import Files, Step
from ottla.storage.indexes import AbortedTransaction, decode_aborted
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import CLEANED, INDEX, LOG, TIME_INDEX, TXN_INDEX, offset_name
from ottla.storage.segment import Segment

_WRITE_BYTES = 1 << 18


class Cleaned(NamedTuple):
    """A finished copy: `<base_offset>.log.cleaned` and its indexes, synced, to replace these segments."""

    base_offset: int
    size_bytes: int
    replaced: tuple[int, ...]
    has_txn_index: bool


class PassResult(NamedTuple):
    """The end of a pass. Everything below `clean_to` is clean now."""

    clean_to: int
    bytes_read: int
    bytes_written: int
    records_read: int
    records_kept: int
    map_utilisation: float


@dataclass(frozen=True, slots=True)
class PassJob:
    """`segments` are (base offset, size), from the log's first to the last below `end`, where no record is looked at.

    Sizes are bytes. `producers` are the live ones; `txn_indexes` the segments that have a transaction index, those at
    and behind `end` included: a marker may lie there.
    """

    folder: str
    segments: tuple[tuple[int, int], ...]
    first_dirty: int
    end: int
    txn_indexes: tuple[int, ...]
    producers: dict[int, LastRecord]
    now_ms: int
    segment_bytes: int
    segment_index_bytes: int
    index_interval_bytes: int
    delete_retention_ms: int
    map_bytes: int
    map_load_factor: float
    read_bytes: int
    max_bytes_per_second: float

    def steps(self, files: Files) -> Iterator[Step]:
        """Reports `Cleaned` values and last a `PassResult`. Raises OSError, CorruptMessage."""
        return _Pass(self, files).steps()


class _Pass:
    def __init__(self, job: PassJob, files: Files) -> None:
        self._job = job
        self._files = files
        self._newest = OffsetMap(job.map_bytes, job.map_load_factor, job.end - job.first_dirty)
        self._newest.latest_offset = job.first_dirty - 1
        self._read = self._written = self._records = self._kept = 0

    def steps(self) -> Iterator[Step]:
        job = self._job
        aborted = self._aborted()
        yield from self._note_keys(aborted)
        clean_to = self._newest.latest_offset + 1
        transactions = Transactions(aborted)
        retention = Retention(self._newest, transactions, job.producers, job.now_ms, job.delete_retention_ms)
        sources = [self._source(base, size) for base, size in job.segments if base < clean_to]
        after = min([job.end, *(base for base, _ in job.segments if base >= clean_to)])
        for group in groups(sources, job.segment_bytes, job.segment_index_bytes, after):
            yield from self._clean(group, retention)
        yield Step(
            0,
            PassResult(clean_to, self._read, self._written, self._records, self._kept, self._newest.utilisation),
        )

    # -- what is known before

    def _path(self, base: int, suffix: str) -> str:
        return f"{self._job.folder}/{offset_name(base)}{suffix}"

    def _aborted(self) -> list[AbortedTransaction]:
        found: list[AbortedTransaction] = []
        for base in self._job.txn_indexes:
            found += decode_aborted(self._files.read(self._path(base, TXN_INDEX)))
        return found

    def _source(self, base: int, size: int) -> SourceSegment:
        index, time_index = self._path(base, INDEX), self._path(base, TIME_INDEX)
        return SourceSegment(
            base,
            size,
            self._files.size(index) if self._files.exists(index) else 0,
            self._files.size(time_index) if self._files.exists(time_index) else 0,
        )

    # -- the last offset of each key

    def _note_keys(self, aborted: list[AbortedTransaction]) -> Iterator[Step]:
        """Until the map is full or the dirty part is at its end. Aborted records supersede nothing."""
        job = self._job
        transactions = Transactions(one for one in aborted if one.last_offset >= job.first_dirty)
        for index, (base, size) in enumerate(job.segments):
            after = job.segments[index + 1][0] if index + 1 < len(job.segments) else job.end
            if after <= job.first_dirty:
                continue
            for batches, read in self._chunks(base, size, max(job.first_dirty, base)):
                for header, batch in batches:
                    if not self._note_batch(header, batch, transactions):
                        return
                yield Step(read)
            self._newest.latest_offset = after - 1

    def _note_batch(self, header: BatchHeader, batch: memoryview, transactions: Transactions) -> bool:
        """False: the map is full."""
        newest, first = self._newest, self._job.first_dirty
        if header.is_control:
            transactions.of_marker(header, batch)
        elif not transactions.is_aborted(header):
            data = payload_within_budget(header, batch)
            records = [] if data is None else outlines(header, data)  # its keys supersede nothing then
            if header.base_offset >= first and newest.room >= len(records):  # nearly always
                base = header.base_offset
                newest.put_all({record[5]: base + record[4] for record in records if record[5] is not None})
            elif not self._note_records(header, records):
                return False
        if header.last_offset >= first:
            newest.latest_offset = header.last_offset
        return True

    def _note_records(self, header: BatchHeader, records: list[Outline]) -> bool:
        """One by one: the dirty part begins in this batch, or the map ends in it. False: it is full."""
        newest = self._newest
        for record in records:
            offset = header.base_offset + record.offset_delta
            if record.key is not None and offset >= self._job.first_dirty:
                if newest.is_full:
                    return False
                newest.put(record.key, offset)
        return True

    # -- copying what stays

    def _clean(self, group: list[SourceSegment], retention: Retention) -> Iterator[Step]:
        output = _Output(self._files, self._job, group[0].base_offset)
        try:
            for source in group:
                for batches, read in self._chunks(source.base_offset, source.size_bytes, source.base_offset):
                    written = output.size_bytes
                    for header, batch in batches:
                        self._records += header.record_count
                        kept = retention.of_batch(header, batch)
                        for entry in retention.index_entries:
                            output.segment.add_aborted(entry)
                        retention.index_entries.clear()
                        if kept is not None:
                            output.add(kept.data, header.last_offset, kept.max_timestamp)
                            self._kept += kept.records
                    self._read += read
                    yield Step(read + output.size_bytes - written)
            size = output.finish()
        finally:
            output.close()
        self._written += size
        replaced = tuple(source.base_offset for source in group)
        yield Step(0, Cleaned(group[0].base_offset, size, replaced, output.segment.has_txn_index))

    def _chunks(
        self, base: int, size: int, from_offset: int
    ) -> Iterator[tuple[list[tuple[BatchHeader, memoryview]], int]]:
        """Whole batches, some at a time, with their bytes; from the one that holds `from_offset` on."""
        segment = Segment(self._files, self._job.folder, base, OpenFiles(), 0, size)
        try:
            position = segment.position_of(from_offset) if from_offset > base else 0
            chunk_bytes = self._job.read_bytes
            while position is not None and position < size:
                data = memoryview(segment.open_file().pread(position, min(chunk_bytes, size - position)))
                batches, used = self._whole_batches(data, position, size)
                if not batches:  # one that is larger than the buffer
                    chunk_bytes = used
                    continue
                yield batches, used
                position += used
                chunk_bytes = self._job.read_bytes
        finally:
            segment.close_file()

    def _whole_batches(
        self, data: memoryview, position: int, size: int
    ) -> tuple[list[tuple[BatchHeader, memoryview]], int]:
        """The whole batches in `data` and their bytes; if there is none, the size of the first."""
        batches: list[tuple[BatchHeader, memoryview]] = []
        at = 0
        while len(data) - at >= HEADER_BYTES:
            header = BatchHeader._make(HEADER.unpack_from(data, at))
            check_outline(header)
            end = at + header.size_bytes
            if position + end > size:
                raise CorruptMessage(f"a batch at {position + at} reaches beyond its segment of {size} bytes")
            if end > len(data):
                break
            if crc32c(data[at + CRC_FROM : end]) != header.crc:
                raise CorruptMessage(f"the batch at offset {header.base_offset} has a wrong CRC")
            batches.append((header, data[at:end]))
            at = end
        if not batches:
            if len(data) < HEADER_BYTES:
                raise CorruptMessage(f"{len(data)} bytes at {position} are no batch")
            return [], header.size_bytes
        return batches, at


class _Output:
    """The copy that is being written: a segment whose names end with `.cleaned`."""

    def __init__(self, files: Files, job: PassJob, base_offset: int) -> None:
        self._files = files
        self._job = job
        segment = self.segment = Segment(files, job.folder, base_offset, OpenFiles(), job.now_ms, suffix=CLEANED)
        segment.create()
        self._waiting: list[Buffer] = []
        self._waiting_bytes = 0

    @property
    def size_bytes(self) -> int:
        return self.segment.size_bytes

    def add(self, data: Buffer, last_offset: int, max_timestamp: int) -> None:
        """Written in larger pieces; indexed at once."""
        segment = self.segment
        size = len(data)
        segment.note(segment.size_bytes, size, last_offset, max_timestamp, self._job.index_interval_bytes)
        segment.size_bytes += size
        self._waiting.append(data)
        self._waiting_bytes += size
        if self._waiting_bytes >= _WRITE_BYTES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self.segment.open_file().append(b"".join(self._waiting))  # more buffers than one call takes
            self._waiting, self._waiting_bytes = [], 0

    def finish(self) -> int:
        """Everything is on the disk when it returns, names included; the size."""
        segment = self.segment
        self._write()
        segment.write_indexes()
        if segment.base_offset in self._job.txn_indexes and not segment.has_txn_index:
            self._files.open(segment.path(TXN_INDEX), create=True).close()  # empty: it has to replace the old one
            segment.has_txn_index = True
        kinds = [LOG, INDEX, TIME_INDEX] + ([TXN_INDEX] if segment.has_txn_index else [])
        for kind in kinds:
            file = self._files.open(segment.path(kind))
            try:
                file.fsync()
            finally:
                file.close()
        self._files.fsync_folder(self._job.folder)
        return segment.size_bytes

    def close(self) -> None:
        self.segment.close_file()
