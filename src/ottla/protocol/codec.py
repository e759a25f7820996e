"""What generated code calls when a value is not plain, and the two ways in which the codec fails.

`ProtocolError` is the other side's fault: bytes that are no such message. `EncodeError` is ours: values that the
version cannot carry. Generated code handles lengths below 128 itself; everything longer, and every complaint, is here.
"""

from __future__ import annotations

from typing import Any

MAX_STRING_BYTES = 0x7FFF
"""Kafka refuses longer strings in both encodings, though only the classic one needs to."""

MAX_TAGGED_FIELDS = 1000
"""Of one struct. Kafka's structs have fewer than ten; each costs two bytes to send and 0.3 us here."""
SLICE_ELEMENTS = 500
"""Elements that are read or written between two pauses: 0.5 to 5 ms."""

BYTES_TYPES = frozenset((bytes, bytearray, memoryview))
SHORT_UVARINTS = tuple(bytes((value,)) for value in range(128))


class ProtocolError(Exception):
    """The bytes are not a message of this type and version: truncated, or a length, count or marker that lies."""


class TooManyElements(ProtocolError):
    """A message that may be right, and is more than one request may ask for."""


class EncodeError(Exception):
    """The values cannot be written in this version: a field it does not have, a null or a number it cannot hold."""


def uvarint(value: int) -> bytes:
    """An unsigned varint: seven bits a byte, lowest first."""
    if value < 128:
        return SHORT_UVARINTS[value]
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)


def read_uvarint(buffer: Any, position: int) -> tuple[int, int]:
    """The unsigned varint at `position`, and the position after it. Raises ProtocolError past five bytes."""
    byte = buffer[position]
    position += 1
    if byte < 128:
        return byte, position
    value = byte & 127
    byte = buffer[position]
    position += 1
    if byte < 128:
        return value | byte << 7, position
    value |= (byte & 127) << 7
    for shift in (14, 21, 28):
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ProtocolError("a varint has more than five bytes")


read_nullable_length = read_uvarint
"""A length plus one, where 0 stands for null."""


def read_length(buffer: Any, position: int) -> tuple[int, int]:
    """A length plus one of something that cannot be null."""
    value, position = read_uvarint(buffer, position)
    if not value:
        raise ProtocolError("null where the version allows none")
    return value, position


def read_nullable_string_length(buffer: Any, position: int) -> tuple[int, int]:
    """As `read_nullable_length`, within the limit for strings."""
    value, position = read_uvarint(buffer, position)
    if value > MAX_STRING_BYTES + 1:
        raise ProtocolError(f"a string of {value - 1} bytes; {MAX_STRING_BYTES} is the limit")
    return value, position


def read_string_length(buffer: Any, position: int) -> tuple[int, int]:
    """As `read_length`, within the limit for strings."""
    value, position = read_nullable_string_length(buffer, position)
    if not value:
        raise ProtocolError("null where the version allows none")
    return value, position


def skip_tagged_fields(buffer: Any, position: int, end: int) -> int:
    """The position after a tagged section of which nothing is known; its fields are dropped."""
    count, position = read_uvarint(buffer, position)
    if count > MAX_TAGGED_FIELDS:
        raise too_many_tagged(count)
    for _ in range(count):
        _, position = read_uvarint(buffer, position)
        size, position = read_uvarint(buffer, position)
        position += size
        if position > end:
            raise truncated(position - end)
    return position


def count_tagged_fields(buffer: Any, position: int) -> int:
    """How many fields the tagged section at `position` has."""
    count, _ = read_uvarint(buffer, position)
    if count > MAX_TAGGED_FIELDS:
        raise too_many_tagged(count)
    return count


def truncated(missing: int) -> ProtocolError:
    return ProtocolError(f"the message ends {missing} bytes too early")


def null_refused(field: str) -> ProtocolError:
    return ProtocolError(f"{field} is null, which this version does not allow")


def too_many(field: str, count: int) -> ProtocolError:
    return ProtocolError(f"{field} announces {count} elements, more than the bytes that are left can hold")


def too_many_tagged(count: int) -> ProtocolError:
    return ProtocolError(f"a struct has {count} tagged fields; {MAX_TAGGED_FIELDS} are allowed")


def too_many_elements(field: str, limit: int) -> TooManyElements:
    return TooManyElements(
        f"it has more than {limit} elements (see Limits in docs/architecture.md), at {field}; ask for less at a time"
    )


def tag_mismatch(tag: int) -> ProtocolError:
    return ProtocolError(f"the size of tagged field {tag} does not agree with its content")


def string_length(length_plus_one: int) -> bytes:
    """The length of a string too long for one byte. Raises EncodeError above the limit for strings."""
    if length_plus_one > MAX_STRING_BYTES + 1:
        raise EncodeError(f"a string of {length_plus_one - 1} bytes; {MAX_STRING_BYTES} is the limit")
    return uvarint(length_plus_one)


def tagged_section(fields: list[tuple[int, bytes]]) -> bytes:
    """A tagged section of (tag, content) pairs, which come in ascending order."""
    parts = [uvarint(len(fields))]
    for tag, content in fields:
        parts += (uvarint(tag), uvarint(len(content)), content)
    return b"".join(parts)


def inexpressible(field: str, version: int) -> EncodeError:
    return EncodeError(f"version {version} has no {field}, and it is not its default")


def bad_uuid(value: object) -> EncodeError:
    return EncodeError(f"{value!r} is not a uuid of 16 bytes")
