"""What a log tells its callers: plain values."""

from __future__ import annotations

import enum
from typing import NamedTuple

from ottla.storage.producers import Producer


class Origin(enum.IntEnum):
    """Who appends, and so what is checked."""

    CLIENT = 0
    """A produce request: everything is checked."""
    COORDINATOR = 1
    """A coordinator of this broker, transaction markers included: no sequence checks, control batches allowed."""


class Appended(NamedTuple):
    """What an append did. Offsets are those of the batch, or of the cached one when it was a duplicate."""

    base_offset: int
    last_offset: int
    log_append_time_ms: int
    """-1 where the topic keeps the producer's timestamps (a duplicate: the cached batch's timestamp)."""
    log_start_offset: int
    duplicate: bool
    """True: nothing was appended, the batch is in the log already (KIP-98)."""
    size_bytes: int
    """Bytes added to the log; 0 for a duplicate."""


class ProducerView(NamedTuple):
    """One active producer, as DescribeProducers shows it; -1 where there is no value."""

    producer_id: int
    epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    transaction_start_offset: int


def producer_view(producer: Producer) -> ProducerView:
    return ProducerView(
        producer.producer_id,
        producer.epoch,
        producer.last_sequence,
        producer.last_timestamp,
        producer.coordinator_epoch,
        producer.transaction_start,
    )
