"""Kafka's metadata log, read from its files as a stop or a crash leaves them."""

from __future__ import annotations

import pytest

from ottla.broker.adoption.kafka_log import UnreadableMetadata, read_kafka_image
from ottla.common.names import Uuid
from ottla.metadata.records import encode_record
from ottla.protocol.logs.cluster_metadata import FeatureLevelRecord, TopicRecord
from ottla.protocol.message import Message
from ottla.records.batch import with_place
from ottla.records.record import BatchBuilder
from ottla.testing.files import SimFiles

FOLDER = "/data/__cluster_metadata-0"


def a_batch(offset: int, *records: Message) -> bytes:
    batch = BatchBuilder()
    for record in records:
        batch.append(0, None, encode_record(record))
    return with_place(batch.build(), offset, 1)


def topic(name: str) -> TopicRecord:
    return TopicRecord(name=name, topic_id=Uuid(name.encode().ljust(16, b"-")))


def folder(**contents: bytes) -> SimFiles:
    """`log`: the segment at 0; `snapshot_N`: the snapshot whose end is N."""
    files = SimFiles()
    files.make_folder(FOLDER)
    for word, content in contents.items():
        kind, _, offset = word.partition("_")
        name = f"{0:020d}.log" if kind == "log" else f"{int(offset):020d}-{1:010d}.checkpoint"
        file = files.open(f"{FOLDER}/{name}", create=True)
        file.append(content)
        file.close()
    return files


def topics(files: SimFiles) -> list[str]:
    return list(read_kafka_image(files, FOLDER).topics)


def test_the_log_goes_on_where_the_newest_snapshot_ends() -> None:
    log = a_batch(0, topic("a"), topic("b")) + a_batch(2, topic("c"))
    assert topics(folder(log=log)) == ["a", "b", "c"]
    assert topics(folder(log=log, snapshot_2=a_batch(0, topic("x")))) == ["x", "c"]
    assert topics(folder(snapshot_2=a_batch(0, topic("x")))) == ["x"]


def test_a_torn_end_is_left_out() -> None:
    log = a_batch(0, topic("a"))
    whole = a_batch(1, topic("b"))
    for rest in (whole[:20], whole[:-1], bytes(5000)):
        assert topics(folder(log=log + rest)) == ["a"]


def test_damage_is_told_and_not_taken_for_an_end() -> None:
    log = bytearray(a_batch(0, topic("a")) + a_batch(1, topic("b")))
    log[70] ^= 1
    with pytest.raises(UnreadableMetadata, match=r"00000\.log: the batch at byte 0 is damaged"):
        topics(folder(log=bytes(log)))


def test_an_older_snapshot_serves_where_the_newest_is_damaged_if_the_log_goes_back_that_far() -> None:
    log = a_batch(0, topic("a")) + a_batch(1, topic("b"))
    assert topics(folder(log=log, snapshot_1=a_batch(0, topic("a")), snapshot_2=b"torn")) == ["a", "b"]
    with pytest.raises(UnreadableMetadata, match="no snapshot is whole"):
        topics(folder(log=log, snapshot_2=b"torn"))


def test_a_gap_between_snapshot_and_log_is_told() -> None:
    with pytest.raises(UnreadableMetadata, match="a gap between offsets 1 and 5"):
        topics(folder(log=a_batch(5, topic("b")), snapshot_1=a_batch(0, topic("a"))))


def test_a_record_of_a_newer_kafka_is_named() -> None:
    batch = BatchBuilder()
    batch.append(0, None, b"\x01\x7f\x00")
    with pytest.raises(UnreadableMetadata, match="record type 127 is unknown; a newer Kafka"):
        topics(folder(log=batch.build()))


def test_features_are_read() -> None:
    files = folder(log=a_batch(0, FeatureLevelRecord(name="metadata.version", feature_level=30)))
    assert read_kafka_image(files, FOLDER).features == {"metadata.version": 30}
