"""A metadata.sqlite that cannot be trusted is named in a sentence, and left as it is."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from ottla.common.clock import SystemClock
from ottla.metadata.store import Committed, StoreError
from ottla.metadata.stores.faults import store_sentence
from ottla.metadata.stores.sqlite import FILE_NAME, SqliteStore


async def fill(folder: Path) -> None:
    store = SqliteStore(str(folder), SystemClock())
    await store.open("cluster")
    epoch = await store.elect(1, b"incarnation")
    assert epoch is not None
    end = 0
    for number in range(30):
        outcome = await store.append(epoch, end, [b"record %d " % number * 20], b"w%015d" % number)
        assert isinstance(outcome, Committed)
        end = outcome.end
        if number == 20:
            await store.snapshot(end, [b"snapshot " * 50])
    await store.close()


async def read(folder: Path) -> tuple[object, ...]:
    store = SqliteStore(str(folder), SystemClock())
    try:
        cluster = await store.open("other")
        snapshot = await store.latest_snapshot()
        assert snapshot is not None
        batches = await store.read(snapshot.offset)
        return cluster, snapshot.records, [batch.records for batch in batches], [batch.base_offset for batch in batches]
    finally:
        await store.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_is_a_sentence_or_changes_nothing(seed: int, tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    expected = asyncio.run(read(tmp_path))
    draw = random.Random(seed)
    used = [place for place, byte in enumerate(whole) if byte]  # most of a small file is nothing
    refused = 0
    for _ in range(40):
        bit = draw.choice(used) * 8 + draw.randrange(8)
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(damaged)
        try:
            assert asyncio.run(read(tmp_path)) == expected, f"bit {bit}"
        except StoreError as error:
            refused += 1
            assert str(path) in str(error), error
    assert refused


def test_no_flip_in_a_record_goes_unseen(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    for text in (b"snapshot snapshot", b"record 25 record"):
        place = whole.rindex(text)
        damaged = bytearray(whole)
        damaged[place + 3] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="is damaged: the checksum of the"):
            asyncio.run(read(tmp_path))
        assert path.read_bytes() == damaged, "it is left as it was"
        for other in tmp_path.iterdir():
            other.unlink()


def test_what_sqlite_says_becomes_what_to_do(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):  # the second at a start on a full disk
        error.sqlite_errorcode = code
        assert store_sentence(error, tmp_path / FILE_NAME) == (
            f"the disk is full ({tmp_path / FILE_NAME}); free some space, or choose another folder with --data or "
            f"log.dirs"
        )
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    assert "the disk failed at" in store_sentence(error, tmp_path / FILE_NAME)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    sentence = store_sentence(error, tmp_path / FILE_NAME)
    assert "is damaged" in sentence and "It was left as it is" in sentence and "Put back a copy" in sentence


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(str(tmp_path), SystemClock())
        await store.open("cluster")
        assert await store.lease(1, b"i", 9000) is not None
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        assert len(modes) == 4 and set(modes.values()) == {0o600}, modes
        await store.close()

    asyncio.run(main())
