"""What a machine wants done after one command: the same value for all coordinators."""

from __future__ import annotations

from typing import Any, NamedTuple

from ottla.protocol.message import Message

Token = Any
"""Stands for a request that waits for an answer; only the runtime looks inside."""

TimerName = tuple[str, ...]
"""`("session", group, member)`: a new deadline under the same name replaces the old one."""

Note = tuple[str, dict[str, object]]
"""An event in the past tense, and its facts: what an operator asks for afterwards."""


class Author(NamedTuple):
    """The producer in whose transaction records are written."""

    producer_id: int
    epoch: int


class Outcome:
    """Records to append, answers to send, timers to set, actions to take; in this order.

    - `records` are appended as one batch, then each is given to `replay`: durable state changes nowhere else.
    - `answers` are held until the log has committed `records` and everything appended before: one command may answer
      many parked requests, and none may tell of what could still be lost.
    - `timers` are set at once: a deadline in ms of the clock, or None to cancel.
    - `actions` are values that the shell carries out once the log has committed what they rest on, as answers are held.
    - `notes` go to the log of the broker once the records are appended.
    - `author`: the records are part of this producer's transaction, and count once its marker commits it.
    """

    __slots__ = ("actions", "answers", "author", "notes", "records", "timers")

    def __init__(self) -> None:
        self.records: list[tuple[Message, Message | None]] = []
        self.answers: list[tuple[Token, Any]] = []
        self.timers: list[tuple[TimerName, int | None]] = []
        self.actions: list[Any] = []
        self.author: Author | None = None
        self.notes: tuple[Note, ...] = ()

    def write(self, key: Message, value: Message | None) -> None:
        """A record; a value of None is a tombstone."""
        self.records.append((key, value))

    def answer(self, token: Token, response: Any) -> None:
        self.answers.append((token, response))

    def wake(self, name: TimerName, at_ms: int) -> None:
        self.timers.append((name, at_ms))

    def cancel(self, name: TimerName) -> None:
        self.timers.append((name, None))

    def act(self, action: Any) -> None:
        self.actions.append(action)

    def note(self, event: str, **facts: object) -> None:
        self.notes += ((event, facts),)
