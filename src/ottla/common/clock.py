"""Time and randomness as ports, and the one place that asks the operating system for them."""

from __future__ import annotations

import os
import time
from typing import Protocol


class Clock(Protocol):
    """What time it is. A simulation answers with its own virtual time."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; the scale of the event loop's `call_at`."""
        ...


class Random(Protocol):
    """Where random bytes come from; a simulation draws them from its seed."""

    def bytes(self, count: int) -> bytes: ...


class SystemClock:
    """The operating system's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    monotonic = staticmethod(time.monotonic)
    """Without a frame of Python around it: requests are timed with it (35 ns instead of 75)."""


class SystemRandom:
    """The operating system's random bytes."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)


class SteadyClock:
    """The time for deadlines and durations: wall-clock milliseconds of its beginning, moved on by the monotonic clock
    while the process is alive. A jump of the wall clock does not touch it, and time in which the event loop stood still
    (SIGSTOP, a suspended machine) does not count: members could not have been heard.

    The loop calls `beat`; between two beats no more than `PATIENCE_S` pass. `ahead_ms` tells how far the wall clock has
    moved away from it.
    """

    PATIENCE_S = 2.0
    JITTER_MS = 5

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_ms = clock.now_ms()
        self._counted_s = 0.0
        self._since_s = clock.monotonic()
        self._beating = False
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """The microsecond added undoes the rounding of binary fractions."""
        return self._start_ms + int((self._counted_s + self._passed_s() + 1e-6) * 1000)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def beat(self) -> float:
        """The loop is alive; the seconds that it stood still."""
        now_s = self._clock.monotonic()
        passed_s = now_s - self._since_s
        counted_s = min(passed_s, self.PATIENCE_S) if self._beating else passed_s
        self._counted_s += counted_s
        self._since_s = now_s
        self._beating = True
        return passed_s - counted_s

    def end(self) -> None:
        """No beat comes any more; from now on all time counts."""
        self.beat()
        self._beating = False

    def _passed_s(self) -> float:
        passed_s = self._clock.monotonic() - self._since_s
        return min(passed_s, self.PATIENCE_S) if self._beating else passed_s

    @property
    def ahead_ms(self) -> int:
        """What the wall clock shows more than this one.

        It stays as it was until the difference has moved by more than `JITTER_MS`: both clocks are cut to whole
        milliseconds, and a time that is moved there and back must come out the same.
        """
        ahead_ms = self._clock.now_ms() - self.now_ms()
        if abs(ahead_ms - self._ahead_ms) > self.JITTER_MS:
            self._ahead_ms = ahead_ms
        return self._ahead_ms


def random_uuid(random: Random) -> bytes:
    """A fresh version-4 uuid as 16 bytes, never one whose text begins with '-': tools would take it for an option."""
    while True:
        value = bytearray(random.bytes(16))
        value[6] = value[6] & 0x0F | 0x40
        value[8] = value[8] & 0x3F | 0x80
        if value[0] >> 2 != 62:  # 62 is '-' in URL-safe base64
            return bytes(value)
