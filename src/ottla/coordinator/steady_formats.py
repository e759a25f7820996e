"""Times of a coordinator's records: on disk by the wall clock, in its machines by a clock that never jumps.

A deadline that was computed before a jump of the wall clock must not move with it, and a time that is written must mean
the same to the next process.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol

from ottla.coordinator.formats import Formats, Pair
from ottla.protocol.logs.consumer_offsets import (
    ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMetadataValue,
    GroupMetadataValue,
    OffsetCommitValue,
)
from ottla.protocol.logs.transaction_state import TransactionLogValue
from ottla.protocol.message import Message

_TIMES: Mapping[type[Message], tuple[str, ...]] = {
    OffsetCommitValue: ("commit_timestamp", "expire_timestamp"),
    GroupMetadataValue: ("current_state_timestamp",),
    ConsumerGroupTargetAssignmentMetadataValue: ("assignment_timestamp",),
    ConsumerGroupRegularExpressionValue: ("timestamp",),
    TransactionLogValue: ("transaction_last_update_timestamp_ms", "transaction_start_timestamp_ms"),
}
"""The fields that are a time; 0 and below stand for none."""


class Ahead(Protocol):
    """What the wall clock shows more than the machines' clock."""

    @property
    def ahead_ms(self) -> int: ...


class SteadyFormats(Formats):
    """Those of a topic, for machines that live by a steady clock."""

    def __init__(self, formats: Formats, clock: Ahead) -> None:
        super().__init__(formats.keys, formats.values, formats.written)
        self._formats = formats
        self._clock = clock

    def encode(self, key: Message, value: Message | None) -> Pair:
        return self._formats.encode(key, self._moved(value, self._clock.ahead_ms))

    def decode(self, pair: Pair) -> tuple[Message, Message | None] | None:
        found = self._formats.decode(pair)
        return None if found is None else (found[0], self._moved(found[1], -self._clock.ahead_ms))

    def _moved(self, value: Message | None, by_ms: int) -> Message | None:
        names = _TIMES.get(type(value)) if value is not None else None
        if not by_ms or not names:
            return value
        moved = copy.copy(value)
        for name in names:
            at_ms = getattr(value, name)
            if at_ms > 0:
                setattr(moved, name, at_ms + by_ms)
        return moved
