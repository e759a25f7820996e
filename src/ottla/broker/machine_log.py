"""A led partition of an internal topic as the log of a coordinator's machine."""

from __future__ import annotations

import contextlib
from asyncio import Future
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.common.errors import KafkaError, NotEnoughReplicas
from ottla.coordinator.logged import NO_PRODUCER, Logged, LoggedMarker, LoggedRecord, Refused, TransactionEnd
from ottla.records.control import end_marker, read_marker
from ottla.records.record import BatchBuilder, read_records
from ottla.storage.log import Origin
from ottla.storage.verified import Batch

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.coordinator.formats import Pair
    from ottla.coordinator.outcome import Author
    from ottla.storage.log import PartitionLog

_READ_BYTES = 1024 * 1024
_PRODUCE_VERSION = 13


class PartitionMachineLog:
    """Implements `coordinator.runtime.MachineLog`.

    `base_sequence`: what Kafka's coordinator of this topic writes into its batches, though they have no producer.
    """

    def __init__(self, node: Node, partition: Partition, base_sequence: int) -> None:
        self._node = node
        self._partition = partition
        self._base_sequence = base_sequence
        self.epoch = partition.leader_epoch
        self._skips = node.metrics.counter(
            "ottla_coordinator_batches_skipped_total", "Damaged batches that coordinators passed over"
        )

    def append(self, pairs: list[Pair], now_ms: int, author: Author | None) -> int:
        with self._refusals():
            log = self._partition.leader_log()
            if len(self._partition.isr) < min(log.settings.min_insync_replicas, len(self._partition.replicas)):
                raise NotEnoughReplicas
            return self._append(log, pairs, now_ms, author)

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        """An error with which not a byte was written is a refusal: whoever appends knows what the log holds."""
        log = self._partition.log
        before = 0 if log is None else log.log_end_offset
        try:
            yield
        except KafkaError as error:
            log = self._partition.log
            if log is None or (not log.offline and log.log_end_offset == before):
                raise Refused(error) from error
            raise

    def _append(self, log: PartitionLog, pairs: list[Pair], now_ms: int, author: Author | None) -> int:
        most = log.settings.max_message_bytes
        builder = self._builder(author)
        end = log.log_end_offset
        for key, value in pairs:
            size = len(key or b"") + len(value or b"") + 32
            if builder.size_bytes + size > most and len(builder):
                end = self._write(builder, now_ms)
                builder = self._builder(author)
            builder.append(now_ms, key, value)
        return self._write(builder, now_ms) if len(builder) else end

    def _builder(self, author: Author | None) -> BatchBuilder:
        if author is None:
            return BatchBuilder(base_sequence=self._base_sequence)
        return BatchBuilder(
            producer_id=author.producer_id,
            producer_epoch=author.epoch,
            base_sequence=self._base_sequence,
            transactional=True,
        )

    def append_marker(self, end: TransactionEnd, now_ms: int) -> int:
        with self._refusals():
            return append_marker(self._partition, end, now_ms)

    def end_offset(self) -> int:
        if not self._node.hosting.has_folder(self._partition.topic_partition):
            return 0
        return self._partition.leader_log().log_end_offset

    def _write(self, builder: BatchBuilder, now_ms: int) -> int:
        log = self._partition.leader_log()
        appended = self._partition.append(log, builder.build(), now_ms, Origin.COORDINATOR, _PRODUCE_VERSION)
        return appended.last_offset + 1

    def is_committed(self, offset: int) -> bool:
        return self._partition.leads and offset <= self._partition.high_watermark

    def committed(self, offset: int) -> Future[bool]:
        future: Future[bool] = self._node.loop.create_future()
        if not self._partition.leads:
            future.set_result(False)
        elif offset == 0:
            future.set_result(True)
        else:
            self._partition.commit_future(offset, future)
        return future

    def read_all(self) -> Iterator[list[Logged]]:
        if not self._node.hosting.has_folder(self._partition.topic_partition):
            return
        for piece in self._partition.leader_log().verified(_READ_BYTES):
            for bad in piece.bad:
                self._skipped(
                    bad.reason, file=bad.path, position=bad.position, size_bytes=bad.size_bytes, offset=bad.after_offset
                )
            yield [entry for batch in piece.batches for entry in self._logged(batch)]

    def _logged(self, batch: Batch) -> list[Logged]:
        try:
            return _entries(batch)
        except KafkaError as error:  # garbage in a right CRC
            self._skipped(error.message, offset=batch.header.base_offset, size_bytes=batch.header.size_bytes)
            return []

    def _skipped(self, reason: str, **where: object) -> None:
        node = self._node
        self._skips.value += 1
        name = self._partition.topic_partition
        node.log.warn("coordinator.batch_skipped", partition=name, **where, reason=reason)


def _entries(batch: Batch) -> list[Logged]:
    header, data = batch
    if header.is_control:
        marker = read_marker(data)
        return [] if marker is None else [LoggedMarker(header.producer_id, marker.committed)]
    producer_id = header.producer_id if header.is_transactional else NO_PRODUCER
    return [LoggedRecord((record.key, record.value), producer_id) for record in read_records(data)]


def append_marker(partition: Partition, end: TransactionEnd, now_ms: int) -> int:
    """Ends a producer's transaction in any partition led here; the offset behind the marker. Raises KafkaError."""
    log = partition.leader_log()
    batch = end_marker(
        producer_id=end.producer_id,
        producer_epoch=end.producer_epoch,
        committed=end.committed,
        coordinator_epoch=end.coordinator_epoch,
        timestamp=now_ms,
    )
    return partition.append_marker(log, batch, now_ms, end.transaction_version).last_offset + 1
