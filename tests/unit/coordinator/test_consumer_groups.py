"""Consumer groups (KIP-848): each rule as Kafka 4.3.1 was seen to keep it."""

from __future__ import annotations

import pytest

from ottla.coordinator.group.group_configs import ConsumerConfig
from ottla.coordinator.group.limits import GroupLimits
from tests.unit.coordinator.consumer_bench import ConsumerBench
from tests.unit.coordinator.group_world import FakeConfigs

FENCED, UNRELEASED, UNSUPPORTED_ASSIGNOR = 110, 111, 112
UNKNOWN_MEMBER, INVALID_REQUEST, NOT_FOUND, FULL, FENCED_INSTANCE, BAD_REGEX = 25, 42, 69, 81, 82, 128


@pytest.fixture
def bench() -> ConsumerBench:
    """A topic `orders` of four partitions."""
    bench = ConsumerBench()
    bench.topics.put("orders", 4)
    return bench


# --- epochs and assignments


def test_the_first_member_gets_everything_at_epoch_2(bench: ConsumerBench) -> None:
    answer = bench.enter("m1")
    assert (answer.error_code, answer.member_id, answer.member_epoch) == (0, "m1", 2)
    assert answer.heartbeat_interval_ms == 5000
    assert bench.given(answer) == {"orders": [0, 1, 2, 3]}
    assert (bench.group_state(), bench.group_epochs()) == ("Stable", (2, 2))


def test_nothing_is_said_of_an_assignment_that_did_not_change(bench: ConsumerBench) -> None:
    bench.enter("m1")
    before = len(bench.log)
    assert bench.beat("m1", 2).assignment is None
    assert len(bench.log) == before, "an ordinary heartbeat writes nothing"


def test_a_member_that_says_everything_hears_everything(bench: ConsumerBench) -> None:
    bench.enter("m1")
    answer = bench.beat("m1", 2, topics=["orders"], owned={"orders": [0, 1, 2, 3]}, rebalance_ms=1000)
    assert bench.given(answer) == {"orders": [0, 1, 2, 3]}


def test_partitions_move_only_when_their_owner_has_given_them_up(bench: ConsumerBench) -> None:
    bench.enter("m1")
    second = bench.enter("m2")
    assert (second.member_epoch, bench.given(second)) == (3, {}), "nothing is free yet"
    assert bench.group_state() == "Reconciling"
    told = bench.beat("m1", 2)
    assert (told.member_epoch, bench.given(told)) == (2, {"orders": [0, 1]}), "revoke first, at the old epoch"
    assert bench.beat("m2", 3).assignment is None
    still = bench.beat("m1", 2, owned={"orders": [0, 1, 2]})
    assert still.member_epoch == 2, "one partition is not given up yet"
    assert bench.beat("m2", 3).assignment is None
    assert bench.beat("m1", 2, owned={"orders": [0, 1]}).member_epoch == 3
    assert bench.given(bench.beat("m2", 3)) == {"orders": [2, 3]}
    assert bench.group_state() == "Stable"


def test_a_member_gets_back_at_once_what_it_was_about_to_give_up(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.enter("m2")
    assert bench.given(bench.beat("m1", 2)) == {"orders": [0, 1]}
    bench.beat("m2", -1)
    bench.now_ms += 1_001
    back = bench.beat("m1", 2, owned={"orders": [0, 1]})
    assert bench.given(back) == {"orders": [0, 1, 2, 3]}


def test_what_a_member_gives_up_comes_free_together(bench: ConsumerBench) -> None:
    bench.topics.put("bills", 2)
    bench.enter("m1", ["orders", "bills"], assignor="range")
    bench.enter("m2", ["orders", "bills"], assignor="range")
    assert bench.given(bench.beat("m1", 2)) == {"orders": [0, 1], "bills": [0]}
    bench.beat("m1", 2, topics=["orders"], owned={"orders": [0, 1, 2]})
    owned = {one.topic_name: one.partitions for one in bench.member("m1").assignment.topic_partitions}
    assert owned == {"orders": [0, 1, 2, 3], "bills": [0, 1]}, "2 is owned still, so all of it is"


def test_a_member_that_revoked_goes_on_to_the_newest_target(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.enter("m2")
    bench.beat("m1", 2)
    bench.enter("m3")
    bench.enter("m4")
    answer = bench.beat("m1", 2, owned={"orders": [0, 1]})
    assert (answer.member_epoch, bench.given(answer)) == (2, {"orders": [0]}), "more to give up, the epoch waits"
    assert bench.beat("m1", 2, owned={"orders": [0]}).member_epoch == 5


def test_a_target_is_computed_once_in_an_interval(bench: ConsumerBench) -> None:
    bench.enter("m1")
    second = bench.beat("m2", 0, topics=["orders"], owned={}, rebalance_ms=1000)
    assert second.member_epoch == 2
    assert (bench.group_state(), bench.group_epochs()) == ("Assigning", (3, 2))
    bench.now_ms += 1_000
    assert bench.beat("m2", 2).member_epoch == 3
    assert bench.group_epochs() == (3, 3)


def test_leaving_frees_partitions_at_once(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.enter("m2")
    bench.settle("m1", "m2")
    answer = bench.beat("m1", -1)
    assert (answer.error_code, answer.member_epoch) == (0, -1)
    assert bench.group_state() == "Assigning"
    bench.settle("m2")
    assert bench.holding("m2") == {"orders": [0, 1, 2, 3]}
    assert bench.beat("m1", -1).error_code == UNKNOWN_MEMBER


def test_a_rejoin_with_epoch_0_gives_the_same_again(bench: ConsumerBench) -> None:
    bench.enter("m1")
    again = bench.enter("m1")
    assert (again.error_code, again.member_epoch, bench.given(again)) == (0, 2, {"orders": [0, 1, 2, 3]})


def test_what_a_member_wants_no_more_it_gives_up_before_the_next_target(bench: ConsumerBench) -> None:
    bench.topics.put("bills", 3)
    bench.enter("m1", ["orders", "bills"])
    answer = bench.beat("m1", 2, topics=["orders"])
    assert (answer.member_epoch, bench.given(answer)) == (2, {"orders": [0, 1, 2, 3]})
    assert bench.group_epochs() == (3, 2)
    assert bench.beat("m1", 2, owned={"orders": [0, 1, 2, 3]}).member_epoch == 2
    bench.now_ms += 1_001
    assert bench.beat("m1", 2).member_epoch == 3


# --- fencing


def test_an_epoch_that_is_not_the_members_fences_it(bench: ConsumerBench) -> None:
    bench.enter("m1")
    assert bench.beat("m1", 1).error_code == FENCED
    greater = bench.beat("m1", 3)
    assert greater.error_code == FENCED
    assert greater.error_message is not None and "greater member epoch (3)" in greater.error_message


def test_the_epoch_before_is_believed_only_with_partitions_that_fit(bench: ConsumerBench) -> None:
    """The answer that moved the member on may have been lost; but who missed a revocation must start anew."""
    bench.enter("m1")
    bench.enter("m2")
    bench.beat("m1", 2)
    assert bench.beat("m1", 2, owned={"orders": [0, 1]}).member_epoch == 3
    assert bench.beat("m1", 2, owned={"orders": [0]}).member_epoch == 3
    assert bench.beat("m1", 2, owned={"orders": [0, 1, 2]}).error_code == FENCED
    assert bench.beat("m1", 2).error_code == FENCED


def test_a_silent_member_is_fenced_after_its_session(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.advance(30_000)
    assert bench.beat("m1", 2).error_code == 0
    bench.advance(44_000)
    assert bench.group_state() == "Stable", "the heartbeat moved the deadline"
    bench.advance(2_000)
    assert bench.group_state() == "Empty"
    assert bench.beat("m1", 2).error_code == UNKNOWN_MEMBER


def test_who_does_not_give_partitions_up_in_time_is_fenced(bench: ConsumerBench) -> None:
    bench.enter("m1", rebalance_ms=10_000)
    bench.enter("m2")
    bench.beat("m1", 2)
    bench.advance(9_000)
    bench.beat("m1", 2)
    bench.advance(2_000)
    assert bench.beat("m1", 2).error_code == UNKNOWN_MEMBER
    bench.settle("m2")
    assert bench.holding("m2") == {"orders": [0, 1, 2, 3]}


def test_who_gave_up_in_time_is_not_fenced_later(bench: ConsumerBench) -> None:
    bench.enter("m1", rebalance_ms=10_000)
    bench.enter("m2")
    bench.beat("m1", 2)
    bench.beat("m1", 2, owned={"orders": [0, 1]})
    bench.advance(11_000)
    assert bench.beat("m1", 3).error_code == 0


# --- static members


def test_a_member_that_comes_again_as_another_instance_leaves_its_old_one_to_others(bench: ConsumerBench) -> None:
    bench.enter("m", instance_id="i1")
    assert bench.enter("m", instance_id="i2").error_code == 0
    assert bench.beat("m", -1, instance_id="i2").error_code == 0
    assert bench.enter("n", instance_id="i1").error_code == 0


def test_an_instance_id_of_a_live_member_is_taken(bench: ConsumerBench) -> None:
    bench.enter("s1", instance_id="i")
    assert bench.enter("s2", instance_id="i").error_code == UNRELEASED
    assert bench.enter("s1", instance_id="i").error_code == UNRELEASED


def test_the_next_life_of_a_static_member_goes_on_where_the_last_stopped(bench: ConsumerBench) -> None:
    bench.enter("s1", instance_id="i")
    left = bench.beat("s1", -2, instance_id="i")
    assert (left.error_code, left.member_epoch) == (0, -2)
    assert bench.member("s1").member_epoch == -2
    epochs = bench.group_epochs()
    answer = bench.enter("s2", instance_id="i")
    assert (answer.error_code, answer.member_epoch, bench.given(answer)) == (0, 2, {"orders": [0, 1, 2, 3]})
    assert bench.group_epochs() == epochs, "nobody has to rebalance"
    assert bench.beat("s1", 2, instance_id="i").error_code == FENCED_INSTANCE


def test_the_partitions_of_a_static_member_wait_for_a_session_and_no_longer(bench: ConsumerBench) -> None:
    bench.enter("s1", instance_id="i")
    bench.enter("m2")
    bench.settle("s1", "m2")
    bench.beat("s1", -2, instance_id="i")
    bench.settle("m2")
    assert bench.holding("m2") == {"orders": [2, 3]}
    bench.advance(30_000)
    bench.beat("m2", 3)
    bench.advance(20_000)
    bench.settle("m2")
    assert bench.holding("m2") == {"orders": [0, 1, 2, 3]}


def test_static_ids_are_checked(bench: ConsumerBench) -> None:
    bench.enter("s1", instance_id="i")
    assert bench.beat("s2", 2, instance_id="i").error_code == FENCED_INSTANCE
    assert bench.beat("s1", 2, instance_id="j").error_code == UNKNOWN_MEMBER
    assert bench.beat("s2", -2, instance_id="i").error_code == FENCED_INSTANCE
    assert bench.beat("s1", -2, instance_id="j").error_code == UNKNOWN_MEMBER
    assert bench.beat("s1", 2).error_code == 0, "a heartbeat may leave the instance id out"
    assert bench.beat("s1", -1, instance_id="i").error_code == 0
    assert bench.beat("s1", -1, instance_id="i").error_code == UNKNOWN_MEMBER


# --- what is refused


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"group": ""}, INVALID_REQUEST, "GroupId can't be empty."),
        ({"group": "  "}, INVALID_REQUEST, "GroupId can't be empty."),
        ({"member_id": ""}, INVALID_REQUEST, "MemberId can't be empty."),
        ({"instance_id": ""}, INVALID_REQUEST, "InstanceId can't be empty."),
        ({"rack_id": ""}, INVALID_REQUEST, "RackId can't be empty."),
        ({"rebalance_ms": -1}, INVALID_REQUEST, "RebalanceTimeoutMs must be provided in first request."),
        ({"owned": {"orders": [1]}}, INVALID_REQUEST, "TopicPartitions must be empty when (re-)joining."),
        ({"owned": None}, INVALID_REQUEST, "TopicPartitions must be empty when (re-)joining."),
        (
            {"topics": None},
            INVALID_REQUEST,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
        ({"epoch": -3}, INVALID_REQUEST, "MemberEpoch is invalid."),
        ({"epoch": -2}, INVALID_REQUEST, "InstanceId can't be null."),
        (
            {"assignor": "foo"},
            UNSUPPORTED_ASSIGNOR,
            "ServerAssignor foo is not supported. Supported assignors: uniform, range.",
        ),
        ({"epoch": 5}, NOT_FOUND, "Consumer group readers not found."),
        ({"epoch": -1}, NOT_FOUND, "Group readers not found."),
        (
            {"topics": None, "pattern": "t("},
            BAD_REGEX,
            "SubscribedTopicRegex `t(` is not a valid regular expression: missing closing ).",
        ),
    ],
)
def test_a_useless_heartbeat_is_refused(
    bench: ConsumerBench, change: dict[str, object], code: int, message: str
) -> None:
    options: dict[str, object] = {
        "member_id": "m", "epoch": 0, "topics": ["orders"], "owned": {}, "rebalance_ms": 1000, **change,
    }  # fmt: skip
    answer = bench.beat(**options)  # type: ignore[arg-type]
    assert (answer.error_code, answer.error_message) == (code, message)
    assert (answer.member_id, answer.member_epoch, answer.heartbeat_interval_ms) == (None, 0, 0)
    assert not bench.log, "and nothing is written"
    assert not bench.timers


def test_before_version_1_the_server_makes_the_member_id(bench: ConsumerBench) -> None:
    answer = bench.enter("", version=0)
    assert answer.error_code == 0
    assert answer.member_id is not None and len(answer.member_id) == 22
    assert bench.beat("", 2, version=0).error_code == INVALID_REQUEST


def test_a_full_group_lets_nobody_else_in() -> None:
    bench = ConsumerBench(GroupLimits(group_consumer_max_size=1))
    bench.topics.put("orders", 4)
    bench.enter("m1")
    assert bench.enter("m2").error_code == FULL
    assert bench.beat("m1", 2).error_code == 0
    assert bench.enter("m1").error_code == 0


# --- topics


def test_a_topic_that_is_made_later_is_assigned_then(bench: ConsumerBench) -> None:
    bench.enter("m1", ["bills"])
    assert bench.group_epochs() == (2, 2)
    bench.topics.put("bills", 2)
    bench.change_topics("bills")
    bench.now_ms += 1_001
    answer = bench.beat("m1", 2)
    assert (answer.member_epoch, bench.given(answer)) == (3, {"bills": [0, 1]})


def test_a_topic_that_grows_is_assigned_anew(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.topics.put("orders", 6)
    bench.change_topics("orders")
    bench.now_ms += 1_001
    assert bench.given(bench.beat("m1", 2)) == {"orders": [0, 1, 2, 3, 4, 5]}


def test_a_deleted_topic_is_taken_away(bench: ConsumerBench) -> None:
    bench.topics.put("bills", 2)
    bench.enter("m1", ["orders", "bills"])
    bench.topics.delete("bills")
    bench.change_topics("bills")
    bench.now_ms += 1_001
    assert bench.given(bench.beat("m1", 2)) == {"orders": [0, 1, 2, 3]}
    bench.settle("m1")
    assert bench.group_state() == "Stable"


def test_a_change_of_other_topics_changes_nothing(bench: ConsumerBench) -> None:
    bench.enter("m1")
    before = len(bench.log)
    bench.topics.put("bills", 2)
    bench.change_topics("bills")
    bench.now_ms += 1_001
    bench.beat("m1", 2)
    assert len(bench.log) == before


# --- another coordinator


def test_a_coordinator_that_loads_the_log_knows_the_group(bench: ConsumerBench) -> None:
    bench.topics.put("bills", 2)
    bench.enter("m1", ["orders", "bills"], instance_id="i", rack_id="r1", assignor="range")
    bench.enter("m2", pattern="ord.*")
    bench.beat("m1", 2)
    other = bench.reloaded()
    assert other.shown() == bench.shown()
    assert {one: other.holding(one) for one in ("m1", "m2")} == {one: bench.holding(one) for one in ("m1", "m2")}
    other.settle("m1", "m2")
    assert other.group_state() == "Stable"


def test_a_target_survives_the_coordinator(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.enter("m2")
    other = bench.reloaded()
    assert (other.target("m1"), other.target("m2")) == ({"orders": [0, 1]}, {"orders": [2, 3]})
    other.beat("m1", 2)
    assert other.beat("m1", 2, owned={"orders": [0, 1]}).member_epoch == 3
    assert other.given(other.beat("m2", 3)) == {"orders": [2, 3]}


def test_after_a_move_members_have_one_session_to_show_up(bench: ConsumerBench) -> None:
    bench.enter("m1")
    other = bench.reloaded()
    other.advance(44_000)
    assert other.group_state() == "Stable"
    other.advance(2_000)
    assert other.group_state() == "Empty"


def test_after_a_move_the_time_to_give_up_runs_anew(bench: ConsumerBench) -> None:
    bench.enter("m1", rebalance_ms=10_000)
    bench.enter("m2")
    bench.beat("m1", 2)
    other = bench.reloaded()
    other.advance(11_000)
    assert other.beat("m1", 2).error_code == UNKNOWN_MEMBER


# --- settings


def test_settings_of_the_group_hold() -> None:
    bench = ConsumerBench(configs=FakeConfigs(ConsumerConfig(50_000, 7_000, 0)))
    bench.topics.put("orders", 4)
    assert bench.enter("m1").heartbeat_interval_ms == 7_000
    assert bench.beat("m2", 0, topics=["orders"], owned={}, rebalance_ms=1000).member_epoch == 3, "no interval"
    bench.advance(49_000)
    assert bench.member("m1").member_epoch == 2
    bench.advance(2_000)
    assert bench.group_state() == "Empty"


def test_most_members_choose_the_assignor(bench: ConsumerBench) -> None:
    bench.enter("m1")
    assert bench.shown().assignor_name == "uniform"
    bench.enter("m2", assignor="range")
    assert bench.shown().assignor_name == "range"


# --- tools


def test_a_group_with_members_is_not_deleted(bench: ConsumerBench) -> None:
    bench.enter("m1")
    token = bench.token()
    bench.run(bench.machine.delete(token, "readers", bench.now_ms))
    assert bench.answers[token].error_code == 68
    bench.beat("m1", -1)
    token = bench.token()
    bench.run(bench.machine.delete(token, "readers", bench.now_ms))
    assert bench.answers[token].error_code == 0
    assert bench.shown().error_code == NOT_FOUND
    assert not bench.reloaded().machine.group_ids()


def test_an_empty_group_without_offsets_expires(bench: ConsumerBench) -> None:
    bench.enter("m1")
    bench.beat("m1", -1)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.shown().error_code == NOT_FOUND


def test_a_group_is_listed_with_its_type(bench: ConsumerBench) -> None:
    bench.enter("m1")
    listed = bench.machine.list(bench.now_ms)
    assert [(one.group_id, one.protocol_type, one.group_state, one.group_type) for one in listed] == [
        ("readers", "consumer", "Stable", "consumer")
    ]
    described = bench.machine.describe("readers", 6, bench.now_ms)
    assert (described.error_code, described.error_message) == (NOT_FOUND, "Group readers is not a classic group.")


def test_members_are_described_in_the_order_of_kafkas_table(bench: ConsumerBench) -> None:
    bench.enter("member-1")
    bench.enter("member-2")
    assert [one.member_id for one in bench.shown().members] == ["member-2", "member-1"]


def test_groups_are_listed_in_the_order_of_kafkas_table(bench: ConsumerBench) -> None:
    bench.enter("m1", group="grp-1")
    bench.enter("m2", group="grp-4")
    assert [one.group_id for one in bench.machine.list(bench.now_ms)] == ["grp-4", "grp-1"]
