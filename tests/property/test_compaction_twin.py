"""Compaction held to a dumb twin: a list of batches, and Kafka's rules said once more in the plainest way."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ottla.records.batch import DELETE_HORIZON
from ottla.storage.log import PartitionLog
from ottla.storage.log_cleaning import Memory
from ottla.testing.clock import SimRandom
from ottla.testing.files import SimFiles
from tests.unit.storage.compacted import COMPACT, clean, contents, mark, pairs
from tests.unit.storage.logs import NOW_MS, add, new_log

RETENTION_MS = 5000
KEYS = 8


@dataclass
class Batch:
    """One batch of the twin. `transaction` numbers the transaction it belongs to, or ends."""

    base: int
    records: dict[int, tuple[bytes, bytes | None]]
    size: int
    producer: int = -1
    transaction: int = -1
    marker: bool = False
    horizon: int | None = None

    @property
    def last(self) -> int:
        return self.base + self.size - 1


@dataclass
class Twin:
    batches: list[Batch] = field(default_factory=list)
    aborted: set[int] = field(default_factory=set)
    last_data: dict[int, int] = field(default_factory=dict)
    """By producer, the last offset of its newest data batch."""

    def clean(self, first_dirty: int, clean_to: int, end: int, now_ms: int) -> None:
        """Of the batches below `end` (segments are cleaned whole), with the keys of [first_dirty, clean_to)."""
        newest: dict[bytes, int] = {}
        for batch in self.batches:
            if not batch.marker and batch.transaction not in self.aborted:
                for offset, (key, _) in batch.records.items():
                    if first_dirty <= offset < clean_to:
                        newest[key] = offset
        before = {batch.transaction for batch in self.batches if not batch.marker}
        kept = []
        for batch in self.batches:
            if batch.last < end:
                self._clean_batch(batch, newest, clean_to, now_ms, before)
                if not batch.records and not self._is_needed(batch):
                    continue
            kept.append(batch)
        self.batches = kept

    def _clean_batch(
        self, batch: Batch, newest: dict[bytes, int], clean_to: int, now_ms: int, before: set[int]
    ) -> None:
        over = batch.horizon is not None and now_ms >= batch.horizon
        if batch.marker:
            if batch.transaction in before:
                return
            if over:
                batch.records = {}
            elif batch.records and batch.horizon is None:
                batch.horizon = now_ms + RETENTION_MS
            return
        if batch.transaction in self.aborted:
            batch.records = {}
        batch.records = {
            offset: (key, value)
            for offset, (key, value) in batch.records.items()
            if offset >= clean_to or (offset >= newest.get(key, -1) and (value is not None or not over))
        }
        if batch.horizon is None and any(value is None for _, value in batch.records.values()):
            batch.horizon = now_ms + RETENTION_MS
        if not batch.records:
            batch.horizon = None

    def _is_needed(self, batch: Batch) -> bool:
        return not batch.marker and batch.producer >= 0 and self.last_data.get(batch.producer) == batch.last

    def seen(self) -> list[tuple[object, ...]]:
        return [
            (one.base, one.last, one.marker, one.horizon, [(offset, *pair) for offset, pair in one.records.items()])
            for one in self.batches
        ]


def seen(log: PartitionLog) -> list[tuple[object, ...]]:
    return [
        (
            header.base_offset,
            header.last_offset,
            header.is_control,
            header.base_timestamp if header.attributes & DELETE_HORIZON else None,
            [(one.offset, *((b"", b"") if header.is_control else (one.key, one.value))) for one in records],
        )
        for header, records in contents(log)
    ]


class Life:
    """A log and its twin, written alike."""

    def __init__(self, seed: int) -> None:
        self.random = SimRandom(seed)
        self.files = SimFiles()
        self.log = new_log(
            self.files,
            cleanup_policy=COMPACT,
            delete_retention_ms=RETENTION_MS,
            internal_segment_bytes=1500,
            index_interval_bytes=200,
        )
        self.twin = Twin()
        self.sequences = dict.fromkeys(range(3), 0)
        self.open: dict[int, int] = {}
        self.transactions = 0
        self.now_ms = NOW_MS
        self.checkpoint = 0

    def write(self) -> None:
        """A batch without a producer, of an idempotent one (2), of a transaction (0, 1), or the end of one."""
        producer = self.random.choice((-1, 0, 0, 1, 1, 2))
        if producer in self.open and self.random.chance(0.5):
            self._end(producer)
            return
        count = 1 + self.random.below(4)
        keyed = [
            (b"k%d" % self.random.below(KEYS), None if self.random.chance(0.25) else self.random.bytes(8))
            for _ in range(count)
        ]
        fields: dict[str, int] = {}
        transaction = -1
        if producer >= 0:
            first, self.sequences[producer] = self.sequences[producer], self.sequences[producer] + count
            fields = {"producer_id": producer, "producer_epoch": 0, "base_sequence": first}
        if producer in (0, 1):
            if producer not in self.open:
                self.transactions += 1
                self.open[producer] = self.transactions
            transaction = self.open[producer]
        codec = self.random.below(5)
        base = add(self.log, pairs(*keyed, codec=codec, transactional=transaction >= 0, **fields))
        records = {base + index: pair for index, pair in enumerate(keyed)}
        self.twin.batches.append(Batch(base, records, count, producer, transaction))
        if producer >= 0:
            self.twin.last_data[producer] = base + count - 1

    def _end(self, producer: int) -> None:
        committed = self.random.chance(0.6)
        transaction = self.open.pop(producer)
        base = mark(self.log, producer, committed=committed)
        self.twin.batches.append(Batch(base, {base: (b"", b"")}, 1, producer, transaction, marker=True))
        if not committed:
            self.twin.aborted.add(transaction)

    def clean(self) -> None:
        self.now_ms += self.random.below(3000)
        memory = Memory(map_bytes=24 * self.random.choice((3, 6, 1000)), read_bytes=self.random.choice((100, 700)))
        end = self.log.dirt(self.checkpoint, self.log.log_end_offset, self.now_ms).end
        first = self.checkpoint
        bases = [segment.base_offset for segment in self.log._segments]
        result = clean(self.log, self.files, checkpoint=first, now_ms=self.now_ms, memory=memory)
        cleaned_end = min([end, *(base for base in bases if base >= result.clean_to)])
        self.twin.clean(first, result.clean_to, cleaned_end, self.now_ms)
        self.checkpoint = result.clean_to


@pytest.mark.parametrize("part", range(4))
def test_what_stays_is_what_the_twin_says(part: int, scale: float) -> None:
    cleaned = 0
    for seed in range(max(int(25 * scale), 1)):
        life = Life(seed * 4 + part)
        try:
            for _ in range(12):
                for _ in range(life.random.below(25)):
                    life.write()
                if life.random.chance(0.5):
                    life.log.roll(NOW_MS)
                life.clean()
                assert seen(life.log) == life.twin.seen()
            cleaned += life.checkpoint
        except (AssertionError, Exception) as error:
            error.add_note(f"seed {seed * 4 + part}")
            raise
    assert cleaned > 0
