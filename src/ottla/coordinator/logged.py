"""What stands in a machine's log besides plain records: who wrote in a transaction, and how it ended."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.errors import KafkaError
from ottla.coordinator.formats import Pair

NO_PRODUCER = -1


class Refused(Exception):
    """An append that wrote nothing: the log, and with it what a machine knows of it, is as it was."""

    def __init__(self, error: KafkaError) -> None:
        self.error = error
        super().__init__(str(error))


class LoggedRecord(NamedTuple):
    """A record of a machine's log; the producer in whose transaction it was written, or NO_PRODUCER."""

    pair: Pair
    producer_id: int


class LoggedMarker(NamedTuple):
    """The end of a producer's transaction in a machine's log."""

    producer_id: int
    committed: bool


Logged = LoggedRecord | LoggedMarker


class TransactionEnd(NamedTuple):
    """A marker to write."""

    producer_id: int
    producer_epoch: int
    committed: bool
    coordinator_epoch: int
    transaction_version: int
