"""Opening a partition's folder: what a clean stop, a crash or an interrupted swap of segments left in it.

After a clean stop nothing of the log is read. After a crash everything from the segment of the recovery point on is
scanned and cut at the first bad batch; what lies below was fsynced, and only its indexes are looked at.
"""

from __future__ import annotations

from ottla.storage.checkpoints import CorruptCheckpoint, parse_partition_metadata
from ottla.storage.compaction.swap import unfinished_swaps
from ottla.storage.epochs import Epochs
from ottla.storage.files import Files
from ottla.storage.indexes import OFFSET_ENTRY, TIME_ENTRY, last_entry
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
    TIME_INDEX,
    TXN_INDEX,
    offset_name,
    parse_offset_name,
)
from ottla.storage.producers import Producers
from ottla.storage.scan import Rebuild, scan_batches
from ottla.storage.segment import Segment
from ottla.storage.settings import TopicSettings
from ottla.storage.snapshots import CorruptSnapshot, decode_snapshot, write_snapshot


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

    def run(self) -> None:
        """Raises OSError, CorruptCheckpoint."""
        self._names = dict.fromkeys(self._files.list_folder(self._folder))
        self._remove_leftovers()
        self._finish_swaps()
        self._open_segments()
        self._load_epochs()
        if self._clean:
            self._find_end()
            self._load_producers(self.log_end_offset)
        else:
            self._recover()
        self._settle_start()
        self._remove_stray_snapshots()
        self._load_topic_id()

    @classmethod
    def of_producers(
        cls, files: Files, folder: str, segments: list[Segment], snapshots: list[int], up_to: int
    ) -> Loading:
        """Only step 5, for a log that was truncated to `up_to`: `producers` again. Updates `snapshots`."""
        loading = cls(
            files, folder, TopicSettings(), OpenFiles(),
            now_ms=0, clean=True, recovery_point=up_to, log_start_offset=0,
        )  # fmt: skip
        loading.segments, loading.snapshots = segments, snapshots
        loading._names = {offset_name(offset) + SNAPSHOT: None for offset in snapshots}
        loading._load_producers(up_to)
        return loading

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
            if name.endswith((DELETED, CLEANED, ".tmp")):
                self._remove(name)

    def _finish_swaps(self) -> None:
        renamed = False
        swaps = sorted(base for name in self._names if (base := parse_offset_name(name, LOG + SWAP)) is not None)
        for base in swaps:
            end = self._end_of_swap(base)
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

    def _end_of_swap(self, base: int) -> int:
        path = f"{self._folder}/{offset_name(base)}{LOG}{SWAP}"
        file = self._files.open(path)
        try:
            return scan_batches(file, file.size(), base, base, lambda *_: None)[1]
        finally:
            file.close()

    # -- step 3

    def _open_segments(self) -> None:
        bases = sorted(base for name in self._names if (base := parse_offset_name(name, LOG)) is not None)
        for base in bases:
            size = self._files.size(f"{self._folder}/{offset_name(base)}{LOG}")
            segment = Segment(self._files, self._folder, base, self._open_files, self._now_ms, size)
            segment.has_txn_index = offset_name(base) + TXN_INDEX in self._names
            self.segments.append(segment)
        if not self.segments:
            self.segments.append(self._new_segment(max(self.log_start_offset, 0)))
        for suffix in (INDEX, TIME_INDEX, TXN_INDEX):  # indexes of segments that are gone
            for name in list(self._names):
                orphan = parse_offset_name(name, suffix)
                if orphan is not None and offset_name(orphan) + LOG not in self._names:
                    self._remove(name)
        self.snapshots = sorted(base for name in self._names if (base := parse_offset_name(name, SNAPSHOT)) is not None)

    def _new_segment(self, base: int) -> Segment:
        segment = Segment(self._files, self._folder, base, self._open_files, self._now_ms)
        segment.create(self._settings.roll_bytes if self._settings.preallocate else 0)
        self.names_changed = True
        self._names[offset_name(base) + LOG] = None
        return segment

    def _indexes_are_sane(self, segment: Segment) -> bool:
        if segment.size_bytes == 0:
            return True
        relative_max = (1 << 31) - 1
        for suffix, entry in ((INDEX, OFFSET_ENTRY), (TIME_INDEX, TIME_ENTRY)):
            if offset_name(segment.base_offset) + suffix not in self._names:
                return False
            file = self._files.open(segment.path(suffix))
            try:
                if file.size() % entry.size:
                    return False
                last = last_entry(file, entry)
            finally:
                file.close()
            if last is None:
                continue
            offset = last[0] if suffix == INDEX else last[1]
            if not 0 <= offset <= relative_max or (suffix == INDEX and last[1] >= segment.size_bytes):
                return False
        return True

    def _load_epochs(self) -> None:
        path = f"{self._folder}/{LEADER_EPOCHS}"
        if LEADER_EPOCHS not in self._names:
            return
        try:
            self.epochs = Epochs.decode(self._files.read(path), path)
        except CorruptCheckpoint:
            if self._clean:
                raise
            self.recovery_point = 0  # every epoch can be read from the batches

    # -- after a clean stop

    def _find_end(self) -> None:
        """The recovery point of a clean stop is the end of the log; without one, the last batches tell."""
        last = self.segments[-1]
        point = self.recovery_point
        for segment in self.segments[:-1]:
            if not self._has_indexes(segment):
                self._rebuild_indexes(segment)
        if not self._has_indexes(last):
            self._rebuild_indexes(last)
        if point >= last.base_offset and (point > last.base_offset) == (last.size_bytes > 0):
            self.log_end_offset = self.durable_end = point
            return
        position, end = last.scan(last.tail_position(), last.size_bytes, 1 << 62)
        self.scanned_bytes += position - last.tail_position()
        self.log_end_offset = self.durable_end = max(end, last.base_offset)

    def _has_indexes(self, segment: Segment) -> bool:
        name = offset_name(segment.base_offset)
        return segment.size_bytes == 0 or (name + INDEX in self._names and name + TIME_INDEX in self._names)

    def _rebuild_indexes(self, segment: Segment) -> None:
        segment.begin_rebuild()
        rebuild = Rebuild(segment, None, None, self._settings.index_interval_bytes)
        scan_batches(
            segment.open_file(), segment.size_bytes, segment.base_offset, segment.base_offset, rebuild.on_batch
        )
        self.scanned_bytes += segment.size_bytes
        segment.deactivate()
        self.rewritten.append(segment)

    # -- steps 4 and 5: after a crash

    def _recover(self) -> None:
        first = max(sum(segment.base_offset <= self.recovery_point for segment in self.segments) - 1, 0)
        for segment in self.segments[:first]:
            if not self._indexes_are_sane(segment):
                self._rebuild_indexes(segment)
        start = self.segments[first].base_offset
        self.epochs.truncate_end(start)
        self._load_producers(start)
        next_offset = start
        cut = False
        for index in range(first, len(self.segments)):
            segment = self.segments[index]
            if segment.base_offset < next_offset or (
                segment.base_offset != next_offset and not self._settings.compacts
            ):
                self._drop_from(index)
                cut = True
                break
            if index > first:
                self._write_snapshot(segment.base_offset)
            next_offset, whole = self._recover_segment(segment)
            if not whole:
                self._drop_from(index + 1)
                cut = True
                break
        for segment in self.segments[first:-1]:
            segment.deactivate()
            self.rewritten.append(segment)
        self.log_end_offset = max(next_offset, self.segments[-1].base_offset)
        self.durable_end = min(max(self.recovery_point, start), self.log_end_offset)
        self.epochs.changed = True
        if cut:  # what was cut must not come back behind records that are yet to be written
            self.segments[-1].open_file().fsync()
            self._files.fsync_folder(self._folder)

    def _recover_segment(self, segment: Segment) -> tuple[int, bool]:
        """The offset after its last good batch, and whether all of it was good."""
        segment.begin_rebuild()
        segment.reset_aborted()
        rebuild = Rebuild(segment, self.epochs, self.producers, self._settings.index_interval_bytes)
        base = segment.base_offset
        position, next_offset = scan_batches(segment.open_file(), segment.size_bytes, base, base, rebuild.on_batch)
        self.scanned_bytes += segment.size_bytes
        if position == segment.size_bytes:
            return next_offset, True
        segment.open_file().truncate(position)
        segment.size_bytes = position
        return next_offset, False

    def _drop_from(self, index: int) -> None:
        """The last first, so that a crash in the middle leaves no hole."""
        while len(self.segments) > max(index, 1):
            segment = self.segments.pop()
            segment.close_file()
            segment.remove_files()

    def _load_producers(self, up_to: int) -> None:
        """The newest good snapshot at or below `up_to`, and what the log says after it. Newer ones are removed: they
        speak of records that the log does not have, or that are about to be read again."""
        for offset in [offset for offset in self.snapshots if offset > up_to]:
            self._remove_snapshot(offset)
        start = self.segments[0].base_offset
        while self.snapshots:
            offset = self.snapshots[-1]
            try:
                self.producers = decode_snapshot(self._files.read(f"{self._folder}/{offset_name(offset)}{SNAPSHOT}"))
                start = offset
                break
            except CorruptSnapshot:
                self._remove_snapshot(offset)
        for index, segment in enumerate(self.segments):
            end = self.segments[index + 1].base_offset if index + 1 < len(self.segments) else up_to
            if end <= start or segment.base_offset >= up_to or segment.size_bytes == 0:
                continue
            rebuild = Rebuild(segment, None, self.producers, None)
            position = segment.position_of(max(start, segment.base_offset))
            if position is None:
                continue
            scan_batches(
                segment.open_file(),
                segment.size_bytes,
                segment.base_offset,
                segment.base_offset,
                rebuild.on_batch,
                position=position,
            )
            self.scanned_bytes += segment.size_bytes - position

    def _write_snapshot(self, offset: int) -> None:
        """As the roll did: when the segments before are deleted, only snapshots know their producers."""
        name = offset_name(offset) + SNAPSHOT
        write_snapshot(self._files, f"{self._folder}/{name}", self.producers)
        self._names[name] = None
        self.snapshots.append(offset)
        self.fresh_snapshots.append(offset)

    def _remove_snapshot(self, offset: int) -> None:
        self._remove(offset_name(offset) + SNAPSHOT)
        self.snapshots.remove(offset)

    # -- steps 6 and 7

    def _settle_start(self) -> None:
        """The greater of checkpoint and first segment. A log that ends below its start begins anew there."""
        start = max(self.log_start_offset, self.segments[0].base_offset)
        if start > self.log_end_offset:
            for segment in reversed(self.segments):
                segment.close_file()
                segment.remove_files()
            self.segments = [self._new_segment(start)]
            self.epochs.clear()
            self.producers.clear()
            self.log_end_offset = self.durable_end = start
            self._files.fsync_folder(self._folder)
        self.log_start_offset = start
        self.epochs.truncate_end(self.log_end_offset)
        self.epochs.truncate_start(start)

    def _remove_stray_snapshots(self) -> None:
        """Kept: the newest, and the one at the start of each segment."""
        bases = {segment.base_offset for segment in self.segments}
        for offset in self.snapshots[:-1]:
            if offset not in bases:
                self._remove_snapshot(offset)

    def _load_topic_id(self) -> None:
        if PARTITION_METADATA in self._names:
            self.topic_id = parse_partition_metadata(self._files.read(f"{self._folder}/{PARTITION_METADATA}"))
