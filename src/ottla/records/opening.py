"""Opening batches within a budget: what one may hold, and looking at its records in steps without making objects.

Producers choose how many records a few bytes stand for (10,000,000 in 6 kB of zstd), so whoever opens a batch bounds
both its bytes and its records, and does it as steps: a generator that yields None where others may run, and a callable
where a library works for long; the result of that callable is sent back. `run_here` takes all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ottla.common.errors import CorruptMessage, MessageTooLarge
from ottla.records.batch import LOG_APPEND_TIME, NO_TIMESTAMP, BatchHeader, Buffer
from ottla.records.compression import NONE, decompress
from ottla.records.varint import decode_varint, encode_varint

Result = TypeVar("Result")
Steps = Generator[Callable[[], Any] | None, Any, Result]

MOST_RECORDS = 1 << 20
"""Of a batch that is opened: more than fit into a batch of 1 MiB without compression, by far."""
SLICE_RECORDS = 2000
"""Records (and headers of records) between two pauses: 2 to 4 ms."""
AT_ONCE_RECORDS = 2000
AT_ONCE_BYTES = 128 * 1024
"""What is inflated at once, without a thread: less than a millisecond."""
LEAST_LIMIT_BYTES, MOST_LIMIT_BYTES = 1 << 24, 1 << 28
_EXPANSION = 64
_MINIMUM_RECORD_BYTES = 7
_SHOWN_RECORDS = 1000
_INT64_MAX = (1 << 63) - 1


def limit_bytes(max_message_bytes: int) -> int:
    """How much a batch may inflate to, for a topic that takes batches of so many bytes: 64 MiB by default."""
    return max(min(max(_EXPANSION * max_message_bytes, LEAST_LIMIT_BYTES), MOST_LIMIT_BYTES), max_message_bytes)


def run_here(steps: Steps[Result]) -> Result:
    """All steps, one after the other, in this turn."""
    answer = None
    try:
        while True:
            call = steps.send(answer)
            answer = None if call is None else call()
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def inflate(codec: int, stored: Buffer, most_bytes: int) -> Steps[bytes]:
    """The records of a batch; a large one inflates in a step of its own. Raises CorruptMessage, MessageTooLarge."""
    if codec == NONE:
        return bytes(stored)
    if len(stored) <= AT_ONCE_BYTES:
        try:
            return bytes(decompress(codec, stored, min(most_bytes, AT_ONCE_BYTES)))
        except MessageTooLarge:
            if most_bytes <= AT_ONCE_BYTES:
                raise
    plain = yield partial(decompress, codec, stored, most_bytes)
    return bytes(plain)


def check_count(header: BatchHeader, plain_bytes: int) -> None:
    """Raises CorruptMessage for more records than so many bytes can hold, MessageTooLarge past the limit."""
    if header.record_count < 0 or header.record_count * _MINIMUM_RECORD_BYTES > plain_bytes:
        raise CorruptMessage(f"a batch of {plain_bytes} bytes cannot hold {header.record_count} records")
    if header.record_count > MOST_RECORDS:
        raise MessageTooLarge(
            f"a batch that has to be opened may hold {MOST_RECORDS} records, not {header.record_count}; "
            f"send smaller batches"
        )


class Survey(NamedTuple):
    """What single records of a batch say. Of those at fault the first 1,000 are named, all are counted."""

    largest_timestamp: int
    keyless: list[int]
    """Indexes of records without a key."""
    keyless_count: int
    untimely: list[tuple[int, int, int]]
    """(index, offset, timestamp) outside the range that was asked for."""
    untimely_count: int
    misplaced: tuple[int, int] | None
    """(index, offset) of the first record whose offset is not its index."""


def survey(header: BatchHeader, data: bytes, *, keys: bool, earliest: int, latest: int) -> Steps[Survey]:
    """Looks at each record. With `keys` those without one are noted; times outside of earliest to latest are.

    Raises CorruptMessage unless well-formed records fill `data` exactly.
    """
    check_count(header, len(data))
    stamped = bool(header.attributes & LOG_APPEND_TIME)
    base, stamp = header.base_timestamp, header.max_timestamp
    keyless: list[int] = []
    untimely: list[tuple[int, int, int]] = []
    keyless_count = untimely_count = 0
    misplaced: tuple[int, int] | None = None
    largest = NO_TIMESTAMP  # as in Kafka, where it is no less than that
    position, size, work = 0, len(data), SLICE_RECORDS
    try:
        for index in range(header.record_count):
            work -= 1
            if work <= 0:
                work = SLICE_RECORDS
                yield None
            length, position = decode_varint(data, position)
            end = position + length
            if length < 0 or end > size:
                raise CorruptMessage("a record is longer than its batch")
            delta, position = decode_varint(data, position + 1)
            offset, position = decode_varint(data, position)
            if offset != index and misplaced is None:
                misplaced = (index, header.base_offset + offset)
            timestamp = stamp if stamped else base + delta
            if timestamp > largest:
                largest = timestamp
                if timestamp > _INT64_MAX:
                    raise CorruptMessage(f"record {index} has a timestamp that does not fit into 64 bits")
            length, position = decode_varint(data, position)
            if length < 0 and keys:
                keyless_count += 1
                if keyless_count <= _SHOWN_RECORDS:
                    keyless.append(index)
            elif not earliest <= timestamp <= latest and timestamp != NO_TIMESTAMP:
                untimely_count += 1
                if untimely_count <= _SHOWN_RECORDS:
                    untimely.append((index, header.base_offset + offset, timestamp))
            position += max(length, 0)
            length, position = decode_varint(data, position)
            position += max(length, 0)
            if data[position]:
                headers, position = decode_varint(data, position)
                if not 0 <= headers <= size - position:
                    raise CorruptMessage(f"a record says it has {headers} headers")
                for _ in range(headers):
                    work -= 1
                    if work <= 0:
                        work = SLICE_RECORDS
                        yield None
                    position = _pass_header(data, position)
            else:
                position += 1
            if position != end:
                raise CorruptMessage("the fields of a record do not fill its length")
    except IndexError:
        raise CorruptMessage("a record is cut off") from None
    if position != size:
        raise CorruptMessage(f"{size - position} bytes follow the last record of a batch")
    return Survey(largest, keyless, keyless_count, untimely, untimely_count, misplaced)


def renumbered(count: int, data: bytes) -> Steps[bytes]:
    """The same records, which `survey` has passed, with their indexes as offsets."""
    parts: list[bytes] = []
    position = 0
    for index in range(count):
        if index % SLICE_RECORDS == SLICE_RECORDS - 1:
            yield None
        length, start = decode_varint(data, position)
        position = start + length
        _, at = decode_varint(data, start + 1)
        _, rest = decode_varint(data, at)
        number = encode_varint(index)
        size = at - start + len(number) + position - rest
        parts += (encode_varint(size), data[start:at], number, data[rest:position])
    return b"".join(parts)


def sizes(count: int, data: bytes) -> list[tuple[int, int, int]]:
    """Offset, key bytes and value bytes (-1: none) of the first records, which `survey` has passed."""
    found: list[tuple[int, int, int]] = []
    position = 0
    for _ in range(count):
        length, start = decode_varint(data, position)
        position = start + length
        _, at = decode_varint(data, start + 1)
        offset, at = decode_varint(data, at)
        key_bytes, at = decode_varint(data, at)
        value_bytes, _ = decode_varint(data, at + max(key_bytes, 0))
        found.append((offset, key_bytes, value_bytes))
    return found


def _pass_header(data: bytes, position: int) -> int:
    length, position = decode_varint(data, position)
    if length < 0:
        raise CorruptMessage("a record header has no key")
    try:
        data[position : position + length].decode()
    except UnicodeDecodeError:
        raise CorruptMessage("the key of a record header is not UTF-8") from None
    length, position = decode_varint(data, position + length)
    return position + max(length, 0)


def first_since(header: BatchHeader, data: bytes, timestamp_ms: int, from_offset: int) -> Steps[tuple[int, int] | None]:
    """(offset, timestamp) of the first record at or after both; looks no further.

    Raises CorruptMessage for what cannot be read up to there, MessageTooLarge for too many records.
    """
    check_count(header, len(data))
    stamped = bool(header.attributes & LOG_APPEND_TIME)
    base = header.base_timestamp
    position, work = 0, SLICE_RECORDS
    try:
        for _ in range(header.record_count):
            work -= 1
            if work <= 0:
                work = SLICE_RECORDS
                yield None
            length, position = decode_varint(data, position)
            end = position + length
            if length < 0 or end > len(data):
                raise CorruptMessage("a record is longer than its batch")
            delta, position = decode_varint(data, position + 1)
            timestamp = header.max_timestamp if stamped else base + delta
            if timestamp >= timestamp_ms:
                offset = header.base_offset + decode_varint(data, position)[0]
                if offset >= from_offset:
                    if timestamp > _INT64_MAX or offset > header.last_offset:
                        raise CorruptMessage("a record's time or offset lies outside of its batch")
                    return offset, timestamp
            position = end
    except IndexError:
        raise CorruptMessage("a record is cut off") from None
    return None
