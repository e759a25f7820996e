"""Kafka's DumpLogSegments finds nothing wrong in any folder that we wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder
from ottla.storage.log import Origin, PartitionLog, open_log
from ottla.storage.os_files import OsFiles
from ottla.storage.settings import TopicSettings
from tests.conformance.kafka_tools import complaints, dump_log
from tests.unit.storage.compacted import clean

pytestmark = pytest.mark.java

NOW_MS = 1_700_000_000_000
SMALL = {"internal.segment.bytes": 30_000, "index.interval.bytes": 512}


def new_log(folder: Path, **values: object) -> PartitionLog:
    folder.mkdir(parents=True)
    settings = TopicSettings.of({**SMALL, **{key.replace("_", "."): value for key, value in values.items()}})  # type: ignore[arg-type]
    return open_log(OsFiles(), str(folder), settings, now_ms=NOW_MS, clean=True)


def reopened(log: PartitionLog, *, clean: bool) -> PartitionLog:
    point = log.log_end_offset if clean else 0
    return open_log(OsFiles(), log.folder, log.settings, now_ms=NOW_MS, clean=clean, recovery_point=point)


def append(log: PartitionLog, batch: bytes, origin: Origin = Origin.CLIENT) -> None:
    log.append(batch, leader_epoch=3, now_ms=NOW_MS, origin=origin)


def batch(number: int, *, codec: int = 0, records: int = 3, size: int = 100) -> bytes:
    """Timestamps go up and down, as they do."""
    builder = BatchBuilder(codec=codec)
    for index in range(records):
        time = NOW_MS + number * 10 - (number % 7) * 50 + index
        builder.append(time, b"key-%d" % number, b"x" * (size + number % 50), [("h", b"1"), ("none", None)])
    return builder.build()


def fill(log: PartitionLog, batches: int = 400, **shape: int) -> None:
    for number in range(batches):
        append(log, batch(number, **shape))


def every_codec(folder: Path) -> None:
    for codec in range(5):
        log = new_log(folder / f"codec{codec}-0")
        fill(log, codec=codec, batches=600 if codec else 300)
        assert log.segment_count > 2
        log.close()


def recompressed_and_stamped(folder: Path) -> None:
    for name in ("gzip", "snappy", "lz4", "zstd", "uncompressed"):
        log = new_log(folder / f"{name}-0", compression_type=name, message_timestamp_type="LogAppendTime")
        fill(log, codec=3, batches=50)
        log.close()


def mixed_sizes(folder: Path) -> None:
    """Batches larger and smaller than the index interval; every roll rule but time."""
    log = new_log(folder / "mixed-0", segment_index_bytes=80)
    for number in range(300):
        append(log, batch(number, records=1 + number % 5, size=(number * 37) % 3000))
    log.close()
    log = reopened(log, clean=True)
    fill(log, 100)
    log.close()


def after_a_crash(folder: Path) -> None:
    log = new_log(folder / "crashed-0")
    fill(log)
    last = sorted(Path(log.folder).glob("*.log"))[-1]
    with last.open("ab") as torn:
        torn.write(batch(1)[:-5])
    again = reopened(log, clean=False)
    assert again.log_end_offset == log.log_end_offset
    fill(again, 100)
    again.close()


def after_truncation(folder: Path) -> None:
    for target in (1, 200, 601, 1195):
        log = new_log(folder / f"truncated{target}-0")
        fill(log)
        log.truncate_to(target)
        assert target - 3 < log.log_end_offset <= target
        fill(log, 50)
        log.close()


def after_retention(folder: Path) -> None:
    log = new_log(folder / "retained-0", retention_bytes=100_000, file_delete_delay_ms=0)
    fill(log)
    assert log.retain(NOW_MS, log.log_end_offset) > 0
    log.remove_due(NOW_MS)
    log.close()


def transactions(folder: Path) -> None:
    log = new_log(folder / "transactions-0")
    for number in range(120):
        producer = number % 4
        builder = BatchBuilder(
            producer_id=producer, producer_epoch=0, base_sequence=number // 4 * 2, transactional=True
        )
        builder.append(NOW_MS + number, b"k", b"v" * 300)
        builder.append(NOW_MS + number, None, None)
        append(log, builder.build())
        if number % 9 == 8:
            marker = end_marker(
                producer_id=producer, producer_epoch=0, committed=number % 2 == 0, coordinator_epoch=7, timestamp=NOW_MS
            )
            append(log, marker, Origin.COORDINATOR)
            if number % 3 == 2:
                log.roll(NOW_MS)
    log.close()


def compacted(folder: Path) -> None:
    """All codecs, several segments and passes, tombstones before and after their horizon, transactions."""
    for codec in range(5):
        log = new_log(folder / f"compacted{codec}-0", cleanup_policy=("compact",), delete_retention_ms=1000)
        checkpoint = None
        for round_number in range(3):
            fill_keyed(log, codec, round_number)
            log.roll(NOW_MS)
            checkpoint = clean(log, OsFiles(), checkpoint=checkpoint, now_ms=NOW_MS + 900 * round_number).clean_to
        assert log.segment_count > 2
        assert log.remove_due(NOW_MS + 10**9) is None
        log.close()


def fill_keyed(log: PartitionLog, codec: int, round_number: int, now_ms: int = NOW_MS) -> None:
    """Producers 0 to 3 are transactional, of which each third aborts; 4 is idempotent; then batches without an id."""
    sequences = {view.producer_id: view.last_sequence + 1 for view in log.producers()}
    for number in range(200):
        producer = number % 7
        fields: dict[str, int] = {}
        if producer < 5:
            first = sequences.get(producer, 0)
            sequences[producer] = first + 4
            fields = {"producer_id": producer, "producer_epoch": 0, "base_sequence": first}
        builder = BatchBuilder(codec=codec, transactional=producer < 4, **fields)  # type: ignore[arg-type]
        for index in range(4):
            key = b"key-%d" % ((number * 31 + index * 7 + round_number) % 150)
            value = None if (number + index) % 9 == 0 else bytes([number % 251]) * 400
            builder.append(now_ms + number * 10 - (number % 7) * 50 + index, key, value, [("h", b"1")])
        append(log, builder.build())
        if producer < 4:
            marker = end_marker(
                producer_id=producer, producer_epoch=0, committed=number % 3 > 0, coordinator_epoch=1, timestamp=now_ms
            )
            append(log, marker, Origin.COORDINATOR)


FOLDERS: list[Callable[[Path], None]] = [
    every_codec, recompressed_and_stamped, mixed_sizes, after_a_crash, after_truncation, after_retention, transactions,
    compacted,
]  # fmt: skip


@pytest.mark.parametrize("write", FOLDERS, ids=lambda write: write.__name__)
def test_the_dump_tool_finds_nothing_wrong(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    files = [
        path
        for suffix in ("log", "index", "timeindex", "snapshot", "txnindex")
        for path in sorted(tmp_path.glob(f"*/*.{suffix}"))
    ]
    assert any(path.suffix == ".log" and path.stat().st_size for path in files)
    output = dump_log(files, "--deep-iteration")
    found = complaints(output)
    if write is compacted:  # gaps between offsets are what compaction is about
        found = [line for line in found if " is followed by " not in line]
    assert found == []
    assert output.count("Dumping ") == len(files)
    assert output.count("isvalid: true") >= 100
    indexes = [path for path in files if path.suffix in (".index", ".timeindex")]
    sane = dump_log(indexes, "--index-sanity-check")
    empty = 0 if write is not compacted else sane.count(".index is empty.")  # of a segment begun by the last roll
    assert sane.count("passed sanity check.") + empty == len(indexes)


def test_the_dump_tool_does_see_damage(tmp_path: Path) -> None:
    """The proof above can fail."""
    log = new_log(tmp_path / "damaged-0")
    fill(log, 100)
    log.close()
    file = next(iter(Path(log.folder).glob("*.log")))
    content = bytearray(file.read_bytes())
    content[5000] ^= 0xFF
    file.write_bytes(content)
    index = next(iter(Path(log.folder).glob("*.index")))
    entries = bytearray(index.read_bytes())
    entries[3] ^= 1
    index.write_bytes(entries)
    assert len(complaints(dump_log([file, index]))) >= 2
