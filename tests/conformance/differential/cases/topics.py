"""CreateTopics, DeleteTopics, CreatePartitions, DescribeLogDirs, DescribeProducers."""

from __future__ import annotations

from typing import Any

from ottla.common.names import Uuid
from tests.conformance.differential.requests import produce, until_gone
from tests.conformance.differential.steps import Ask, Named, Topic, TopicId, ask, case

NOWHERE = Uuid(b"0123456789abcdef")


def create(name: str, *topics: dict[str, Any], validate: bool = False, **options: Any) -> Ask:
    rows = [{"num_partitions": 1, "replication_factor": 1, **topic} for topic in topics]
    return ask(name, "CreateTopics", topics=rows, timeout_ms=30_000, validate_only=validate, **options)


def _one(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": Named(name), **fields}


def _config(**values: str | None) -> list[dict[str, Any]]:
    return [{"name": key.replace("_", "."), "value": value} for key, value in values.items()]


def delete(name: str, *topics: str) -> Ask:
    return ask(
        name,
        "DeleteTopics",
        topics=[{"name": Named(topic)} for topic in topics],
        topic_names=[Named(topic) for topic in topics],
        timeout_ms=30_000,
    )


def partitions(name: str, topic: str, count: int, assignments: Any = None, validate: bool = False) -> Ask:
    rows = None if assignments is None else [{"broker_ids": ids} for ids in assignments]
    return ask(
        name,
        "CreatePartitions",
        topics=[{"name": Named(topic), "count": count, "assignments": rows}],
        timeout_ms=30_000,
        validate_only=validate,
    )


def _hurried(name: str, kind: str, *topics: dict[str, Any], timeout_ms: int = 0, **fields: Any) -> Ask:
    return ask(name, kind, topics=list(topics), timeout_ms=timeout_ms, **fields)


def _new(name: str) -> dict[str, Any]:
    return _one(name, num_partitions=1, replication_factor=1)


def _grown(name: str) -> dict[str, Any]:
    return _one(name, count=5)


def _names(*names: str) -> dict[str, Any]:
    return {"topic_names": [Named(name) for name in names]}


CASES = [
    case(
        "create-topics",
        create("one", _one("a")),
        create("again", _one("a")),
        create("two", _one("b", num_partitions=3), _one("a")),
        create("defaults", _one("c", num_partitions=-1, replication_factor=-1)),
        create("configs", _one("d", configs=_config(retention_ms="5000", cleanup_policy="compact"))),
        create(
            "spelt oddly",
            _one(
                "g",
                configs=_config(
                    preallocate="TRUE",
                    retention_ms=" 5000 ",
                    cleanup_policy="delete, compact",
                    min_cleanable_dirty_ratio="0.50",
                    compression_type=" gzip",
                ),
            ),
        ),
        ask(
            "described",
            "DescribeConfigs",
            resources=[
                {
                    "resource_type": 2,
                    "resource_name": Named("g"),
                    "configuration_keys": [
                        "preallocate",
                        "retention.ms",
                        "cleanup.policy",
                        "min.cleanable.dirty.ratio",
                        "compression.type",
                    ],
                }
            ],
            include_synonyms=True,
            _={"retry": (3,)},
        ),
        create(
            "assigned",
            _one(
                "e",
                num_partitions=-1,
                replication_factor=-1,
                assignments=[{"partition_index": 0, "broker_ids": [1]}, {"partition_index": 1, "broker_ids": [1]}],
            ),
        ),
        create("checked only", _one("f"), _one("a"), validate=True),
        ask(
            "there",
            "Metadata",
            topics=[{"name": Named("d")}, {"name": Named("e")}],
            allow_auto_topic_creation=False,
            _={"version": 12, "retry": (3, 5)},
        ),
        ask("not there", "Metadata", topics=[{"name": Named("f")}], allow_auto_topic_creation=False, _={"version": 12}),
        ask("nothing", "CreateTopics", topics=[], timeout_ms=1000),
    ),
    case(
        "create-topics-badly",
        *(
            create(f"name {number}", {"name": name})
            for number, name in enumerate(("", ".", "..", "x" * 250, "a b", "a/b", "ü"))
        ),
        create("no partitions", _one("a", num_partitions=0)),
        create("minus two", _one("a", num_partitions=-2)),
        create("no replicas", _one("a", replication_factor=0)),
        create("two replicas", _one("a", replication_factor=2)),
        create("minus two replicas", _one("a", replication_factor=-2)),
        create("twice", _one("a"), _one("a")),
        create("too many", _one("a", num_partitions=10_001)),
        create(
            "assigned and counted",
            _one("a", num_partitions=1, replication_factor=1, assignments=[{"partition_index": 0, "broker_ids": [1]}]),
        ),
        create(
            "assigned gap",
            _one(
                "a", num_partitions=-1, replication_factor=-1, assignments=[{"partition_index": 1, "broker_ids": [1]}]
            ),
        ),
        create(
            "assigned twice",
            _one(
                "a",
                num_partitions=-1,
                replication_factor=-1,
                assignments=[{"partition_index": 0, "broker_ids": [1, 1]}],
            ),
        ),
        create(
            "assigned nobody",
            _one("a", num_partitions=-1, replication_factor=-1, assignments=[{"partition_index": 0, "broker_ids": []}]),
        ),
        create(
            "assigned unknown",
            _one(
                "a", num_partitions=-1, replication_factor=-1, assignments=[{"partition_index": 0, "broker_ids": [9]}]
            ),
        ),
        create(
            "assigned partition twice",
            _one(
                "a",
                num_partitions=-1,
                replication_factor=-1,
                assignments=[{"partition_index": 0, "broker_ids": [1]}, {"partition_index": 0, "broker_ids": [1]}],
            ),
        ),
        create("unknown config", _one("a", configs=_config(no_such="1"))),
        create("bad value", _one("a", configs=_config(retention_ms="soon"))),
        create("bad choice", _one("a", configs=_config(cleanup_policy="burn"))),
        create("out of range", _one("a", configs=_config(segment_bytes="1"))),
        create("null value", _one("a", configs=_config(retention_ms=None))),
        create("one good, one bad", _one("good"), _one("bad", num_partitions=0)),
        create("bad config checked only", _one("a", configs=_config(no_such="1")), validate=True),
    ),
    case("create-topics-collide", create("dot", _one("a.b")), create("underscore", _one("a_b"))),
    case(
        "delete-topics",
        delete("one", "t"),
        delete("again", "t"),
        delete("unknown", "nosuch"),
        delete("two", "u", "nosuch"),
        ask("nothing", "DeleteTopics", topics=[], topic_names=[], timeout_ms=1000),
        delete("twice", "v", "v"),
        vary="DeleteTopics",
        topics=["t", "u", "v"],
    ),
    case(
        "delete-topics-by-id",
        *(
            ask(name, "DeleteTopics", topics=topics, timeout_ms=30_000)
            for name, topics in (
                ("unknown", [{"name": None, "topic_id": NOWHERE}]),
                ("both", [{"name": Named("t"), "topic_id": TopicId("t")}]),
                ("neither", [{"name": None}]),
                ("known", [{"name": None, "topic_id": TopicId("t")}]),
                ("again", [{"name": None, "topic_id": TopicId("t")}]),
                ("name and id of one", [{"name": Named("u")}, {"name": None, "topic_id": TopicId("u")}]),
                ("id twice", [{"name": None, "topic_id": TopicId("v")}, {"name": None, "topic_id": TopicId("v")}]),
            )
        ),
        topics=["t", "u", "v"],
        since=6,
    ),
    case(
        "delete-and-make-again",
        delete("delete", "t"),
        until_gone(),
        create("create", _one("t")),
        ask("there", "Metadata", topics=[{"name": Named("t")}], _={"version": 12, "retry": (3, 5)}),
        vary=["DeleteTopics", "CreateTopics"],
        topics=["t"],
    ),
    case(
        "create-partitions",
        partitions("more", "t", 4),
        partitions("same", "t", 4),
        partitions("fewer", "t", 2),
        partitions("zero", "t", 0),
        partitions("negative", "t", -1),
        partitions("unknown", "nosuch", 4),
        partitions("assigned", "t", 5, [[1]]),
        partitions("too few assigned", "t", 8, [[1]]),
        partitions("unknown broker", "t", 6, [[7]]),
        partitions("broker twice", "t", 6, [[1, 1]]),
        partitions("nobody", "t", 6, [[]]),
        partitions("none assigned", "t", 6, []),
        partitions("more than replicas", "t", 6, [[1, 2]]),
        partitions("checked", "t", 9, validate=True),
        partitions("too many", "t", 20_000),
        ask(
            "twice",
            "CreatePartitions",
            topics=[{"name": Named("t"), "count": 9, "assignments": None}] * 2,
            timeout_ms=1000,
        ),
        ask(
            "mixed",
            "CreatePartitions",
            topics=[
                {"name": Named("u"), "count": 2, "assignments": None},
                {"name": Named("nosuch"), "count": 9, "assignments": None},
            ],
            timeout_ms=1000,
        ),
        ask("nothing", "CreatePartitions", topics=[], timeout_ms=1000),
        topics=["t", "u"],
    ),
    case(
        "log-dirs",
        produce("fill", _={"compare": False}),
        produce("fill more", partition=1, _={"compare": False}),
        ask("one", "DescribeLogDirs", topics=[{"topic": Named("t"), "partitions": [0]}]),
        ask(
            "two",
            "DescribeLogDirs",
            topics=[{"topic": Named("t"), "partitions": [0, 1, 7]}, {"topic": Named("nosuch"), "partitions": [0]}],
        ),
        ask("nothing", "DescribeLogDirs", topics=[]),
        ask("all", "DescribeLogDirs", topics=None, _={"mine": True}),
        vary="DescribeLogDirs",
        topics=[Topic("t", 2)],
    ),
    case(
        "producers",
        produce("fill", _={"compare": False}),
        ask(
            "none",
            "DescribeProducers",
            topics=[
                {"name": Named("t"), "partition_indexes": [0, 3]},
                {"name": Named("nosuch"), "partition_indexes": [0]},
            ],
        ),
        ask("nothing", "DescribeProducers", topics=[]),
        vary="DescribeProducers",
        topics=["t"],
    ),
    case(
        "producer-ids",
        ask("plain", "InitProducerId", transactional_id=None, transaction_timeout_ms=1000),
        ask("another", "InitProducerId", transactional_id=None, transaction_timeout_ms=0),
        ask("no timeout", "InitProducerId", transactional_id=None, transaction_timeout_ms=-1),
        ask(
            "with an id",
            "InitProducerId",
            transactional_id=None,
            transaction_timeout_ms=1000,
            producer_id=5,
            producer_epoch=3,
        ),
        ask("epoch without id", "InitProducerId", transactional_id=None, transaction_timeout_ms=1000, producer_epoch=3),
        ask("id without epoch", "InitProducerId", transactional_id=None, transaction_timeout_ms=1000, producer_id=3),
        ask("empty", "InitProducerId", transactional_id="", transaction_timeout_ms=1000),
    ),
    case(
        "topics-without-time",
        _hurried("create", "CreateTopics", _new("n"), _new("o"), _new("n")),
        _hurried("create twice", "CreateTopics", _new("n"), _new("n")),
        _hurried("negative", "CreateTopics", _new("n"), timeout_ms=-1),
        _hurried("create a bad one", "CreateTopics", {**_new("n"), "name": "a b"}, validate_only=True),
        _hurried("grow", "CreatePartitions", _grown("t"), _grown("t"), _grown("n")),
        _hurried("grow twice", "CreatePartitions", _grown("t"), _grown("t")),
        _hurried("delete", "DeleteTopics", {"name": Named("t")}, {"name": Named("n")}, **_names("t", "t", "n")),
        _hurried("delete twice", "DeleteTopics", {"name": Named("t")}, {"name": Named("t")}, **_names("t", "t")),
        ask(
            "all is as it was",
            "Metadata",
            topics=[{"name": Named("t")}, {"name": Named("n")}],
            allow_auto_topic_creation=False,
        ),
        topics=[Topic("t", 2)],
    ),
]
