"""Folders that Apache Kafka wrote, opened by our log: the same records and offsets as Kafka's own answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.common.clock import SystemRandom
from ottla.common.names import TopicPartition as Name
from ottla.records.record import Record, read_all
from ottla.storage.directory import LogDirectory
from ottla.storage.log import PartitionLog, open_log
from ottla.storage.os_files import OsFiles
from ottla.storage.settings import TopicSettings
from tests.conformance import kafka_broker

pytestmark = pytest.mark.java

NOW_MS = 1_700_000_000_000
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
COUNT = 400
TIMES = [NOW_MS + after for after in (-5000, 0, 1, 7777, COUNT * 50, COUNT * 100, 10**9)]


class Seen(NamedTuple):
    """What Kafka's side says of one topic."""

    records: list[tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]
    by_time: dict[int, int]
    low: int
    high: int


class Written(NamedTuple):
    clean: Path
    """A copy of the data after a clean stop."""
    killed: Path
    """A copy taken while the broker was running: what a crash leaves."""
    seen: dict[str, Seen]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    folder = tmp_path_factory.mktemp("kafka-folders")
    broker = kafka_broker.start(folder / "kafka", {"log.index.interval.bytes": "300", "log.segment.bytes": "1048576"})
    try:
        topics = [f"codec-{codec}" for codec in CODECS] + ["transactions"]
        admin = AdminClient({"bootstrap.servers": broker.address})
        config = {"segment.bytes": "1048576", "retention.ms": "-1"}
        for future in admin.create_topics([NewTopic(name, 1, 1, config=config) for name in topics]).values():
            future.result(120)  # a Kafka that has just started, on a busy machine
        for codec in CODECS:
            _produce(broker.address, f"codec-{codec}", codec)
        _transactions(broker.address)
        seen = _consume(broker.address, topics)
        shutil.copytree(broker.data, folder / "killed")
    finally:
        kafka_broker.stop(broker)
    yield Written(broker.data, folder / "killed", seen)


def _produce(address: str, topic: str, codec: str) -> None:
    """Several segments, small and larger batches, times that go up and down, headers, null keys and values."""
    producer = Producer({"bootstrap.servers": address, "compression.type": codec, "linger.ms": 2})
    for number in range(COUNT):
        key = None if number % 7 == 0 else b"key-%d" % number
        value = None if number % 11 == 0 else bytes((number * step) % 251 for step in range(7000))
        time = NOW_MS + number * 100 - (number % 5) * 333
        producer.produce(topic, value, key, timestamp=time, headers=[("h", b"%d" % number), ("none", None)])
        if number % 13 == 0:
            assert producer.flush(30) == 0
    assert producer.flush(30) == 0


def _transactions(address: str) -> None:
    producer = Producer({"bootstrap.servers": address, "transactional.id": "conformance"})
    producer.init_transactions(30)
    for number in range(20):
        producer.begin_transaction()
        for index in range(3):
            producer.produce("transactions", b"%d-%d" % (number, index), timestamp=NOW_MS + number)
        assert producer.flush(30) == 0
        if number % 3:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)


def _consume(address: str, topics: list[str]) -> dict[str, Seen]:
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "reader",
            "isolation.level": "read_uncommitted",
            "check.crcs": True,
            "enable.auto.commit": False,
        }
    )
    seen = {topic: _consume_one(consumer, topic) for topic in topics}
    for time in TIMES:
        for found in consumer.offsets_for_times([TopicPartition(topic, 0, time) for topic in topics], 30):
            seen[found.topic].by_time[time] = found.offset
    consumer.close()
    return seen


def _consume_one(consumer: Consumer, topic: str) -> Seen:
    place = TopicPartition(topic, 0, 0)
    low, high = consumer.get_watermark_offsets(place, 30)
    consumer.assign([place])
    records = []
    last = high - (2 if topic == "transactions" else 1)  # the last offset may be a marker's
    while not records or records[-1][0] < last:
        message = consumer.poll(20)
        assert message is not None, f"{topic}: nothing after {records[-1:]} though the log ends at {high}"
        assert message.error() is None
        headers = [(name, value) for name, value in message.headers() or []]
        records.append((message.offset(), message.timestamp()[1], message.key(), message.value(), headers))
    return Seen(records, {}, low, high)


def _open(data: Path, into: Path, *, clean: bool) -> LogDirectory:
    shutil.copytree(data, into)
    directory = LogDirectory.open(
        OsFiles(), str(into), cluster_id=None, node_id=1, random=SystemRandom(), now_ms=NOW_MS
    )
    assert directory.clean is clean
    return directory


def _records(log: PartitionLog, offset: int) -> list[Record]:
    """As a consumer fetches."""
    records: list[Record] = []
    while offset < log.log_end_offset:
        found = log.read(offset, 50_000, up_to=log.log_end_offset)
        raw, offset = found.read_all(), found.end_offset
        found.release()
        assert raw
        records += read_all(raw)
    return records


@pytest.mark.parametrize("clean", [True, False], ids=["after a clean stop", "after a crash"])
def test_we_read_what_kafka_wrote(written: Written, tmp_path: Path, clean: bool) -> None:
    directory = _open(written.clean if clean else written.killed, tmp_path / "data", clean=clean)
    repairs: list[object] = []
    directory.on_repair = lambda partition, repair: repairs.append((partition, repair))
    for topic, seen in written.seen.items():
        log = directory.log(Name(topic, 0), TopicSettings(), NOW_MS)
        assert log.topic_id is not None
        assert (log.log_start_offset, log.log_end_offset) == (seen.low, seen.high)
        assert log.segment_count > 1 or not topic.startswith("codec-none")
        got = [(one.offset, one.timestamp, one.key, one.value, list(one.headers)) for one in _records(log, 0)]
        assert got == seen.records
        for offset in range(seen.low, seen.high, 37):
            first = next((one for one in _records(log, offset) if one.offset >= offset), None)
            assert first is not None and first.offset >= offset
        for time, offset in seen.by_time.items():
            found = log.offset_for_timestamp(time)
            assert (seen.high if found is None else found.offset) == (seen.high if offset == -1 else offset)
        if clean:
            assert log.recovered_bytes == 0
    assert repairs == []  # its indexes are not ours, byte for byte, and are believed
    directory.close()


def test_aborted_transactions_and_producers_are_those_of_kafka(written: Written, tmp_path: Path) -> None:
    directory = _open(written.clean, tmp_path / "clean", clean=True)
    crashed = _open(written.killed, tmp_path / "killed", clean=False)
    name = Name("transactions", 0)
    log = directory.log(name, TopicSettings(), NOW_MS)
    recovered = crashed.log(name, TopicSettings(), NOW_MS)
    aborted = log.aborted_transactions(0, log.log_end_offset)
    assert len(aborted) == 7
    assert recovered.aborted_transactions(0, log.log_end_offset) == aborted
    assert log.first_unstable_offset is None
    assert log.producers() == recovered.producers()
    assert len(log.producers()) == 1
    directory.close()
    crashed.close()


def test_kafka_goes_on_with_a_log_that_was_mended_here(tmp_path: Path) -> None:
    """A damaged batch was set aside: Kafka passes over the file that keeps it and over the hole that it left."""
    broker = kafka_broker.start(tmp_path / "kafka")
    folder = broker.data / "damaged-0"
    try:
        admin = AdminClient({"bootstrap.servers": broker.address})
        admin.create_topics([NewTopic("damaged", 1, 1)])["damaged"].result(120)
        producer = Producer({"bootstrap.servers": broker.address})
        for number in range(10):
            producer.produce("damaged", b"value %d" % number, timestamp=NOW_MS)
            assert producer.flush(30) == 0
    finally:
        kafka_broker.stop(broker)
    file = folder / f"{0:020d}.log"
    content = bytearray(file.read_bytes())
    content[content.index(b"value 4")] ^= 1
    file.write_bytes(content)
    cuts: list[object] = []
    log = open_log(
        OsFiles(), str(folder), TopicSettings(), now_ms=NOW_MS, clean=False, recovery_point=10, on_repair=cuts.append
    )
    assert len(cuts) == 1
    log.close()
    broker = kafka_broker.restart(broker)
    try:
        producer = Producer({"bootstrap.servers": broker.address})
        producer.produce("damaged", b"value 10", timestamp=NOW_MS)
        assert producer.flush(30) == 0
        consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "reader", "check.crcs": True})
        seen = _consume_one(consumer, "damaged")
        consumer.close()
    finally:
        kafka_broker.stop(broker)
    assert [record[0] for record in seen.records] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert (folder / f"{4:020d}.log.damaged-1").exists()
