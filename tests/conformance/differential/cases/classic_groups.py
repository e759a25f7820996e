"""Classic groups: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups, DeleteGroups."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.requests import assignment, subscription
from tests.conformance.differential.steps import Answer, Ask, Named, Take, Topic, ask, case

MEMBERS = ("JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "DescribeGroups")
RANGE = ({"name": "range", "metadata": b"m1"},)


def join(name: str, group: str = "g", member: Any = "", protocols: Any = RANGE, _: Any = None, **fields: Any) -> Ask:
    return ask(
        name,
        "JoinGroup",
        _=_,
        **{
            "group_id": Named(group),
            "session_timeout_ms": 30_000,
            "rebalance_timeout_ms": 30_000,
            "member_id": member,
            "protocol_type": "custom",
            "protocols": list(protocols),
            **fields,
        },
    )


def member_of(step: str) -> Answer:
    return Answer(step, "member_id", "")


def generation_of(step: str) -> Answer:
    return Answer(step, "generation_id", -1)


def sync(name: str, joined: str, *given: tuple[Any, bytes], group: str = "g", _: Any = None, **fields: Any) -> Ask:
    return ask(
        name,
        "SyncGroup",
        _=_,
        **{
            "group_id": Named(group),
            "generation_id": generation_of(joined),
            "member_id": member_of(joined),
            "protocol_type": "custom",
            "protocol_name": "range",
            "assignments": [{"member_id": member, "assignment": value} for member, value in given],
            **fields,
        },
    )


def heartbeat(name: str, joined: str, group: str = "g", _: Any = None, **fields: Any) -> Ask:
    return ask(
        name,
        "Heartbeat",
        _=_,
        **{"group_id": Named(group), "generation_id": generation_of(joined), "member_id": member_of(joined), **fields},
    )


def leave(name: str, *members: Any, group: str = "g", instance: str | None = None, _: Any = None) -> Ask:
    """The first member alone in the versions that know only one."""
    listed = [{"member_id": member, "group_instance_id": instance, "reason": "test"} for member in members]
    return ask(name, "LeaveGroup", _=_, group_id=Named(group), member_id=members[0] if members else "", members=listed)


def describe(name: str, *groups: str, **options: Any) -> Ask:
    return ask(name, "DescribeGroups", groups=[Named(group) for group in groups or ("g",)], **options)


def joined(name: str, on: str = "main", **fields: Any) -> tuple[Ask, Ask]:
    """A dynamic member: newer versions first get an id, with which they join."""
    return (
        join(f"{name} id", _={"on": on}, **fields),
        join(name, member=member_of(f"{name} id"), _={"on": on, "since": 0}, **fields),
    )


def _named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "metadata": name.encode()} for name in names]


def _versions(*steps: Any, **options: Any) -> Any:
    return {"vary": MEMBERS, **options}


CASES = [
    case(
        "group-one-member",
        *joined("join"),
        describe("joined"),
        heartbeat("before sync", "join"),
        sync("sync", "join", (member_of("join"), b"all")),
        describe("stable"),
        heartbeat("beat", "join"),
        ask("list", "ListGroups", _={"mine": True}),
        sync("sync again", "join"),
        sync("sync again with another", "join", (member_of("join"), b"other")),
        heartbeat("wrong generation", "join", generation_id=99),
        heartbeat("wrong member", "join", member_id="nobody"),
        sync("wrong generation sync", "join", generation_id=7),
        sync("wrong member sync", "join", member_id="nobody"),
        join("rejoin", member=member_of("join"), protocols=[{"name": "range", "metadata": b"m2"}]),
        heartbeat("after rejoin", "rejoin"),
        sync("sync rejoined", "rejoin", (member_of("join"), b"all2")),
        leave("leave unknown", "nobody"),
        leave("leave", member_of("join")),
        leave("leave again", member_of("join")),
        describe("empty"),
        ask("delete", "DeleteGroups", groups_names=[Named("g")]),
        ask("delete again", "DeleteGroups", groups_names=[Named("g"), Named("nosuch"), ""]),
        describe("gone"),
        vary=MEMBERS,
    ),
    case(
        "group-two-members",
        *joined("one", "first"),
        sync("sync one", "one", (member_of("one"), b"all"), _={"on": "first"}),
        join("two id", _={"on": "second", "since": 4}),
        join("two", member=member_of("two id"), _={"on": "second", "later": True}),
        describe("rebalancing"),
        heartbeat("told to rejoin", "one"),
        join("one again", member=member_of("one"), _={"on": "first"}),
        Take("two"),
        describe("completing"),
        heartbeat("completing beat", "one again"),
        sync("follower", "two", _={"on": "second", "later": True}),
        sync(
            "leader",
            "one again",
            (member_of("one again"), b"for one"),
            (member_of("two"), b"for two"),
            _={"on": "first"},
        ),
        Take("follower"),
        describe("stable"),
        join("follower unchanged", member=member_of("two"), _={"on": "second"}),
        heartbeat("one beats", "one again", _={"on": "first"}),
        leave("two leaves", member_of("two"), _={"on": "second"}),
        heartbeat("one told", "one again", _={"on": "first"}),
        ask("delete", "DeleteGroups", groups_names=[Named("g")]),
        join("one alone", member=member_of("one"), _={"on": "first"}),
        describe("one left"),
        leave("both", member_of("one"), member_of("two"), "nobody"),
        vary=MEMBERS,
    ),
    case(
        "group-protocol-vote",
        *joined("one", "first", protocols=[{"name": "a", "metadata": b"1a"}, {"name": "b", "metadata": b"1b"}]),
        sync("sync one", "one", (member_of("one"), b""), _={"on": "first"}, protocol_name="a"),
        join(
            "two id",
            _={"on": "second", "since": 4},
            protocols=[{"name": "b", "metadata": b"2b"}, {"name": "c", "metadata": b"2c"}],
        ),
        join(
            "two",
            member=member_of("two id"),
            protocols=[{"name": "b", "metadata": b"2b"}, {"name": "c", "metadata": b"2c"}],
            _={"on": "second", "later": True},
        ),
        join(
            "one again",
            member=member_of("one"),
            _={"on": "first"},
            protocols=[{"name": "a", "metadata": b"1a"}, {"name": "b", "metadata": b"1b"}],
        ),
        Take("two"),
        sync("wrong protocol", "one again", protocol_name="a", _={"on": "first", "since": 5}),
        sync("wrong type", "one again", protocol_name="b", protocol_type="other", _={"on": "first", "since": 5}),
        sync("no names", "one again", protocol_name=None, protocol_type=None, _={"on": "first", "since": 5}),
        sync("right protocol", "one again", (member_of("one"), b"x"), protocol_name="b", _={"on": "first"}),
        join("none shared", protocols=[{"name": "z", "metadata": b""}], _={"on": "third"}),
        join("other type", protocol_type="other", _={"on": "third"}),
        vary=MEMBERS,
    ),
    case(
        "group-protocol-vote-undecided",
        *joined("one", "first", protocols=_named("b", "a")),
        sync("sync one", "one", (member_of("one"), b""), protocol_name="b", _={"on": "first"}),
        join("two id", protocols=_named("a", "b"), _={"on": "second", "since": 4}),
        join("two", member=member_of("two id"), protocols=_named("a", "b"), _={"on": "second", "later": True}),
        join("one again", member=member_of("one"), protocols=_named("b", "a"), _={"on": "first"}),
        Take("two"),
        vary="JoinGroup",
    ),
    case(
        "group-pending-member-with-instance",
        join("id"),
        join("with an instance", member=member_of("id"), group_instance_id="i1"),
        join("without", member=member_of("id")),
        vary="JoinGroup",
        since=5,
    ),
    case(
        "group-static-from-another-client",
        join("one", group_instance_id="i1", _={"client_id": "one"}),
        sync("sync", "one", (member_of("one"), b"all"), group_instance_id="i1"),
        join("returns", group_instance_id="i1", _={"client_id": "two"}),
        describe("stable"),
        vary="JoinGroup",
        since=5,
    ),
    case(
        "group-bad-joins",
        join("no type", protocol_type=""),
        join("no protocols", protocols=[]),
        join("no group", group_id=""),
        join("unknown member", member="nobody"),
        join("session too short", session_timeout_ms=100),
        join("session too long", session_timeout_ms=10_000_000),
        join("session zero", session_timeout_ms=0),
        describe("left behind"),
        ask("listed", "ListGroups", _={"mine": True}),
        vary="JoinGroup",
    ),
    case(
        "group-same-protocol-twice",
        join("join", protocols=[*RANGE, *RANGE], _={"timeout_s": 2}),
        vary="JoinGroup",
    ),
    case(
        "group-left-by-several",
        join("one", group_instance_id="i", _={"since": 5}),
        leave("unknown and known", "nobody", "", ""),
        ask(
            "by instance, by name, twice, unknown",
            "LeaveGroup",
            _={"since": 3},
            group_id=Named("g"),
            members=[
                {"member_id": Answer("one", "member_id", ""), "group_instance_id": "i"},
                {"member_id": "", "group_instance_id": "i"},
                {"member_id": "x", "group_instance_id": "j"},
                {"member_id": "", "group_instance_id": None},
            ],
        ),
        ask("nobody", "LeaveGroup", _={"since": 3}, group_id=Named("g"), members=[]),
        describe("left"),
        ask("delete", "DeleteGroups", groups_names=[Named("g"), Named("nosuch"), ""]),
        vary=("LeaveGroup", "JoinGroup", "DeleteGroups"),
    ),
    case(
        "group-unknown",
        heartbeat("beat", "none", member_id="m", generation_id=1),
        sync("sync", "none", member_id="m", generation_id=1),
        leave("leave", "m"),
        leave("leave two", "m", "n"),
        describe("describe"),
        describe("describe two", "g", "h"),
        describe("operations", include_authorized_operations=True),
        ask("no group", "DescribeGroups", groups=[]),
        ask("empty name", "DescribeGroups", groups=[""]),
        heartbeat("empty group", "none", group_id="", member_id="m"),
        sync("empty group sync", "none", group_id="", member_id="m"),
        leave("nobody leaves"),
        ask("empty leave", "LeaveGroup", group_id="", member_id="m", members=[{"member_id": "m"}]),
        vary=MEMBERS,
    ),
    case(
        "group-static",
        join("one", group_instance_id="i1", _={"since": 5}),
        sync("sync", "one", (member_of("one"), b"all"), group_instance_id="i1"),
        heartbeat("beat", "one", group_instance_id="i1"),
        heartbeat("beat without instance", "one"),
        heartbeat("unknown instance", "one", group_instance_id="i9"),
        describe("stable"),
        join("returns", group_instance_id="i1", _={"since": 5}),
        heartbeat("old id", "one", group_instance_id="i1"),
        sync("sync returned", "returns", (member_of("returns"), b"new"), group_instance_id="i1"),
        join("old id joins", member=member_of("one"), group_instance_id="i1"),
        join("unknown id with instance", member="nobody", group_instance_id="i1"),
        join("unknown instance with id", member="nobody", group_instance_id="i2"),
        join("changed metadata", group_instance_id="i1", protocols=[{"name": "range", "metadata": b"m2"}]),
        describe("after"),
        leave("leave by wrong instance", "", instance="i7"),
        leave("leave by instance", "", instance="i1"),
        describe("empty"),
        vary=("JoinGroup", "LeaveGroup", "DescribeGroups"),
        since=5,
    ),
    case(
        "group-static-second",
        join("one", group_instance_id="i1", _={"on": "first"}),
        sync("sync", "one", (member_of("one"), b"all"), group_instance_id="i1", _={"on": "first"}),
        join("two", group_instance_id="i2", _={"on": "second", "later": True}),
        join("one again", member=member_of("one"), group_instance_id="i1", _={"on": "first"}),
        Take("two"),
        sync(
            "leader",
            "one again",
            (member_of("one"), b"1"),
            (member_of("two"), b"2"),
            group_instance_id="i1",
            _={"on": "first", "later": True},
        ),
        sync("follower", "two", group_instance_id="i2", _={"on": "second"}),
        Take("leader"),
        join("two returns", group_instance_id="i2", _={"on": "third"}),
        heartbeat("one still", "one again", group_instance_id="i1", _={"on": "first"}),
        describe("both"),
        vary=("JoinGroup", "DescribeGroups"),
        since=5,
    ),
    case(
        "group-consumer-protocol",
        *joined("join", protocol_type="consumer", protocols=[{"name": "range", "metadata": subscription("t")}]),
        sync("sync", "join", (member_of("join"), assignment(t=[0, 1])), protocol_type="consumer"),
        describe("stable"),
        ask("list", "ListGroups", _={"mine": True}),
        ask(
            "offset delete subscribed",
            "OffsetDelete",
            group_id=Named("g"),
            topics=[
                {"name": Named("t"), "partitions": [{"partition_index": 0}]},
                {"name": Named("u"), "partitions": [{"partition_index": 0}]},
            ],
        ),
        vary=MEMBERS,
        topics=[Topic("t", 2), "u"],
    ),
    case(
        "groups-listed",
        *joined("join"),
        sync("sync", "join", (member_of("join"), b"all")),
        *joined("other", group="h"),
        ask(
            "commit",
            "OffsetCommit",
            group_id=Named("simple"),
            generation_id_or_member_epoch=-1,
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0, "committed_offset": 4}]}],
            _={"compare": False, "version": 9},
        ),
        ask("all", "ListGroups", _={"mine": True}),
        *(
            ask(f"states {number}", "ListGroups", states_filter=states, _={"mine": True, "since": 4})
            for number, states in enumerate(
                (["Stable"], ["stable", "Empty"], ["CompletingRebalance"], ["Nonsense"], ["Dead"], [""])
            )
        ),
        *(
            ask(f"types {number}", "ListGroups", types_filter=types, _={"mine": True, "since": 5})
            for number, types in enumerate(
                (["classic"], ["Classic"], ["consumer"], ["share"], ["nonsense"], ["streams", "classic"], [""])
            )
        ),
        vary="ListGroups",
        topics=["t"],
    ),
    case(
        "groups-deleted",
        *joined("join"),
        ask("not empty", "DeleteGroups", groups_names=[Named("g"), Named("nosuch")]),
        ask("twice", "DeleteGroups", groups_names=[Named("nosuch"), Named("nosuch")]),
        ask("none", "DeleteGroups", groups_names=[]),
        vary="DeleteGroups",
    ),
]
