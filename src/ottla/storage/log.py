"""`PartitionLog`: one partition's log on one disk, as segments of record batches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from ottla.common.errors import CorruptMessage, KafkaStorageError, OffsetOutOfRange
from ottla.storage import retention
from ottla.storage.durability import sync_snapshots
from ottla.storage.failures import Failure, failure_of
from ottla.storage.files import Files
from ottla.storage.loading import Loading
from ottla.storage.log_base import LogBase
from ottla.storage.log_cleaning import CleanableLog
from ottla.storage.log_facts import Appended, Origin, ProducerView
from ottla.storage.lookup import FoundOffset
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import DELETED
from ottla.storage.producer_loading import load_producers
from ottla.storage.producer_tally import ProducerTally
from ottla.storage.repairs import OnRepair, tell_nobody
from ottla.storage.settings import TopicSettings
from ottla.storage.snapshots import copy_of
from ottla.storage.unusable import unusable_sentence

__all__ = ("Appended", "FoundOffset", "Origin", "PartitionLog", "ProducerView", "open_log")


class PartitionLog(CleanableLog):
    """Synchronous and free of loops and clocks: every call returns facts, and wakes nobody.

    By state: what there is and how it becomes durable (`log_base`), reading (`log_reads`), appending and rolling
    (`log_appends`), compaction (`log_cleaning`), and here what makes a log shorter, at either end.
    """

    __slots__ = ()

    def truncate_to(self, offset: int) -> None:
        """Drops every batch that holds an offset at or above `offset`; raises `version`. Synced when it returns: what
        was cut must not come back behind records that replace it."""
        if offset >= self.log_end_offset:
            return
        if offset <= self._segments.first.base_offset:
            self.truncate_and_start_at(offset)
            return
        self.version += 1
        try:
            while self._segments.active.base_offset >= offset:
                self._discard(self._segments.drop_last())
            active = self._segments.active
            active.activate()
            position = active.position_of(offset)
            end = offset
            if position is not None:
                end = min(offset, active.header_at(position).base_offset)
                active.truncate(position, end)
            self._after_truncation(end)
        except OSError as error:
            raise self._failed(error) from error

    def _after_truncation(self, end: int) -> None:
        active = self._segments.active
        active.open_file().fsync()
        self.log_end_offset = end
        self.log_start_offset = min(self.log_start_offset, end)
        self.durable_end = min(self.durable_end, end)
        self.size_bytes = self._segments.size_bytes
        self._epochs.truncate_end(end)
        for snapshot in [one for one in self._snapshots if one > end]:
            self._drop_snapshot(snapshot)
        loaded = load_producers(
            self._files, self.folder, list(self._segments), list(self._snapshots), end, self._drop_snapshot
        )
        self._use_producers(loaded.producers)
        self._files.fsync_folder(self.folder)
        if self._on_truncated is not None:
            self._on_truncated(end)

    def _drop_snapshot(self, offset: int) -> None:
        self._files.remove(self._snapshot_path(offset))
        self._snapshots.remove(offset)

    def truncate_and_start_at(self, offset: int) -> None:
        """Drops everything: an empty log from `offset` on."""
        self.version += 1
        try:
            self._begin_at(offset, self._segments.active.created_ms)
            self._files.fsync_folder(self.folder)
        except OSError as error:
            raise self._failed(error) from error
        self.log_start_offset = self.log_end_offset = self.durable_end = offset
        self._epochs.clear()
        self._producers.clear()
        if self._on_truncated is not None:
            self._on_truncated(offset)

    def skip_to(self, offset: int, now_ms: int) -> None:
        """There is nothing from the log's end to `offset`, where it goes on: a copy of what compaction has emptied."""
        try:
            if self._segments.active.size_bytes:
                self.log_end_offset = offset
                self._segments.active.activate()
                self._roll(now_ms)
            else:
                self._begin_at(offset, now_ms)
                self.log_start_offset = self.log_end_offset = self.durable_end = offset
        except OSError as error:
            raise self._failed(error) from error

    def learn(self, other: PartitionLog, now_ms: int) -> None:
        """This log is a copy of `other`, which goes on: what that knows of epochs and producers is written down, for
        the next sync. A copy alone would not know producers whose records are gone, nor epochs that brought none.

        It is written at the beginning of a segment, because a start after a crash believes nothing later. Raises
        KafkaStorageError.
        """
        assert self.log_end_offset == other.log_end_offset, f"{self} is no copy of {other}"
        self._epochs.take_over(other._epochs)
        self._producers = copy_of(other._producers)
        self.advance_start(other.log_start_offset)
        self._durability.names_changed = True
        if not self.roll(now_ms):
            try:
                self._take_snapshot()
            except OSError as error:
                raise self._failed(error) from error

    def take_over(self, other: PartitionLog) -> None:
        """This log is a copy of `other`, which is used no more, and all that was durable there is durable here.

        It counts as no more than that until the next sync: as long as a power cut may bring the folder of `other` back,
        nobody may be told more.
        """
        assert self.log_end_offset == other.log_end_offset, f"{self} is no copy of {other}"
        assert self.durable_end >= other.durable_end, f"{self} is less durable than {other}"
        self.configure(other.settings)
        self._epochs.take_over(other._epochs)
        self._use_producers(other._producers)
        self.advance_start(other.log_start_offset)
        self.durable_end = other.durable_end

    def moved_to(self, folder: str) -> None:
        """The log's folder has another name now. Nobody is at work on its files by name."""
        self.folder = folder
        for segment in self._segments:
            segment.moved_to(folder)
        self.configure(self.settings)  # its sentences name the partition by the folder

    def advance_start(self, offset: int) -> bool:
        """DeleteRecords: records below `offset` are gone. False if the start is there already.

        Raises OffsetOutOfRange above the log end; the caller holds it below the high watermark. Segments go at the next
        `retain`.
        """
        if offset > self.log_end_offset:
            raise OffsetOutOfRange(f"offset {offset} is above the log's end {self.log_end_offset}")
        if offset <= self.log_start_offset:
            return False
        self.log_start_offset = offset
        self._epochs.truncate_start(offset)
        return True

    @property
    def start_needs_checkpoint(self) -> bool:
        """The log start lies inside a segment, so that the file names do not tell it."""
        return self.log_start_offset > self._segments.first.base_offset

    def retain(self, now_ms: int, high_watermark: int, doomed_ms: int | None = None) -> int:
        """Deletes old segments by retention.ms, retention.bytes and log start; how many. The log start may move."""
        before = len(self._doomed)
        try:
            for call in self.retain_steps(now_ms, high_watermark, doomed_ms):
                call()
        except OSError as error:
            raise self._failed(error) from error
        return len(self._doomed) - before

    def retain_steps(
        self, now_ms: int, high_watermark: int, doomed_ms: int | None = None
    ) -> Iterator[Callable[[], None]]:
        """The same, one segment after another; what it yields are the fsyncs, for a thread. The log can be used between
        them, so each step looks anew. The oldest goes first, each durably before the next: a crash must not leave a
        hole. Raises KafkaStorageError; whoever runs a call hands its OSError to the directory.

        doomed_ms: from when file.delete.delay.ms counts, on the clock of `due`, if that is not the wall clock.
        """
        while not self.offline:
            try:
                self.finish_renames()
                count, roll_first = retention.deletable(
                    self._segments, self.settings, now_ms, high_watermark, self.log_start_offset, self.log_end_offset
                )
                if roll_first:
                    self._segments.active.activate()
                    self._roll(now_ms)
                if not count:
                    return
                snapshots = self._durability.unsynced_snapshots(self._snapshots)
                if not snapshots:
                    self._delete_one(now_ms if doomed_ms is None else doomed_ms)
            except OSError as error:
                raise self._failed(error) from error
            if snapshots:  # once segments go, the snapshots alone know their producers
                yield partial(sync_snapshots, self._files, self.folder, snapshots)
                self._durability.on_snapshots_synced(snapshots)
            elif count > 1:
                yield partial(self._files.fsync_folder, self.folder)

    def _delete_one(self, doomed_ms: int) -> None:
        """The rename is the one step that may be refused; what follows in memory cannot be."""
        segment = self._segments.first
        segment.rename(DELETED)
        self._segments.drop_first()
        self.size_bytes -= segment.size_bytes
        self._doomed.append((doomed_ms + self.settings.file_delete_delay_ms, segment))
        self._start_at_first()
        if segment.base_offset in self._snapshots:
            self._snapshots.remove(segment.base_offset)
            with contextlib.suppress(OSError):  # a start removes what belongs to no segment
                self._files.remove(self._snapshot_path(segment.base_offset))

    def _start_at_first(self) -> None:
        first = self._segments.first.base_offset
        if first > self.log_start_offset:
            self.log_start_offset = first
            self._epochs.truncate_start(first)

    @property
    def has_doomed(self) -> bool:
        """Files of deleted segments are still there."""
        return bool(self._doomed)

    def due(self, now_ms: int) -> Iterator[Callable[[], None]]:
        """A call for a thread for each deleted segment that is due and that nobody reads: it removes the files, which
        takes a tenth of a second for a GiB. One that is refused is offered again by the next iteration."""
        for entry in tuple(self._doomed):
            due_ms, segment = entry
            if due_ms <= now_ms and not segment.pins:
                segment.close_file()  # before its name goes, so that the thread frees its blocks and not this close
                yield segment.remove_files
                self._doomed.remove(entry)

    def remove_due(self, now_ms: int) -> int | None:
        """All that `due` offers, at once; the time of the next, or None. Raises OSError."""
        for call in self.due(now_ms):
            call()
        return min((due_ms for due_ms, _ in self._doomed), default=None)


def open_log(
    files: Files,
    folder: str,
    settings: TopicSettings,
    *,
    now_ms: int,
    clean: bool,
    recovery_point: int = 0,
    log_start_offset: int = 0,
    jitter: int = 0,
    open_files: OpenFiles | None = None,
    on_failure: Callable[[LogBase, OSError], None] | None = None,
    on_truncated: Callable[[int], None] | None = None,
    validate_records: bool = False,
    tally: ProducerTally | None = None,
    on_repair: OnRepair = tell_nobody,
) -> PartitionLog:
    """Opens or begins the log in `folder`, which exists, recovering it unless `clean` and whole.

    `on_repair` is told what had to be mended, then and later. Raises OSError where the disk fails, and
    KafkaStorageError where a file of this log cannot be used.
    """
    pool = open_files if open_files is not None else OpenFiles()
    loaded = Loading(
        files, folder, settings, pool,
        now_ms=now_ms, clean=clean, recovery_point=recovery_point, log_start_offset=log_start_offset, tell=on_repair,
    )  # fmt: skip
    try:
        loaded.run()
    except OSError as error:
        if failure_of(error) is Failure.LOCAL:
            raise KafkaStorageError(unusable_sentence(folder, error)) from error
        raise
    except CorruptMessage as error:
        raise KafkaStorageError(f"{error.message}; the log cannot be opened") from error
    return PartitionLog(
        files, folder, settings, loaded, pool,
        now_ms=now_ms, jitter=jitter, on_failure=on_failure, on_truncated=on_truncated,
        validate_records=validate_records, tally=tally,
    )  # fmt: skip
