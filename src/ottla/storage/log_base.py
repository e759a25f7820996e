"""The state of a partition's log, and its durability: syncs, failures, the clean end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ottla.common.errors import KafkaStorageError
from ottla.records.validation import Rules
from ottla.storage.durability import Durability
from ottla.storage.epochs import Epochs
from ottla.storage.failures import Failure, failure_of, is_passing
from ottla.storage.files import Files
from ottla.storage.loading import Loading
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import LOG, SNAPSHOT, offset_name
from ottla.storage.producer_tally import ProducerTally
from ottla.storage.producers import Producers
from ottla.storage.repairs import Unreadable
from ottla.storage.segment import Segment
from ottla.storage.segments import Segments
from ottla.storage.settings import TopicSettings
from ottla.storage.snapshots import write_snapshot
from ottla.storage.sync import Sync
from ottla.storage.topic_rules import rules_of
from ottla.storage.unusable import unusable_sentence


class LogBase:
    """What a log consists of, and how it reaches the disk.

    Raises the classes of ottla.common.errors. An OSError becomes KafkaStorageError: one that may pass (a full disk, no
    descriptors left) refuses the one call; after any other the log is `offline`, and so is every further call.
    Invariants: log_start_offset <= log_end_offset, durable_end <= log_end_offset; offsets never go back except by
    truncation, which raises `version`.
    """

    __slots__ = (
        "_doomed", "_durability", "_epochs", "_files", "_jitter", "_on_failure", "_on_truncated", "_open_files",
        "_producers", "_roll_ms", "_rules", "_segments", "_snapshots", "_tally", "_tell", "_unusable_files",
        "durable_end", "folder", "log_end_offset", "log_start_offset", "offline", "recovered_bytes", "settings",
        "size_bytes", "synced_appends",
        "topic_id", "validate_records", "version",
    )  # fmt: skip

    def __init__(
        self,
        files: Files,
        folder: str,
        settings: TopicSettings,
        loaded: Loading,
        open_files: OpenFiles,
        *,
        now_ms: int,
        jitter: int,
        on_failure: Callable[[LogBase, OSError], None] | None,
        on_truncated: Callable[[int], None] | None,
        validate_records: bool,
        tally: ProducerTally | None,
    ) -> None:
        self._files = files
        self.folder = folder
        self._open_files = open_files
        self._on_failure = on_failure
        self._on_truncated = on_truncated
        """Called with the new end, before anything is written there."""
        self._jitter = jitter
        self.offline = False
        self.version = 0
        self.topic_id = loaded.topic_id
        self.validate_records = validate_records
        self._segments = Segments(loaded.segments)
        self._epochs: Epochs = loaded.epochs
        self._tally = tally
        self._use_producers(loaded.producers)
        self._snapshots = loaded.snapshots
        self._doomed: list[tuple[int, Segment]] = []
        self.log_start_offset = loaded.log_start_offset
        self.log_end_offset = loaded.log_end_offset
        self.durable_end = loaded.durable_end
        """Everything below survives a power cut."""
        self.size_bytes = self._segments.size_bytes
        self.recovered_bytes = loaded.scanned_bytes
        """How much of it was read to open it; 0 after a clean stop."""
        self._durability = Durability(loaded, now_ms)
        self._tell = loaded.tell
        self._unusable_files: dict[str, None] = {}
        self.configure(settings)
        self._set_jitter(self._segments.active)

    def __repr__(self) -> str:
        return f"<PartitionLog {self.folder} {self.log_start_offset}..{self.log_end_offset}>"

    def configure(self, settings: TopicSettings) -> None:
        """New settings, effective from the next append."""
        self.settings = settings
        self.synced_appends = settings.flush_messages == 1
        """flush.messages is 1: an append counts only once durable_end has passed it."""
        self._roll_ms = settings.segment_ms
        if settings.compacts:  # an active segment is not compacted: it must not stay active for longer than that
            self._roll_ms = min(settings.segment_ms, settings.max_compaction_lag_ms)
        self._rules: Rules = rules_of(settings, self.folder.rpartition("/")[2], self.validate_records)

    def _set_jitter(self, segment: Segment) -> None:
        most = min(self.settings.segment_jitter_ms, self.settings.segment_ms)
        if most > 0:
            self._jitter = (self._jitter * 1_103_515_245 + 12_345) & 0x7FFFFFFF
            segment.jitter_ms = self._jitter % most

    # -- durability

    def to_sync(self, *, closed_only: bool = False) -> Sync | None:
        """The fsyncs that bring durable_end to the present log end (or to the active segment's base), and the names of
        new files to the disk; or None.

        Run `sync.run()` in a thread; then hand the sync to `synced`, or it and the OSError to `sync_failed`. One serves
        all that were appended before it was made.
        """
        end = self._segments.active.base_offset if closed_only else self.log_end_offset
        if self.offline or (end <= self.durable_end and not self._durability.is_pending(self._segments)):
            return None
        try:
            return self._durability.prepare(
                self._files,
                self.folder,
                self._segments,
                self._snapshots,
                self._epochs,
                self.durable_end,
                end,
                self.version,
            )
        except OSError as error:
            raise self._failed(error) from error

    def synced(self, sync: Sync, now_ms: int | None = None) -> int:
        """The sync has run: moves durable_end, and returns it. A truncation meanwhile makes it worth nothing."""
        self._durability.on_synced(sync)
        sync.release()
        if sync.version == self.version and sync.end_offset > self.durable_end:
            self.durable_end = sync.end_offset
        if now_ms is not None:
            self._durability.last_sync_ms = now_ms
        return self.durable_end

    def sync_failed(self, sync: Sync, error: OSError) -> None:
        """An fsync that failed is never made again: the log and its directory go offline. Where the disk only refused
        to open or to write a file, everything is still to be synced."""
        sync.release()
        if is_passing(error):
            self._durability.on_refused(sync, self._epochs)
        self._failed(error)

    @property
    def recovery_point(self) -> int:
        """Where a start after a crash begins to scan; at most durable_end. Within the active segment while its indexes
        are in memory only: a roll could make the log's end the next segment's base, and the scan would pass them by."""
        point = self._durability.recovery_point(self._segments, self.durable_end)
        active = self._segments.active
        if active.offset_index is None or self._durability.closing or not active.size_bytes:
            return point
        return min(point, self.log_end_offset - 1)

    def on_checkpoint(self, recovery_point: int) -> None:
        """The recovery point that is about to be in the checkpoint file."""
        self._durability.persisted_point = recovery_point

    def on_checkpointed(self, recovery_point: int) -> None:
        """It is in the checkpoint file."""
        self._durability.checkpointed_point = recovery_point

    def sync_due(self, now_ms: int) -> bool:
        """flush.messages or flush.ms asks for a sync."""
        pending = self.log_end_offset - self.durable_end
        settings = self.settings
        return pending > 0 and (
            pending >= settings.flush_messages or now_ms - self._durability.last_sync_ms >= settings.flush_ms
        )

    def flush(self) -> None:
        """All three steps at once. Raises KafkaStorageError."""
        sync = self.to_sync()
        if sync is None:
            return
        self._run(sync)
        self.synced(sync)

    def _run(self, sync: Sync) -> None:
        try:
            sync.run()
        except OSError as error:
            self.sync_failed(sync, error)
            raise KafkaStorageError(str(error)) from error

    def fail(self, error: OSError) -> None:
        """Nothing more is read or written here, and the directory hears of it."""
        if not self.offline:
            self.offline = True
            if self._on_failure is not None:
                self._on_failure(self, error)

    def _failed(self, error: OSError) -> KafkaStorageError:
        if error.filename is None:  # calls on an open file name none
            error.filename = self._segments.active.path(LOG)
        failure = failure_of(error)
        if failure is Failure.LOCAL:
            return self._unusable(error)
        if failure is Failure.BROKEN:
            self.fail(error)
        elif self._on_failure is not None:
            self._on_failure(self, error)
        return KafkaStorageError(f"{self.folder}: {error.strerror or error}")

    def _unusable(self, error: OSError) -> KafkaStorageError:
        """The disk is well, and the call had no effect. Told once for each file, unless the log is not in use any more:
        a sync was under way when its folder was renamed to be deleted, say."""
        path = f"{error.filename or self.folder}"
        if not self.offline and path not in self._unusable_files:
            self._unusable_files[path] = None
            self._tell(Unreadable(path, f"{error.strerror}"))
        return KafkaStorageError(unusable_sentence(self.folder, error))

    def close(self) -> None:
        """Syncs, writes indexes and the producer snapshot, and closes the files: what a clean stop leaves.

        Raises KafkaStorageError; then the stop is not clean.
        """
        try:
            sync = self.to_close()
            if sync is not None:
                self._run(sync)
                self.synced(sync)
        finally:
            self.close_files()

    def to_close(self) -> Sync | None:
        """The first step: writes indexes and the producer snapshot, and makes the sync that is left, if any. Once that
        has run and `synced` knows, `close_files`. Raises KafkaStorageError."""
        if self.offline:
            return None
        self._durability.closing = True
        return None if self._is_settled() else self._settle()

    def _is_settled(self) -> bool:
        """Opened after a clean stop and only read since."""
        return (
            self._segments.active.offset_index is None
            and self.durable_end == self.log_end_offset
            and self._snapshots[-1:] == [self.log_end_offset]
            and not self._epochs.changed
            and not self._durability.is_pending(self._segments)
        )

    def _settle(self) -> Sync:
        try:
            self.finish_renames()
            self._segments.active.write_indexes()
            self._take_snapshot()
            return self._durability.prepare(
                self._files, self.folder, self._segments, self._snapshots, self._epochs, self.durable_end,
                self.log_end_offset, self.version,
            )  # fmt: skip
        except OSError as error:
            raise self._failed(error) from error

    def names_changed(self) -> None:
        """A file of the folder is new: the next sync makes it durable, as after the log was made."""
        self._durability.begin_anew()

    def finish_renames(self) -> None:
        """What the disk refused to rename gets its name, before anybody goes by names. Raises OSError."""
        for segment in self._segments:
            segment.finish_rename()

    def discard(self) -> None:
        """The partition is deleted: nothing is written any more, files are closed when nobody reads them."""
        self.offline = True
        self.close_files()

    def close_files(self) -> None:
        for segment in self._segments:
            segment.close_file()
        for _, segment in self._doomed:
            segment.close_file()

    # -- producers

    def _use_producers(self, producers: Producers) -> None:
        self._producers = producers
        if self._tally is not None:
            producers.count_in(self._tally)

    def _take_snapshot(self) -> None:
        """At the log's end. Its CRC tells a torn one, so it is not fsynced here; the one it supersedes goes."""
        offset = self.log_end_offset
        path = self._snapshot_path(offset)
        try:
            write_snapshot(self._files, path, self._producers)
        except OSError as error:
            if is_passing(error) and offset not in self._snapshots:
                with contextlib.suppress(OSError):  # a half that nobody would ever remove; its CRC tells that it is one
                    self._files.remove(path)
            raise
        self._durability.fresh_snapshots.append(offset)
        snapshots = self._snapshots
        if snapshots and snapshots[-1] == offset:
            snapshots.pop()
        if snapshots and not any(segment.base_offset == snapshots[-1] for segment in self._segments):
            superseded = snapshots.pop()
            snapshots.append(offset)
            self._files.remove(self._snapshot_path(superseded))
            return
        snapshots.append(offset)

    def _snapshot_path(self, offset: int) -> str:
        return f"{self.folder}/{offset_name(offset)}{SNAPSHOT}"
