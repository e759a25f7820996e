"""What ends the wait of a fetch, and what does not: partitions that are refused, that fail, that come and go."""

from __future__ import annotations

from typing import Any

from ottla.common.names import Uuid
from tests.conformance.differential.requests import fetch, produce, until_gone
from tests.conformance.differential.steps import Answer, Ask, Case, Named, Take, Topic, TopicId, ask, batch, case

WAIT_MS = 4_000
"""Longer than what ends the wait takes to come: whoever does not wait for it answers without it."""
SHORT_MS = 100
NO_SUCH, NO_SUCH_ID = "nosuch", Uuid(b"0123456789abcdef")
"""Not the id of all zeros: in a session Kafka never answers that one."""


def rows(topic: str, *partitions: int, offset: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "topic": Named(topic),
        "topic_id": NO_SUCH_ID if topic == NO_SUCH else TopicId(topic),
        "partitions": [
            {"partition": one, "fetch_offset": offset, "partition_max_bytes": 1 << 20, **fields} for one in partitions
        ],
    }


UNKNOWN_ID = {
    "topic": "no such",
    "topic_id": Uuid(b"fedcba9876543210"),
    "partitions": [{"partition": 0, "partition_max_bytes": 1 << 20}],
}


def waits(name: str, *topics: Any, max_wait_ms: int = WAIT_MS, min_bytes: int = 1, **fields: Any) -> Ask:
    """A fetch on a connection of its own, answered when something ends its wait."""
    return ask(
        name,
        "Fetch",
        _={"later": True, "on": name},
        max_wait_ms=max_wait_ms,
        min_bytes=min_bytes,
        topics=list(topics),
        **fields,
    )


def until_produced(name: str, *topics: Any, **fields: Any) -> Case:
    """A wait that a record in t-0 ends; what answers at once comes without that record."""
    return case(
        f"fetch-waits-{name}",
        waits("wait", *topics, **fields),
        produce("produce", _={"compare": False}),
        Take("wait"),
        vary="Fetch",
        topics=[Topic("t", 2), Topic("u", 2)],
    )


def session(name: str, epoch: int, *topics: Any, wait: bool = False, forgotten: Any = (), **fields: Any) -> Ask:
    options: dict[str, Any] = {"later": True, "on": name} if wait else {}
    return ask(
        name,
        "Fetch",
        _=options,
        **{
            "max_wait_ms": WAIT_MS if wait else SHORT_MS,
            "min_bytes": 1,
            "session_id": 0 if epoch == 0 else SESSION,
            "session_epoch": epoch,
            "topics": list(topics),
            "forgotten_topics_data": list(forgotten),
            **fields,
        },
    )


def fetch_all(name: str, *topics: Any, **fields: Any) -> Ask:
    return ask(name, "Fetch", **{"max_wait_ms": 0, "min_bytes": 0, "topics": list(topics), **fields})


SESSION = Answer("open", "session_id", 0)


def forget(topic: str, *partitions: int) -> dict[str, Any]:
    return {"topic": Named(topic), "topic_id": TopicId(topic), "partitions": list(partitions)}


CASES = [
    until_produced("beside-an-unknown-partition", rows("t", 0, 7)),
    until_produced("beside-an-unknown-partition-first", rows("t", 7, 0)),
    until_produced("beside-an-unknown-topic", rows(NO_SUCH, 0), rows("t", 0)),
    until_produced("beside-an-unknown-id", rows("t", 0), UNKNOWN_ID),
    until_produced("beside-a-negative-partition", rows("t", -1, 0)),
    until_produced("beside-an-empty-one", rows("u", 0, 1), rows("t", 0)),
    until_produced("beside-one-out-of-range", rows("t", 0), rows("u", 0, offset=9)),
    until_produced("beside-one-with-an-unknown-epoch", rows("t", 0), rows("u", 0, current_leader_epoch=7)),
    until_produced("beside-one-that-diverges", rows("t", 0), rows("u", 0, last_fetched_epoch=5)),
    until_produced("with-several-refused", rows(NO_SUCH, 0, 1), rows("t", 9, 0, 8), rows("u", 5)),
    until_produced("for-more-than-comes", rows("t", 0, 7), min_bytes=10_000, max_wait_ms=700),
    until_produced("without-room", rows("t", 0), max_bytes=0),
    until_produced("without-room-for-a-partition", rows("t", 0, partition_max_bytes=0)),
    case(
        "fetch-negative-limits",
        produce("fill", records=batch(b"a" * 50), _={"compare": False}),
        produce("fill more", records=batch(b"b" * 50), _={"compare": False}),
        *(
            fetch(f"{name} {value} waiting {wait}", **{name: value, "max_wait_ms": wait, "min_bytes": 1})
            for name in ("partition_max_bytes", "max_bytes")
            for value in (-1, -(2**31), 0)
            for wait in (0, SHORT_MS)
        ),
        fetch("min bytes negative", min_bytes=-5, max_wait_ms=SHORT_MS),
        fetch("wait negative", min_bytes=10_000, max_wait_ms=-1),
        fetch("both negative", partition_max_bytes=-1, max_bytes=-1),
        vary="Fetch",
        topics=["t"],
    ),
    case(
        "fetch-waits-for-a-deleted-topic",
        waits("wait", rows("t", 0), rows("u", 0)),
        ask("delete", "DeleteTopics", topics=[{"name": Named("t")}], timeout_ms=10_000, _={"compare": False}),
        until_gone(compare=False),
        Take("wait"),  # Kafka is now and then late to notice, and waits until the time is up: the answer is the same
        vary="Fetch",
        topics=["t", "u"],
        since=12,
    ),
    case(
        "fetch-session-of-nothing",
        session("open", 0),
        session("use", 1),
        session("again", 2),
        vary="Fetch",
        topics=["t"],
        since=7,
    ),
    case(
        "fetch-session-added-and-forgotten-at-once",
        produce("fill", _={"compare": False}),
        session("open", 0, rows("t", 0, 1)),
        session("beside another", 1, rows("t", 0), forgotten=[forget("t", 0)]),
        session("at rest", 2),
        session("the last", 3, rows("t", 1), forgotten=[forget("t", 1)]),
        session("over", 4),
        vary="Fetch",
        topics=[Topic("t", 2)],
        since=7,
    ),
    case(
        "fetch-negative-limits-of-many",
        produce("fill", "u", records=batch(b"a" * 50), _={"compare": False}),
        fetch_all("an empty one first", rows("t", 0), rows("u", 0), max_bytes=-1),
        fetch_all("a full one first", rows("u", 0), rows("t", 0), max_bytes=-1),
        fetch_all("one limit negative", rows("u", 0, partition_max_bytes=-1), rows("t", 0)),
        produce("fill the other", "t", records=batch(b"a" * 50), _={"compare": False}),
        fetch_all("both full", rows("u", 0), rows("t", 0), max_bytes=-1),
        fetch_all("both full, a refused one first", rows("t", 9), rows("u", 0), rows("t", 0), max_bytes=-1),
        fetch_all("negative behind a full one", rows("u", 0), rows("t", 0, partition_max_bytes=-1)),
        fetch_all("negative without room", rows("u", 0), rows("t", 0, partition_max_bytes=-1), max_bytes=1),
        fetch_all("committed", rows("u", 0), rows("t", 0), max_bytes=-1, isolation_level=1),
        vary="Fetch",
        topics=["t", "u"],
    ),
    case(
        "fetch-waits-in-a-session",
        session("open", 0, rows("t", 0, 7), rows(NO_SUCH, 0)),
        session("wait", 1, wait=True),
        produce("produce", _={"compare": False}),
        Take("wait"),
        session("nothing new", 2),
        session("read", 3, rows("t", 0, offset=1)),
        session("wait again", 4, wait=True),
        produce("produce again", _={"compare": False}),
        Take("wait again"),
        vary="Fetch",
        topics=[Topic("t", 2)],
        since=7,
    ),
    case(
        "fetch-waits-while-a-session-changes",
        session("open", 0, rows("t", 0, 1)),
        session("forget one", 1, forgotten=[forget("t", 1)]),
        session("add another", 2, rows("u", 0)),
        session("wait", 3, wait=True),
        produce("to the forgotten one", partition=1, _={"compare": False}),
        produce("to the other", "u", _={"compare": False}),
        Take("wait"),
        session("forget all", 4, forgotten=[forget("t", 0), forget("u", 0)]),
        session("of nothing", 5),
        session("of nothing again", 6),
        session("add back", 7, rows("t", 0, 1)),
        session("forget what is not there", 8, forgotten=[forget("u", 5), forget("t", 9)]),
        session("go on", 9),
        vary="Fetch",
        topics=[Topic("t", 2), "u"],
        since=7,
    ),
    case(
        "fetch-session-of-refused-partitions",
        session("open", 0, rows("t", 7)),
        session("again", 1),
        session("and again", 2, max_wait_ms=0),
        ask(
            "more partitions",
            "CreatePartitions",
            topics=[{"name": Named("t"), "count": 8}],
            timeout_ms=10_000,
            _={"compare": False},
        ),
        produce("produce", partition=7, _={"compare": False, "retry": (3, 6)}),
        session("there now", 3),
        session("forget", 4, forgotten=[forget("t", 7)]),
        session("empty", 5),
        vary="Fetch",
        topics=["t"],
        since=7,
    ),
    case(
        "fetch-session-over-a-deleted-topic",
        produce("fill", _={"compare": False}),
        session("open", 0, rows("t", 0), rows("u", 0)),
        ask("delete", "DeleteTopics", topics=[{"name": Named("t")}], timeout_ms=10_000, _={"compare": False}),
        until_gone(compare=False),
        session("gone", 1),
        session("still gone", 2),
        ask(
            "create",
            "CreateTopics",
            topics=[{"name": Named("t"), "num_partitions": 1, "replication_factor": 1}],
            timeout_ms=10_000,
            _={"compare": False},
        ),
        produce("fill again", _={"compare": False, "retry": (3, 6, 100)}),
        session("made again", 3),
        session("asked anew", 4, rows("t", 0)),
        session("at rest", 5),
        vary="Fetch",
        topics=["t", "u"],
        since=7,
    ),
]
