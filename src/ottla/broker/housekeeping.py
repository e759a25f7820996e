"""What a broker does by the clock: retention, checkpoints, idle connections, deletions that are due, loop lag.

Each chore runs in slices of a few milliseconds, so that thousands of partitions never hold up a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.broker.stalled import LOOK_S
from ottla.broker.waits import give_way
from ottla.common.clock import SteadyClock
from ottla.common.errors import KafkaError, KafkaStorageError

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog

SLICE_S = 0.004
_LAG_INTERVAL_S = 0.5
_LAG_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Chore = Callable[[], Awaitable[None]]


class Housekeeping:
    """Timers of one node. `start` sets them, `stop` ends them; a chore that fails is logged and tried again."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopped = False
        self._lag = node.metrics.histogram(
            "ottla_loop_lag_seconds", "How late the event loop runs its timers", _LAG_BOUNDS_S
        )

    def start(self) -> None:
        settings = self._node.settings
        first_s = settings.log_initial_task_delay_ms / 1000
        self.every(settings.log_retention_check_interval_ms / 1000, "retention", self._retention, first_s)
        self.every(settings.replica_high_watermark_checkpoint_interval_ms / 1000, "checkpoints", self._checkpoints)
        self.every(settings.log_flush_offset_checkpoint_interval_ms / 1000, "recovery points", self._recovery_points)
        self.every(1.0, "due deletions", self._due)
        self.every(1.0, "due syncs", self._syncs)
        self.every(LOOK_S, "stalled senders", self._stalled)
        self.every(settings.offsets_retention_check_interval_ms / 1000, "offset expiry", self._expiry)
        self.every(settings.producer_id_expiration_check_interval_ms / 1000, "producer expiry", self._producers)
        self.every(
            settings.transaction_abort_timed_out_transaction_cleanup_interval_ms / 1000,
            "transaction timeouts",
            self._timed_out,
        )
        self.every(
            settings.transaction_remove_expired_transaction_cleanup_interval_ms / 1000,
            "transactional id expiry",
            self._expired_ids,
        )
        if settings.connections_max_idle_ms > 0:
            self.every(max(settings.connections_max_idle_ms / 4000, 0.1), "idle connections", self._idle)
        self._measure_lag(self._node.loop.time())

    def stop(self) -> None:
        self._stopped = True
        self._node.steady.end()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def every(self, seconds: float, name: str, chore: Chore, first_s: float | None = None) -> None:
        """Runs `chore` again and again, `seconds` after it last ended; first after `first_s`, if that is less."""
        if self._stopped:
            return
        loop = self._node.loop

        def run() -> None:
            eager.spawn(_as_coroutine(chore), ended)

        def ended(_result: object, error: BaseException | None) -> None:
            if isinstance(error, Exception) and not isinstance(error, KafkaStorageError):  # which was said
                self._node.log_failure(f"housekeeping.failed chore={name!r}", error)
            self.every(seconds, name, chore)

        self._timers[name] = loop.call_later(seconds if first_s is None else min(seconds, first_s), run)

    async def _retention(self) -> None:
        node = self._node
        started = node.loop.time()
        for partition in tuple(node.replicas):
            if not node.wall.trusted():
                return  # nothing goes by the age that a clock shows which has just jumped
            try:
                await self._retain(partition)
            except KafkaError as error:  # one log that fails must not keep the others from shrinking
                if partition.log is None or not partition.log.offline:  # else it was deleted meanwhile, or was told
                    node.log.warn("logs.retention_failed", partition=partition.topic_partition, error=str(error))
            if node.loop.time() - started > SLICE_S:
                await give_way()
                started = node.loop.time()

    async def _retain(self, partition: Partition) -> None:
        """Not while its log is being compacted: the pass reads the old segments. Nor while it changes its folder."""
        node = self._node
        log = partition.log if partition.log is not None else self._woken(partition)
        if log is None or log.offline or partition is node.cleaning.busy or node.moves.is_switching(partition):
            return
        before = log.log_start_offset
        directory = node.hosting.directory_of(partition.topic_partition)
        for call in log.retain_steps(node.clock.now_ms(), partition.high_watermark, node.steady.now_ms()):
            assert directory is not None, f"{log} lies somewhere"
            await node.disks.run(directory, call)
            if partition is node.cleaning.busy or partition.log is not log:
                break  # the rest is for the next round
        if log.log_start_offset != before:
            partition.changed()

    def _woken(self, partition: Partition) -> PartitionLog | None:
        """The log of a partition that nobody has used since the start, if there may be something to do in it."""
        node = self._node
        directory = node.hosting.directory_of(partition.topic_partition)
        if directory is None or not partition.leads:
            return None
        settings = node.topic_settings(partition.topic_partition.topic)
        if not directory.needs_opening(partition.topic_partition, settings, node.clock.now_ms()):
            return None
        return partition.leader_log()

    async def _checkpoints(self) -> None:
        await self._each_directory(self._node.disks.checkpoint_high_watermarks)

    async def _recovery_points(self) -> None:
        """Closed segments become durable, so that a crash scans the active ones alone."""
        for partition in tuple(self._node.replicas):
            try:
                await self._node.syncing.closed_segments(partition)
            except KafkaStorageError:  # said by whoever owns the directory; the others are to be synced
                continue
        await self._each_directory(self._node.disks.checkpoint)
        await self._node.memory.write()

    async def _due(self) -> None:
        await self._each_directory(self._node.disks.remove_due)

    async def _each_directory(self, call: Callable[[LogDirectory], Awaitable[None]]) -> None:
        """One that refuses keeps nobody else from its turn."""
        for directory in self._node.usable_directories():
            try:
                await call(directory)
            except KafkaStorageError:  # said by `Directories`; the chore comes again
                continue

    async def _syncs(self) -> None:
        self._node.syncing.due()

    async def _stalled(self) -> None:
        self._node.stalled.look(self._node.loop.time())

    async def _expiry(self) -> None:
        if self._node.wall.trusted():
            self._node.groups.expire()

    async def _timed_out(self) -> None:
        self._node.transactions.abort_timed_out()

    async def _expired_ids(self) -> None:
        if self._node.wall.trusted():
            await self._node.transactions.expire()

    async def _producers(self) -> None:
        if not self._node.wall.trusted():
            return
        now_ms, after_ms = self._node.clock.now_ms(), self._node.settings.producer_id_expiration_ms
        for partition in tuple(self._node.replicas):
            if partition.log is not None and not partition.log.offline:
                partition.log.expire_producers(now_ms, after_ms)

    async def _idle(self) -> None:
        node = self._node
        before = node.loop.time() - node.settings.connections_max_idle_ms / 1000
        for listener in node.listeners:
            listener.close_idle(before)

    def _measure_lag(self, expected: float) -> None:
        if self._stopped:
            return
        loop = self._node.loop
        self._lag.observe(max(loop.time() - expected, 0.0))
        lost_s = self._node.steady.beat()
        if lost_s > 0:
            self._node.log.warn("broker.paused", for_ms=int((lost_s + SteadyClock.PATIENCE_S) * 1000))
        self._node.wall.look()
        expected = loop.time() + _LAG_INTERVAL_S
        self._timers["lag"] = loop.call_at(expected, self._measure_lag, expected)


async def _as_coroutine(chore: Chore) -> None:
    await chore()
