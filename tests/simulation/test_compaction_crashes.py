"""A pass, its swaps and the start after it, broken off at every operation, on a disk that loses what was not fsynced.

What must hold: the newest committed value of each key is there, at its offset; a deleted key stays deleted; no record
is there that was not written; aborted records stay invisible; producers are known; the start can itself be broken off,
and a second one finds what the first left; the next pass comes to the same end.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ottla.records.record import Record
from ottla.storage.log import PartitionLog, ProducerView, open_log
from ottla.storage.log_cleaning import Memory
from ottla.testing.clock import SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import Crashed, SimFiles
from tests.unit.storage.compacted import COMPACT, clean, contents, mark, pairs, settle
from tests.unit.storage.logs import FOLDER, NOW_MS, add, new_log, settings

Newest = dict[bytes | None, tuple[int, bytes | None]]
SETTINGS = {
    "cleanup_policy": COMPACT, "delete_retention_ms": 1000, "internal_segment_bytes": 500, "index_interval_bytes": 100,
    "file_delete_delay_ms": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What was so before the pass."""

    all: dict[int, Record]
    committed: Newest
    producers: list[ProducerView]
    recovery_point: int
    end: int


def committed(log: PartitionLog) -> list[Record]:
    """As a read_committed consumer sees the log: aborted producers are left out from their first offset to the
    marker that aborts them."""
    ahead = sorted((first, producer) for producer, first in log.aborted_transactions(0, log.log_end_offset))
    aborted: set[int] = set()
    found: list[Record] = []
    for header, records in contents(log):
        while ahead and ahead[0][0] <= header.last_offset:
            aborted.add(ahead.pop(0)[1])
        if header.is_control:
            if records and records[0].key is not None and records[0].key[3] == 0:
                aborted.discard(header.producer_id)
        elif not (header.is_transactional and header.producer_id in aborted):
            found += records
    return found


def newest(records: list[Record]) -> Newest:
    return {one.key: (one.offset, one.value) for one in records}


def living(state: Newest) -> Newest:
    """Without what was deleted: whether its tombstone is there or not makes no difference."""
    return {key: pair for key, pair in state.items() if pair[1] is not None}


def prepared(files: SimFiles, random: SimRandom) -> PartitionLog:
    """Six segments of keyed batches, tombstones whose horizon began in an earlier pass, and transactions."""
    log = new_log(files, **SETTINGS)
    sequence = 0
    for number in range(24):
        keyed = [(b"k%d" % random.below(6), None if random.chance(0.2) else random.bytes(12)) for _ in range(3)]
        if number % 4 < 2:
            add(log, pairs(*keyed))
        else:
            add(log, pairs(*keyed, producer_id=7, producer_epoch=0, base_sequence=sequence, transactional=True))
            sequence += 3
            if number % 4 == 3:
                mark(log, 7, committed=random.chance(0.5))
        if number == 11:
            log.roll(NOW_MS)
            clean(log, files)
            log.remove_due(NOW_MS + 1)
    log.roll(NOW_MS)
    add(log, pairs((b"k0", b"active")))
    settle(log)
    return log


def known(log: PartitionLog) -> Known:
    everything = {one.offset: one for _, records in contents(log) for one in records}
    return Known(
        everything, newest(committed(log)), log.producers(), min(log.recovery_point, log.checkpointed_point),
        log.log_end_offset,
    )  # fmt: skip


def start(files: SimFiles, before: Known) -> PartitionLog:
    return open_log(
        files, FOLDER, settings(**SETTINGS), now_ms=NOW_MS, clean=False, recovery_point=before.recovery_point
    )


def check(log: PartitionLog, before: Known) -> None:
    records = [one for _, found in contents(log) for one in found]
    assert all(before.all[one.offset] == one for one in records), "a record that was never written, or elsewhere"
    now = newest(committed(log))
    assert living(now) == living(before.committed)
    assert all(before.committed[key] == pair for key, pair in now.items()), "an older value of a key is back"
    assert log.log_end_offset == before.end
    assert log.producers() == before.producers
    offsets = [one.offset for one in records]
    assert offsets == sorted(set(offsets)), "a record is there twice"


def run(seed: int, mode: CrashMode, at: int) -> bool:
    """Breaks the pass off before operation `at`; False if it came to its end before."""
    random = SimRandom(seed)
    files = SimFiles()
    log = prepared(files, random)
    before = known(log)
    files.crash_at(at, torn_bytes=random.below(100))
    crashed = False
    try:
        clean(log, files, now_ms=NOW_MS + 1500, memory=Memory(map_bytes=24 * random.choice((5, 100))))
        log.remove_due(NOW_MS + 1500)
    except Crashed:
        crashed = True
    files = files.crash(random, mode)
    for _ in range(2):  # starts that are broken off as well
        files.crash_at(random.below(12))
        try:
            start(files, before)
        except Crashed:
            pass
        files = files.crash(random, mode)
    check(start(files, before), before)
    names = files.list_folder(FOLDER)
    again = start(files, before)
    assert files.list_folder(FOLDER) == names, "a second start does not find what the first left"
    assert not [name for name in names if name.endswith((".cleaned", ".swap", ".deleted"))]
    check(again, before)
    again.on_checkpoint(before.recovery_point)
    again.on_checkpointed(before.recovery_point)
    again.flush()
    clean(again, files, now_ms=NOW_MS + 1500)
    check(again, before)
    active = again._segments.active.base_offset
    keys = [one.key for one in committed(again) if one.offset < active]
    assert len(keys) == len(set(keys)), "superseded records are left"
    return crashed


@pytest.mark.parametrize("mode", list(CrashMode), ids=lambda mode: mode.value)
def test_a_pass_can_be_broken_off_at_any_operation(mode: CrashMode, scale: float) -> None:
    for seed in range(max(int(2 * scale), 1)):
        at = 0
        try:
            while run(seed, mode, at):
                at += 1
        except (AssertionError, Exception) as error:
            error.add_note(f"seed {seed}, {mode}, operation {at}")
            raise
        assert at > 30, "the pass has more operations than that"
