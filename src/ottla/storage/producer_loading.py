"""What a log knows of its producers at an offset: the newest good snapshot below it, and the batches after that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ottla.common.errors import CorruptMessage
from ottla.storage.files import Files
from ottla.storage.indexes import AbortedTransaction
from ottla.storage.paths import SNAPSHOT, offset_name
from ottla.storage.producers import Producers
from ottla.storage.scan import OnBatch, Rebuild, scan_batches
from ottla.storage.segment import Segment
from ottla.storage.snapshots import CorruptSnapshot, decode_snapshot
from ottla.storage.tail import most_of, next_whole

OnBadSnapshot = Callable[[int], None]


class LoadedProducers(NamedTuple):
    producers: Producers
    scanned_bytes: int


def load_producers(
    files: Files, folder: str, segments: Sequence[Segment], snapshots: Sequence[int], up_to: int, on_bad: OnBadSnapshot
) -> LoadedProducers:
    """The producers as of the offset `up_to`. `on_bad` is called with each snapshot that cannot be read."""
    producers, start = _from_snapshot(files, folder, snapshots, up_to, segments[0].base_offset, on_bad)
    scanned = 0
    for index, segment in enumerate(segments):
        end = segments[index + 1].base_offset if index + 1 < len(segments) else up_to
        if end <= start or segment.base_offset >= up_to or segment.size_bytes == 0:
            continue
        position = _position_of(segment, max(start, segment.base_offset))
        if position is None:
            continue
        _scan(segment, position, Rebuild(segment, None, producers, None).on_batch)
        scanned += segment.size_bytes - position
    return LoadedProducers(producers, scanned)


def _position_of(segment: Segment, offset: int) -> int | None:
    try:
        return segment.position_of(offset)
    except CorruptMessage:  # damage on the way
        return 0


def _scan(segment: Segment, position: int, on_batch: OnBatch) -> None:
    """All whole batches from `position` on, those behind damage as well."""
    file, size, base = segment.open_file(), segment.size_bytes, segment.base_offset
    next_offset, at = base, position
    while at < size:
        at, next_offset = scan_batches(file, size, base, next_offset, on_batch, position=at)
        if at < size:
            after = next_whole(file, size, at, most_of(base), next_offset)
            if after is None:
                return
            at = after


def _from_snapshot(
    files: Files, folder: str, snapshots: Sequence[int], up_to: int, log_start: int, on_bad: OnBadSnapshot
) -> tuple[Producers, int]:
    for offset in sorted(snapshots, reverse=True):
        if offset > up_to:
            continue
        try:
            content = files.read(f"{folder}/{offset_name(offset)}{SNAPSHOT}")
            return decode_snapshot(content, offset), offset
        except CorruptSnapshot:
            on_bad(offset)
    return Producers(), log_start


def aborted_of(
    files: Files, folder: str, segments: Sequence[Segment], snapshots: Sequence[int], segment: Segment
) -> list[AbortedTransaction]:
    """The aborted transactions that ended in `segment`, from its markers and from where the transactions began."""
    base = segment.base_offset
    before = [one for one in segments if one.base_offset < base]
    found: list[AbortedTransaction] = []
    producers = Producers()
    if before:
        producers = load_producers(files, folder, before, snapshots, base, lambda _offset: None).producers
    rebuild = Rebuild(segment, None, producers, None, found.append)
    _scan(segment, 0, rebuild.on_batch)
    return found
