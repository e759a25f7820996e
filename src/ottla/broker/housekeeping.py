"""What a broker does by the clock: retention, checkpoints, idle connections, deletions that are due, loop lag.

Each chore runs in slices of a few milliseconds, so that thousands of partitions never hold up a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.broker.waits import give_way

if TYPE_CHECKING:
    from ottla.broker.node import Node

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
        self.every(settings.log_retention_check_interval_ms / 1000, "retention", self._retention)
        self.every(settings.replica_high_watermark_checkpoint_interval_ms / 1000, "checkpoints", self._checkpoints)
        self.every(settings.log_flush_offset_checkpoint_interval_ms / 1000, "recovery points", self._recovery_points)
        self.every(1.0, "due deletions", self._due)
        self.every(1.0, "due syncs", self._syncs)
        self.every(settings.offsets_retention_check_interval_ms / 1000, "offset expiry", self._expiry)
        self.every(settings.producer_id_expiration_check_interval_ms / 1000, "producer expiry", self._producers)
        if settings.connections_max_idle_ms > 0:
            self.every(max(settings.connections_max_idle_ms / 4000, 0.1), "idle connections", self._idle)
        self._measure_lag(self._node.loop.time())

    def stop(self) -> None:
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def every(self, seconds: float, name: str, chore: Chore) -> None:
        """Runs `chore` again and again, `seconds` after it last ended."""
        if self._stopped:
            return
        loop = self._node.loop

        def run() -> None:
            eager.spawn(_as_coroutine(chore), ended)

        def ended(_result: object, error: BaseException | None) -> None:
            if isinstance(error, Exception):
                self._node.log_failure(f"housekeeping.failed chore={name!r}", error)
            self.every(seconds, name, chore)

        self._timers[name] = loop.call_later(seconds, run)

    async def _retention(self) -> None:
        node = self._node
        started = node.loop.time()
        for partition in tuple(node.replicas):
            log = partition.log
            if log is not None and not log.offline and partition is not node.cleaning.busy:
                before = log.log_start_offset
                log.retain(node.clock.now_ms(), high_watermark=partition.high_watermark)
                if log.log_start_offset != before:
                    partition.changed()
            if node.loop.time() - started > SLICE_S:
                await give_way()
                started = node.loop.time()

    async def _checkpoints(self) -> None:
        self._node.checkpoint_high_watermarks()

    async def _recovery_points(self) -> None:
        """Closed segments become durable, so that a crash scans the active ones alone."""
        for partition in tuple(self._node.replicas):
            await self._node.syncing.closed_segments(partition)
        for directory in self._node.directories:
            directory.checkpoint()

    async def _due(self) -> None:
        now_ms = self._node.clock.now_ms()
        for directory in self._node.directories:
            directory.remove_due(now_ms)

    async def _syncs(self) -> None:
        self._node.syncing.due()

    async def _expiry(self) -> None:
        self._node.groups.expire()

    async def _producers(self) -> None:
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
        expected = loop.time() + _LAG_INTERVAL_S
        self._timers["lag"] = loop.call_at(expected, self._measure_lag, expected)


async def _as_coroutine(chore: Chore) -> None:
    await chore()
