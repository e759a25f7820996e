"""What a pass keeps and drops, record by record. The rules are Kafka's; tests/conformance compares with it."""

from __future__ import annotations

import pytest

from ottla.common.errors import CorruptMessage
from ottla.records.batch import CRC_FROM, DELETE_HORIZON, crc32c
from ottla.storage.log import PartitionLog
from ottla.storage.log_cleaning import Memory
from ottla.storage.paths import LOG, TXN_INDEX
from ottla.testing.files import SimFiles
from tests.unit.storage.compacted import COMPACT, clean, contents, headers, mark, pairs, put, settle, values
from tests.unit.storage.logs import FOLDER, NOW_MS, add, new_log, reopen

HOUR_MS = 3_600_000


def log_of(files: SimFiles, **settings: object) -> PartitionLog:
    return new_log(files, cleanup_policy=COMPACT, delete_retention_ms=HOUR_MS, **settings)


def test_the_newest_record_of_each_key_stays_at_its_offset() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), (b"b", b"1"), (b"c", b"1"))
    put(log, (b"a", b"2"))
    log.roll(NOW_MS)
    put(log, (b"b", b"2"))
    result = clean(log, files)
    assert values(log) == [(1, b"b", b"1"), (2, b"c", b"1"), (3, b"a", b"2"), (4, b"b", b"2")]
    assert (result.clean_to, result.records_read, result.records_kept) == (4, 4, 3)
    first = headers(log)[0]
    assert (first.base_offset, first.last_offset, first.record_count) == (0, 2, 2)


def test_the_active_segment_is_never_cleaned() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"))
    put(log, (b"a", b"2"))
    dirt = log.dirt(None, 2, NOW_MS)
    assert (dirt.dirty_bytes, dirt.end) == (0, 0)


@pytest.mark.parametrize("codec", range(5))
def test_a_batch_keeps_its_codec_and_the_times_of_its_records(codec: int) -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, *[(b"k%d" % (index % 30), b"x" * 50) for index in range(90)], codec=codec, timestamp=NOW_MS - 5000)
    log.roll(NOW_MS)
    clean(log, files)
    header, records = contents(log)[0]
    assert header.codec == codec
    assert [(one.offset, one.timestamp) for one in records] == [(60 + n, NOW_MS - 5000 + 60 + n) for n in range(30)]
    assert (header.last_offset, header.max_timestamp) == (89, NOW_MS - 5000 + 89)


def test_a_tombstone_stays_until_its_horizon_has_passed() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), (b"b", b"1"))
    put(log, (b"a", None))
    log.roll(NOW_MS)
    put(log, (b"z", b"1"))
    log.roll(NOW_MS)
    clean(log, files)
    assert values(log) == [(1, b"b", b"1"), (2, b"a", None), (3, b"z", b"1")]
    marked = headers(log)[1]
    assert marked.attributes & DELETE_HORIZON and marked.base_timestamp == NOW_MS + HOUR_MS
    assert contents(log)[1][1][0].timestamp == NOW_MS
    clean(log, files, now_ms=NOW_MS + HOUR_MS - 1)
    assert (2, b"a", None) in values(log)
    assert headers(log)[1].base_timestamp == NOW_MS + HOUR_MS  # the horizon does not move
    clean(log, files, now_ms=NOW_MS + HOUR_MS)
    assert values(log) == [(1, b"b", b"1"), (3, b"z", b"1")]


def test_records_without_a_key_go() -> None:
    files = SimFiles()
    log = new_log(files)
    add(log, pairs((b"a", b"1")))
    add(log)
    log.configure(log_of(SimFiles()).settings)
    log.roll(NOW_MS)
    clean(log, files)
    assert [key for _, key, _ in values(log)] == [b"a", b"k0"]


def test_the_last_batch_of_a_live_producer_stays_without_its_records() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), producer_id=7, producer_epoch=0, base_sequence=0)
    put(log, (b"a", b"2"), producer_id=7, producer_epoch=0, base_sequence=1)
    log.roll(NOW_MS)
    put(log, (b"a", b"3"))
    log.roll(NOW_MS)
    clean(log, files)
    empty, kept = headers(log)
    assert (empty.base_offset, empty.record_count, empty.producer_id, empty.base_sequence) == (1, 0, 7, 1)
    assert (kept.base_offset, kept.record_count) == (2, 1)
    log.close()
    for name in files.list_folder(FOLDER):
        if name.endswith(".snapshot"):
            files.remove(f"{FOLDER}/{name}")
    again = reopen(files, clean=False, cleanup_policy=COMPACT)
    assert [(one.producer_id, one.last_sequence) for one in again.producers()] == [(7, 1)]
    assert put(again, (b"a", b"2"), producer_id=7, producer_epoch=0, base_sequence=1) == 1  # a retry is known
    assert again.log_end_offset == 3


def test_the_batch_of_a_producer_that_was_forgotten_goes() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), producer_id=7, producer_epoch=0, base_sequence=0)
    log.roll(NOW_MS)
    put(log, (b"a", b"3"))
    log.roll(NOW_MS)
    log.expire_producers(NOW_MS + 1, 0)
    clean(log, files)
    assert [one.base_offset for one in headers(log)] == [1]


def test_aborted_records_go_and_supersede_nothing() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"committed"))
    put(log, (b"a", b"aborted"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    put(log, (b"b", b"2"), producer_id=8, producer_epoch=0, base_sequence=0, transactional=True)
    mark(log, 7, committed=False)
    mark(log, 8, committed=True)
    put(log, (b"c", b"1"), producer_id=7, producer_epoch=0, base_sequence=1)
    log.roll(NOW_MS)
    clean(log, files)
    assert values(log) == [(0, b"a", b"committed"), (2, b"b", b"2"), (5, b"c", b"1")]
    assert [one.base_offset for one in headers(log) if one.is_control] == [3, 4]
    assert log.aborted_transactions(0, log.log_end_offset) == [(7, 1)]


def test_a_marker_goes_when_its_data_is_gone_and_its_horizon_has_passed() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"aborted"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    mark(log, 7, committed=False)
    put(log, (b"a", b"1"), producer_id=7, producer_epoch=0, base_sequence=1, transactional=True)
    mark(log, 7, committed=True)
    log.roll(NOW_MS)
    put(log, (b"a", b"2"), producer_id=7, producer_epoch=0, base_sequence=2)
    log.roll(NOW_MS)

    def marked() -> list[tuple[int, bool]]:
        return [(one.base_offset, bool(one.attributes & DELETE_HORIZON)) for one in headers(log) if one.is_control]

    clean(log, files)  # the data goes; the markers end something that was still there
    assert (values(log), marked()) == ([(4, b"a", b"2")], [(1, False), (3, False)])
    assert log.aborted_transactions(0, 5) == [(7, 0)]
    clean(log, files)  # now they end nothing, and their horizon begins
    assert marked() == [(1, True), (3, True)]
    assert log.aborted_transactions(0, 5) == []
    clean(log, files, now_ms=NOW_MS + HOUR_MS - 1)
    assert marked() == [(1, True), (3, True)]
    clean(log, files, now_ms=NOW_MS + HOUR_MS)
    assert (values(log), marked()) == ([(4, b"a", b"2")], [])


def test_nothing_above_the_last_stable_offset_is_cleaned() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"))
    log.roll(NOW_MS)
    put(log, (b"b", b"open"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    log.roll(NOW_MS)
    put(log, (b"a", b"2"), (b"b", b"2"))
    log.roll(NOW_MS)
    assert log.dirt(None, log.log_end_offset, NOW_MS).end == 1
    clean(log, files)
    assert values(log) == [(0, b"a", b"1"), (1, b"b", b"open"), (2, b"a", b"2"), (3, b"b", b"2")]
    mark(log, 7, committed=True)
    log.roll(NOW_MS)
    assert log.dirt(None, 4, NOW_MS).end == 1  # the marker is not below the high watermark: a new leader may lack it
    assert log.dirt(None, 5, NOW_MS).end == 5
    clean(log, files)
    assert values(log) == [(2, b"a", b"2"), (3, b"b", b"2")]


def test_a_full_map_ends_the_pass_at_the_key_that_has_no_room() -> None:
    files = SimFiles()
    log = log_of(files)
    for round_number in range(3):
        put(log, *[(b"k%d" % index, b"%d" % round_number) for index in range(4)])
    log.roll(NOW_MS)
    memory = Memory(map_bytes=24 * 3, load_factor=0.9)
    first = clean(log, files, memory=memory)
    assert first.clean_to == 2
    assert len(values(log)) == 12
    checkpoint = first.clean_to
    for _ in range(20):
        checkpoint = clean(log, files, checkpoint=checkpoint, memory=memory).clean_to
    assert checkpoint == 12
    assert values(log) == [(8 + index, b"k%d" % index, b"2") for index in range(4)]


def test_small_segments_become_one_within_the_limits() -> None:
    files = SimFiles()
    log = log_of(files, internal_segment_bytes=400)
    for number in range(12):
        put(log, (b"k%d" % (number % 3), b"x" * 20))
        log.roll(NOW_MS)
    clean(log, files)
    sizes = {name: files.size(f"{FOLDER}/{name}") for name in files.list_folder(FOLDER) if name.endswith(LOG)}
    assert len(sizes) < 6
    assert all(size <= 400 for size in sizes.values())
    assert [offset for offset, _, _ in values(log)] == [9, 10, 11]


def test_a_batch_larger_than_the_buffer_is_cleaned() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, *[(b"k%d" % (index % 2), bytes(5000)) for index in range(10)])
    log.roll(NOW_MS)
    clean(log, files, memory=Memory(read_bytes=256))
    assert [offset for offset, _, _ in values(log)] == [8, 9]


def test_a_corrupt_batch_is_not_sealed_with_a_new_crc() -> None:
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), (b"a", b"2"))
    log.roll(NOW_MS)
    settle(log)
    file = files.open(f"{FOLDER}/{0:020d}.log")
    file.pwrite(65, b"\xff")
    file.close()
    with pytest.raises(CorruptMessage):
        clean(log, files)


def test_every_crc_is_right_and_the_txn_index_is_that_of_the_new_segment() -> None:
    files = SimFiles()
    log = log_of(files)
    for number in range(6):
        put(log, (b"a", b"%d" % number), producer_id=7, producer_epoch=0, base_sequence=number, transactional=True)
        mark(log, 7, committed=number % 2 == 0)
        log.roll(NOW_MS)
    clean(log, files)
    clean(log, files)
    raw = files.read(f"{FOLDER}/{0:020d}.log")
    for header in headers(log):
        at = raw.index(header.base_offset.to_bytes(8, "big") + header.length.to_bytes(4, "big"))
        assert crc32c(raw[at + CRC_FROM : at + header.size_bytes]) == header.crc
    assert [name for name in files.list_folder(FOLDER) if name.endswith(TXN_INDEX)]
    assert len(log.aborted_transactions(0, log.log_end_offset)) == 1  # of the last, whose batch is its producer's last


def test_a_reader_keeps_its_range_of_the_old_segment() -> None:
    files = SimFiles()
    log = log_of(files, file_delete_delay_ms=100)
    put(log, (b"a", b"1"), (b"a", b"2"))
    log.roll(NOW_MS)
    reading = log.read(0, 1 << 20, up_to=2)
    before = reading.read_all()
    clean(log, files)
    assert reading.read_all() == before
    log.remove_due(NOW_MS + 200)
    assert reading.read_all() == before
    reading.release()
    log.remove_due(NOW_MS + 200)
    assert not [name for name in files.list_folder(FOLDER) if name.endswith(".deleted")]


def test_old_files_go_after_file_delete_delay_ms() -> None:
    files = SimFiles()
    log = log_of(files, file_delete_delay_ms=100)
    put(log, (b"a", b"1"), (b"a", b"2"))
    log.roll(NOW_MS)
    clean(log, files)
    log.remove_due(NOW_MS + 99)
    assert f"{0:020d}.log.deleted" in files.list_folder(FOLDER)
    log.remove_due(NOW_MS + 100)
    assert f"{0:020d}.log.deleted" not in files.list_folder(FOLDER)


def test_many_small_batches_are_written_in_pieces() -> None:
    files = SimFiles()
    log = log_of(files)
    for number in range(2500):
        put(log, (b"%d" % number, b""))
    log.roll(NOW_MS)
    clean(log, files)
    assert len(values(log)) == 2500


def test_times_of_the_append_stay_when_a_delete_horizon_begins() -> None:
    files = SimFiles()
    log = log_of(files, message_timestamp_type="LogAppendTime")
    put(log, (b"a", b"1"), (b"b", None), codec=4)
    log.roll(NOW_MS)
    clean(log, files, now_ms=NOW_MS + 5)
    header, records = contents(log)[0]
    assert header.attributes & DELETE_HORIZON and header.base_timestamp == NOW_MS + 5 + HOUR_MS
    assert [one.timestamp for one in records] == [NOW_MS, NOW_MS] and header.max_timestamp == NOW_MS


def test_the_marker_of_a_bumped_epoch_stays_while_its_producer_lives() -> None:
    """After a marker with a new epoch nothing else tells which epoch is the producer's (KIP-890)."""
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    mark(log, 7, committed=True, epoch=1)
    log.roll(NOW_MS)
    put(log, (b"a", b"2"))
    log.roll(NOW_MS)
    for now_ms in (NOW_MS, NOW_MS, NOW_MS + HOUR_MS, NOW_MS + HOUR_MS):
        clean(log, files, now_ms=now_ms)
    assert [(one.base_offset, one.is_control, one.record_count, one.producer_epoch) for one in headers(log)] == [
        (1, True, 0, 1),
        (2, False, 1, -1),
    ]


@pytest.mark.parametrize("suffix", ["cleaned", "swap"])
def test_a_copy_that_is_not_complete_is_no_copy(suffix: str) -> None:
    """One file is still `.cleaned`: the start removes them all, and the old segment is untouched."""
    files = SimFiles()
    log = log_of(files)
    put(log, (b"a", b"1"), (b"a", b"2"))
    log.roll(NOW_MS)
    settle(log)
    expected = values(log)
    for kind, name in (("log", suffix), ("index", "cleaned"), ("timeindex", "swap")):
        files.open(f"{FOLDER}/{0:020d}.{kind}.{name}", create=True).close()
    again = reopen(files, clean=False, cleanup_policy=COMPACT)
    assert values(again) == expected
    assert not [name for name in files.list_folder(FOLDER) if name.endswith((".cleaned", ".swap"))]
