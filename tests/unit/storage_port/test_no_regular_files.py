"""Pipes, sockets and devices under the names of files: each is refused at once, and none is waited for."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ottla.common.clock import SystemClock
from ottla.common.errors import KafkaStorageError
from ottla.metadata.store import StoreError
from ottla.metadata.stores.sqlite import FILE_NAME, SqliteStore
from ottla.storage.checkpoints import CLEANER_OFFSETS, HIGH_WATERMARKS, LOG_STARTS, RECOVERY_POINTS
from ottla.storage.directory import LogDirectory
from ottla.storage.failures import Failure, failure_of
from ottla.storage.identity import CLEAN_SHUTDOWN, LOCK, META_PROPERTIES
from ottla.storage.os_files import OsFiles
from ottla.storage.paths import LEADER_EPOCHS, PARTITION_METADATA
from ottla.storage.seen import SEEN
from ottla.storage.survey import Found, survey
from ottla.testing.clock import SimRandom
from tests.unit.storage.logs import NOW_MS, PARTITION, TOPIC_ID, add, settings

SMALL = (RECOVERY_POINTS, LOG_STARTS, HIGH_WATERMARKS, CLEANER_OFFSETS, CLEAN_SHUTDOWN, LOCK)

Make = Callable[[Path], None]


@pytest.fixture(params=["pipe", "socket", "device"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Puts one of them under a name. Whoever does wait for a pipe finds its other end, and reads nothing."""
    made: list[Callable[[], None]] = []

    def pipe(path: Path) -> None:
        os.mkfifo(path)
        kept = path.with_name("kept")  # a second name, in case the first is renamed or removed
        kept.hardlink_to(path)
        thread = threading.Thread(target=lambda: os.close(os.open(kept, os.O_WRONLY)), daemon=True)
        thread.start()

        def end() -> None:
            reader = os.open(kept, os.O_RDONLY | os.O_NONBLOCK)
            thread.join()
            os.close(reader)

        made.append(end)

    def listening(path: Path) -> None:
        monkeypatch.chdir(path.parent)  # the address of a socket may have 107 bytes
        one = socket.socket(socket.AF_UNIX)
        one.bind(path.name)
        made.append(one.close)

    def device(path: Path) -> None:
        path.symlink_to(os.devnull)

    yield {"pipe": pipe, "socket": listening, "device": device}[request.param]
    for end in made:
        end()


def instead(path: Path, make: Make) -> None:
    path.unlink(missing_ok=True)
    make(path)


def opened(folder: Path) -> LogDirectory:
    return LogDirectory.open(
        OsFiles(), str(folder), cluster_id="cluster", node_id=1, random=SimRandom(1), now_ms=NOW_MS
    )


def surveyed(folder: Path) -> Found:
    return survey(OsFiles(), str(folder), FILE_NAME, look_inside=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log directory with a partition, after a clean stop."""
    directory = opened(tmp_path)
    add(directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS))
    directory.close()
    return tmp_path


def refused(call: Callable[[], object], path: Path) -> None:
    with pytest.raises(OSError, match="it is no regular file") as caught:
        call()
    assert (caught.value.errno, caught.value.filename) == (errno.EBADMSG, str(path))
    assert failure_of(caught.value) is Failure.LOCAL


@pytest.mark.parametrize("call", ["open", "create", "read", "lock", "write_atomically"])
def test_every_call_that_opens_refuses_it(tmp_path: Path, make: Make, call: str) -> None:
    files, path = OsFiles(), tmp_path / "name"
    make(path if call != "write_atomically" else tmp_path / "name.tmp")  # where the new content is written first
    calls: dict[str, Callable[[], object]] = {
        "open": lambda: files.open(str(path)),
        "create": lambda: files.open(str(path), create=True),
        "read": lambda: files.read(str(path)),
        "lock": lambda: files.lock(str(path)),
    }
    if call in calls:
        refused(calls[call], path)
        return
    with pytest.raises(OSError, match="it is no regular file"):
        files.write_atomically(str(path), b"content")


@pytest.mark.parametrize("name", [META_PROPERTIES, SEEN])
def test_the_look_before_a_start_does_not_wait_for_it(folder: Path, make: Make, name: str) -> None:
    instead(folder / name, make)
    refused(lambda: surveyed(folder), folder / name)


@pytest.mark.parametrize("name", SMALL)
def test_the_opening_of_a_directory_does_not_wait_for_it(folder: Path, make: Make, name: str) -> None:
    instead(folder / name, make)
    refused(lambda: opened(folder), folder / name)


@pytest.mark.parametrize("name", [PARTITION_METADATA, LEADER_EPOCHS, f"{0:020d}.log", f"{1:020d}.snapshot"])
def test_it_makes_its_partition_unusable_and_nothing_else(folder: Path, make: Make, name: str) -> None:
    instead(folder / f"{PARTITION}" / name, make)
    directory = opened(folder)
    with pytest.raises(KafkaStorageError, match="it is no regular file"):
        directory.log(PARTITION, settings(), NOW_MS)
    assert not directory.offline
    directory.release()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_the_metadata_store_is_not_begun_in_its_place(tmp_path: Path, make: Make, suffix: str) -> None:
    async def main() -> None:
        store = SqliteStore(str(tmp_path), SystemClock())
        await store.open("cluster")
        await store.close()
        instead(tmp_path / f"{FILE_NAME}{suffix}", make)
        again = SqliteStore(str(tmp_path), SystemClock())
        for call in (again.peek(), again.open("cluster")):
            with pytest.raises(StoreError, match=f"{FILE_NAME}{suffix} is no regular file; move it away"):
                await call
        await again.close()

    asyncio.run(main())
