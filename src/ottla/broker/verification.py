"""Asks the transaction coordinator before the first append of a transaction to a partition (KIP-890).

A partition with an open transaction of the producer needs no asking: what was verified is remembered by the log, until
the marker comes. While the answer is awaited, a marker may end the transaction: then the append is refused, or it would
begin a transaction that no coordinator knows of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.waits import pause
from ottla.common.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidProducerEpoch,
    InvalidTxnState,
    KafkaError,
    NetworkException,
    NotCoordinator,
    NotEnoughReplicas,
    ProducerFenced,
    TransactionAbortable,
    error_for,
)
from ottla.common.names import TRANSACTION_STATE, TopicPartition
from ottla.protocol.messages.transactions import AddPartitionsToTxnRequest, AddPartitionsToTxnResponse

if TYPE_CHECKING:
    from ottla.broker.node import Node

_VERIFY_ONLY_SINCE, _ADD_SINCE = 4, 5

Topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
Key = tuple[TopicPartition, int]


class Question(NamedTuple):
    """Whether these partitions belong to the producer's transaction. `add`: they shall, if the producer may."""

    transactional_id: str
    producer_id: int
    epoch: int
    add: bool
    knows_abortable: bool
    """The client understands TRANSACTION_ABORTABLE."""


class Guard:
    """One question under way about one partition; broken when a marker comes."""

    __slots__ = ("broken",)

    def __init__(self) -> None:
        self.broken = False


class Verification:
    """The questions of one node. What it holds lives no longer than a request."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._guards: dict[Key, list[Guard]] = {}

    def ended(self, partition: TopicPartition, producer_id: int) -> None:
        """A marker was appended to the partition."""
        for guard in self._guards.get((partition, producer_id), ()):
            guard.broken = True

    async def ask(
        self, question: Question, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, KafkaError | None]:
        """What the client is told of each partition; None: append now, before anything else is awaited."""
        guards: dict[TopicPartition, Guard] = {}
        for partition in partitions:
            guard = guards[partition] = Guard()
            self._guards.setdefault((partition, question.producer_id), []).append(guard)
        try:
            errors = await self._ask(question, list(guards))
        finally:
            for partition, guard in guards.items():
                self._forget((partition, question.producer_id), guard)
        return {
            partition: InvalidTxnState("Record was not part of an ongoing transaction")
            if guard.broken and errors[partition] is None
            else self._shown(question, errors[partition])
            for partition, guard in guards.items()
        }

    def _forget(self, key: Key, guard: Guard) -> None:
        guards = self._guards[key]
        guards.remove(guard)
        if not guards:
            del self._guards[key]

    async def _ask(
        self, question: Question, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, KafkaError | None]:
        """While the last transaction completes, adding is tried again for a moment: the client would do no better."""
        settings = self._node.settings
        pause_ms = settings.add_partitions_to_txn_retry_backoff_ms
        waited_ms = 0
        while True:
            errors = await self._ask_once(question, partitions)
            concurrent = any(isinstance(error, ConcurrentTransactions) for error in errors.values())
            if not (concurrent and question.add and waited_ms < settings.add_partitions_to_txn_retry_backoff_max_ms):
                return errors
            await pause(self._node.loop, pause_ms / 1000)
            waited_ms += pause_ms

    async def _ask_once(
        self, question: Question, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, KafkaError | None]:
        try:
            coordinator = self._coordinator(question.transactional_id)
            answer: AddPartitionsToTxnResponse = await self._node.peers.send(
                coordinator, _request(question, partitions), _ADD_SINCE
            )
            if answer.error_code:
                raise error_for(answer.error_code)
        except KafkaError as error:
            return dict.fromkeys(partitions, error)
        codes = {
            TopicPartition(topic.name, one.partition_index): one.partition_error_code
            for result in answer.results_by_transaction
            for topic in result.topic_results
            for one in topic.results_by_partition
        }
        return {partition: error_for(codes[partition]) if codes[partition] else None for partition in partitions}

    def _coordinator(self, transactional_id: str) -> int:
        """The broker that coordinates the id. Raises NotCoordinator, CoordinatorNotAvailable."""
        node = self._node
        index = node.transactions.partition_of(transactional_id)
        leader = node.image.topics[TRANSACTION_STATE].partitions[index].leader
        if leader < 0:
            raise CoordinatorNotAvailable
        return leader

    def _shown(self, question: Question, error: KafkaError | None) -> KafkaError | None:
        """As clients of this question's age understand it; what they should repeat is NOT_ENOUGH_REPLICAS."""
        if isinstance(error, ProducerFenced):
            return InvalidProducerEpoch()
        if isinstance(error, TransactionAbortable) and not question.knows_abortable:
            return InvalidTxnState("Partition was not added to the transaction")
        if isinstance(error, ConcurrentTransactions) and question.add:
            return error
        unsure = (
            ConcurrentTransactions,
            NetworkException,
            CoordinatorLoadInProgress,
            CoordinatorNotAvailable,
            NotCoordinator,
        )
        if isinstance(error, unsure):
            return NotEnoughReplicas(
                f"Unable to verify the partition has been added to the transaction. Underlying error: {error.name}"
            )
        return error


def _request(question: Question, partitions: list[TopicPartition]) -> AddPartitionsToTxnRequest:
    topics: dict[str, list[int]] = {}
    for topic, index in partitions:
        topics.setdefault(topic, []).append(index)
    return AddPartitionsToTxnRequest(
        transactions=[
            AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction(
                transactional_id=question.transactional_id,
                producer_id=question.producer_id,
                producer_epoch=question.epoch,
                verify_only=not question.add,
                topics=[Topic(name=name, partitions=indexes) for name, indexes in topics.items()],
            )
        ]
    )
