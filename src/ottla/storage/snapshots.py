"""The file `<offset>.snapshot`: the producers as they were when the log ended at that offset."""

from __future__ import annotations

import struct

from fastcrc import crc32

from ottla.storage.files import Files
from ottla.storage.producers import CachedBatch, Producer, Producers

_VERSION = 1
_HEAD = struct.Struct(">hIi")
_CRC_FROM = 6
_ENTRY = struct.Struct(">qhiqiqiq")
_SEQUENCE_MASK = 0x7FFFFFFF


class CorruptSnapshot(Exception):
    """Torn or of another version: an older one and the log after it give the same state."""


def encode_snapshot(producers: Producers) -> bytes:
    parts = [len(producers).to_bytes(4, "big")]
    for producer in producers:
        last = producer.batches[-1] if producer.batches else CachedBatch(-1, -1, -1, -1, -1)
        parts.append(
            _ENTRY.pack(
                producer.producer_id,
                producer.epoch,
                last.last_sequence,
                last.last_offset,
                last.last_offset - last.base_offset,
                producer.last_timestamp,
                producer.coordinator_epoch,
                producer.transaction_start,
            )
        )
    body = b"".join(parts)
    return struct.pack(">hI", _VERSION, crc32.iscsi(body)) + body


def write_snapshot(files: Files, path: str, producers: Producers) -> None:
    """Not fsynced: its CRC tells a torn one."""
    file = files.open(path, create=True)
    try:
        file.truncate(0)
        file.append(encode_snapshot(producers))
    finally:
        file.close()


def copy_of(producers: Producers) -> Producers:
    """What a snapshot would know of them."""
    return decode_snapshot(encode_snapshot(producers))


def decode_snapshot(data: bytes, log_end: int = (1 << 63) - 1) -> Producers:
    """The producers of a log that ended at `log_end`. Raises CorruptSnapshot."""
    if len(data) < _HEAD.size:
        raise CorruptSnapshot("too short")
    version, crc, count = _HEAD.unpack_from(data)
    if version != _VERSION or crc32.iscsi(data[_CRC_FROM:]) != crc or len(data) != _HEAD.size + count * _ENTRY.size:
        raise CorruptSnapshot("version, CRC or size is wrong")
    entries = []
    for producer_id, epoch, sequence, offset, delta, timestamp, coordinator_epoch, start in _ENTRY.iter_unpack(
        data[_HEAD.size :]
    ):
        if offset >= log_end or start >= log_end:
            raise CorruptSnapshot("it speaks of records that the log did not have")
        producer = Producer(producer_id, epoch)
        producer.last_timestamp = timestamp
        producer.coordinator_epoch = coordinator_epoch
        producer.transaction_start = start
        if offset >= 0:
            first = sequence - delta & _SEQUENCE_MASK if sequence >= 0 else -1
            producer.batches.append(CachedBatch(first, sequence, offset - delta, offset, timestamp))
        entries.append(producer)
    producers = Producers()
    for producer in sorted(entries, key=lambda entry: entry.transaction_start):
        producers.restore(producer)
    return producers
