"""OffsetCommit, OffsetFetch, OffsetDelete: simple groups, members, limits."""

from __future__ import annotations

from typing import Any

from ottla.common.names import Uuid
from tests.conformance.differential.cases.classic_groups import generation_of, join, joined, member_of, sync
from tests.conformance.differential.steps import Ask, Named, Topic, TopicId, ask, case

NOWHERE = Uuid(b"0123456789abcdef")


def commit(
    name: str, *offsets: Any, group: str = "g", topic: str = "t", generation: Any = -1, member: Any = "", **fields: Any
) -> Ask:
    """offsets: (partition, offset) or (partition, offset, metadata), or with a leader epoch as well."""
    step = fields.pop("_", None)
    rows = [
        {
            "partition_index": partition,
            "committed_offset": offset,
            "committed_metadata": rest[0] if rest else "",
            "committed_leader_epoch": rest[1] if len(rest) > 1 else -1,
        }
        for partition, offset, *rest in offsets
    ]
    topics = [{"name": Named(topic), "topic_id": TopicId(topic), "partitions": rows}]
    return ask(
        name,
        "OffsetCommit",
        _=step,
        **{
            "group_id": Named(group),
            "generation_id_or_member_epoch": generation,
            "member_id": member,
            "topics": topics,
            **fields,
        },
    )


def offsets(
    name: str, *partitions: int, group: str = "g", topic: str = "t", member: Any = None, epoch: Any = -1, **fields: Any
) -> Ask:
    step = fields.pop("_", None)
    asked = [{"name": Named(topic), "topic_id": TopicId(topic), "partition_indexes": list(partitions)}]
    old = [{"name": Named(topic), "partition_indexes": list(partitions)}]
    return ask(
        name,
        "OffsetFetch",
        _=step,
        **{
            "group_id": Named(group),
            "topics": old,
            "groups": [{"group_id": Named(group), "member_id": member, "member_epoch": epoch, "topics": asked}],
            **fields,
        },
    )


def all_offsets(name: str, group: str = "g", **fields: Any) -> Ask:
    return ask(
        name,
        "OffsetFetch",
        _={"since": 2},
        group_id=Named(group),
        topics=None,
        groups=[{"group_id": Named(group), "topics": None}],
        **fields,
    )


BOTH = ("OffsetCommit", "OffsetFetch")

CASES = [
    case(
        "offsets-simple",
        offsets("nothing yet", 0, 1),
        commit("first", (0, 5, "note"), (1, 7)),
        offsets("both", 0, 1, 2),
        all_offsets("all"),
        commit("again", (0, 6, None, 3)),
        offsets("changed", 0),
        commit("negative", (0, -5)),
        commit("minus one", (1, -1)),
        offsets("negative too", 0, 1),
        commit("unknown partition", (9, 1)),
        commit("unknown topic", (0, 1), topic="nosuch"),
        commit("mixed", (0, 1), (9, 1)),
        offsets("unknown topic asked", 0, topic="nosuch"),
        offsets("unknown partition asked", 9),
        offsets("stable", 0, require_stable=True),
        offsets("none", topic="t"),
        commit("nothing"),
        ask("no topics", "OffsetCommit", group_id=Named("g"), topics=[]),
        commit("long metadata", (0, 1, "x" * 5000)),
        commit("just fits", (0, 1, "x" * 4096)),
        commit("just fits, of two bytes each", (0, 1, "\u00e4" * 4096)),
        commit("just fits, of two characters each in Java", (0, 1, "\U0001f600" * 2048)),
        commit("too long by one of those", (0, 1, "\U0001f600" * 2049)),
        offsets("after long", 0),
        ask("list", "ListGroups", _={"mine": True}),
        ask("describe", "DescribeGroups", groups=[Named("g")]),
        vary=BOTH,
        topics=[Topic("t", 3)],
    ),
    case(
        "offsets-of-many-partitions",
        commit("some", *((partition, 10 + partition) for partition in (4, 0, 2))),
        all_offsets("a few"),
        commit("others", *((partition, 20 + partition) for partition in (0, 1, 2, 3, 4)), topic="u"),
        commit("one", (0, 1), topic="v"),
        commit("one more", (0, 2), topic="w"),
        commit("the rest", (1, 7), (3, 8)),
        all_offsets("all"),
        vary="OffsetFetch",
        topics=[Topic("t", 5), Topic("u", 5), "v", "w"],
    ),
    case(
        "offsets-unknown-group",
        commit("generation", (0, 1), generation=3, member="m"),
        commit("member", (0, 1), member="m"),
        commit("generation without member", (0, 1), generation=3),
        offsets("fetch", 0),
        all_offsets("all"),
        commit("no group", (0, 1), group_id=""),
        offsets(
            "empty group",
            0,
            group_id="",
            groups=[
                {"group_id": "", "topics": [{"name": Named("t"), "topic_id": TopicId("t"), "partition_indexes": [0]}]}
            ],
        ),
        commit("instance", (0, 1), group_instance_id="i", _={"since": 7}),
        vary=BOTH,
        topics=["t"],
    ),
    case(
        "offsets-by-id",
        ask(
            "unknown id",
            "OffsetCommit",
            group_id=Named("g"),
            topics=[
                {"name": "no such", "topic_id": NOWHERE, "partitions": [{"partition_index": 0, "committed_offset": 1}]}
            ],
        ),
        ask(
            "mixed",
            "OffsetCommit",
            group_id=Named("g"),
            topics=[
                {"name": "no such", "topic_id": NOWHERE, "partitions": [{"partition_index": 0, "committed_offset": 1}]},
                {
                    "name": Named("t"),
                    "topic_id": TopicId("t"),
                    "partitions": [{"partition_index": 0, "committed_offset": 1}],
                },
            ],
        ),
        ask(
            "fetch",
            "OffsetFetch",
            group_id=Named("g"),
            topics=[],
            groups=[
                {
                    "group_id": Named("g"),
                    "topics": [
                        {"name": "no such", "topic_id": NOWHERE, "partition_indexes": [0, 1]},
                        {"name": Named("t"), "topic_id": TopicId("t"), "partition_indexes": [0]},
                    ],
                }
            ],
        ),
        ask(
            "zero id",
            "OffsetFetch",
            group_id=Named("g"),
            topics=[],
            groups=[{"group_id": Named("g"), "topics": [{"name": "zero", "partition_indexes": [0]}]}],
        ),
        vary=BOTH,
        topics=["t"],
    ),
    case(
        "offsets-many-groups",
        commit("g", (0, 1)),
        commit("h", (0, 2), group="h"),
        ask(
            "fetch",
            "OffsetFetch",
            _={"since": 8},
            groups=[
                {"group_id": Named("g"), "topics": None},
                {
                    "group_id": Named("h"),
                    "topics": [{"name": Named("t"), "topic_id": TopicId("t"), "partition_indexes": [0, 5]}],
                },
                {"group_id": Named("nosuch"), "topics": None},
            ],
        ),
        ask("same twice", "OffsetFetch", _={"since": 8}, groups=[{"group_id": Named("g"), "topics": None}] * 2),
        ask("none", "OffsetFetch", _={"since": 8}, groups=[]),
        vary=BOTH,
        topics=["t"],
    ),
    case(
        "offsets-of-members",
        *joined("join"),
        commit("before sync", (0, 1), generation=generation_of("join"), member=member_of("join")),
        sync("sync", "join", (member_of("join"), b"all")),
        commit("good", (0, 2), generation=generation_of("join"), member=member_of("join")),
        commit("old generation", (0, 3), generation=0, member=member_of("join")),
        commit("future generation", (0, 3), generation=9, member=member_of("join")),
        commit("unknown member", (0, 3), generation=generation_of("join"), member="nobody"),
        commit("simple on a full group", (0, 3)),
        commit("no member", (0, 3), generation=generation_of("join")),
        commit("no generation", (0, 3), member=member_of("join")),
        commit(
            "unknown instance",
            (0, 3),
            generation=generation_of("join"),
            member=member_of("join"),
            group_instance_id="i",
            _={"since": 7},
        ),
        offsets("fetch", 0),
        offsets("fetch as member", 0, member=member_of("join"), epoch=generation_of("join")),
        offsets("fetch as nobody", 0, member="nobody", epoch=1),
        offsets("wrong epoch", 0, member=member_of("join"), epoch=9),
        join("rejoin", member=member_of("join"), protocols=[{"name": "range", "metadata": b"2"}]),
        commit("in the rebalance", (0, 4), generation=generation_of("rejoin"), member=member_of("join")),
        vary=("OffsetCommit", "OffsetFetch", "JoinGroup", "SyncGroup"),
        topics=["t"],
    ),
    case(
        "offset-delete",
        commit("commit", (0, 5), (1, 6), _={"compare": False}),
        ask(
            "delete",
            "OffsetDelete",
            group_id=Named("g"),
            topics=[
                {"name": Named("t"), "partitions": [{"partition_index": 0}, {"partition_index": 7}]},
                {"name": Named("nosuch"), "partitions": [{"partition_index": 0}]},
            ],
        ),
        offsets("after", 0, 1),
        ask(
            "again",
            "OffsetDelete",
            group_id=Named("g"),
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0}]}],
        ),
        ask(
            "unknown group",
            "OffsetDelete",
            group_id=Named("nosuch"),
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0}]}],
        ),
        ask(
            "no group",
            "OffsetDelete",
            group_id="",
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0}]}],
        ),
        ask("nothing", "OffsetDelete", group_id=Named("g"), topics=[]),
        ask(
            "last",
            "OffsetDelete",
            group_id=Named("g"),
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 1}]}],
        ),
        ask("group", "DescribeGroups", groups=[Named("g")]),
        vary="OffsetDelete",
        topics=[Topic("t", 2)],
    ),
]
