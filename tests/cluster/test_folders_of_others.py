"""What `ottla up` does with a folder whose metadata it does not have: real processes and the SQLite store."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

FAR = Cli("127.0.0.1:1")


@pytest.fixture
def used(tmp_path: Path) -> Iterator[Path]:
    """A folder that a broker has used and left cleanly: two topics, a record each."""
    with OttlaBroker(tmp_path) as broker:
        cli = Cli(broker.address)
        for topic in ("orders", "carts"):
            cli.text("produce", topic, stdin=b"kept\n")
    yield tmp_path / "data"


def contents(folder: Path) -> dict[str, bytes]:
    """All that a start could change; the lock file apart."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock" and not path.name.startswith("metadata.sqlite-")
    }


def refused(folder: Path, *words: str) -> str:
    before = contents(folder)
    sentence = FAR.error("up", "--port", "0", "--data", str(folder), *words)
    assert contents(folder) == before
    return sentence


def assert_serves(folder: Path) -> None:
    with OttlaBroker(folder.parent) as broker:
        cli = Cli(broker.address)
        assert cli.text("consume", "orders", "-e") == cli.text("consume", "carts", "-e") == "kept\n"


def lost(folder: Path) -> str:
    return (
        f"{folder} holds 2 partitions (carts-0, orders-0), but there is no metadata that knows of it in {folder}. Put "
        f"the metadata back from a copy, mount the disk that holds it, or let `ottla log adopt {folder}` make it anew "
        f"from the partitions; or choose another folder with --data or log.dirs. Nothing was changed."
    )


@pytest.mark.parametrize("damage", ["removed", "empty"])
def test_a_folder_whose_metadata_is_lost_is_refused_and_serves_once_it_is_back(used: Path, damage: str) -> None:
    store = used / "metadata.sqlite"
    kept = store.read_bytes()
    store.unlink()
    if damage == "empty":
        store.touch()
    assert refused(used) == lost(used)
    store.write_bytes(kept)
    assert_serves(used)


def test_the_store_in_memory_is_refused_on_a_folder_with_partitions(used: Path) -> None:
    assert refused(used, "--set", "ottla.metadata.store=memory") == (
        f"ottla.metadata.store=memory knows nothing of the 2 partitions in {used} (carts-0, orders-0); leave that "
        f"setting out, or choose an empty folder. Nothing was changed."
    )
    assert_serves(used)


def test_log_dirs_in_another_order_is_refused_and_leaves_nothing_behind(used: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    swapped = ("--set", f"log.dirs={other},{used}")
    for _ in range(2):
        assert refused(used, *swapped) == (
            f"the metadata of this cluster lies in {used}, but this start looks for it in {other}; name {used} first "
            f"in log.dirs, or set ottla.metadata.folder={used}. Nothing was changed."
        )
        assert not other.exists()
    with OttlaBroker(tmp_path, f"log.dirs={used},{other}") as broker:
        assert Cli(broker.address).text("consume", "orders", "-e") == "kept\n"


def test_an_older_copy_of_the_metadata_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with OttlaBroker(tmp_path) as broker:
        Cli(broker.address).text("produce", "orders", stdin=b"kept\n")
    older = (data / "metadata.sqlite").read_bytes()
    with OttlaBroker(tmp_path) as broker:
        Cli(broker.address).text("produce", "carts", stdin=b"kept\n")
    newer = (data / "metadata.sqlite").read_bytes()
    (data / "metadata.sqlite").write_bytes(older)
    sentence = refused(data)
    assert sentence.startswith(f"the metadata in {data} ends at offset ") and "it is an older copy" in sentence
    (data / "metadata.sqlite").write_bytes(newer)
    assert_serves(data)


def test_the_folder_of_an_apache_kafka_is_refused_with_the_way_to_take_it_over(used: Path) -> None:
    (used / "metadata.sqlite").unlink()
    (used / "__cluster_metadata-0").mkdir()
    (used / "__cluster_metadata-0" / f"{0:020d}.log").write_bytes(b"records of Kafka's metadata log")
    assert refused(used) == (
        f"{used} is the data folder of an Apache Kafka: its metadata is in {used}/__cluster_metadata-0. `ottla log "
        f"adopt {used}` takes it over once that Kafka is stopped (--dry-run says what it would take); or choose "
        f"another folder with --data or log.dirs. Nothing was changed."
    )


def test_folders_of_somebody_else_are_left_alone(used: Path) -> None:
    for name in ("photos-2019/a.jpg", "project-1/src/main.py", "trash-delete/b.jpg"):
        (used / name).parent.mkdir(parents=True)
        (used / name).write_bytes(b"mine")
    assert_serves(used)
    for name in ("photos-2019/a.jpg", "project-1/src/main.py", "trash-delete/b.jpg"):
        assert (used / name).read_bytes() == b"mine"


def test_a_copy_of_a_partitions_folder_becomes_a_stray(used: Path) -> None:
    shutil.copytree(used / "orders-0", used / "backup-0")
    assert_serves(used)
    (stray,) = [path for path in used.iterdir() if path.name.endswith("-stray")]
    assert stray.name.startswith("backup-0.") and stat.S_ISDIR(stray.stat().st_mode)
    errors = (used.parent / "errors.log").read_text()
    assert errors.count("partition.set_aside") == 1 and f"help='ottla log strays {used}'" in errors
