"""One transactional id: its durable value, its states, the legal changes between them, and epochs.

A change makes a new value; `Transaction.moved` is the one way from state to state.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from ottla.common.names import TopicPartition

NONE = -1
TV2 = 2
"""From this transaction version on the epoch is bumped with each transaction (KIP-890)."""
_LAST_EPOCH = 32766
"""The largest epoch that a producer may have: one more is left to fence it with."""


class State(enum.IntEnum):
    """As in the records; `title` is how tools show it."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6
    """Kafka's name for an id that is about to be forgotten; never written, and never seen here."""
    PREPARE_EPOCH_FENCE = 7
    """Kafka's name for a fence under way; never written, and never seen here."""

    @property
    def title(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))


PREPARED = (State.PREPARE_COMMIT, State.PREPARE_ABORT)
COMPLETE = (State.COMPLETE_COMMIT, State.COMPLETE_ABORT)
IDLE = (State.EMPTY, *COMPLETE)
"""No transaction is open or about to end."""
TITLES = {state.title: state for state in State}

NEXT: dict[State, tuple[State, ...]] = {
    State.EMPTY: (State.EMPTY, State.ONGOING, State.PREPARE_ABORT),
    State.ONGOING: (State.ONGOING, State.PREPARE_COMMIT, State.PREPARE_ABORT),
    State.PREPARE_COMMIT: (State.COMPLETE_COMMIT,),
    State.PREPARE_ABORT: (State.COMPLETE_ABORT,),
    State.COMPLETE_COMMIT: (State.EMPTY, State.ONGOING, State.PREPARE_ABORT),
    State.COMPLETE_ABORT: (State.EMPTY, State.ONGOING, State.PREPARE_ABORT),
}
"""What may follow. An abort of nothing (to PREPARE_ABORT from an idle state) bumps the epoch, TV2 only."""


class Identity(NamedTuple):
    """What a producer writes with."""

    producer_id: int
    epoch: int

    @property
    def exhausted(self) -> bool:
        """There is no epoch left that a producer could use after this one."""
        return self.epoch >= _LAST_EPOCH


class Transaction(NamedTuple):
    """The value of a transactional id. `updated_ms` is the time of its last change, from which it expires."""

    producer_id: int
    epoch: int
    timeout_ms: int
    state: State
    partitions: tuple[TopicPartition, ...]
    start_ms: int
    updated_ms: int
    previous_producer_id: int = NONE
    next_producer_id: int = NONE
    """Decided with the outcome when the epoch is exhausted: the producer's id once the transaction is complete."""
    client_version: int = 0
    """The transaction version that the client used, which decides the marker's rules."""

    @property
    def identity(self) -> Identity:
        return Identity(self.producer_id, self.epoch)

    def moved(self, state: State, now_ms: int, **changes: object) -> Transaction:
        """The value after a change; the id that it had before is remembered, a next one only where given."""
        assert state in NEXT[self.state], f"{self.state.title} does not become {state.title}"
        values: dict[str, object] = {
            "state": state,
            "updated_ms": now_ms,
            "previous_producer_id": self.producer_id,
            "next_producer_id": NONE,
            **changes,
        }
        return self._replace(**values)  # type: ignore[arg-type]

    # --- changes

    def initialised(self, identity: Identity, timeout_ms: int, now_ms: int) -> Transaction:
        return self.moved(
            State.EMPTY, now_ms, producer_id=identity.producer_id, epoch=identity.epoch,
            timeout_ms=timeout_ms, partitions=(), start_ms=NONE,
        )  # fmt: skip

    def extended(self, partitions: list[TopicPartition], client_version: int, now_ms: int) -> Transaction:
        """Partitions were added; the first ones begin the transaction."""
        return self.moved(
            State.ONGOING, now_ms, partitions=tuple(dict.fromkeys((*self.partitions, *partitions))),
            start_ms=self.start_ms if self.state is State.ONGOING else now_ms, client_version=client_version,
        )  # fmt: skip

    def decided(self, commit: bool, client_version: int, next_producer_id: int, now_ms: int) -> Transaction:
        """The outcome, with which a TV2 client's epoch is bumped. An abort of nothing begins and ends now."""
        return self.moved(
            State.PREPARE_COMMIT if commit else State.PREPARE_ABORT, now_ms,
            epoch=self.epoch + 1 if client_version >= TV2 else self.epoch, client_version=client_version,
            next_producer_id=next_producer_id, start_ms=self.start_ms if self.state is State.ONGOING else now_ms,
            partitions=self.partitions if self.state is State.ONGOING else (),
        )  # fmt: skip

    def fenced(self, server_version: int, next_producer_id: int, now_ms: int) -> Transaction:
        """Aborted in the producer's absence: whatever version it uses, its epoch is over.

        Below TV2 the marker follows the old rules, which have no number of their own (0).
        """
        return self.moved(
            State.PREPARE_ABORT, now_ms, epoch=self.epoch + 1, client_version=TV2 if server_version >= TV2 else 0,
            next_producer_id=next_producer_id,
        )  # fmt: skip

    def completed(self, now_ms: int) -> Transaction:
        """All markers are written."""
        identity = self.after_completion
        return self.moved(
            State.COMPLETE_COMMIT if self.state is State.PREPARE_COMMIT else State.COMPLETE_ABORT, now_ms,
            producer_id=identity.producer_id, epoch=identity.epoch, partitions=(),
        )  # fmt: skip

    @property
    def after_completion(self) -> Identity:
        """Who the producer is once this decided transaction is complete."""
        return self.identity if self.next_producer_id == NONE else Identity(self.next_producer_id, 0)
