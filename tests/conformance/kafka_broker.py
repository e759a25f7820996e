"""A real Apache Kafka broker on a free port of the loopback, for tests that compare with it."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.kafka_tools import java_command, run_tool

_START_TIMEOUT_S = 60


class KafkaBroker(NamedTuple):
    """A running broker. `data` is its log directory."""

    address: str
    folder: str
    pid: int

    @property
    def data(self) -> Path:
        return Path(self.folder) / "data"


def start(folder: Path, settings: dict[str, str] | None = None) -> KafkaBroker:
    """One KRaft node with Kafka's defaults but for replication factors of 1. Waits until it answers."""
    folder.mkdir(parents=True)
    port, controller_port = _free_ports(2)
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": str(folder / "data"),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "3",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.num.partitions": "3",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        **(settings or {}),
    }
    properties = folder / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    cluster_id = base64.urlsafe_b64encode(b"ottla conformanc").rstrip(b"=").decode()
    run_tool("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties))
    return _run(folder, properties, port)


def _run(folder: Path, properties: Path, port: int) -> KafkaBroker:
    with (folder / "server.log").open("ab") as output:
        process = subprocess.Popen(
            java_command("kafka.Kafka", str(properties)), stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return KafkaBroker(f"127.0.0.1:{port}", str(folder), process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
    process.kill()
    raise AssertionError(f"Kafka did not start: {(folder / 'server.log').read_text()[-2000:]}")


def restart(broker: KafkaBroker) -> KafkaBroker:
    """One that was stopped, on its folder as it is now."""
    folder = Path(broker.folder)
    return _run(folder, folder / "server.properties", int(broker.address.rpartition(":")[2]))


def stop(broker: KafkaBroker, timeout_s: float = 30) -> None:
    """A clean stop, so that its folder can be read. The broker may have been started by another process."""
    process = os.pidfd_open(broker.pid)
    try:
        os.kill(broker.pid, signal.SIGTERM)
        ended, _, _ = select.select([process], [], [], timeout_s)
        if not ended:
            os.kill(broker.pid, signal.SIGKILL)
            raise AssertionError(f"Kafka did not stop within {timeout_s} s")
    finally:
        os.close(process)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One broker for the whole run, shared by the workers: the first starts it, the last stops it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    state = shared / "kafka.json"
    with _locked(shared / "kafka.lock"):
        known = json.loads(state.read_text()) if state.exists() else None
        if known is None:
            known = {"broker": list(start(shared / "kafka")), "users": 0}
        known["users"] += 1
        state.write_text(json.dumps(known))
    broker = KafkaBroker(*known["broker"])
    yield broker
    with _locked(shared / "kafka.lock"):
        known = json.loads(state.read_text())
        known["users"] -= 1
        state.write_text(json.dumps(known))
        if not known["users"]:
            state.unlink()
            stop(broker)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
