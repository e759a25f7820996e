"""Small files that lie, indexes that are wrong, ends that are not whole: the log decides; what is mended is told."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from ottla.common.errors import CorruptMessage, InvalidRecord, KafkaStorageError
from ottla.records.batch import BatchHeader, assemble, batches
from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder, encode_record
from ottla.storage.log import Origin, PartitionLog, open_log
from ottla.storage.open_files import OpenFiles
from ottla.storage.repairs import Cut, Reason, Remade, Repair
from ottla.testing.files import Crashed, SimFiles
from tests.unit.storage.logs import FOLDER, NOW_MS, add, batch, new_log, settings
from tests.unit.storage.test_log_recovery_steps import SIZE, damage, overwrite, written

COUNT = 8
"""Batches of one record in what `written` leaves: segments at 0, 3 and 6."""


class Told:
    """A log that was opened, and what was mended."""

    def __init__(self, files: SimFiles, *, clean: bool = True, point: int = COUNT, start: int = 0, **values: object):
        self.files = files
        self.repairs: list[Repair] = []
        self.log = open_log(
            files, FOLDER, settings(**({"internal_segment_bytes": 3 * SIZE, "index_interval_bytes": 0} | values)),
            now_ms=NOW_MS, clean=clean, recovery_point=point, log_start_offset=start, open_files=OpenFiles(4),
            on_repair=self.repairs.append,
        )  # fmt: skip

    @property
    def cuts(self) -> list[Cut]:
        return [one for one in self.repairs if isinstance(one, Cut)]

    @property
    def remade(self) -> list[str]:
        return [one.path.rpartition("/")[2] for one in self.repairs if isinstance(one, Remade)]

    def kept(self) -> bytes:
        return b"".join(self.files.read(f"{FOLDER}/{name}") for cut in self.cuts for name in cut.kept)


def offsets(log: PartitionLog) -> list[int]:
    """Of all batches, as readers find them one after the other."""
    found, offset = [], log.log_start_offset
    while offset < log.log_end_offset:
        piece = log.read(offset, 1 << 20, up_to=log.log_end_offset)
        data = piece.read_all()
        piece.release()
        found += [header.base_offset for _, header in batches(data) if header.base_offset >= offset]
        offset = piece.end_offset
    return found


def name(base: int, suffix: str) -> str:
    return f"{base:020d}{suffix}"


def lose(files: SimFiles, base: int) -> None:
    """A whole segment, as a folder that was copied by half lacks it."""
    for suffix in (".log", ".index", ".timeindex"):
        files.remove(f"{FOLDER}/{name(base, suffix)}")


# -- a segment that is missing


def test_a_segment_that_is_missing_after_a_clean_stop_is_told_once_when_the_log_is_read_up_to_there() -> None:
    files = written()
    lose(files, 3)
    told = Told(files)
    assert offsets(told.log) == [0, 1, 2, 6, 7]
    assert offsets(told.log) == [0, 1, 2, 6, 7]
    assert told.cuts == [Cut(FOLDER, 3, 6, 0, 0, Reason.GAP, ())]


def test_who_asks_for_a_missing_offset_has_the_gap_told() -> None:
    files = written()
    lose(files, 3)
    told = Told(files)
    told.log.read(4, 100, up_to=8).release()
    assert [(cut.offset, cut.goes_on_at) for cut in told.cuts] == [(3, 6)]


@pytest.mark.parametrize("point", [0, 6, COUNT])
def test_a_segment_that_is_missing_below_the_durable_end_is_told_after_a_crash(point: int) -> None:
    """Above it a torn write may have left the gap, so that the log ends before it."""
    files = written()
    lose(files, 3)
    told = Told(files, clean=False, point=point)
    (cut,) = told.cuts
    assert (cut.offset, cut.reason) == (3, Reason.GAP)
    assert offsets(told.log) == ([0, 1, 2, 6, 7] if point else [0, 1, 2])
    assert (cut.kept == ()) == bool(point)


def test_compaction_leaves_gaps_between_segments_and_they_are_not_told() -> None:
    files = written()
    lose(files, 3)
    told = Told(files, cleanup_policy=("compact",))
    assert offsets(told.log) == [0, 1, 2, 6, 7]
    assert told.repairs == []


def test_a_hole_that_a_cut_has_left_is_not_told_again() -> None:
    files = written()
    damage(files, name(3, ".log"), SIZE + SIZE - 3, b"!!")
    first = Told(files, clean=False, point=5)
    (cut,) = first.cuts
    assert cut.kept and (cut.offset, cut.goes_on_at) == (4, 5)
    first.log.close()
    for clean in (True, False):
        again = Told(files, clean=clean, point=COUNT)
        assert offsets(again.log) == [0, 1, 2, 3, 5, 6, 7]
        assert again.cuts == []


# -- where a log ends


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("point", [0, 2, 3, 6, 7, COUNT, COUNT + 8, 1 << 40])
def test_the_log_says_where_it_ends_whatever_the_checkpoint_says(point: int, clean: bool) -> None:
    told = Told(written(), clean=clean, point=point)
    assert told.log.log_end_offset == COUNT
    assert told.log.durable_end <= COUNT
    assert offsets(told.log) == list(range(COUNT))
    assert add(told.log) == COUNT
    assert [cut.reason for cut in told.cuts] == ([Reason.MISSING] if point > COUNT else [])


@pytest.mark.parametrize("tail", [bytes(5000), b"garbage" * 40, batch()[:-1], batch()[:30], batch(base_offset=3)])
def test_what_follows_the_last_batch_after_a_clean_stop_is_cut_and_told_and_kept_unless_zeros(tail: bytes) -> None:
    files = written()
    file = files.open(f"{FOLDER}/{name(6, '.log')}")
    file.append(tail)
    told = Told(files)
    assert told.log.log_end_offset == COUNT
    assert add(told.log) == COUNT
    assert offsets(told.log) == list(range(COUNT + 1))
    assert [(cut.offset, cut.size_bytes) for cut in told.cuts] == [(COUNT, len(tail))]
    assert told.kept() == (tail if any(tail) else b"")


@pytest.mark.parametrize("tail", [bytes(5000), b"garbage" * 40, batch()[:-1]])
def test_what_follows_the_last_batch_of_a_closed_segment_is_never_served(tail: bytes) -> None:
    files = written()
    file = files.open(f"{FOLDER}/{name(3, '.log')}")
    file.append(tail)
    told = Told(files)
    assert offsets(told.log) == list(range(COUNT))
    found = told.log.read(3, 1 << 20, up_to=COUNT)
    assert len(found) == 3 * SIZE
    found.release()
    assert [cut.size_bytes for cut in told.cuts] == [len(tail)]
    assert told.kept() == (tail if any(tail) else b"")


def test_a_false_marker_of_a_clean_stop_is_found_out_by_the_last_batch() -> None:
    files = written()
    damage(files, name(6, ".log"), SIZE + 70, b"\xff\xff")
    whole = files.read(f"{FOLDER}/{name(6, '.log')}")[SIZE:]
    told = Told(files, clean=True, point=7)
    assert [(cut.offset, cut.reason, cut.segments) for cut in told.cuts] == [(7, Reason.WRONG_CRC, 0)]
    assert told.kept() == whole
    assert add(told.log) == 7


def test_a_batch_in_the_middle_with_a_wrong_crc_is_not_cut_after_a_clean_stop() -> None:
    files = written()
    damage(files, name(3, ".log"), SIZE + 70, b"\xff\xff")
    told = Told(files)
    assert offsets(told.log) == list(range(COUNT))  # the reader finds the CRC, as with Kafka
    assert told.repairs == []


# -- what recovery cuts


def test_a_torn_end_is_cut_and_told() -> None:
    files = written()
    file = files.open(f"{FOLDER}/{name(6, '.log')}")
    file.append(batch()[:-1])
    told = Told(files, clean=False)
    assert told.cuts == [Cut(FOLDER, COUNT, COUNT, SIZE - 1, 0, Reason.TORN, ())]


def test_whole_batches_behind_a_torn_one_are_kept_beside_the_log() -> None:
    files = written()
    damage(files, name(3, ".log"), SIZE + 70, b"\xff\xff")
    third, sixth = (files.read(f"{FOLDER}/{name(base, '.log')}") for base in (3, 6))
    told = Told(files, clean=False, point=0)
    assert (told.log.log_end_offset, told.log.segment_count) == (4, 2)
    assert sorted((cut.offset, cut.size_bytes, cut.segments) for cut in told.cuts) == [
        (4, 2 * SIZE, 0),
        (4, 2 * SIZE, 1),
    ]
    assert told.kept() == third[SIZE:] + sixth
    assert add(told.log) == 4


def test_damage_below_the_durable_end_costs_one_batch_and_no_offset_is_given_twice() -> None:
    files = written()
    damage(files, name(3, ".log"), SIZE + 70, b"\xff\xff")
    bad = files.read(f"{FOLDER}/{name(3, '.log')}")[SIZE : 2 * SIZE]
    told = Told(files, clean=False, point=5)
    assert told.cuts == [Cut(FOLDER, 4, 5, SIZE, 0, Reason.WRONG_CRC, (f"{4:020d}.log.damaged-1",))]
    assert told.kept() == bad
    assert offsets(told.log) == [0, 1, 2, 3, 5, 6, 7]
    assert add(told.log) == COUNT
    told.log.close()
    again = Told(files, clean=False, point=5)
    assert (offsets(again.log), again.cuts) == ([0, 1, 2, 3, 5, 6, 7, 8], [])


def test_damage_to_the_end_of_what_was_durable_leaves_a_hole_and_gives_no_offset_twice() -> None:
    files = written()
    damage(files, name(6, ".log"), SIZE, b"\xff" * SIZE)
    told = Told(files, clean=False, point=COUNT)
    assert [(cut.offset, cut.goes_on_at) for cut in told.cuts] == [(7, COUNT)]
    assert told.kept() == b"\xff" * SIZE
    assert add(told.log) == COUNT
    assert offsets(told.log) == [0, 1, 2, 3, 4, 5, 6, COUNT]
    told.log.close()
    assert offsets(Told(files, clean=False, point=COUNT).log) == [0, 1, 2, 3, 4, 5, 6, COUNT]


@pytest.mark.parametrize("operation", range(20))
def test_a_crash_while_damage_is_set_aside_loses_nothing(operation: int) -> None:
    files = written()
    damage(files, name(6, ".log"), 70, b"\xff\xff")
    files.crash_at(operation)
    try:
        Told(files, clean=False, point=COUNT)
    except Crashed:
        files = files.kill()
    told = Told(files, clean=False, point=COUNT)
    assert offsets(told.log) == [0, 1, 2, 3, 4, 5, 7]
    assert any(file.startswith(name(6, ".log.damaged-")) for file in files.list_folder(FOLDER))


def test_a_length_that_is_damaged_is_passed_over_as_well() -> None:
    files = written()
    damage(files, name(3, ".log"), SIZE + 8, b"\x7f\xff\xff\xff")
    told = Told(files, clean=False, point=5)
    assert offsets(told.log) == [0, 1, 2, 3, 5, 6, 7]


def test_each_of_several_damaged_batches_leaves_the_log_alone() -> None:
    files = SimFiles()
    log = new_log(files)
    for _ in range(10):
        add(log)
    log.close()
    for number in (2, 5, 6):
        damage(files, name(0, ".log"), number * SIZE + 70, b"\xff\xff")
    told = Told(files, clean=False, point=10)
    assert offsets(told.log) == [0, 1, 3, 4, 7, 8, 9]
    assert [(cut.offset, cut.size_bytes) for cut in told.cuts] == [(2, SIZE), (5, 2 * SIZE)]
    told.log.close()
    assert offsets(Told(files, clean=False, point=10).log) == [0, 1, 3, 4, 7, 8, 9]


def test_a_value_that_looks_like_a_batch_is_not_taken_for_one() -> None:
    """The damage hides the length of a batch whose record holds another whole batch."""
    inner = batch(base_offset=7)
    outer = BatchBuilder()
    outer.append(NOW_MS, None, inner)
    files = SimFiles()
    log = new_log(files)
    add(log)
    end = log.size_bytes
    add(log, outer.build())
    size = log.size_bytes
    add(log)
    damage(files, name(0, ".log"), end + 8, b"\x7f")
    damage(files, name(0, ".log"), size + 70, b"\xff\xff")
    told = Told(files, clean=False, point=3)
    assert offsets(told.log) == [0]
    assert told.log.log_end_offset == 3
    assert inner in told.kept()


def test_damage_in_a_closed_segment_hides_nothing_behind_it() -> None:
    files = written()
    damage(files, name(3, ".log"), SIZE + 8, b"\x7f\xff\xff\xff")
    for clean in (True, False):
        told = Told(files, clean=clean)
        assert told.cuts == []
        with pytest.raises(CorruptMessage):
            told.log.read(4, 10, up_to=COUNT)
        for offset in (3, 5, 6):
            found = told.log.read(offset, 10, up_to=COUNT)
            assert next(batches(found.read_all()))[1].base_offset == offset
            found.release()


def test_a_segment_that_goes_back_leaves_the_log_alone_and_is_kept() -> None:
    files = written()
    copy = files.read(f"{FOLDER}/{name(0, '.log')}")
    overwrite(files, name(2, ".log"), copy)
    told = Told(files, clean=False, point=0)
    assert offsets(told.log) == list(range(COUNT))
    assert [(cut.reason, cut.segments) for cut in told.cuts] == [(Reason.BACKWARDS, 1)]
    assert told.kept() == copy


def leap(files: SimFiles, at: int) -> bytes:
    """One bit of the offset 4 is flipped; the batch as it is now."""
    offset = bytearray(int.to_bytes(4, 8, "big"))
    offset[at] ^= 1
    damage(files, name(3, ".log"), SIZE, bytes(offset))
    return files.read(f"{FOLDER}/{name(3, '.log')}")[SIZE : 2 * SIZE]


@pytest.mark.parametrize("at", range(1, 8))  # the first bit makes it negative
def test_a_damaged_offset_costs_one_batch_below_the_durable_end(at: int) -> None:
    """No CRC covers it. Taken at its word, the log would go on far behind, and what follows would go back."""
    files = written()
    bad = leap(files, at)
    told = Told(files, clean=False, point=5)
    assert [(cut.offset, cut.goes_on_at, cut.reason) for cut in told.cuts] == [(4, 5, Reason.LEAP)]
    assert told.kept() == bad
    assert offsets(told.log) == [0, 1, 2, 3, 5, 6, 7]


@pytest.mark.parametrize("at", range(1, 8))
def test_a_damaged_offset_ends_the_log_where_nothing_was_durable_yet(at: int) -> None:
    files = written()
    leap(files, at)
    told = Told(files, clean=False, point=0)
    assert (told.cuts[0].offset, told.cuts[0].reason) == (4, Reason.LEAP)
    assert offsets(told.log) == [0, 1, 2, 3]
    assert add(told.log) == 4


def test_gaps_that_compaction_leaves_are_no_damage() -> None:
    files = written()
    raw = files.read(f"{FOLDER}/{name(3, '.log')}")
    overwrite(files, name(3, ".log"), raw[:SIZE] + raw[2 * SIZE :])
    told = Told(files, clean=False, point=0)
    assert (told.cuts, offsets(told.log)) == ([], [0, 1, 2, 3, 5, 6, 7])


@pytest.mark.parametrize("clean", [True, False])
def test_a_log_start_beyond_the_end_deletes_nothing(clean: bool) -> None:
    files = written()
    content = b"".join(files.read(f"{FOLDER}/{name(base, '.log')}") for base in (0, 3, 6))
    told = Told(files, clean=clean, start=50)
    assert (told.log.log_start_offset, told.log.log_end_offset) == (50, 50)
    assert [(cut.reason, cut.segments, cut.goes_on_at) for cut in told.cuts] == [(Reason.BELOW_START, 3, 50)]
    assert told.kept() == content
    assert add(told.log) == 50


def test_a_log_that_ends_well_tells_nothing() -> None:
    for clean in (True, False):
        told = Told(written(), clean=clean)
        assert (offsets(told.log), told.repairs) == (list(range(COUNT)), [])


# -- indexes

WRONG: dict[str, Callable[[bytes], bytes]] = {
    "ff": lambda data: b"\xff" * max(len(data), 24),
    "seven": lambda data: b"\x07" * max(len(data), 24),
    "zeros": lambda data: bytes(max(len(data), 24)),
    "short": lambda data: data[:-3],
    "long": lambda data: data + b"\x01\x02\x03",
    "another": lambda data: b"\x00\x00\x00\x00\x00\x0f\x00\x00\x00\x00\x00\x01" * 6,
    "empty": lambda data: b"",
    "doubled": lambda data: data + data,
    "backwards": lambda data: b"".join(reversed([data[at : at + 4] for at in range(0, len(data), 4)])),
}


@pytest.mark.parametrize("base", [0, 3, 6])
@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
@pytest.mark.parametrize("wrong", WRONG)
def test_an_index_that_cannot_be_right_is_made_again_after_a_clean_stop(wrong: str, suffix: str, base: int) -> None:
    files = written()
    before = files.read(f"{FOLDER}/{name(base, suffix)}")
    overwrite(files, name(base, suffix), WRONG[wrong](before))
    told = Told(files)
    assert offsets(told.log) == list(range(COUNT))
    for offset in range(COUNT):
        found = told.log.offset_for_timestamp(NOW_MS + offset)
        assert found is not None and found.offset == offset
    largest = told.log.offset_of_max_timestamp()
    assert largest is not None and largest.offset == COUNT - 1
    assert add(told.log, batch(timestamp=NOW_MS + 50)) == COUNT
    assert len(told.remade) <= 1
    told.log.close()
    if told.remade:
        assert files.read(f"{FOLDER}/{name(base, suffix)}").startswith(before)


def test_an_entry_in_the_middle_that_leads_nowhere_is_found_out_when_it_is_used() -> None:
    files = SimFiles()
    log = new_log(files, index_interval_bytes=0)
    for number in range(100):
        add(log, batch(timestamp=NOW_MS + number))
    log.roll(NOW_MS)
    log.close()
    damage(files, name(0, ".index"), 8 * 50 + 4, b"\x00\x00\x00\x07")
    told = Told(files, point=100)
    for offset in reversed(range(100)):
        found = told.log.read(offset, 1, up_to=100)
        assert next(batches(found.read_all()))[1].base_offset == offset
        found.release()
    assert told.remade == [name(0, ".index")]


def test_a_damaged_time_index_does_not_make_retention_delete_young_segments() -> None:
    for wrong in WRONG:
        files = written()
        overwrite(files, name(0, ".timeindex"), WRONG[wrong](files.read(f"{FOLDER}/{name(0, '.timeindex')}")))
        told = Told(files, retention_ms=1000)
        assert told.log.retain(NOW_MS + 500, COUNT) == 0, wrong


def aborted_log() -> SimFiles:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=5 * SIZE)
    for sequence in range(6):
        add(log, batch(producer_id=7, producer_epoch=0, base_sequence=sequence, transactional=True))
        if sequence % 2:
            marker = end_marker(producer_id=7, producer_epoch=0, committed=False, coordinator_epoch=0, timestamp=NOW_MS)
            log.append(marker, leader_epoch=0, now_ms=NOW_MS, origin=Origin.COORDINATOR)
    log.close()
    return files


@pytest.mark.parametrize("wrong", ["ff", "seven", "zeros", "short", "long", "doubled", "backwards"])
def test_a_damaged_transaction_index_is_made_again_from_the_markers(wrong: str) -> None:
    files = aborted_log()
    before = Told(files, point=9).log.aborted_transactions(0, 9)
    assert before == [(7, 0), (7, 3), (7, 6)]
    for file in [file for file in files.list_folder(FOLDER) if file.endswith(".txnindex")]:
        overwrite(files, file, WRONG[wrong](files.read(f"{FOLDER}/{file}")))
    told = Told(files, point=9)
    assert told.log.aborted_transactions(0, 9) == before
    assert {file.rpartition(".")[2] for file in told.remade} == {"txnindex"}
    again = Told(files, point=9)
    assert (again.log.aborted_transactions(0, 9), again.remade) == (before, [])


# -- epochs and producers


def test_the_epochs_of_a_log_that_was_closed_are_on_disk_and_need_not_be_made_again() -> None:
    """A start that reads every segment of every partition for them takes minutes, and tells of damage where none is."""
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=3 * SIZE, index_interval_bytes=0)
    for number in range(COUNT):
        add(log, epoch=number // 3)
    log.close()
    assert files.read(f"{FOLDER}/leader-epoch-checkpoint") == b"0\n3\n0 0\n1 3\n2 6\n"
    told = Told(files)
    assert (told.repairs, told.log.log_end_offset) == ([], COUNT)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize(
    "content", [b"0\n1\n3 x\n", b"\xff\xfe", b"", None, b"0\n1\n7 0\n", b"0\n2\n1 5\n9 6\n", b"9\n0\n", b"0\n"]
)
def test_an_epoch_file_that_is_damaged_missing_or_foreign_is_made_again_from_the_batches(
    content: bytes | None, clean: bool
) -> None:
    files = SimFiles()
    log = new_log(files, internal_segment_bytes=3 * SIZE)
    for epoch in (0, 0, 3, 5, 5, 5, 6, 6):
        add(log, epoch=epoch)
    log.close()
    if content is None:
        files.remove(f"{FOLDER}/leader-epoch-checkpoint")
    else:
        overwrite(files, "leader-epoch-checkpoint", content)
    told = Told(files, clean=clean)
    assert [told.log.epoch_at(offset) for offset in range(8)] == [0, 0, 3, 5, 5, 5, 6, 6]
    assert told.remade == ["leader-epoch-checkpoint"]
    told.log.close()
    assert Told(files).repairs == []


@pytest.mark.parametrize("clean", [True, False])
def test_a_producer_snapshot_of_another_log_is_not_believed(clean: bool) -> None:
    other = SimFiles()
    log = new_log(other)
    for sequence in range(40):
        add(log, batch(producer_id=5, producer_epoch=0, base_sequence=sequence))
    log.close()
    files = SimFiles()
    log = new_log(files)
    for sequence in range(4):
        add(log, batch(producer_id=1, producer_epoch=0, base_sequence=sequence))
    log.close()
    overwrite(files, f"{4:020d}.snapshot", other.read(f"{FOLDER}/{40:020d}.snapshot"))
    told = Told(files, clean=clean, point=4)
    assert [(view.producer_id, view.last_sequence) for view in told.log.producers()] == [(1, 3)]
    assert told.remade == ([f"{4:020d}.snapshot"] if clean else [])  # after a crash it is not even read


# -- names that are not ours, files that cannot be used


def test_a_name_with_more_than_an_offset_is_no_segment() -> None:
    files = written()
    files.open(f"{FOLDER}/{'9' * 20}.log", create=True).close()
    told = Told(files)
    assert add(told.log) == COUNT


def test_names_that_no_broker_gives_are_left_alone() -> None:
    files = written()
    for folder in ("b.tmp", "x.cleaned", "y.swap", name(9, ".log"), name(9, ".log.deleted"), name(9, ".snapshot")):
        files.make_folder(f"{FOLDER}/{folder}")
    for file in ("photo.tmp", "notes.deleted", "a.cleaned", "b.swap", "x.log", "1.snapshot", name(4, ".log.damaged-1")):
        overwrite(files, file, b"somebody's")
    before = [one for one in files.list_folder(FOLDER) if one != name(8, ".snapshot")]
    for clean in (True, False):
        told = Told(files, clean=clean)
        assert (offsets(told.log), told.repairs) == (list(range(COUNT)), [])
        assert set(before) <= set(files.list_folder(FOLDER))


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EISDIR])
@pytest.mark.parametrize("file", [name(6, ".log"), name(6, ".index"), "leader-epoch-checkpoint", name(8, ".snapshot")])
def test_a_file_that_cannot_be_used_is_named_and_the_log_opens_when_it_can_be(
    file: str, code: int, clean: bool
) -> None:
    files = written()

    def refuse(kind: str, path: str) -> None:
        if path == f"{FOLDER}/{file}".lstrip("/") and kind in ("open", "read"):
            raise OSError(code, "refused", f"{FOLDER}/{file}")

    files.on_operation = refuse
    try:
        Told(files, clean=clean)
    except KafkaStorageError as error:
        assert file in error.message and "refused" in error.message
    else:
        assert not clean and file.endswith((".index", ".snapshot"))  # recovery makes these again
    files.on_operation = None
    assert offsets(Told(files, clean=clean).log) == list(range(COUNT))


# -- records that cannot be read, in a right CRC


def unreadable(timestamp: int = NOW_MS) -> bytes:
    """One record that is garbage."""
    header = BatchHeader(0, 0, -1, 2, 0, 0, 0, timestamp, timestamp, -1, -1, -1, 1)
    return assemble(header, b"\x7f" * 20)


def test_a_look_up_by_time_passes_by_what_cannot_be_read() -> None:
    log = new_log()
    add(log, unreadable())
    add(log, batch(timestamp=NOW_MS + 1))
    found = log.offset_for_timestamp(NOW_MS)
    assert found is not None and (found.offset, found.timestamp) == (1, NOW_MS + 1)


def test_where_nothing_else_fits_the_header_of_an_unreadable_batch_speaks_for_it() -> None:
    log = new_log()
    add(log, batch(timestamp=NOW_MS - 1))
    add(log, unreadable())
    found = log.offset_for_timestamp(NOW_MS)
    assert found is not None and (found.offset, found.timestamp) == (1, NOW_MS)
    largest = log.offset_of_max_timestamp()
    assert largest is not None and (largest.offset, largest.timestamp) == (1, NOW_MS)


def too_late(max_timestamp: int) -> bytes:
    """A record whose time leaves 64 bits, in a header that says nothing of it."""
    header = BatchHeader(0, 0, -1, 2, 0, 0, 0, (1 << 63) - 5, max_timestamp, -1, -1, -1, 1)
    return assemble(header, encode_record(10**18, 0, b"k", b"v"))


def test_a_batch_whose_times_leave_64_bits_is_refused_where_its_header_gives_it_away() -> None:
    log = new_log()
    with pytest.raises(InvalidRecord, match="64 bits"):
        add(log, too_late(NOW_MS))


def test_a_time_that_does_not_fit_into_an_answer_is_clipped() -> None:
    log = new_log()
    log.append_as_follower(too_late((1 << 63) - 1), now_ms=NOW_MS)  # a log of another broker may have it
    found = log.offset_for_timestamp(NOW_MS)
    assert found is not None and (found.offset, found.timestamp) == (0, (1 << 63) - 1)


def test_a_header_without_a_largest_time_gets_that_of_its_records() -> None:
    """As a producer writes it that leaves the field at -1."""
    records = b"".join(encode_record(1000 * index, index, b"k", b"v") for index in range(3))
    log = new_log()
    add(log, assemble(BatchHeader(0, 0, -1, 2, 0, 0, 2, NOW_MS, -1, -1, -1, -1, 3), records))
    found = [log.offset_for_timestamp(NOW_MS + ms) for ms in (500, 2000)]
    assert [one and one.offset for one in found] == [1, 2]
    largest = log.offset_of_max_timestamp()
    assert largest is not None and (largest.offset, largest.timestamp) == (2, NOW_MS + 2000)
