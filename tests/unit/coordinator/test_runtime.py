"""The runtime: what waits for the log, when a machine is discarded, and transactions in a machine's log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ottla.common.errors import (
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidProducerEpoch,
    InvalidRecord,
    KafkaError,
    KafkaStorageError,
    NotCoordinator,
    NotEnoughReplicas,
    NotLeaderOrFollower,
    RecordListTooLarge,
    UnknownServerError,
)
from ottla.coordinator.formats import Pair
from ottla.coordinator.logged import Logged, LoggedMarker, LoggedRecord, Refused, TransactionEnd
from ottla.coordinator.outcome import Author, Outcome, TimerName, Token
from ottla.coordinator.runtime import REFUSED_TIMER_MS, Runtime, Shard
from ottla.coordinator.transaction.formats import TransactionFormats, key_of
from ottla.protocol.logs.transaction_state import TransactionLogKey
from ottla.protocol.message import Message
from ottla.testing.clock import SimClock
from ottla.testing.simulation import Simulation, run_simulation


class FakeLog:
    """A log in memory whose commits a test decides."""

    epoch = 3

    def __init__(self) -> None:
        self.entries: list[Logged] = []
        self.waiting: list[asyncio.Future[bool]] = []
        self.refuse: KafkaError | Refused | None = None
        self.unreadable: Exception | None = None

    def append(self, pairs: list[Pair], now_ms: int, author: Author | None) -> int:
        if self.refuse is not None:
            raise self.refuse
        self.entries += [LoggedRecord(pair, -1 if author is None else author.producer_id) for pair in pairs]
        return len(self.entries)

    def append_marker(self, end: TransactionEnd, now_ms: int) -> int:
        if self.refuse is not None:
            raise self.refuse
        self.entries.append(LoggedMarker(end.producer_id, end.committed))
        return len(self.entries)

    def end_offset(self) -> int:
        return len(self.entries)

    def is_committed(self, offset: int) -> bool:
        return False

    def committed(self, offset: int) -> asyncio.Future[bool]:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return future

    def commit(self, outcome: bool = True) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            future.set_result(outcome)

    def read_all(self) -> Iterator[list[Logged]]:
        if self.unreadable is not None:
            raise self.unreadable
        yield list(self.entries)


class FakeMachine:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def replay(self, key: Message, value: Message | None, now_ms: int, producer_id: int = -1) -> None:
        assert isinstance(key, TransactionLogKey)
        self.told.append((key.transactional_id, producer_id))

    def replay_marker(self, producer_id: int, committed: bool) -> None:
        self.told.append((producer_id, committed))

    def loaded(self, now_ms: int) -> Outcome:
        out = Outcome()
        out.act("loaded")
        return out

    def unload(self, error: KafkaError) -> Outcome:
        return Outcome()

    def refused(self, records: list[tuple[Message, Message | None]], error: KafkaError, now_ms: int) -> Outcome:
        self.told.append(("refused", len(records)))
        return Outcome()

    def on_timer(self, name: TimerName, now_ms: int) -> Outcome:
        self.told.append(("timer", now_ms))
        out = Outcome()
        out.write(key_of("late"), None)
        return out

    def watch(self, at_ms: int) -> Outcome:
        out = Outcome()
        out.wake(("deadline",), at_ms)
        return out

    def write(self, token: Token, name: str, author: Author | None = None) -> Outcome:
        out = Outcome()
        out.author = author
        out.write(key_of(name), None)
        out.answer(token, name)
        out.act(name)
        return out


class Stage:
    """A runtime with one loaded machine; `done` are the actions that were carried out."""

    def __init__(self, simulation: Simulation, log: FakeLog) -> None:
        self.log = log
        self.done: list[Any] = []
        self.failures: list[str] = []
        self.runtime: Runtime[FakeMachine] = Runtime(
            simulation.loop,
            simulation.clock,
            TransactionFormats(lambda: 2),
            FakeMachine,
            lambda event, error: self.failures.append(event),
            lambda shard, action: self.done.append(action),
        )
        self.runtime.elected(0, log)

    @property
    def shard(self) -> Shard[FakeMachine]:
        return self.runtime.shard(0)

    def call(self, name: str, author: Author | None = None) -> asyncio.Future[Any]:
        return asyncio.ensure_future(
            self.runtime.call(0, lambda machine, token, now_ms: machine.write(token, name, author))
        )


def on_stage(play: Callable[[Stage, FakeLog], Any]) -> None:
    async def main(simulation: Simulation) -> None:
        log = FakeLog()
        stage = Stage(simulation, log)
        await asyncio.sleep(1)
        log.commit()
        await asyncio.sleep(1)
        stage.done.clear()
        await play(stage, log)

    run_simulation(1, main)


def test_answers_and_actions_wait_until_the_log_has_committed() -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        asked = stage.call("a")
        await asyncio.sleep(1)
        assert stage.shard.machine.told == [("a", -1)]
        assert (asked.done(), stage.done) == (False, [])
        log.commit()
        assert await asked == "a"
        await asyncio.sleep(1)
        assert stage.done == ["a"]

    on_stage(play)


def test_what_is_not_committed_when_leadership_ends_is_neither_told_nor_done() -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        asked = stage.call("a")
        await asyncio.sleep(1)
        log.commit(False)
        with pytest.raises(NotCoordinator):
            await asked
        await asyncio.sleep(1)
        assert stage.done == []

    on_stage(play)


def test_what_a_loaded_machine_wants_done_waits_for_all_that_it_has_read() -> None:
    async def main(simulation: Simulation) -> None:
        log = FakeLog()
        log.entries = [LoggedRecord(TransactionFormats(lambda: 2).encode(key_of("a"), None), -1)]
        stage = Stage(simulation, log)
        await asyncio.sleep(1)
        assert (stage.shard.machine.told, stage.done) == ([("a", -1)], [])
        log.commit()
        await asyncio.sleep(1)
        assert stage.done == ["loaded"]

    run_simulation(1, main)


def test_a_failed_append_discards_the_machine_and_loads_it_again() -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        before = stage.shard
        log.refuse = CoordinatorNotAvailable()
        with pytest.raises(CoordinatorNotAvailable):
            await stage.call("a")
        assert not stage.runtime.is_current(before)
        log.refuse = None
        await asyncio.sleep(1)
        assert stage.runtime.is_current(stage.shard)
        assert stage.shard is not before

    on_stage(play)


def test_a_producer_that_is_over_is_told_so_and_the_machine_stays() -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        before = stage.shard
        log.refuse = Refused(InvalidProducerEpoch())
        with pytest.raises(InvalidProducerEpoch):
            await stage.call("a", Author(7, 0))
        assert stage.runtime.is_current(before)
        assert before.machine.told == [("refused", 1)]

    on_stage(play)


def test_the_machine_is_told_of_producers_and_markers_in_serving_and_in_loading_alike() -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        asked = [stage.call("plain"), stage.call("in a transaction", Author(7, 0))]
        await asyncio.sleep(1)
        ended = stage.shard.end_transaction(TransactionEnd(7, 0, True, 5, 0))
        assert not ended.done()
        log.commit()
        assert await ended
        await asyncio.gather(*asked)
        told = [("plain", -1), ("in a transaction", 7), (7, True)]
        assert stage.shard.machine.told == told
        stage.runtime.elected(0, log)
        assert stage.shard.machine.told == told

    on_stage(play)


@pytest.mark.parametrize("refused", [True, False])
def test_a_marker_that_is_refused_changes_nothing_and_a_failed_one_reloads(refused: bool) -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        before = stage.shard
        log.refuse = Refused(KafkaStorageError()) if refused else KafkaStorageError()
        with pytest.raises(KafkaStorageError):
            stage.shard.end_transaction(TransactionEnd(7, 0, True, 5, 0))
        assert before.machine.told == []
        assert stage.runtime.is_current(before) == refused

    on_stage(play)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (NotEnoughReplicas(), CoordinatorNotAvailable),
        (RecordListTooLarge(), RecordListTooLarge),
        (InvalidRecord(), UnknownServerError),
        (KafkaStorageError(), NotCoordinator),
        (NotLeaderOrFollower(), NotCoordinator),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_an_append_that_wrote_nothing_discards_nothing(error: KafkaError, answer: type[KafkaError]) -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        before = stage.shard
        log.refuse = Refused(error)
        for _ in range(3):
            with pytest.raises(answer):
                await stage.call("a")
        assert stage.shard is before
        assert before.machine.told == [("refused", 1)] * 3
        assert stage.failures == ["coordinator.append_refused partition=0"]  # told once
        log.refuse = None
        asked = stage.call("b")
        await asyncio.sleep(1)
        log.commit()
        assert await asked == "b"

    on_stage(play)


@pytest.mark.parametrize("error", [KafkaStorageError(), ValueError("a record that nobody understands")])
def test_a_loading_that_fails_is_tried_again_with_a_growing_pause_until_it_succeeds(error: Exception) -> None:
    async def main(simulation: Simulation) -> None:
        log = FakeLog()
        log.unreadable = error
        stage = Stage(simulation, log)
        await asyncio.sleep(100)
        with pytest.raises(CoordinatorLoadInProgress):
            stage.runtime.shard(0)
        pauses = [float(event.rpartition("=")[2]) for event in stage.failures]
        assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60]
        log.unreadable = None
        await asyncio.sleep(60)
        assert stage.shard.ready
        stage.runtime.resigned(0)

    run_simulation(1, main)


@pytest.mark.parametrize("behind_ms", [0, 1, 300])
def test_no_deadline_fires_before_its_millisecond_is_over(behind_ms: int) -> None:
    """Loops run timers a little early, and the clock of deadlines stands still while the process does."""

    async def play(stage: Stage, log: FakeLog) -> None:
        machine, clock = stage.shard.machine, stage.runtime.clock
        assert isinstance(clock, SimClock)
        at_ms = clock.now_ms() + 500
        stage.shard.run(machine.watch(at_ms))
        clock.skew_ms -= behind_ms
        await asyncio.sleep(1)
        assert [one for one in machine.told if one[0] == "timer"] == [("timer", at_ms + 1)]  # type: ignore[index]

    on_stage(play)


def test_a_deadline_whose_records_were_refused_is_tried_again_until_they_are_written() -> None:
    async def play(stage: Stage, log: FakeLog) -> None:
        machine, begin_ms = stage.shard.machine, stage.runtime.clock.now_ms()
        stage.shard.run(machine.watch(begin_ms + 500))
        log.refuse = Refused(InvalidRecord())
        await asyncio.sleep((500 + 2.5 * REFUSED_TIMER_MS) / 1000)
        assert len([one for one in machine.told if one == ("refused", 1)]) == 3
        log.refuse = None
        await asyncio.sleep(10 * REFUSED_TIMER_MS / 1000)
        times = [one[1] - begin_ms for one in machine.told if isinstance(one, tuple) and one[0] == "timer"]
        assert [round(one, -2) for one in times] == [500 + number * REFUSED_TIMER_MS for number in range(4)]
        assert machine.told[-1] == ("late", -1)

    on_stage(play)
