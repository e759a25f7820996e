"""The files beside a segment, entry by entry: indexes, producer snapshots, checkpoints, `partition.metadata`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ottla.storage.checkpoints import CHECKSUM, CorruptCheckpoint, checkpoint_lines
from ottla.storage.indexes import OffsetIndex, TimeIndex, decode_aborted
from ottla.storage.paths import (
    INDEX,
    LEADER_EPOCHS,
    PARTITION_METADATA,
    SNAPSHOT,
    TIME_INDEX,
    TXN_INDEX,
    parse_offset_name,
)
from ottla.storage.snapshots import CorruptSnapshot, decode_snapshot


class Unreadable(Exception):
    """The file is broken, or none that we know; its text is for people."""


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """What the file holds, in its order. Raises Unreadable, OSError."""
    for suffix, read in _READERS.items():
        base = parse_offset_name(path.name, suffix)
        if base is not None:
            yield from read(path.read_bytes(), base)
            return
    if path.name == PARTITION_METADATA:
        lines = path.read_text("utf-8", "replace").splitlines()
        yield {key: value for key, _, value in (line.partition(": ") for line in lines)}
    elif path.name == LEADER_EPOCHS or path.name.endswith("-checkpoint"):
        yield from _checkpoint(path)
    else:
        raise Unreadable("this is none of the files of a partition")


def _offset_index(data: bytes, base: int) -> Iterator[dict[str, Any]]:
    index = OffsetIndex.decode(data)
    for offset, position in zip(index.offsets, index.positions, strict=True):
        yield {"offset": base + offset, "position": position}


def _time_index(data: bytes, base: int) -> Iterator[dict[str, Any]]:
    index = TimeIndex.decode(data)
    for timestamp, offset in zip(index.timestamps, index.offsets, strict=True):
        yield {"timestamp": timestamp, "offset": base + offset}


def _txn_index(data: bytes, _base: int) -> Iterator[dict[str, Any]]:
    for entry in decode_aborted(data):
        yield entry._asdict()


def _snapshot(data: bytes, _base: int) -> Iterator[dict[str, Any]]:
    try:
        producers = decode_snapshot(data)
    except CorruptSnapshot as error:
        raise Unreadable(str(error)) from error
    for producer in producers:
        last = producer.batches[-1] if producer.batches else None
        yield {
            "producer_id": producer.producer_id,
            "producer_epoch": producer.epoch,
            "coordinator_epoch": producer.coordinator_epoch,
            "transaction_start": producer.transaction_start,
            "last_timestamp": producer.last_timestamp,
            "first_sequence": last.first_sequence if last else None,
            "last_sequence": last.last_sequence if last else None,
            "first_offset": last.base_offset if last else None,
            "last_offset": last.last_offset if last else None,
        }


def _checkpoint(path: Path) -> Iterator[dict[str, Any]]:
    names = ("epoch", "start_offset") if path.name == LEADER_EPOCHS else ("topic", "partition", "offset")
    try:
        lines = checkpoint_lines(path.read_bytes(), path.name)
    except CorruptCheckpoint as error:
        raise Unreadable(str(error)) from error
    for line in lines:
        words = line.split(" ")
        if len(words) != len(names):
            raise Unreadable(f"{line!r} has {len(words)} words, not {len(names)}")
        if words[0] == CHECKSUM.topic:
            continue
        yield {name: word if name == "topic" else _number(word) for name, word in zip(names, words, strict=True)}


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise Unreadable(f"{word!r} is no number") from None


_READERS: dict[str, Callable[[bytes, int], Iterator[dict[str, Any]]]] = {
    INDEX: _offset_index,
    TIME_INDEX: _time_index,
    TXN_INDEX: _txn_index,
    SNAPSHOT: _snapshot,
}
