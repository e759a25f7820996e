"""What a broker says that cannot start, and how it stops: with real processes, as a person would see it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ottla.broker.serve import sentence
from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import ROOT, OttlaBroker

pytestmark = pytest.mark.process

FAR = Cli("127.0.0.1:1")
"""`up` and `start` need no broker to talk to."""


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path / "first") as broker:
        error = FAR.error("up", "--port", str(broker.port), "--data", str(tmp_path / "second"))
    assert error == (
        f"the port is in use (127.0.0.1:{broker.port}); choose another with --port or listeners, or stop what holds it"
    )


def test_a_folder_that_another_broker_holds_is_named(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path / "first"):
        data = tmp_path / "first" / "data"
        error = FAR.error("up", "--port", "0", "--data", str(data))
    assert error == f"{data} is in use by another process; stop it, or use another folder"


def identity(folder: Path, cluster: str, *, node: int = 1, extra: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "meta.properties").write_text(
        f"version=1\ncluster.id={cluster}\nnode.id={node}\ndirectory.id=BBBBBBBBBBBBBBBBBBBBBA\n{extra}"
    )
    return folder


def test_folders_of_two_clusters_do_not_go_together(tmp_path: Path) -> None:
    one = identity(tmp_path / "one", "AAAAAAAAAAAAAAAAAAAAAA")
    two = identity(tmp_path / "two", "CCCCCCCCCCCCCCCCCCCCCA")
    error = FAR.error("up", "--port", "0", "--data", str(one), "--set", f"log.dirs={one},{two}")
    assert error == (
        f"{two} belongs to the cluster CCCCCCCCCCCCCCCCCCCCCA, not to AAAAAAAAAAAAAAAAAAAAAA as {one} does; take one "
        f"of them out of log.dirs"
    )


def test_the_folder_of_another_broker_is_refused(tmp_path: Path) -> None:
    folder = identity(tmp_path / "one", "AAAAAAAAAAAAAAAAAAAAAA", node=7)
    assert FAR.error("up", "--port", "0", "--data", str(folder)) == (
        f"{folder} belongs to the broker 7, not to 1; start it with node.id=7, or use another folder"
    )


def test_the_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    folder = identity(tmp_path / "one", "AAAAAAAAAAAAAAAAAAAAAA", extra="ottla.format.version=99\n")
    error = FAR.error("up", "--port", "0", "--data", str(folder))
    assert error.startswith(f"{folder} was written by a newer version of Ottla (format 99")


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = FAR.error("up", "--port", "0", "--data", str(tmp_path / "file"))
    assert error == f"this is a file, not a folder ({tmp_path / 'file'}); choose another with --data or log.dirs"


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("log.retention.hour=3", 'unknown broker setting "log.retention.hour"; did you mean "log.retention.hours"?'),
        ("num.partitions=many", "Invalid value many for configuration num.partitions"),
        ("num.partitions=0", "Invalid value 0 for configuration num.partitions"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, pair: str, words: str) -> None:
    assert words in FAR.error("up", "--port", "0", "--data", str(tmp_path), "--set", pair)
    config = tmp_path / "server.properties"
    config.write_text(f"node.id=1\nlog.dirs={tmp_path}\nlisteners=PLAINTEXT://127.0.0.1:0\n{pair}\n")
    assert FAR.error("start", "--config", str(config)).startswith(f"{config}: ")
    assert words in FAR.error("start", "--config", str(config))


def test_a_missing_file_of_settings_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nosuch.properties"
    assert FAR.error("start", "--config", str(path)) == f"there is no file {path}; `ottla up` needs none"


def test_an_override_is_stronger_than_the_file(tmp_path: Path) -> None:
    config = tmp_path / "server.properties"
    config.write_text(f"node.id=1\nlog.dirs={tmp_path}/data\nlisteners=PLAINTEXT://127.0.0.1:0\nnum.partitions=3\n")
    process = _start("start", "--config", str(config), "--override", "num.partitions=5")
    try:
        cli = Cli(_ready(process))
        rows = {row["name"]: row["value"] for row in cli.json("config", "describe", "broker", "1", "--all")}
        assert rows["num.partitions"] == "5"
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_clean_and_says_nothing(tmp_path: Path, number: signal.Signals) -> None:
    data = str(tmp_path / "data")
    process = _start("up", "--port", "0", "--data", data)
    cli = Cli(_ready(process))
    cli.text("produce", "kept", stdin=b"one\ntwo\n")
    process.send_signal(number)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (0, "", "")
    assert (tmp_path / "data" / ".kafka_cleanshutdown").exists()
    again = _start("up", "--port", "0", "--data", data)
    try:
        assert Cli(_ready(again)).text("consume", "kept", "-e") == "one\ntwo\n"
    finally:
        again.terminate()
        again.communicate(timeout=30)


def test_an_ephemeral_broker_leaves_no_folder_behind(tmp_path: Path) -> None:
    process = _start("up", "--port", "0", "--ephemeral", folder=tmp_path)
    _ready(process)
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "file", "words"),
    [
        (errno.ENOSPC, "/data", "the disk is full (/data); free some space"),
        (errno.EACCES, "/data", "no permission (/data); choose a folder or port"),
        (errno.EROFS, None, "the file system is read-only; choose another folder"),
        (errno.ELOOP, "/data", f"/data: {os.strerror(errno.ELOOP)}"),
    ],
)
def test_errors_of_the_operating_system_are_sentences(number: int, file: str | None, words: str) -> None:
    assert sentence(OSError(number, os.strerror(number), file)).startswith(words)


def _start(*words: str, folder: Path | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    if folder is not None:
        environment["TMPDIR"] = str(folder)
    return subprocess.Popen(
        [sys.executable, "-m", "ottla", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def _ready(process: subprocess.Popen[str]) -> str:
    """The address, once the broker has said that it is ready."""
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    assert line.startswith("ready "), process.stderr.read()
    return line.split()[1]
