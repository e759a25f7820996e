"""The wrong answers that the harness must notice, each planted in a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ottla.common.names import Uuid
from tests.conformance.differential.lying_proxy import (
    BYTES_BEHIND,
    CLOSE,
    OTHER_NUMBER,
    STAY_OPEN,
    SWALLOW,
    UNASKED,
    Lie,
)

Change = Callable[[Any], object]


def put(path: str, value: Any) -> Change:
    """Sets the field at "topics.0.name"; a function gets the old value."""

    def change(message: Any) -> None:
        *way, last = path.split(".")
        for part in way:
            message = message[int(part)] if part.isdigit() else getattr(message, part)
        old = getattr(message, last)
        setattr(message, last, value(old) if callable(value) else value)

    return change


def drop(path: str) -> Change:
    """Takes the last entry out of a list."""
    return put(path, lambda entries: entries[:-1])


def again(path: str) -> Change:
    """Repeats the last entry of a list."""
    return put(path, lambda entries: [*entries, entries[-1]])


def plus(amount: int) -> Callable[[int], int]:
    return lambda value: value + amount


def _swap_ids(message: Any) -> None:
    one, two = message.topics[:2]
    one.topic_id, two.topic_id = two.topic_id, one.topic_id


def _same_id(message: Any) -> None:
    message.topics[0].topic_id = message.topics[1].topic_id


def _without_ours(message: Any) -> None:
    """The whole list holds the topics of other runs too."""
    message.topics = [topic for topic in message.topics if topic.name != "metadata-all-0-t"]


def _one_of_ours_twice(message: Any) -> None:
    message.groups.append(next(group for group in message.groups if group.group_id.startswith("groups-listed-0")))


def _flip(records: Any) -> bytes:
    data = bytearray(records)
    data[-2] ^= 1
    return bytes(data)


_PRODUCED = "responses.0.partition_responses.0"
_FETCHED = "responses.0.partitions.0"
_LISTED = "topics.0.partitions.0"
_NOWHERE = Uuid(b"0123456789abcdef")  # what the case asks for first, in vain

LIES = (
    Lie("an error code", "produce-leader-ack", "Produce", put(f"{_PRODUCED}.error_code", 7)),
    Lie("an offset", "produce-all-ack", "Produce", put(f"{_PRODUCED}.base_offset", plus(1)), nth=1),
    Lie("null for an empty text", "produce-codec-none", "Produce", put(f"{_PRODUCED}.error_message", "")),
    Lie(
        "the time of the append left out",
        "produce-log-append-time",
        "Produce",
        put(f"{_PRODUCED}.log_append_time_ms", -1),
    ),
    Lie("an answer where none is due", "produce-no-ack", "Produce", UNASKED),
    Lie("a throttle time", "produce-codec-gzip", "Produce", put("throttle_time_ms", 5)),
    Lie("no close", "produce-no-ack-unknown-topic", "Produce", STAY_OPEN),
    Lie("two producers with one id", "producer-ids", "InitProducerId", put("producer_id", plus(-1)), nth=1),
    Lie("a high watermark", "fetch-positions", "Fetch", put(f"{_FETCHED}.high_watermark", plus(1))),
    Lie("no records", "fetch-several", "Fetch", put(f"{_FETCHED}.records", b"")),
    Lie("null for no records", "fetch-empty", "Fetch", put(f"{_FETCHED}.records", None)),
    Lie("a byte of a record", "fetch-epochs", "Fetch", put(f"{_FETCHED}.records", _flip)),
    Lie("an empty list for null", "fetch-order-and-budget", "Fetch", put(f"{_FETCHED}.aborted_transactions", [])),
    Lie("another session", "fetch-session", "Fetch", put("session_id", plus(1)), nth=1),
    Lie("no session", "fetch-session-unknown", "Fetch", put("session_id", 0), nth=4),
    Lie("a partition twice", "fetch-limits", "Fetch", again("responses.0.partitions")),
    Lie("a time for another", "list-offsets-times", "ListOffsets", put(f"{_LISTED}.timestamp", plus(3600))),
    Lie("bytes behind the answer", "list-offsets-empty", "ListOffsets", BYTES_BEHIND),
    Lie("no answer", "list-offsets-epochs", "ListOffsets", SWALLOW),
    Lie("a close for an answer", "list-offsets-special", "ListOffsets", CLOSE, nth=3),
    Lie("the number of another request", "list-offsets-compressed", "ListOffsets", OTHER_NUMBER),
    Lie("a missing topic", "metadata-all", "Metadata", _without_ours),
    Lie("an extra partition", "metadata-operations", "Metadata", again("topics.0.partitions")),
    Lie("two ids exchanged", "metadata-named", "Metadata", _swap_ids, nth=1),
    Lie("another port", "metadata-unknown", "Metadata", put("brokers.0.port", plus(1))),
    Lie("another host", "cluster", "DescribeCluster", put("brokers.0.host", "elsewhere")),
    Lie("another cluster in the second answer", "api-versions", "ApiVersions", put("api_keys.1.max_version", plus(-1))),
    Lie("two topics with one id", "delete-topics-by-id", "DeleteTopics", put("responses.0.topic_id", _NOWHERE), nth=3),
    Lie("an id that is not that of the topic", "topic-partitions", "DescribeTopicPartitions", _same_id, nth=1),
    Lie("a leader that is no member", "group-one-member", "JoinGroup", put("leader", "client-x"), nth=1),
    Lie("a generation", "group-static", "JoinGroup", put("generation_id", plus(1))),
    Lie("a member left out", "group-two-members", "JoinGroup", drop("members"), nth=3),
    Lie("a state", "group-consumer-protocol", "DescribeGroups", put("groups.0.group_state", "Empty")),
    Lie("an assignment", "group-static-second", "SyncGroup", put("assignment", b"other"), nth=1),
    Lie("an extra group", "groups-listed", "ListGroups", _one_of_ours_twice),
    Lie(
        "null for the metadata of an offset",
        "offsets-many-groups",
        "OffsetFetch",
        put("groups.0.topics.0.partitions.0.metadata", None),
    ),
    Lie("a setting left out", "configs-described", "DescribeConfigs", drop("results.0.configs"), nth=1),
    Lie(
        "the order of synonyms",
        "configs-changed",
        "DescribeConfigs",
        put("results.0.configs.0.synonyms", lambda ones: ones[::-1]),
    ),
    Lie("a text", "create-topics-badly", "CreateTopics", put("topics.0.error_message", "no")),
)
