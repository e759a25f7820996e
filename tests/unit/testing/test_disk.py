"""What a power cut may do to a simulated disk, and what it never does."""

from __future__ import annotations

import pytest

from ottla.testing.clock import SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import SimFiles

SEEDS = range(60)


def disk_with(content: bytes) -> SimFiles:
    files = SimFiles()
    files.make_folder("data")
    files.fsync_folder("")
    file = files.open("data/log", create=True)
    file.append(content)
    file.fsync()
    files.fsync_folder("data")
    return files


@pytest.mark.parametrize("mode", list(CrashMode))
def test_what_was_fsynced_survives_every_power_cut(mode: CrashMode) -> None:
    for seed in SEEDS:
        files = disk_with(b"durable")
        files.open("data/log").append(b" and not")
        assert files.crash(SimRandom(seed), mode).read("data/log")[:7] == b"durable"


def test_nothing_that_was_only_written_survives_when_all_is_lost() -> None:
    files = disk_with(b"durable")
    log = files.open("data/log")
    log.append(b" and not")
    log.pwrite(0, b"D")
    log.truncate(3)
    files.open("data/new", create=True)
    after = files.crash(SimRandom(1), CrashMode.LOSE)
    assert after.list_folder("data") == ["log"]
    assert after.read("data/log") == b"durable"


def test_everything_survives_a_lucky_power_cut() -> None:
    files = disk_with(b"durable")
    files.open("data/log").append(b" and more")
    files.rename("data/log", "data/renamed")
    after = files.crash(SimRandom(1), CrashMode.KEEP)
    assert after.list_folder("data") == ["renamed"]
    assert after.read("data/renamed") == b"durable and more"


def test_a_torn_append_leaves_a_prefix_perhaps_followed_by_zeros_or_garbage() -> None:
    seen = set()
    for seed in range(200):
        files = disk_with(b"")
        files.open("data/log").append(b"x" * 8)
        content = files.crash(SimRandom(seed), CrashMode.TORN).read("data/log")
        kept = len(content) - len(content.lstrip(b"x"))
        rest = content[kept:]
        seen.add("all" if kept == 8 else "clean" if not rest else "zeros" if not rest.strip(b"\0") else "garbage")
        assert len(content) in (kept, 8)
    assert seen == {"all", "clean", "zeros", "garbage"}


def test_torn_changes_survive_in_order_but_scattered_ones_may_not() -> None:
    def survivors(mode: CrashMode) -> set[bytes]:
        result = set()
        for seed in range(200):
            files = disk_with(b"....")
            log = files.open("data/log")
            log.pwrite(0, b"1")
            log.pwrite(1, b"2")
            result.add(files.crash(SimRandom(seed), mode).read("data/log"))
        return result

    assert survivors(CrashMode.TORN) == {b"....", b"1...", b"12.."}
    assert survivors(CrashMode.SCATTERED) == {b"....", b"1...", b"12..", b".2.."}


def test_a_gap_before_a_surviving_append_reads_as_zeros() -> None:
    contents = set()
    for seed in range(300):
        files = disk_with(b"")
        log = files.open("data/log")
        log.append(b"one")
        log.append(b"two")
        contents.add(files.crash(SimRandom(seed), CrashMode.SCATTERED).read("data/log"))
    assert b"\0\0\0two" in contents


def test_a_new_name_survives_for_sure_only_after_its_folder_was_fsynced() -> None:
    found = set()
    for seed in SEEDS:
        files = disk_with(b"")
        new = files.open("data/new", create=True)
        new.append(b"content")
        new.fsync()
        after = files.crash(SimRandom(seed), CrashMode.SCATTERED)
        found.add(after.exists("data/new"))
        if after.exists("data/new"):
            assert after.read("data/new") == b"content"
    assert found == {True, False}
    for seed in SEEDS:
        files = disk_with(b"")
        files.open("data/new", create=True)
        files.fsync_folder("data")
        assert files.crash(SimRandom(seed), CrashMode.SCATTERED).exists("data/new")


def test_a_rename_is_atomic_and_no_file_gets_two_names() -> None:
    for seed in range(100):
        files = disk_with(b"old")
        new = files.open("data/log.tmp", create=True)
        new.append(b"new")
        new.fsync()
        files.rename("data/log.tmp", "data/log")
        after = files.crash(SimRandom(seed), CrashMode.SCATTERED)
        assert after.read("data/log") in (b"old", b"new")
        names = after.list_folder("data")
        assert names in (["log"], ["log", "log.tmp"])
        if names == ["log", "log.tmp"]:
            assert after.read("data/log") == b"old"


def test_write_atomically_leaves_the_old_or_the_new_content_at_every_kill_point() -> None:
    operations = 0
    for operation in range(20):
        for seed in range(5):
            files = disk_with(b"old")
            files.crash_at(operation)
            try:
                files.write_atomically("data/log", b"new")
            except BaseException as error:
                assert type(error).__name__ == "Crashed"
            else:
                operations = operation
                assert files.crash(SimRandom(seed)).read("data/log") == b"new"
                continue
            assert files.crash(SimRandom(seed)).read("data/log") in (b"old", b"new")
        if operations:
            break
    assert operations >= 5


def test_a_failed_fsync_loses_its_data_for_ever() -> None:
    for seed in SEEDS:
        files = disk_with(b"durable ")
        log = files.open("data/log")
        log.append(b"doomed ")
        files.fail_fsync("data/log")
        with pytest.raises(OSError, match="Input/output"):
            log.fsync()
        log.append(b"later")
        log.fsync()
        assert files.read("data/log") == b"durable doomed later"
        assert files.crash(SimRandom(seed)).read("data/log") == b"durable " + bytes(7) + b"later"


def test_the_same_seed_gives_the_same_disk() -> None:
    def content(seed: int) -> bytes:
        files = disk_with(b"start")
        log = files.open("data/log")
        for index in range(50):
            log.append(bytes([index]) * 10)
        return files.crash(SimRandom(seed), CrashMode.SCATTERED).read("data/log")

    assert content(7) == content(7)
    assert len({content(seed) for seed in range(10)}) > 5
