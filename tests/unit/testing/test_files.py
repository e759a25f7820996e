"""Kills, faults and hooks of the simulated disk."""

from __future__ import annotations

import errno

import pytest

from ottla.testing.clock import START_MS, SimClock
from ottla.testing.files import Crashed, SimFiles
from ottla.testing.trace import Trace


def test_a_kill_keeps_everything_written_and_releases_the_locks() -> None:
    files = SimFiles()
    files.make_folder("data")
    files.lock("data/.lock")
    files.open("data/log", create=True).append(b"written")
    after = files.kill()
    assert after.read("data/log") == b"written"
    after.lock("data/.lock").release()


def test_a_dead_process_can_neither_read_nor_write() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    after = files.kill()
    for call in (lambda: log.append(b"late"), lambda: log.pread(0, 1), lambda: files.read("log"), log.fsync):
        with pytest.raises(Crashed):
            call()
    log.close()
    assert after.read("log") == b""


def test_a_lock_is_refused_to_another_process_until_released() -> None:
    files = SimFiles()
    lock = files.lock(".lock")
    other = files.another_process()
    with pytest.raises(BlockingIOError):
        other.lock(".lock")
    lock.release()
    lock.release()
    other.lock(".lock")


def test_crash_at_stops_before_the_chosen_change() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    files.crash_at(1)
    log.append(b"first ")
    with pytest.raises(Crashed):
        log.append(b"second")
    assert files.kill().read("log") == b"first "


def test_a_kill_in_the_middle_of_a_write_leaves_a_part_of_it() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    files.crash_at(0, torn_bytes=3)
    with pytest.raises(Crashed):
        log.append(b"second")
    assert files.kill().read("log") == b"sec"


def test_a_chosen_change_fails_and_does_not_happen() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    files.fail_at(0, errno.EIO)
    with pytest.raises(OSError) as caught:
        log.append(b"lost")
    assert caught.value.errno == errno.EIO
    log.append(b"kept")
    assert files.read("log") == b"kept"


def test_a_full_disk_refuses_the_whole_write() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    files.full_after_bytes = 6
    log.append(b"1234")
    with pytest.raises(OSError) as caught:
        log.append(b"567")
    assert caught.value.errno == errno.ENOSPC
    assert log.size() == 4
    assert files.usage("log")[1] == 2


def test_a_read_only_disk_refuses_changes_and_still_reads() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    log.append(b"old")
    files.read_only = True
    with pytest.raises(OSError) as caught:
        log.append(b"new")
    assert caught.value.errno == errno.EROFS
    assert log.pread(0, 9) == b"old"


def test_the_hook_sees_every_operation_and_may_stop_it() -> None:
    files, seen = SimFiles(), []

    def hook(kind: str, path: str) -> None:
        seen.append((kind, path))
        if kind == "fsync":
            raise Crashed("planned")

    files.on_operation = hook
    log = files.open("log", create=True)
    log.append(b"x")
    with pytest.raises(Crashed):
        log.fsync()
    assert seen == [("open", "log"), ("create", "log"), ("append", "log"), ("fsync", "log")]
    assert files.operations == 2


def test_crashing_tells_who_must_die_with_the_process() -> None:
    files, ended = SimFiles(), []
    files.on_crash = lambda: ended.append(True)
    files.crash_at(0)
    with pytest.raises(Crashed):
        files.make_folder("data")
    assert ended == [True]


def test_content_changes_carry_the_time_of_the_clock() -> None:
    clock = SimClock()
    files = SimFiles(clock)
    log = files.open("log", create=True)
    clock.advance(5_000)
    log.append(b"x")
    clock.advance(5_000)
    log.fsync()
    assert files.modified_ms("log") == START_MS + 5_000


def test_operations_are_traced_with_their_data() -> None:
    def digest(data: bytes) -> str:
        trace = Trace()
        SimFiles(trace=trace).open("log", create=True).append(data)
        return trace.digest()

    assert digest(b"a") == digest(b"a") != digest(b"b")


def test_open_files_are_counted() -> None:
    files = SimFiles()
    log = files.open("log", create=True)
    assert files.open_files == 1
    log.close()
    log.close()
    assert files.open_files == 0
