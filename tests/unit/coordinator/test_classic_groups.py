"""The rules of the classic group protocol, each as one test; codes are those that Kafka 4.3.1 answers."""

from __future__ import annotations

import pytest

from ottla.coordinator.group.limits import GroupLimits
from tests.unit.coordinator.harness import GROUP, Bench


def test_a_dynamic_member_is_first_given_an_id_and_then_joins() -> None:
    bench = Bench()
    first = bench.join(version=4, client_id="app")
    assert bench.answers[first].error_code == 79
    member_id = bench.answers[first].member_id
    assert member_id.startswith("app-")
    token = bench.join(member_id, version=4)
    bench.advance(0)
    answer = bench.answers[token]
    assert (answer.error_code, answer.generation_id, answer.leader) == (0, 1, member_id)
    assert [member.member_id for member in answer.members] == [member_id]


def test_below_version_4_a_member_joins_at_once() -> None:
    bench = Bench()
    token = bench.join(version=3)
    bench.advance(0)
    assert bench.answers[token].error_code == 0
    assert bench.answers[token].generation_id == 1


def test_a_static_member_needs_no_second_join_and_its_id_begins_with_the_instance() -> None:
    bench = Bench()
    token = bench.join(instance_id="shop-1")
    bench.advance(0)
    assert bench.answers[token].error_code == 0
    assert bench.answers[token].member_id.startswith("shop-1-")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"session_ms": 5_999}, 26),
        ({"session_ms": 1_800_001}, 26),
        ({"group": ""}, 24),
        ({"member_id": "never-seen"}, 25),
        ({"protocol_type": ""}, 23),
        ({"protocols": {}}, 23),
    ],
)
def test_a_join_that_cannot_be_is_refused(options: dict[str, object], code: int) -> None:
    bench = Bench()
    assert bench.answers[bench.join(**options)].error_code == code  # type: ignore[arg-type]


def test_a_member_without_a_common_protocol_is_refused() -> None:
    bench = Bench()
    bench.stable(protocols={"range": b"x"})
    assert bench.answers[bench.join(protocols={"sticky": b"x"})].error_code == 23
    assert bench.answers[bench.join(protocol_type="connect")].error_code == 23


def test_only_the_leader_is_told_the_members() -> None:
    bench = Bench()
    first, leader = bench.new_member()
    second, follower = bench.new_member()
    bench.advance(0)
    assert [one.member_id for one in bench.answers[first].members] == [leader, follower]
    assert bench.answers[second].members == []
    assert bench.answers[second].leader == leader


def test_the_protocol_with_most_votes_wins_among_those_that_all_support() -> None:
    bench = Bench()
    first, _ = bench.new_member(protocols={"a": b"1", "b": b"1", "c": b"1"})
    bench.new_member(protocols={"c": b"2", "b": b"2"})
    bench.new_member(protocols={"b": b"3", "c": b"3", "a": b"3"})
    bench.advance(0)
    assert bench.answers[first].protocol_name == "b"


def test_between_equal_votes_the_order_of_kafkas_table_decides() -> None:
    bench = Bench()
    first, _ = bench.new_member(protocols={"b": b"1", "a": b"1"})
    bench.new_member(protocols={"a": b"2", "b": b"2"})
    bench.advance(0)
    assert bench.answers[first].protocol_name == "a"


def test_followers_wait_for_the_leaders_assignment() -> None:
    bench = Bench()
    _, leader = bench.new_member()
    _, follower = bench.new_member()
    bench.advance(0)
    waiting = bench.sync(follower, 1)
    assert waiting not in bench.answers
    leading = bench.sync(leader, 1, {leader: b"L", follower: b"F"})
    assert bench.answers[waiting].assignment == b"F"
    assert bench.answers[leading].assignment == b"L"
    assert bench.state() == "Stable"


def test_a_sync_of_an_old_generation_or_of_a_stranger_is_refused() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    assert bench.answers[bench.sync(leader, 0)].error_code == 22
    assert bench.answers[bench.sync("stranger", 1)].error_code == 25
    assert bench.answers[bench.sync(leader, 1, protocol_name="other")].error_code == 23
    assert bench.answers[bench.sync(leader, 1, version=5)].error_code == 23


def test_a_sync_in_a_stable_group_repeats_the_assignment() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    assert bench.answers[bench.sync(leader, 1)].assignment == leader.encode()


def test_a_heartbeat_of_a_stale_generation_is_refused() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    assert bench.heartbeat(leader, 1) == 0
    assert bench.heartbeat(leader, 0) == 22
    assert bench.heartbeat(leader, 2) == 22
    assert bench.heartbeat("stranger", 1) == 25


def test_a_new_member_makes_the_others_rejoin() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    newcomer, _ = bench.new_member()
    assert bench.state() == "PreparingRebalance"
    assert bench.heartbeat(leader, 1) == 27
    rejoined = bench.join(leader)
    assert bench.answers[newcomer].generation_id == 2
    assert bench.answers[rejoined].generation_id == 2
    assert bench.answers[rejoined].leader == leader


def test_who_does_not_rejoin_within_the_rebalance_timeout_is_out() -> None:
    bench = Bench()
    (leader,) = bench.stable(session_ms=300_000, rebalance_ms=20_000)
    newcomer, member = bench.new_member(session_ms=300_000, rebalance_ms=20_000)
    bench.advance(19_999)
    assert newcomer not in bench.answers
    bench.advance(1)
    assert bench.answers[newcomer].leader == member
    assert bench.heartbeat(leader, 2) == 25


def test_a_silent_member_is_removed_after_its_session_timeout() -> None:
    bench = Bench()
    first, second = bench.stable(2)
    bench.advance(9_999)
    assert bench.heartbeat(first, 1) == 0
    bench.advance(1)
    assert bench.heartbeat(first, 1) == 27
    assert bench.heartbeat(second, 1) == 25


def test_heartbeats_keep_a_member_for_ever() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    for _ in range(50):
        bench.advance(9_000)
        assert bench.heartbeat(leader, 1) == 0


def test_an_id_that_was_given_out_and_not_used_lives_one_session() -> None:
    bench = Bench()
    first = bench.join()
    member_id = bench.answers[first].member_id
    bench.advance(10_000)
    assert bench.answers[bench.join(member_id)].error_code == 25


def test_members_that_join_and_never_sync_are_removed() -> None:
    bench = Bench()
    _, leader = bench.new_member(session_ms=600_000, rebalance_ms=30_000)
    _, follower = bench.new_member(session_ms=600_000, rebalance_ms=30_000)
    bench.advance(0)
    waiting = bench.sync(follower, 1)
    bench.advance(30_000)
    assert bench.answers[waiting].error_code == 27
    assert bench.heartbeat(leader, 1) == 25


def test_the_first_rebalance_waits_for_more_members_up_to_the_rebalance_timeout() -> None:
    bench = Bench(GroupLimits(group_initial_rebalance_delay_ms=3_000))
    first, _ = bench.new_member(rebalance_ms=8_000)
    bench.advance(2_000)
    bench.new_member(rebalance_ms=8_000)
    bench.advance(1_000)
    assert first not in bench.answers  # somebody came: wait three seconds more
    bench.advance(3_000)
    assert bench.answers[first].error_code == 0
    assert len(bench.answers[first].members) == 2


def test_a_member_that_rejoins_unchanged_gets_the_current_generation() -> None:
    bench = Bench()
    _, follower = bench.stable(2)
    answer = bench.answers[bench.join(follower)]
    assert (answer.error_code, answer.generation_id, answer.members) == (0, 1, [])
    assert bench.state() == "Stable"


def test_a_leader_that_rejoins_starts_a_new_generation() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    assert bench.answers[bench.join(leader)].generation_id == 2


def test_changed_metadata_starts_a_new_generation() -> None:
    bench = Bench()
    leader, follower = bench.stable(2)
    token = bench.join(follower, protocols={"range": b"other topics"})
    assert token not in bench.answers
    bench.join(leader)
    assert bench.answers[token].generation_id == 2


def test_leaving_frees_the_partitions_at_once() -> None:
    bench = Bench()
    leader, follower = bench.stable(2)
    answer = bench.leave(follower)
    assert answer.error_code == 0
    assert [member.error_code for member in answer.members] == [0]
    assert bench.heartbeat(leader, 1) == 27


def test_the_last_member_to_leave_empties_the_group() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    bench.leave(leader, version=2)
    assert bench.state() == "Empty"
    assert bench.reloaded().state() == "Empty"


def test_leaving_is_answered_for_each_member() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    answer = bench.leave("stranger", leader)
    assert [member.error_code for member in answer.members] == [25, 0]
    unknown = bench.leave("anyone", group="no such group")
    assert unknown.error_code == 0
    assert [member.error_code for member in unknown.members] == [25]
    assert bench.leave("anyone", group="no such group", version=2).error_code == 25


def test_a_static_member_leaves_by_its_instance_id_alone() -> None:
    bench = Bench()
    bench.join(instance_id="shop-1")
    bench.advance(0)
    assert bench.leave("", instance_id="shop-1").members[0].error_code == 0
    assert bench.leave("", instance_id="shop-1").members[0].error_code == 25


def test_a_static_member_that_returns_keeps_generation_and_assignment() -> None:
    bench = Bench()
    first = bench.join(instance_id="shop-1", version=9)
    bench.advance(0)
    old = bench.answers[first].member_id
    bench.sync(old, 1, {old: b"mine"}, instance_id="shop-1")
    again = bench.answers[bench.join(instance_id="shop-1", version=9)]
    assert again.error_code == 0
    assert again.member_id != old
    assert (again.generation_id, again.skip_assignment, again.leader) == (1, True, again.member_id)
    assert bench.answers[bench.sync(again.member_id, 1, instance_id="shop-1")].assignment == b"mine"
    assert bench.heartbeat(old, 1, instance_id="shop-1") == 82
    assert bench.heartbeat(old, 1, instance_id="nobody") == 25
    assert bench.reloaded().heartbeat(again.member_id, 1, instance_id="shop-1") == 0


def test_a_static_member_that_returns_and_falls_silent_is_removed_after_its_session_timeout() -> None:
    bench = Bench()
    first = bench.join(instance_id="shop-1", version=9)
    bench.advance(0)
    bench.sync(bench.answers[first].member_id, 1, {}, instance_id="shop-1")
    bench.advance(3_000)  # its first session goes on
    again = bench.answers[bench.join(instance_id="shop-1", version=9)]
    bench.sync(again.member_id, 1, instance_id="shop-1")
    bench.advance(9_999)
    assert bench.state() == "Stable"
    bench.advance(1)
    assert bench.state() == "Empty"


def test_an_old_client_that_returns_as_static_leader_is_not_told_that_it_leads() -> None:
    bench = Bench()
    first = bench.join(instance_id="shop-1", version=8)
    bench.advance(0)
    old = bench.answers[first].member_id
    bench.sync(old, 1, {old: b"mine"}, instance_id="shop-1")
    again = bench.answers[bench.join(instance_id="shop-1", version=8)]
    assert (again.leader, again.members, again.skip_assignment) == (old, [], False)


def test_static_members_stay_in_the_group_while_it_rebalances_without_them() -> None:
    bench = Bench()
    first = bench.join(instance_id="shop-1", session_ms=600_000, rebalance_ms=10_000)
    bench.advance(0)
    member = bench.answers[first].member_id
    bench.sync(member, 1, {member: b"mine"}, instance_id="shop-1")
    newcomer, other = bench.new_member(session_ms=600_000, rebalance_ms=10_000)
    bench.advance(10_000)
    assert bench.answers[newcomer].leader == other  # the leader did not come; who came leads
    assert [one.member_id for one in bench.answers[newcomer].members] == [member, other]


def test_a_static_member_that_returns_keeps_the_client_that_it_came_with_first() -> None:
    bench = Bench()
    first = bench.join(instance_id="shop-1", client_id="one")
    bench.advance(0)
    bench.sync(bench.answers[first].member_id, 1, {}, instance_id="shop-1")
    bench.join(instance_id="shop-1", client_id="two")
    assert [one.client_id for one in bench.machine.describe(GROUP, 6, bench.now_ms).members] == ["one"]


def test_a_member_that_was_given_an_id_cannot_come_with_an_instance() -> None:
    bench = Bench()
    member_id = bench.answers[bench.join()].member_id
    refused = bench.answers[bench.join(member_id, instance_id="shop-1")]
    assert (refused.error_code, refused.member_id) == (-1, "")


def test_who_was_only_given_an_id_takes_no_place_in_a_full_group() -> None:
    bench = Bench(GroupLimits(group_initial_rebalance_delay_ms=0, group_max_size=2))
    bench.stable(1)
    waiting = [bench.answers[bench.join()] for _ in range(3)]
    assert [one.error_code for one in waiting] == [79, 79, 79]
    parked = [bench.join(one.member_id) for one in waiting[:2]]
    assert not any(token in bench.answers for token in parked)
    refused = bench.answers[bench.join(waiting[2].member_id)]
    assert (refused.error_code, refused.member_id) == (81, ""), "the first to join again stay"


def test_group_max_size_is_kept() -> None:
    bench = Bench(GroupLimits(group_initial_rebalance_delay_ms=0, group_max_size=2))
    bench.stable(2)
    assert bench.answers[bench.join()].error_code == 81


def test_members_survive_a_reload_and_have_one_session_to_show_up() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    other = bench.reloaded()
    assert other.heartbeat(leader, 1) == 0
    other.advance(10_000)
    assert other.heartbeat(leader, 1) == 25


def test_a_group_is_described_by_its_state() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    described = bench.machine.describe(GROUP, 6, bench.now_ms)
    assert (described.group_state, described.protocol_type, described.protocol_data) == ("Stable", "consumer", "range")
    assert described.members[0].member_assignment == leader.encode()
    assert bench.machine.describe("nobody", 6, bench.now_ms).error_code == 69
    below = bench.machine.describe("nobody", 5, bench.now_ms)
    assert (below.error_code, below.group_state) == (0, "Dead")


def test_only_an_empty_group_can_be_deleted() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    bench.commit(5, member_id=leader, generation=1)

    def delete() -> int:
        token = bench.token()
        bench.run(bench.machine.delete(token, GROUP, bench.now_ms))
        code: int = bench.answers[token].error_code
        return code

    assert delete() == 68
    bench.leave(leader)
    assert delete() == 0
    assert delete() == 69
    reloaded = bench.reloaded()
    assert reloaded.committed() is None
    assert reloaded.state() == "Dead"
