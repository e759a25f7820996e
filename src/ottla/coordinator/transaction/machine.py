"""The transaction coordinator of one partition of `__transaction_state`: all its transactional ids, as one machine.

Durable: the last value of each id, changed by `replay` alone. Volatile: the epoch before the last bump, by which the
repetition of an InitProducerId is known; Kafka loses it with a failover too.

The order is binding: the outcome is decided by a record, and `SendMarkers` is an action, so the runtime hands it out
once that record is committed; the shell comes back with `complete` when every marker is written. `loaded` hands the
markers of decided transactions out again, so a crash and a failover are one code path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ottla.common.errors import (
    ConcurrentTransactions,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    PolicyViolation,
    ProducerFenced,
    TransactionAbortable,
)
from ottla.common.names import TopicPartition
from ottla.coordinator.outcome import Outcome, TimerName, Token
from ottla.coordinator.room import ByteRoom, ByteShare, text_bytes
from ottla.coordinator.transaction.formats import key_of, transaction_of, value_of
from ottla.coordinator.transaction.transaction import (
    COMPLETE,
    IDLE,
    NONE,
    PREPARED,
    TV2,
    Identity,
    State,
    Transaction,
)
from ottla.protocol.logs.transaction_state import TransactionLogKey, TransactionLogValue
from ottla.protocol.message import Message

_FIXED_BYTES = 512
"""Of a transactional id in memory, besides its text."""


class NeedsProducerId:
    """An answer: the command needs an id that was never given out; come again with one."""


NEEDS_PRODUCER_ID = NeedsProducerId()


class SendMarkers(NamedTuple):
    """An action: tell these partitions how the transaction ended, then come back with `complete`."""

    transactional_id: str
    producer_id: int
    epoch: int
    committed: bool
    partitions: tuple[TopicPartition, ...]
    transaction_version: int


class Producer(NamedTuple):
    """Who asks, as the request says."""

    transactional_id: str
    producer_id: int
    epoch: int

    @property
    def identity(self) -> Identity:
        return Identity(self.producer_id, self.epoch)


class TransactionMachine:
    """See the module. `level` tells the finalised transaction.version, for what happens without a client."""

    def __init__(self, level: Callable[[], int], room: ByteRoom | None = None) -> None:
        """`room`: for the ids of all machines of a broker."""
        self._level = level
        self._room = room or ByteRoom()
        self._share = ByteShare(self._room)
        self._transactions: dict[str, Transaction] = {}
        self._open: dict[str, None] = {}
        """The ids whose transaction may time out."""
        self._last_epochs: dict[str, int] = {}

    # --- the log

    def replay(self, key: Message, value: Message | None, now_ms: int, producer_id: int = NONE) -> None:
        assert isinstance(key, TransactionLogKey)
        transactional_id = key.transactional_id
        self._open.pop(transactional_id, None)
        if value is None:
            if self._transactions.pop(transactional_id, None) is not None:
                self._share.add(-_bytes_of(transactional_id))
            self._last_epochs.pop(transactional_id, None)
            return
        assert isinstance(value, TransactionLogValue)
        if transactional_id not in self._transactions:
            self._share.add(_bytes_of(transactional_id))
        transaction = self._transactions[transactional_id] = transaction_of(value)
        if transaction.state is State.ONGOING:
            self._open[transactional_id] = None

    def replay_marker(self, producer_id: int, committed: bool) -> None:
        """Nobody writes to this topic within a transaction."""

    def loaded(self, now_ms: int) -> Outcome:
        self._room.loaded(now_ms)
        out = Outcome()
        for transactional_id, transaction in self._transactions.items():
            if transaction.state in PREPARED:
                out.act(_markers(transactional_id, transaction))
        return out

    def unload(self, error: KafkaError) -> Outcome:
        self._share.end()
        return Outcome()

    def refused(self, records: list[tuple[Message, Message | None]], error: KafkaError, now_ms: int) -> Outcome:
        """The values of the ids are as they were; what is known besides is forgotten, as after a failover."""
        for key, _ in records:
            assert isinstance(key, TransactionLogKey)
            self._last_epochs.pop(key.transactional_id, None)
        return Outcome()

    def on_timer(self, name: TimerName, now_ms: int) -> Outcome:
        raise AssertionError(f"unknown timer {name}")

    # --- InitProducerId

    def init(
        self,
        token: Token,
        transactional_id: str,
        timeout_ms: int,
        expected: Identity | None,
        spare: int | None,
        now_ms: int,
    ) -> Outcome:
        """Answers the Identity for the next transactions; older producers are fenced with it.

        `expected` is who the client was before, if it goes on after an error (KIP-360); `spare` a fresh producer id, or
        None until NEEDS_PRODUCER_ID asks for one. An open transaction is aborted first: come again then.
        """
        out = Outcome()
        current = self._transactions.get(transactional_id)
        try:
            if current is None:
                answer = self._begin(transactional_id, timeout_ms, spare, now_ms, out)
            else:
                answer = self._renew(transactional_id, current, timeout_ms, expected, spare, now_ms, out)
        except KafkaError as error:
            answer = error
        out.answer(token, answer)
        return out

    def _begin(
        self, transactional_id: str, timeout_ms: int, spare: int | None, now_ms: int, out: Outcome
    ) -> Identity | NeedsProducerId | KafkaError:
        if not self._room.has(_bytes_of(transactional_id), now_ms):
            raise PolicyViolation("This broker holds too many transactional ids (ottla.max.transactional.id.bytes).")
        if spare is None:
            return NEEDS_PRODUCER_ID
        self._write(
            transactional_id, Transaction(spare, 0, timeout_ms, State.EMPTY, (), NONE, now_ms, spare), NONE, out
        )
        return Identity(spare, 0)

    def _renew(
        self,
        transactional_id: str,
        current: Transaction,
        timeout_ms: int,
        expected: Identity | None,
        spare: int | None,
        now_ms: int,
        out: Outcome,
    ) -> Identity | NeedsProducerId | KafkaError:
        if expected is not None and not _may_continue(current, expected):
            raise ProducerFenced
        if current.state in PREPARED:
            raise ConcurrentTransactions
        if current.state is State.ONGOING:
            if current.identity.exhausted and self._level() >= TV2 and spare is None:
                return NEEDS_PRODUCER_ID
            self._fence(transactional_id, current, spare, now_ms, out)
            out.note(
                "transaction.aborted", transactional_id=transactional_id, producer_id=current.producer_id,
                epoch=current.epoch, reason="a producer began anew with this id",
            )  # fmt: skip
            return ConcurrentTransactions()
        last_epoch = NONE if expected is None else current.epoch
        if expected is not None and expected.epoch != current.epoch:
            if expected.epoch != self._last_epochs.get(transactional_id, NONE):
                raise ProducerFenced
            identity, last_epoch = current.identity, expected.epoch  # the answer to the first try was lost
        elif current.identity.exhausted:
            if spare is None:
                return NEEDS_PRODUCER_ID
            identity = Identity(spare, 0)
        else:
            identity = Identity(current.producer_id, current.epoch + 1)
        self._write(transactional_id, current.initialised(identity, timeout_ms, now_ms), last_epoch, out)
        return identity

    # --- partitions of a transaction

    def add_partitions(
        self, token: Token, who: Producer, partitions: list[TopicPartition], client_version: int, now_ms: int
    ) -> Outcome:
        """Answers None, or the error. The first partitions begin a transaction."""
        out = Outcome()
        try:
            current = self._of(who)
            if current.state is not State.ONGOING or not set(partitions) <= set(current.partitions):
                extended = current.extended(partitions, client_version, now_ms)
                self._write(who.transactional_id, extended, self._last_epochs.get(who.transactional_id, NONE), out)
            out.answer(token, None)
        except KafkaError as error:
            out.answer(token, error)
        return out

    def verify(self, token: Token, who: Producer, partitions: list[TopicPartition], now_ms: int) -> Outcome:
        """Answers the error of each partition, None for those that are in the open transaction; or one for all."""
        out = Outcome()
        try:
            known = set(self._of(who).partitions)
            out.answer(token, {one: None if one in known else TransactionAbortable() for one in partitions})
        except KafkaError as error:
            out.answer(token, error)
        return out

    def _of(self, who: Producer) -> Transaction:
        """The id's value, if `who` may add to it now."""
        current = self._transactions.get(who.transactional_id)
        if current is None or current.producer_id != who.producer_id:
            raise InvalidProducerIdMapping
        if current.epoch != who.epoch:
            raise ProducerFenced
        if current.state in PREPARED:
            raise ConcurrentTransactions
        return current

    # --- the end

    def end(
        self, token: Token, who: Producer, commit: bool, client_version: int, spare: int | None, now_ms: int
    ) -> Outcome:
        """Answers the Identity for the next transaction. `spare` as in `init`."""
        out = Outcome()
        try:
            current = self._transactions.get(who.transactional_id)
            if current is None:
                raise InvalidProducerIdMapping
            if client_version >= TV2:
                answer = self._end_bumping(current, who, commit, client_version, spare, now_ms, out)
            else:
                answer = self._end_plainly(current, who, commit, client_version, now_ms, out)
        except KafkaError as error:
            out.answer(token, error)
            return out
        out.answer(token, answer)
        return out

    def _end_plainly(
        self, current: Transaction, who: Producer, commit: bool, client_version: int, now_ms: int, out: Outcome
    ) -> Identity:
        """Up to TV1: the epoch stays, so a repetition is known by the state alone."""
        if current.producer_id != who.producer_id:
            raise InvalidProducerIdMapping
        if current.epoch != who.epoch:
            raise ProducerFenced
        if current.state is State.ONGOING:
            return self._decide(current, who, commit, client_version, NONE, now_ms, out)
        if current.state is State.EMPTY or _committed(current.state) != commit:
            raise InvalidTxnState
        if current.state in PREPARED:
            raise ConcurrentTransactions
        return current.identity

    def _end_bumping(
        self,
        current: Transaction,
        who: Producer,
        commit: bool,
        client_version: int,
        spare: int | None,
        now_ms: int,
        out: Outcome,
    ) -> Identity | NeedsProducerId:
        """TV2: each end bumps the epoch, so the old epoch means a repetition, and the new one the next transaction."""
        repeated = self._is_repetition(current, who)
        if current.producer_id != who.producer_id and not repeated:
            raise InvalidProducerIdMapping
        if not repeated and (current.epoch != who.epoch or current.state in PREPARED):
            raise ProducerFenced
        if repeated:
            if _committed(current.state) != commit:
                raise InvalidTxnState
            if current.state in PREPARED:
                raise ConcurrentTransactions
            return current.identity
        if current.state is not State.ONGOING and commit:
            raise InvalidTxnState  # there is nothing to commit
        if not current.identity.exhausted:
            return self._decide(current, who, commit, client_version, NONE, now_ms, out)
        if spare is None:
            return NEEDS_PRODUCER_ID
        return self._decide(current, who, commit, client_version, spare, now_ms, out)

    def _is_repetition(self, current: Transaction, who: Producer) -> bool:
        """Told by the epoch alone: a fence below TV2 bumps it too, and its producer's end then looks repeated."""
        if current.state not in (*PREPARED, *COMPLETE):
            return False
        if current.producer_id == who.producer_id:
            return current.epoch == who.epoch + 1
        return (
            current.state in COMPLETE
            and current.previous_producer_id == who.producer_id
            and who.identity.exhausted
            and current.epoch == 0
        )

    def _decide(
        self,
        current: Transaction,
        who: Producer,
        commit: bool,
        client_version: int,
        next_producer_id: int,
        now_ms: int,
        out: Outcome,
    ) -> Identity:
        decided = current.decided(commit, client_version, next_producer_id, now_ms)
        bumped = decided.epoch != current.epoch
        last_epoch = current.epoch if bumped else self._last_epochs.get(who.transactional_id, NONE)
        self._write(who.transactional_id, decided, last_epoch, out)
        out.act(_markers(who.transactional_id, decided))
        return decided.after_completion

    def is_completing(self, sent: SendMarkers) -> bool:
        """The transaction is decided, and that its markers are written is not."""
        current = self._transactions.get(sent.transactional_id)
        return current is not None and current.state in PREPARED and current.identity == (sent.producer_id, sent.epoch)

    def complete(self, sent: SendMarkers, now_ms: int) -> Outcome:
        """Every partition has the marker, or is no more."""
        out = Outcome()
        current = self._transactions.get(sent.transactional_id)
        if current is not None and self.is_completing(sent):
            last_epoch = self._last_epochs.get(sent.transactional_id, NONE)
            self._write(sent.transactional_id, current.completed(now_ms), last_epoch, out)
        return out

    # --- the clock

    def abort_timed_out(self, now_ms: int) -> Outcome:
        """Transactions that are open for longer than their producer allowed.

        An exhausted epoch gets its new producer id at the next `init`: there is none at hand here.
        """
        out = Outcome()
        for transactional_id in self._open:
            current = self._transactions[transactional_id]
            if current.start_ms + current.timeout_ms < now_ms:
                self._fence(transactional_id, current, None, now_ms, out)
                out.note(
                    "transaction.aborted", transactional_id=transactional_id, producer_id=current.producer_id,
                    epoch=current.epoch, reason=f"it was open for longer than its timeout of {current.timeout_ms} ms",
                )  # fmt: skip
        return out

    def expire(self, now_ms: int, expiration_ms: int) -> Outcome:
        """Ids that were idle for so long are forgotten."""
        out = Outcome()
        for transactional_id, current in self._transactions.items():
            if current.state in IDLE and current.updated_ms <= now_ms - expiration_ms:
                out.write(key_of(transactional_id), None)
        return out

    # --- looking at transactions

    def find(self, transactional_id: str) -> Transaction | None:
        return self._transactions.get(transactional_id)

    def all(self) -> Iterable[tuple[str, Transaction]]:
        return self._transactions.items()

    def __len__(self) -> int:
        return len(self._transactions)

    # --- helpers

    def _fence(self, transactional_id: str, current: Transaction, spare: int | None, now_ms: int, out: Outcome) -> None:
        """Aborts in the producer's absence. From TV2 on the producer itself may go on from there, as after an end."""
        level = self._level()
        next_producer_id = spare if spare is not None and current.identity.exhausted and level >= TV2 else NONE
        fenced = current.fenced(level, next_producer_id, now_ms)
        self._write(transactional_id, fenced, current.epoch if level >= TV2 else NONE, out)
        out.act(_markers(transactional_id, fenced))

    def _write(self, transactional_id: str, value: Transaction, last_epoch: int, out: Outcome) -> None:
        out.write(key_of(transactional_id), value_of(value))
        self._last_epochs[transactional_id] = last_epoch


def _bytes_of(transactional_id: str) -> int:
    """What an id takes in memory while nothing is in its transaction."""
    return _FIXED_BYTES + text_bytes(transactional_id)


def _markers(transactional_id: str, decided: Transaction) -> SendMarkers:
    return SendMarkers(
        transactional_id, decided.producer_id, decided.epoch, _committed(decided.state), decided.partitions,
        decided.client_version,
    )  # fmt: skip


def _committed(state: State) -> bool:
    return state in (State.PREPARE_COMMIT, State.COMPLETE_COMMIT)


def _may_continue(current: Transaction, expected: Identity) -> bool:
    """The id is the producer's own; or the one before it, when the answer that told of the new one was lost."""
    return expected.producer_id == current.producer_id or (
        expected.producer_id == current.previous_producer_id and expected.exhausted
    )
