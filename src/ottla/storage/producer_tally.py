"""How many producers the logs of a broker remember together, and when that is too many."""

from __future__ import annotations

from collections.abc import Callable


class ProducerTally:
    """Counts what is added; what goes is noticed when somebody counts, which `on_full` asks for.

    `on_full` is called once, when the estimate exceeds the limit; again only after `counted`.
    """

    def __init__(self, limit: int, on_full: Callable[[], None]) -> None:
        self.limit = limit
        self.forgotten = 0
        """Producers that were forgotten before their time."""
        self._on_full = on_full
        self._estimate = 0
        self._alarm_above: int | None = limit

    def add(self, count: int) -> None:
        self._estimate += count
        if self._alarm_above is not None and self._estimate > self._alarm_above:
            self._alarm_above = None
            self._on_full()

    def counted(self, count: int) -> None:
        """There are so many. Where open transactions keep it above the limit, there is no alarm for each new one."""
        self._estimate = count
        self._alarm_above = max(self.limit, count + self.limit // 10)
