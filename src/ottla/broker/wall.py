"""Watches the wall clock against the monotonic one: what deletes by age must not trust a clock that has just jumped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.broker.node import Node

JUMP_MS = 2000
"""A clock that is corrected moves by less between two looks."""


class Wall:
    """`look` comes twice a second; `trusted` looks as well, so that no jump comes in between."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ahead_ms = node.steady.ahead_ms
        self._jumped_s: float | None = None
        self._jumps = node.metrics.counter("ottla_clock_jumps_total", "Jumps of the wall clock, either way")

    def look(self) -> None:
        node = self._node
        ahead_ms = node.steady.ahead_ms
        jump_ms = ahead_ms - self._ahead_ms
        if abs(jump_ms) >= JUMP_MS:
            self._jumps.value += 1
            self._jumped_s = node.loop.time()
            node.log.warn("clock.jumped", by_ms=jump_ms, retention_waits_s=self._quiet_s())
        self._ahead_ms = ahead_ms

    def _quiet_s(self) -> float:
        return self._node.settings.log_retention_check_interval_ms / 1000

    def trusted(self) -> bool:
        """The wall clock has been steady for a check interval of retention: what is old by it may go. A clock that was
        set wrongly for a moment has been set right by then."""
        self.look()
        return self._jumped_s is None or self._node.loop.time() - self._jumped_s >= self._quiet_s()
