"""Steps that many cases share."""

from __future__ import annotations

from typing import Any

from ottla.protocol.blobs import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from tests.conformance.differential.steps import Answer, Ask, Encoded, Named, Topic, TopicId, ask, batch, case

FOREVER_MS = 30_000


def named(topic: Any, **fields: Any) -> dict[str, Any]:
    """A topic of this run by name and id, whichever the version wants. A text that is no name of the run goes as is."""
    if isinstance(topic, str):
        return {"name": Named(topic), "topic_id": TopicId(topic), **fields}
    return {"name": topic, **fields}


def produce(
    name: str, topic: str = "t", records: Any = None, partition: int = 0, acks: int = 1, _: Any = None, **fields: Any
) -> Ask:
    data = [{"index": partition, "records": batch() if records is None else records}]
    return ask(
        name,
        "Produce",
        _=_,
        **{"acks": acks, "timeout_ms": FOREVER_MS, "topic_data": [named(topic, partition_data=data)], **fields},
    )


def fetch(name: str, topic: str = "t", offset: int = 0, partition: int = 0, _: Any = None, **fields: Any) -> Ask:
    """A fetch without waiting. Fields of the partition are among `fields` too."""
    inner = ("current_leader_epoch", "last_fetched_epoch", "log_start_offset", "partition_max_bytes")
    entry = {"partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
    entry |= {key: fields.pop(key) for key in inner if key in fields}
    topics = [{"topic": Named(topic), "topic_id": TopicId(topic), "partitions": [entry]}]
    return ask(name, "Fetch", _=_, **{"max_wait_ms": 0, "min_bytes": 0, "topics": topics, **fields})


def until_gone(topic: str = "t", **options: Any) -> Ask:
    """Metadata, again and again until it knows the deleted topic no more: a broker hears of it a moment later."""
    return ask(
        "gone",
        "Metadata",
        topics=[{"name": Named(topic)}],
        allow_auto_topic_creation=False,
        _={"version": 12, "until_error": 3, **options},
    )


def list_offsets(name: str, timestamp: int, topic: str = "t", partition: int = 0, _: Any = None, **fields: Any) -> Ask:
    epoch = fields.pop("current_leader_epoch", -1)
    entry = {"partition_index": partition, "timestamp": timestamp, "current_leader_epoch": epoch}
    topics = [{"name": Named(topic), "partitions": [entry]}]
    return ask(name, "ListOffsets", _=_, **{"replica_id": -1, "topics": topics, "timeout_ms": FOREVER_MS, **fields})


def subscription(*topics: str, version: int = 1) -> Encoded:
    """What a consumer of the classic protocol sends as its metadata."""

    def encode(*names: str) -> bytes:
        body = ConsumerProtocolSubscription(topics=list(names)).encode(version)
        return version.to_bytes(2, "big") + body

    return Encoded(encode, tuple(Named(topic) for topic in topics))


def assignment(**partitions: list[int]) -> Encoded:
    """What the leader of a classic group gives a consumer."""

    def encode(*names: str) -> bytes:
        given = [
            ConsumerProtocolAssignment.TopicPartition(topic=name, partitions=list(partitions[key]))
            for name, key in zip(names, partitions, strict=True)
        ]
        return b"\0\0" + ConsumerProtocolAssignment(assigned_partitions=given).encode(0)

    return Encoded(encode, tuple(Named(topic) for topic in partitions))


__all__ = ["Answer", "Named", "Topic", "TopicId", "ask", "batch", "case"]
