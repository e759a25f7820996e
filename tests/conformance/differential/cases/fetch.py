"""Fetch: positions, limits, epochs, isolation, sessions."""

from __future__ import annotations

from typing import Any

from ottla.common.names import Uuid
from tests.conformance.differential.requests import fetch, produce, until_gone
from tests.conformance.differential.steps import Answer, Ask, Named, Take, Topic, TopicId, ask, batch, case

THREE = tuple(
    produce(f"fill {number}", records=batch(b"a" * 20, b"b" * 20), _={"compare": False}) for number in range(3)
)


def _session(name: str, session_id: Any, epoch: int, *topics: Any, forgotten: Any = (), **fields: Any) -> Ask:
    return ask(
        name,
        "Fetch",
        max_wait_ms=0,
        min_bytes=0,
        session_id=session_id,
        session_epoch=epoch,
        topics=list(topics),
        forgotten_topics_data=list(forgotten),
        **fields,
    )


def _at(topic: str, *partitions: tuple[int, int], **fields: Any) -> dict[str, Any]:
    return {
        "topic": Named(topic),
        "topic_id": TopicId(topic),
        "partitions": [
            {"partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20, **fields}
            for partition, offset in partitions
        ],
    }


SESSION = Answer("open", "session_id", 0)

CASES = [
    case(
        "fetch-positions",
        *THREE,
        fetch("start"),
        fetch("middle of a batch", offset=1),
        fetch("second", offset=2),
        fetch("end", offset=6),
        fetch("beyond", offset=7),
        fetch("negative", offset=-1),
        fetch("committed", isolation_level=1),
        vary="Fetch",
        topics=["t"],
    ),
    case("fetch-empty", fetch("start"), fetch("committed", isolation_level=1), fetch("beyond", offset=1), topics=["t"]),
    case(
        "fetch-limits",
        *THREE,
        fetch("one byte", partition_max_bytes=1),
        fetch("none", partition_max_bytes=0, max_bytes=0),
        fetch("part of the second", partition_max_bytes=170),
        fetch("all but one byte", max_bytes=300),
        fetch("max bytes one", max_bytes=1),
        vary="Fetch",
        topics=["t"],
    ),
    case(
        "fetch-unknown",
        fetch("topic", "nosuch"),
        fetch("partition", partition=9),
        ask(
            "id",
            "Fetch",
            max_wait_ms=0,
            topics=[
                {
                    "topic": "no such",
                    "topic_id": Uuid(b"0123456789abcdef"),
                    "partitions": [{"partition": 0, "partition_max_bytes": 100}],
                }
            ],
        ),
        topics=["t"],
    ),
    case("fetch-nothing", ask("fetch", "Fetch", max_wait_ms=0), ask("min bytes", "Fetch", max_wait_ms=1, min_bytes=1)),
    case(
        "fetch-epochs",
        *THREE,
        *(fetch(f"epoch {epoch}", current_leader_epoch=epoch) for epoch in (0, 1, -1, 5)),
        *(fetch(f"fetched {epoch}", offset=2, last_fetched_epoch=epoch) for epoch in (0, 3)),
        fetch("fetched beyond", offset=60, last_fetched_epoch=0),
        vary="Fetch",
        topics=["t"],
    ),
    case(
        "fetch-several",
        *THREE,
        ask("two topics", "Fetch", max_wait_ms=0, topics=[_at("t", (0, 0), (1, 0)), _at("u", (0, 0))]),
        ask("unknown partition", "Fetch", max_wait_ms=0, topics=[_at("t", (0, 0), (2, 0), (1, 0)), _at("u", (0, 0))]),
        ask("twice", "Fetch", max_wait_ms=0, topics=[_at("t", (0, 0), (1, 0), (0, 2))]),
        ask("unknown topic", "Fetch", max_wait_ms=0, topics=[_at("nosuch", (0, 0)), _at("t", (0, 4))]),
        ask("topic twice", "Fetch", max_wait_ms=0, topics=[_at("t", (0, 4)), _at("u", (0, 0)), _at("t", (1, 0))]),
        vary="Fetch",
        topics=[Topic("t", 2), "u"],
    ),
    case(
        "fetch-order-and-budget",
        *THREE,
        produce("u", "u", _={"compare": False}),
        ask("fetch", "Fetch", max_wait_ms=0, max_bytes=250, topics=[_at("u", (0, 0)), _at("t", (1, 0), (0, 0))]),
        vary="Fetch",
        topics=[Topic("t", 2), "u"],
    ),
    case(
        "fetch-long-poll",
        fetch("wait", offset=0, max_wait_ms=20_000, min_bytes=1, _={"later": True, "on": "reader"}),
        produce("produce", _={"compare": False}),
        Take("wait"),
        vary="Fetch",
        topics=["t"],
    ),
    case(
        "fetch-waits-in-vain", *THREE, fetch("too few", max_wait_ms=50, min_bytes=100_000), vary="Fetch", topics=["t"]
    ),
    case(
        "fetch-as-replica",
        *THREE,
        *(
            ask(
                f"replica {number}",
                "Fetch",
                max_wait_ms=0,
                replica_id=number,
                replica_state={"replica_id": number, "replica_epoch": -1},
                topics=[_at("t", (0, 0))],
            )
            for number in (2, -2, 1)
        ),
        vary="Fetch",
        topics=["t"],
    ),
    case(
        "fetch-session",
        *THREE,
        _session("open", 0, 0, _at("t", (0, 0), (1, 0))),
        _session("nothing new", SESSION, 1),
        _session("moved", SESSION, 2, _at("t", (0, 6))),
        produce("more", _={"compare": False}, partition=1),
        _session("one changed", SESSION, 3),
        _session("forget", SESSION, 4, forgotten=[{"topic": Named("t"), "topic_id": TopicId("t"), "partitions": [1]}]),
        _session("after", SESSION, 5),
        _session("add", SESSION, 6, _at("u", (0, 0))),
        _session("unknown partition", SESSION, 7, _at("t", (9, 0))),
        _session("again", SESSION, 8),
        _session("out of range", SESSION, 9, _at("t", (0, 99))),
        _session("wrong epoch", SESSION, 77),
        _session("right epoch", SESSION, 10),
        _session("close", SESSION, -1, _at("t", (0, 0))),
        _session("closed", SESSION, 11),
        vary="Fetch",
        topics=[Topic("t", 2), "u"],
        since=7,
    ),
    case(
        "fetch-session-oddly",
        produce("fill", records=batch(b"x" * 50), _={"compare": False}),
        produce("fill another", records=batch(b"x" * 50), partition=1, _={"compare": False}),
        _session("open", 0, 0, _at("t", (0, 0), (1, 0))),
        _session("no such isolation", SESSION, 1, isolation_level=3),
        _session("goes on", SESSION, 2),
        _session("unknown epoch", SESSION, 3, _at("t", (0, 1), current_leader_epoch=7)),
        _session("still unknown", SESSION, 4),
        _session("known epoch", SESSION, 5, _at("t", (0, 1), current_leader_epoch=0)),
        _session("log start", SESSION, 6, _at("t", (0, 1), log_start_offset=5)),
        _session(
            "added and forgotten",
            SESSION,
            7,
            _at("t", (0, 0)),
            forgotten=[{"topic": Named("t"), "topic_id": TopicId("t"), "partitions": [0]}],
        ),
        _session("after", SESSION, 8),
        _session("twice", SESSION, 9, _at("t", (0, 0), (0, 1))),
        _session("opened anew", SESSION, 0, _at("t", (1, 0))),
        _session("the old one", SESSION, 10),
        _session("negative epoch", SESSION, -2),
        vary="Fetch",
        topics=[Topic("t", 2)],
        since=7,
    ),
    case(
        "fetch-session-unknown",
        _session("unknown", 12345, 1, _at("t", (0, 0))),
        _session("zero", 0, 5),
        _session("epoch -1", 0, -1, _at("t", (0, 0))),
        _session("unknown closed", 12345, -1, _at("t", (0, 0))),
        _session("new", 999, 0, _at("t", (0, 0))),
        topics=["t"],
        since=7,
    ),
    case(
        "fetch-deleted-topic",
        *THREE,
        _session("open", 0, 0, _at("t", (0, 0))),
        ask("delete", "DeleteTopics", topics=[{"name": Named("t")}], timeout_ms=10_000),
        until_gone(compare=False),
        fetch("plain", _={"retry": (6,)}),
        _session("in the session", SESSION, 1),
        vary="Fetch",
        topics=["t"],
        since=7,
    ),
    case(
        "fetch-after-delete-records",
        *THREE,
        ask(
            "delete",
            "DeleteRecords",
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0, "offset": 3}]}],
            timeout_ms=10_000,
        ),
        fetch("below", offset=2),
        fetch("at", offset=3),
        fetch("in the batch", offset=4),
        vary="Fetch",
        topics=["t"],
    ),
    case(
        "fetch-zstd",
        produce("produce", records=batch(b"a" * 100, codec=4), _={"compare": False}),
        fetch("fetch"),
        vary="Fetch",
        topics=["t"],
    ),
]
