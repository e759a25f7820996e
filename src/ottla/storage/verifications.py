"""What producers tried to begin a transaction with, while their coordinator is asked whether they may (KIP-890)."""

from __future__ import annotations

from ottla.common.errors import OutOfOrderSequenceNumber
from ottla.records.batch import BatchHeader

MOST = 1000
"""Producers that one log remembers; the first of more is forgotten, and with it only the protection below."""


class Verifications:
    """The lowest sequence of each such producer, from the question until a batch or marker of it is in the log.

    A later batch must not come first, when the answer to the lower one was an error that passes: the client would
    repeat that one, and it would be out of order for ever.
    """

    __slots__ = ("_lowest",)

    def __init__(self) -> None:
        self._lowest: dict[int, tuple[int, int, int, bool]] = {}
        """Producer id to epoch, sequence, when it first came, and whether its transactions begin at sequence 0."""

    def __bool__(self) -> bool:
        return bool(self._lowest)

    def begin(self, header: BatchHeader, now_ms: int, *, at_zero: bool = False) -> None:
        """at_zero: each transaction of this producer has an epoch of its own (TV2), and so begins at sequence 0."""
        known = self._lowest.get(header.producer_id)
        if known is None:
            if len(self._lowest) == MOST:
                del self._lowest[next(iter(self._lowest))]
            self._lowest[header.producer_id] = (header.producer_epoch, header.base_sequence, now_ms, at_zero)
            return
        epoch, sequence, since_ms, at_zero = known
        if header.producer_epoch > epoch or (header.producer_epoch == epoch and header.base_sequence < sequence):
            self._lowest[header.producer_id] = (header.producer_epoch, header.base_sequence, since_ms, at_zero)

    def check(self, header: BatchHeader, *, first: bool) -> None:
        """Raises OutOfOrderSequenceNumber for a batch behind the lowest, and for one that has overtaken sequence 0.

        first: the log has no batch of this producer.
        """
        known = self._lowest.get(header.producer_id)
        if known is None:
            return
        _, lowest, _, at_zero = known
        if first and at_zero:
            lowest = min(lowest, 0)
        if header.base_sequence > lowest:
            raise OutOfOrderSequenceNumber(
                f"Out of order sequence number for producer {header.producer_id}: {header.base_sequence} (incoming "
                f"seq. number), {lowest} (earliest seen sequence, or where its transactions begin)"
            )

    def end(self, producer_id: int) -> None:
        """It has written, or its transaction is over."""
        self._lowest.pop(producer_id, None)

    def expire(self, now_ms: int, expiration_ms: int) -> None:
        for producer_id in [one for one, known in self._lowest.items() if now_ms - known[2] >= expiration_ms]:
            del self._lowest[producer_id]
