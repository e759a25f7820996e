"""Starts as people make them: Kafka's own file, another address, a file of older days. Real processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.cli_calls import Cli
from tests.conformance.ottla_broker import ROOT, free_port
from tests.unit.broker.test_addresses import STOCK

pytestmark = pytest.mark.process

FAR = Cli("127.0.0.1:1")


class Started:
    """A broker that said that it is ready; `stop` gives what it wrote to its standard error."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.line = process.stdout.readline().strip()
        assert self.line.startswith("ready "), process.communicate()[1]
        self.address = self.line.split()[1]

    def stop(self) -> str:
        self.process.terminate()
        _, errors = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return errors


@contextmanager
def started(*words: str) -> Iterator[Started]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ottla", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    try:
        yield Started(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_kafkas_own_file_starts_and_the_open_door_is_told(tmp_path: Path) -> None:
    """Only its ports and its folder are other ones here; the listener of the controller is not bound."""
    port, controller = free_port(), free_port()
    text = STOCK.replace("9092", str(port)).replace("9093", str(controller)).replace("/tmp/kraft", f"{tmp_path}/kraft")
    config = tmp_path / "server.properties"
    config.write_text(text)
    with started("start", "--config", str(config)) as broker:
        assert broker.line == f"ready localhost:{port} (listening on *:{port})"
        assert [row["host"] for row in Cli(broker.address).json("cluster", "brokers")] == ["localhost"]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", controller), 1)
        errors = broker.stop()
    warnings = [line for line in errors.splitlines() if " warn " in line]
    assert len(warnings) == 1
    assert f"listener.unprotected listener=PLAINTEXT address=*:{port} advertised=localhost:{port}" in warnings[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_what_is_printed_is_what_is_bound_and_what_clients_are_told(host: str) -> None:
    port = free_port()
    with started("up", "--ephemeral", "--set", f"listeners=PLAINTEXT://{host}:{port}") as broker:
        assert broker.line == f"ready {host}:{port}"
        (row,) = Cli(broker.address).json("cluster", "brokers")
        assert (row["host"], row["port"]) == (host.strip("[]"), port)
        assert broker.stop() == ""


def test_a_free_port_is_the_same_for_both_families_and_advertised() -> None:
    with started("up", "--ephemeral", "--set", "listeners=PLAINTEXT://:0") as broker:
        host, _, port = broker.address.rpartition(":")
        assert host not in ("", "127.0.0.1", "0.0.0.0", "localhost")
        for local in ("127.0.0.1", "::1"):
            socket.create_connection((local, int(port)), 5).close()
        assert "listener.unprotected" in broker.stop()


def test_all_faults_are_told_one_a_line(tmp_path: Path) -> None:
    config = tmp_path / "old.properties"
    config.write_text("zookeeper.connect=zk:2181\nport=9092\nnum.partitions=many\nlisteners=SSL://:9093\n")
    head, *lines = FAR.error("start", "--config", str(config)).split("\n  ")
    assert head == f"{config}: 4 settings keep the broker from starting:"
    assert [line.split(":")[0] for line in lines] == [
        'unknown broker setting "zookeeper.connect"',
        'unknown broker setting "port"',
        "Invalid value many for configuration num.partitions",
        "the listener SSL",
    ]


def test_the_level_and_form_of_the_log_are_settings_of_up_as_well() -> None:
    words = ("--set", "ottla.log.level=debug", "--set", "ottla.log.format=json")
    with started("up", "--ephemeral", "--port", "0", *words) as broker:
        Cli(broker.address).text("topic", "create", "seen")
        lines = [json.loads(line) for line in broker.stop().splitlines()]
    events = [line["event"] for line in lines]
    assert {"broker.started", "topic.created", "broker.stopped"} <= {*events}
    served = next(line for line in lines if line["event"] == "request.served" and line["api"] == "CreateTopics")
    assert served["client_id"] == "ottla-cli"
    assert served["ms"] >= 0


def test_a_port_and_listeners_that_contradict_each_other_are_refused() -> None:
    error = FAR.error("up", "--port", "9999", "--set", "listeners=PLAINTEXT://127.0.0.1:9998", code=2)
    assert error.startswith("--port 9999 and --set listeners=PLAINTEXT://127.0.0.1:9998 contradict each other")
