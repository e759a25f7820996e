"""One segment: a file of record batches, its indexes, and what is known of it."""

from __future__ import annotations

import contextlib
import struct
from typing import Protocol

from ottla.common.errors import CorruptMessage
from ottla.records.batch import HEADER_BYTES, LENGTH_AT, MAGIC, MINIMUM_LENGTH, BatchHeader, Buffer, parse_header
from ottla.storage.failures import is_passing, lacks_descriptors
from ottla.storage.files import File, Files
from ottla.storage.indexes import (
    NO_TIMESTAMP,
    OFFSET_ENTRY,
    TIME_ENTRY,
    AbortedTransaction,
    OffsetIndex,
    TimeIndex,
    aborted_may_be_true,
    decode_aborted,
    encode_aborted,
    last_entry,
    search,
)
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import INDEX, LOG, TIME_INDEX, TXN_INDEX, offset_name

_OUTLINE = struct.Struct(">qi11xi")
"""Base offset, length and last offset delta: what a scan over headers needs."""
_SCAN_BYTES = 16 * 1024
_POSITIONS_MAX = 64


class Indexing(Protocol):
    """Looks after the indexes of segments that an earlier process wrote. All calls raise OSError."""

    def first_use(self, segment: Segment) -> bool:
        """Before anything is looked up in the segment. True if its indexes were made again."""
        ...

    def remake(self, segment: Segment, suffix: str, why: str) -> None:
        """Offset and time index are made again; the segment is closed then."""
        ...

    def is_time_of(self, segment: Segment, timestamp: int, relative: int) -> bool:
        """An entry of the time index is true."""
        ...

    def remake_aborted(self, segment: Segment) -> list[AbortedTransaction]:
        """The aborted transactions, from the markers in the segment."""
        ...


class Segment:
    """Batches from `base_offset` on. It is active while it has its indexes in memory, and closed otherwise."""

    __slots__ = (
        "_aborted", "_aborted_unwritten", "_behind", "_files", "_first_timestamp", "_folder", "_max_timestamp",
        "_offset_of_max", "_open_files", "_positions", "_reserved", "_suffix", "_used_before", "_wants_close",
        "base_offset", "bytes_since_index", "created_ms", "file", "has_txn_index", "indexing", "jitter_ms",
        "offset_index", "pins", "size_bytes", "time_index", "used",
    )  # fmt: skip

    def __init__(
        self,
        files: Files,
        folder: str,
        base_offset: int,
        open_files: OpenFiles,
        created_ms: int,
        size_bytes: int = 0,
        suffix: str = "",
    ) -> None:
        self._files = files
        self._folder = folder
        self._open_files = open_files
        self._suffix = suffix
        self._behind: dict[str, str] = {}
        """Kinds of file that a rename which was broken off has left under an old suffix."""
        self.base_offset = base_offset
        self.size_bytes = size_bytes
        self.created_ms = created_ms
        self.jitter_ms = 0
        self.file: File | None = None
        self._reserved = False
        """The file is larger than what is in it (preallocate)."""
        self.pins = 0
        self.used = False
        self._wants_close = False
        self.offset_index: OffsetIndex | None = None
        self.time_index: TimeIndex | None = None
        self.bytes_since_index = 0
        self._max_timestamp: int | None = None
        self._offset_of_max = 0
        self._first_timestamp: int | None = None
        self.has_txn_index = False
        self._aborted: list[AbortedTransaction] | None = None
        self._aborted_unwritten = False
        """The file lacks some of them: the disk had no room."""
        self._positions: dict[int, int] = {}
        self.indexing: Indexing | None = None
        """Of a segment that an earlier process wrote: its indexes are not believed blindly."""
        self._used_before = True

    def __repr__(self) -> str:
        return f"<Segment {self.base_offset} {self.size_bytes} bytes>"

    # -- files

    def path(self, suffix: str) -> str:
        end = self._behind.get(suffix, self._suffix) if self._behind else self._suffix
        return f"{self._folder}/{offset_name(self.base_offset)}{suffix}{end}"

    def create(self, reserve_bytes: int = 0) -> None:
        """An empty, active segment, whose file gets its full size at once if asked for. What an earlier run left under
        its names goes."""
        for suffix in (INDEX, TIME_INDEX, TXN_INDEX):
            if self._files.exists(self.path(suffix)):
                self._files.remove(self.path(suffix))
        file = self._open(create=True)
        try:
            if file.size():
                file.truncate(0)
            if reserve_bytes:
                file.reserve(reserve_bytes)
                self._reserved = True
        except OSError:
            file.close()
            raise
        self.file = file
        self._open_files.opened(self)
        self.used = True
        self.offset_index, self.time_index = OffsetIndex(), TimeIndex()
        self._max_timestamp, self._offset_of_max = NO_TIMESTAMP, self.base_offset

    def open_file(self) -> File:
        """The log file, opened now unless it is open."""
        if self.file is None:
            self.file = self._open(create=False)
            self._open_files.opened(self)
            self.give_back()  # the file, opened anew, would append behind its reserve
        self.used = True
        return self.file

    def _open(self, *, create: bool) -> File:
        """Where the process has no descriptor left, cold files make room."""
        try:
            return self._files.open(self.path(LOG), create=create)
        except OSError as error:
            if not lacks_descriptors(error) or not self._open_files.make_room():
                raise
        return self._files.open(self.path(LOG), create=create)

    def give_back(self) -> None:
        """The file ends where its records end."""
        if self._reserved:
            self._reserved = False
            self.open_file().truncate(self.size_bytes)

    def close_file(self) -> None:
        """At once, or at the last unpin."""
        if self.pins:
            self._wants_close = True
        elif self.file is not None:
            self.file.close()
            self.file = None
            self._open_files.closed(self)

    def unpin(self) -> None:
        self.pins -= 1
        assert self.pins >= 0, "a segment was released more often than pinned"
        if not self.pins and self._wants_close:
            self._wants_close = False
            self.close_file()

    def rename(self, suffix: str) -> None:
        """All its files get `suffix` at their end. They can still be read. Where the disk refuses it on the way, the
        same call again goes on."""
        for kind in (LOG, INDEX, TIME_INDEX, TXN_INDEX):  # the log first: it alone says whether a segment is there
            before = self.path(kind)
            after = f"{self._folder}/{offset_name(self.base_offset)}{kind}{suffix}"
            if before != after and self._files.exists(before):
                self._files.rename(before, after)
            if kind == LOG and suffix != self._suffix:
                left = (INDEX, TIME_INDEX, TXN_INDEX)
                self._behind = {other: self._behind.get(other, self._suffix) for other in left}
                self._suffix = suffix
            self._behind.pop(kind, None)

    def moved_to(self, folder: str) -> None:
        """The folder that it lies in has another name now."""
        self._folder = folder

    def finish_rename(self) -> None:
        """What a rename has left behind follows."""
        if self._behind:
            self.rename(self._suffix)

    def remove_files(self) -> None:
        for kind in (LOG, INDEX, TIME_INDEX, TXN_INDEX):
            with contextlib.suppress(FileNotFoundError):
                self._files.remove(self.path(kind))
        self.has_txn_index = False

    # -- files of an earlier process

    def distrust(self, indexing: Indexing) -> None:
        """The files were written by an earlier process: `indexing` looks at them before they are used."""
        self.indexing = indexing
        self._used_before = False

    def settle(self) -> None:
        """The first use: what the index files say is held against the segment."""
        if not self._used_before and self.indexing is not None:
            self._used_before = True
            try:
                self.indexing.first_use(self)
            except OSError:
                self._used_before = False
                raise

    def trust(self) -> None:
        """The files were looked at."""
        self._used_before = True

    def _remake(self, suffix: str) -> None:
        assert self.indexing is not None
        active = self.offset_index is not None
        self.indexing.remake(self, suffix, "an entry in it is wrong")
        if active:
            self.activate()

    def cut(self, position: int) -> None:
        """The file ends at `position`, where the last batch ends; nothing in the indexes lies behind it."""
        self.open_file().truncate(position)
        self.size_bytes = position
        self._positions.clear()

    # -- being active

    def activate(self) -> None:
        """Takes the indexes into memory."""
        if self.offset_index is None:
            self.settle()
            offsets, times = self._decoded_indexes()
            if self.indexing is not None and not (offsets.rises(self.size_bytes) and times.rises()):
                self.indexing.remake(self, INDEX, "its entries do not rise")
                offsets, times = self._decoded_indexes()
            self.offset_index, self.time_index = offsets, times

    def _decoded_indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        return OffsetIndex.decode(self._read(INDEX)), TimeIndex.decode(self._read(TIME_INDEX))

    def deactivate(self) -> bool:
        """Writes the indexes, unless the files say the same (then False); from now on they are searched on disk."""
        written = self.write_indexes()
        self.offset_index = self.time_index = None
        self._positions.clear()
        return written

    def write_indexes(self) -> bool:
        """The time index gets its last entry, so that the largest timestamp is known without a look at the log. False
        if nothing was to be written."""
        self.give_back()
        if self.offset_index is None or self.time_index is None:
            return False
        self.time_index.maybe_append(self.max_timestamp, self._offset_of_max - self.base_offset)
        self.write_aborted()
        contents = {INDEX: self.offset_index.encode(), TIME_INDEX: self.time_index.encode()}
        changed = [kind for kind, content in contents.items() if not self._says(kind, content)]
        for suffix in changed:
            self._replace(suffix, contents[suffix])
        return bool(changed)

    def _read(self, suffix: str) -> bytes:
        path = self.path(suffix)
        return self._files.read(path) if self._files.exists(path) else b""

    def _says(self, suffix: str, content: bytes) -> bool:
        path = self.path(suffix)
        return self._files.exists(path) and self._files.size(path) == len(content) and self._files.read(path) == content

    def _replace(self, suffix: str, content: bytes) -> None:
        file = self._files.open(self.path(suffix), create=True)
        try:
            file.truncate(0)
            if content:
                file.append(content)
        finally:
            file.close()

    def append(
        self, parts: list[Buffer], size: int, last_offset: int, max_timestamp: int, index_interval_bytes: int
    ) -> None:
        """One batch, whole. The segment is active. The index entry stands for the batch that is being added (Kafka)."""
        file = self.file
        if file is None:
            file = self.open_file()
        position = self.size_bytes
        file.append(parts)
        self.size_bytes = position + size
        newest = self._max_timestamp
        if newest is None or max_timestamp > newest or self.bytes_since_index > index_interval_bytes:
            self.note(position, size, last_offset, max_timestamp, index_interval_bytes)
        else:  # nothing to index, as for most small batches: spared the call
            self.bytes_since_index += size

    def note(self, position: int, size: int, last_offset: int, max_timestamp: int, index_interval_bytes: int) -> None:
        """Indexes a batch that the file holds already."""
        if self._max_timestamp is None:
            self._load_max_timestamp()
        if max_timestamp > self._max_timestamp:  # type: ignore[operator]
            self._max_timestamp = max_timestamp
            self._offset_of_max = last_offset
        if self.bytes_since_index > index_interval_bytes:
            base = self.base_offset
            assert self.offset_index is not None and self.time_index is not None, "only an active segment grows"
            self.offset_index.append(last_offset - base, position)
            self.time_index.maybe_append(self._max_timestamp, self._offset_of_max - base)  # type: ignore[arg-type]
            self.bytes_since_index = 0
        self.bytes_since_index += size

    def begin_rebuild(self) -> None:
        """Empty indexes, for a scan that calls `note` for each batch."""
        self.offset_index, self.time_index = OffsetIndex(), TimeIndex()
        self._max_timestamp, self._offset_of_max = NO_TIMESTAMP, self.base_offset
        self.bytes_since_index = 0
        self._positions.clear()

    def truncate(self, position: int, offset: int) -> None:
        """Cuts the file at `position`, where the batch with `offset` begins, and what the indexes say past it."""
        self.activate()
        assert self.offset_index is not None and self.time_index is not None
        self.offset_index.truncate(offset - self.base_offset)
        self.time_index.truncate(offset - self.base_offset)
        self.open_file().truncate(position)
        self._reserved = False
        self.size_bytes = position
        self.bytes_since_index = 0
        if position == 0:
            self._first_timestamp = None
        self._positions.clear()
        self._rescan_max_timestamp()
        self._truncate_aborted(offset)

    def _rescan_max_timestamp(self) -> None:
        """After a cut: what the time index still knows, and the batches past its last entry."""
        assert self.time_index is not None
        self._max_timestamp, relative = self.time_index.last
        self._offset_of_max = relative + self.base_offset
        position = self.position_of(self._offset_of_max) if self._max_timestamp != NO_TIMESTAMP else 0
        while position is not None and position + HEADER_BYTES <= self.size_bytes:
            header = self.header_at(position)
            if header.record_count and header.max_timestamp > self._max_timestamp:
                self._max_timestamp, self._offset_of_max = header.max_timestamp, header.last_offset
            position += header.size_bytes

    # -- times

    @property
    def max_timestamp(self) -> int:
        """The largest timestamp, -1 if there is none."""
        if self._max_timestamp is None:
            self._load_max_timestamp()
        assert self._max_timestamp is not None
        return self._max_timestamp

    @property
    def offset_of_max(self) -> int:
        """The last offset of the first batch that holds the largest timestamp."""
        if self._max_timestamp is None:
            self._load_max_timestamp()
        return self._offset_of_max

    def _load_max_timestamp(self) -> None:
        last: tuple[int, int] | None = None
        if self.time_index is None:
            self.settle()
        if self.time_index is not None:
            last = self.time_index.last
        elif self._files.exists(self.path(TIME_INDEX)):
            file = self._files.open(self.path(TIME_INDEX))
            try:
                last = last_entry(file, TIME_ENTRY)
            finally:
                file.close()
        timestamp, relative = last or (NO_TIMESTAMP, 0)
        self._max_timestamp, self._offset_of_max = timestamp, relative + self.base_offset

    def newest_ms(self) -> int:
        """What retention by age goes by: the largest timestamp, else the file's own time."""
        timestamp = self.max_timestamp
        return timestamp if timestamp >= 0 else self._files.modified_ms(self.path(LOG))

    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch, -1 in an empty segment: how long it has been there, for the lags of
        compaction."""
        if self._first_timestamp is None:
            if not self.size_bytes:
                return NO_TIMESTAMP
            self._first_timestamp = self.header_at(0).max_timestamp
        return self._first_timestamp

    def age_ms(self, now_ms: int, timestamp: int) -> int:
        """How long it has been active, by its records' time where they have one."""
        first = self._first_timestamp
        if first is None:
            first = timestamp if self.size_bytes == 0 else self.header_at(0).max_timestamp
            if self.size_bytes:
                self._first_timestamp = first
        return timestamp - first if first >= 0 and timestamp >= 0 else now_ms - self.created_ms

    # -- finding

    def header_at(self, position: int) -> BatchHeader:
        return parse_header(self.open_file().pread(position, HEADER_BYTES))

    def header_within(self, position: int) -> BatchHeader | None:
        """None where so few bytes are left that none begins there."""
        return self.header_at(position) if 0 <= position <= self.size_bytes - HEADER_BYTES else None

    def _is_batch(self, position: int, offset: int) -> bool:
        """A batch begins there that does not lie behind `offset`, so that a scan from it misses nothing."""
        header = self.header_within(position)
        return header is not None and header.magic == MAGIC and self.base_offset <= header.base_offset <= offset

    def tail_position(self) -> int:
        """The start of a batch near the end: the last one that is indexed, else the first."""
        if self.offset_index is not None:
            return self.offset_index.positions[-1] if len(self.offset_index) else 0
        found = self._search_offset_index(1, (1 << 31) - 1)
        return found[1] if found else 0

    def remember(self, offset: int, position: int) -> None:
        """A reader is likely to come back for `offset`; its batch begins at `position`."""
        positions = self._positions
        if offset not in positions and len(positions) >= _POSITIONS_MAX:
            del positions[next(iter(positions))]
        positions[offset] = position

    def position_of(self, offset: int) -> int | None:
        """Where the first batch begins that ends at or above `offset`; None if the segment has none."""
        known = self._positions.get(offset)
        if known is not None:
            return known if known < self.size_bytes else None
        self.settle()
        position = self._indexed_below(offset)
        if position and self.indexing is not None and not self._is_batch(position, offset):
            self._remake(INDEX)
            position = self._indexed_below(offset)
        end = self.scan(position, self.size_bytes, offset)[0]
        return end if end < self.size_bytes else None

    def scan(self, position: int, limit: int, up_to: int) -> tuple[int, int]:
        """Steps over the batches from `position` on that end below the offset `up_to` and within `limit` bytes.

        The position after them, and the offset after the last of them (-1 if none).
        """
        file = self.file or self.open_file()
        unpack = _OUTLINE.unpack_from
        size = self.size_bytes
        end_offset = -1
        start, chunk = position, b""
        while position < size:
            at = position - start
            if at + _OUTLINE.size > len(chunk):
                start, at = position, 0
                chunk = file.pread(position, min(_SCAN_BYTES, size - position))
                if len(chunk) < _OUTLINE.size:
                    break
            base_offset, length, last_delta = unpack(chunk, at)
            if length < MINIMUM_LENGTH:
                raise CorruptMessage(f"{self.path(LOG)}: no record batch at {position}")
            after = position + length + LENGTH_AT
            last = base_offset + last_delta
            if last >= up_to or after > limit:
                break
            position = after
            end_offset = last + 1
        return position, end_offset

    def end_within(self, position: int, max_bytes: int, up_to: int) -> tuple[int, int]:
        """Like `scan` over at most `max_bytes` from `position` on, with the help of the index."""
        limit = min(position + max_bytes, self.size_bytes)
        if limit - position > _SCAN_BYTES:
            indexed = self._indexed_before(up_to, limit)
            if indexed and self.indexing is not None and not self._is_batch(indexed, up_to):
                self._remake(INDEX)
                indexed = self._indexed_before(up_to, limit)
            if indexed > position:
                end, end_offset = self.scan(indexed, limit, up_to)
                if end > indexed:
                    return end, end_offset
                return indexed, parse_header(self.open_file().pread(indexed, HEADER_BYTES)).base_offset
        return self.scan(position, limit, up_to)

    def _indexed_below(self, offset: int) -> int:
        relative = offset - self.base_offset
        if self.offset_index is not None:
            return self.offset_index.position_below(relative)
        found = self._search_offset_index(0, relative)
        return found[1] if found else 0

    def _indexed_before(self, offset: int, limit: int) -> int:
        relative = min(offset - self.base_offset, (1 << 31) - 1)
        if self.offset_index is not None:
            return self.offset_index.position_before(relative, limit)
        by_position = self._search_offset_index(1, limit)
        if by_position is None or by_position[0] < relative:
            return by_position[1] if by_position else 0
        by_offset = self._search_offset_index(0, relative - 1)
        return by_offset[1] if by_offset else 0

    def _search_offset_index(self, field: int, key: int) -> tuple[int, int] | None:
        path = self.path(INDEX)
        if not self._files.exists(path):
            return None
        file = self._files.open(path)
        try:
            return search(file, OFFSET_ENTRY, field, key)
        finally:
            file.close()

    def offset_before_time(self, timestamp: int) -> int:
        """An offset below which no batch reaches `timestamp`."""
        if self.time_index is None:
            self.settle()
        found = self._timed_before(timestamp)
        if found is not None and self.indexing is not None and not self.indexing.is_time_of(self, *found):
            self._remake(TIME_INDEX)
            found = self._timed_before(timestamp)
        return (found[1] if found else 0) + self.base_offset

    def _timed_before(self, timestamp: int) -> tuple[int, int] | None:
        """The last entry of the time index below `timestamp`."""
        if self.time_index is not None:
            return self.time_index.entry_before(timestamp)
        if not self._files.exists(self.path(TIME_INDEX)):
            return None
        file = self._files.open(self.path(TIME_INDEX))
        try:
            return search(file, TIME_ENTRY, 0, timestamp - 1)
        finally:
            file.close()

    # -- aborted transactions

    @property
    def aborted(self) -> list[AbortedTransaction]:
        """In the order of their markers."""
        if self._aborted is None:
            data = self._read(TXN_INDEX) if self.has_txn_index else b""
            if self.indexing is None or aborted_may_be_true(data, self.base_offset):
                self._aborted = decode_aborted(data)
            else:
                self._set_aborted(self.indexing.remake_aborted(self))
        assert self._aborted is not None
        return self._aborted

    def settle_aborted(self) -> None:
        """The first use of the transaction index, for a reader of the file."""
        _ = self.aborted

    def add_aborted(self, entry: AbortedTransaction) -> None:
        """Known at once. Where the disk has no room for it, the file follows with `write_aborted`, before a sync lets
        the recovery point pass the marker. Raises OSError if the disk is broken."""
        self.aborted.append(entry)
        self.has_txn_index = True
        if self._aborted_unwritten:
            return
        try:
            file = self._files.open(self.path(TXN_INDEX), create=True)
            try:
                file.append(entry.encode())
            finally:
                file.close()
        except OSError as error:
            if not is_passing(error):
                raise
            self._aborted_unwritten = True

    def write_aborted(self) -> None:
        """Makes the file say what is known, if it does not."""
        if self._aborted_unwritten:
            self._replace(TXN_INDEX, encode_aborted(self.aborted))
            self._aborted_unwritten = False

    def reset_aborted(self) -> None:
        """Recovery reads them from the markers."""
        self._set_aborted([])

    def _truncate_aborted(self, offset: int) -> None:
        kept = [entry for entry in self.aborted if entry.last_offset < offset]
        if len(kept) != len(self.aborted):
            self._set_aborted(kept)

    def _set_aborted(self, entries: list[AbortedTransaction]) -> None:
        self._aborted = entries
        if self.has_txn_index:
            self._replace(TXN_INDEX, encode_aborted(entries))
