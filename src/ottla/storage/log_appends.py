"""Appending to a partition's log, as leader and as follower, and rolling its segments."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.common.errors import CorruptMessage, InvalidRecord, KafkaStorageError, OffsetOutOfRange
from ottla.records.batch import CRC_FROM, HEAD, HEAD_BYTES, BatchHeader, Buffer, batches, crc32c, parse_header
from ottla.records.control import Marker, read_marker
from ottla.records.validation import Rules, Validated, validate
from ottla.storage.indexes import AbortedTransaction
from ottla.storage.log_facts import Appended, Origin
from ottla.storage.log_reads import ReadableLog
from ottla.storage.producers import CachedBatch
from ottla.storage.segment import Segment

_RELATIVE_MAX = (1 << 31) - 1

_pack_head = HEAD.pack
_new = tuple.__new__
_CLIENT = Origin.CLIENT


class AppendableLog(ReadableLog):
    """One batch is one write: 16 patched bytes and a view of the caller's buffer."""

    __slots__ = ()

    def append(
        self,
        batch: Buffer | None,
        *,
        leader_epoch: int,
        now_ms: int,
        origin: Origin = Origin.CLIENT,
        produce_version: int = 13,
        transaction_version: int = 0,
        validated: Validated | None = None,
    ) -> Appended:
        """Appends exactly one batch as the leader: validates it, gives it offsets, checks its producer's sequence.

        The caller's buffer is neither changed nor kept. Raises the errors of a produce request in Kafka's order; those
        of single records have `record_errors`, [(index, message)]. Nothing was appended then.
        `transaction_version` is that of a marker's WriteTxnMarkers.
        Raises OpensSlowly for a batch that takes long to open: `open_steps` with these `rules` gives `validated`.
        """
        if self.offline:
            raise KafkaStorageError
        marker: Marker | None = None
        if origin is _CLIENT:
            header, tail = validated or validate(batch, self._rules, now_ms, produce_version)
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
            if marker is not None:
                segment.aborted  # noqa: B018 - read now: once the marker is in the log, its entry must find its place
            if leader_epoch != self._epochs.latest:
                self._epochs.assign(leader_epoch, base_offset)
            parts = [_pack_head(base_offset, header[1], leader_epoch), *tail]
            segment.append(parts, size, last_offset, header[8], self.settings.index_interval_bytes)
        except OSError as error:
            raise self._failed(error) from error
        self.log_end_offset = last_offset + 1
        self.size_bytes += size
        if header[9] >= 0:
            self._note_producer(header, base_offset, marker, segment)
        log_append_time = now_ms if self._rules.log_append_time else -1
        return _new(Appended, (base_offset, last_offset, log_append_time, self.log_start_offset, False, size))

    @property
    def rules(self) -> Rules:
        """What batches are validated by. Another object after each change of settings."""
        return self._rules

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
        taken = segment.size_bytes
        if (
            taken > self._rules.segment_bytes - size
            or last_offset - segment.base_offset > _RELATIVE_MAX
            or (taken > 0 and segment.age_ms(now_ms, timestamp) > self._roll_ms - segment.jitter_ms)
        ):
            return True
        if segment.bytes_since_index <= settings.index_interval_bytes:
            return False  # this batch gets no index entry, so a full index cannot have become fuller
        full_entries = settings.segment_index_bytes
        return (segment.offset_index is not None and len(segment.offset_index) >= full_entries // 8) or (
            segment.time_index is not None and len(segment.time_index) >= full_entries // 12 - 1
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
        if old.deactivate():
            self._durability.on_closed(self._files, self.folder, old, self.log_end_offset)
        self._take_snapshot()
        self._segments.add(self._new_segment(self.log_end_offset, now_ms))

    def _new_segment(self, base_offset: int, now_ms: int) -> Segment:
        segment = Segment(self._files, self.folder, base_offset, self._open_files, now_ms)
        segment.create(self._rules.segment_bytes if self.settings.preallocate else 0)
        self._durability.names_changed = True
        self._set_jitter(segment)
        return segment

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

    def _begin_at(self, offset: int, now_ms: int) -> None:
        """One empty segment at `offset` in place of all."""
        old = list(self._segments)
        for segment in old:
            if segment.base_offset == offset:  # the new one takes its names
                self._discard(segment)
        self._segments.replace_all(self._new_segment(offset, now_ms))
        self.size_bytes = 0
        snapshots, self._snapshots[:] = list(self._snapshots), []
        for segment in old:
            if segment.base_offset != offset:
                self._discard(segment)
        for snapshot in snapshots:
            self._files.remove(self._snapshot_path(snapshot))

    def _discard(self, segment: Segment) -> None:
        segment.remove_files()
        segment.close_file()
