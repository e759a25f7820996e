"""Keeps the producers in memory below ottla.max.producer.ids: who was idle longest is forgotten early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker import eager
from ottla.broker.waits import give_way
from ottla.storage.producer_tally import ProducerTally

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.node import Node
    from ottla.storage.log import PartitionLog

_SLICE_S = 0.004


class ProducerLimit:
    """Over all logs of a node. A forgotten producer may go on: only retries of what it sent are no longer known."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.tally = ProducerTally(node.settings.ottla_max_producer_ids, self._full)

    def count(self) -> int:
        return sum(partition.log.producer_count for partition in self._node.replicas if partition.log is not None)

    def _full(self) -> None:
        """Called in the middle of an append."""
        self._node.loop.call_soon(self._begin)

    def _begin(self) -> None:
        eager.spawn(self._trim(), self._trimmed)

    def _trimmed(self, _result: object, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._node.log_failure("producers.trim_failed", error)
        self.tally.counted(self.count())

    async def _trim(self) -> None:
        """Down to nine tenths of the limit, in two rounds over the logs: since when they are idle, and who goes."""
        now_ms, limit = self._node.clock.now_ms(), self.tally.limit
        idle: list[int] = []
        count = 0

        def look(log: PartitionLog) -> None:
            nonlocal count
            count += log.producer_count
            idle.extend(log.idle_producers(now_ms))

        await self._visit(look)
        if count <= limit:
            return
        idle.sort()
        left = min(count - (limit - limit // 10), len(idle))
        until_ms = idle[left - 1] if left else 0

        def forget(log: PartitionLog) -> None:
            nonlocal left
            gone = log.forget_producers(until_ms, left, now_ms)
            left -= gone
            self.tally.forgotten += gone

        await self._visit(forget)
        self._node.log.warn("producers.limit_reached", producers=count, limit=limit, forgotten=self.tally.forgotten)

    async def _visit(self, do: Callable[[PartitionLog], None]) -> None:
        """Every log that is in use, in slices."""
        loop = self._node.loop
        started = loop.time()
        for partition in tuple(self._node.replicas):
            if partition.log is not None and not partition.log.offline:
                do(partition.log)
            if loop.time() - started > _SLICE_S:
                await give_way()
                started = loop.time()
