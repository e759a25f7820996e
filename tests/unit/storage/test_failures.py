"""How far an error of the operating system reaches is decided in one place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ottla.storage.failures import Failure, SyncError, advice, errno_name, failure_of
from ottla.storage.os_files import OsFiles

PASSING = ("ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EAGAIN", "EBUSY", "ENOLCK", "EINTR")
LOCAL = ("ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG", "EEXIST", "ENOTEMPTY")
BROKEN = ("EIO", "EROFS", "ENODEV", "ESTALE", "ENXIO", "EBADF", "EINVAL", "ETIMEDOUT", "EUCLEAN", "EREMOTEIO")


@pytest.mark.parametrize(
    ("names", "reach"), [(PASSING, Failure.PASSING), (LOCAL, Failure.LOCAL), (BROKEN, Failure.BROKEN)]
)
def test_an_error_reaches_as_far_as_its_errno_says(names: tuple[str, ...], reach: Failure) -> None:
    for name in names:
        error = OSError(getattr(errno, name), "text")
        assert (failure_of(error), errno_name(error)) == (reach, name)
        assert len(advice(error)) > 10


@pytest.mark.parametrize("name", PASSING + LOCAL + BROKEN)
def test_a_failed_fsync_is_never_passed_over(name: str) -> None:
    assert failure_of(SyncError(getattr(errno, name), "text")) is Failure.BROKEN
    assert "goes on by itself" not in advice(SyncError(getattr(errno, name), "text"))


def test_an_error_without_a_number_is_taken_for_the_worst() -> None:
    assert failure_of(OSError("no number")) is Failure.BROKEN


def test_files_and_folders_that_are_made_are_for_their_owner_alone(tmp_path: Path) -> None:
    files = OsFiles()
    old = os.umask(0)
    try:
        files.make_folder(f"{tmp_path}/data/t-0")
        files.open(f"{tmp_path}/data/t-0/0.log", create=True).close()
        files.write_atomically(f"{tmp_path}/data/meta.properties", b"version=1")
        files.lock(f"{tmp_path}/data/.lock").release()
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").rglob("*")}
    assert modes == {"t-0": 0o700, "0.log": 0o600, "meta.properties": 0o600, ".lock": 0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    OsFiles().make_folder(f"{tmp_path}/data")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_is_a_link_goes_without_what_it_leads_to(tmp_path: Path) -> None:
    """As in Kafka. A topic whose folder somebody had moved to another disk is deleted like any other."""
    files = OsFiles()
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "00000000000000000000.log").write_bytes(b"records")
    (tmp_path / "t-0").symlink_to(target)
    files.remove_folder(f"{tmp_path}/t-0")
    assert not os.path.lexists(tmp_path / "t-0")
    assert (target / "00000000000000000000.log").read_bytes() == b"records"


def test_a_pipe_under_the_name_of_a_file_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "00000000000000000000.log")
    with pytest.raises(OSError, match="it is no regular file") as caught:
        OsFiles().open(f"{tmp_path}/00000000000000000000.log")
    assert failure_of(caught.value) is Failure.LOCAL
    assert caught.value.filename == f"{tmp_path}/00000000000000000000.log"


def test_a_folder_where_a_file_should_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        OsFiles().read(str(tmp_path))
    assert caught.value.filename == str(tmp_path)
