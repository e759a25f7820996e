from __future__ import annotations

import json
from pathlib import Path

import pytest

from ottla.cli.files.check import Report, check_folder
from ottla.cli.files.small import Unreadable, entries
from ottla.cli.main import run
from ottla.protocol.logs.consumer_offsets import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.logs.framing import encode_key, encode_value
from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder
from ottla.storage.indexes import OFFSET_ENTRY, TIME_ENTRY

LOG = "00000000000000000000.log"
INDEX = "00000000000000000000.index"
TIME_INDEX = "00000000000000000000.timeindex"


def batch(base: int, count: int = 2, *, epoch: int = 0, timestamp: int = 1000) -> bytes:
    builder = BatchBuilder(base_offset=base, leader_epoch=epoch)
    for number in range(count):
        builder.append(timestamp + number, b"k", b"v%d" % (base + number))
    return builder.build()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three batches of two records in one segment, its indexes, and an epoch for the last batch."""
    path = tmp_path / "orders-0"
    path.mkdir()
    parts = [batch(0), batch(2, timestamp=2000), batch(4, epoch=3, timestamp=3000)]
    (path / LOG).write_bytes(b"".join(parts))
    (path / INDEX).write_bytes(OFFSET_ENTRY.pack(3, len(parts[0])))
    (path / TIME_INDEX).write_bytes(TIME_ENTRY.pack(2001, 3) + TIME_ENTRY.pack(3001, 5))
    (path / "leader-epoch-checkpoint").write_text("0\n2\n0 0\n3 4\n")
    (path / "partition.metadata").write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA")
    return path


def only_finding(report: Report) -> str:
    ((file, sentence),) = report.findings
    return f"{file} {sentence}"


def test_a_sound_folder_is_found_sound(folder: Path) -> None:
    report = check_folder(folder)
    assert (report.findings, report.notes) == ([], [])
    assert report[:3] == (1, 3, 6)
    assert (report.first_offset, report.end_offset) == (0, 6)


def test_a_flipped_bit_is_a_wrong_crc(folder: Path) -> None:
    data = bytearray((folder / LOG).read_bytes())
    data[-1] ^= 1
    (folder / LOG).write_bytes(data)
    assert "(offset 4) has a wrong CRC" in only_finding(check_folder(folder))


def test_a_torn_tail_is_found_with_its_place_and_size(folder: Path) -> None:
    whole = (folder / LOG).read_bytes()
    (folder / LOG).write_bytes(whole + batch(6)[:-5])
    expected = f"at position {len(whole)}: {len(batch(6)) - 5} bytes are no batch"
    assert expected in only_finding(check_folder(folder))


def test_offsets_that_go_back_are_wrong_and_a_gap_is_only_noted(folder: Path) -> None:
    whole = (folder / LOG).read_bytes()
    (folder / LOG).write_bytes(whole + batch(9, epoch=3))
    assert check_folder(folder).findings == []
    assert check_folder(folder).notes == [(LOG, "offsets 6 to 8 are missing")]
    (folder / LOG).write_bytes(whole + batch(5, epoch=3))
    assert any("goes back: 6 is next" in sentence for _, sentence in check_folder(folder).findings)


def test_a_segment_must_not_begin_below_the_end_of_the_one_before(folder: Path) -> None:
    (folder / "00000000000000000004.log").write_bytes(batch(6, epoch=3))
    assert any("below the end of the segment before it, 6" in sentence for _, sentence in check_folder(folder).findings)


def test_an_index_must_point_at_the_batch_that_ends_there(folder: Path) -> None:
    (folder / INDEX).write_bytes(OFFSET_ENTRY.pack(3, 17))
    assert "says that a batch ending at 3 stands at 17, and none does" in only_finding(check_folder(folder))
    (folder / INDEX).write_bytes(b"\0" * 7)
    assert "has 7 bytes, no multiple of 8" in only_finding(check_folder(folder))


def test_a_time_index_must_rise_and_name_the_largest_timestamp_of_a_batch(folder: Path) -> None:
    (folder / TIME_INDEX).write_bytes(TIME_ENTRY.pack(2001, 3) + TIME_ENTRY.pack(2001, 5))
    sentences = [sentence for _, sentence in check_folder(folder).findings]
    assert any("does not rise above 2001" in sentence for sentence in sentences)
    assert any("ending at 5 has timestamp 2001, and none does" in sentence for sentence in sentences)


def test_a_batch_must_have_the_epoch_of_the_checkpoint(folder: Path) -> None:
    (folder / "leader-epoch-checkpoint").write_text("0\n1\n0 0\n")
    assert "has epoch 3, leader-epoch-checkpoint says 0" in only_finding(check_folder(folder))


def test_a_broken_snapshot_is_found(folder: Path) -> None:
    (folder / "00000000000000000006.snapshot").write_bytes(b"\0\1broken....")
    assert "00000000000000000006.snapshot" in only_finding(check_folder(folder))


def test_check_ends_with_1_if_anything_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "check", str(folder)]) == 0
    assert ": ok  start 0, end 6, 6 records in 3 batches, 1 segment" in capsys.readouterr().out
    (folder / INDEX).write_bytes(b"\0" * 7)
    assert run(["log", "check", "--json", str(folder)]) == 1
    (report,) = json.loads(capsys.readouterr().out)
    assert report["findings"] == [[INDEX, "has 7 bytes, no multiple of 8"]]
    assert (report["folder"], report["records"], report["end_offset"]) == (str(folder), 6, 6)


def test_dump_prints_batches_and_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "dump", "-r", str(folder / LOG)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0..1  2 records  81 B at 0  none  1970-01-01 00:00:01.001Z  epoch 0  crc ok"
    assert lines[1:3] == ['  0  key="k"  value="v0"', '  1  key="k"  value="v1"']


def test_dump_as_json_is_an_object_a_line_for_every_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "dump", "--json", str(folder)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"offset": 3, "position": 81}
    assert [row["base_offset"] for row in rows[1:4]] == [0, 2, 4]
    assert rows[4:] == [
        {"timestamp": 2001, "offset": 3},
        {"timestamp": 3001, "offset": 5},
        {"epoch": 0, "start_offset": 0},
        {"epoch": 3, "start_offset": 4},
        {"version": "0", "topic_id": "AAAAAAAAAAAAAAAAAAAAAA"},
    ]


def test_dump_decodes_committed_offsets_and_markers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "__consumer_offsets-7"
    folder.mkdir()
    builder = BatchBuilder()
    key = encode_key(OffsetCommitKey(group="g", topic="orders", partition=1))
    builder.append(5, key, encode_value(OffsetCommitValue(offset=42), 4))
    builder.append(5, key, None)
    marker = end_marker(
        producer_id=9, producer_epoch=1, committed=False, coordinator_epoch=4, timestamp=6, base_offset=2
    )
    (folder / LOG).write_bytes(builder.build() + marker)
    assert run(["log", "dump", "-r", "--json", str(folder / LOG)]) == 0
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    commit, tombstone = first["records"]
    assert commit["type"] == "OffsetCommit"
    assert commit["key"] == {"group": "g", "topic": "orders", "partition": 1}
    assert (commit["value"]["version"], commit["value"]["offset"]) == (4, 42)
    assert tombstone["value"] is None
    assert second["records"] == [{"offset": 2, "timestamp": 6, "marker": "ABORT", "coordinator_epoch": 4}]


def test_a_file_that_is_none_of_a_partition_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(Unreadable, match="none of the files of a partition"):
        list(entries(tmp_path / "notes.txt"))
