"""The metadata log in one SQLite file: for one broker, or several processes on one machine that share a folder.

Every commit is synced (`synchronous=FULL`). All SQL runs on one thread, started when first needed, so the event loop
never waits for the disk. A broker proves that it lives in two ways: a lock on a file of its own (`flock`), which the
operating system drops the moment the process dies, and a lease that its event loop must refresh, because a stopped
process still holds its lock. The epoch check in `append` fences whoever was controller before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from ottla.common.clock import Clock
from ottla.metadata.store import (
    SQLITE_FILE,
    AppendOutcome,
    Committed,
    ControllerEpoch,
    Fenced,
    Holder,
    StoredBatch,
    StoredCluster,
    StoredSnapshot,
    StoreError,
    Unknown,
)
from ottla.metadata.stores.faults import damaged, store_sentence
from ottla.metadata.stores.locks import BrokerLock, lock_is_held
from ottla.metadata.stores.worker import Worker

FORMAT = 1
"""Version of the tables. A store with a higher one is refused."""
FILE_NAME = SQLITE_FILE

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (base_offset INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, writer BLOB NOT NULL,
    count INTEGER NOT NULL, records BLOB NOT NULL);
CREATE TABLE snapshot (at_offset INTEGER PRIMARY KEY, records BLOB NOT NULL);
CREATE TABLE controller (one INTEGER PRIMARY KEY CHECK (one = 1), broker INTEGER NOT NULL,
    incarnation BLOB NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE lease (broker INTEGER PRIMARY KEY, incarnation BLOB NOT NULL, expires REAL NOT NULL);
INSERT INTO controller VALUES (1, -1, x'', 0);
"""
_CHECKSUMS = "CREATE TABLE IF NOT EXISTS checksum (at INTEGER PRIMARY KEY, crc INTEGER NOT NULL)"
"""Of the batch at an offset, or of the snapshot at the negative one. SQLite keeps none of its own."""
_HEAD = "SELECT coalesce(max(base_offset + count), (SELECT max(at_offset) FROM snapshot), 0) FROM log"

Result = TypeVar("Result")


class SqliteStore:
    """The store in `folder`. Other processes see its changes when `poll_ms` is set, and are polled for."""

    def __init__(self, folder: str, clock: Clock, poll_ms: int | None = None) -> None:
        self._folder = Path(folder)
        self._clock = clock
        self._poll = None if poll_ms is None else poll_ms / 1000
        self._worker = Worker("metadata-store")
        self._connection: sqlite3.Connection | None = None
        self._watchers: dict[int, Callable[[], None]] = {}
        self._watchers_made = 0
        self._poller: asyncio.TimerHandle | None = None
        self._seen = (-1, -1)
        self._locks: dict[int, BrokerLock] = {}

    # the port

    async def peek(self) -> StoredCluster | None:
        return await self._run(self._peek)

    async def open(self, proposed_cluster_id: str) -> str:
        return await self._run(lambda: self._open(proposed_cluster_id))

    async def elect(self, broker: int, incarnation: bytes) -> ControllerEpoch | None:
        elected = await self._run(lambda: self._elect(broker, incarnation))
        if elected is not None:
            self._wake()
        return elected

    async def controller(self) -> tuple[int, ControllerEpoch]:
        broker, epoch = await self._one("SELECT broker, epoch FROM controller")
        return broker, ControllerEpoch(epoch)

    async def append(
        self, epoch: ControllerEpoch, at_offset: int, records: Sequence[bytes], writer: bytes
    ) -> AppendOutcome:
        assert records, "an append without records"
        packed, count = _pack(records), len(records)
        outcome = await self._run(lambda: self._append(epoch, at_offset, packed, count, writer))
        if isinstance(outcome, Committed):
            self._wake()
        return outcome

    async def read(self, from_offset: int, max_records: int = 100_000) -> list[StoredBatch]:
        return await self._run(lambda: self._read(from_offset, max_records))

    async def head(self) -> int:
        (head,) = await self._one(_HEAD)
        return int(head)

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        number = self._watchers_made = self._watchers_made + 1
        self._watchers[number] = wake
        if self._poll is not None and self._poller is None:
            self._poller = asyncio.get_running_loop().call_later(self._poll, self._look)

        def stop() -> None:
            self._watchers.pop(number, None)

        return stop

    async def snapshot(self, offset: int, records: Sequence[bytes]) -> None:
        packed = _pack(records)
        await self._run(lambda: self._snapshot(offset, packed))

    async def latest_snapshot(self) -> StoredSnapshot | None:
        return await self._run(self._latest_snapshot)

    async def lease(self, broker: int, incarnation: bytes, session_timeout_ms: int) -> SqliteLease | None:
        lease = SqliteLease(self, Holder(broker, incarnation), session_timeout_ms / 1000)
        taken = await self._run(lambda: self._take_lease(lease))
        if taken:
            self._wake()
        return lease if taken else None

    async def holders(self) -> list[Holder]:
        return await self._run(self._holders)

    async def close(self) -> None:
        self._watchers.clear()
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None
        await self._worker.run(self._close)
        self._worker.stop()

    # on the loop

    def _wake(self) -> None:
        loop = asyncio.get_running_loop()
        for call in list(self._watchers.values()):
            loop.call_soon(call)

    def _look(self) -> None:
        """Has another process written? Every commit touches the write-ahead log."""
        assert self._poll is not None
        with contextlib.suppress(FileNotFoundError):
            found = (self._folder / (FILE_NAME + "-wal")).stat()
            now = (found.st_size, found.st_mtime_ns)
            if now != self._seen:
                self._seen = now
                self._wake()
        self._poller = asyncio.get_running_loop().call_later(self._poll, self._look)

    async def _run(self, call: Callable[[], Result]) -> Result:
        try:
            return await self._worker.run(call)
        except sqlite3.Error as error:
            raise StoreError(store_sentence(error, self._folder / FILE_NAME)) from error
        except (
            TypeError,
            ValueError,
            OverflowError,
        ) as error:  # of bytes that are no text, no number, no blob any more
            raise StoreError(damaged(self._folder / FILE_NAME, str(error))) from error
        except OSError as error:  # of the lock files beside it
            raise StoreError(f"the metadata store in {self._folder} cannot be used: {error}") from error

    async def _one(self, query: str) -> Sequence[int]:
        def fetch() -> Sequence[int]:
            row: Sequence[int] = self._database.execute(query).fetchone()
            return row

        return await self._run(fetch)

    # on the thread

    @property
    def _database(self) -> sqlite3.Connection:
        assert self._connection is not None, "the store is not open"
        return self._connection

    def _peek(self) -> StoredCluster | None:
        if self._connection is not None:
            return self._content()
        path = self._folder / FILE_NAME
        self._check_regular(path)
        if not path.is_file() or not path.stat().st_size:
            return None
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        try:
            return self._content()
        finally:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _check_regular(path: Path) -> None:
        """A folder, a pipe or a device is no empty store: it must not be taken for one that is to begin."""
        for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            try:
                is_file = stat.S_ISREG(part.stat().st_mode)
            except OSError:  # it is not there, or opening it says what is wrong
                continue
            if not is_file:
                raise StoreError(f"{part} is no regular file; move it away")

    def _content(self) -> StoredCluster | None:
        if not self._database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]:
            return None
        cluster_id = self._check_format()
        (end,) = self._database.execute(_HEAD).fetchone()
        return StoredCluster(cluster_id, end) if end else None

    def _open(self, proposed_cluster_id: str) -> str:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder {self._folder}: {error.strerror}") from error
        path = self._folder / FILE_NAME
        self._check_regular(path)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite's own files follow its mode
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}; look at its rights and its disk") from error
        connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._connection = connection
        self._check_whole(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        with self._writing():
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                rows = [("format", str(FORMAT)), ("cluster.id", proposed_cluster_id)]
                connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            connection.execute(_CHECKSUMS)
        return self._check_format()

    def _check_whole(self, path: Path) -> None:
        """The pages of the file; what is in them is checked when it is read."""
        (found,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise StoreError(damaged(path, str(found)))

    def _check_format(self) -> str:
        found = dict(self._database.execute("SELECT key, value FROM meta").fetchall())
        if not str(found.get("format", "")).isdigit() or "cluster.id" not in found:
            raise StoreError(damaged(self._folder / FILE_NAME, "its format or cluster.id cannot be read"))
        if int(found["format"]) > FORMAT:
            raise StoreError(
                f"the metadata store in {self._folder} has format {found['format']}, which is newer than format "
                f"{FORMAT} of this program; start the newer version that wrote it"
            )
        return str(found["cluster.id"])

    def _elect(self, broker: int, incarnation: bytes) -> ControllerEpoch | None:
        with self._writing():
            holder, seen, epoch = self._database.execute("SELECT broker, incarnation, epoch FROM controller").fetchone()
            if holder not in (-1, broker) and self._is_live(Holder(holder, seen)):
                return None
            row = (broker, incarnation, epoch + 1)
            self._database.execute("UPDATE controller SET broker = ?, incarnation = ?, epoch = ?", row)
        return ControllerEpoch(epoch + 1)

    def _append(
        self, epoch: ControllerEpoch, at_offset: int, packed: bytes, count: int, writer: bytes
    ) -> AppendOutcome:
        try:
            with self._writing():
                (present,) = self._database.execute("SELECT epoch FROM controller").fetchone()
                (end,) = self._database.execute(_HEAD).fetchone()
                if present != epoch or end != at_offset:
                    return Fenced(present, end)
                row = (at_offset, epoch, writer, count, packed)
                self._database.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", row)
                self._database.execute("INSERT OR REPLACE INTO checksum VALUES (?, ?)", (at_offset, crc32(packed)))
        except sqlite3.Error as error:
            return Unknown(str(error))
        return Committed(at_offset + count)

    def _read(self, from_offset: int, max_records: int) -> list[StoredBatch]:
        (start,) = self._database.execute("SELECT coalesce(max(at_offset), 0) FROM snapshot").fetchone()
        if from_offset < start:
            raise LookupError(f"the metadata log begins at {start}, not at {from_offset}")
        query = (
            "SELECT base_offset, epoch, writer, count, records, crc FROM log LEFT JOIN checksum ON at = base_offset "
            "WHERE base_offset >= ? ORDER BY base_offset"
        )
        found: list[StoredBatch] = []
        total = 0
        for base_offset, epoch, writer, count, packed, crc in self._database.execute(query, (from_offset,)):
            if found and total + count > max_records:
                break
            records = self._checked(packed, crc, f"the batch at offset {base_offset}")
            if len(records) != count:
                raise StoreError(damaged(self._folder / FILE_NAME, f"the batch at offset {base_offset} lacks records"))
            found.append(StoredBatch(base_offset, epoch, writer, records))
            total += count
        return found

    def _snapshot(self, offset: int, packed: bytes) -> None:
        with self._writing():
            (latest,) = self._database.execute("SELECT coalesce(max(at_offset), 0) FROM snapshot").fetchone()
            if offset <= latest:
                return
            self._database.execute("INSERT INTO snapshot VALUES (?, ?)", (offset, packed))
            self._database.execute("DELETE FROM checksum WHERE at < ?", (offset,))
            self._database.execute("INSERT OR REPLACE INTO checksum VALUES (?, ?)", (-offset, crc32(packed)))
            self._database.execute("DELETE FROM snapshot WHERE at_offset < ?", (offset,))
            self._database.execute("DELETE FROM log WHERE base_offset + count <= ?", (offset,))

    def _latest_snapshot(self) -> StoredSnapshot | None:
        row = self._database.execute(
            "SELECT at_offset, records, crc FROM snapshot LEFT JOIN checksum ON at = -at_offset "
            "ORDER BY at_offset DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        return StoredSnapshot(row[0], self._checked(row[1], row[2], f"the snapshot at offset {row[0]}"))

    def _checked(self, packed: bytes, crc: int | None, what: str) -> tuple[bytes, ...]:
        """The records. Without a checksum where a version before there were any has written them."""
        if not isinstance(packed, bytes) or (crc is not None and crc32(packed) != crc):
            raise StoreError(damaged(self._folder / FILE_NAME, f"the checksum of {what} is wrong"))
        return _unpack(packed)

    def _take_lease(self, lease: SqliteLease) -> bool:
        holder = lease.holder
        held = self._locks.get(holder.broker)
        if held is None:
            held = BrokerLock.take(self._folder, holder.broker)
            if held is None:
                return False
            self._locks[holder.broker] = held
        self._write_lease(holder, lease.session)
        return True

    def _write_lease(self, holder: Holder, session: float) -> None:
        """Not synced: a lease means nothing after a power cut."""
        self._database.execute("PRAGMA synchronous=NORMAL")
        try:
            with self._writing():
                row = (holder.broker, holder.incarnation, self._clock.monotonic() + session)
                self._database.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", row)
        finally:
            self._database.execute("PRAGMA synchronous=FULL")

    def _renew_lease(self, holder: Holder, session: float) -> bool:
        if not self._is_live(holder):
            return False
        self._write_lease(holder, session)
        return True

    def _release_lease(self, holder: Holder) -> None:
        lock = self._locks.pop(holder.broker, None)
        if lock is None:
            return
        with self._writing():
            row = (holder.broker, holder.incarnation)
            self._database.execute("DELETE FROM lease WHERE broker = ? AND incarnation = ?", row)
        lock.release()

    def _holders(self) -> list[Holder]:
        rows = self._database.execute("SELECT broker, incarnation FROM lease ORDER BY broker").fetchall()
        return [holder for holder in (Holder(*row) for row in rows) if self._is_live(holder)]

    def _is_live(self, holder: Holder) -> bool:
        row = self._database.execute(
            "SELECT incarnation, expires FROM lease WHERE broker = ?", (holder.broker,)
        ).fetchone()
        if row is None or row[0] != holder.incarnation or self._clock.monotonic() >= row[1]:
            return False
        return holder.broker in self._locks or lock_is_held(self._folder, holder.broker)

    def _close(self) -> None:
        if self._connection is None:
            return
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()
        self._connection.close()
        self._connection = None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction that has the right to write from its begin, so that what it reads stays true."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # after some failures there is nothing left to roll back
                self._database.execute("ROLLBACK")
            raise


class SqliteLease:
    """A row with a deadline, and the lock of the process."""

    def __init__(self, store: SqliteStore, holder: Holder, session: float) -> None:
        self._store = store
        self.holder = holder
        self.session = session

    async def renew(self) -> bool:
        return await self._store._run(lambda: self._store._renew_lease(self.holder, self.session))

    async def release(self) -> None:
        await self._store._run(lambda: self._store._release_lease(self.holder))
        self._store._wake()


def _pack(records: Sequence[bytes]) -> bytes:
    """Each record after its length in four bytes."""
    return b"".join(part for record in records for part in (len(record).to_bytes(4, "big"), record))


def _unpack(packed: bytes) -> tuple[bytes, ...]:
    records = []
    position = 0
    while position < len(packed):
        start = position + 4
        position = start + int.from_bytes(packed[position:start], "big")
        records.append(packed[start:position])
    return tuple(records)
