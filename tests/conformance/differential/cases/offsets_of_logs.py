"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.requests import fetch, list_offsets, produce
from tests.conformance.differential.steps import FIXED_MS, Ask, Named, Topic, ask, batch, case

FILL = (
    produce("fill 1", records=batch(b"a", b"b", step_ms=10), _={"compare": False}),
    produce("fill 2", records=batch(b"c", timestamp=FIXED_MS + 500), _={"compare": False}),
    produce("fill 3", records=batch(b"d", timestamp=FIXED_MS + 100), _={"compare": False}),
)


def _epochs(name: str, topic: str, *asked: tuple[int, int, int], replica: int = -2) -> Ask:
    return ask(
        name,
        "OffsetForLeaderEpoch",
        replica_id=replica,
        topics=[
            {
                "topic": Named(topic),
                "partitions": [
                    {"partition": partition, "current_leader_epoch": current, "leader_epoch": epoch}
                    for partition, current, epoch in asked
                ],
            }
        ],
    )


def delete_records(name: str, topic: str, *asked: tuple[int, int]) -> Ask:
    partitions = [{"partition_index": partition, "offset": offset} for partition, offset in asked]
    return ask(name, "DeleteRecords", topics=[{"name": Named(topic), "partitions": partitions}], timeout_ms=10_000)


def _several(*topics: Any) -> Ask:
    return ask("several", "ListOffsets", replica_id=-1, timeout_ms=1000, topics=list(topics))


CASES = [
    case(
        "list-offsets-special",
        *FILL,
        *(list_offsets(f"at {time}", time) for time in range(0, -10, -1)),
        *(list_offsets(f"committed at {time}", time, isolation_level=1) for time in range(-1, -7, -1)),
        vary="ListOffsets",
        topics=["t"],
    ),
    case(
        "list-offsets-times",
        *FILL,
        *(list_offsets(f"at +{plus}", FIXED_MS + plus) for plus in (-1, 0, 1, 10, 11, 100, 101, 500, 501)),
        list_offsets("at the end of time", 2**63 - 1),
        list_offsets("at one", 1),
        vary="ListOffsets",
        topics=["t"],
    ),
    case("list-offsets-empty", *(list_offsets(f"at {time}", time) for time in (*range(-1, -7, -1), 5)), topics=["t"]),
    case(
        "list-offsets-epochs",
        *FILL,
        *(list_offsets(f"epoch {epoch}", -1, current_leader_epoch=epoch) for epoch in (0, 1, -1)),
        vary="ListOffsets",
        topics=["t"],
    ),
    case(
        "list-offsets-unknown",
        list_offsets("topic", -1, "nosuch"),
        list_offsets("partition", -1, partition=8),
        list_offsets("negative", -1, partition=-1),
        topics=["t"],
    ),
    case(
        "list-offsets-several",
        *FILL,
        _several(
            {
                "name": Named("t"),
                "partitions": [{"partition_index": 1, "timestamp": -1}, {"partition_index": 0, "timestamp": -2}],
            },
            {"name": Named("nosuch"), "partitions": [{"partition_index": 0, "timestamp": -1}]},
        ),
        _several(
            {
                "name": Named("t"),
                "partitions": [{"partition_index": 0, "timestamp": -1}, {"partition_index": 0, "timestamp": -2}],
            }
        ),
        _several(),
        _several({"name": Named("t"), "partitions": []}),
        vary="ListOffsets",
        topics=[Topic("t", 2)],
    ),
    case(
        "list-offsets-as-replica",
        *FILL,
        *(list_offsets(f"replica {number}", -1, replica_id=number) for number in (-2, 0, 1, 5)),
        vary="ListOffsets",
        topics=["t"],
    ),
    case(
        "list-offsets-log-append-time",
        produce("produce", _={"compare": False}),
        list_offsets("max", -3, _={"since": 7}),
        list_offsets("zero", 0),
        vary="ListOffsets",
        topics=[Topic("t", configs={"message.timestamp.type": "LogAppendTime"})],
    ),
    case(
        "list-offsets-compressed",
        produce("produce", records=batch(b"a", b"b", b"c", step_ms=10, codec=1), _={"compare": False}),
        *(list_offsets(f"+{plus}", FIXED_MS + plus) for plus in (0, 5, 20, 21)),
        list_offsets("max", -3, _={"since": 7}),
        vary="ListOffsets",
        topics=["t"],
    ),
    case(
        "list-offsets-max-after-deletion",
        produce("newest", records=batch(b"a", b"b", timestamp=FIXED_MS + 50, step_ms=-1), _={"compare": False}),
        produce("older", records=batch(b"c", b"d", step_ms=1), _={"compare": False}),
        delete_records("in the first batch", "t", (0, 1)),
        list_offsets("max without the first", -3, _={"since": 7}),
        list_offsets("by its time", FIXED_MS + 50),
        delete_records("the first batch", "t", (0, 2)),
        list_offsets("max without the batch", -3, _={"since": 7}),
        list_offsets("by a time between", FIXED_MS + 20),
        delete_records("all", "t", (0, -1)),
        list_offsets("max of nothing", -3, _={"since": 7}),
        list_offsets("by the time of one that is gone", FIXED_MS),
        vary="ListOffsets",
        topics=["t"],
    ),
    case(
        "list-offsets-without-times",
        produce("no time", records=batch(b"a", timestamp=-1), _={"compare": False}),
        *(list_offsets(f"at {time}", time) for time in (-1, 0, 5)),
        list_offsets("max", -3, _={"since": 7}),
        produce("below that", "u", records=batch(b"a", timestamp=-5), _={"compare": False}),
        list_offsets("max below that", -3, "u", _={"since": 7}),
        produce("a time", records=batch(b"a", b"b", timestamp=5), _={"compare": False}),
        *(list_offsets(f"then at {time}", time) for time in (-1, 0, 5, 6)),
        list_offsets("then max", -3, _={"since": 7}),
        vary="ListOffsets",
        topics=["t", "u"],
    ),
    case(
        "leader-epoch",
        *FILL,
        _epochs("current", "t", (0, -1, 0)),
        _epochs("known", "t", (0, 0, 0)),
        _epochs("future", "t", (0, -1, 5)),
        _epochs("undefined", "t", (0, -1, -1)),
        _epochs("newer than mine", "t", (0, 3, 0)),
        _epochs("unknown", "t", (5, -1, 0)),
        _epochs("no topic", "nosuch", (0, -1, 0)),
        _epochs("negative", "t", (0, -1, -5)),
        _epochs("as replica", "t", (0, -1, 0), replica=1),
        _epochs("empty partition", "t", (1, -1, 0)),
        vary="OffsetForLeaderEpoch",
        topics=[Topic("t", 2)],
    ),
    case("leader-epoch-nothing", ask("nothing", "OffsetForLeaderEpoch", replica_id=-2, topics=[])),
    case(
        "delete-records",
        *FILL,
        delete_records("to 2", "t", (0, 2)),
        delete_records("lower", "t", (0, 1)),
        delete_records("beyond", "t", (0, 50)),
        delete_records("negative", "t", (0, -2)),
        delete_records("unknown", "t", (5, 1)),
        delete_records("no topic", "nosuch", (0, 1)),
        list_offsets("earliest", -2),
        list_offsets("latest", -1),
        fetch("read", offset=2),
        delete_records("all", "t", (0, -1)),
        list_offsets("earliest now", -2),
        fetch("end", offset=4),
        produce("more", records=batch(b"z")),
        delete_records("several", "t", (0, 5), (1, 0), (7, 0)),
        vary="DeleteRecords",
        topics=[Topic("t", 2)],
    ),
    case(
        "delete-records-compacted",
        delete_records("delete", "t", (0, 0)),
        topics=[Topic("t", configs={"cleanup.policy": "compact"})],
    ),
    case(
        "delete-records-compacted-too",
        delete_records("delete", "t", (0, 0)),
        topics=[Topic("t", configs={"cleanup.policy": "compact,delete"})],
    ),
    case(
        "delete-records-empty",
        delete_records("all", "t", (0, -1)),
        delete_records("beyond", "t", (0, 1)),
        ask("nothing", "DeleteRecords", topics=[], timeout_ms=1000),
        topics=["t"],
    ),
    case(
        "delete-records-internal",
        ask(
            "internal",
            "DeleteRecords",
            timeout_ms=1000,
            topics=[{"name": "__consumer_offsets", "partitions": [{"partition_index": 0, "offset": 0}]}],
        ),
    ),
]
