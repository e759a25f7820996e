"""What a group machine does when its log refuses records: that group goes back to its last record, all others stay."""

from __future__ import annotations

import pytest

from ottla.common.errors import RecordListTooLarge
from tests.unit.coordinator.harness import GROUP, Bench


def joined(bench: Bench, group: str) -> tuple[str, int]:
    token = bench.join(version=3, group=group)
    bench.advance(0)
    answer = bench.answers[token]
    return answer.member_id, answer.generation_id


def test_an_assignment_that_the_log_refuses_sends_its_members_back_to_join_and_touches_no_other_group() -> None:
    bench = Bench()
    other, _ = joined(bench, "others")
    member, generation = joined(bench, GROUP)
    bench.commit(7, group="somebody")
    bench.refuse = RecordListTooLarge()
    token = bench.sync(member, generation, {member: b"mine"})
    assert bench.answers[token] is bench.refuse
    bench.refuse = None
    assert bench.heartbeat(member, generation) == 25  # as after a failover: join again
    assert bench.committed(group="somebody") == 7
    again, generation = joined(bench, GROUP)
    token = bench.sync(again, generation, {again: b"mine"})
    assert (bench.answers[token].error_code, bench.answers[token].assignment) == (0, b"mine")
    assert [one.member_id for one in bench.machine.describe("others", 5, bench.now_ms).members] == [other]


def test_who_waits_for_an_assignment_that_was_refused_is_answered() -> None:
    bench = Bench()
    tokens = [bench.join(version=3, instance_id=name) for name in ("one", "two")]
    bench.advance(0)
    (first, second) = (bench.answers[token] for token in tokens)
    leader, follower = (first, second) if first.leader == first.member_id else (second, first)
    waiting = bench.sync(follower.member_id, follower.generation_id)
    assert waiting not in bench.answers
    bench.refuse = RecordListTooLarge()
    bench.sync(leader.member_id, leader.generation_id, {})
    assert waiting in bench.answers


def test_a_commit_that_the_log_refuses_leaves_the_group_as_it_is() -> None:
    bench = Bench()
    member, generation = joined(bench, GROUP)
    bench.sync(member, generation, {member: b"mine"})
    bench.commit(7, member_id=member, generation=generation)
    bench.refuse = RecordListTooLarge()
    with pytest.raises(TypeError):  # the answer is the error itself
        bench.commit(8, member_id=member, generation=generation)
    assert (bench.committed(), bench.heartbeat(member, generation)) == (7, 0)
