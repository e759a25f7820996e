"""Apache Kafka and Ottla side by side, with the same settings."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import kafka_broker
from tests.conformance.ottla_broker import OttlaBroker, free_port

SETTINGS = {
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3",
    "group.initial.rebalance.delay.ms": "0",
    "num.partitions": "1",
    "group.consumer.assignment.interval.ms": "0",  # else an epoch depends on how fast the requests come
    "log.initial.task.delay.ms": "3600000",  # the records of the cases are years old; retention must not come
}
"""Those in which a broker of a test differs from Kafka's defaults."""
KAFKA_ONLY = {"share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1"}


@dataclass(frozen=True)
class Target:
    """A running broker. `folder` holds its log directory."""

    host: str
    port: int
    folder: str


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[Target]:
    broker = kafka_broker.start(folder, {**SETTINGS, **KAFKA_ONLY})
    try:
        yield Target("127.0.0.1", int(broker.address.rpartition(":")[2]), str(folder))
    finally:
        os.kill(broker.pid, signal.SIGKILL)  # a clean stop takes seconds, and nobody reads its folder


@contextlib.contextmanager
def ottla(folder: Path) -> Iterator[Target]:
    port, controller = free_port(), free_port()  # Kafka's controller needs a listener of its own; ours shows the same
    settings = {
        **SETTINGS,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
    }
    broker = OttlaBroker(folder, *(f"{name}={value}" for name, value in settings.items()), port=port).start()
    try:
        yield Target("127.0.0.1", broker.port, str(folder))
    finally:
        broker.kill()  # as Kafka: closing thousands of logs in order takes a while
