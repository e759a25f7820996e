"""The same folder, compacted by Apache Kafka and by us: the same records, markers and empty batches stay."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.common.names import TopicPartition as Name
from ottla.records.batch import DELETE_HORIZON
from ottla.storage.checkpoints import CLEANER_OFFSETS, read_offsets
from ottla.storage.log import PartitionLog, open_log
from ottla.storage.os_files import OsFiles
from ottla.storage.settings import TopicSettings
from tests.conformance import kafka_broker
from tests.conformance.kafka_tools import complaints, dump_log
from tests.conformance.test_dump_log import NOW_MS, fill_keyed
from tests.unit.storage.compacted import clean, contents, values

pytestmark = pytest.mark.java

SEGMENT_BYTES = 1 << 20
_TIMEOUT_S = 60
Shape = tuple[int, int, int, int, int, bool, bool, list[tuple[int, int, bytes | None, bytes | None]]]


def opened(folder: Path, segment_bytes: int, *, clean: bool = False) -> PartitionLog:
    """`delete.retention.ms` is so short that what one pass marks the next one drops."""
    values: dict[str, object] = {
        "cleanup.policy": ("compact",),
        "internal.segment.bytes": segment_bytes,
        "delete.retention.ms": 1,
        "file.delete.delay.ms": 0,
        "message.timestamp.after.max.ms": 1 << 60,
    }
    return open_log(OsFiles(), str(folder), TopicSettings.of(values), now_ms=NOW_MS, clean=clean)  # type: ignore[arg-type]


def shape(log: PartitionLog) -> list[Shape]:
    """Every batch but for what may differ: the time at which a delete horizon began, and the base timestamp."""
    return [
        (
            header.base_offset,
            header.last_offset,
            header.producer_id,
            header.base_sequence,
            header.codec,
            header.is_control,
            bool(header.attributes & DELETE_HORIZON),
            [(one.offset, one.timestamp, one.key, one.value) for one in records],
        )
        for header, records in contents(log)
    ]


def write(folder: Path, rounds: range) -> None:
    """Small segments of all codecs, with tombstones, transactions and idempotent producers."""
    log = opened(folder, 60_000)
    now_ms = int(time.time() * 1000) - 60_000  # Kafka forgets producers that are a day old
    for number in rounds:
        for codec in range(5):
            fill_keyed(log, codec, number, now_ms)
            log.roll(now_ms)
    log.close()


def compacted_by_us(folder: Path, checkpoint: int | None) -> int:
    log = opened(folder, SEGMENT_BYTES)
    result = clean(log, OsFiles(), checkpoint=checkpoint, now_ms=int(time.time() * 1000))
    log.remove_due(1 << 62)
    log.close()
    return result.clean_to


def run_kafka(broker: kafka_broker.KafkaBroker, folder: Path) -> kafka_broker.KafkaBroker:
    """Starts it again on its folder, as after a crash."""
    for marker in broker.data.glob(".kafka_cleanshutdown"):
        marker.unlink()
    return kafka_broker._run(folder, folder / "server.properties", int(broker.address.split(":")[1]))


def wait_until_clean(broker: kafka_broker.KafkaBroker, offset: int) -> None:
    """Until Kafka has cleaned the topic up to its active segment."""
    deadline = time.monotonic() + _TIMEOUT_S
    path = broker.data / CLEANER_OFFSETS
    while time.monotonic() < deadline:
        if path.exists() and read_offsets(OsFiles(), str(path)).get(Name("kv", 0), 0) >= offset:
            return
        time.sleep(0.05)
    raise AssertionError(f"Kafka has not cleaned up to {offset}: {path.read_text() if path.exists() else None}")


def test_kafka_keeps_what_we_keep(tmp_path: Path) -> None:
    home = tmp_path / "kafka"
    settings = {"log.cleaner.backoff.ms": "50", "log.initial.task.delay.ms": "100", "log.cleaner.threads": "1"}
    broker = kafka_broker.start(home, settings)
    topic_folder = broker.data / "kv-0"
    try:
        config = {
            "cleanup.policy": "compact", "segment.bytes": str(SEGMENT_BYTES), "delete.retention.ms": "1",
            "min.cleanable.dirty.ratio": "0", "file.delete.delay.ms": "0", "index.interval.bytes": "4096",
        }  # fmt: skip
        admin = AdminClient({"bootstrap.servers": broker.address})
        admin.create_topics([NewTopic("kv", 1, 1, config=config)])["kv"].result(30)
    finally:
        kafka_broker.stop(broker)
    identity = (topic_folder / "partition.metadata").read_bytes()
    ours = tmp_path / "kv-0"
    shutil.rmtree(topic_folder)
    topic_folder.mkdir()
    checkpoint: int | None = None
    for rounds in (range(2), range(2, 4), range(4, 5)):
        write(topic_folder, rounds)  # from the second round on, onto what Kafka has compacted
        (topic_folder / "partition.metadata").write_bytes(identity)
        shutil.rmtree(ours, ignore_errors=True)
        shutil.copytree(topic_folder, ours)
        active = max(int(path.stem) for path in topic_folder.glob("*.log"))
        clean_to = compacted_by_us(ours, checkpoint)
        assert clean_to == active
        broker = run_kafka(broker, home)
        try:
            wait_until_clean(broker, active)
        finally:
            kafka_broker.stop(broker)
        theirs_log, our_log = opened(topic_folder, SEGMENT_BYTES), opened(ours, SEGMENT_BYTES)
        assert shape(our_log) == shape(theirs_log)
        assert our_log.producers() == theirs_log.producers()
        end = our_log.log_end_offset
        assert our_log.aborted_transactions(0, end) == theirs_log.aborted_transactions(0, end)
        assert len(values(our_log)) < 3000
        our_log.close()
        theirs_log.close()
        checkpoint = clean_to
    files = [path for kind in ("log", "index", "timeindex", "snapshot") for path in sorted(ours.glob(f"*.{kind}"))]
    found = complaints(dump_log(files, "--deep-iteration"))
    assert [line for line in found if " is followed by " not in line] == []
    kafka_serves(broker, home, ours)


def kafka_serves(broker: kafka_broker.KafkaBroker, home: Path, ours: Path) -> None:
    """Kafka opens the folder that we compacted, and consumers get what we would give them."""
    topic_folder = broker.data / "kv-0"
    shutil.rmtree(topic_folder)
    shutil.copytree(ours, topic_folder)
    log = opened(ours, SEGMENT_BYTES)
    expected = values(log)
    log.close()
    broker = run_kafka(broker, home)
    try:
        consumer = Consumer(
            {"bootstrap.servers": broker.address, "group.id": "g", "isolation.level": "read_uncommitted"}
        )
        consumer.assign([TopicPartition("kv", 0, 0)])
        seen: list[tuple[int, bytes | None, bytes | None]] = []
        while not seen or seen[-1][0] < expected[-1][0]:
            message = consumer.poll(20)
            assert message is not None and message.error() is None
            seen.append((message.offset(), message.key(), message.value()))
        consumer.close()
    finally:
        kafka_broker.stop(broker)
    assert seen == expected
