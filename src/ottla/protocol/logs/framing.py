"""How keys and values are framed in Kafka's internal topics and in the metadata log.

In the coordinators' topics a key begins with an int16, its record type, and a value with an int16, its version. In the
metadata log (and in `__remote_log_metadata`) there is no key, and three varints stand before the value: the version of
the frame, which is 1, the record type and the record's version.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ottla.protocol.codec import ProtocolError, read_uvarint, uvarint
from ottla.protocol.message import Message

METADATA_FRAME_VERSION = 1
Buffer = bytes | bytearray | memoryview

_prefix = struct.Struct(">h")


def encode_key(key: Message) -> bytes:
    """A key as the bytes of a record's key."""
    assert key.record is not None
    return _prefix.pack(key.record) + key.encode(0)


def encode_value(value: Message, version: int) -> bytes:
    """A value as the bytes of a record's value. Raises EncodeError."""
    return _prefix.pack(version) + value.encode(version)


def record_type(key: Buffer) -> int:
    """The record type that a key begins with. Raises ProtocolError."""
    return _read_prefix(key)


def decode_key(kinds: Mapping[int, type[Message]], key: Buffer) -> Message | None:
    """The key, or None if its record type is not among `kinds`: newer software may have written it.

    Raises ProtocolError.
    """
    kind = kinds.get(_read_prefix(key))
    return None if kind is None else kind.decode(0, key, _prefix.size)[0]


def decode_value(kind: type[Message], value: Buffer) -> Message:
    """The value of a record whose key was of the same record type. Raises ProtocolError."""
    return kind.decode(_read_prefix(value), value, _prefix.size)[0]


def encode_metadata(record: Message, version: int) -> bytes:
    """A record of the metadata log as the bytes of a record's value. Raises EncodeError."""
    assert record.record is not None
    frame = uvarint(METADATA_FRAME_VERSION) + uvarint(record.record) + uvarint(version)
    return frame + record.encode(version)


def decode_metadata(kinds: Mapping[int, type[Message]], value: Buffer) -> tuple[Message, int]:
    """A record of the metadata log, and its version. Raises ProtocolError, also for an unknown type.

    Whoever replays metadata must know all of it, so nothing is passed over.
    """
    try:
        frame, position = read_uvarint(value, 0)
        number, position = read_uvarint(value, position)
        version, position = read_uvarint(value, position)
    except IndexError as error:
        raise ProtocolError("a metadata record ends inside its frame") from error
    if frame != METADATA_FRAME_VERSION:
        raise ProtocolError(f"metadata frame version {frame}, not {METADATA_FRAME_VERSION}")
    kind = kinds.get(number)
    if kind is None:
        raise ProtocolError(f"metadata record type {number} is unknown")
    return kind.decode(version, value, position)[0], version


def _read_prefix(buffer: Buffer) -> int:
    try:
        (number,) = _prefix.unpack_from(buffer)
    except struct.error as error:
        raise ProtocolError("too short for its int16 prefix") from error
    return int(number)
