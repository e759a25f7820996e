"""AlterReplicaLogDirs: to where a replica is already, to nowhere, of what there is not."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.steps import Answer, Ask, Named, Topic, ask, case, with_options

HERE = Answer("dirs", "results.0.log_dir")


def move(name: str, path: Any, *rows: tuple[Any, list[int]]) -> Ask:
    topics = [{"name": topic, "partitions": partitions} for topic, partitions in rows]
    return ask(name, "AlterReplicaLogDirs", dirs=[{"path": path, "topics": topics}])


CASES = [
    case(
        "log-dirs-altered",
        ask("dirs", "DescribeLogDirs", topics=[], _={"compare": False}),
        move("where it is", HERE, (Named("t"), [0, 1])),
        move("nowhere", "/no/such/folder", (Named("t"), [0])),
        move("relative", "folder", (Named("t"), [0])),
        move("empty path", "", (Named("t"), [0])),
        move("unknown topic", HERE, (Named("nosuch"), [0])),
        move("unknown partition", HERE, (Named("t"), [9])),
        move("unknown, nowhere", "/no/such/folder", (Named("nosuch"), [0])),
        move("negative", HERE, (Named("t"), [-1])),
        move("mixed", HERE, (Named("t"), [0, 9]), (Named("nosuch"), [0])),
        move("invalid name", HERE, ("a b", [0])),
        move("no partitions", HERE, (Named("t"), [])),
        move("no topics", HERE),
        ask("nothing", "AlterReplicaLogDirs", dirs=[]),
        move("ahead of the topic", HERE, (Named("later"), [0])),
        ask(
            "create",
            "CreateTopics",
            topics=[{"name": Named("later"), "num_partitions": 1, "replication_factor": 1}],
            timeout_ms=10_000,
            _={"compare": False},
        ),
        with_options(move("and then", HERE, (Named("later"), [0])), retry=(3,)),
        vary="AlterReplicaLogDirs",
        topics=[Topic("t", 2)],
    ),
]
