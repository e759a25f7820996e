"""What a log knows of the producers that wrote to it: sequences, epochs and open transactions (KIP-98, KIP-890).

A machine: `check` decides, `add` and `complete` record what was appended, in the log's order. The same calls rebuild it
from the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ottla.common.errors import (
    InvalidProducerEpoch,
    InvalidTxnState,
    OutOfOrderSequenceNumber,
    TransactionCoordinatorFenced,
)
from ottla.records.batch import TRANSACTIONAL, BatchHeader
from ottla.records.control import Marker
from ottla.storage.producer_tally import ProducerTally
from ottla.storage.verifications import Verifications

BATCHES_KEPT = 5
"""As many as a producer may have in flight; an older retry cannot be told from a new batch."""

_SEQUENCE_MASK = 0x7FFFFFFF
_TV2 = 2
_NO_EPOCH = -1


class CachedBatch(NamedTuple):
    """One of the last batches of a producer. A retry of it is answered with these offsets."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    timestamp: int


class Producer:
    """One producer id in one partition. -1 where there is no value."""

    __slots__ = ("batches", "coordinator_epoch", "epoch", "last_timestamp", "producer_id", "transaction_start")

    def __init__(self, producer_id: int, epoch: int = -1) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self.batches: list[CachedBatch] = []
        self.coordinator_epoch = -1
        self.last_timestamp = -1
        self.transaction_start = -1

    @property
    def last_sequence(self) -> int:
        return self.batches[-1].last_sequence if self.batches else -1


class CompletedTransaction(NamedTuple):
    """A transaction whose marker was appended; `last_offset` is the marker's."""

    producer_id: int
    first_offset: int
    last_offset: int
    aborted: bool


class Producers:
    """All producers of one log.

    Invariant: a producer has an open transaction exactly if it is in `_open`, which is in the order of first offsets.
    """

    __slots__ = ("_entries", "_open", "_tally", "_unreplicated", "verifications")

    def __init__(self) -> None:
        self._tally: ProducerTally | None = None
        self._entries: dict[int, Producer] = {}
        self._open: dict[int, int] = {}
        self._unreplicated: list[CompletedTransaction] = []
        self.verifications = Verifications()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Producer]:
        return iter(self._entries.values())

    def get(self, producer_id: int) -> Producer | None:
        return self._entries.get(producer_id)

    def count_in(self, tally: ProducerTally) -> None:
        """These are the producers of a log in use: they count from now on."""
        self._tally = tally
        tally.add(len(self._entries))

    # -- before an append

    def check(self, header: BatchHeader) -> CachedBatch | None:
        """A client's batch with a producer id: None if it may be appended, the cached one if it is a retry.

        Raises InvalidProducerEpoch, OutOfOrderSequenceNumber or InvalidTxnState.
        """
        producer = self._entries.get(header[9])
        if producer is None:
            if header[10] < _NO_EPOCH:
                raise InvalidProducerEpoch(f"Epoch of producer {header[9]} is {header[10]}, and no epoch is below -1")
            if self.verifications:
                self.verifications.check(header, first=True)
            return None  # whatever its sequence else: its state may have expired (KAFKA-5793)
        epoch, first_sequence = header[10], header[11]
        if epoch == producer.epoch:
            batches = producer.batches
            if batches:
                expected = batches[-1].last_sequence + 1 & _SEQUENCE_MASK
                if first_sequence != expected:
                    duplicate = self._duplicate(producer, header)
                    if duplicate is None:
                        raise _out_of_order(header, expected)
                    return duplicate
            elif first_sequence != 0:
                raise _out_of_order(header, 0)
        else:
            self.check_epoch(header)
            if first_sequence != 0 and producer.epoch >= 0:
                raise OutOfOrderSequenceNumber(
                    f"Invalid sequence number for new epoch {epoch} of producer {header.producer_id}: {first_sequence} "
                    f"(incoming seq. number), epoch {producer.epoch} (last)"
                )
        if self.verifications:
            self.verifications.check(header, first=not producer.batches)
        if producer.transaction_start >= 0 and not header[5] & TRANSACTIONAL:
            raise InvalidTxnState  # without a sentence of its own, as in Kafka: clients show it
        return None

    def _duplicate(self, producer: Producer, header: BatchHeader) -> CachedBatch | None:
        first, last = header.base_sequence, header.last_sequence
        for batch in producer.batches:
            if batch.first_sequence == first and batch.last_sequence == last:
                return batch
        return None

    def check_epoch(self, header: BatchHeader, transaction_version: int = 0) -> None:
        """Raises InvalidProducerEpoch for an epoch that is over.

        A marker of TV2 bumps the epoch, so it cannot end a transaction of its own epoch; where nothing is open, it is a
        repetition (KAFKA-19999).
        """
        producer = self._entries.get(header.producer_id)
        if producer is None:
            return
        stale = header.producer_epoch < producer.epoch
        if header.is_control and transaction_version >= _TV2 and producer.transaction_start >= 0:
            stale = header.producer_epoch <= producer.epoch
        if stale:
            raise InvalidProducerEpoch(
                f"Epoch of producer {header.producer_id} is {header.producer_epoch}, which is smaller than the last "
                f"seen epoch {producer.epoch}"
            )

    def check_marker(self, header: BatchHeader, marker: Marker, transaction_version: int = 0) -> None:
        """Raises InvalidProducerEpoch or TransactionCoordinatorFenced."""
        self.check_epoch(header, transaction_version)
        producer = self._entries.get(header.producer_id)
        if producer is not None and producer.coordinator_epoch > marker.coordinator_epoch:
            raise TransactionCoordinatorFenced(
                f"Coordinator epoch of producer {header.producer_id} is {marker.coordinator_epoch}, which is smaller "
                f"than the last seen epoch {producer.coordinator_epoch}"
            )

    # -- after an append, or when the log is read again

    def add(self, header: BatchHeader, base_offset: int) -> None:
        """A data batch with a producer id is in the log."""
        producer_id, epoch = header[9], header[10]
        producer = self._entries.get(producer_id)
        if producer is None:
            producer = self._new(producer_id, epoch)
        batches = producer.batches
        if epoch != producer.epoch:
            producer.epoch = epoch
            batches.clear()
        last_delta, timestamp, first_sequence = header[6], header[8], header[11]
        producer.last_timestamp = timestamp
        if first_sequence >= 0:
            if len(batches) == BATCHES_KEPT:
                del batches[0]
            batches.append(
                CachedBatch(
                    first_sequence,
                    first_sequence + last_delta & _SEQUENCE_MASK,
                    base_offset,
                    base_offset + last_delta,
                    timestamp,
                )
            )
        if header[5] & TRANSACTIONAL:
            if producer.transaction_start < 0:
                producer.transaction_start = base_offset
                self._open[producer_id] = base_offset
            if self.verifications:
                self.verifications.end(producer_id)

    def complete(self, header: BatchHeader, marker: Marker, offset: int) -> CompletedTransaction | None:
        """A marker is in the log: the transaction it ended, None if there was none."""
        producer_id, epoch = header.producer_id, header.producer_epoch
        producer = self._entries.get(producer_id)
        if producer is None:
            producer = self._new(producer_id, epoch)
        if epoch != producer.epoch:
            producer.epoch = epoch
            producer.batches.clear()
        self.verifications.end(producer_id)
        producer.coordinator_epoch = marker.coordinator_epoch
        producer.last_timestamp = marker.timestamp
        start, producer.transaction_start = producer.transaction_start, -1
        if start < 0:
            return None
        del self._open[producer_id]
        completed = CompletedTransaction(producer_id, start, offset, not marker.committed)
        self._unreplicated.append(completed)
        return completed

    def _new(self, producer_id: int, epoch: int) -> Producer:
        producer = self._entries[producer_id] = Producer(producer_id, epoch)
        if self._tally is not None:
            self._tally.add(1)
        return producer

    def restore(self, producer: Producer) -> None:
        """An entry of a snapshot; in the order of their open transactions."""
        self._entries[producer.producer_id] = producer
        if producer.transaction_start >= 0:
            self._open[producer.producer_id] = producer.transaction_start

    # -- transactions

    @property
    def first_open(self) -> int | None:
        """Where the earliest open transaction begins."""
        for start in self._open.values():
            return start
        return None

    def first_unstable(self, high_watermark: int) -> int | None:
        """Where the earliest transaction begins that is open, or whose marker is not below the high watermark yet: a
        new leader may not have that marker."""
        unreplicated = self._unreplicated
        if unreplicated:
            if unreplicated[-1].last_offset < high_watermark:
                unreplicated.clear()
            else:
                unreplicated[:] = [one for one in unreplicated if one.last_offset >= high_watermark]
        first = self.first_open
        for one in unreplicated:
            if first is None or one.first_offset < first:
                first = one.first_offset
        return first

    def stable_after(self, completed: CompletedTransaction) -> int:
        """The last stable offset once that transaction is complete."""
        first = self.first_open
        return completed.last_offset + 1 if first is None else first

    # -- forgetting

    def expire(self, now_ms: int, expiration_ms: int) -> int:
        """Forgets who was idle for so long and has no open transaction; how many."""
        self.verifications.expire(now_ms, expiration_ms)
        idle = [
            producer.producer_id
            for producer in self._entries.values()
            if producer.transaction_start < 0 and now_ms - producer.last_timestamp >= expiration_ms
        ]
        for producer_id in idle:
            del self._entries[producer_id]
        return len(idle)

    def idle_since(self, now_ms: int) -> list[int]:
        """When each producer without an open transaction last wrote. Times in the future, which a client may give, are
        now."""
        return [min(one.last_timestamp, now_ms) for one in self._entries.values() if one.transaction_start < 0]

    def forget_idle(self, until_ms: int, most: int, now_ms: int) -> int:
        """Forgets at most so many of those that `idle_since` gives as idle since `until_ms` or longer; how many."""
        idle = [
            producer.producer_id
            for producer in self._entries.values()
            if producer.transaction_start < 0 and min(producer.last_timestamp, now_ms) <= until_ms
        ][:most]
        for producer_id in idle:
            del self._entries[producer_id]
        return len(idle)

    def clear(self) -> None:
        self._entries.clear()
        self._open.clear()
        self._unreplicated.clear()


def _out_of_order(header: BatchHeader, expected: int) -> OutOfOrderSequenceNumber:
    return OutOfOrderSequenceNumber(
        f"Out of order sequence number for producer {header.producer_id}: {header.base_sequence} (incoming seq. "
        f"number), {expected} (expected)"
    )
