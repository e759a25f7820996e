"""Senders that hold receive memory and do not come on with it, while others wait for memory.

Nobody is looked at while there is room: a slow client may take hours over a frame then. When somebody has waited for
PATIENCE_S, whoever holds memory must come on by a share of it in that time. Those who do not are closed, the largest
first, until there is room for all that have waited so long; those that were let through beyond the limit have less
time, for what they were held up with lies in their sockets. So a byte now and then is no progress, and 64 KiB a second
are, for a frame of 2 MB. Who waits for the budget itself is held up by us, and never closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from ottla.broker.intake import Budget, Payer

LOOK_S = 1.0
PATIENCE_S = 5.0
BEYOND_PATIENCE_S = 2.0
"""Of those that were let through beyond the limit: others of a crowd wait for their place."""
_LEAST_SHARE = 8
"""Of what it holds, a sender must move an eighth in PATIENCE_S: the whole within 40 s."""


class Sender(Payer, Protocol):
    """A connection that may hold receive memory."""

    @property
    def held_bytes(self) -> int:
        """Of a frame that is there in part, and of those that wait behind a request at work."""
        ...

    @property
    def moved_bytes(self) -> int:
        """Received for frames that are there in part, and handled of those that waited. Only rises."""
        ...

    def abandon(self, reason: str) -> None: ...


class _Seen(NamedTuple):
    """A sender, when it had last moved its share."""

    at_s: float
    moved_bytes: int


class Stalled:
    """`look` is called every LOOK_S; while nobody waits it costs a comparison."""

    def __init__(self, budget: Budget, senders: Callable[[], Iterable[Sender]]) -> None:
        self._budget = budget
        self._senders = senders
        self._seen: dict[Sender, _Seen] = {}
        self._waiting_since: dict[Payer, float] = {}
        self.closed = 0
        """Connections that were closed because they held memory that others waited for."""

    def look(self, now_s: float) -> None:
        budget = self._budget
        asked = budget.asked()
        if not asked:
            self._seen.clear()
            self._waiting_since.clear()
            return
        self._waiting_since = {one: self._waiting_since.get(one, now_s) for one in asked}
        stalled = self._look_at_all(asked, now_s)
        overdue = [one for one, since_s in self._waiting_since.items() if now_s - since_s >= PATIENCE_S]
        if overdue:
            missing_bytes = budget.used_bytes + sum(asked[one] for one in overdue) - budget.limit_bytes
            if not self._close(stalled, missing_bytes):
                budget.let_through()  # whatever is at work: it has had its time

    def _look_at_all(self, asked: dict[Payer, int], now_s: float) -> list[Sender]:
        """Those that have not moved their share for too long."""
        seen: dict[Sender, _Seen] = {}
        stalled = []
        for sender in self._senders():
            held_bytes = sender.held_bytes
            if not held_bytes or sender in asked:
                continue
            moved_bytes = sender.moved_bytes
            before = self._seen.get(sender)
            if before is None or (moved_bytes - before.moved_bytes) * _LEAST_SHARE >= held_bytes:
                before = _Seen(now_s, moved_bytes)
            seen[sender] = before
            if now_s - before.at_s >= (BEYOND_PATIENCE_S if self._budget.is_beyond(sender) else PATIENCE_S):
                stalled.append(sender)
        self._seen = seen
        return stalled

    def _close(self, stalled: list[Sender], missing_bytes: int) -> int:
        """The largest until so many bytes are there; how many. They give back when their transports have ended."""
        before = self.closed
        for sender in sorted(stalled, key=lambda one: one.held_bytes, reverse=True):
            if missing_bytes <= 0:
                break
            missing_bytes -= sender.held_bytes
            self.closed += 1
            sender.abandon(
                f"{sender.held_bytes} bytes of its requests have not come on for seconds, "
                "and others wait for memory (ottla.max.received.bytes)"
            )
        return self.closed - before
