"""Structured log lines: an event in the past tense, then facts with units. `log.info("isr.shrunk", partition=tp)`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Literal

from ottla.common.clock import Clock

LEVELS = ("debug", "info", "warn", "error")
DEBUG = LEVELS.index("debug")
LINES_A_SECOND = 20
"""Of one event, above debug. What comes on top is left out, and the next line of that event says how much."""
FACT_CHARACTERS_MAX = 8192
"""Of one fact: a client may have a name of 32 KB."""

Form = Literal["text", "json"]
TEXT: Form = "text"
JSON: Form = "json"
"""How a line is written: words for people, or an object for programs."""

SUBJECTS = (
    "broker", "cleaner", "client_metrics", "clock", "config", "connection", "controller", "coordinator", "descriptors",
    "feature", "group", "groups", "housekeeping", "internal_topic", "listener", "log", "log_directory", "logs",
    "loop", "metadata", "partition", "producer_ids", "producers", "quota", "request", "shutdown", "sync",
    "topic", "topics", "transaction", "user",
)  # fmt: skip
"""What events are about, their first word. Each is a logger whose level can be set apart from the root's."""


class Log:
    """Writes one line per event to `write`, from `level` on; raises nothing, whatever the facts are.

    Shape: `2026-11-23T09:00:00.123Z info segment.rolled partition=orders-0 base_offset=42`, or with `form="json"` one
    object a line: `{"time": "2026-11-23T09:00:00.123Z", "level": "info", "event": "segment.rolled", ...}`.
    """

    def __init__(self, clock: Clock, write: Callable[[str], object], level: str = "info", form: Form = TEXT) -> None:
        self._clock = clock
        self._write = write
        self._shape = _SHAPES[form]
        self._floor = LEVELS.index(level)
        self._floors: dict[str, int] = {}
        self.tells_requests = level == "debug"
        """Whether `request` is told at debug: a plain attribute, since every request asks."""
        self._windows: dict[str, _Window] = {}
        self.omitted = 0
        """Lines that were left out because their event came too often."""

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

    def note(self, note: tuple[str, Mapping[str, object]]) -> None:
        """What a machine wants told, which writes no log itself: an event and its facts."""
        event, facts = note
        self._line(1, event, dict(facts))

    def warn(self, event: str, **facts: object) -> None:
        self._line(2, event, facts)

    def error(self, event: str, **facts: object) -> None:
        self._line(3, event, facts)

    def line(self, level: str, event: str, facts: Mapping[str, object]) -> str:
        """As it would be written now."""
        now_ms = self._clock.now_ms()
        return self._shape(_stamp(now_ms), level, event, facts)

    def _line(self, level: int, event: str, facts: dict[str, object]) -> None:
        if level < (self._floors.get(event.partition(".")[0], self._floor) if self._floors else self._floor):
            return
        if level > DEBUG:
            omitted = self._omitted(event)
            if omitted is None:
                return
            if omitted:
                facts = {**facts, "omitted": omitted}
        self._write(self.line(LEVELS[level], event, facts))

    def _omitted(self, event: str) -> int | None:
        """None: this line is one too many. Else how many lines of the event were, before it."""
        now_s = self._clock.monotonic()
        window = self._windows.get(event)
        if window is None or now_s - window.began_s >= 1.0:
            self._windows[event] = _Window(now_s)
            if len(self._windows) > _WINDOWS_MAX:
                del self._windows[next(iter(self._windows))]
            return 0 if window is None else window.omitted
        window.lines += 1
        if window.lines <= LINES_A_SECOND:
            return 0
        window.omitted += 1
        self.omitted += 1
        return None


_WINDOWS_MAX = 1000


class _Window:
    """The lines of one event since a moment."""

    __slots__ = ("began_s", "lines", "omitted")

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.lines = 1
        self.omitted = 0


def _stamp(now_ms: int) -> str:
    try:
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now_ms // 1000))}.{now_ms % 1000:03d}Z"
    except (OverflowError, ValueError, OSError):  # a clock beyond what a calendar can say
        return f"{now_ms}ms"


def _text(value: object) -> str:
    try:
        text = str(value)
    except Exception as error:  # a line must not be what breaks the broker
        text = f"<{type(value).__name__} that raises {type(error).__name__}>"
    if len(text) > FACT_CHARACTERS_MAX:
        text = f"{text[:FACT_CHARACTERS_MAX]}... ({len(text) - FACT_CHARACTERS_MAX} more characters)"
    return text


def _word(value: object) -> str:
    """What a terminal might take for a command is quoted: clients choose some of these words."""
    text = _text(value)
    return text if text and text.isprintable() and not any(letter in text for letter in ' ="') else repr(text)


def _as_text(stamp: str, level: str, event: str, facts: Mapping[str, object]) -> str:
    words = "".join(f" {name}={_word(value)}" for name, value in facts.items())
    return f"{stamp} {level} {event}{words}\n"


def _as_json(stamp: str, level: str, event: str, facts: Mapping[str, object]) -> str:
    values = {name: value if isinstance(value, int | float | None) else _text(value) for name, value in facts.items()}
    own = {"time": stamp, "level": level, "event": event}  # no fact takes their place
    return json.dumps({**own, **values, **own}) + "\n"


_SHAPES: dict[Form, Callable[[str, str, str, Mapping[str, object]], str]] = {"text": _as_text, "json": _as_json}
