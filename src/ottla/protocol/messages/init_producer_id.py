"""InitProducerId: an identity for an idempotent or transactional producer."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message
from ottla.protocol.types import Bool, Int16, Int32, Int64, String


class InitProducerIdRequest(Message, api=22, versions=(0, 6), flexible=2):
    """Get a producer id and epoch, or bump the epoch and fence older producers of the transactional id."""

    transactional_id: String | None = ""
    transaction_timeout_ms: Int32 = 0
    producer_id: Int64 = field(default=-1, since=3)
    producer_epoch: Int16 = field(default=-1, since=3)
    enable_2_pc: Bool = field(default=False, since=6)
    keep_prepared_txn: Bool = field(default=False, since=6)


class InitProducerIdResponse(Message, api=22, versions=(0, 6), flexible=2):
    """The id and the epoch to write with."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    producer_id: Int64 = -1
    producer_epoch: Int16 = 0
    ongoing_txn_producer_id: Int64 = field(default=-1, since=6)
    ongoing_txn_producer_epoch: Int16 = field(default=-1, since=6)
