"""A transaction machine with a log, a clock and spare producer ids, driven by hand: what runtime and shell do."""

from __future__ import annotations

from typing import Any

from ottla.common.errors import KafkaError
from ottla.common.names import TopicPartition
from ottla.coordinator.formats import Pair
from ottla.coordinator.outcome import Outcome
from ottla.coordinator.room import ByteRoom
from ottla.coordinator.transaction.formats import TransactionFormats, key_of, value_of
from ottla.coordinator.transaction.machine import NEEDS_PRODUCER_ID, Producer, SendMarkers, TransactionMachine
from ottla.coordinator.transaction.transaction import Identity, State, Transaction

ID = "payments"
A, B = TopicPartition("orders", 0), TopicPartition("orders", 1)
FIRST_ID = 1000


class Bench:
    """`log` holds the encoded records; `markers` what was to be sent and is not yet. Answers are returned: a code, or
    the identity."""

    def __init__(
        self,
        level: int = 2,
        log: list[Pair] | None = None,
        now_ms: int = 1_000_000,
        most_bytes: int = 1 << 30,
    ) -> None:
        self.level = level
        self.told = 0
        self.room = ByteRoom(most_bytes, self._tell)
        self.formats = TransactionFormats(lambda: self.level)
        self.machine = TransactionMachine(lambda: self.level, self.room)
        self.now_ms = now_ms
        self.log: list[Pair] = []
        self.markers: list[SendMarkers] = []
        self.next_id = FIRST_ID
        for pair in log or []:
            self.log.append(pair)
            decoded = self.formats.decode(pair)
            assert decoded is not None
            self.machine.replay(*decoded, self.now_ms)
        if log:
            self.run(self.machine.loaded(self.now_ms))

    def _tell(self, _room: ByteRoom) -> None:
        self.told += 1

    def reloaded(self) -> Bench:
        """Another coordinator that has read the log to its end."""
        again = Bench(self.level, self.log, self.now_ms)
        again.next_id = self.next_id
        return again

    def run(self, outcome: Outcome) -> Any:
        for key, value in outcome.records:
            self.log.append(self.formats.encode(key, value))
            self.machine.replay(key, value, self.now_ms)
        self.markers += outcome.actions
        if not outcome.answers:
            return None
        ((_, answer),) = outcome.answers
        return answer.code if isinstance(answer, KafkaError) else answer

    # --- requests

    def init(
        self, transactional_id: str = ID, *, timeout_ms: int = 60_000, known: tuple[int, int] | None = None
    ) -> Any:
        expected = None if known is None else Identity(*known)
        answer = self.run(self.machine.init(0, transactional_id, timeout_ms, expected, None, self.now_ms))
        if answer is NEEDS_PRODUCER_ID:
            answer = self.run(self.machine.init(0, transactional_id, timeout_ms, expected, self._spare(), self.now_ms))
        return answer

    def _spare(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def add(self, who: tuple[int, int], *partitions: TopicPartition, tv: int = 2, transactional_id: str = ID) -> Any:
        producer = Producer(transactional_id, *who)
        return self.run(self.machine.add_partitions(0, producer, list(partitions or (A,)), tv, self.now_ms)) or 0

    def verify(self, who: tuple[int, int], *partitions: TopicPartition, transactional_id: str = ID) -> Any:
        answer = self.run(self.machine.verify(0, Producer(transactional_id, *who), list(partitions), self.now_ms))
        if isinstance(answer, int):
            return answer
        return {partition: 0 if error is None else error.code for partition, error in answer.items()}

    def end(self, who: tuple[int, int], *, commit: bool = True, tv: int = 2, transactional_id: str = ID) -> Any:
        producer = Producer(transactional_id, *who)
        answer = self.run(self.machine.end(0, producer, commit, tv, None, self.now_ms))
        if answer is NEEDS_PRODUCER_ID:
            answer = self.run(self.machine.end(0, producer, commit, tv, self._spare(), self.now_ms))
        return answer

    def deliver(self) -> list[SendMarkers]:
        """The markers that were to be sent are written; which."""
        sent, self.markers = self.markers, []
        for one in sent:
            self.run(self.machine.complete(one, self.now_ms))
        return sent

    # --- what there is

    def value(self, transactional_id: str = ID) -> Transaction:
        found = self.machine.find(transactional_id)
        assert found is not None
        return found

    def state(self, transactional_id: str = ID) -> State:
        return self.value(transactional_id).state

    def transaction(self, *partitions: TopicPartition, commit: bool = True, tv: int = 2) -> Any:
        """A whole transaction; the identity after it."""
        known = self.machine.find(ID)
        who = self.init() if known is None else known.identity
        assert self.add(who, *partitions, tv=tv) == 0
        after = self.end(who, commit=commit, tv=tv)
        self.deliver()
        return after

    def at_epoch(self, epoch: int) -> tuple[int, int]:
        """An idle id whose producer has come to this epoch."""
        producer_id, _ = self.init()
        out = Outcome()
        out.write(key_of(ID), value_of(self.value()._replace(epoch=epoch)))
        self.run(out)
        return producer_id, epoch
