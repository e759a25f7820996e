"""The consumer protocol (KIP-848): heartbeats, epochs, fences, static members, regular expressions, and both mixed."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.cases import transactions
from tests.conformance.differential.cases.classic_groups import (
    generation_of,
    heartbeat,
    join,
    leave,
    member_of,
    sync,
)
from tests.conformance.differential.cases.committed_offsets import commit, offsets
from tests.conformance.differential.requests import assignment, subscription
from tests.conformance.differential.steps import (
    Answer,
    Ask,
    Case,
    Encoded,
    Named,
    Take,
    Topic,
    TopicId,
    ask,
    case,
    with_options,
)

BOTH = ("ConsumerGroupHeartbeat", "ConsumerGroupDescribe")
A, B = "member-a", "member-b"
INTERVAL = "consumer.assignment.interval.ms"
JOIN: dict[str, Any] = {"member_epoch": 0, "rebalance_timeout_ms": 30_000, "topic_partitions": []}


def beat(name: str, member: Any = A, epoch: Any = 0, topics: Any = None, _: Any = None, **fields: Any) -> Ask:
    return ask(
        name,
        "ConsumerGroupHeartbeat",
        _=_,
        **{
            "group_id": Named("g"),
            "member_id": member,
            "member_epoch": epoch,
            "rebalance_timeout_ms": -1,
            "instance_id": None,
            "rack_id": None,
            "subscribed_topic_names": topics,
            "server_assignor": None,
            "topic_partitions": None,
            "subscribed_topic_regex": None,
            **fields,
        },
    )


def enter(name: str, member: Any = A, *topics: str, **fields: Any) -> Ask:
    return beat(name, member, topics=[Named(topic) for topic in topics or ("t",)], **{**JOIN, **fields})


def epoch_of(step: str) -> Answer:
    return Answer(step, "member_epoch", 0)


def owned(*partitions: int, topic: str = "t") -> list[dict[str, Any]]:
    return [{"topic_id": TopicId(topic), "partitions": list(partitions)}]


def describe(name: str, *groups: str, **fields: Any) -> Ask:
    return ask(name, "ConsumerGroupDescribe", group_ids=[Named(group) for group in groups or ("g",)], **fields)


def meanwhile(name: str) -> tuple[Ask, Take]:
    """Time in which Kafka looks up topics in the background."""
    return with_options(describe(name), later=True, compare=False), Take(name)


def assignment_interval(name: str, interval_ms: str | None) -> Ask:
    """How long a target stays at least. The brokers here have 0, or an epoch would depend on how fast requests come."""
    setting = {"name": INTERVAL, "config_operation": int(interval_ms is None), "value": interval_ms}
    resource = {"resource_type": 32, "resource_name": Named("g"), "configs": [setting]}
    return ask(name, "IncrementalAlterConfigs", resources=[resource], validate_only=False)


def targets_are_far_apart() -> tuple[Ask, Ask]:
    resource = {"resource_type": 32, "resource_name": Named("g"), "configuration_keys": [INTERVAL]}
    heard = ask("heard of it", "DescribeConfigs", resources=[resource], _={"until": ("15000",), "compare": False})
    return assignment_interval("targets are far apart", "15000"), heard


def as_consumer(name: str, **fields: Any) -> Ask:
    protocols = [{"name": "range", "metadata": subscription("t")}]
    return join(name, **{"protocol_type": "consumer", "protocols": protocols, **fields})


def sync_as_consumer(name: str, joined: str, *given: tuple[Any, Any], **fields: Any) -> Ask:
    return sync(name, joined, *given, protocol_type="consumer", **fields)


def assignment_with_data(topic: str) -> Encoded:
    """What an assignor that keeps data of its own gives: the data comes last in version 0."""
    return Encoded(lambda given: given[:-4] + b"\0\0\0\1x", (assignment(**{topic: [0]}),))


UNREADABLE: dict[str, Any] = {
    # Kafka leaves the join itself without an answer where a length in the blob is more than what follows.
    "nothing": b"",
    "one byte": b"\0",
    "a version alone": b"\0\1",
    "a negative version": b"\xff\xff\0\0\0\0\0\0\0\0",
    "no topics": b"\0\0\0\0\0\0\xff\xff\xff\xff",
    "a later version": b"\0\x63\0\0\0\0\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\xff\xff",
    "a rest": b"\0\0\0\0\0\0\xff\xff\xff\xffrest",
    "readable": subscription("t"),
}


def _unreadable(name: str, metadata: Any, given: Any = b"") -> Case:
    """A classic member whose subscription (or assignment) says nothing that the new protocol could go on with."""
    protocols = ({"name": "range", "metadata": metadata},)
    return case(
        f"consumer-group-takes-over-{name.replace(' ', '-')}",
        join("id", protocols=protocols, protocol_type="consumer"),
        join("join", protocols=protocols, protocol_type="consumer", member=member_of("id")),
        sync("sync", "join", (member_of("join"), given), protocol_type="consumer"),
        enter("new", B, "u"),
        ask("describe", "DescribeGroups", groups=[Named("g")]),
        vary=(),
        topics=["t", "u"],
    )


CASES = [
    *(_unreadable(name, metadata) for name, metadata in UNREADABLE.items()),
    *(
        _unreadable(f"an assignment of {name}", subscription("t"), UNREADABLE[name])
        for name in ("nothing", "one byte", "a version alone", "a negative version", "no topics", "a rest")
    ),
    case(
        "consumer-group-one",
        enter("join"),
        beat("settle", epoch=epoch_of("join"), topic_partitions=owned(0, 1)),
        beat("beat", epoch=epoch_of("settle")),
        describe("stable"),
        beat("other topics", epoch=epoch_of("beat"), topics=[Named("t"), Named("u")]),
        beat("with all", epoch=epoch_of("other topics"), topic_partitions=owned(0, 1) + owned(0, topic="u")),
        describe("two topics"),
        beat("epoch too high", epoch=99),
        beat("unknown member", "nobody", 1),
        ask("list", "ListGroups", _={"mine": True}),
        ask("classic describe", "DescribeGroups", groups=[Named("g")]),
        beat("leave", epoch=-1),
        beat("leave again", epoch=-1),
        describe("empty"),
        ask("delete", "DeleteGroups", groups_names=[Named("g")]),
        describe("gone"),
        vary=BOTH,
        topics=[Topic("t", 2), "u"],
    ),
    case(
        "consumer-group-two",
        enter("a joins"),
        beat("a owns", epoch=epoch_of("a joins"), topic_partitions=owned(0, 1)),
        enter("b joins", B),
        describe("reconciling"),
        beat("a told", epoch=epoch_of("a owns"), topic_partitions=owned(0, 1)),
        beat("b waits", B, epoch_of("b joins")),
        beat("a revoked", epoch=epoch_of("a told"), topic_partitions=owned(0)),
        beat("b gets", B, epoch_of("b waits")),
        beat("b owns", B, epoch_of("b gets"), topic_partitions=owned(1)),
        beat("a goes on", epoch=epoch_of("a revoked")),
        describe("stable"),
        beat("a leaves", epoch=-1),
        beat("b told", B, epoch_of("b owns")),
        beat("b leaves", B, -1),
        vary=BOTH,
        topics=[Topic("t", 2)],
    ),
    case(
        "consumer-group-back-before-it-was-given-up",
        enter("a joins"),
        beat("a owns", epoch=epoch_of("a joins"), topic_partitions=owned(0, 1)),
        enter("b joins", B),
        beat("a told", epoch=epoch_of("a owns"), topic_partitions=owned(0, 1)),
        beat("b leaves", B, -1),
        beat("a gave up and gets back", epoch=epoch_of("a told"), topic_partitions=owned(0)),
        beat("a goes on", epoch=epoch_of("a gave up and gets back"), topic_partitions=owned(0, 1)),
        describe("all again"),
        vary="ConsumerGroupHeartbeat",
        topics=[Topic("t", 2)],
    ),
    case(
        "consumer-group-gives-up-twice",
        enter("a joins", A, "t", "u", server_assignor="range"),
        beat("a owns", epoch=epoch_of("a joins"), topic_partitions=owned(0, 1) + owned(0, 1, topic="u")),
        enter("b joins", B, "t", "u", server_assignor="range"),
        beat("a told", epoch=epoch_of("a owns"), topic_partitions=owned(0, 1) + owned(0, 1, topic="u")),
        beat("no more u", epoch=epoch_of("a told"), topics=[Named("t")], topic_partitions=owned(0, 1)),
        describe("gives up"),
        beat("b looks", B, epoch_of("b joins")),
        beat("a gave up", epoch=epoch_of("no more u"), topic_partitions=owned(0)),
        beat("b gets", B, epoch_of("b looks")),
        describe("done"),
        vary="ConsumerGroupHeartbeat",
        topics=[Topic("t", 2), Topic("u", 2)],
    ),
    case(
        "consumer-group-bad-requests",
        enter("no member id", ""),
        beat("no group", group_id=""),
        beat("no topics", **JOIN),
        beat("no rebalance timeout", topics=[Named("t")], member_epoch=0, topic_partitions=[]),
        beat("owning at once", topics=[Named("t")], **{**JOIN, "topic_partitions": owned(0)}),
        beat("null owned", topics=[Named("t")], **{**JOIN, "topic_partitions": None}),
        beat("epoch -3", epoch=-3),
        beat("epoch -2 without instance", epoch=-2),
        beat("unknown group", epoch=5),
        beat("leave an unknown group", epoch=-1),
        enter("unknown assignor", server_assignor="nosuch"),
        enter("empty instance", instance_id=""),
        enter("empty rack", rack_id=""),
        enter("empty assignor", server_assignor=""),
        beat("empty list", topics=[], **JOIN),
        enter("unknown topic", A, "nosuch"),
        describe("left behind"),
        describe("several", "g", "nosuch"),
        ask("none", "ConsumerGroupDescribe", group_ids=[]),
        ask("empty name", "ConsumerGroupDescribe", group_ids=[""]),
        describe("operations", include_authorized_operations=True),
        vary=BOTH,
        topics=["t"],
    ),
    case(
        "consumer-group-assignors",
        *(
            step
            for assignor in ("range", "uniform")
            for step in (
                enter(f"{assignor} joins", A, "t", "u", server_assignor=assignor, group_id=Named(assignor)),
                describe(f"{assignor} described", assignor),
                enter(f"{assignor} second", B, "t", "u", server_assignor=assignor, group_id=Named(assignor)),
                with_options(  # which of two members gets what goes by the hash of the ids
                    describe(f"{assignor} both", assignor), compare=assignor == "range"
                ),
            )
        ),
        vary=BOTH,
        topics=[Topic("t", 3), Topic("u", 3)],
    ),
    case(
        "consumer-group-static",
        enter("join", instance_id="i"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0, 1), instance_id="i"),
        enter("second with the name", B, instance_id="i"),
        beat("leaves for a while", epoch=-2, instance_id="i"),
        describe("away"),
        enter("comes back", B, instance_id="i"),
        beat("old id", epoch=epoch_of("owns"), instance_id="i"),
        beat("new id", B, epoch_of("comes back"), instance_id="i", topic_partitions=owned(0, 1)),
        describe("back"),
        beat("unknown instance", "member-c", 1, instance_id="j"),
        beat("leaves for good", B, -1, instance_id="i"),
        describe("gone"),
        vary=BOTH,
        topics=[Topic("t", 2)],
    ),
    case(
        "consumer-group-regex",
        beat("join", **JOIN, subscribed_topic_regex="consumer-group-regex-0-t.*", _={"since": 1}),
        beat("bad", B, **JOIN, subscribed_topic_regex="(", _={"since": 1}),
        beat("look-ahead", "member-d", **JOIN, subscribed_topic_regex="a(?=b)", _={"since": 1}),
        beat("leave", epoch=-1),
        vary="ConsumerGroupHeartbeat",
        topics=[Topic("t1", 2), "t2"],
        since=1,
    ),
    case(
        "consumer-group-another-regex",
        beat("join", **JOIN, subscribed_topic_regex="consumer-group-another-regex-[0-9]*-t.*"),
        *meanwhile("looked up"),
        beat("settle", epoch=epoch_of("join"), topic_partitions=[]),
        beat("owns", epoch=epoch_of("settle"), topic_partitions=owned(0, 1)),
        beat("another", epoch=epoch_of("owns"), subscribed_topic_regex="consumer-group-another-regex-[0-9]*-u.*"),
        *meanwhile("looked up again"),
        describe("between"),
        beat("gave up", epoch=epoch_of("another"), topic_partitions=[]),
        *meanwhile("found what it wants"),
        describe("has nothing"),
        beat("by name", epoch=epoch_of("gave up"), topics=[Named("t")], subscribed_topic_regex=""),
        describe("by name then"),
        beat("leave", epoch=-1),
        vary="ConsumerGroupHeartbeat",
        topics=[Topic("t", 2), "u"],
        since=1,
    ),
    case(
        "consumer-group-offsets",
        enter("join"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0)),
        commit("good", (0, 3), generation=epoch_of("owns"), member=A),
        commit("old epoch", (0, 4), generation=0, member=A),
        commit("future epoch", (0, 4), generation=99, member=A),
        commit("unknown member", (0, 4), generation=epoch_of("owns"), member="nobody"),
        commit("no member", (0, 4)),
        offsets("as member", 0, member=A, epoch=epoch_of("owns")),
        offsets("stale", 0, member=A, epoch=0),
        offsets("future", 0, member=A, epoch=50),
        offsets("nobody", 0, member="nobody", epoch=1),
        offsets("as admin", 0),
        ask(
            "delete subscribed",
            "OffsetDelete",
            group_id=Named("g"),
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0}]}],
        ),
        ask("delete full group", "DeleteGroups", groups_names=[Named("g")]),
        beat("leave", epoch=-1),
        vary=("OffsetCommit", "OffsetFetch", "ConsumerGroupHeartbeat"),
        topics=["t"],
    ),
    case(
        "consumer-group-offsets-in-a-transaction",
        enter("join"),
        transactions.init("start"),
        transactions.offsets_added("add", "start"),
        transactions.commit("nobody", "start", (0, 5)),
        transactions.commit("nobody, at another epoch", "start", (0, 5), generation_id=-2),
        transactions.commit("member", "start", (0, 5), member_id=A, generation_id=epoch_of("join")),
        transactions.commit("member, later", "start", (0, 5), member_id=A, generation_id=99),
        transactions.end("abort", "start", False, version=4),
        vary="TxnOffsetCommit",
        topics=["t"],
    ),
    case(
        "consumer-group-offsets-of-earlier-epochs",
        enter("join"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0, 1)),
        beat("wants more", epoch=epoch_of("owns"), topics=[Named("t"), Named("u")]),
        beat("has more", epoch=epoch_of("wants more"), topic_partitions=owned(0, 1) + owned(0, topic="u")),
        commit("had it", (0, 3), (1, 4), generation=epoch_of("owns"), member=A),
        commit("had it, too large", (0, 5), (1, 6, "m" * 5000), generation=epoch_of("owns"), member=A),
        commit("had it not", (0, 3), topic="u", generation=epoch_of("owns"), member=A),
        commit("had it not, too large", (0, 3, "m" * 5000), topic="u", generation=epoch_of("owns"), member=A),
        commit("before it came", (0, 3, "m" * 5000), generation=0, member=A),
        commit("not there", (7, 3), generation=epoch_of("owns"), member=A),
        commit("future, too large", (0, 3, "m" * 5000), generation=99, member=A),
        offsets("committed", 0, 1),
        vary="OffsetCommit",
        topics=[Topic("t", 2), "u"],
    ),
    case(
        "consumer-group-offsets-of-a-classic-member",
        enter("join"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0, 1)),
        join(
            "turns classic",
            member=A,
            protocol_type="consumer",
            protocols=[{"name": "range", "metadata": subscription("t", "u")}],
        ),
        commit("now", (0, 3), generation=generation_of("turns classic"), member=A),
        commit("earlier", (0, 4), generation=epoch_of("owns"), member=A),
        commit("earlier, too large", (0, 5, "m" * 5000), generation=epoch_of("owns"), member=A),
        commit("earlier, one too large", (0, 5, "m" * 5000), (1, 6), generation=epoch_of("owns"), member=A),
        commit("new", (0, 3), topic="u", generation=epoch_of("owns"), member=A),
        commit("new, too large", (0, 3, "m" * 5000), topic="u", generation=epoch_of("owns"), member=A),
        commit("before it came", (0, 7), generation=0, member=A),
        commit("future", (0, 8), generation=99, member=A),
        commit("future, too large", (0, 8, "m" * 5000), generation=99, member=A),
        commit("not there", (7, 3), generation=epoch_of("owns"), member=A),
        offsets("committed", 0, 1),
        vary="OffsetCommit",
        topics=[Topic("t", 2), "u"],
    ),
    case(
        "consumer-group-and-classic-between-targets",
        enter("a joins"),
        beat("a owns", epoch=epoch_of("a joins"), topic_partitions=owned(0, 1)),
        *targets_are_far_apart(),
        as_consumer("b joins", member=B),
        sync_as_consumer("b syncs", "b joins"),
        heartbeat("b beats", "b joins"),
        describe("the target is older"),
        beat("a leaves", epoch=-1),
        ask("turned", "ListGroups", _={"mine": True}),
        heartbeat("b told", "b joins"),
        assignment_interval("targets as before", None),
        vary=("JoinGroup", "SyncGroup"),
        topics=[Topic("t", 2)],
    ),
    case(
        "consumer-group-all-turned-classic",
        enter("a joins"),
        as_consumer("b joins", member=B),
        as_consumer("a turns", member=A),
        describe("all are classic"),
        leave("b leaves", B),
        ask("turned", "ListGroups", _={"mine": True}),
        topics=[Topic("t", 2)],
    ),
    case(
        "consumer-group-static-turns-back",
        enter("join", instance_id="i"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0, 1), instance_id="i"),
        as_consumer("turns back", group_instance_id="i", _={"since": 5}),
        ask("list", "ListGroups", _={"mine": True}),
        sync_as_consumer("sync", "turns back", group_instance_id="i", _={"since": 3}),
        topics=[Topic("t", 2)],
        vary="JoinGroup",
        since=5,
    ),
    case(
        "consumer-group-static-turns-back-by-id",
        enter("join", instance_id="i"),
        as_consumer("turns back", member=A, group_instance_id="i"),
        ask("list", "ListGroups", _={"mine": True}),
        sync_as_consumer("sync", "turns back", group_instance_id="i"),
        topics=[Topic("t", 2)],
        vary="JoinGroup",
        since=5,
    ),
    case(
        "consumer-group-static-turns-back-with-other-topics",
        enter("join", instance_id="i"),
        beat("other topics", epoch=epoch_of("join"), topics=[Named("t"), Named("u")], instance_id="i"),
        as_consumer("turns back", group_instance_id="i"),
        ask("list", "ListGroups", _={"mine": True}),
        heartbeat("beat", "turns back", group_instance_id="i"),
        sync_as_consumer("sync", "turns back", group_instance_id="i"),
        topics=[Topic("t", 2), "u"],
        vary="JoinGroup",
        since=5,
    ),
    case(
        "consumer-group-static-turns-back-between-targets",
        enter("join", instance_id="i"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0, 1), instance_id="i"),
        *targets_are_far_apart(),
        beat("other topics", epoch=epoch_of("owns"), topics=[Named("u")], instance_id="i"),
        describe("the target is older"),
        as_consumer("turns back", group_instance_id="i"),
        ask("list", "ListGroups", _={"mine": True}),
        assignment_interval("targets as before", None),
        topics=[Topic("t", 2), "u"],
        vary="JoinGroup",
        since=5,
    ),
    case(
        "consumer-group-on-a-custom-assignor",
        as_consumer("join id"),
        as_consumer("join", member=member_of("join id")),
        sync_as_consumer("sync", "join", (member_of("join"), assignment_with_data("t"))),
        enter("consumer comes"),
        ask("list", "ListGroups", _={"mine": True}),
        leave("classic leaves", member_of("join")),
        enter("consumer comes again"),
        topics=["t"],
        vary="ConsumerGroupHeartbeat",
    ),
    case(
        "consumer-group-and-classic",
        enter("join"),
        beat("owns", epoch=epoch_of("join"), topic_partitions=owned(0)),
        join("classic of another type"),
        beat("leave", epoch=-1),
        join("classic id on the empty group"),
        join("classic on the empty group", member=member_of("classic id on the empty group")),
        enter("new on the classic group", B),
        ask("list", "ListGroups", _={"mine": True}),
        describe("described"),
        vary=("ConsumerGroupHeartbeat", "JoinGroup"),
        topics=["t"],
    ),
]
