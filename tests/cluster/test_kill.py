"""`kill -9` in the middle of work: a real broker process, killed 20 times while an idempotent producer and a group run.

The page cache survives the death of a process, so nothing that was acknowledged may be lost, and nothing may be twice.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

KILLS = 20
PARTITIONS = 3
ACKED_BETWEEN_KILLS = 2_000
TOPIC, GROUP = "kept", "readers"
QUICK = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50, "retry.backoff.ms": 20, "log_level": 0}


class Load(threading.Thread):
    """Produces numbered values as fast as the broker takes them; remembers what was acknowledged."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": True,
                "linger.ms": 1,
                "batch.num.messages": 50,
                **QUICK,
            }
        )
        self.acked: dict[int, tuple[int, int]] = {}
        self.failed: list[str] = []
        self.sent = 0
        self.stopping = threading.Event()
        self.progress = threading.Condition()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.producer.produce(TOPIC, str(self.sent), partition=self.sent % PARTITIONS, on_delivery=self._done)
                self.sent += 1
            except BufferError:
                self.producer.poll(0.01)
            if self.sent % 100 == 0:
                self.producer.poll(0.001)  # leaves the broker some of the machine
        assert self.producer.flush(60) == 0, "the producer could not deliver what it had"

    def _done(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(str(error))
            return
        value = message.value()
        assert value is not None
        with self.progress:
            self.acked[int(value)] = (message.partition() or 0, message.offset() or 0)
            self.progress.notify_all()

    def wait_for_more(self, count: int) -> None:
        goal = len(self.acked) + count
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.acked) >= goal, timeout=60), "no record was acknowledged"


class Reader(threading.Thread):
    """A member of a group: reads, commits, and remembers what it committed."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.consumer = Consumer(
            {
                "bootstrap.servers": address,
                "group.id": GROUP,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                **QUICK,
            }
        )
        self.committed: dict[int, int] = {}
        self.commits = 0
        self.problems: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        self.consumer.subscribe([TOPIC], on_assign=self._assigned)
        seen: dict[int, int] = {}
        while not self.stopping.is_set():
            for message in self.consumer.consume(500, 0.05):
                if message.error() is None:
                    seen[message.partition() or 0] = (message.offset() or 0) + 1
            if seen:
                self._commit(seen)
                seen = {}
        self.consumer.close()

    def _commit(self, offsets: dict[int, int]) -> None:
        try:
            done = self.consumer.commit(
                offsets=[TopicPartition(TOPIC, partition, offset) for partition, offset in offsets.items()],
                asynchronous=False,
            )
        except KafkaException:
            return  # not acknowledged: it may or may not be there
        for one in done or []:
            if one.error is None:
                self.committed[one.partition] = max(one.offset, self.committed.get(one.partition, 0))
                self.commits += 1

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The group's offsets as the broker tells them may never be behind what it acknowledged."""
        for one in consumer.committed(partitions, 10):
            known = self.committed.get(one.partition, 0)
            if known and one.offset < known:
                self.problems.append(f"partition {one.partition} went back from {known} to {one.offset}")


def read_everything(address: str, count: int) -> dict[int, list[tuple[int, int]]]:
    """Each value of the topic with the places where it stands."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "audit", "enable.partition.eof": True, **QUICK})
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
    found: dict[int, list[tuple[int, int]]] = {}
    ended: set[int] = set()
    while len(ended) < PARTITIONS:
        for message in consumer.consume(10_000, 1.0):
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition() or 0)
            else:
                place = (message.partition() or 0, message.offset() or 0)
                found.setdefault(int(message.value() or b"-1"), []).append(place)
    consumer.close()
    return found


def test_twenty_kills_lose_nothing_double_nothing_and_move_no_offset_back(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path / "ottla", f"num.partitions={PARTITIONS}") as broker:
        load = Load(broker.address)
        load.producer.list_topics(TOPIC, 10)
        reader = Reader(broker.address)
        load.start()
        reader.start()
        for _ in range(KILLS):
            load.wait_for_more(ACKED_BETWEEN_KILLS)
            broker.kill()
            broker.start()
        load.wait_for_more(ACKED_BETWEEN_KILLS)
        load.stopping.set()
        load.join(90)
        reader.stopping.set()
        reader.join(60)
        assert not load.is_alive() and not reader.is_alive()
        assert load.failed == []

        found = read_everything(broker.address, load.sent)
        lost = [value for value, place in load.acked.items() if place not in found.get(value, [])]
        double = [value for value, places in found.items() if len(places) > 1]
        print(f"{len(load.acked)} acknowledged, {len(found)} found, {reader.commits} commits, {KILLS} kills")
        assert lost == []
        assert double == []
        assert reader.problems == []
        assert reader.commits > 0
        consumer = Consumer({"bootstrap.servers": broker.address, "group.id": GROUP, **QUICK})
        partitions = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
        for one in consumer.committed(partitions, 10):
            assert one.offset >= reader.committed.get(one.partition, 0)
        consumer.close()
