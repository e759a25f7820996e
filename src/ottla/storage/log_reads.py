"""Reading a partition's log: by offset, by time, by epoch, and what readers of transactions need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ottla.common.errors import CorruptMessage, KafkaStorageError, OffsetOutOfRange
from ottla.records.batch import BatchHeader
from ottla.records.opening import Steps, run_here
from ottla.storage import lookup
from ottla.storage.log_base import LogBase
from ottla.storage.log_facts import ProducerView, producer_view
from ottla.storage.log_range import LogRange
from ottla.storage.lookup import FoundOffset
from ottla.storage.paths import LOG
from ottla.storage.segment import Segment
from ottla.storage.verified import Piece, pieces


class ReadableLog(LogBase):
    """Positions come from the index, a short scan over headers, and what earlier readers left off at."""

    __slots__ = ()

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
        if header.size_bytes > segment.size_bytes - position:  # its length is damaged; what the file has is no batch
            raise CorruptMessage(f"{segment.path(LOG)}: the batch at {position} reaches beyond the file")
        if header.last_offset >= up_to:
            return position, -1
        return position + header.size_bytes, header.last_offset + 1

    def verified(self, max_bytes: int) -> Iterator[Piece]:
        """Everything from the log's start to its present end, batch by batch, each with a right CRC; what is damaged is
        named and passed over. Other work may be done between two pieces. Raises KafkaStorageError."""
        offset = self.log_start_offset
        while offset < self.log_end_offset:
            if self.offline:
                raise KafkaStorageError
            index = self._segments.index_of(offset)
            segment = self._segments.at(index)
            try:
                segment.settle()
                end = self._segments.end_of(index, self.log_end_offset)
                for piece in pieces(segment, offset, end, max_bytes):
                    offset = max(piece.next_offset, offset)
                    yield piece
                    if segment not in self._segments or self.offline:  # retention or compaction took it meanwhile
                        break
                else:
                    offset = end
            except OSError as error:
                raise self._failed(error) from error

    def offset_for_timestamp(self, timestamp_ms: int) -> FoundOffset | None:
        """The first record at or after the time; None when there is none."""
        return run_here(self.steps_for_timestamp(timestamp_ms))

    def steps_for_timestamp(self, timestamp_ms: int) -> Steps[FoundOffset | None]:
        """The same in steps: a batch may hold a million records that are all too early."""
        return self._guarded(lambda: lookup.offset_for_timestamp(self._segments, timestamp_ms, self.log_start_offset))

    def offset_of_max_timestamp(self) -> FoundOffset | None:
        """The first record that has the largest timestamp; None in an empty log (KIP-734).

        It may lie below the start of the log, as long as its segment is there: Kafka looks no further either.
        """
        return run_here(self.steps_for_max_timestamp())

    def steps_for_max_timestamp(self) -> Steps[FoundOffset | None]:
        return self._guarded(lambda: lookup.offset_of_max_timestamp(self._segments))

    def _guarded(self, begin: Callable[[], Steps[FoundOffset | None]]) -> Steps[FoundOffset | None]:
        while True:
            if self.offline:
                raise KafkaStorageError
            version = self.version
            try:
                found = yield from begin()
            except OSError as error:
                raise self._failed(error) from error
            if version == self.version:  # else the log was truncated between two steps: look again
                return found

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
        """(producer id, first offset) of aborted transactions that overlap [from, to), by first offset. Raises
        KafkaStorageError."""
        try:
            return lookup.aborted_transactions(self._segments, from_offset, to_offset)
        except OSError as error:
            raise self._failed(error) from error

    def has_ongoing_transaction(self, producer_id: int, producer_epoch: int) -> bool:
        producer = self._producers.get(producer_id)
        return producer is not None and producer.transaction_start >= 0 and producer.epoch == producer_epoch

    def verification_begins(self, header: BatchHeader, now_ms: int, *, at_zero: bool) -> None:
        """A coordinator is asked whether this batch may begin a transaction here. See `Verifications`."""
        self._producers.verifications.begin(header, now_ms, at_zero=at_zero)

    def producer_epoch(self, producer_id: int) -> int:
        """The newest epoch of a producer in this log, -1 if it has written nothing lately."""
        producer = self._producers.get(producer_id)
        return -1 if producer is None else producer.epoch

    def producers(self) -> list[ProducerView]:
        """The active producers, by id (KIP-664)."""
        return [producer_view(producer) for producer in sorted(self._producers, key=lambda one: one.producer_id)]

    def expire_producers(self, now_ms: int, expiration_ms: int) -> int:
        """Forgets producers that were idle for so long and have no open transaction; how many."""
        return self._producers.expire(now_ms, expiration_ms)

    @property
    def producer_count(self) -> int:
        return len(self._producers)

    def idle_producers(self, now_ms: int) -> list[int]:
        """Since when each producer is idle that has no open transaction."""
        return self._producers.idle_since(now_ms)

    def forget_producers(self, until_ms: int, most: int, now_ms: int) -> int:
        """Forgets at most so many of those that are idle since `until_ms` or longer; how many."""
        return self._producers.forget_idle(until_ms, most, now_ms)
