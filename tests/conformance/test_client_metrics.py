"""A real client pushes its metrics where the broker has a receiver for them (KIP-714)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.ottla_broker import ROOT, OttlaBroker
from tests.conformance.test_clients_python import wait_until

pytestmark = pytest.mark.process


def test_librdkafka_pushes_its_metrics_into_the_topic_that_receives_them(tmp_path: Path) -> None:
    from confluent_kafka import Consumer, Producer

    with OttlaBroker(tmp_path, "ottla.client.metrics.topic=client-metrics") as broker:
        servers = {"bootstrap.servers": broker.address}
        subprocess.run(
            [sys.executable, "-m", "ottla", "config", "set", "client-metrics", "all", "metrics=*", "interval.ms=100",
             "--bootstrap-server", broker.address],
            check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        producer = Producer({**servers, "client.id": "shop"})
        producer.produce("things", b"x")
        assert producer.flush(30) == 0
        consumer = Consumer(
            {
                **servers,
                "group.id": "readers",
                "auto.offset.reset": "earliest",
                "topic.metadata.refresh.interval.ms": 100,
            }
        )
        consumer.subscribe(["^client-metrics$"])
        found = []

        def poll() -> None:
            producer.poll(0)
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.append(message)

        wait_until(lambda: any(dict(one.headers())["client.id"] == b"shop" for one in found), poll)
        assert all(one.value() for one in found)
        consumer.close()
