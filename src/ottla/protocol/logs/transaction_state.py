"""The records of `__transaction_state`: one for each transactional id.

A key is framed by its record type, a value by its version (`ottla.protocol.logs.framing`). A null value deletes.
"""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, Int64, String


class TransactionLogKey(Message, record=0, versions=(0, 0)):
    """Key: a transactional id."""

    transactional_id: String = ""


class TransactionLogValue(Message, record=0, versions=(0, 1), flexible=1):
    """Value: its producer, its state and its partitions."""

    class PartitionsSchema(Struct):
        topic: String = ""
        partition_ids: list[Int32] = field()

    producer_id: Int64 = 0
    previous_producer_id: Int64 = field(default=-1, since=1, tag=0)
    next_producer_id: Int64 = field(default=-1, since=1, tag=1)
    producer_epoch: Int16 = 0
    next_producer_epoch: Int16 = field(default=-1, since=1, tag=3)
    transaction_timeout_ms: Int32 = 0
    transaction_status: Int8 = 0
    transaction_partitions: list[PartitionsSchema] | None = field()
    transaction_last_update_timestamp_ms: Int64 = 0
    transaction_start_timestamp_ms: Int64 = 0
    client_transaction_version: Int16 = field(default=0, since=1, tag=2)


KEYS: dict[int, type[Message]] = {
    0: TransactionLogKey,
}
"""The class of the key of each record type."""

VALUES: dict[int, type[Message]] = {
    0: TransactionLogValue,
}
"""The class of the value of each record type."""
