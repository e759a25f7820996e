"""Exactly once with real processes: unmodified clients and the broker are killed with `kill -9` while they work.

A process that dies leaves what it wrote to the page cache, so each transaction is there or not there as a whole.
"""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from tests.cluster.lives import Lives
from tests.cluster.transactional_clients import ACCOUNTS, BANKS, FENCED, GROUP, INPUT, OUTPUT
from tests.conformance.kafka_tools import java_command
from tests.conformance.ottla_broker import OttlaBroker
from tests.conformance.test_clients_transactions import create

pytestmark = pytest.mark.process

INPUTS, BROKER_KILLS, TRANSFERS_BETWEEN, TRANSFERS_MIN = 400, 5, 15, 100
SETTINGS = (
    "offsets.topic.num.partitions=3",
    "transaction.state.log.num.partitions=3",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms=500",
)
QUIET = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "log_level": 0}


def python_client(*words: object) -> list[str]:
    return [sys.executable, "-m", "tests.cluster.transactional_clients", *map(str, words)]


def java_copier(address: str, partition: int) -> list[str]:
    return java_command(
        *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "org.apache.kafka.tools.TransactionalMessageCopier"),
        *("--broker-list", address, "--input-topic", INPUT, "--input-partition", str(partition)),
        *("--output-topic", OUTPUT, "--consumer-group", GROUP, "--transactional-id", f"copier-{partition}"),
        *("--transaction-size", "2", "--enable-random-aborts", "--use-group-metadata"),
        # It asks for its position before it takes its producer id again, which would abort what its last life left:
        # killed between its offsets and its commit, it waits until that transaction has timed out.
        *("--transaction-timeout", "5000"),
        heap="128M",
    )


@contextmanager
def at_work(*lives: Lives) -> Iterator[None]:
    try:
        for one in lives:
            one.start()
            if one is lives[0]:
                one.wait_for_more(1)  # a JVM is slow to start: the others must not have finished by then
        yield
    finally:
        for one in lives:
            one.stop()


def fill(address: str, partitions: int, count: int) -> None:
    """Each value once: `partition-number`, in its partition, at the offset of its number."""
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
    for partition in range(partitions):
        for number in range(count):
            producer.produce(INPUT, f"{partition}-{number}", partition=partition)
    assert producer.flush(30) == 0


def read_everything(address: str, topic: str, partitions: int) -> list[str]:
    """What a read_committed reader sees, up to the end, in order within a partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "audit",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            **QUIET,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: list[str] = []
    ended: set[int | None] = set()
    while len(ended) < partitions:
        for message in consumer.consume(10_000, 1.0):
            error = message.error()
            if error is None:
                found.append((message.value() or b"").decode())
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
    consumer.close()
    return found


def kill_while_they_work(broker: OttlaBroker, lives: list[Lives], kills: int, between: int) -> None:
    """The broker again and again, and after each time the client that was killed least, some transactions later."""
    for _ in range(kills):
        busy = [one for one in lives if not one.done]
        if not busy:
            return
        victim = min(busy, key=lambda one: one.kills)
        victim.wait_for_more(between)
        broker.kill()
        broker.start()
        victim.wait_for_more(1 + random.randrange(between))
        victim.kill()


@pytest.mark.java
def test_each_input_is_in_the_output_exactly_once_whoever_is_killed(tmp_path: Path, scale: float) -> None:
    """confluent-kafka and aiokafka (TV1) and Java (TV2): each copies a partition, and aborts now and then."""
    inputs, kills = int(INPUTS * max(scale, 0.2)), max(2, int(BROKER_KILLS * scale))
    with OttlaBroker(tmp_path / "ottla", *SETTINGS) as broker:
        create(broker, INPUT, OUTPUT, partitions=3)
        fill(broker.address, 3, inputs)
        lives = [
            Lives(python_client(name, "copy", broker.address, partition, inputs), tmp_path / f"{name}.log", "mitted|ab")
            for partition, name in enumerate(("confluent", "aiokafka"))
        ]
        lives.append(Lives(java_copier(broker.address, 2), tmp_path / "java.log", "ProcessLoop"))
        with at_work(*reversed(lives)):
            kill_while_they_work(broker, lives, kills, between=10)
            for one in lives:
                one.join(120)
        found = Counter(read_everything(broker.address, OUTPUT, 3))
        expected = Counter(f"{partition}-{number}" for partition in range(3) for number in range(inputs))
        missing, extra = expected - found, found - expected
        assert not missing and not extra, f"missing {list(missing)[:5]}, too often {list(extra)[:5]}"
        for one in lives:
            assert FENCED not in one.ends, one.ends
        # Which of them is quick enough to end unharmed is up to the machine.
        assert sum(one.kills for one in lives) >= 2, "too few clients were killed"
        aborted = sum(line.startswith("aborted") for one in lives for line in one.lines)
        print(f"{[len(one.lines) for one in lives]} transactions, {aborted} aborted, ends {[x.ends for x in lives]}")
        assert aborted > 0.1 * inputs / 4
        assert "request.failed" not in broker.errors(), broker.errors()


class Auditor(threading.Thread):
    """Reads all banks from their start again and again; the total is the same each time.

    A reader may see one leg of a transfer a moment before the other, so a read goes on until each transfer that it has
    begun to see is whole.
    """

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.stopping = threading.Event()
        self.audits = 0
        self.problems: list[str] = []

    def run(self) -> None:
        while not self.stopping.is_set() and not self.problems:
            self._audit()

    def _audit(self) -> None:
        settings = {"group.id": "auditor", "isolation.level": "read_committed", "enable.auto.commit": False}
        consumer = Consumer(
            {
                "bootstrap.servers": self._address,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
                **settings,
                **QUIET,
            }
        )
        consumer.assign([TopicPartition(ACCOUNTS, bank, 0) for bank in range(BANKS)])
        legs: dict[str, list[int]] = {}
        ended: set[int | None] = set()
        while len(ended) < BANKS:
            ended |= self._read(consumer, legs)
        begun, polls = list(legs), 0
        while any(len(legs[name]) < 2 for name in begun):
            self._read(consumer, legs)
            polls += 1
            if polls > 2_000:
                self.problems.append(f"half a transfer: {[name for name in begun if len(legs[name]) < 2]}")
                return
        total = sum(sum(legs[name]) for name in begun)
        if total:
            self.problems.append(f"the total is {total}")
        self.audits += 1
        consumer.close()

    def _read(self, consumer: Consumer, legs: dict[str, list[int]]) -> set[int | None]:
        """One poll; the banks that were read to their end."""
        ended = set()
        for message in consumer.consume(10_000, 0.05):
            if message.error() is not None:
                ended.add(message.partition())
                continue
            name, _, amount = (message.value() or b"").decode().rpartition(" ")
            legs.setdefault(name, []).append(int(amount))
        return ended


def test_the_total_of_all_accounts_never_changes_whoever_is_killed(tmp_path: Path, scale: float) -> None:
    kills = max(2, int(BROKER_KILLS * scale))
    with OttlaBroker(tmp_path / "ottla", *SETTINGS) as broker:
        create(broker, ACCOUNTS, partitions=BANKS)
        clerks = [
            Lives(
                python_client(client, "transfer", broker.address, f"clerk-{number}", 1 << 20),
                tmp_path / f"clerk-{number}.log",
                "mitted|ab",
            )
            for number, client in enumerate(("confluent", "aiokafka", "confluent"))
        ]
        auditors = [Auditor(broker.address) for _ in range(2)]
        with at_work(*clerks):
            for auditor in auditors:
                auditor.start()
            kill_while_they_work(broker, clerks, kills, TRANSFERS_BETWEEN)
            while sum(line.startswith("committed") for clerk in clerks for line in clerk.lines) <= TRANSFERS_MIN:
                clerks[0].wait_for_more(10)
        for auditor in auditors:
            auditor.stopping.set()
            auditor.join(90)
            assert not auditor.is_alive()
            assert auditor.problems == []
        with at_work(
            *(
                successors := [  # they end what the killed ones left open
                    Lives(
                        python_client("confluent", "transfer", broker.address, f"clerk-{number}", 1),
                        tmp_path / "last.log",
                        "mitted|ab",
                    )
                    for number in range(len(clerks))
                ]
            )
        ):
            for one in successors:
                one.join()
        legs = Counter[str]()
        total = 0
        for value in read_everything(broker.address, ACCOUNTS, BANKS):
            name, _, amount = value.rpartition(" ")
            legs[name] += 1
            total += int(amount)
        assert total == 0
        assert set(legs.values()) == {2}, [name for name, count in legs.items() if count != 2]
        told = [line.split(maxsplit=1) for one in clerks + successors for line in one.lines]
        committed = {name for outcome, name in told if outcome == "committed"}
        aborted = {name for outcome, name in told if outcome == "aborted"}
        assert not committed - set(legs), "lost"
        assert not aborted & set(legs), "aborted and there"
        print(
            f"{len(committed)} committed, {len(aborted)} aborted, {sum(a.audits for a in auditors)} audits, "
            f"ends {[one.ends for one in clerks]}"
        )
        assert len(committed) > TRANSFERS_MIN and aborted and all(auditor.audits > 0 for auditor in auditors)
        assert all(FENCED not in one.ends for one in clerks)
        assert "request.failed" not in broker.errors(), broker.errors()
