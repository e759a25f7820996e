"""Drives coordinator machines: one for each led partition of an internal topic.

A command runs on the machine, its records are appended as one batch and replayed, its timers set, and its answers are
held until the log has committed everything that they may have seen. An append that was refused before a byte was
written is told to the machine, which puts right what the command had changed. Otherwise there is no revert: when an
append fails or the leadership is lost, the machine is discarded, whoever waits is told to come again, and the machine
is loaded anew. A loading that fails is tried again, after a pause that grows, for as long as this broker leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from ottla.common.clock import Clock
from ottla.common.errors import (
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidProducerEpoch,
    KafkaError,
    NotCoordinator,
    UnknownServerError,
)
from ottla.coordinator.formats import Formats, Pair
from ottla.coordinator.logged import NO_PRODUCER, Logged, LoggedMarker, Refused, TransactionEnd
from ottla.coordinator.outcome import Author, Note, Outcome, TimerName, Token
from ottla.protocol.codec import ProtocolError
from ottla.protocol.message import Message

SLICE_S = 0.004
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
"""Between two attempts to load a machine."""
REFUSED_TIMER_MS = 1000
"""After that a deadline is tried again whose records the log refused."""

Records = list[tuple[Message, Message | None]]


class MachineLog(Protocol):
    """A machine's log: a partition that this broker leads."""

    epoch: int
    """The leader epoch in which this broker was elected."""

    def append(self, pairs: list[Pair], now_ms: int, author: Author | None) -> int:
        """Appends the records as few batches as fit; the offset behind them. Raises Refused where nothing was written,
        KafkaError where nobody knows."""
        ...

    def append_marker(self, end: TransactionEnd, now_ms: int) -> int:
        """Ends a producer's transaction in this log; the offset behind the marker. Raises as `append`."""
        ...

    def end_offset(self) -> int:
        """The log end offset."""
        ...

    def is_committed(self, offset: int) -> bool:
        """Everything below `offset` is committed, and this broker leads."""
        ...

    def committed(self, offset: int) -> asyncio.Future[bool]:
        """Done when everything below `offset` is committed; False when this broker no longer leads."""
        ...

    def read_all(self) -> Iterator[list[Logged]]:
        """The records and markers of the whole log in their order, some at a time."""
        ...


class Machine(Protocol):
    """What the runtime asks of every machine besides its commands."""

    def replay(self, key: Message, value: Message | None, now_ms: int, producer_id: int = NO_PRODUCER) -> None: ...

    def replay_marker(self, producer_id: int, committed: bool) -> None:
        """The transaction in which `producer_id` wrote records has ended."""
        ...

    def loaded(self, now_ms: int) -> Outcome: ...

    def unload(self, error: KafkaError) -> Outcome: ...

    def refused(self, records: Records, error: KafkaError, now_ms: int) -> Outcome:
        """These records were refused and none was written: what their command has changed is put right, and whoever
        waits for it is answered with `error`. Writes nothing."""
        ...

    def on_timer(self, name: TimerName, now_ms: int) -> Outcome: ...


M = TypeVar("M", bound=Machine)
Command = Callable[[M, Token, int], Outcome]


class Shard(Generic[M]):
    """One machine with its log, timers and held answers."""

    def __init__(self, index: int, machine: M, log: MachineLog, runtime: Runtime[M]) -> None:
        self.index = index
        self.machine = machine
        self.log = log
        self.ready = False
        self.attempts = 0
        """Loadings that failed before this one."""
        self._runtime = runtime
        self._appended = 0
        self._told_refusal: str | None = None
        self._timers: dict[TimerName, tuple[int, asyncio.TimerHandle]] = {}

    def run(self, outcome: Outcome) -> bool:
        """Does what the outcome says, in its order. An append that fails discards the machine; False: it was refused,
        and nothing was done."""
        runtime = self._runtime
        if outcome.records:
            now_ms = runtime.clock.now_ms()
            try:
                pairs = [runtime.formats.encode(key, value) for key, value in outcome.records]
                self._appended = self.log.append(pairs, now_ms, outcome.author)
            except Refused as refusal:
                self._refused(outcome, refusal.error, now_ms)
                return False
            except KafkaError as error:
                _answer_all(outcome.answers, _coordinator_error(error))
                runtime.reload(self, error)
                return True
            self._told_refusal = None
            producer_id = NO_PRODUCER if outcome.author is None else outcome.author.producer_id
            for key, value in outcome.records:
                self.machine.replay(key, value, now_ms, producer_id)
        if outcome.notes:
            runtime.tell(outcome.notes)
        for name, at_ms in outcome.timers:
            self._set_timer(name, at_ms)
        if outcome.answers or outcome.actions:
            self._hold(outcome)
        return True

    def _refused(self, outcome: Outcome, error: KafkaError, now_ms: int) -> None:
        """Nothing was written. Told once for each kind of error, until an append succeeds again."""
        if not isinstance(error, InvalidProducerEpoch) and self._told_refusal != error.name:
            self._told_refusal = error.name
            self._runtime.on_refused(self.index, error)
        answer = _coordinator_error(error)
        _answer_all(outcome.answers, answer)
        self.run(self.machine.refused(outcome.records, answer, now_ms))

    def end_transaction(self, end: TransactionEnd) -> asyncio.Future[bool]:
        """Writes a marker, and tells the machine; done when it is committed. Raises KafkaError."""
        runtime = self._runtime
        try:
            self._appended = self.log.append_marker(end, runtime.clock.now_ms())
        except Refused as refusal:
            raise refusal.error from None
        except KafkaError as error:
            runtime.reload(self, error)
            raise
        self.machine.replay_marker(end.producer_id, end.committed)
        return self.log.committed(self._appended)

    def loaded(self, now_ms: int) -> None:
        """Everything in the log was replayed; what the machine says from now on may rest on all of it."""
        self.ready = True
        self._appended = self.log.end_offset()
        self.run(self.machine.loaded(now_ms))

    def _hold(self, outcome: Outcome) -> None:
        if self.log.is_committed(self._appended):
            self._release(outcome)
        else:
            committed = self.log.committed(self._appended)
            committed.add_done_callback(lambda future: self._decided(outcome, future))

    def _decided(self, outcome: Outcome, committed: asyncio.Future[bool]) -> None:
        if committed.cancelled() or not committed.result():
            _answer_all(outcome.answers, NotCoordinator())
        else:
            self._release(outcome)

    def _release(self, outcome: Outcome) -> None:
        for token, answer in outcome.answers:
            if token is not None and not token.done():
                token.set_result(answer)
        for action in outcome.actions:
            self._runtime.act(self, action)

    def _set_timer(self, name: TimerName, at_ms: int | None) -> None:
        old = self._timers.pop(name, None)
        if old is not None:
            old[1].cancel()
        if at_ms is not None:
            runtime = self._runtime
            delay_s = max(at_ms + 1 - runtime.clock.now_ms(), 0) / 1000  # `at_ms` was counted from a whole millisecond
            self._timers[name] = at_ms, runtime.loop.call_later(delay_s, self._fire, name)

    def _fire(self, name: TimerName) -> None:
        """Never before its time: loops round to milliseconds, and time in which the loop stood still does not count."""
        found = self._timers.pop(name, None)
        if found is not None and found[0] >= self._runtime.clock.now_ms():
            self._set_timer(name, found[0])
            return
        now_ms = self._runtime.clock.now_ms()
        if not self.run(self.machine.on_timer(name, now_ms)) and name not in self._timers:
            self._set_timer(name, now_ms + REFUSED_TIMER_MS)  # nobody else would come back to it

    def stop(self, error: KafkaError) -> None:
        self.ready = False
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        _answer_all(self.machine.unload(error).answers, None)


class Runtime(Generic[M]):
    """The machines of one internal topic on one broker, by partition."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        formats: Formats,
        make: Callable[[], M],
        log_failure: Callable[[str, BaseException], None],
        perform: Callable[[Shard[M], Any], None] | None = None,
        note: Callable[[Note], None] | None = None,
    ) -> None:
        """`perform` carries out an action of a machine; it is called in a turn of the loop of its own. `note` is told
        what machines note for the log."""
        self.loop = loop
        self.clock = clock
        self.formats = formats
        self._make = make
        self._log_failure = log_failure
        self._perform = perform
        self._note = note
        self._shards: dict[int, Shard[M]] = {}

    def elected(self, index: int, log: MachineLog) -> None:
        """This broker leads the partition now: load its machine."""
        self._begin(index, log, 0)

    def _begin(self, index: int, log: MachineLog, attempts: int) -> None:
        self.resigned(index)
        shard = self._shards[index] = Shard(index, self._make(), log, self)
        shard.attempts = attempts
        slices = self._load(shard)
        if not self._load_slice(shard, slices):
            self.loop.call_soon(self._load_on, shard, slices)

    def resigned(self, index: int) -> None:
        """This broker no longer leads the partition."""
        shard = self._shards.pop(index, None)
        if shard is not None:
            shard.stop(NotCoordinator())

    def shards(self) -> list[Shard[M]]:
        """Those that are ready, by partition."""
        return [shard for _, shard in sorted(self._shards.items()) if shard.ready]

    @property
    def loading(self) -> bool:
        return any(not shard.ready for shard in self._shards.values())

    def shard(self, index: int) -> Shard[M]:
        """Raises NotCoordinator, CoordinatorLoadInProgress."""
        shard = self._shards.get(index)
        if shard is None:
            raise NotCoordinator
        if not shard.ready:
            raise CoordinatorLoadInProgress
        return shard

    async def call(self, index: int, command: Command[M]) -> Any:
        """Runs one command on the machine of a partition; its answer, once committed. Raises KafkaError."""
        shard = self.shard(index)
        token = self.loop.create_future()
        shard.run(command(shard.machine, token, self.clock.now_ms()))
        answer = token.result() if token.done() else await token
        if isinstance(answer, KafkaError):
            raise answer
        return answer

    def act(self, shard: Shard[M], action: Any) -> None:
        assert self._perform is not None, f"nobody carries out {action}"
        self.loop.call_soon(self._perform, shard, action)

    def on_refused(self, index: int, error: KafkaError) -> None:
        self._log_failure(f"coordinator.append_refused partition={index}", error)

    def tell(self, notes: Iterable[Note]) -> None:
        if self._note is not None:
            for note in notes:
                self._note(note)

    def is_current(self, shard: Shard[M]) -> bool:
        """False: the machine was discarded, and what it wanted done is not to be done any more."""
        return shard.ready and self._shards.get(shard.index) is shard

    def everywhere(self, command: Callable[[M, int], Outcome]) -> None:
        """Runs a command that nobody waits for on every machine."""
        for shard in self.shards():
            shard.run(command(shard.machine, self.clock.now_ms()))

    def reload(self, shard: Shard[M], error: KafkaError) -> None:
        """The outcome of an append is not known, so neither is the machine's state: read it from the log again."""
        self._log_failure(f"coordinator.reloaded partition={shard.index}", error)
        shard.stop(CoordinatorNotAvailable())
        if self._shards.get(shard.index) is shard:
            self.loop.call_soon(self._reelect, shard)

    def _reelect(self, shard: Shard[M]) -> None:
        if self._shards.get(shard.index) is shard:
            self._begin(shard.index, shard.log, shard.attempts)

    def stop(self) -> None:
        for index in list(self._shards):
            self.resigned(index)

    # --- loading

    def _load(self, shard: Shard[M]) -> Iterator[None]:
        now_ms = self.clock.now_ms()
        for entries in shard.log.read_all():
            self._replay(shard, entries, now_ms)
            yield

    def _replay(self, shard: Shard[M], entries: Iterable[Logged], now_ms: int) -> None:
        for entry in entries:
            if isinstance(entry, LoggedMarker):
                shard.machine.replay_marker(*entry)
                continue
            try:
                record = self.formats.decode(entry.pair)
            except ProtocolError as error:
                self._log_failure(f"coordinator.record_skipped partition={shard.index}", error)
                continue
            if record is not None:
                shard.machine.replay(*record, now_ms, entry.producer_id)

    def _load_slice(self, shard: Shard[M], slices: Iterator[None]) -> bool:
        """Some milliseconds of loading; True when it is done."""
        until = self.loop.time() + SLICE_S
        try:
            for _ in slices:
                if self.loop.time() > until:
                    return False
            shard.loaded(self.clock.now_ms())
        except Exception as error:  # told, and tried again: a machine that is never loaded serves nobody
            self._load_failed(shard, error)
        return True

    def _load_failed(self, shard: Shard[M], error: Exception) -> None:
        pause_s = min(FIRST_PAUSE_S * 2**shard.attempts, LONGEST_PAUSE_S)
        self._log_failure(f"coordinator.load_failed partition={shard.index} again_in_s={pause_s:g}", error)
        shard.ready = False
        shard.attempts = min(shard.attempts + 1, 16)
        self.loop.call_later(pause_s, self._reelect, shard)

    def _load_on(self, shard: Shard[M], slices: Iterator[None]) -> None:
        if self._shards.get(shard.index) is shard and not self._load_slice(shard, slices):
            self.loop.call_soon(self._load_on, shard, slices)


def _coordinator_error(error: KafkaError) -> KafkaError:
    """How a failed append looks to a group's client: the codes that it retries (as Kafka translates them)."""
    name = type(error).__name__
    if name in ("NotLeaderOrFollower", "KafkaStorageError"):
        return NotCoordinator()
    if name in ("RecordListTooLarge", "MessageTooLarge", "InvalidProducerEpoch"):
        return error
    if name == "InvalidRecord":  # larger than a segment: the same again will not help
        return UnknownServerError(error.message)
    return CoordinatorNotAvailable()


def _answer_all(answers: Iterable[tuple[Token, Any]], error: KafkaError | None) -> None:
    """Every waiting request gets `error`, or where it is None its own answer."""
    for token, answer in answers:
        if token is not None and not token.done():
            token.set_result(answer if error is None else error)
