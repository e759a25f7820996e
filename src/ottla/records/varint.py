"""Zigzag varints as records use them: 7 bits a byte, lowest first."""

from __future__ import annotations

from ottla.common.errors import CorruptMessage
from ottla.records.batch import Buffer

_SMALL = [bytes([n]) for n in range(128)]


def encode_varint(value: int) -> bytes:
    """Of an int32 or int64."""
    value = value << 1 if value >= 0 else (-value << 1) - 1
    if value < 0x80:
        return _SMALL[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: Buffer, position: int) -> tuple[int, int]:
    """(value, position after it). Raises CorruptMessage past ten bytes, IndexError past the end."""
    byte = data[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
        if shift > 63:
            raise CorruptMessage("a varint has more than ten bytes")
