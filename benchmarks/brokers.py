"""Both brokers, as a user would start them, on loopback, with their data in a folder of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from benchmarks import processes
from benchmarks.wire import Wire, until
from tests.conformance.kafka_tools import java_command

ROOT = Path(__file__).resolve().parents[1]
_END_TIMEOUT_S = 600


class Broker:
    """One broker process. `core` pins it to a core; None leaves it free."""

    name = ""
    title = ""
    root = ROOT
    """The checkout that its process imports from."""

    def __init__(self, folder: Path, core: int | None, settings: dict[str, str]) -> None:
        self.folder = folder
        self.core = core
        self.settings = settings
        self.port = free_port()
        self.started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def command(self) -> list[str]:
        raise NotImplementedError

    def prepare(self) -> None:
        """What a user does once before the first start; it is not timed."""
        self.folder.mkdir(parents=True)

    def launch(self) -> None:
        """Starts the process and returns at once; `started` is the time on the monotonic clock."""
        self._log = (self.folder / "log").open("ab")
        command = pinned(self.command(), self.core)
        self.started = time.monotonic()
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=environment(self.root))

    def start(self) -> None:
        """Launches it and waits until a topic can be used."""
        if not self.folder.exists():
            self.prepare()
        self.launch()
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {(self.folder / 'log').read_text()[-2000:]}")
        with Wire(self.address) as wire:
            wire.wait_for_topic("ready", 1, create=True)
        return True

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert self._log is not None
        self._log.close()

    def cpu_s(self) -> float:
        return processes.cpu_s(self.pid)

    def memory_bytes(self) -> int:
        return processes.memory_bytes(self.pid)


class Ottla(Broker):
    name = "ottla"
    title = "Ottla"

    def command(self) -> list[str]:
        pairs = [part for key, value in self.settings.items() for part in ("--set", f"{key}={value}")]
        ottla = self.root / ".venv" / "bin" / "ottla"
        return [str(ottla), "up", "--port", str(self.port), "--data", str(self.folder / "data"), *pairs]


class Kafka(Broker):
    """Apache Kafka 4.3.1: one KRaft node, its scripts' heap and collector, defaults but for what one node needs."""

    name = "kafka"
    title = "Kafka"

    def prepare(self) -> None:
        super().prepare()
        controller = free_port()
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            **self.settings,
        }
        self._config.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        cluster_id = "MkU3OEVBNTcwNTJENDM2Qg"
        command = java_command("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._config))
        subprocess.run(command, check=True, capture_output=True)

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def command(self) -> list[str]:
        return java_command("-Xms1G", "-XX:+UseG1GC", "kafka.Kafka", str(self._config), heap="1G")


SIDES: tuple[type[Broker], ...] = (Ottla, Kafka)


def other(checkout: Path) -> type[Broker]:
    """Ottla from another checkout, with an environment of its own: the commit before, to see what a change costs."""
    if not (checkout / ".venv" / "bin" / "ottla").exists():
        sys.exit(f"{checkout} has no environment yet; run its bin/ottla --version once")
    return type("OtherOttla", (Ottla,), {"name": "other", "title": "other", "root": checkout.resolve()})


def pinned(command: list[str], core: int | None) -> list[str]:
    return command if core is None else ["taskset", "-c", str(core), *command]


def environment(root: Path = ROOT) -> dict[str, str]:
    """For broker and client processes: they import from this repository whatever the current folder is."""
    return {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
