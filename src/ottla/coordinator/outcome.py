"""What a machine wants done after one command: the same value for all coordinators."""

from __future__ import annotations

from typing import Any

from ottla.protocol.message import Message

Token = Any
"""Stands for a request that waits for an answer; only the runtime looks inside."""

TimerName = tuple[str, ...]
"""`("session", group, member)`: a new deadline under the same name replaces the old one."""


class Outcome:
    """Records to append, answers to send, timers to set; in this order.

    - `records` are appended as one batch, then each is given to `replay`: durable state changes nowhere else.
    - `answers` are held until the log has committed `records` and everything appended before: one command may answer
      many parked requests, and none may tell of what could still be lost.
    - `timers` are set at once: a deadline in ms of the clock, or None to cancel.
    """

    __slots__ = ("answers", "records", "timers")

    def __init__(self) -> None:
        self.records: list[tuple[Message, Message | None]] = []
        self.answers: list[tuple[Token, Any]] = []
        self.timers: list[tuple[TimerName, int | None]] = []

    def write(self, key: Message, value: Message | None) -> None:
        """A record; a value of None is a tombstone."""
        self.records.append((key, value))

    def answer(self, token: Token, response: Any) -> None:
        self.answers.append((token, response))

    def wake(self, name: TimerName, at_ms: int) -> None:
        self.timers.append((name, at_ms))

    def cancel(self, name: TimerName) -> None:
        self.timers.append((name, None))
