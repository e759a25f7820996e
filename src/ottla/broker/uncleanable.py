"""A log that compaction could not clean, and when it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.storage.settings import TopicSettings

FIRST_PAUSE_MS = 15 * 60_000
LONGEST_PAUSE_MS = 24 * 3_600_000


class Uncleanable:
    """Tried again after a pause that doubles with each failure in a row, or as soon as its topic's settings are others:
    somebody may have changed them for its sake."""

    def __init__(self, settings: TopicSettings | None, now_ms: int, before: Uncleanable | None = None) -> None:
        self.pause_ms: int = FIRST_PAUSE_MS if before is None else min(2 * before.pause_ms, LONGEST_PAUSE_MS)
        self._settings = settings
        self._again_ms = now_ms + self.pause_ms

    def __repr__(self) -> str:
        return f"<Uncleanable until {self._again_ms}>"

    def is_due(self, settings: TopicSettings, now_ms: int) -> bool:
        return settings is not self._settings or now_ms >= self._again_ms
