"""After a crash, or where the end of a log is not whole: what the log consists of, batch by batch.

Everything from the segment of the recovery point on is scanned. What lies above the recovery point was promised to
nobody's disk: the log ends at the first batch that is not whole. What lies below it was durable, so that a batch that
is not whole is damage and not a torn write: it alone leaves the log, and the whole batches behind it go on in a segment
of their own. Whatever is cut and may hold a whole record is kept beside the log (`kept.py`), before anything changes.
"""

from __future__ import annotations

from collections.abc import Callable

from ottla.storage.epochs import Epochs
from ottla.storage.files import Files
from ottla.storage.kept import Kept, copy_part
from ottla.storage.paths import LOG, TEMPORARY, offset_name
from ottla.storage.producers import Producers
from ottla.storage.repairs import Cut, OnRepair, Reason, gap
from ottla.storage.scan import Rebuild, scan_batches
from ottla.storage.segment import Segment
from ottla.storage.tail import ANY_OFFSET, holds_whole_batches, most_of, next_whole, why_it_ends

NewSegment = Callable[[int, int | None], Segment]
"""At an offset: an empty one, or one whose file is there and has so many bytes."""


class Recovery:
    """One folder, while its segments from `first` on are scanned."""

    def __init__(
        self,
        files: Files,
        folder: str,
        segments: list[Segment],
        first: int,
        durable_end: int,
        tell: OnRepair,
        new_segment: NewSegment,
    ) -> None:
        """`durable_end`: below it, what is not whole is damage."""
        self._files = files
        self._folder = folder
        self._segments = segments
        self._index = first
        self._durable_end = durable_end
        self._tell = tell
        self._new_segment = new_segment
        self._kept = Kept(files, folder)
        self.next_offset = segments[first].base_offset
        self.scanned_bytes = 0
        self.cut = False
        """Something left the log: its folder must be synced before anything is appended."""
        self.passed_over = False
        """Something below the durable end left it, so that the log has a hole there."""
        self._passed_at = -1

    def run(
        self,
        epochs: Epochs,
        producers: Producers,
        index_interval_bytes: int,
        *,
        gaps_are_fine: bool,
        keeps_all: bool,
        zeros_are_fine: bool,
        before_segment: Callable[[int], None],
    ) -> None:
        """`before_segment` is called with the base of each segment but the first, when all before it is known.
        `gaps_are_fine`: compaction leaves them. `keeps_all`: the last stop was clean, so that nothing is a torn write.
        `zeros_are_fine`: the file was preallocated. Raises OSError."""
        first = self._index
        while self._index < len(self._segments):
            segment = self._segments[self._index]
            if segment.base_offset < self.next_offset:
                self._set_aside(self._index, self._index + 1, segment.base_offset, Reason.BACKWARDS)
                continue
            # A segment below the durable end was there: what is missing before it is no torn write.
            is_gap = segment.base_offset > max(self.next_offset, self._durable_end)
            if is_gap and not gaps_are_fine:
                self._set_aside(self._index, len(self._segments), self.next_offset, Reason.GAP)
                break
            if not gaps_are_fine:
                self._tell_gap(segment.base_offset)
            if self._index > first:
                before_segment(segment.base_offset)
            position = self._scan(segment, epochs, producers, index_interval_bytes)
            if position < segment.size_bytes and not self._mend(segment, position, keeps_all, zeros_are_fine):
                break
            self._index += 1

    def _tell_gap(self, goes_on_at: int) -> None:
        """What was durable is missing before a segment, and was not lost by a cut, which is told with its bytes."""
        lost = self.next_offset
        if lost < goes_on_at and lost != self._passed_at and not self._kept.has(lost):
            self._tell(gap(self._folder, lost, goes_on_at))

    def _scan(self, segment: Segment, epochs: Epochs, producers: Producers, interval: int) -> int:
        segment.begin_rebuild()
        segment.trust()
        segment.reset_aborted()
        rebuild = Rebuild(segment, epochs, producers, interval, segment.add_aborted)
        base = segment.base_offset
        position, next_offset = scan_batches(segment.open_file(), segment.size_bytes, base, base, rebuild.on_batch)
        self.next_offset = max(next_offset, self.next_offset)
        self.scanned_bytes += segment.size_bytes
        return position

    # -- what is not whole

    def _mend(self, segment: Segment, position: int, keeps_all: bool, zeros_are_fine: bool) -> bool:
        """The segment is not whole from `position` on. True if the log goes on behind it."""
        file, size = segment.open_file(), segment.size_bytes
        reason = why_it_ends(file, size, position, self.next_offset)
        if self.next_offset < self._durable_end:
            return self._pass_over(segment, position, reason)
        if zeros_are_fine and reason is Reason.ZEROS:
            self._shorten(segment, position)
            return self._goes_on(reason)
        kept: tuple[str, ...] = ()
        if reason is not Reason.ZEROS and (keeps_all or holds_whole_batches(file, size, position, ANY_OFFSET)):
            kept = (self._kept.part(file, position, size, self.next_offset),)
        self._shorten(segment, position)
        self._tell(Cut(self._folder, self.next_offset, self.next_offset, size - position, 0, reason, kept))
        return self._goes_on(reason)

    def _shorten(self, segment: Segment, position: int) -> None:
        self.cut = True
        segment.cut(position)
        segment.open_file().fsync()

    def _goes_on(self, reason: Reason) -> bool:
        """Whether the segment behind this one stays: it begins where this one ends, or it was durable."""
        following = self._following()
        if following is not None and following.base_offset <= max(self.next_offset, self._durable_end):
            return True
        self._set_aside(self._index + 1, len(self._segments), self.next_offset, reason)
        return False

    def _following(self) -> Segment | None:
        return self._segments[self._index + 1] if self._index + 1 < len(self._segments) else None

    def _set_aside(self, index: int, end: int, offset: int, reason: Reason) -> None:
        """Whole segments leave the log; the last first, so that a crash in the middle leaves no hole."""
        kept, size = [], 0
        gone = self._segments[index:end]
        for segment in reversed(gone):
            size += segment.size_bytes
            if segment.size_bytes:
                kept.append(self._kept.whole(segment.path(LOG), segment.base_offset))
            segment.remove_files()
            segment.close_file()
        del self._segments[index:end]
        if gone:
            self.cut = True
            self._files.fsync_folder(self._folder)
        if size:
            self._tell(Cut(self._folder, offset, self.next_offset, size, len(gone), reason, tuple(reversed(kept))))

    # -- damage below the durable end

    def _pass_over(self, segment: Segment, position: int, reason: Reason) -> bool:
        """The damaged batch is kept beside; the log goes on with the next whole one, or where it was durable."""
        file, size, lost = segment.open_file(), segment.size_bytes, self.next_offset
        after = self._whole_from(segment, position)
        lost_bytes = (size if after is None else after) - position
        kept: tuple[str, ...] = ()
        if reason is not Reason.ZEROS:
            kept = (self._kept.part(file, position, position + lost_bytes, lost),)
        following = self._following()
        if after is not None:
            goes_on_at = segment.header_at(after).base_offset
            self._split(segment, after, goes_on_at)
        elif following is not None and following.base_offset <= self._durable_end:
            goes_on_at = following.base_offset
        else:  # never an offset again that was given; but a text file may lie: no more of them than bytes were lost
            goes_on_at = min(self._durable_end, lost + lost_bytes)
            self._set_aside(self._index + 1, len(self._segments), goes_on_at, reason)
            self._segments.append(self._new_segment(goes_on_at, None))
        self._shorten(segment, position)
        self.passed_over, self._passed_at = True, lost
        self._tell(Cut(self._folder, lost, goes_on_at, lost_bytes, 0, reason, kept))
        return True

    def _whole_from(self, segment: Segment, position: int) -> int | None:
        """Where whole batches go on behind the damage. One that is not where the damaged batch says must lead to the
        durable end, or to the file's: a record's value may look like a batch."""
        file, size, base = segment.open_file(), segment.size_bytes, segment.base_offset
        after = next_whole(file, size, position, most_of(base), self.next_offset)
        if after is None or segment.header_at(after).base_offset > self._durable_end:
            return None
        damaged = segment.header_within(position)
        if damaged is not None and position + damaged.size_bytes == after:
            return after
        end, end_offset = scan_batches(file, size, base, self.next_offset, lambda *_: None, position=after)
        return after if end == size or end_offset >= self._durable_end else None

    def _split(self, segment: Segment, position: int, offset: int) -> None:
        """What lies from `position` on becomes a segment of its own. A crash before the old one is shortened leaves
        both; then it is found here."""
        following = self._following()
        if following is not None and following.base_offset <= offset:
            return
        path = f"{self._folder}/{offset_name(offset)}{LOG}"
        copy_part(self._files, segment.open_file(), position, segment.size_bytes, path + TEMPORARY)
        self._files.rename(path + TEMPORARY, path)
        self._files.fsync_folder(self._folder)
        self._segments.insert(self._index + 1, self._new_segment(offset, segment.size_bytes - position))
