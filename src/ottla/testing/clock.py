"""Virtual time and seeded randomness: the ports of `ottla.common.clock` in a simulation."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, MutableSequence, Sequence
from typing import TypeVar

from ottla.testing.trace import Trace

Item = TypeVar("Item")

START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: the wall clock at virtual time 0."""


class SimClock:
    """The wall clock of one simulated machine: virtual seconds since the start, with an offset that a test may move.

    Without a loop it stands still until `advance`.
    """

    def __init__(self, monotonic: Callable[[], float] | None = None, start_ms: int = START_MS) -> None:
        self._time = monotonic
        self._start_ms = start_ms
        self._manual_s = 0.0
        self.skew_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since the epoch. The microsecond added undoes the rounding of binary fractions."""
        return self._start_ms + self.skew_ms + int((self.monotonic() + 1e-6) * 1000)

    def monotonic(self) -> float:
        return self._manual_s if self._time is None else self._time()

    def advance(self, milliseconds: int) -> None:
        """Moves a clock that has no loop."""
        assert self._time is None, "the loop moves this clock; advance it by awaiting"
        self._manual_s += milliseconds / 1000


class SimRandom:
    """A stream of random draws that depends on its seed alone."""

    def __init__(self, seed: int | str, trace: Trace | None = None) -> None:
        self.seed = seed
        self._trace = trace
        self._random = random.Random(hashlib.sha256(str(seed).encode()).digest())

    def fork(self, name: str, *, traced: bool = True) -> SimRandom:
        """An independent stream: what one part draws does not shift what another gets.

        `traced=False` is for draws whose outcome is traced anyway (latencies).
        """
        return SimRandom(f"{self.seed}/{name}", self._trace if traced else None)

    def bytes(self, count: int) -> bytes:
        value = self._random.randbytes(count)
        if self._trace is not None:
            self._trace.add("random", value)
        return value

    def below(self, limit: int) -> int:
        """An integer from 0 up to, not including, `limit`."""
        value = int(self._random.random() * limit)
        if self._trace is not None:
            self._trace.add(f"random {value}")
        return value

    def between(self, low: float, high: float) -> float:
        value = low + (high - low) * self._random.random()
        if self._trace is not None:
            self._trace.add(f"random {value!r}")
        return value

    def chance(self, probability: float) -> bool:
        """True with `probability`; draws nothing when it is 0."""
        return probability > 0 and self.between(0, 1) < probability

    def choice(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[Item]) -> None:
        for index in range(len(items) - 1, 0, -1):
            other = self.below(index + 1)
            items[index], items[other] = items[other], items[index]
