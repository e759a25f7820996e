"""The worker process of a real broker: it compacts, it is replaced when it dies, and it never outlives its broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.storage.patience import hurry
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

KEYS, ROUNDS = 500, 12
VALUE = b"x" * 400
_TIMEOUT_S = 60


@pytest.fixture
def slow_broker(tmp_path: Path) -> Iterator[OttlaBroker]:
    """It compacts 1.5 MB a second, so that a pass over some MB can be met at work."""
    settings = ("log.cleaner.backoff.ms=50", "log.cleaner.io.max.bytes.per.second=1500000")
    with OttlaBroker(tmp_path, *settings) as broker:
        yield broker


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)


def metric(broker: OttlaBroker, name: str) -> float:
    return next(float(line.split()[-1]) for line in broker.metrics().splitlines() if line.startswith(f"{name} "))


def workers(broker: OttlaBroker) -> list[psutil.Process]:
    return psutil.Process(broker.pid).children()


def fill(broker: OttlaBroker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.address})
    config = {"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01"}
    admin.create_topics([NewTopic("kv", 1, 1, config=config)])["kv"].result(30)
    producer = Producer({"bootstrap.servers": broker.address})
    for number in range(ROUNDS):
        for key in range(KEYS):
            producer.produce("kv", b"%d" % number + VALUE, b"%d" % key)
        assert producer.flush(30) == 0


def newest(broker: OttlaBroker) -> dict[bytes, bytes]:
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "g"})
    place = TopicPartition("kv", 0, 0)
    _, end = consumer.get_watermark_offsets(place, 30)
    consumer.assign([place])
    found: dict[bytes, bytes] = {}
    offset = 0
    while offset < end:
        message = consumer.poll(20)
        assert message is not None and message.error() is None
        key, value = message.key(), message.value()
        assert key is not None and value is not None
        found[key] = value
        offset = (message.offset() or 0) + 1
    consumer.close()
    return found


EXPECTED = {b"%d" % key: b"%d" % (ROUNDS - 1) + VALUE for key in range(KEYS)}


def test_a_worker_that_is_killed_is_replaced_and_the_log_is_compacted(slow_broker: OttlaBroker) -> None:
    fill(slow_broker)
    until(lambda: workers(slow_broker), "a worker")
    [first] = workers(slow_broker)
    hurry(first.pid)
    first.kill()
    until(lambda: metric(slow_broker, "ottla_cleaner_worker_deaths_total") == 1, "the worker's death")
    until(lambda: metric(slow_broker, "ottla_cleaner_passes_total") >= 1, "a pass")
    assert newest(slow_broker) == EXPECTED
    assert metric(slow_broker, "ottla_cleaner_uncleanable_partitions") == 0
    until(lambda: not workers(slow_broker), "the end of a worker that has nothing to do")


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_worker_ends_with_its_broker(slow_broker: OttlaBroker, end: str) -> None:
    fill(slow_broker)
    until(lambda: workers(slow_broker), "a worker")
    [worker] = workers(slow_broker)
    if end == "kill":
        slow_broker.kill()
    else:
        assert slow_broker.stop() == 0
    hurry(worker.pid)  # without the privilege it takes its time on a busy machine
    _, alive = psutil.wait_procs([worker], timeout=_TIMEOUT_S)
    assert not alive
    slow_broker.start()
    assert newest(slow_broker) == EXPECTED
    until(lambda: metric(slow_broker, "ottla_cleaner_passes_total") >= 1, "a pass")
    assert newest(slow_broker) == EXPECTED
