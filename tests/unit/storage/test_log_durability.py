"""The durable end, failures of the disk, pinned segments and versions."""

from __future__ import annotations

import errno

import pytest

from ottla.common.errors import KafkaStorageError
from ottla.records.batch import TRANSACTIONAL
from ottla.testing.clock import SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import FOLDER, NOW_MS, add, batch, new_log, reopen

SIZE = len(batch())


def test_one_sync_serves_all_that_was_appended_before_it() -> None:
    log = new_log()
    for _ in range(3):
        add(log)
    sync = log.to_sync()
    assert sync is not None
    add(log)
    sync.run()
    assert (log.synced(sync), log.durable_end, log.log_end_offset) == (3, 3, 4)


def test_nothing_new_needs_no_sync() -> None:
    log = new_log()
    add(log)
    log.flush()
    assert log.to_sync() is None


def test_a_sync_of_closed_segments_leaves_the_active_one_alone() -> None:
    log = new_log(internal_segment_bytes=2 * SIZE)
    for _ in range(5):
        add(log)
    sync = log.to_sync(closed_only=True)
    assert sync is not None
    sync.run()
    assert log.synced(sync) == 4
    assert log.recovery_point == 4


def test_a_truncation_during_a_sync_makes_it_worth_nothing() -> None:
    log = new_log()
    for _ in range(3):
        add(log)
    sync = log.to_sync()
    assert sync is not None
    log.truncate_to(1)
    add(log)
    sync.run()
    assert log.synced(sync) == 0


def test_settings_say_when_a_sync_is_due() -> None:
    log = new_log(flush_messages=2, flush_ms=1000)
    add(log)
    assert not log.sync_due(NOW_MS + 999)
    assert log.sync_due(NOW_MS + 1000)
    add(log)
    assert log.sync_due(NOW_MS)
    log.flush()
    assert not log.sync_due(NOW_MS + 9999)


def test_a_failed_fsync_is_never_retried_and_takes_the_log_offline() -> None:
    files = SimFiles()
    log = new_log(files)
    add(log)
    files.fail_fsync(f"{FOLDER}/{0:020d}.log")
    with pytest.raises(KafkaStorageError):
        log.flush()
    assert log.offline and log.durable_end == 0 and log.to_sync() is None
    for call in (lambda: add(log), lambda: log.read(0, 10, up_to=1)):
        with pytest.raises(KafkaStorageError):
            call()


def test_a_full_disk_refuses_the_append_and_nothing_else() -> None:
    files = SimFiles()
    log = new_log(files)
    add(log)
    files.full_after_bytes = 20
    with pytest.raises(KafkaStorageError):
        add(log)
    assert not log.offline
    assert len(log.read(0, 1000, up_to=1)) == SIZE
    files.full_after_bytes = None
    assert add(log) == 1


def test_an_error_of_the_disk_takes_the_log_offline() -> None:
    files = SimFiles()
    log = new_log(files)
    files.fail_at(0, errno.EIO)
    with pytest.raises(KafkaStorageError):
        add(log)
    assert log.offline


def test_a_pinned_segment_can_be_read_after_it_was_deleted() -> None:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=SIZE, retention_bytes=0, file_delete_delay_ms=10)
    for _ in range(3):
        add(log)
    found = log.read(0, 1000, up_to=3)
    before = found.read_all()
    assert log.retain(NOW_MS, 3) == 3
    assert log.log_start_offset == 3
    assert log.remove_due(NOW_MS + 10) is not None, "the pinned one has to wait"
    assert found.read_all() == before
    found.release()
    found.release()
    assert log.remove_due(NOW_MS + 10) is None
    assert [name for name in files.list_folder(FOLDER) if "deleted" in name] == []
    log.close()
    assert files.open_files == 0


def test_a_range_read_before_a_truncation_is_of_an_older_version() -> None:
    log = new_log()
    add(log)
    found = log.read(0, 1000, up_to=1)
    log.truncate_to(0)
    assert found.version < log.version
    found.release()


def test_the_files_of_cold_segments_are_closed() -> None:
    files = SimFiles()
    add_to = new_log(files, internal_segment_bytes=SIZE)
    for _ in range(20):
        add(add_to)
    add_to.close()
    log = reopen(files, clean=True, recovery_point=20, internal_segment_bytes=SIZE)  # with a limit of four
    held = [log.read(offset, 1, up_to=20) for offset in (0, 1)]
    for offset in range(20):
        log.read(offset, 1, up_to=20).release()
    assert files.open_files <= 5
    assert [len(one.read_all()) for one in held] == [SIZE, SIZE]


def test_what_was_synced_survives_a_power_cut_with_its_epoch_and_its_names() -> None:
    for seed in range(10):
        files = SimFiles()
        log = new_log(files, internal_segment_bytes=2 * SIZE)
        for number in range(5):
            add(log, epoch=number // 2)
        log.flush()
        add(log, epoch=9)
        files = files.crash(SimRandom(seed), CrashMode.LOSE)
        again = reopen(files, clean=False, recovery_point=5, internal_segment_bytes=2 * SIZE)
        assert again.log_end_offset == 5
        assert [again.epoch_at(offset) for offset in range(5)] == [0, 0, 1, 1, 2]


def test_a_roll_behind_a_checkpoint_is_synced_by_the_next_sync() -> None:
    files = SimFiles()
    log = new_log(files)
    for _ in range(3):
        add(log)
    log.flush()
    log.on_checkpoint(log.recovery_point)
    assert log.recovery_point == 2, "the scan after a crash has to reach the segment whose indexes are in memory"
    synced: list[str] = []
    files.on_operation = lambda kind, path: synced.append(path) if "fsync" in kind else None
    log.roll(NOW_MS)
    assert not synced
    log.flush()
    assert {path.rpartition(".")[2] for path in synced} >= {"index", "timeindex"}
    assert log.recovery_point == 3


def test_a_roll_of_what_a_clean_stop_left_writes_no_index() -> None:
    files = SimFiles()
    log = new_log(files, index_interval_bytes=0)
    for _ in range(3):
        add(log)
    log.close()
    again = reopen(files, clean=True, recovery_point=3, index_interval_bytes=0)
    written: list[str] = []
    files.on_operation = lambda kind, path: written.append(path) if kind in ("append", "fsync") else None
    assert again.roll(NOW_MS)
    assert not [path for path in written if path.endswith("index")]


def test_a_snapshot_of_a_process_that_was_killed_is_synced_before_its_records_go() -> None:
    files = SimFiles()
    log = new_log(files)
    add(log, batch(producer_id=7, producer_epoch=0, base_sequence=0, attributes=TRANSACTIONAL))
    log.flush()
    log.roll(NOW_MS)
    files = files.kill()
    log = reopen(files, clean=False, recovery_point=1, start=1)
    assert log.retain(NOW_MS, 1) == 1
    log.flush()
    log = reopen(files.crash(SimRandom(0), CrashMode.LOSE), clean=False, recovery_point=1, start=1)
    assert log.first_unstable_offset == 0
