"""`PartitionLog`: one partition's log on one disk, as segments of record batches."""

from __future__ import annotations

import enum
from typing import NamedTuple

from ottla.storage.files import Buffer, Files
from ottla.storage.log_range import LogRange
from ottla.storage.settings import TopicSettings
from ottla.storage.sync import Sync


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


class FoundOffset(NamedTuple):
    """A record found by its timestamp."""

    offset: int
    timestamp: int
    leader_epoch: int


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
    further call raises KafkaStorageError.
    Invariants: log_start_offset <= durable_end <= log_end_offset, except while start is advanced past the durable end;
    offsets never go back except by truncation, which raises `version`.
    """

    folder: str
    topic_id: bytes | None
    log_start_offset: int
    log_end_offset: int
    durable_end: int
    """Everything below survives a power cut (also the recovery point)."""
    version: int
    """Raised by truncation and by a swap of segments: what was read under an older version is void."""
    size_bytes: int
    offline: bool
    settings: TopicSettings
    synced_appends: bool
    """flush.messages is 1: an append counts only once durable_end has passed it."""

    def configure(self, settings: TopicSettings) -> None:
        """New settings, effective from the next append."""
        ...

    # -- appending
    def append(
        self, batch: Buffer | None, *, leader_epoch: int, now_ms: int, origin: Origin = Origin.CLIENT,
        produce_version: int = 13,
    ) -> Appended:
        """Appends exactly one batch as the leader: validates it, gives it offsets, checks its producer's sequence.

        The caller's buffer is neither changed nor kept. Raises the errors of behaviour.md section 1, rows 5-6 and 12-20;
        those of single records have `record_errors`, [(index, message)].
        """
        ...

    def append_as_follower(self, batches: Buffer, *, now_ms: int) -> int:
        """Appends whole batches as the leader stored them; the bytes taken (a partial last batch is left over).

        Raises CorruptMessage for a bad CRC, OffsetOutOfRange when the first offset is not the log's end or later.
        """
        ...

    def start_epoch(self, leader_epoch: int) -> None:
        """This broker leads from `leader_epoch` on, which begins at the log's end."""
        ...

    # -- reading
    def read(self, offset: int, max_bytes: int, *, up_to: int, at_least_one: bool = True) -> LogRange:
        """Whole batches from the one that holds `offset`, as a pinned file range; it must be released.

        Shape: batches v2 as stored; may begin below `offset`. Ends at a batch boundary, below `up_to` (an offset) and
        within `max_bytes` and one segment; but the first batch comes even if it is larger, when `at_least_one`.
        `len(range) == 0` when there is nothing. Raises OffsetOutOfRange below the log start or above the log end.
        """
        ...

    def offset_for_timestamp(self, timestamp_ms: int) -> FoundOffset | None:
        """The first record at or after the time; None when there is none."""
        ...

    def offset_of_max_timestamp(self) -> FoundOffset | None:
        """The first record that has the largest timestamp; None in an empty log (KIP-734)."""
        ...

    def epoch_at(self, offset: int) -> int:
        """The leader epoch under which the record at `offset` was (or would be) written; -1 if unknown."""
        ...

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """(largest epoch <= `epoch`, its end offset), or (-1, -1) (KIP-101)."""
        ...

    @property
    def latest_epoch(self) -> int:
        """The newest leader epoch, -1 in a log that has none."""
        ...

    # -- transactions and producers
    @property
    def first_unstable_offset(self) -> int | None:
        """Where the earliest open transaction begins."""
        ...

    def last_stable_offset(self, high_watermark: int) -> int:
        """Where read_committed stops: the first transaction that is open, or whose marker is not below the high watermark."""
        ...

    def aborted_transactions(self, from_offset: int, to_offset: int) -> list[tuple[int, int]]:
        """(producer id, first offset) of aborted transactions that overlap [from, to), by first offset."""
        ...

    def has_ongoing_transaction(self, producer_id: int, producer_epoch: int) -> bool: ...

    def producers(self) -> list[ProducerView]:
        """The active producers, by id (KIP-664)."""
        ...

    def expire_producers(self, now_ms: int, expiration_ms: int) -> int:
        """Forgets producers that were idle for so long and have no open transaction; how many."""
        ...

    # -- cutting
    def truncate_to(self, offset: int) -> None:
        """Drops every batch that holds an offset at or above `offset`; raises `version`."""
        ...

    def truncate_and_start_at(self, offset: int) -> None:
        """Drops everything: an empty log from `offset` on."""
        ...

    def advance_start(self, offset: int) -> bool:
        """DeleteRecords: records below `offset` are gone. False if the start is there already. Raises OffsetOutOfRange
        above the log end; the caller holds it below the high watermark."""
        ...

    def roll(self, now_ms: int) -> None:
        """Closes the active segment, if it holds anything, and begins a new one."""
        ...

    def retain(self, now_ms: int, high_watermark: int) -> int:
        """Deletes old segments by retention.ms, retention.bytes and log start; how many. `log_start_offset` may move."""
        ...

    def remove_due(self, now_ms: int) -> int | None:
        """Removes the files of deleted segments that are due; the time in ms of the next one, or None."""
        ...

    # -- durability
    def to_sync(self, *, closed_only: bool = False) -> Sync | None:
        """The fsyncs that bring durable_end to the present log end (or to the active segment's base), or None.

        Run `sync.run()` in a thread; then hand the sync to `synced`, or the OSError to `sync_failed`. One serves all
        that were appended before it was made.
        """
        ...

    def synced(self, sync: Sync) -> int:
        """The sync has run: moves durable_end, and returns it."""
        ...

    def sync_failed(self, error: OSError) -> None:
        """An fsync failed: never retried, the log goes offline."""
        ...

    def sync_due(self, now_ms: int) -> bool:
        """flush.messages or flush.ms asks for a sync."""
        ...

    def flush(self) -> None:
        """All three steps at once. Raises KafkaStorageError."""
        ...

    def close(self) -> None:
        """Syncs, writes indexes and the producer snapshot, and closes the files: what a clean stop leaves."""
        ...


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
) -> PartitionLog:
    """Opens or begins the log in `folder`, recovering it unless `clean`."""
    ...
