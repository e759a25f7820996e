"""The indexes of a segment at their first use: whether they can be its own, and making them again where they cannot.

An index is a short cut through the segment, so the segment decides. Looked at are the ends of the index, the end of the
segment, and, later, each entry that a search finds. What was made again is told once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from ottla.common.errors import CorruptMessage
from ottla.records.batch import NO_TIMESTAMP, BatchHeader
from ottla.storage.files import File, Files
from ottla.storage.indexes import OFFSET_ENTRY, TIME_ENTRY, AbortedTransaction, last_entry
from ottla.storage.kept import Kept
from ottla.storage.paths import INDEX, TIME_INDEX, TXN_INDEX
from ottla.storage.repairs import Cut, OnRepair, Reason, Remade, gap
from ottla.storage.segment import Segment
from ottla.storage.tail import RELATIVE_MAX, Tail, fits, holds_whole_batches, most_of, walk, walk_all, why_it_ends

_FAR_BYTES = 16 << 20
"""An index that leaves more than this behind its last entry was cut short: a search would walk too far."""

EndOf = Callable[[Segment], int]
AbortedOf = Callable[[Segment], list[AbortedTransaction]]


class IndexCheck:
    """Implements `segment.Indexing` for the segments of one folder."""

    def __init__(
        self,
        files: Files,
        folder: str,
        index_interval_bytes: int,
        tell: OnRepair,
        end_of: EndOf,
        aborted_of: AbortedOf,
        *,
        gaps_are_fine: bool,
    ) -> None:
        """`end_of`: an offset that no batch of the segment reaches. `aborted_of` reads the aborted transactions of a
        segment from its markers. `gaps_are_fine`: compaction leaves them between segments."""
        self._end_of = end_of
        self._files = files
        self._folder = folder
        self._interval = index_interval_bytes
        self._tell = tell
        self._aborted_of = aborted_of
        self._kept = Kept(files, folder)
        self._gaps_are_fine = gaps_are_fine

    # -- the first use of a segment

    def first_use(self, segment: Segment) -> bool:
        """Makes indexes again that cannot be right (True then), and lets the segment end where its last batch ends.

        Damage with whole batches behind it stays where it is: who reads it gets an error, who reads behind it does not.
        """
        remade, tail = self.check(segment)
        self.tell_gap(segment, tail)
        self.end_where_batches_end(segment, tail)
        return remade

    def tell_gap(self, segment: Segment, tail: Tail) -> None:
        """The next segment should begin where the batches of this one end; a folder that was copied by half lacks some
        between them. Not told where bytes were kept: then it was a cut, and was told with that."""
        if self._gaps_are_fine or tail.position != segment.size_bytes:
            return
        lost, goes_on_at = tail.end_offset, self._end_of(segment)
        if lost < goes_on_at < most_of(segment.base_offset) and not self._kept.has(lost):
            self._tell(gap(self._folder, lost, goes_on_at))

    def end_where_batches_end(self, segment: Segment, tail: Tail) -> None:
        size, end_offset = segment.size_bytes, self._end_of(segment)
        if tail.position == size:
            return
        if not holds_whole_batches(segment.open_file(), size, tail.position, end_offset, tail.end_offset):
            self._cut(segment, tail)

    def check(self, segment: Segment) -> tuple[bool, Tail]:
        """Whether the indexes had to be made again, and the batches behind the last one that is indexed. Raises
        OSError."""
        segment.trust()  # what is looked up from here on is part of the look
        wrong, tail = self._what_is_wrong(segment)
        if wrong is None:
            return False, tail
        self.remake(segment, *wrong)
        return True, self._tail(segment, segment.tail_position())

    def _tail(self, segment: Segment, position: int) -> Tail:
        base = segment.base_offset
        if not segment.size_bytes:
            return Tail(0, base, 0, None, None)
        return walk(segment.open_file(), segment.size_bytes, position, self._end_of(segment), base)

    def remake(self, segment: Segment, suffix: str, why: str) -> None:
        """Offset and time index from the headers of all batches."""
        segment.begin_rebuild()

        def note(position: int, header: BatchHeader) -> None:
            timestamp = header.max_timestamp if header.record_count else NO_TIMESTAMP
            segment.note(position, header.size_bytes, header.last_offset, timestamp, self._interval)

        if segment.size_bytes:
            base, end_offset = segment.base_offset, self._end_of(segment)
            walk_all(segment.open_file(), segment.size_bytes, base, end_offset, note)
        segment.deactivate()
        self._tell(Remade(segment.path(suffix), why))

    def remake_aborted(self, segment: Segment) -> list[AbortedTransaction]:
        found = self._aborted_of(segment)
        self._tell(Remade(segment.path(TXN_INDEX), "it is no list of aborted transactions of its segment"))
        return found

    def _cut(self, segment: Segment, tail: Tail) -> None:
        file, size = segment.open_file(), segment.size_bytes
        reason = why_it_ends(file, size, tail.position, tail.end_offset)
        if reason is Reason.WRONG_CRC:  # the outline does not fit either, or the walk would not have stopped
            reason = Reason.GARBAGE
        kept = [] if reason is Reason.ZEROS else [self._kept.part(file, tail.position, size, tail.end_offset)]
        segment.cut(tail.position)
        self._tell(Cut(self._folder, tail.end_offset, tail.end_offset, size - tail.position, 0, reason, tuple(kept)))

    # -- what is wrong with the files

    def _what_is_wrong(self, segment: Segment) -> tuple[tuple[str, str] | None, Tail]:
        """The suffix of the file and a sentence, or None; and the batches behind the last entry."""
        nowhere = Tail(0, segment.base_offset, 0, None, None)
        path = segment.path(INDEX)
        if not self._files.exists(path):
            if segment.size_bytes:
                return (INDEX, "it is missing"), nowhere
            return None, nowhere
        file = self._files.open(path)
        try:
            wrong = _wrong_size(file, OFFSET_ENTRY)
            if wrong is not None:
                return (INDEX, wrong), nowhere
            ends = _ends(file)
        finally:
            file.close()
        if any(not 0 < position < segment.size_bytes for _, position in ends):
            return (INDEX, "its entries lie outside of the segment"), nowhere
        tail = self._tail(segment, ends[-1][1] if ends else 0)
        of_offsets = self._of_offsets(segment, ends, tail)
        if of_offsets is not None:
            return (INDEX, of_offsets), tail
        of_times = self._of_times(segment, tail)
        return None if of_times is None else (TIME_INDEX, of_times), tail

    def _of_offsets(self, segment: Segment, ends: list[tuple[int, int]], tail: Tail) -> str | None:
        if ends:
            relative = ends[-1][0]
            if tail.first is None or tail.first.base_offset > segment.base_offset + relative:
                return "its last entry does not lead to a batch"
            if ends[0] != ends[-1] and not self._leads_to_a_batch(segment, *ends[0]):
                return "its first entry does not lead to a batch"
        covered = ends[-1][1] if ends else 0
        if segment.size_bytes - covered > _FAR_BYTES + 2 * self._interval and not self._is_large(segment, covered):
            return "it ends too early"
        return None

    def _leads_to_a_batch(self, segment: Segment, relative: int, position: int) -> bool:
        if not (0 <= relative <= RELATIVE_MAX and 0 < position < segment.size_bytes):
            return False
        header = segment.header_within(position)
        left, base = segment.size_bytes - position, segment.base_offset
        end_offset = self._end_of(segment)
        return header is not None and fits(header, left, end_offset, base) and header.base_offset <= base + relative

    def _is_large(self, segment: Segment, position: int) -> bool:
        header = segment.header_within(position)
        return header is not None and header.size_bytes > _FAR_BYTES

    def _of_times(self, segment: Segment, tail: Tail) -> str | None:
        path = segment.path(TIME_INDEX)
        if not self._files.exists(path):
            return None if segment.size_bytes == 0 else "it is missing"
        file = self._files.open(path)
        try:
            wrong = _wrong_size(file, TIME_ENTRY)
            if wrong is not None:
                return wrong
            last = last_entry(file, TIME_ENTRY)
        finally:
            file.close()
        timestamp, relative = last or (NO_TIMESTAMP, 0)
        newest = tail.last
        if newest is not None and newest.record_count:
            if newest.max_timestamp > timestamp:
                return "the last batch is newer than its last entry"
            if timestamp == newest.max_timestamp and 0 <= relative <= newest.last_offset - segment.base_offset:
                return None  # as nearly always
        if last is not None and not self.is_time_of(segment, timestamp, relative):
            return "its last entry is not the time of a batch"
        return None

    @staticmethod
    def is_time_of(segment: Segment, timestamp: int, relative: int) -> bool:
        """The batch that holds the offset has this largest timestamp; or it cannot be reached for damage before it."""
        if not 0 <= relative <= RELATIVE_MAX:
            return False
        try:
            position = segment.position_of(segment.base_offset + relative)
            header = None if position is None else segment.header_within(position)
        except CorruptMessage:
            return True
        return header is not None and header.max_timestamp == timestamp


def _ends(file: File) -> list[tuple[int, int]]:
    """The first and the last entry of an offset index; none of one that is empty or preallocated."""
    content = file.pread(0, OFFSET_ENTRY.size)
    if not any(content):
        return []
    first = OFFSET_ENTRY.unpack(content)
    last = last_entry(file, OFFSET_ENTRY)
    return [(first[0], first[1])] if last is None else [(first[0], first[1]), last]


def _wrong_size(file: File, entry: struct.Struct) -> str | None:
    size = file.size()
    if size % entry.size:
        return "it holds half an entry"
    if size > entry.size and not any(file.pread(size - entry.size, entry.size)):
        return "it ends in zeros"  # room that a crash left, or an entry that is lost
    return None
