"""Metadata, DescribeTopicPartitions, DescribeCluster, ApiVersions, FindCoordinator."""

from __future__ import annotations

from ottla.common.names import Uuid
from tests.conformance.differential.steps import Named, Topic, TopicId, ask, case

NOWHERE = Uuid(b"0123456789abcdef")
T, U = Topic("t", 3, {"retention.ms": "5000"}), Topic("u")

CASES = [
    case(
        "metadata-named",
        ask("one", "Metadata", topics=[{"name": Named("t")}]),
        ask("two", "Metadata", topics=[{"name": Named("t")}, {"name": Named("u")}]),
        ask("twice", "Metadata", topics=[{"name": Named("t")}, {"name": Named("t")}]),
        topics=[T, U],
    ),
    case(
        "metadata-all",
        ask("null", "Metadata", topics=None, _={"since": 1, "mine": True}),
        ask("empty", "Metadata", topics=[], _={"mine": True}),
        topics=[T, U],
    ),
    case(
        "metadata-operations",
        ask(
            "one",
            "Metadata",
            topics=[{"name": Named("t")}],
            include_topic_authorized_operations=True,
            include_cluster_authorized_operations=True,
        ),
        since=8,
        topics=[T],
    ),
    case(
        "metadata-unknown",
        ask("not made", "Metadata", topics=[{"name": Named("nosuch")}], allow_auto_topic_creation=False),
        ask(
            "mixed",
            "Metadata",
            topics=[{"name": Named("nosuch")}, {"name": Named("t")}],
            allow_auto_topic_creation=False,
        ),
        topics=[T],
        since=4,
    ),
    case(
        "metadata-makes",
        ask("first", "Metadata", topics=[{"name": Named("new")}], allow_auto_topic_creation=True),
        ask("then", "Metadata", topics=[{"name": Named("new")}], allow_auto_topic_creation=False, _={"retry": (3, 5)}),
    ),
    case(
        "metadata-invalid",
        *(
            ask(f"name {number}", "Metadata", topics=[{"name": name}], allow_auto_topic_creation=True)
            for number, name in enumerate(("a b", "", ".", "..", "x" * 250, "a/b"))
        ),
    ),
    case(
        "metadata-invalid-not-made",
        *(
            ask(f"name {number}", "Metadata", topics=[{"name": name}], allow_auto_topic_creation=False)
            for number, name in enumerate(("a b", "", ".", "..", "x" * 250))
        ),
        since=4,
    ),
    case(
        "metadata-by-id",
        ask("known", "Metadata", topics=[{"topic_id": TopicId("t"), "name": None}]),
        ask("unknown", "Metadata", topics=[{"topic_id": NOWHERE, "name": None}]),
        ask("both", "Metadata", topics=[{"topic_id": TopicId("t"), "name": None}, {"topic_id": NOWHERE, "name": None}]),
        ask("id and name", "Metadata", topics=[{"topic_id": TopicId("t"), "name": Named("t")}]),
        ask("neither", "Metadata", topics=[{"name": None}]),
        since=10,
        topics=[T],
    ),
    case(
        "metadata-internal",
        ask("offsets", "Metadata", topics=[{"name": "__consumer_offsets"}]),
    ),
    case(
        "topic-partitions",
        ask("one", "DescribeTopicPartitions", topics=[{"name": Named("t")}]),
        ask(
            "unknown",
            "DescribeTopicPartitions",
            topics=[{"name": Named("nosuch")}, {"name": Named("u")}, {"name": Named("t")}],
        ),
        ask(
            "limit",
            "DescribeTopicPartitions",
            topics=[{"name": Named("u")}, {"name": Named("t")}],
            response_partition_limit=2,
        ),
        ask(
            "cursor",
            "DescribeTopicPartitions",
            topics=[{"name": Named("t")}, {"name": Named("u")}],
            cursor={"topic_name": Named("t"), "partition_index": 1},
        ),
        ask("limit 0", "DescribeTopicPartitions", topics=[{"name": Named("t")}], response_partition_limit=0),
        ask(
            "cursor elsewhere",
            "DescribeTopicPartitions",
            topics=[{"name": Named("t")}],
            cursor={"topic_name": Named("zz"), "partition_index": 1},
        ),
        ask(
            "cursor beyond",
            "DescribeTopicPartitions",
            topics=[{"name": Named("t")}],
            cursor={"topic_name": Named("t"), "partition_index": 9},
        ),
        ask(
            "bad cursor",
            "DescribeTopicPartitions",
            topics=[{"name": Named("t")}],
            cursor={"topic_name": Named("t"), "partition_index": -1},
        ),
        ask("invalid", "DescribeTopicPartitions", topics=[{"name": "a b"}, {"name": ""}]),
        ask("twice", "DescribeTopicPartitions", topics=[{"name": Named("t")}, {"name": Named("t")}]),
        ask("internal", "DescribeTopicPartitions", topics=[{"name": "__consumer_offsets"}]),
        topics=[T, U],
    ),
    case(
        "topic-partitions-all",
        ask(
            "from ours on",
            "DescribeTopicPartitions",
            topics=[],
            response_partition_limit=4,
            cursor={"topic_name": Named("t"), "partition_index": 1},
            _={"mine": True},
        ),
        ask(
            "cut short",
            "DescribeTopicPartitions",
            topics=[],
            response_partition_limit=2,
            cursor={"topic_name": Named("t"), "partition_index": 0},
            _={"mine": True},
        ),
        topics=[T, Topic("u", 3)],
    ),
    case(
        "cluster",
        ask("plain", "DescribeCluster"),
        ask("operations", "DescribeCluster", include_cluster_authorized_operations=True),
        ask("controllers", "DescribeCluster", endpoint_type=2),
        ask("unknown type", "DescribeCluster", endpoint_type=3),
        ask("fenced", "DescribeCluster", include_fenced_brokers=True),
    ),
    case(
        "find-coordinator",
        ask("group", "FindCoordinator", key=Named("g"), key_type=0, coordinator_keys=[Named("g"), Named("h")]),
        ask("empty", "FindCoordinator", key="", key_type=0, coordinator_keys=[""]),
        ask("none", "FindCoordinator", key="", key_type=0, coordinator_keys=[]),
        ask("share", "FindCoordinator", key="k", key_type=2, coordinator_keys=["k"], _={"since": 1, "before": 6}),
        ask("share bad key", "FindCoordinator", key="k", key_type=2, coordinator_keys=["k"], _={"since": 6}),
        ask("unknown type", "FindCoordinator", key="k", key_type=9, coordinator_keys=["k"], _={"since": 1}),
    ),
    case(
        "api-versions",
        ask("good", "ApiVersions", client_software_name="diff", client_software_version="1.0"),
        ask("no name", "ApiVersions", client_software_name="", client_software_version="1.0", _={"since": 3}),
        ask("bad name", "ApiVersions", client_software_name="a b!", client_software_version="1.0", _={"since": 3}),
        ask("bad version", "ApiVersions", client_software_name="a", client_software_version="-", _={"since": 3}),
    ),
]
