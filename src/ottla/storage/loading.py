"""Opening a partition's folder: what a clean stop, a crash or an interrupted swap of segments left in it.

The log says where the log ends; checkpoints and the marker of a clean stop only spare work. After a clean stop the
batches behind the last index entry of the last segment are read, and if they are not whole, the log is recovered as
after a crash (`recovery.py`). What can be derived from the log (indexes, epochs, producer snapshots) is made again
where it is missing or wrong. Names that no broker gives are left alone.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial

from ottla.records.batch import BatchHeader
from ottla.storage.checkpoints import CorruptCheckpoint, parse_partition_metadata
from ottla.storage.compaction.swap import unfinished_swaps
from ottla.storage.epochs import Epochs
from ottla.storage.files import Files
from ottla.storage.index_check import IndexCheck
from ottla.storage.kept import Kept
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import (
    CLEANED,
    DELETED,
    INDEX,
    LEADER_EPOCHS,
    LOG,
    PARTITION_METADATA,
    SEGMENT_SUFFIXES,
    SNAPSHOT,
    SWAP,
    TEMPORARY,
    TIME_INDEX,
    TXN_INDEX,
    is_ours,
    offset_name,
    parse_offset_name,
)
from ottla.storage.producer_loading import aborted_of, load_producers
from ottla.storage.producers import Producers
from ottla.storage.recovery import Recovery
from ottla.storage.repairs import Cut, OnRepair, Reason, Remade, tell_nobody
from ottla.storage.scan import scan_batches
from ottla.storage.segment import Segment
from ottla.storage.settings import TopicSettings
from ottla.storage.snapshots import write_snapshot
from ottla.storage.sync import sync_file
from ottla.storage.tail import Tail, crc_at, most_of, walk_all


class Loading:
    """One folder while it is being opened; afterwards its attributes are what the log starts from."""

    def __init__(
        self,
        files: Files,
        folder: str,
        settings: TopicSettings,
        open_files: OpenFiles,
        *,
        now_ms: int,
        clean: bool,
        recovery_point: int,
        log_start_offset: int,
        tell: OnRepair = tell_nobody,
    ) -> None:
        self._files = files
        self._folder = folder
        self._settings = settings
        self._open_files = open_files
        self._now_ms = now_ms
        self._clean = clean
        self.recovery_point = recovery_point
        self.log_start_offset = log_start_offset
        self.segments: list[Segment] = []
        self.epochs = Epochs()
        self.producers = Producers()
        self.snapshots: list[int] = []
        self.topic_id: bytes | None = None
        self.log_end_offset = 0
        self.durable_end = 0
        self.scanned_bytes = 0
        """How much of the log had to be read."""
        self.rewritten: list[Segment] = []
        """Closed segments whose indexes were made anew."""
        self.fresh_snapshots: list[int] = []
        self.names_changed = not clean
        """Names in the folder may not survive a power cut."""
        self._names: dict[str, None] = {}
        self.tell = tell
        self._kept = Kept(files, folder)
        self._indexing = IndexCheck(
            files,
            folder,
            settings.index_interval_bytes,
            tell,
            self._end_of,
            partial(aborted_of, files, folder, self.segments, self.snapshots),
            gaps_are_fine=settings.compacts,
        )

    def run(self) -> None:
        """Raises OSError."""
        self._names = dict.fromkeys(
            name for name in self._files.list_folder(self._folder) if self._is_file_of_ours(name)
        )
        self._remove_leftovers()
        self._finish_swaps()
        self._open_segments()
        self._load_epochs()
        tail = self._whole_tail() if self._clean else None
        if tail is not None:
            self._believe(tail)
            self._load_producers(self.log_end_offset)
        else:
            self._recover()
        self._tell_what_is_missing()
        self._settle_start()
        self._remove_stray_snapshots()
        self._load_topic_id()
        self._names.clear()  # the checks of indexes keep this object as long as there is the log

    def _is_file_of_ours(self, name: str) -> bool:
        return is_ours(name) and not self._files.is_folder(f"{self._folder}/{name}")

    # -- steps 1 and 2: what was interrupted

    def _remove(self, name: str) -> None:
        self._files.remove(f"{self._folder}/{name}")
        del self._names[name]

    def _remove_leftovers(self) -> None:
        """`.cleaned` was never finished, nor was a swap at or above it; `.deleted` is gone but for its bytes."""
        swaps = unfinished_swaps(self._names)
        for name in swaps:
            self._remove(name)
        if swaps:  # without what tells that they are worth nothing, they would be finished by the next start
            self._files.fsync_folder(self._folder)
        for name in list(self._names):
            if name.endswith((DELETED, CLEANED, TEMPORARY)):
                self._remove(name)

    def _finish_swaps(self) -> None:
        renamed = False
        swaps = sorted(base for name in self._names if (base := parse_offset_name(name, LOG + SWAP)) is not None)
        for base in swaps:
            end = self._end_of_swap(base)
            if end is None:
                self._keep_swap(base)
                continue
            for suffix in SEGMENT_SUFFIXES:
                for name in list(self._names):
                    replaced = parse_offset_name(name, suffix)
                    if replaced is not None and base < replaced < end:  # those at `base` are overwritten below
                        self._remove(name)
        if swaps:  # before a `.swap` file falls away: it alone tells which segments are replaced
            self._files.fsync_folder(self._folder)
        for name in list(self._names):
            if name.endswith(SWAP):
                self._files.rename(f"{self._folder}/{name}", f"{self._folder}/{name.removesuffix(SWAP)}")
                del self._names[name]
                self._names[name.removesuffix(SWAP)] = None
                renamed = True
        if renamed:
            self._files.fsync_folder(self._folder)

    def _end_of_swap(self, base: int) -> int | None:
        """The offset after its last batch; None if it is not whole, and must replace nothing."""
        path = f"{self._folder}/{offset_name(base)}{LOG}{SWAP}"
        file = self._files.open(path)
        try:
            size = file.size()
            position, end = scan_batches(file, size, base, base, lambda *_: None)
            return end if position == size else None
        finally:
            file.close()

    def _keep_swap(self, base: int) -> None:
        path = f"{self._folder}/{offset_name(base)}{LOG}{SWAP}"
        size = self._files.size(path)
        kept = self._kept.whole(path, base)
        for suffix in SEGMENT_SUFFIXES:
            name = offset_name(base) + suffix + SWAP
            if suffix != LOG and name in self._names:
                self._remove(name)
        del self._names[offset_name(base) + LOG + SWAP]
        self.tell(Cut(self._folder, base, base, size, 1, Reason.SWAP, (kept,)))

    # -- step 3

    def _open_segments(self) -> None:
        bases = sorted(base for name in self._names if (base := parse_offset_name(name, LOG)) is not None)
        for base in bases:
            self.segments.append(
                self._found_segment(base, self._files.size(f"{self._folder}/{offset_name(base)}{LOG}"))
            )
        if not self.segments:
            self.segments.append(self._new_segment(max(self.log_start_offset, 0)))
        for suffix in (INDEX, TIME_INDEX, TXN_INDEX):  # indexes of segments that are gone
            for name in list(self._names):
                orphan = parse_offset_name(name, suffix)
                if orphan is not None and offset_name(orphan) + LOG not in self._names:
                    self._remove(name)
        self.snapshots += sorted(
            base for name in self._names if (base := parse_offset_name(name, SNAPSHOT)) is not None
        )

    def _found_segment(self, base: int, size_bytes: int) -> Segment:
        segment = Segment(self._files, self._folder, base, self._open_files, self._now_ms, size_bytes)
        segment.has_txn_index = offset_name(base) + TXN_INDEX in self._names
        segment.distrust(self._indexing)
        return segment

    def _recovered_segment(self, base: int, size_bytes: int | None) -> Segment:
        self._names[offset_name(base) + LOG] = None
        return self._new_segment(base) if size_bytes is None else self._found_segment(base, size_bytes)

    def _new_segment(self, base: int) -> Segment:
        segment = Segment(self._files, self._folder, base, self._open_files, self._now_ms)
        segment.create(self._settings.roll_bytes if self._settings.preallocate else 0)
        self.names_changed = True
        self._names[offset_name(base) + LOG] = None
        return segment

    def _end_of(self, segment: Segment) -> int:
        """No offset of the segment reaches this one."""
        following = bisect_right(self.segments, segment.base_offset, key=lambda one: one.base_offset)
        most = most_of(segment.base_offset)
        return min(most, self.segments[following].base_offset) if following < len(self.segments) else most

    # -- epochs

    def _load_epochs(self) -> None:
        path = f"{self._folder}/{LEADER_EPOCHS}"
        if LEADER_EPOCHS not in self._names:
            return
        try:
            self.epochs = Epochs.decode(self._files.read(path), path)
        except CorruptCheckpoint as error:
            self._make_epochs_again(str(error).removeprefix(f"{path}: "))

    def _check_epochs(self, header: BatchHeader | None) -> None:
        """A file that is missing, or of another log, does not give this batch the epoch that its header has."""
        if header is None or header.leader_epoch < 0 or self.epochs.at(header.base_offset) == header.leader_epoch:
            return
        self._make_epochs_again(f"it does not give the batch at {header.base_offset} its epoch {header.leader_epoch}")

    def _make_epochs_again(self, why: str) -> None:
        self.tell(Remade(f"{self._folder}/{LEADER_EPOCHS}", why))
        self._epochs_from_batches()

    def _epochs_from_batches(self) -> None:
        """From the headers of the segments in which an epoch begins, as the first batches of all segments tell."""
        self.epochs.clear()
        self.epochs.changed = True
        filled = [segment for segment in self.segments if segment.size_bytes]
        for segment, following in zip(filled, [*filled[1:], None], strict=True):
            first = segment.header_within(0)
            after = None if following is None else following.header_within(0)
            if first is None:
                continue
            self._note_epoch(0, first)
            if after is None or after.leader_epoch != first.leader_epoch:
                base = segment.base_offset
                walk_all(segment.open_file(), segment.size_bytes, base, self._end_of(segment), self._note_epoch)

    def _note_epoch(self, _position: int, header: BatchHeader) -> None:
        if header.leader_epoch > self.epochs.latest:
            self.epochs.assign(header.leader_epoch, header.base_offset)

    # -- after a clean stop

    def _whole_tail(self) -> Tail | None:
        """Where the last segment's batches end; None if they do not fill the file, or the last one's CRC is wrong."""
        for segment in self.segments:
            if not self._has_indexes(segment):
                self._indexing.remake(segment, INDEX, "it is missing")
                self.rewritten.append(segment)
        active = self.segments[-1]
        remade, tail = self._indexing.check(active)
        if remade and active not in self.rewritten:
            self.rewritten.append(active)
        if tail.position < active.size_bytes:
            return None
        if tail.last is not None and not crc_at(active.open_file(), tail.last_position, tail.last):
            return None
        active.trust()
        return tail

    def _believe(self, tail: Tail) -> None:
        """The log ends where its last batch ends, and that is whole. It was synced up to the recovery point."""
        self.log_end_offset = max(tail.end_offset, self.segments[-1].base_offset)
        self.durable_end = min(max(self.recovery_point, self.segments[-1].base_offset), self.log_end_offset)
        self._check_epochs(tail.last)

    def _has_indexes(self, segment: Segment) -> bool:
        name = offset_name(segment.base_offset)
        return segment.size_bytes == 0 or (name + INDEX in self._names and name + TIME_INDEX in self._names)

    # -- steps 4 and 5: after a crash

    def _recover(self) -> None:
        segments = self.segments
        first = max(sum(segment.base_offset <= self.recovery_point for segment in segments) - 1, 0)
        first = self._first_to_scan(first)
        start = segments[first].base_offset
        self.epochs.truncate_end(start)
        self._load_producers(start)
        recovery = Recovery(
            self._files, self._folder, segments, first, self.recovery_point, self.tell, self._recovered_segment
        )
        recovery.run(
            self.epochs,
            self.producers,
            self._settings.index_interval_bytes,
            gaps_are_fine=self._settings.compacts,
            keeps_all=self._clean,
            zeros_are_fine=self._settings.preallocate,
            before_segment=self._write_snapshot,
        )
        self.scanned_bytes += recovery.scanned_bytes
        for segment in segments[first:-1]:
            segment.deactivate()
            self.rewritten.append(segment)
        self.log_end_offset = max(recovery.next_offset, segments[-1].base_offset)
        self.durable_end = min(max(self.recovery_point, start), self.log_end_offset)
        self.epochs.changed = self.names_changed = True
        self.fresh_snapshots = list(self.snapshots)  # who wrote them may have ended before they were synced
        if recovery.cut:  # what was cut must not come back behind records that are yet to be written
            segments[-1].open_file().fsync()
            self._files.fsync_folder(self._folder)
        if recovery.passed_over:
            self._sync_recovered(first)

    def _first_to_scan(self, first: int) -> int:
        """`first`, or an earlier one that overlaps the next: a recovery that split it was broken off. What lies below
        is durable, and only its indexes and its end are looked at."""
        last: BatchHeader | None = None
        for index, segment in enumerate(self.segments[:first]):
            remade, tail = self._indexing.check(segment)
            behind = segment.header_within(tail.position)
            if behind is not None and behind.base_offset == self.segments[index + 1].base_offset:
                return index
            self._indexing.tell_gap(segment, tail)
            self._indexing.end_where_batches_end(segment, tail)
            last = tail.last or last
            segment.trust()
            if remade:
                self.rewritten.append(segment)
        self._check_epochs(last)
        return first

    def _sync_recovered(self, first: int) -> None:
        """The recovery point must not fall below a hole, which the next start would take for a torn write."""
        for segment in self.segments[first:]:
            segment.open_file().fsync()
            if segment is not self.segments[-1]:
                for suffix in (INDEX, TIME_INDEX):
                    sync_file(self._files, segment.path(suffix))
        self.rewritten = [
            segment for segment in self.rewritten if segment.base_offset < self.segments[first].base_offset
        ]
        self.durable_end = self.log_end_offset

    # -- producers

    def _load_producers(self, up_to: int) -> None:
        """The newest good snapshot at or below `up_to`, and what the log says after it. Newer ones are removed: they
        speak of records that the log does not have, or that are about to be read again."""
        for offset in [offset for offset in self.snapshots if offset > up_to]:
            self._remove_snapshot(offset)
        loaded = load_producers(
            self._files, self._folder, self.segments, list(self.snapshots), up_to, self._remove_bad_snapshot
        )
        self.producers = loaded.producers
        self.scanned_bytes += loaded.scanned_bytes

    def _write_snapshot(self, offset: int) -> None:
        """As the roll did: when the segments before are deleted, only snapshots know their producers."""
        name = offset_name(offset) + SNAPSHOT
        write_snapshot(self._files, f"{self._folder}/{name}", self.producers)
        self._names[name] = None
        self.snapshots.append(offset)
        self.fresh_snapshots.append(offset)

    def _remove_bad_snapshot(self, offset: int) -> None:
        path = f"{self._folder}/{offset_name(offset)}{SNAPSHOT}"
        self.tell(Remade(path, "it is no snapshot of the producers of this log"))
        self._remove_snapshot(offset)

    def _remove_snapshot(self, offset: int) -> None:
        self._remove(offset_name(offset) + SNAPSHOT)
        self.snapshots.remove(offset)

    # -- steps 6 and 7

    def _tell_what_is_missing(self) -> None:
        """The checkpoint says that more was durable than there is. The log counts; but somebody should know."""
        end = self.log_end_offset
        if self.recovery_point > end:
            self.tell(Cut(self._folder, end, end, 0, 0, Reason.MISSING, ()))

    def _settle_start(self) -> None:
        """The greater of checkpoint and first segment. A log that ends below its start begins anew there, and what it
        had is kept beside it: a small text file does not delete records."""
        start = max(self.log_start_offset, self.segments[0].base_offset)
        if start > self.log_end_offset:
            self._begin_anew_at(start)
        self.log_start_offset = start
        self.epochs.truncate_end(self.log_end_offset)
        self.epochs.truncate_start(start)

    def _begin_anew_at(self, start: int) -> None:
        kept, size, first = [], 0, self.segments[0].base_offset
        for segment in reversed(self.segments):
            size += segment.size_bytes
            if segment.size_bytes:
                kept.append(self._kept.whole(segment.path(LOG), segment.base_offset))
            segment.close_file()
            segment.remove_files()
        if size:
            count = len(self.segments)
            self.tell(Cut(self._folder, first, start, size, count, Reason.BELOW_START, tuple(reversed(kept))))
        self.segments[:] = [self._new_segment(start)]
        self.rewritten.clear()
        self.epochs.clear()
        self.producers.clear()
        self.log_end_offset = self.durable_end = start
        self._files.fsync_folder(self._folder)

    def _remove_stray_snapshots(self) -> None:
        """Kept: the newest, and the one at the start of each segment."""
        bases = {segment.base_offset for segment in self.segments}
        for offset in self.snapshots[:-1]:
            if offset not in bases:
                self._remove_snapshot(offset)

    def _load_topic_id(self) -> None:
        if PARTITION_METADATA in self._names:
            self.topic_id = parse_partition_metadata(self._files.read(f"{self._folder}/{PARTITION_METADATA}"))
