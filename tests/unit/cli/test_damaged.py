"""`ottla log damaged` lists what was cut out of logs, as the storage names it, and removes one file of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ottla.cli.main import run
from ottla.records.record import BatchBuilder
from ottla.storage.kept import Kept
from ottla.storage.os_files import OsFiles

WHOLE = "00000000000000000007.log.damaged-1"
SECOND = "00000000000000000007.log.damaged-2"


def batch(base: int) -> bytes:
    builder = BatchBuilder(base_offset=base)
    builder.append(1000, b"k", b"value")
    return builder.build()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A log directory with two kept files of orders-0, made by the storage, and names that are none."""
    orders = tmp_path / "orders-0"
    orders.mkdir()
    for tail in (b"", b"garbage"):
        (orders / "cut.log").write_bytes(batch(7) + tail)
        Kept(OsFiles(), str(orders)).whole(str(orders / "cut.log"), 7)
    for other in ("00000000000000000000.log", "00000000000000000007.log.damaged-x", "7.log.damaged-1", "notes"):
        (orders / other).write_bytes(b"")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / WHOLE).write_bytes(b"not in the folder of a partition")
    (tmp_path / "cart-0").write_bytes(b"no folder")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["log", "damaged", *words]) == 0
    return capsys.readouterr().out


def test_kept_files_are_listed_with_their_partition_first_offset_and_size(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = json.loads(said(capsys, str(data), "--json"))
    size = len(batch(7))
    assert first == {
        "name": f"orders-0/{WHOLE}", "folder": str(data), "partition": "orders-0", "first_offset": 7,
        "size_bytes": size,
    }  # fmt: skip
    assert (second["name"], second["size_bytes"]) == (f"orders-0/{SECOND}", size + len(b"garbage"))
    heading, *rows = said(capsys, str(data)).splitlines()
    assert heading.split() == ["PARTITION", "FIRST", "OFFSET", "SIZE", "NAME"]
    assert len(rows) == 2 and rows[0].startswith("orders-0") and rows[0].endswith(f"orders-0/{WHOLE}")


def test_one_is_removed_and_nothing_else(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(data.rglob("*"))
    gone = f"orders-0/{WHOLE}"
    assert said(capsys, str(data), "--remove", gone, "--yes") == f"{gone} is deleted\n"
    assert before - set(data.rglob("*")) == {data / gone}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--remove", f"orders-0/{WHOLE}"], "Nobody is here to answer: repeat with --yes to do it"),
        (["--remove", "orders-0/00000000000000000000.log", "--yes"], "there is no kept file orders-0/0000"),
        (["--remove", f"photos/{WHOLE}", "--yes"], "there is no kept file photos/"),
        (["--remove", f"../{WHOLE}", "--yes"], "there is no kept file ../"),
    ],
)
def test_what_is_no_kept_file_or_was_not_confirmed_stays(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    before = set(data.rglob("*"))
    assert run(["log", "damaged", str(data), *words]) == 1
    assert sentence in capsys.readouterr().err
    assert set(data.rglob("*")) == before


def test_a_name_that_several_directories_have_is_removed_by_its_path_only(
    data: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"orders-0/{WHOLE}"
    other = tmp_path_factory.mktemp("other")
    (other / "orders-0").mkdir()
    (other / name).write_bytes(batch(7))
    assert run(["log", "damaged", str(data), str(other), "--remove", name, "--yes"]) == 1
    assert f"name one by its path: {data}/{name} or {other}/{name}" in capsys.readouterr().err
    said(capsys, str(data), str(other), "--remove", f"{other}/{name}", "--yes")
    assert (data / name).exists() and not (other / name).exists()


def test_a_folder_without_one_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, str(tmp_path)) == "nothing was cut out of these logs and kept\n"
    assert said(capsys, str(tmp_path), "--json") == "[]\n"
    assert run(["log", "damaged", str(tmp_path / "no")]) == 1
    assert f"there is no folder {tmp_path / 'no'}" in capsys.readouterr().err


def test_the_whole_batches_of_a_kept_file_can_be_dumped(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "dump", str(data / "orders-0" / SECOND), "--json", "--records"]) == 0
    first, rest = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["base_offset"], first["count"]) == (7, 1)
    assert rest["size_bytes"] == len(b"garbage")
