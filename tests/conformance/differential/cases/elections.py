"""ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments: on a cluster of one broker."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.steps import Ask, Named, Topic, ask, case

PREFERRED, UNCLEAN = range(2)
T = Topic("t", 3)


def elect(name: str, kind: int, timeout_ms: int = 10_000, **topics: list[int]) -> Ask:
    rows = [{"topic": Named(topic), "partitions": partitions} for topic, partitions in topics.items()]
    return ask(name, "ElectLeaders", election_type=kind, topic_partitions=rows, timeout_ms=timeout_ms)


def reassign(name: str, *rows: tuple[Any, int, list[int] | None], timeout_ms: int = 10_000, **fields: Any) -> Ask:
    topics = [
        {"name": Named(topic), "partitions": [{"partition_index": partition, "replicas": replicas}]}
        for topic, partition, replicas in rows
    ]
    return ask(name, "AlterPartitionReassignments", timeout_ms=timeout_ms, topics=topics, **fields)


def listed(name: str, *rows: tuple[Any, list[int]]) -> Ask:
    topics = [{"name": topic, "partition_indexes": partitions} for topic, partitions in rows]
    return ask(name, "ListPartitionReassignments", timeout_ms=10_000, topics=topics)


CASES = [
    case(
        "elections-without-time",
        elect("preferred", PREFERRED, 0, t=[0, 9], nosuch=[0]),
        elect("unknown type", 7, -1, t=[0]),
        elect("no partitions", PREFERRED, 0, t=[]),
        elect("nothing", PREFERRED, 0),
        ask("everything", "ElectLeaders", election_type=PREFERRED, topic_partitions=None, timeout_ms=0),
        reassign("to the same", ("t", 0, [1]), ("nosuch", 0, None), timeout_ms=0),
        reassign("another factor", ("t", 0, [1]), timeout_ms=-1, allow_replication_factor_change=False),
        reassign("no move", timeout_ms=0),
        topics=[T],
    ),
    case(
        "elections",
        elect("preferred", PREFERRED, t=[0]),
        elect("unclean", UNCLEAN, t=[0]),
        elect("several", PREFERRED, t=[0, 1, 2], u=[0]),
        elect("unknown partition", PREFERRED, t=[9]),
        elect("unknown topic", PREFERRED, nosuch=[0]),
        elect("known and unknown", UNCLEAN, t=[1, 9], nosuch=[0]),
        elect("negative", PREFERRED, t=[-1]),
        elect("unknown type", 7, t=[0]),
        elect("no partitions", PREFERRED, t=[]),
        elect("twice", PREFERRED, t=[0, 0]),
        elect("nothing", PREFERRED),
        ask(
            "invalid name",
            "ElectLeaders",
            election_type=PREFERRED,
            topic_partitions=[{"topic": "a b", "partitions": [0]}],
            timeout_ms=10_000,
        ),
        topics=[T, "u"],
    ),
    case(
        "elections-of-all",
        ask("preferred", "ElectLeaders", election_type=PREFERRED, topic_partitions=None, timeout_ms=10_000),
        ask("unclean", "ElectLeaders", election_type=UNCLEAN, topic_partitions=None, timeout_ms=10_000),
        ask("unknown type", "ElectLeaders", election_type=5, topic_partitions=None, timeout_ms=10_000),
        alone=True,
    ),
    case(
        "reassignments",
        reassign("to the same", ("t", 0, [1])),
        reassign("to a stranger", ("t", 0, [7])),
        reassign("to one more", ("t", 0, [1, 7])),
        reassign("to nobody", ("t", 0, [])),
        reassign("to a negative", ("t", 0, [-1])),
        reassign("twice the broker", ("t", 0, [1, 1])),
        reassign("unknown partition", ("t", 9, [1])),
        reassign("unknown topic", ("nosuch", 0, [1])),
        reassign("nothing to cancel", ("t", 0, None)),
        reassign("cancel of the unknown", ("nosuch", 0, None), ("t", 9, None)),
        reassign("mixed", ("t", 0, [1]), ("u", 0, [7]), ("nosuch", 0, [1])),
        reassign("twice the topic", ("t", 0, [1]), ("t", 1, [1])),
        reassign("another factor", ("t", 0, [1]), allow_replication_factor_change=False),
        reassign("another factor, refused", ("t", 0, [1, 7]), allow_replication_factor_change=False),
        reassign("nothing"),
        ask(
            "twice the partition",
            "AlterPartitionReassignments",
            timeout_ms=10_000,
            topics=[
                {
                    "name": Named("t"),
                    "partitions": [
                        {"partition_index": 0, "replicas": [1]},
                        {"partition_index": 0, "replicas": [7]},
                    ],
                }
            ],
        ),
        topics=[T, "u"],
    ),
    case(
        "reassignments-listed",
        listed("one", (Named("t"), [0, 1])),
        listed("unknown", (Named("nosuch"), [0]), (Named("t"), [9])),
        listed("no partitions", (Named("t"), [])),
        listed("no topics"),
        ask("all", "ListPartitionReassignments", timeout_ms=10_000, topics=None),
        topics=[T],
    ),
]
