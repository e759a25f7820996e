"""Records inside a batch: decoding them, and building batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ottla.common.errors import CorruptMessage
from ottla.records.batch import (
    HEADER_BYTES,
    LOG_APPEND_TIME,
    MAGIC,
    TRANSACTIONAL,
    BatchHeader,
    Buffer,
    assemble,
    batches,
    parse_header,
)
from ottla.records.compression import DEFAULT_LIMIT_BYTES, compress, decompress
from ottla.records.varint import decode_varint, encode_varint

Header = tuple[str, bytes | None]

_MINIMUM_RECORD_BYTES = 7


class Record(NamedTuple):
    """One record. The timestamp is that of the batch where the topic stamps the time of the append."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def read_records(batch: Buffer, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> list[Record]:
    """All records of one batch, in order, decompressed to at most `limit_bytes`.

    Raises CorruptMessage unless the records fill the batch exactly, MessageTooLarge past the limit.
    """
    header = parse_header(batch)
    payload = decompress(header.codec, memoryview(batch)[HEADER_BYTES : header.size_bytes], limit_bytes)
    return decode_records(header, payload)


def read_all(buffer: Buffer) -> Iterator[Record]:
    """The records of all whole batches in the buffer; control batches are left out."""
    view = memoryview(buffer)
    for position, header in batches(buffer):
        if not header.is_control:
            yield from read_records(view[position : position + header.size_bytes])


def decode_records(header: BatchHeader, payload: Buffer) -> list[Record]:
    """The records of a decompressed payload. Raises CorruptMessage."""
    if header.record_count < 0 or header.record_count * _MINIMUM_RECORD_BYTES > len(payload):
        raise CorruptMessage(f"a batch of {len(payload)} bytes cannot hold {header.record_count} records")
    data = bytes(payload)
    records: list[Record] = []
    position = 0
    try:
        for _ in range(header.record_count):
            record, position = _decode_record(header, data, position)
            records.append(record)
    except IndexError:
        raise CorruptMessage("a record is cut off") from None
    if position != len(data):
        raise CorruptMessage(f"{len(data) - position} bytes follow the last record of a batch")
    return records


def _decode_record(header: BatchHeader, data: bytes, position: int) -> tuple[Record, int]:
    size, position = decode_varint(data, position)
    end = position + size
    if size < 0 or end > len(data):
        raise CorruptMessage("a record is longer than its batch")
    delta, position = decode_varint(data, position + 1)
    timestamp = header.max_timestamp if header.attributes & LOG_APPEND_TIME else header.base_timestamp + delta
    offset_delta, position = decode_varint(data, position)
    # Lengths below 64 take one byte; the common case costs no call.
    length = data[position]
    position += 1
    if length == 1:
        key = None
    else:
        if length & 0x81:
            length, position = decode_varint(data, position - 1)
        else:
            length >>= 1
        key = data[position : position + length] if length >= 0 else None
        position += max(length, 0)
    length, position = decode_varint(data, position)
    value = data[position : position + length] if length >= 0 else None
    position += max(length, 0)
    headers: Sequence[Header] = ()
    if data[position]:
        headers, position = _decode_headers(data, position)
    else:
        position += 1
    if position != end:
        raise CorruptMessage("the fields of a record do not fill its length")
    return Record(header.base_offset + offset_delta, timestamp, key, value, headers), position


def _decode_headers(data: bytes, position: int) -> tuple[list[Header], int]:
    count, position = decode_varint(data, position)
    if not 0 <= count <= len(data) - position:
        raise CorruptMessage(f"a record says it has {count} headers")
    headers: list[Header] = []
    for _ in range(count):
        length, position = decode_varint(data, position)
        if length < 0:
            raise CorruptMessage("a record header has no key")
        try:
            key = data[position : position + length].decode()
        except UnicodeDecodeError:
            raise CorruptMessage("the key of a record header is not UTF-8") from None
        position += length
        length, position = decode_varint(data, position)
        headers.append((key, data[position : position + length] if length >= 0 else None))
        position += max(length, 0)
    return headers, position


def encode_record(
    timestamp_delta: int, offset_delta: int, key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()
) -> bytes:
    """One record in its bytes, its length included."""
    parts = [b"\x00", encode_varint(timestamp_delta), encode_varint(offset_delta)]
    parts += (b"\x01",) if key is None else (encode_varint(len(key)), key)
    parts += (b"\x01",) if value is None else (encode_varint(len(value)), value)
    parts.append(encode_varint(len(headers)))
    for name, content in headers:
        encoded = name.encode()
        parts += (encode_varint(len(encoded)), encoded)
        parts += (b"\x01",) if content is None else (encode_varint(len(content)), content)
    body = b"".join(parts)
    return encode_varint(len(body)) + body


class BatchBuilder:
    """Builds one batch: `append` records, then `build`. Offsets run from `base_offset` without gaps."""

    def __init__(
        self,
        *,
        codec: int = 0,
        level: int | None = None,
        base_offset: int = 0,
        leader_epoch: int = -1,
        producer_id: int = -1,
        producer_epoch: int = -1,
        base_sequence: int = -1,
        transactional: bool = False,
        attributes: int = 0,
    ) -> None:
        self._codec = codec
        self._level = level
        self._base_offset = base_offset
        self._leader_epoch = leader_epoch
        self._producer = (producer_id, producer_epoch, base_sequence)
        self._attributes = codec | (TRANSACTIONAL if transactional else 0) | attributes
        self._base_timestamp = self._max_timestamp = -1
        self._records: list[bytes] = []
        self._payload_bytes = 0

    def append(self, timestamp: int, key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()) -> int:
        """Adds a record; its index in the batch."""
        index = len(self._records)
        if not index:
            self._base_timestamp = timestamp
        if timestamp > self._max_timestamp:
            self._max_timestamp = timestamp
        encoded = encode_record(timestamp - self._base_timestamp, index, key, value, headers)
        self._records.append(encoded)
        self._payload_bytes += len(encoded)
        return index

    def __len__(self) -> int:
        return len(self._records)

    @property
    def size_bytes(self) -> int:
        """The batch's size so far, uncompressed."""
        return HEADER_BYTES + self._payload_bytes

    def build(self) -> bytes:
        """The batch. It must hold a record."""
        assert self._records, "a batch needs a record"
        payload = b"".join(self._records)
        count = len(self._records)
        header = BatchHeader(
            self._base_offset, 0, self._leader_epoch, MAGIC, 0, self._attributes, count - 1,
            self._base_timestamp, self._max_timestamp, *self._producer, count,
        )  # fmt: skip
        return assemble(header, compress(self._codec, payload, self._level) if self._codec else payload)
