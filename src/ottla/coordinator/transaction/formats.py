"""The records of `__transaction_state`, in the version that transaction.version allows (KIP-890).

Level 0 writes values of version 0, which have no tagged fields; from level 1 on they are of version 1.
"""

from __future__ import annotations

from collections.abc import Callable

from ottla.common.names import TopicPartition
from ottla.coordinator.formats import Formats, Pair
from ottla.coordinator.transaction.transaction import State, Transaction
from ottla.protocol.logs.transaction_state import KEYS, VALUES, TransactionLogKey, TransactionLogValue
from ottla.protocol.message import Message

Partitions = TransactionLogValue.PartitionsSchema


class TransactionFormats(Formats):
    """`level` tells the finalised transaction.version."""

    def __init__(self, level: Callable[[], int]) -> None:
        super().__init__(KEYS, VALUES, lambda record: min(level(), 1))

    def encode(self, key: Message, value: Message | None) -> Pair:
        if isinstance(value, TransactionLogValue) and self.written(0) == 0:
            value = _without_tags(value)
        return super().encode(key, value)


def _without_tags(value: TransactionLogValue) -> TransactionLogValue:
    return TransactionLogValue(
        producer_id=value.producer_id,
        producer_epoch=value.producer_epoch,
        transaction_timeout_ms=value.transaction_timeout_ms,
        transaction_status=value.transaction_status,
        transaction_partitions=value.transaction_partitions,
        transaction_last_update_timestamp_ms=value.transaction_last_update_timestamp_ms,
        transaction_start_timestamp_ms=value.transaction_start_timestamp_ms,
    )


def key_of(transactional_id: str) -> TransactionLogKey:
    return TransactionLogKey(transactional_id=transactional_id)


def value_of(transaction: Transaction) -> TransactionLogValue:
    """An id that has no transaction yet has null for its partitions, as Kafka writes it."""
    topics: dict[str, list[int]] = {}
    for topic, partition in transaction.partitions:
        topics.setdefault(topic, []).append(partition)
    partitions = [Partitions(topic=topic, partition_ids=found) for topic, found in topics.items()]
    return TransactionLogValue(
        producer_id=transaction.producer_id,
        previous_producer_id=transaction.previous_producer_id,
        next_producer_id=transaction.next_producer_id,
        producer_epoch=transaction.epoch,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_status=transaction.state.value,
        transaction_partitions=None if transaction.state is State.EMPTY else partitions,
        transaction_last_update_timestamp_ms=transaction.updated_ms,
        transaction_start_timestamp_ms=transaction.start_ms,
        client_transaction_version=transaction.client_version,
    )


def transaction_of(value: TransactionLogValue) -> Transaction:
    return Transaction(
        producer_id=value.producer_id,
        epoch=value.producer_epoch,
        timeout_ms=value.transaction_timeout_ms,
        state=State(value.transaction_status),
        partitions=tuple(
            TopicPartition(one.topic, index)
            for one in value.transaction_partitions or ()
            for index in one.partition_ids
        ),
        start_ms=value.transaction_start_timestamp_ms,
        updated_ms=value.transaction_last_update_timestamp_ms,
        previous_producer_id=value.previous_producer_id,
        next_producer_id=value.next_producer_id,
        client_version=value.client_transaction_version,
    )
