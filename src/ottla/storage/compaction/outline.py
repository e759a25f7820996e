"""Records seen from outside: where each lies in the payload of its batch, and the fields that compaction asks for.

This is the loop that decides how fast compaction is: lengths and deltas of one byte are read without a call.
"""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.errors import CorruptMessage
from ottla.records.batch import BatchHeader
from ottla.records.varint import decode_varint, encode_varint


class Outline(NamedTuple):
    """One record at `data[start:end]`; its fields behind the timestamp begin at `rest`."""

    start: int
    end: int
    rest: int
    timestamp_delta: int
    offset_delta: int
    key: bytes | None
    has_value: bool


_new = tuple.__new__


def outlines(header: BatchHeader, data: bytes) -> list[Outline]:
    """Of all records of a decompressed payload. Raises CorruptMessage unless they fill it exactly."""
    found: list[Outline] = []
    position, size = 0, len(data)
    try:
        for _ in range(header.record_count):
            start = position
            byte = data[position]
            if byte < 0x80:
                length, position = (byte >> 1) ^ -(byte & 1), position + 1
            elif (second := data[position + 1]) < 0x80:
                both = byte & 0x7F | second << 7
                length, position = (both >> 1) ^ -(both & 1), position + 2
            else:
                length, position = decode_varint(data, position)
            end = position + length
            if length < 0 or end > size:
                raise CorruptMessage("a record is longer than its batch")
            byte = data[position + 1]
            if byte < 0x80:
                timestamp_delta, rest = (byte >> 1) ^ -(byte & 1), position + 2
            elif (second := data[position + 2]) < 0x80:
                both = byte & 0x7F | second << 7
                timestamp_delta, rest = (both >> 1) ^ -(both & 1), position + 3
            else:
                timestamp_delta, rest = decode_varint(data, position + 1)
            byte = data[rest]
            if byte < 0x80:
                offset_delta, position = (byte >> 1) ^ -(byte & 1), rest + 1
            elif (second := data[rest + 1]) < 0x80:
                both = byte & 0x7F | second << 7
                offset_delta, position = (both >> 1) ^ -(both & 1), rest + 2
            else:
                offset_delta, position = decode_varint(data, rest)
            byte = data[position]
            if byte < 0x80:
                length, position = (byte >> 1) ^ -(byte & 1), position + 1
            elif (second := data[position + 1]) < 0x80:
                both = byte & 0x7F | second << 7
                length, position = (both >> 1) ^ -(both & 1), position + 2
            else:
                length, position = decode_varint(data, position)
            key: bytes | None = None
            if length >= 0:
                key = data[position : position + length]
                position += length
            has_value = not data[position] & 1  # a length is null exactly if it is negative, so odd in zigzag
            if position >= end:
                raise CorruptMessage("the fields of a record do not fill its length")
            found.append(_new(Outline, (start, end, rest, timestamp_delta, offset_delta, key, has_value)))
            position = end
    except IndexError:
        raise CorruptMessage("a record is cut off") from None
    if position != size:
        raise CorruptMessage(f"{size - position} bytes follow the last record of a batch")
    return found


def with_timestamp_delta(data: bytes, record: Outline, timestamp_delta: int) -> bytes:
    """The record in its bytes, with another timestamp delta."""
    body = b"\x00" + encode_varint(timestamp_delta) + data[record.rest : record.end]
    return encode_varint(len(body)) + body
