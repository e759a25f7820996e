"""The record formats of an internal topic: which classes stand for which type, and the versions that are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ottla.protocol.logs.framing import decode_key, decode_value, encode_key, encode_value
from ottla.protocol.message import Message

Pair = tuple[bytes | None, bytes | None]
"""Key and value of one record."""


class Formats:
    """The record types of an internal topic: key and value classes by type, and the value version that we write.

    `written`: by type, or where a feature decides, what tells the version now.
    """

    def __init__(
        self,
        keys: Mapping[int, type[Message]],
        values: Mapping[int, type[Message]],
        written: Mapping[int, int] | Callable[[int], int],
    ) -> None:
        self.keys = keys
        self.values = values
        self.written = written if callable(written) else written.__getitem__

    def encode(self, key: Message, value: Message | None) -> Pair:
        assert key.record is not None
        return encode_key(key), None if value is None else encode_value(value, self.written(key.record))

    def decode(self, pair: Pair) -> tuple[Message, Message | None] | None:
        """None for a record type that this software does not know. Raises ProtocolError."""
        raw_key, raw_value = pair
        if raw_key is None:
            return None
        key = decode_key(self.keys, raw_key)
        if key is None:
            return None
        assert key.record is not None
        return key, None if raw_value is None else decode_value(self.values[key.record], raw_value)
