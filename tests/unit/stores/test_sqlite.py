from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ottla.common.clock import SystemClock
from ottla.metadata.store import Holder, MetadataStore, StoreError
from ottla.metadata.stores.sqlite import FILE_NAME, SqliteStore
from tests.unit.stores.conformance import ONE, SESSION_MS, TWO, StoreConformance, elected, opened, run
from tests.unit.stores.support import ManualClock, writer_id


class SqliteCluster:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.folder = folder

    def connect(self) -> MetadataStore:
        return SqliteStore(str(self.folder), self.clock)


@pytest.fixture
def cluster(tmp_path: Path) -> SqliteCluster:
    return SqliteCluster(tmp_path / "made" / "when needed")


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def cluster(self, tmp_path: Path) -> SqliteCluster:
        return SqliteCluster(tmp_path)


def test_no_thread_runs_before_the_first_call_and_none_after_close(cluster: SqliteCluster) -> None:
    async def test() -> None:
        before = threading.active_count()
        store = cluster.connect()
        assert threading.active_count() == before
        await store.open("c")
        assert threading.active_count() == before + 1
        await store.close()
        assert threading.active_count() == before

    run(test)


def test_a_newer_format_is_refused_with_a_sentence(cluster: SqliteCluster) -> None:
    async def test() -> None:
        await (await opened(cluster)).close()
        with sqlite3.connect(cluster.folder / FILE_NAME) as database:
            database.execute("UPDATE meta SET value = '999' WHERE key = 'format'")
        database.close()
        store = cluster.connect()
        with pytest.raises(StoreError, match="has format 999, which is newer than format 1"):
            await store.open("c")
        await store.close()

    run(test)


def test_a_file_that_is_no_database_is_refused_with_a_sentence(cluster: SqliteCluster) -> None:
    async def test() -> None:
        cluster.folder.mkdir(parents=True)
        (cluster.folder / FILE_NAME).write_bytes(b"not a database, but long enough to be looked at" * 10)
        store = cluster.connect()
        with pytest.raises(StoreError, match="is damaged: file is not a database"):
            await store.open("c")
        await store.close()

    run(test)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "file").write_text("")
        store = SqliteStore(str(tmp_path / "file" / "folder"), ManualClock())
        with pytest.raises(StoreError, match="cannot make the folder"):
            await store.open("c")
        await store.close()

    run(test)


def test_commits_are_synced_to_disk(cluster: SqliteCluster) -> None:
    async def test() -> None:
        store = SqliteStore(str(cluster.folder), cluster.clock)
        await store.open("c")
        full = 2
        assert await store._worker.run(lambda: store._database.execute("PRAGMA synchronous").fetchone()) == (full,)
        assert await store._worker.run(lambda: store._database.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
        await store.close()

    run(test)


def test_a_stopped_process_keeps_its_lock_but_loses_its_lease(cluster: SqliteCluster) -> None:
    async def test() -> None:
        stopped, other = await opened(cluster), await opened(cluster)
        await elected(stopped)
        cluster.clock.advance(SESSION_MS)
        assert await other.holders() == []
        assert await other.elect(2, TWO) is not None
        assert await other.lease(1, TWO, SESSION_MS) is None, "its files may still be written to"
        await stopped.close()
        await other.close()

    run(test)


_HOLDER = """
import asyncio, sys
from ottla.common.clock import SystemClock
from ottla.metadata.stores.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1], SystemClock())
    await store.open("c")
    await store.lease(1, b"incarnation-one.", 3_600_000)
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.process
def test_a_killed_process_is_seen_at_once_long_before_its_lease_ends(tmp_path: Path) -> None:
    async def test() -> None:
        store = SqliteStore(str(tmp_path), SystemClock())
        await store.open("c")
        command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            assert await store.holders() == [Holder(1, ONE)]
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert await store.holders() == []
        await store.close()

    run(test)


def test_another_process_is_woken_by_polling(cluster: SqliteCluster) -> None:
    async def test() -> None:
        writer = await opened(cluster)
        reader = SqliteStore(str(cluster.folder), cluster.clock, poll_ms=1)
        await reader.open("c")
        epoch = await elected(writer)
        woken = asyncio.Event()
        reader.watch(woken.set)
        await asyncio.wait_for(woken.wait(), 5)  # the first look
        woken.clear()
        await writer.append(epoch, 0, [b"a"], writer_id(1))
        await asyncio.wait_for(woken.wait(), 5)
        await writer.close()
        await reader.close()

    run(test)
