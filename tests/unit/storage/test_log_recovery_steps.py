"""What opening a folder repairs."""

from __future__ import annotations

import pytest

from ottla.testing.files import SimFiles
from tests.unit.storage.logs import FOLDER, NOW_MS, add, batch, new_log, reopen

SIZE = len(batch())


def written(count: int = 8, **values: object) -> SimFiles:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=3 * SIZE, index_interval_bytes=0, **values)
    for number in range(count):
        add(log, batch(timestamp=NOW_MS + number))
    log.close()
    return files


def overwrite(files: SimFiles, name: str, content: bytes) -> None:
    file = files.open(f"{FOLDER}/{name}", create=True)
    file.truncate(0)
    file.append(content)
    file.close()


def damage(files: SimFiles, name: str, position: int, content: bytes) -> None:
    file = files.open(f"{FOLDER}/{name}")
    file.pwrite(position, content)
    file.close()


@pytest.mark.parametrize("tail", [b"\x00" * 500, b"garbage", batch()[:-1], batch(base_offset=3)], ids=str)
def test_a_torn_tail_is_cut_off(tail: bytes) -> None:
    files = written()
    file = files.open(f"{FOLDER}/{6:020d}.log")
    file.append(tail)
    file.close()
    log = reopen(files, clean=False, recovery_point=8)
    assert log.log_end_offset == 8
    assert add(log) == 8


def test_a_bad_batch_ends_the_log_and_drops_the_segments_after_it() -> None:
    files = written()
    damage(files, f"{3:020d}.log", SIZE + 70, b"\xff\xff")
    log = reopen(files, clean=False)
    assert (log.log_end_offset, log.segment_count) == (4, 2)
    assert add(log) == 4


def test_below_the_recovery_point_the_log_is_not_scanned() -> None:
    files = written()
    log = reopen(files, clean=False, recovery_point=7)
    assert log.recovered_bytes == 2 * SIZE


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_a_missing_index_is_built_again(suffix: str, clean: bool) -> None:
    files = written()
    before = files.read(f"{FOLDER}/{0:020d}{suffix}")
    files.remove(f"{FOLDER}/{0:020d}{suffix}")
    log = reopen(files, clean=clean, recovery_point=8, index_interval_bytes=0)
    log.close()
    assert files.read(f"{FOLDER}/{0:020d}{suffix}") == before


def test_an_index_with_half_an_entry_is_built_again_after_a_crash() -> None:
    files = written()
    before = files.read(f"{FOLDER}/{0:020d}.index")
    overwrite(files, f"{0:020d}.index", before[:-3])
    reopen(files, clean=False, recovery_point=8, index_interval_bytes=0).close()
    assert files.read(f"{FOLDER}/{0:020d}.index") == before


def test_preallocated_indexes_end_at_the_first_empty_entry() -> None:
    files = written(2)
    for suffix, size in ((".index", 8), (".timeindex", 12)):
        content = files.read(f"{FOLDER}/{0:020d}{suffix}")
        overwrite(files, f"{0:020d}{suffix}", content + bytes(size * 1000))
    log = reopen(files, clean=True, recovery_point=2)
    found = log.offset_for_timestamp(NOW_MS + 1)
    assert found is not None and found.offset == 1
    assert add(log, batch(timestamp=NOW_MS + 5)) == 2
    largest = log.offset_of_max_timestamp()
    assert largest is not None and largest.offset == 2


def test_leftovers_of_deletion_and_compaction_go() -> None:
    files = written()
    for name in (f"{0:020d}.log.deleted", f"{0:020d}.log.cleaned", f"{3:020d}.log.swap", f"{9:020d}.index"):
        overwrite(files, name, b"x")
    log = reopen(files, clean=False)
    assert log.log_end_offset == 8
    left = files.list_folder(FOLDER)
    assert not any(name.endswith((".deleted", ".cleaned", ".swap")) for name in left)
    assert f"{9:020d}.index" not in left


def test_a_swap_that_was_begun_is_finished() -> None:
    """Two segments were merged to one; the crash came before the old ones were gone."""
    files = written(9)
    merged = files.read(f"{FOLDER}/{0:020d}.log") + files.read(f"{FOLDER}/{3:020d}.log")
    overwrite(files, f"{0:020d}.log.swap", merged)
    log = reopen(files, clean=False, recovery_point=9)
    assert (log.segment_count, log.log_end_offset, log.log_start_offset) == (2, 9, 0)
    found = log.read(0, 10_000, up_to=9)
    assert found.read_all() == merged
    found.release()


def test_a_snapshot_that_is_newer_than_the_log_is_not_believed() -> None:
    files = SimFiles()
    log = new_log(files)
    for sequence in range(3):
        add(log, batch(producer_id=1, producer_epoch=0, base_sequence=sequence))
    log.close()
    file = files.open(f"{FOLDER}/{0:020d}.log")
    file.truncate(2 * SIZE)
    file.close()
    again = reopen(files, clean=False)
    assert [view.last_sequence for view in again.producers()] == [1]
    assert add(again, batch(producer_id=1, producer_epoch=0, base_sequence=2)) == 2


def test_a_torn_snapshot_is_replaced_by_what_the_log_says() -> None:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=3 * SIZE)
    for sequence in range(7):
        add(log, batch(producer_id=1, producer_epoch=0, base_sequence=sequence))
    log.close()
    damage(files, f"{7:020d}.snapshot", 20, b"\xff")
    again = reopen(files, clean=True, recovery_point=7)
    assert [view.last_sequence for view in again.producers()] == [6]


def test_the_log_start_is_the_greater_of_checkpoint_and_first_segment() -> None:
    assert reopen(written(), clean=True, recovery_point=8, start=4).log_start_offset == 4
    files = written()
    for suffix in (".log", ".index", ".timeindex"):
        files.remove(f"{FOLDER}/{0:020d}{suffix}")
    assert reopen(files, clean=True, recovery_point=8, start=1).log_start_offset == 3


def test_a_log_that_ends_below_its_start_begins_anew_there() -> None:
    log = reopen(written(), clean=False, start=50)
    assert (log.log_start_offset, log.log_end_offset, log.size_bytes) == (50, 50, 0)
    assert add(log) == 50


def test_epochs_are_read_from_the_batches_where_the_file_is_gone_after_a_crash() -> None:
    files = SimFiles()
    log = new_log(files)
    for epoch in (0, 0, 3, 5):
        add(log, epoch=epoch)
    log.flush()
    files.remove(f"{FOLDER}/leader-epoch-checkpoint")
    again = reopen(files, clean=False)
    assert [again.epoch_at(offset) for offset in range(4)] == [0, 0, 3, 5]
