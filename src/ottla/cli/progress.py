"""A line on the standard error that says how far a long transfer is, where someone looks."""

from __future__ import annotations

import sys

from ottla.cli.terminal import count_text, size_text
from ottla.common.clock import SystemClock

_FIRST_S, _EVERY_S = 1.0, 0.25


class Progress:
    """`add` for each piece of work. Seen after the first second, if `shown` and the standard error is a terminal."""

    def __init__(self, verb: str, *, shown: bool) -> None:
        self.count = 0
        self.size_bytes = 0
        self._verb = verb
        self._shown = shown and sys.stderr.isatty()
        self._clock = SystemClock()
        self._began = self._clock.monotonic()
        self._next = self._began + _FIRST_S
        self._written = False

    def add(self, count: int, size_bytes: int) -> None:
        self.count += count
        self.size_bytes += size_bytes
        if self._shown and self._clock.monotonic() >= self._next:
            self._next = self._clock.monotonic() + _EVERY_S
            self._written = True
            print(f"\r\x1b[K{self.summary()}", end="", file=sys.stderr, flush=True)

    def summary(self) -> str:
        """`1,000 records written, 1.2 MiB, 5,000/s`"""
        seconds = max(self._clock.monotonic() - self._began, 0.001)
        rate = f"{self.count / seconds:,.0f}/s, {size_text(round(self.size_bytes / seconds))}/s"
        return f"{count_text(self.count, 'record')} {self._verb}, {size_text(self.size_bytes)}, {rate}"

    def end(self) -> None:
        """Leaves the summary where something was shown."""
        if self._written:
            print(f"\r\x1b[K{self.summary()}", file=sys.stderr, flush=True)
