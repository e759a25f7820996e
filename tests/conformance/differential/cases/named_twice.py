"""Requests that name a topic in several rows, or a partition or name twice."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.cases.topics import create, delete
from tests.conformance.differential.requests import named, produce
from tests.conformance.differential.steps import Answer, Ask, Named, Topic, ask, batch, case

T, U = Named("t"), Named("u")


def _deleted(name: str, *rows: list[tuple[int, int]]) -> Ask:
    topics = [
        {"name": T, "partitions": [{"partition_index": index, "offset": offset} for index, offset in row]}
        for row in rows
    ]
    return ask(name, "DeleteRecords", topics=topics, timeout_ms=1000)


def _epochs(name: str, *rows: list[int]) -> Ask:
    topics = [
        {"topic": T, "partitions": [{"partition": one, "current_leader_epoch": -1, "leader_epoch": 0} for one in row]}
        for row in rows
    ]
    return ask(name, "OffsetForLeaderEpoch", replica_id=-2, topics=topics)


def _added(name: str, *rows: list[int]) -> Ask:
    return ask(
        name,
        "AddPartitionsToTxn",
        _={"before": 4, "retry": (51,)},
        v3_and_below_transactional_id=Named("x"),
        v3_and_below_producer_id=Answer("init", "producer_id", -1),
        v3_and_below_producer_epoch=Answer("init", "producer_epoch", -1),
        v3_and_below_topics=[{"name": T, "partitions": row} for row in rows],
    )


def _one(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": Named(name), **fields}


CASES = [
    case(
        "twice-in-logs",
        produce("fill", _={"compare": False}),
        _deleted("partition", [(0, 0), (0, 1)]),
        _deleted("topic", [(0, 0)], [(1, 0)]),
        _deleted("nothing", []),
        _epochs("epochs", [0, 0]),
        _epochs("epochs of rows", [0], [1]),
        ask("dirs", "DescribeLogDirs", topics=[{"topic": T, "partitions": [0, 0]}]),
        ask(
            "dirs of rows",
            "DescribeLogDirs",
            topics=[{"topic": T, "partitions": [0]}, {"topic": T, "partitions": [1, 0]}],
        ),
        ask(
            "producers",
            "DescribeProducers",
            topics=[
                {"name": T, "partition_indexes": [0, 0, -1]},
                {"name": T, "partition_indexes": [1]},
                {"name": "a b", "partition_indexes": [1]},
            ],
        ),
        ask(
            "offsets",
            "ListOffsets",
            replica_id=-1,
            timeout_ms=1000,
            topics=[{"name": T, "partitions": [{"partition_index": index, "timestamp": -1}]} for index in (0, 0, 1)],
        ),
        ask(
            "produced",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[
                named("t", partition_data=[{"index": index, "records": batch(*values)}])
                for index, values in ((0, (b"a",)), (1, (b"b",)), (0, (b"c", b"d")))
            ],
        ),
        vary=["DeleteRecords", "OffsetForLeaderEpoch", "DescribeLogDirs", "ListOffsets", "Produce"],
        topics=[Topic("t", 2)],
    ),
    case(
        "twice-in-a-transaction",
        ask("init", "InitProducerId", transactional_id=Named("x"), transaction_timeout_ms=60_000),
        _added("partition", [0, 0]),
        _added("topic", [0], [0, 1]),
        _added("unknown", [0], [9]),
        vary="AddPartitionsToTxn",
        topics=[Topic("t", 2)],
        until=3,
    ),
    case(
        "twice-among-topics",
        create("twice and more", _one("p"), _one("q"), _one("p"), _one("r")),
        create("metadata and more", {"name": "__cluster_metadata"}, _one("s")),
        create("metadata twice", {"name": "__cluster_metadata"}, {"name": "__cluster_metadata"}, _one("v")),
        ask(
            "grow",
            "CreatePartitions",
            topics=[{"name": name, "count": 3, "assignments": None} for name in (T, U, T)],
            timeout_ms=10_000,
        ),
        delete("delete", "u", "t", "u"),
        vary=["CreateTopics", "CreatePartitions", "DeleteTopics"],
        topics=["t", "u"],
    ),
]
