"""Classic and consumer members in one group, and groups that change their protocol; observed on Kafka 4.3.1."""

from __future__ import annotations

import pytest

from ottla.coordinator.group.consumer_member import read_assignment, read_subscription
from ottla.coordinator.group.limits import GroupLimits
from ottla.protocol.blobs import ConsumerProtocolAssignment
from ottla.protocol.codec import ProtocolError
from tests.unit.coordinator.consumer_bench import ConsumerBench, subscription

REBALANCE, UNKNOWN, ILLEGAL, INCONSISTENT, FENCED_INSTANCE, NOT_FOUND = 27, 25, 22, 23, 82, 69
DYNAMIC = {"version": 9}


@pytest.fixture
def bench() -> ConsumerBench:
    bench = ConsumerBench(GroupLimits(group_initial_rebalance_delay_ms=0))
    bench.topics.put("orders", 4)
    return bench


ALL = ConsumerProtocolAssignment(
    assigned_partitions=[ConsumerProtocolAssignment.TopicPartition(topic="orders", partitions=[0, 1, 2, 3])]
)


def assigned(blob: bytes) -> dict[str, list[int]]:
    return {topic.topic: list(topic.partitions) for topic in read_assignment(blob).assigned_partitions}


def classic_group(bench: ConsumerBench) -> str:
    """A stable classic group of one member, which has everything."""
    token = bench.join(protocols={"range": subscription(["orders"], {})}, version=3)
    bench.advance(0)
    member_id: str = bench.answers[token].member_id
    bench.sync(member_id, 1, {member_id: (1).to_bytes(2, "big") + ALL.encode(1)})
    assert bench.state() == "Stable"
    return member_id


# --- classic clients in a consumer group


def test_a_classic_client_shares_a_consumer_group(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    joined = bench.classic_enter(**DYNAMIC)
    assert (joined.error_code, joined.generation_id, joined.leader, joined.members) == (0, 3, "", [])
    classic = joined.member_id
    assert bench.heartbeat(classic, 3) == 0, "its partitions are another's still"
    synced = bench.answers[bench.sync(classic, 3, protocol_type="consumer", protocol_name="range", version=5)]
    assert (synced.error_code, assigned(synced.assignment)) == (0, {})
    bench.beat("m1", 2)
    bench.beat("m1", 2, owned={"orders": [0, 1]})
    assert bench.heartbeat(classic, 3) == REBALANCE, "now they are free: join again to get them"
    assert bench.classic_enter(classic, **DYNAMIC).generation_id == 3
    synced = bench.answers[bench.sync(classic, 3)]
    assert assigned(synced.assignment) == {"orders": [2, 3]}
    assert bench.heartbeat(classic, 3) == 0
    assert {one.member_id: one.member_type for one in bench.shown().members} == {"m1": 1, classic: 0}


def test_a_classic_client_gives_up_by_joining_without_them(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.beat("m1", -1)
    bench.enter("m2")
    bench.now_ms += 1_001
    classic = bench.classic_enter(**DYNAMIC).member_id
    bench.settle("m2")
    bench.classic_enter(classic, **DYNAMIC)
    assert bench.holding(classic) == {"orders": [2, 3]}
    bench.enter("m3")
    generation = bench.member(classic).member_epoch
    assert bench.heartbeat(classic, generation) == REBALANCE
    told = bench.classic_enter(classic, owned={"orders": [2, 3]}, **DYNAMIC)
    assert told.generation_id == generation, "it is to give something up first"
    kept = assigned(bench.answers[bench.sync(classic, generation)].assignment)
    assert bench.heartbeat(classic, generation) == REBALANCE
    again = bench.classic_enter(classic, owned=kept, **DYNAMIC)
    assert again.generation_id == generation + 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"generation": 9}, ILLEGAL),
        ({"protocol_name": "sticky"}, INCONSISTENT),
        ({"protocol_type": "connect"}, INCONSISTENT),
        ({"protocol_name": None}, INCONSISTENT),
        ({"member_id": "m1"}, UNKNOWN),
        ({"member_id": "nobody"}, UNKNOWN),
    ],
)
def test_a_sync_that_does_not_fit_is_refused(bench: ConsumerBench, change: dict[str, object], code: int) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(**DYNAMIC).member_id
    good = {"member_id": classic, "generation": 3, "protocol_type": "consumer", "protocol_name": "range", "version": 5}
    assert bench.answers[bench.sync(**{**good, **change})].error_code == code


def test_a_join_that_does_not_fit_is_refused(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    bench.classic_enter(**DYNAMIC)
    other = {"sticky": subscription(["orders"], {})}
    assert bench.answers[bench.join(protocols=other, version=3)].error_code == INCONSISTENT
    assert bench.classic_enter(protocol_type="connect", **DYNAMIC).error_code == INCONSISTENT
    assert bench.answers[bench.join(protocols={"range": b"x"}, version=3)].error_code == -1


def test_classic_members_commit_at_their_generation_in_any_version(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(**DYNAMIC).member_id
    assert bench.commit_as(classic, 3, version=8) == [0]
    assert bench.commit_as(classic, 2, version=8) == [ILLEGAL]


def test_a_classic_member_is_not_told_of_an_epoch_that_has_no_target_yet(bench: ConsumerBench) -> None:
    bench.enter("m1")
    classic = bench.classic_enter(**DYNAMIC)
    assert (bench.shown().group_epoch, bench.shown().assignment_epoch) == (3, 2), "too early for a new one"
    assert classic.generation_id == 2
    assert bench.answers[bench.sync(classic.member_id, 2)].error_code == 0
    assert bench.heartbeat(classic.member_id, 2) == 0
    bench.now_ms += 1_001
    bench.beat("m1", 2)
    assert bench.heartbeat(classic.member_id, 2) == REBALANCE


def test_a_classic_member_that_is_told_and_does_not_join_is_fenced(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(session_ms=50_000, rebalance_ms=20_000, **DYNAMIC).member_id
    bench.sync(classic, 3)
    bench.enter("m2")
    assert bench.heartbeat(classic, 3) == REBALANCE
    bench.advance(19_000)
    assert bench.heartbeat(classic, 3) == REBALANCE
    bench.advance(2_000)
    assert bench.heartbeat(classic, 3) == UNKNOWN


def test_a_classic_member_that_never_syncs_is_fenced(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(session_ms=50_000, rebalance_ms=20_000, **DYNAMIC).member_id
    bench.advance(19_000)
    assert bench.heartbeat(classic, 3) == 0
    bench.advance(2_000)
    assert bench.heartbeat(classic, 3) == UNKNOWN


def test_the_session_of_a_classic_member_is_its_own(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(session_ms=10_000, **DYNAMIC).member_id
    bench.sync(classic, 3)
    bench.advance(11_000)
    assert bench.heartbeat(classic, 3) == UNKNOWN
    assert bench.member("m1").member_epoch == 2


def test_the_join_of_a_classic_client_resolves_no_pattern(bench: ConsumerBench) -> None:
    """It would be resolved with the eyes of somebody else."""
    bench.topics.put("orders-secret", 1)
    bench.enter("m1", pattern="orders.*", may_describe=lambda name: name == "orders")
    bench.change_topics("orders-secret")
    bench.now_ms += 11_000
    classic = bench.classic_enter(**DYNAMIC)
    assert classic.error_code == 0
    group = bench.machine.consumers.get("readers")
    assert group is not None
    assert group.patterns["orders.*"].topics == ("orders",)


# --- from classic to consumer


def test_a_consumer_member_turns_a_classic_group(bench: ConsumerBench) -> None:
    classic = classic_group(bench)
    answer = bench.enter("m1")
    assert (answer.error_code, answer.member_epoch, bench.given(answer)) == (0, 2, {})
    assert bench.holding(classic) == {"orders": [0, 1, 2, 3]}, "it has what its leader gave it"
    assert bench.heartbeat(classic, 1) == REBALANCE
    other = bench.reloaded()
    assert other.shown() == bench.shown()
    assert other.heartbeat(classic, 1) == REBALANCE
    joined = bench.classic_enter(classic, owned={"orders": [0, 1]}, **DYNAMIC)
    assert joined.generation_id == 2
    assert assigned(bench.answers[bench.sync(classic, 2)].assignment) == {"orders": [0, 1]}
    assert bench.given(bench.beat("m1", 2)) == {"orders": [2, 3]}


def test_joins_that_wait_are_told_to_come_again(bench: ConsumerBench) -> None:
    classic = classic_group(bench)
    waiting = bench.join(protocols={"range": subscription(["orders"], {})}, version=3)
    assert waiting not in bench.answers
    bench.enter("m1")
    assert bench.answers[waiting].error_code == REBALANCE
    bench.advance(100_000)
    assert classic not in [one.member_id for one in bench.shown().members], "its session runs on in the new group"


@pytest.mark.parametrize("policy", ["disabled", "DOWNGRADE"])
def test_the_policy_keeps_classic_groups(policy: str) -> None:
    bench = ConsumerBench(GroupLimits(group_initial_rebalance_delay_ms=0, group_consumer_migration_policy=policy))
    bench.topics.put("orders", 4)
    classic = classic_group(bench)
    answer = bench.enter("m1")
    assert (answer.error_code, answer.error_message) == (
        NOT_FOUND,
        "Cannot upgrade classic group readers to consumer group because online upgrade is disabled.",
    )
    assert bench.heartbeat(classic, 1) == 0, "nothing has changed"


def test_a_group_with_data_of_its_own_assignor_stays_classic(bench: ConsumerBench) -> None:
    token = bench.join(protocols={"range": subscription(["orders"], {})}, version=3)
    bench.advance(0)
    member_id = bench.answers[token].member_id
    own = ConsumerProtocolAssignment(assigned_partitions=ALL.assigned_partitions, user_data=b"x")
    bench.sync(member_id, 1, {member_id: (1).to_bytes(2, "big") + own.encode(1)})
    answer = bench.enter("m1")
    assert answer.error_code == NOT_FOUND
    assert "an unsupported custom assignor is in use" in answer.error_message
    assert bench.state() == "Stable"


def test_a_group_that_is_not_of_consumers_stays_classic(bench: ConsumerBench) -> None:
    bench.stable()
    answer = bench.enter("m1")
    assert (answer.error_code, answer.error_message) == (
        NOT_FOUND,
        "Cannot upgrade classic group readers to consumer group because the embedded consumer protocol is malformed.",
    )
    assert bench.state() == "Stable"


# --- and back


def test_the_last_consumer_member_leaves_a_classic_group_behind(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(**DYNAMIC).member_id
    bench.sync(classic, 3)
    assert bench.beat("m1", -1).error_code == 0
    assert bench.shown().error_message == "Group readers is not a consumer group."
    assert bench.state() == "PreparingRebalance"
    assert bench.heartbeat(classic, 3) == REBALANCE
    token = bench.join(classic, protocols={"range": subscription(["orders"], {})}, version=9)
    assert (bench.answers[token].error_code, bench.answers[token].generation_id) == (0, 4)
    assert bench.answers[token].leader == classic
    bench.sync(classic, 4, {classic: b""})
    assert bench.state() == "Stable"
    assert bench.reloaded().state() == "Stable"


def test_a_group_that_was_turned_back_and_lost_its_coordinator_is_classic(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(**DYNAMIC).member_id
    bench.beat("m1", -1)
    other = bench.reloaded()
    assert other.state() == "Stable"
    assert not list(other.machine.consumers.all())
    assert other.heartbeat(classic, 3) == 0


def test_a_fenced_consumer_member_leaves_a_classic_group_behind(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(session_ms=60_000, rebalance_ms=300_000, **DYNAMIC).member_id
    bench.sync(classic, 3)
    bench.advance(46_000)
    assert bench.heartbeat(classic, 3) == REBALANCE
    assert bench.state() == "PreparingRebalance"


def test_the_last_consumer_may_have_become_classic_itself(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.now_ms += 1_001
    classic = bench.classic_enter(**DYNAMIC).member_id
    bench.classic_enter("m1", **DYNAMIC)
    assert bench.shown().error_code == 0, "that alone does not turn the group"
    bench.leave(classic)
    assert bench.state() == "PreparingRebalance", "but the next to leave does"


def test_the_policy_keeps_consumer_groups() -> None:
    limits = GroupLimits(group_initial_rebalance_delay_ms=0, group_consumer_migration_policy="UPGRADE")
    bench = ConsumerBench(limits)
    bench.topics.put("orders", 4)
    bench.enter("m1")
    bench.now_ms += 1_001
    bench.classic_enter(**DYNAMIC)
    bench.beat("m1", -1)
    assert bench.group_state() == "Assigning"


@pytest.mark.parametrize("version", [3, 9])
def test_the_policy_keeps_classic_members_out_of_consumer_groups_full_or_not(version: int) -> None:
    limits = GroupLimits(
        group_initial_rebalance_delay_ms=0, group_consumer_migration_policy="Disabled", group_consumer_max_size=1
    )
    bench = ConsumerBench(limits)
    bench.topics.put("orders", 4)
    bench.enter("m1")
    token = bench.join(protocols={"range": subscription(["orders"], {})}, version=version)
    assert (bench.answers[token].error_code, bench.answers[token].member_id) == (INCONSISTENT, "")


def test_a_static_member_changes_the_protocol_of_its_group_both_ways(bench: ConsumerBench) -> None:
    token = bench.join(protocols={"range": subscription(["orders"], {})}, version=5, instance_id="i")
    bench.advance(0)
    classic = bench.answers[token].member_id
    bench.sync(classic, 1, {classic: (1).to_bytes(2, "big") + ALL.encode(1)}, instance_id="i")
    taken = bench.enter("m1", instance_id="i")
    assert (taken.member_epoch, bench.given(taken)) == (1, {"orders": [0, 1, 2, 3]}), "nothing changes hands"
    assert bench.heartbeat(classic, 1, instance_id="i") == FENCED_INSTANCE
    back = bench.classic_enter(instance_id="i", **DYNAMIC)
    assert (back.error_code, back.generation_id) == (0, 1)
    assert bench.state() == "Stable", "no rebalance"
    assert assigned(bench.answers[bench.sync(back.member_id, 1, instance_id="i")].assignment) == {
        "orders": [0, 1, 2, 3]
    }


def test_a_static_member_turns_its_group_back_under_its_own_id_too(bench: ConsumerBench) -> None:
    bench.enter("m1", instance_id="i")
    back = bench.classic_enter("m1", instance_id="i", **DYNAMIC)
    assert (back.error_code, back.generation_id, back.member_id) == (0, 2, "m1")
    assert bench.state() == "Stable"


def test_a_group_that_turns_back_before_its_target_is_renewed_rebalances(bench: ConsumerBench) -> None:
    bench.topics.put("payments", 1)
    bench.enter("m1", instance_id="i")
    bench.beat("m1", 2, topics=["orders", "payments"], instance_id="i")
    assert (bench.shown().group_epoch, bench.shown().assignment_epoch) == (3, 2), "too early for a new one"
    back = bench.classic_enter(instance_id="i", **DYNAMIC)
    assert (back.error_code, back.generation_id) == (0, 0)
    assert bench.state() == "PreparingRebalance"


def test_empty_groups_change_freely(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.commit_as("m1", 2)
    bench.beat("m1", -1)
    classic = classic_group(bench)
    assert bench.committed("orders") == 5, "offsets stay"
    bench.leave(classic)
    assert bench.enter("m2").member_epoch == 2
    assert bench.committed("orders") == 5
    assert bench.reloaded().group_state() == "Stable"


def test_leave_group_sends_members_of_both_kinds_away(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.enter("m2", instance_id="i")
    answer = bench.leave("m1", "nobody")
    assert [(one.member_id, one.error_code) for one in answer.members] == [("m1", 0), ("nobody", UNKNOWN)]
    answer = bench.leave("", instance_id="i")
    assert [(one.member_id, one.group_instance_id, one.error_code) for one in answer.members] == [("", "i", 0)]
    assert bench.group_state() == "Empty"
    assert bench.leave("m1", version=2).error_code == UNKNOWN


@pytest.mark.parametrize("blob", [b"\0", b"\xff\xff\0\0\0\0\0\0\0\0", b"\0\1"], ids=["one byte", "below 0", "alone"])
def test_a_blob_without_a_version_that_there_is_cannot_be_read(blob: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_subscription(blob)
    with pytest.raises(ProtocolError):
        read_assignment(blob)


def test_no_assignment_is_an_empty_one() -> None:
    assert not read_assignment(b"").assigned_partitions
