"""Is a partition's folder as it should be? What Kafka's dump tool would complain about, and a little more.

A finding is wrong; a note is unusual, but right in some log (a compacted one has gaps, an active segment no indexes).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ottla.cli.files.segment import StoredBatch, Trailing, read_segment
from ottla.cli.files.small import Unreadable, entries
from ottla.common.errors import KafkaError
from ottla.records.record import read_records
from ottla.storage.indexes import OFFSET_ENTRY, TIME_ENTRY, TXN_ENTRY
from ottla.storage.paths import (
    INDEX,
    LEADER_EPOCHS,
    LOG,
    PARTITION_METADATA,
    SNAPSHOT,
    TIME_INDEX,
    TXN_INDEX,
    offset_name,
    parse_offset_name,
)

Say = Callable[[str, str], None]
"""(file, sentence)"""


class Report(NamedTuple):
    """What a check has seen. findings and notes: (file, sentence)."""

    segments: int
    batches: int
    records: int
    size_bytes: int
    first_offset: int
    end_offset: int
    findings: list[tuple[str, str]]
    notes: list[tuple[str, str]]


class _Seen(NamedTuple):
    """What the indexes of a segment are compared with, by last offset of the batch."""

    positions: dict[int, int]
    timestamps: dict[int, int]


def check_folder(folder: Path) -> Report:
    """Reads everything in the folder. Raises FileNotFoundError if it holds no segment."""
    bases = sorted(base for path in folder.iterdir() if (base := parse_offset_name(path.name, LOG)) is not None)
    if not bases:
        raise FileNotFoundError(2, "no segment (<20 digits>.log) is in this folder", str(folder))
    return _Check(folder).run(bases)


class _Check:
    """One folder while it is being read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._findings: list[tuple[str, str]] = []
        self._notes: list[tuple[str, str]] = []
        self._batches = self._records = self._bytes = 0
        self._first: int | None = None
        self._next = 0
        self._epochs = self._read_epochs()

    def run(self, bases: list[int]) -> Report:
        self._next = bases[0]
        for base in bases:
            self._segment(base, active=base == bases[-1])
        for path in sorted(self._folder.glob(f"*{SNAPSHOT}")):
            self._snapshot(path)
        if not (self._folder / PARTITION_METADATA).exists():
            self._notes.append((PARTITION_METADATA, "is missing"))
        first = bases[0] if self._first is None else self._first
        return Report(
            len(bases), self._batches, self._records, self._bytes, first, self._next, self._findings, self._notes
        )

    def _wrong(self, file: str, sentence: str) -> None:
        self._findings.append((file, sentence))

    # -- segments

    def _segment(self, base: int, *, active: bool) -> None:
        name = offset_name(base)
        seen = _Seen({}, {})
        if base < self._next:
            self._wrong(f"{name}{LOG}", f"begins at {base}, below the end of the segment before it, {self._next}")
        self._bytes += (self._folder / f"{name}{LOG}").stat().st_size
        for batch in read_segment(self._folder / f"{name}{LOG}"):
            if isinstance(batch, Trailing):
                self._wrong(
                    f"{name}{LOG}",
                    f"at position {batch.position}: {batch.size_bytes} bytes are no batch: {batch.reason}",
                )
            else:
                self._batch(f"{name}{LOG}", base, batch)
                last = batch.header.last_offset
                seen.positions[last] = batch.position
                seen.timestamps[last] = batch.header.max_timestamp
        self._offset_index(f"{name}{INDEX}", seen, active)
        self._time_index(f"{name}{TIME_INDEX}", seen, active)
        self._whole_entries(f"{name}{TXN_INDEX}", TXN_ENTRY.size)

    def _batch(self, file: str, base: int, batch: StoredBatch) -> None:
        header, at = batch.header, f"the batch at position {batch.position} (offset {batch.header.base_offset})"
        self._batches += 1
        if self._first is None:
            self._first = header.base_offset
        if not batch.crc_is_right:
            self._wrong(file, f"{at} has a wrong CRC")
        if header.base_offset < max(base, self._next):
            self._wrong(file, f"{at} goes back: {max(base, self._next)} is next")
        elif header.base_offset > self._next:
            self._notes.append((file, f"offsets {self._next} to {header.base_offset - 1} are missing"))
        self._next = max(self._next, header.last_offset + 1)
        if batch.crc_is_right:
            self._inside(file, at, batch)
        self._epoch(file, at, batch)

    def _inside(self, file: str, at: str, batch: StoredBatch) -> None:
        header = batch.header
        try:
            records = read_records(batch.data)
        except KafkaError as error:
            self._wrong(file, f"{at}: {error.message}")
            return
        self._records += len(records)
        offsets = [record.offset for record in records]
        if any(later <= earlier for earlier, later in pairwise(offsets)):
            self._wrong(file, f"{at}: the offsets of its records do not rise")
        if offsets and not header.base_offset <= offsets[0] <= offsets[-1] <= header.last_offset:
            self._wrong(file, f"{at}: records {offsets[0]} to {offsets[-1]} lie outside it")

    def _epoch(self, file: str, at: str, batch: StoredBatch) -> None:
        if not self._epochs or batch.header.leader_epoch < 0:
            return
        index = bisect_right(self._epochs, (batch.header.base_offset, 1 << 62)) - 1
        if index >= 0 and self._epochs[index][1] != batch.header.leader_epoch:
            epoch = self._epochs[index][1]
            self._wrong(file, f"{at} has epoch {batch.header.leader_epoch}, {LEADER_EPOCHS} says {epoch}")

    # -- what stands beside them

    def _offset_index(self, file: str, seen: _Seen, active: bool) -> None:
        if not self._whole_entries(file, OFFSET_ENTRY.size, missing_is_noted=not active):
            return
        before = (-1, -1)
        for entry in entries(self._folder / file):
            offset, position = entry["offset"], entry["position"]
            if offset <= before[0] or position <= before[1]:
                self._wrong(file, f"the entry {offset} at {position} does not rise above {before[0]} at {before[1]}")
            if seen.positions.get(offset) != position:
                self._wrong(file, f"says that a batch ending at {offset} stands at {position}, and none does")
            before = (offset, position)

    def _time_index(self, file: str, seen: _Seen, active: bool) -> None:
        if not self._whole_entries(file, TIME_ENTRY.size, missing_is_noted=not active):
            return
        before = -1
        for entry in entries(self._folder / file):
            timestamp, offset = entry["timestamp"], entry["offset"]
            if timestamp <= before:
                self._wrong(file, f"timestamp {timestamp} does not rise above {before}")
            if seen.timestamps.get(offset) != timestamp:
                self._wrong(file, f"says that the batch ending at {offset} has timestamp {timestamp}, and none does")
            before = timestamp

    def _whole_entries(self, file: str, entry_bytes: int, *, missing_is_noted: bool = False) -> bool:
        """Whether the file is there; one of a wrong size is a finding."""
        path = self._folder / file
        if not path.exists():
            if missing_is_noted:
                self._notes.append((file, "is missing; it is made anew at the next start"))
            return False
        size = path.stat().st_size
        if size % entry_bytes:
            self._wrong(file, f"has {size} bytes, no multiple of {entry_bytes}")
        return True

    def _snapshot(self, path: Path) -> None:
        try:
            for entry in entries(path):
                end = parse_offset_name(path.name, SNAPSHOT)
                if end is not None and entry["last_offset"] is not None and entry["last_offset"] >= end:
                    self._wrong(
                        path.name, f"knows producer {entry['producer_id']} at {entry['last_offset']}, not below {end}"
                    )
        except Unreadable as error:
            self._wrong(path.name, str(error))

    def _read_epochs(self) -> list[tuple[int, int]]:
        """(start offset, epoch), rising."""
        path = self._folder / LEADER_EPOCHS
        if not path.exists():  # a broker that runs may not have written it yet
            return []
        try:
            rows = [(entry["start_offset"], entry["epoch"]) for entry in entries(path)]
        except Unreadable as error:
            self._wrong(LEADER_EPOCHS, str(error))
            return []
        if any(later[0] < earlier[0] or later[1] <= earlier[1] for earlier, later in pairwise(rows)):
            self._wrong(LEADER_EPOCHS, "epochs and offsets do not rise")
        return rows
