"""DescribeQuorum, AddRaftVoter, RemoveRaftVoter, UnregisterBroker: one node is the broker and the controller."""

from __future__ import annotations

from typing import Any

from ottla.common.names import ZERO_UUID, Uuid
from tests.conformance.differential.steps import Answer, Ask, ask, case, with_options

LOG = "__cluster_metadata"
ELSEWHERE = Uuid(b"0123456789abcdef")


def quorum(name: str, *rows: tuple[Any, list[int]]) -> Ask:
    topics = [
        {"topic_name": topic, "partitions": [{"partition_index": partition} for partition in partitions]}
        for topic, partitions in rows
    ]
    return ask(name, "DescribeQuorum", topics=topics)


def add(name: str, voter: int, cluster: Any = None, directory: Any = ELSEWHERE, *listeners: tuple[Any, int]) -> Ask:
    return ask(
        name,
        "AddRaftVoter",
        cluster_id=cluster,
        timeout_ms=2000,
        voter_id=voter,
        voter_directory_id=directory,
        listeners=[{"name": listener, "host": "127.0.0.1", "port": port} for listener, port in listeners],
        ack_when_committed=True,
    )


def remove(name: str, voter: int, cluster: Any = None, directory: Any = ELSEWHERE) -> Ask:
    return ask(name, "RemoveRaftVoter", cluster_id=cluster, voter_id=voter, voter_directory_id=directory)


CLUSTER = Answer("cluster", "cluster_id")
OWN = (Answer("listener", "nodes.0.listeners.0.name"), 9999)
CASES = [
    case(
        "quorum",
        quorum("the log", (LOG, [0])),
        quorum("other partition", (LOG, [1])),
        quorum("other topic", ("other", [0])),
        quorum("two partitions", (LOG, [0, 1])),
        quorum("twice", (LOG, [0]), (LOG, [0])),
        quorum("two topics", (LOG, [0]), ("other", [0])),
        quorum("no partitions", (LOG, [])),
        quorum("nothing"),
    ),
    case(
        "voters-added",
        ask("cluster", "DescribeCluster"),
        with_options(quorum("listener", (LOG, [0])), version=2),
        add("one more", 2, CLUSTER, ELSEWHERE, OWN),
        add("without a cluster", 2, None, ELSEWHERE, OWN),
        add("of another cluster", 2, "nowhere", ELSEWHERE, OWN),
        add("itself", 1, CLUSTER, ELSEWHERE, OWN),
        add("no listener", 2, CLUSTER),
        add("other listener", 2, CLUSTER, ELSEWHERE, ("OTHER", 9999)),
        add("no directory", 2, CLUSTER, ZERO_UUID, OWN),
        add("negative", -1, CLUSTER, ELSEWHERE, OWN),
        vary="AddRaftVoter",
    ),
    case(
        "voters-removed",
        ask("cluster", "DescribeCluster"),
        remove("a stranger", 7, CLUSTER),
        remove("without a cluster", 7),
        remove("of another cluster", 7, "nowhere"),
        remove("itself, elsewhere", 1, CLUSTER),
        remove("no directory", 7, CLUSTER, ZERO_UUID),
        remove("negative", -1, CLUSTER),
        vary="RemoveRaftVoter",
    ),
    case(
        "brokers-unregistered",
        *(ask(f"broker {number}", "UnregisterBroker", broker_id=number) for number in (7, 0, -1, 2147483647)),
    ),
]
