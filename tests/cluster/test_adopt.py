"""Our own folder without its metadata, and strays: `ottla log adopt` and `ottla log strays`, as a person uses them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

FAR = Cli("127.0.0.1:1")


@pytest.fixture
def used(tmp_path: Path) -> Iterator[Path]:
    with OttlaBroker(tmp_path) as broker:
        cli = Cli(broker.address)
        cli.text("produce", "orders", stdin=b"one\ntwo\n")
        cli.text("consume", "orders", "-g", "billing", "-e")
    yield tmp_path / "data"


def orders(folder: Path) -> str:
    with OttlaBroker(folder.parent) as broker:
        return Cli(broker.address).text("consume", "orders", "-e")


def test_lost_metadata_is_made_anew_from_the_partitions_with_their_groups(used: Path) -> None:
    for path in used.glob("metadata.sqlite*"):
        path.unlink()
    assert FAR.text("log", "adopt", str(used), "--dry-run").endswith("Nothing was changed.\n")
    assert not (used / "metadata.sqlite").exists()
    told = FAR.text("log", "adopt", str(used))
    assert "the settings of orders are lost" in told and f"ottla up --data {used}" in told
    with OttlaBroker(used.parent) as broker:
        cli = Cli(broker.address)
        assert cli.text("consume", "orders", "-e") == "one\ntwo\n"
        assert "two" not in cli.text("consume", "orders", "-g", "billing", "-e")
        cli.text("produce", "orders", stdin=b"three\n")
    assert orders(used) == "one\ntwo\nthree\n"


def test_a_folder_in_use_is_not_taken_over(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        Cli(broker.address).text("produce", "orders", stdin=b"one\n")
        data = tmp_path / "data"
        assert FAR.error("log", "adopt", str(data)) == f"{data} is in use by another process; stop that broker first"


def test_a_folder_without_a_broker_in_it_is_not_taken_over(tmp_path: Path) -> None:
    assert FAR.error("log", "adopt", str(tmp_path)) == (
        f"{tmp_path} is no data folder of a broker: it has no meta.properties"
    )
    assert FAR.error("log", "adopt", str(tmp_path / "no")) == f"there is no folder {tmp_path / 'no'}"


def test_a_stray_is_listed_released_and_removed(used: Path) -> None:
    shutil.copytree(used / "orders-0", used / "backup-0")
    assert orders(used) == "one\ntwo\n"
    (row,) = FAR.json("log", "strays", str(used))
    assert row["partition"] == "backup-0" and row["size_bytes"] > 0
    assert "backup-0" in FAR.text("log", "strays", str(used))
    assert FAR.error("log", "strays", str(used), "--remove", "nosuch") == (
        "there is no stray nosuch; the command without options lists them"
    )
    assert FAR.text("log", "strays", str(used), "--remove", row["name"], "--yes") == f"{row['name']} is deleted\n"
    assert FAR.text("log", "strays", str(used)) == "no strays\n"


def test_a_partition_whose_id_was_damaged_is_given_back(used: Path) -> None:
    metadata = used / "orders-0" / "partition.metadata"
    right = metadata.read_bytes()
    other = b"B" if right[25:26] == b"A" else b"A"
    metadata.write_bytes(right[:25] + other + right[26:])
    with OttlaBroker(used.parent) as broker:
        sentence = Cli(broker.address).call("topic", "offsets", "orders")
        assert sentence.returncode != 0
        (row,) = FAR.json("log", "strays", str(used))
        locked = FAR.error("log", "strays", str(used), "--restore", row["name"])
        assert locked == f"{used} is in use by a broker; stop it first"
    assert FAR.text("log", "strays", str(used), "--restore", row["name"]) == f"{row['name']} is orders-0 again\n"
    assert metadata.read_bytes() == right
    assert orders(used) == "one\ntwo\n"


def test_a_stray_of_an_unknown_topic_is_given_back_and_adopted(used: Path) -> None:
    shutil.copytree(used / "orders-0", used / "carts-0")
    (used / "carts-0" / "partition.metadata").unlink()
    assert orders(used) == "one\ntwo\n"
    (row,) = FAR.json("log", "strays", str(used))
    FAR.text("log", "strays", str(used), "--restore", row["name"])
    FAR.text("log", "adopt", str(used))
    with OttlaBroker(used.parent) as broker:
        cli = Cli(broker.address)
        assert cli.text("consume", "carts", "-e") == cli.text("consume", "orders", "-e") == "one\ntwo\n"
