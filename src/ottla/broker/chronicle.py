"""What an operator asks for afterwards, at info: some lines of a kind in a second, the rest of them counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ottla.coordinator.outcome import Note

if TYPE_CHECKING:
    from ottla.common.log import Log

LINES_PER_SECOND = 20
"""Of one event. A storm of rebalances or bad connections must not become a storm of lines."""


class Chronicle:
    """Writes events to the log; a line that follows left-out ones of its kind says how many with `left_out`."""

    def __init__(self, log: Log, now: Callable[[], float]) -> None:
        self._log = log
        self._now = now
        self._second: dict[str, int] = {}
        self._lines: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<chronicle of {len(self._lines)} kinds>"

    def __call__(self, event: str, **facts: object) -> None:
        self.tell((event, facts))

    def tell(self, note: Note) -> None:
        """One event in the past tense, with its facts."""
        event, facts = note
        second = int(self._now())
        lines = self._lines.get(event, 0)
        if self._second.get(event) != second:
            self._second[event] = second
            self._lines[event] = 1
            if lines > LINES_PER_SECOND:
                facts = {**facts, "left_out": lines - LINES_PER_SECOND}
        else:
            self._lines[event] = lines + 1
            if lines >= LINES_PER_SECOND:
                return
        self._log.info(event, **facts)
