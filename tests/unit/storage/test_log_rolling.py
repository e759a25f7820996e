"""When a segment ends, what the indexes get, and what is left on disk."""

from __future__ import annotations

from ottla.storage.indexes import OffsetIndex, TimeIndex
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import FOLDER, NOW_MS, add, batch, new_log, reopen

DAY_MS = 86_400_000
SIZE = len(batch())


def names(files: SimFiles, suffix: str) -> list[int]:
    return [int(name.split(".")[0]) for name in files.list_folder(FOLDER) if name.endswith(suffix)]


def test_a_segment_rolls_before_it_would_exceed_its_size() -> None:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=3 * SIZE)
    for _ in range(7):
        add(log)
    assert names(files, ".log") == [0, 3, 6]
    assert names(files, ".index") == names(files, ".timeindex") == [0, 3]
    assert names(files, ".snapshot") == [3, 6]


def test_a_segment_rolls_by_the_time_of_its_records() -> None:
    log = new_log(segment_ms=DAY_MS)
    add(log, batch(timestamp=NOW_MS))
    add(log, batch(timestamp=NOW_MS + DAY_MS), now_ms=NOW_MS + DAY_MS)
    assert log.segment_count == 1
    add(log, batch(timestamp=NOW_MS + DAY_MS + 1), now_ms=NOW_MS + DAY_MS)
    assert log.segment_count == 2


def test_records_without_time_roll_by_the_age_of_the_segment() -> None:
    log = new_log(segment_ms=1000)
    add(log, batch(timestamp=-1))
    add(log, batch(timestamp=-1), now_ms=NOW_MS + 1000)
    assert log.segment_count == 1
    add(log, batch(timestamp=-1), now_ms=NOW_MS + 1001)
    assert log.segment_count == 2


def test_a_full_index_rolls() -> None:
    log = new_log(index_interval_bytes=0, segment_index_bytes=48)  # six offset entries, or three time entries
    for number in range(5):
        add(log, batch(timestamp=NOW_MS + number))
    assert log.segment_count == 2


def test_an_offset_that_does_not_fit_the_index_rolls() -> None:
    log = new_log()
    log.append_as_follower(batch(base_offset=0), now_ms=NOW_MS)
    log.append_as_follower(batch(base_offset=(1 << 31) - 1), now_ms=NOW_MS)
    assert log.segment_count == 1
    log.append_as_follower(batch(base_offset=(1 << 31) + 5), now_ms=NOW_MS)
    assert (log.segment_count, log.log_end_offset) == (2, (1 << 31) + 6)


def test_index_entries_are_those_of_kafka() -> None:
    """An entry when more than index.interval.bytes lie behind the last one, for the batch about to be added."""
    files = SimFiles()
    log = new_log(files, index_interval_bytes=2 * SIZE)
    for number in range(8):
        add(log, batch(timestamp=NOW_MS + 10 - number))
    log.close()
    index = OffsetIndex.decode(files.read(f"{FOLDER}/{0:020d}.index"))
    assert list(zip(index.offsets, index.positions, strict=True)) == [(3, 3 * SIZE), (6, 6 * SIZE)]
    times = TimeIndex.decode(files.read(f"{FOLDER}/{0:020d}.timeindex"))
    assert list(zip(times.timestamps, times.offsets, strict=True)) == [(NOW_MS + 10, 0)]


def test_jitter_shortens_the_time_to_roll_and_depends_on_its_seed_alone() -> None:
    from ottla.storage.log import open_log
    from tests.unit.storage.logs import settings

    def rolls_after(seed: int) -> int:
        files = SimFiles()
        files.make_folder(FOLDER)
        values = settings(segment_ms=10_000, segment_jitter_ms=10_000)
        log = open_log(files, FOLDER, values, now_ms=NOW_MS, clean=True, jitter=seed)
        add(log, batch(timestamp=-1))
        age = 0
        while log.segment_count == 1:
            age += 100
            add(log, batch(timestamp=-1), now_ms=NOW_MS + age)
        return age

    ages = [rolls_after(seed) for seed in range(10)]
    assert ages == [rolls_after(seed) for seed in range(10)]
    assert len(set(ages)) > 3 and max(ages) <= 10_100


def test_a_clean_start_reads_the_end_of_the_log_alone_and_goes_on_where_it_was() -> None:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=3 * SIZE, index_interval_bytes=SIZE)
    for _ in range(8):
        add(log, epoch=2)
    log.close()
    read: list[str] = []
    files.on_operation = lambda kind, path: read.append(path) if kind == "pread" and path.endswith(".log") else None
    again = reopen(files, clean=True, recovery_point=8, internal_segment_bytes=3 * SIZE)
    assert (again.log_end_offset, again.durable_end, again.latest_epoch) == (8, 8, 2)
    assert read == [f"data/t-0/{6:020d}.log"] * 2  # the headers at the end, and the last batch
    files.on_operation = None
    assert add(again, epoch=2) == 8
    again.close()
    assert names(files, ".snapshot") == [3, 6, 9]


def test_an_idle_log_writes_nothing_when_it_is_closed_again() -> None:
    files = SimFiles()
    log = new_log(files)
    add(log)
    log.close()
    again = reopen(files, clean=True, recovery_point=1)
    again.read(0, 100, up_to=1).release()
    before = files.operations
    again.close()
    assert files.operations == before


def test_a_compacted_log_rolls_so_that_its_records_can_be_compacted_in_time() -> None:
    for policy, rolls in ((("compact",), True), (("delete",), False)):
        log = new_log(cleanup_policy=policy, segment_ms=7 * DAY_MS, max_compaction_lag_ms=DAY_MS)
        add(log, batch(timestamp=NOW_MS))
        add(log, batch(timestamp=NOW_MS + DAY_MS), now_ms=NOW_MS + DAY_MS)
        assert log.segment_count == 1
        add(log, batch(timestamp=NOW_MS + DAY_MS + 1), now_ms=NOW_MS + DAY_MS)
        assert log.segment_count == (2 if rolls else 1)
