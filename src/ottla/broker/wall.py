"""Watches the wall clock against the monotonic one: what deletes by age must not trust a clock that has just jumped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.common.clock import Clock
    from ottla.common.log import Log
    from ottla.common.metrics import Registry

JUMP_MS = 2000
"""A clock that is corrected moves by less between two looks."""
READING_S = 0.5
"""Both clocks are read within less than this, else the process was stopped in between and they are read again."""


class Wall:
    """`look` comes twice a second; `trusted` looks as well, so that no jump comes in between.

    The wall clock is compared with the plain monotonic clock, which goes on while the process is stopped: a pause moves
    both by the same. (`SteadyClock` leaves a pause out, so against it each pause would look like a jump.) Linux stops
    the monotonic clock while the machine sleeps, so a sleep is told as a jump.
    """

    def __init__(self, clock: Clock, log: Log, metrics: Registry, quiet_ms: int) -> None:
        """`quiet_ms`: how long the wall clock is not trusted after a jump."""
        self._clock = clock
        self._log = log
        self._quiet_s = quiet_ms / 1000
        self._ahead_ms = self._read_ahead_ms()
        self._jumped_s: float | None = None
        self._jumps = metrics.counter("ottla_clock_jumps_total", "Jumps of the wall clock, either way")

    def __repr__(self) -> str:
        return f"<Wall {self._jumps.value} jumps>"

    def look(self) -> None:
        ahead_ms = self._read_ahead_ms()
        jump_ms = ahead_ms - self._ahead_ms
        if abs(jump_ms) >= JUMP_MS:
            self._jumps.value += 1
            self._jumped_s = self._clock.monotonic()
            self._log.warn("clock.jumped", by_ms=jump_ms, retention_waits_s=self._quiet_s)
        self._ahead_ms = ahead_ms

    def _read_ahead_ms(self) -> int:
        """What the wall clock shows more than the monotonic one."""
        while True:
            before_s = self._clock.monotonic()
            wall_ms = self._clock.now_ms()
            if self._clock.monotonic() - before_s < READING_S:
                return wall_ms - int(before_s * 1000)

    def trusted(self) -> bool:
        """The wall clock has been steady for a check interval of retention: what is old by it may go. A clock that was
        set wrongly for a moment has been set right by then."""
        self.look()
        return self._jumped_s is None or self._clock.monotonic() - self._jumped_s >= self._quiet_s
