"""Runs the fsyncs that topics ask for (flush.messages, flush.ms), off the loop, one at a time for each log.

Group commit: whatever is appended while a sync runs is served together by the next one, so thousands of appends that
each wait for the disk cost a few syncs. A failed sync is never repeated: the directory goes offline (see the fsync
findings of 2018 about PostgreSQL; the page cache may have dropped the data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.common.errors import KafkaError
from ottla.storage.failures import is_passing

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.storage.log import PartitionLog

_AGAIN_S = 1.0
"""A sync that the disk refused, though no fsync failed, is made again so much later."""


class Syncing:
    """`wanted` may be called for every append; it costs a dictionary look-up while a sync runs."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._running: dict[Partition, bool] = {}
        """Partitions whose sync runs now, and whether another is wanted after it."""
        self._held: dict[Partition, bool] = {}
        """Partitions whose syncs are held back, and whether one was to begin."""
        self.syncs = node.metrics.counter("ottla_log_syncs_total", "Fsyncs of logs that topics asked for")

    def wanted(self, partition: Partition) -> None:
        """What is in the partition's log now shall become durable."""
        if partition in self._running:
            self._running[partition] = True
            return
        self._running[partition] = False
        # In the next turn of the loop: what else this turn appends is then served by the same sync.
        self._node.loop.call_soon(self._begin, partition)

    def due(self) -> None:
        """Starts the syncs that flush.ms and flush.messages ask for by now."""
        now_ms = self._node.steady.now_ms()
        for partition in self._node.replicas:
            log = partition.log
            if log is not None and not log.offline and log.sync_due(now_ms):
                self.wanted(partition)

    def hold(self, partition: Partition) -> None:
        """No sync of the partition's log begins until `release`; one that runs comes to its end."""
        self._held[partition] = False

    def release(self, partition: Partition) -> None:
        """What was asked for meanwhile is done now."""
        if self._held.pop(partition):
            self._begin(partition)

    def _begin(self, partition: Partition) -> None:
        if partition in self._held:
            self._held[partition] = True
            return

        def ended(_result: object, error: BaseException | None) -> None:
            again = self._running.pop(partition)
            if isinstance(error, KafkaError):  # the disk refused to open a file, and `Directories` has said it
                self._node.loop.call_later(_AGAIN_S, self._again, partition, partition.log)
            elif isinstance(error, Exception):
                self._node.log_failure(f"sync.failed partition={partition.topic_partition}", error)
            elif again and error is None:
                self.wanted(partition)

        eager.spawn(self._sync(partition), ended)

    def _again(self, partition: Partition, log: PartitionLog | None) -> None:
        if log is not None and partition.log is log and not log.offline:
            self.wanted(partition)

    async def closed_segments(self, partition: Partition) -> None:
        """Makes everything but the active segment durable, unless a sync runs anyway or must not. Raises
        KafkaStorageError."""
        if partition not in self._running and partition not in self._held:
            await self._sync(partition, closed_only=True)

    async def _sync(self, partition: Partition, *, closed_only: bool = False) -> None:
        log = partition.log
        sync = None if log is None or log.offline else log.to_sync(closed_only=closed_only)
        if log is None or sync is None:
            return
        self.syncs.value += 1
        try:
            await self._node.offload.run(sync.run)
        except OSError as error:
            if log.offline:  # deleted or moved meanwhile: that its files have gone says nothing about the disk
                sync.release()
                return
            log.sync_failed(sync, error)
            if is_passing(error) and not closed_only:  # who waits for it goes on waiting
                self._node.loop.call_later(_AGAIN_S, self._again, partition, log)
            return
        log.synced(sync, self._node.steady.now_ms())
        if partition.log is log:
            partition.on_log_grew(log, 0)
