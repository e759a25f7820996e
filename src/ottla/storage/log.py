"""`PartitionLog`: one partition's log on one disk, as segments of record batches."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ottla.common.errors import CorruptMessage, InvalidRecord, KafkaStorageError, OffsetOutOfRange
from ottla.records.batch import (
    CRC_FROM,
    HEAD,
    HEAD_BYTES,
    BatchHeader,
    Buffer,
    batches,
    crc32c,
    parse_header,
)
from ottla.records.control import Marker, read_marker
from ottla.records.validation import Rules, validate
from ottla.storage import lookup, retention
from ottla.storage.durability import Durability
from ottla.storage.epochs import Epochs
from ottla.storage.files import Files
from ottla.storage.indexes import AbortedTransaction
from ottla.storage.loading import Loading
from ottla.storage.log_range import LogRange
from ottla.storage.lookup import FoundOffset
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import SNAPSHOT, offset_name
from ottla.storage.producers import CachedBatch, Producer, Producers
from ottla.storage.segment import Segment
from ottla.storage.segments import Segments
from ottla.storage.settings import TopicSettings
from ottla.storage.snapshots import write_snapshot
from ottla.storage.sync import Sync
from ottla.storage.topic_rules import rules_of

__all__ = ("Appended", "FoundOffset", "Origin", "PartitionLog", "ProducerView", "open_log")

_RELATIVE_MAX = (1 << 31) - 1
_LONG_MAX = (1 << 63) - 1


class Origin(enum.IntEnum):
    """Who appends, and so what is checked."""

    CLIENT = 0
    """A produce request: everything is checked."""
    COORDINATOR = 1
    """A coordinator of this broker, transaction markers included: no sequence checks, control batches allowed."""


class Appended(NamedTuple):
    """What an append did. Offsets are those of the batch, or of the cached one when it was a duplicate."""

    base_offset: int
    last_offset: int
    log_append_time_ms: int
    """-1 where the topic keeps the producer's timestamps (a duplicate: the cached batch's timestamp)."""
    log_start_offset: int
    duplicate: bool
    """True: nothing was appended, the batch is in the log already (KIP-98)."""
    size_bytes: int
    """Bytes added to the log; 0 for a duplicate."""


class ProducerView(NamedTuple):
    """One active producer, as DescribeProducers shows it; -1 where there is no value."""

    producer_id: int
    epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    transaction_start_offset: int


class PartitionLog:
    """Synchronous and free of loops and clocks: every call returns facts, and wakes nobody.

    Raises the classes of ottla.common.errors. After an OSError of a write or an fsync the log is `offline`, and every
    further append or read raises KafkaStorageError; a full disk alone only refuses the append.
    Invariants: log_start_offset <= log_end_offset, durable_end <= log_end_offset; offsets never go back except by
    truncation, which raises `version`.
    """

    __slots__ = (
        "_clean_snapshot", "_doomed", "_durability", "_epochs", "_files", "_jitter", "_on_failure", "_open_files",
        "_producers", "_rules", "_segments", "_snapshots", "durable_end", "folder", "log_end_offset",
        "log_start_offset", "offline", "recovered_bytes", "settings", "size_bytes", "synced_appends", "topic_id",
        "validate_records", "version",
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
        on_failure: Callable[[OSError], None] | None,
        validate_records: bool,
    ) -> None:
        self._files = files
        self.folder = folder
        self._open_files = open_files
        self._on_failure = on_failure
        self._jitter = jitter
        self.offline = False
        self.version = 0
        self.topic_id = loaded.topic_id
        self.validate_records = validate_records
        self._segments = Segments(loaded.segments)
        self._epochs: Epochs = loaded.epochs
        self._producers: Producers = loaded.producers
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
        self.configure(settings)
        self._set_jitter(self._segments.active)

    def __repr__(self) -> str:
        return f"<PartitionLog {self.folder} {self.log_start_offset}..{self.log_end_offset}>"

    def configure(self, settings: TopicSettings) -> None:
        """New settings, effective from the next append."""
        self.settings = settings
        self.synced_appends = settings.flush_messages == 1
        """flush.messages is 1: an append counts only once durable_end has passed it."""
        self._rules: Rules = rules_of(settings, self.folder.rpartition("/")[2], self.validate_records)

    # -- appending

    def append(
        self,
        batch: Buffer | None,
        *,
        leader_epoch: int,
        now_ms: int,
        origin: Origin = Origin.CLIENT,
        produce_version: int = 13,
        transaction_version: int = 0,
    ) -> Appended:
        """Appends exactly one batch as the leader: validates it, gives it offsets, checks its producer's sequence.

        The caller's buffer is neither changed nor kept. Raises the errors of a produce request in Kafka's order; those
        of single records have `record_errors`, [(index, message)]. Nothing was appended then.
        `transaction_version` is that of a marker's WriteTxnMarkers.
        """
        if self.offline:
            raise KafkaStorageError
        marker: Marker | None = None
        if origin is Origin.CLIENT:
            header, tail = validate(batch, self._rules, now_ms, produce_version)
            if header[9] >= 0:
                duplicate = self._producers.check(header)
                if duplicate is not None:
                    return self._answer_again(duplicate)
        else:
            header, tail, marker = self._check_own(batch, transaction_version)
        base_offset = self.log_end_offset
        last_offset = base_offset + header[6]
        size = header[1] + 12
        try:
            segment = self._segments.active
            if segment.offset_index is None or self._must_roll(segment, size, last_offset, header[8], now_ms):
                segment = self._writable(size, last_offset, header[8], now_ms)
            if leader_epoch != self._epochs.latest:
                self._epochs.assign(leader_epoch, base_offset)
            parts = [HEAD.pack(base_offset, header[1], leader_epoch), *tail]
            segment.append(parts, size, last_offset, header[8], self.settings.index_interval_bytes)
        except OSError as error:
            raise self._failed(error) from error
        self.log_end_offset = last_offset + 1
        self.size_bytes += size
        if header[9] >= 0:
            self._note_producer(header, base_offset, marker, segment)
        log_append_time = now_ms if self._rules.log_append_time else -1
        return Appended(base_offset, last_offset, log_append_time, self.log_start_offset, False, size)

    def _answer_again(self, duplicate: CachedBatch) -> Appended:
        return Appended(
            duplicate.base_offset, duplicate.last_offset, duplicate.timestamp, self.log_start_offset, True, 0
        )

    def _check_own(
        self, batch: Buffer | None, transaction_version: int
    ) -> tuple[BatchHeader, Sequence[Buffer], Marker | None]:
        """A batch that this broker built: its outline, the producer's epoch, and the marker if it is one."""
        assert batch is not None, "a coordinator appends records"
        header = parse_header(batch)
        assert header.size_bytes == len(batch) and header.record_count > 0, "a coordinator appends one whole batch"
        if header.size_bytes > self._rules.segment_bytes:
            raise InvalidRecord(f"a batch of {header.size_bytes} bytes is larger than a segment")
        marker = read_marker(batch) if header.is_control else None
        if marker is not None:
            self._producers.check_marker(header, marker, transaction_version)
        elif header.producer_id >= 0:
            self._producers.check_epoch(header)
        return header, (memoryview(batch)[HEAD_BYTES:],), marker

    def _note_producer(self, header: BatchHeader, base_offset: int, marker: Marker | None, segment: Segment) -> None:
        if marker is None:
            self._producers.add(header, base_offset)
            return
        completed = self._producers.complete(header, marker, base_offset)
        if completed is None or not completed.aborted:
            return
        stable = self._producers.stable_after(completed)
        entry = AbortedTransaction(completed.producer_id, completed.first_offset, completed.last_offset, stable)
        try:
            segment.add_aborted(entry)
        except OSError as error:  # the marker is in the log: without its entry, aborted records would look committed
            self.fail(error)
            raise KafkaStorageError(str(error)) from error

    def append_as_follower(self, records: Buffer, *, now_ms: int) -> int:
        """Appends whole batches as the leader stored them; the bytes taken (a partial last batch is left over).

        Raises CorruptMessage for a wrong CRC, OffsetOutOfRange for an offset below the log's end. What came before the
        bad batch is appended.
        """
        if self.offline:
            raise KafkaStorageError
        view, taken = memoryview(records), 0
        for position, header in batches(records):
            batch = view[position : position + header.size_bytes]
            if crc32c(batch[CRC_FROM:]) != header.crc:
                raise CorruptMessage(f"Record is corrupt (stored crc = {header.crc})")
            if header.base_offset < self.log_end_offset:
                raise OffsetOutOfRange(f"offset {header.base_offset} is below the log's end {self.log_end_offset}")
            self._append_replica(batch, header, now_ms)
            taken = position + header.size_bytes
        return taken

    def _append_replica(self, batch: memoryview, header: BatchHeader, now_ms: int) -> None:
        size, last_offset = header.size_bytes, header.last_offset
        marker = read_marker(batch) if header.is_control and header.producer_id >= 0 else None
        try:
            segment = self._writable(size, last_offset, header.max_timestamp, now_ms)
            if header.leader_epoch > self._epochs.latest:
                self._epochs.assign(header.leader_epoch, header.base_offset)
            segment.append([batch], size, last_offset, header.max_timestamp, self.settings.index_interval_bytes)
        except OSError as error:
            raise self._failed(error) from error
        self.log_end_offset = last_offset + 1
        self.size_bytes += size
        if header.producer_id >= 0 and (marker is not None or not header.is_control):
            self._note_producer(header, header.base_offset, marker, segment)

    def start_epoch(self, leader_epoch: int) -> None:
        """This broker leads from `leader_epoch` on, which begins at the log's end."""
        if leader_epoch > self._epochs.latest:
            self._epochs.assign(leader_epoch, self.log_end_offset)

    # -- rolling

    def _must_roll(self, segment: Segment, size: int, last_offset: int, timestamp: int, now_ms: int) -> bool:
        settings = self.settings
        full_entries = settings.segment_index_bytes
        return (
            segment.size_bytes > self._rules.segment_bytes - size
            or last_offset - segment.base_offset > _RELATIVE_MAX
            or (segment.size_bytes > 0 and segment.age_ms(now_ms, timestamp) > settings.segment_ms - segment.jitter_ms)
            or (segment.offset_index is not None and len(segment.offset_index) >= full_entries // 8)
            or (segment.time_index is not None and len(segment.time_index) >= full_entries // 12 - 1)
        )

    def _writable(self, size: int, last_offset: int, timestamp: int, now_ms: int) -> Segment:
        """The active segment, its indexes in memory; a new one if the old may not take the batch."""
        segment = self._segments.active
        segment.activate()
        if not self._must_roll(segment, size, last_offset, timestamp, now_ms):
            return segment
        if segment.size_bytes:
            self._roll(now_ms)
        elif last_offset - segment.base_offset > _RELATIVE_MAX:
            self._begin_at(self.log_end_offset, now_ms)
        return self._segments.active

    def _roll(self, now_ms: int) -> None:
        old = self._segments.active
        old.deactivate()
        self._durability.on_closed(self._files, self.folder, old, self.log_end_offset)
        self._take_snapshot()
        self._segments.add(self._new_segment(self.log_end_offset, now_ms))

    def _new_segment(self, base_offset: int, now_ms: int) -> Segment:
        segment = Segment(self._files, self.folder, base_offset, self._open_files, now_ms)
        segment.create()
        self._durability.names_changed = True
        self._set_jitter(segment)
        return segment

    def _set_jitter(self, segment: Segment) -> None:
        most = min(self.settings.segment_jitter_ms, self.settings.segment_ms)
        if most > 0:
            self._jitter = (self._jitter * 1_103_515_245 + 12_345) & 0x7FFFFFFF
            segment.jitter_ms = self._jitter % most

    def roll(self, now_ms: int) -> bool:
        """Closes the active segment, if it holds anything, and begins a new one. False if it is empty."""
        if not self._segments.active.size_bytes:
            return False
        try:
            self._segments.active.activate()
            self._roll(now_ms)
        except OSError as error:
            raise self._failed(error) from error
        return True

    def _take_snapshot(self) -> None:
        """At the log's end. Its CRC tells a torn one, so it is not fsynced here; the one it supersedes goes."""
        offset = self.log_end_offset
        write_snapshot(self._files, self._snapshot_path(offset), self._producers)
        self._durability.fresh_snapshots.append(offset)
        snapshots = self._snapshots
        if snapshots and snapshots[-1] == offset:
            snapshots.pop()
        if snapshots and not any(segment.base_offset == snapshots[-1] for segment in self._segments):
            self._files.remove(self._snapshot_path(snapshots.pop()))
        snapshots.append(offset)

    def _snapshot_path(self, offset: int) -> str:
        return f"{self.folder}/{offset_name(offset)}{SNAPSHOT}"

    # -- reading

    def read(self, offset: int, max_bytes: int, *, up_to: int, at_least_one: bool = True) -> LogRange:
        """Whole batches from the one that holds `offset`, as a pinned file range; it must be released.

        Shape: batches v2 as stored; may begin below `offset`. Ends at a batch boundary, below `up_to` (an offset) and
        within `max_bytes` and one segment; but the first batch comes even if it is larger, when `at_least_one`.
        `len(range) == 0` when there is nothing. Raises OffsetOutOfRange below the log start or above the log end.
        """
        if self.offline:
            raise KafkaStorageError
        log_end = self.log_end_offset
        if not self.log_start_offset <= offset <= log_end:
            raise OffsetOutOfRange(f"offset {offset} is not in {self.log_start_offset}..{log_end}")
        up_to = min(up_to, log_end)
        if offset >= up_to:
            return LogRange(None, 0, 0, offset, offset, self.version)
        try:
            return self._read(offset, max_bytes, up_to, at_least_one)
        except OSError as error:
            raise self._failed(error) from error

    def _read(self, offset: int, max_bytes: int, up_to: int, at_least_one: bool) -> LogRange:
        segments = self._segments
        segment = segments.active
        index = len(segments) - 1
        if offset < segment.base_offset:
            index = segments.index_of(offset)
            segment = segments.at(index)
        position = segment.position_of(offset)
        while position is None and index + 1 < len(segments):  # compaction may have emptied the segment's end
            index += 1
            segment = segments.at(index)
            position = segment.position_of(segment.base_offset)
        if position is None:
            return LogRange(None, 0, 0, offset, offset, self.version)
        left = segment.size_bytes - position
        segment_end = segments.end_of(index, self.log_end_offset)
        if left <= max_bytes and up_to >= segment_end:
            end, end_offset = segment.size_bytes, segment_end
        else:
            end, end_offset = segment.end_within(position, max_bytes, up_to)
            if end == position and at_least_one:
                end, end_offset = self._first_batch(segment, position, up_to)
        if end == position:
            return LogRange(None, 0, 0, offset, offset, self.version)
        segment.remember(end_offset, end)
        if segment.file is None:
            segment.open_file()
        segment.used = True
        return LogRange(segment, position, end - position, offset, end_offset, self.version)

    def _first_batch(self, segment: Segment, position: int, up_to: int) -> tuple[int, int]:
        header = segment.header_at(position)
        if header.last_offset >= up_to:
            return position, -1
        return position + header.size_bytes, header.last_offset + 1

    def offset_for_timestamp(self, timestamp_ms: int) -> FoundOffset | None:
        """The first record at or after the time; None when there is none."""
        return self._guarded(lambda: lookup.offset_for_timestamp(self._segments, timestamp_ms, self.log_start_offset))

    def offset_of_max_timestamp(self) -> FoundOffset | None:
        """The first record that has the largest timestamp; None in an empty log (KIP-734)."""
        return self._guarded(lambda: lookup.offset_of_max_timestamp(self._segments, self.log_start_offset))

    def _guarded(self, call: Callable[[], FoundOffset | None]) -> FoundOffset | None:
        if self.offline:
            raise KafkaStorageError
        try:
            return call()
        except OSError as error:
            raise self._failed(error) from error

    def epoch_at(self, offset: int) -> int:
        """The leader epoch under which the record at `offset` was (or would be) written; -1 if unknown."""
        return self._epochs.at(offset)

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """(largest epoch <= `epoch`, its end offset), or (-1, -1) (KIP-101)."""
        return self._epochs.end_offset(epoch, self.log_end_offset)

    @property
    def latest_epoch(self) -> int:
        """The newest leader epoch, -1 in a log that has none."""
        return self._epochs.latest

    @property
    def segment_count(self) -> int:
        return len(self._segments)

    # -- transactions and producers

    @property
    def first_unstable_offset(self) -> int | None:
        """Where the earliest open transaction begins."""
        return self._producers.first_open

    def last_stable_offset(self, high_watermark: int) -> int:
        """Where read_committed stops: the first transaction that is open, or whose marker the high watermark has not
        passed."""
        first = self._producers.first_unstable(high_watermark)
        if first is None or first >= high_watermark:
            return high_watermark
        return max(first, self.log_start_offset)

    def aborted_transactions(self, from_offset: int, to_offset: int) -> list[tuple[int, int]]:
        """(producer id, first offset) of aborted transactions that overlap [from, to), by first offset."""
        return lookup.aborted_transactions(self._segments, from_offset, to_offset)

    def has_ongoing_transaction(self, producer_id: int, producer_epoch: int) -> bool:
        producer = self._producers.get(producer_id)
        return producer is not None and producer.transaction_start >= 0 and producer.epoch == producer_epoch

    def producers(self) -> list[ProducerView]:
        """The active producers, by id (KIP-664)."""
        return [_view(producer) for producer in sorted(self._producers, key=lambda one: one.producer_id)]

    def expire_producers(self, now_ms: int, expiration_ms: int) -> int:
        """Forgets producers that were idle for so long and have no open transaction; how many."""
        return self._producers.expire(now_ms, expiration_ms)

    # -- cutting

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
        loading = Loading.of_producers(self._files, self.folder, list(self._segments), self._snapshots, end)
        self._producers = loading.producers
        self._files.fsync_folder(self.folder)

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

    def _begin_at(self, offset: int, now_ms: int) -> None:
        """One empty segment at `offset` in place of all."""
        for segment in list(self._segments):
            self._discard(segment)
        for snapshot in self._snapshots:
            self._files.remove(self._snapshot_path(snapshot))
        self._snapshots.clear()
        self._segments.replace_all(self._new_segment(offset, now_ms))
        self.size_bytes = 0

    def _discard(self, segment: Segment) -> None:
        segment.remove_files()
        segment.close_file()

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

    def retain(self, now_ms: int, high_watermark: int) -> int:
        """Deletes old segments by retention.ms, retention.bytes and log start; how many. `log_start_offset` may move."""
        if self.offline:
            return 0
        try:
            count, roll_first = retention.deletable(
                self._segments, self.settings, now_ms, high_watermark, self.log_start_offset, self.log_end_offset
            )
            if roll_first:
                self._segments.active.activate()
                self._roll(now_ms)
            self._delete_first(count, now_ms)
        except OSError as error:
            raise self._failed(error) from error
        return count

    def _delete_first(self, count: int, now_ms: int) -> None:
        """The oldest first, each durably before the next: a crash must not leave a hole."""
        if count:
            self._durability.sync_snapshots(self._files, self.folder, self._snapshots)
        for left in range(count, 0, -1):
            segment = self._segments.drop_first()
            segment.rename(".deleted")
            self.size_bytes -= segment.size_bytes
            self._doomed.append((now_ms + self.settings.file_delete_delay_ms, segment))
            if segment.base_offset in self._snapshots:
                self._snapshots.remove(segment.base_offset)
                self._files.remove(self._snapshot_path(segment.base_offset))
            if left > 1:
                self._files.fsync_folder(self.folder)
        if count and self._segments.first.base_offset > self.log_start_offset:
            self.log_start_offset = self._segments.first.base_offset
            self._epochs.truncate_start(self.log_start_offset)

    @property
    def has_doomed(self) -> bool:
        """Files of deleted segments are still there."""
        return bool(self._doomed)

    def remove_due(self, now_ms: int) -> int | None:
        """Removes the files of deleted segments that are due and that nobody reads; the time of the next, or None."""
        kept = []
        for due_ms, segment in self._doomed:
            if due_ms > now_ms or segment.pins:
                kept.append((due_ms, segment))
            else:
                segment.remove_files()
                segment.close_file()
        self._doomed = kept
        return min(due_ms for due_ms, _ in kept) if kept else None

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
        """An fsync failed: it is never retried, the log and its directory go offline."""
        sync.release()
        self.fail(error)

    @property
    def recovery_point(self) -> int:
        """Where a start after a crash begins to scan; at most durable_end."""
        return self._durability.recovery_point(self._segments, self.durable_end)

    def on_checkpoint(self, recovery_point: int) -> None:
        """The recovery point that is about to be in the checkpoint file."""
        self._durability.persisted_point = recovery_point

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
        try:
            sync.run()
        except OSError as error:
            self.sync_failed(sync, error)
            raise KafkaStorageError(str(error)) from error
        self.synced(sync)

    def fail(self, error: OSError) -> None:
        """The disk failed: nothing more is read or written here."""
        if not self.offline:
            self.offline = True
            if self._on_failure is not None:
                self._on_failure(error)

    def _failed(self, error: OSError) -> KafkaStorageError:
        if not self._durability.is_harmless(error):
            self.fail(error)
        return KafkaStorageError(f"{self.folder}: {error.strerror or error}")

    def close(self) -> None:
        """Syncs, writes indexes and the producer snapshot, and closes the files: what a clean stop leaves.

        Raises KafkaStorageError; then the stop is not clean.
        """
        if not self.offline:
            self._durability.closing = True
            if not self._is_settled():
                self._settle()
        self._close_files()

    def _is_settled(self) -> bool:
        """Opened after a clean stop and only read since."""
        return (
            self._segments.active.offset_index is None
            and self.durable_end == self.log_end_offset
            and self._snapshots[-1:] == [self.log_end_offset]
            and not self._epochs.changed
            and not self._durability.is_pending(self._segments)
        )

    def _settle(self) -> None:
        try:
            self._segments.active.write_indexes()
            self._take_snapshot()
            sync = self._durability.prepare(
                self._files, self.folder, self._segments, self._snapshots, self._epochs, self.durable_end,
                self.log_end_offset, self.version,
            )  # fmt: skip
            sync.run()
        except OSError as error:
            raise self._failed(error) from error
        self.synced(sync)

    def discard(self) -> None:
        """The partition is deleted: nothing is written any more, files are closed when nobody reads them."""
        self.offline = True
        self._close_files()

    def _close_files(self) -> None:
        for segment in self._segments:
            segment.close_file()
        for _, segment in self._doomed:
            segment.close_file()


def _view(producer: Producer) -> ProducerView:
    return ProducerView(
        producer.producer_id,
        producer.epoch,
        producer.last_sequence,
        producer.last_timestamp,
        producer.coordinator_epoch,
        producer.transaction_start,
    )


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
    on_failure: Callable[[OSError], None] | None = None,
    validate_records: bool = False,
) -> PartitionLog:
    """Opens or begins the log in `folder`, which exists, recovering it unless `clean`. Raises OSError, CorruptCheckpoint."""
    pool = open_files if open_files is not None else OpenFiles()
    loaded = Loading(
        files, folder, settings, pool,
        now_ms=now_ms, clean=clean, recovery_point=recovery_point, log_start_offset=log_start_offset,
    )  # fmt: skip
    loaded.run()
    return PartitionLog(
        files, folder, settings, loaded, pool,
        now_ms=now_ms, jitter=jitter, on_failure=on_failure, validate_records=validate_records,
    )  # fmt: skip
