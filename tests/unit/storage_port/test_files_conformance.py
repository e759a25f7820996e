"""What every implementation of the `Files` port does: the same tests on the operating system and on the simulator."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from ottla.storage.files import Files
from ottla.storage.os_files import OsFiles
from ottla.testing.files import SimFiles


def on_the_operating_system(folder: Path) -> tuple[Files, str]:
    return OsFiles(), str(folder)


def on_the_simulator(_folder: Path) -> tuple[Files, str]:
    files = SimFiles()
    files.make_folder("/machine/data")
    return files, "/machine/data"


@pytest.fixture(params=[on_the_operating_system, on_the_simulator], ids=["os", "sim"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Files, str]:
    make: Callable[[Path], tuple[Files, str]] = request.param
    return make(tmp_path)


def test_appends_follow_each_other_and_say_where_they_began(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    assert log.append(b"one") == 0
    assert log.append([b"two", memoryview(b"three"), bytearray(b"!")]) == 3
    assert log.append([]) == 12
    assert log.size() == files.size(f"{root}/log") == 12
    assert files.read(f"{root}/log") == b"onetwothree!"
    log.close()


def test_reads_come_from_any_position_and_are_short_only_at_the_end(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    log.append(b"0123456789")
    assert log.pread(2, 3) == b"234"
    assert log.pread(8, 100) == b"89"
    assert log.pread(10, 1) == log.pread(50, 1) == b""
    assert type(log.pread(0, 2)) is bytes
    log.close()


def test_pwrite_overwrites_in_place_and_may_extend(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    log.append(b"abcdef")
    log.pwrite(2, memoryview(b"XY"))
    log.pwrite(8, b"Z")
    assert files.read(f"{root}/log") == b"abXYef\0\0Z"
    assert log.append(b"!") == 9
    log.close()


def test_truncate_cuts_and_the_next_append_goes_to_the_new_end(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    log.append(b"abcdef")
    log.truncate(2)
    assert log.append(b"Z") == 2
    log.truncate(5)
    assert files.read(f"{root}/log") == b"abZ\0\0"
    log.fsync()
    log.close()


def test_an_existing_file_is_kept_when_opened_with_create(disk: tuple[Files, str]) -> None:
    files, root = disk
    first = files.open(f"{root}/log", create=True)
    first.append(b"kept")
    first.close()
    again = files.open(f"{root}/log", create=True)
    assert again.size() == 4
    assert again.append(b"!") == 4
    again.close()


def test_absent_files_and_folders_are_not_found(disk: tuple[Files, str]) -> None:
    files, root = disk
    absent = f"{root}/absent"
    for call in (files.open, files.read, files.size, files.modified_ms, files.list_folder, files.remove):
        with pytest.raises(FileNotFoundError):
            call(absent)
    with pytest.raises(FileNotFoundError):
        files.rename(absent, f"{root}/new")
    with pytest.raises(FileNotFoundError):
        files.open(f"{root}/no/folder", create=True)
    assert not files.exists(absent)
    assert not files.is_folder(absent)
    files.remove_folder(absent)


def test_listings_are_sorted_names_of_files_and_folders(disk: tuple[Files, str]) -> None:
    files, root = disk
    for name in ("b", "a10", "a9", "Z"):
        files.open(f"{root}/{name}", create=True).close()
    files.make_folder(f"{root}/c/deep")
    files.make_folder(f"{root}/c/deep")
    assert files.list_folder(root) == ["Z", "a10", "a9", "b", "c"]
    assert files.list_folder(f"{root}/c") == ["deep"]
    assert files.is_folder(f"{root}/c/deep")
    assert not files.is_folder(f"{root}/b")


def test_rename_replaces_a_file_and_open_files_stay_usable(disk: tuple[Files, str]) -> None:
    files, root = disk
    files.write_atomically(f"{root}/old", b"old")
    log = files.open(f"{root}/new", create=True)
    log.append(b"new")
    files.rename(f"{root}/new", f"{root}/old")
    log.append(b"er")
    assert files.list_folder(root) == ["old"]
    assert files.read(f"{root}/old") == b"newer"
    files.remove(f"{root}/old")
    assert log.pread(0, 5) == b"newer"
    log.close()


def test_a_folder_moves_with_everything_in_it(disk: tuple[Files, str]) -> None:
    files, root = disk
    files.make_folder(f"{root}/topic-0")
    log = files.open(f"{root}/topic-0/log", create=True)
    files.rename(f"{root}/topic-0", f"{root}/topic-0.gone-delete")
    log.append(b"late")
    log.close()
    assert files.read(f"{root}/topic-0.gone-delete/log") == b"late"
    assert not files.exists(f"{root}/topic-0")


def test_remove_folder_takes_everything_below(disk: tuple[Files, str]) -> None:
    files, root = disk
    files.make_folder(f"{root}/a/b/c")
    files.write_atomically(f"{root}/a/b/file", b"x")
    files.remove_folder(f"{root}/a")
    assert files.list_folder(root) == []


def test_write_atomically_replaces_and_leaves_nothing_else(disk: tuple[Files, str]) -> None:
    files, root = disk
    files.write_atomically(f"{root}/checkpoint", b"first and longer")
    files.write_atomically(f"{root}/checkpoint", b"second")
    assert files.read(f"{root}/checkpoint") == b"second"
    assert files.list_folder(root) == ["checkpoint"]
    files.fsync_folder(root)


def test_a_closed_file_is_of_no_use(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    log.close()
    log.close()
    with pytest.raises(OSError) as caught:
        log.append(b"late")
    assert caught.value.errno == errno.EBADF


def test_a_lock_excludes_until_released(disk: tuple[Files, str]) -> None:
    files, root = disk
    lock = files.lock(f"{root}/.lock")
    with pytest.raises(BlockingIOError):
        files.lock(f"{root}/.lock")
    lock.release()
    files.lock(f"{root}/.lock").release()


def test_usage_is_total_and_usable_bytes(disk: tuple[Files, str]) -> None:
    files, root = disk
    total, usable = files.usage(root)
    assert 0 < usable <= total


def test_the_time_of_change_is_in_milliseconds_since_the_epoch(disk: tuple[Files, str]) -> None:
    files, root = disk
    files.write_atomically(f"{root}/x", b"x")
    assert 1_700_000_000_000 < files.modified_ms(f"{root}/x") < 4_000_000_000_000


def test_a_reserve_makes_the_file_large_and_appends_go_on_where_they_were(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    log.append(b"ab")
    log.reserve(10)
    assert files.read(f"{root}/log") == b"ab" + bytes(8)
    assert log.append(b"cd") == 2
    assert log.append(b"ef") == 4
    assert files.read(f"{root}/log") == b"abcdef" + bytes(4)
    log.truncate(6)
    assert files.size(f"{root}/log") == 6
    assert log.append(b"g") == 6
    log.reserve(3)  # it is larger already
    assert files.read(f"{root}/log") == b"abcdefg"
    log.close()


def test_an_append_of_too_many_buffers_is_refused(disk: tuple[Files, str]) -> None:
    files, root = disk
    log = files.open(f"{root}/log", create=True)
    assert log.append([b"x"] * 1024) == 0
    with pytest.raises(OSError) as caught:
        log.append([b"x"] * 1025)
    assert caught.value.errno == errno.EINVAL
    assert log.size() == 1024
    log.close()
