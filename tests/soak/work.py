"""The clients of a soak: each checks what it sees and reports anomalies. Values carry who wrote them and a number."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

EVENTS, COPIES, STATE = "events", "copies", "state"
PARTITIONS = 4
KEYS = 2000
_PAYLOAD = "x" * 400
_TRANSACTION_RECORDS = 200


class Shared:
    """Counts and anomalies of all clients; `stop` ends them."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.stop = threading.Event()
        self.anomalies: list[str] = []
        self.counts: dict[str, int] = {}
        self.lock = threading.Lock()
        self.newest: dict[str, int] = {}
        """The last number that was acknowledged for each key of the compacted topic."""

    def count(self, what: str, more: int = 1) -> None:
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + more

    def anomaly(self, text: str) -> None:
        with self.lock:
            if len(self.anomalies) < 100:
                self.anomalies.append(text)

    def config(self, **more: Any) -> dict[str, Any]:
        settings = {name.replace("_", "."): value for name, value in more.items()}
        return {"bootstrap.servers": self.address, "log_level": 2, **settings}


def produce_events(shared: Shared, rate: int) -> None:
    """Numbers rise by one in each partition."""
    producer = Producer(shared.config(enable_idempotence=True, linger_ms=20))
    numbers = [0] * PARTITIONS

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            shared.anomaly(f"an event was not delivered: {error}")
        else:
            shared.count("events produced")

    while not shared.stop.is_set():
        began = time.monotonic()
        for _ in range(rate // 10):
            partition = random.randrange(PARTITIONS)
            value = json.dumps({"n": numbers[partition], "x": _PAYLOAD})
            producer.produce(EVENTS, value, partition=partition, on_delivery=delivered)
            numbers[partition] += 1
        producer.poll(0)
        shared.stop.wait(max(0.1 - (time.monotonic() - began), 0))
    producer.flush(30)


class InOrder:
    """Numbers of each partition must rise by one; a group may see again what it had not committed in time."""

    def __init__(self, shared: Shared, who: str, *, again: bool) -> None:
        self._shared, self._who, self._again = shared, who, again
        self._next: dict[int, int] = {}

    def see(self, partition: int, number: int) -> None:
        expected = self._next.get(partition)
        if expected is not None and number != expected and not (self._again and number < expected):
            self._shared.anomaly(f"{self._who}: partition {partition} has {number} where {expected} comes next")
        self._next[partition] = max(number + 1, expected or 0) if self._again else number + 1
        self._shared.count(f"{self._who} read")


def read_events(shared: Shared, protocol: str) -> None:
    """A group that commits; its member leaves and comes back from time to time."""
    order = InOrder(shared, f"{protocol} group", again=True)
    while not shared.stop.is_set():
        consumer = Consumer(
            shared.config(
                group_id=f"readers-{protocol}", group_protocol=protocol, auto_offset_reset="earliest",
                auto_commit_interval_ms=500,
            )
        )  # fmt: skip
        consumer.subscribe([EVENTS])
        until = time.monotonic() + 60
        while time.monotonic() < until and not shared.stop.is_set():
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                order.see(message.partition(), json.loads(message.value())["n"])
        consumer.close()


def copy_in_transactions(shared: Shared) -> None:
    """Consume, transform, produce: one transaction in five is aborted and done again."""
    consumer = Consumer(
        shared.config(
            group_id="copier", auto_offset_reset="earliest", enable_auto_commit=False, isolation_level="read_committed"
        )
    )
    producer = Producer(shared.config(transactional_id="copier", linger_ms=5))
    producer.init_transactions(60)
    consumer.subscribe([EVENTS])
    while not shared.stop.is_set():
        messages = [one for one in consumer.consume(_TRANSACTION_RECORDS, 0.5) if one.error() is None]
        if not messages:
            continue
        producer.begin_transaction()
        for message in messages:
            producer.produce(COPIES, message.value(), partition=message.partition())
        if random.random() < 0.2:
            producer.abort_transaction(30)
            shared.count("transactions aborted")
            _rewind(consumer, messages)
            continue
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30
        )
        producer.commit_transaction(30)
        shared.count("transactions committed")
    consumer.close()


def _rewind(consumer: Consumer, messages: list[Any]) -> None:
    first: dict[int, int] = {}
    for message in messages:
        first.setdefault(message.partition(), message.offset())
    for partition, offset in first.items():
        consumer.seek(TopicPartition(EVENTS, partition, offset))


def read_copies(shared: Shared) -> None:
    """Each event once, in order, for who reads what is committed."""
    consumer = Consumer(
        shared.config(group_id="checker", auto_offset_reset="earliest", isolation_level="read_committed")
    )
    consumer.subscribe([COPIES])
    order = InOrder(shared, "copies", again=False)
    while not shared.stop.is_set():
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            order.see(message.partition(), json.loads(message.value())["n"])
    consumer.close()


def write_state(shared: Shared, rate: int) -> None:
    """Values of many keys in a compacted topic; what was acknowledged is noted."""
    producer = Producer(shared.config(enable_idempotence=True, linger_ms=20))
    numbers: dict[str, int] = {}

    def delivered(error: Any, message: Any) -> None:
        if error is not None:
            shared.anomaly(f"a value was not delivered: {error}")
            return
        with shared.lock:
            shared.newest[message.key().decode()] = json.loads(message.value())["n"]
        shared.count("values written")

    while not shared.stop.is_set():
        began = time.monotonic()
        for _ in range(rate // 10):
            key = f"key-{random.randrange(KEYS)}"
            numbers[key] = numbers.get(key, 0) + 1
            producer.produce(STATE, json.dumps({"n": numbers[key], "x": _PAYLOAD}), key, on_delivery=delivered)
        producer.poll(0)
        shared.stop.wait(max(0.1 - (time.monotonic() - began), 0))
    producer.flush(30)


def read_state(shared: Shared) -> None:
    """From the beginning again and again: no key may be older than what had been acknowledged before."""
    while not shared.stop.wait(20):
        with shared.lock:
            acknowledged = dict(shared.newest)
        consumer = Consumer(shared.config(group_id="state", enable_auto_commit=False, enable_partition_eof=True))
        partitions = [TopicPartition(STATE, index, 0) for index in range(PARTITIONS)]
        consumer.assign(partitions)
        found: dict[str, int] = {}
        ended = set()
        while len(ended) < PARTITIONS and not shared.stop.is_set():
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error() is not None:
                ended.add(message.partition())
                continue
            found[message.key().decode()] = json.loads(message.value())["n"]
            shared.count("state read")
        consumer.close()
        if len(ended) == PARTITIONS:
            for key, number in acknowledged.items():
                if found.get(key, 0) < number:
                    shared.anomaly(f"{key} is {found.get(key)}, and was acknowledged as {number}")
            shared.count("state checked")


def guarded(shared: Shared, work: Callable[[], None]) -> Callable[[], None]:
    """A client that dies is an anomaly."""

    def run() -> None:
        try:
            work()
        except (KafkaException, Exception) as error:
            shared.anomaly(f"a client died: {error!r}")

    return run
