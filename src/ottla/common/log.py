"""Structured log lines: an event in the past tense, then facts with units. `log.info("isr.shrunk", partition=tp)`."""

from __future__ import annotations

import time
from collections.abc import Callable

from ottla.common.clock import Clock

LEVELS = ("debug", "info", "warn", "error")
TEXT, JSON = "text", "json"
"""How a line is written: words for people, or an object for programs."""

SUBJECTS = (
    "broker", "cleaner", "client_metrics", "config", "connection", "controller", "coordinator", "feature", "group",
    "groups", "housekeeping", "internal_topic", "listener", "log_directory", "logs", "metadata", "partition",
    "producer_ids", "producers", "quota", "request", "shutdown", "sync", "topic", "topics", "transaction", "user",
)  # fmt: skip
"""What events are about, their first word. Each is a logger whose level can be set apart from the root's."""


class Log:
    """Writes one line per event to `write`, from `level` on.

    Shape: `2026-11-23T09:00:00.123Z info segment.rolled partition=orders-0 base_offset=42`, or with `form=JSON`
    an object that has `time`, `level` and `event` before the facts.
    """

    def __init__(self, clock: Clock, write: Callable[[str], object], level: str = "info", *, form: str = TEXT) -> None:
        self._clock = clock
        self._shape = _json_line if form == JSON else _text_line
        self._write = write
        self._floor = LEVELS.index(level)
        self._floors: dict[str, int] = {}
        self.tells_requests = level == "debug"
        """Whether `request` is told at debug: a plain attribute, since every request asks."""

    @property
    def level(self) -> str:
        """From which level on lines are written; may be set while running."""
        return LEVELS[self._floor]

    @level.setter
    def level(self, level: str) -> None:
        self._floor = LEVELS.index(level)
        self.tells_requests = self.level_of("request") == "debug"

    def level_of(self, subject: str) -> str:
        """The level in force for events about `subject`: its own, or the root's."""
        return LEVELS[self._floors.get(subject, self._floor)]

    def set_level_of(self, subject: str, level: str | None) -> None:
        """A level of its own; with None it follows the root again."""
        if level is None:
            self._floors.pop(subject, None)
        else:
            self._floors[subject] = LEVELS.index(level)
        self.tells_requests = self.level_of("request") == "debug"

    def debug(self, event: str, **facts: object) -> None:
        self._line(0, event, facts)

    def info(self, event: str, **facts: object) -> None:
        self._line(1, event, facts)

    def warn(self, event: str, **facts: object) -> None:
        self._line(2, event, facts)

    def error(self, event: str, **facts: object) -> None:
        self._line(3, event, facts)

    def _line(self, level: int, event: str, facts: dict[str, object]) -> None:
        if level < (self._floors.get(event.partition(".")[0], self._floor) if self._floors else self._floor):
            return
        now_ms = self._clock.now_ms()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ms // 1000))
        self._write(self._shape(f"{stamp}.{now_ms % 1000:03d}Z", LEVELS[level], event, facts))


def _text_line(stamp: str, level: str, event: str, facts: dict[str, object]) -> str:
    words = "".join(f" {name}={_word(value)}" for name, value in facts.items())
    return f"{stamp} {level} {event}{words}\n"


def _json_line(stamp: str, level: str, event: str, facts: dict[str, object]) -> str:
    import json  # only who asks for it pays for it

    own = {"time": stamp, "level": level, "event": event}
    return json.dumps({**own, **facts, **own}, default=str, ensure_ascii=False) + "\n"


def _word(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(letter in text for letter in ' ="\n') else text
