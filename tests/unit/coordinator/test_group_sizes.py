"""What a group's record cannot hold is refused before it is kept; the codes are those that Kafka 4.3.1 answers."""

from __future__ import annotations

from ottla.common.errors import GroupMaxSizeReached, UnknownServerError
from ottla.common.names import TopicPartition
from ottla.coordinator.group.limits import Caller, GroupLimits
from ottla.coordinator.group.machine import CommitRequest
from ottla.coordinator.group.offsets import Committed
from tests.unit.coordinator.consumer_bench import ConsumerBench
from tests.unit.coordinator.harness import GROUP, Bench

LIMITS = GroupLimits(group_initial_rebalance_delay_ms=0, record_max_bytes=10_000)


def code(bench: Bench, token: int) -> int:
    found: int = bench.answers[token].error_code
    return found


def test_a_member_that_no_record_can_hold_is_refused_and_nothing_of_it_is_kept() -> None:
    bench = Bench(LIMITS)
    token = bench.join(version=3, protocols={"range": bytes(10_000)})
    assert code(bench, token) == UnknownServerError.code
    assert bench.machine.member_bytes() == 0 and not bench.log
    token = bench.join(version=3, protocols={"range": bytes(9_000)})
    bench.advance(0)
    assert code(bench, token) == 0


def test_many_protocols_count_with_their_names() -> None:
    bench = Bench(LIMITS)
    names = {f"protocol-{index:05}": b"" for index in range(1000)}
    assert code(bench, bench.join(version=3, protocols=names)) == UnknownServerError.code


def test_all_members_of_a_group_share_its_record() -> None:
    bench = Bench(LIMITS)
    bench.stable(protocols={"range": bytes(6_000)})
    token = bench.join(version=3, protocols={"range": bytes(6_000)})
    assert code(bench, token) == UnknownServerError.code
    assert bench.state() == "Stable", "the group goes on as it was"


def test_a_member_that_joins_again_counts_once() -> None:
    bench = Bench(LIMITS)
    (member,) = bench.stable(protocols={"range": bytes(6_000)})
    token = bench.join(member, protocols={"range": bytes(6_001)})
    bench.advance(0)
    assert code(bench, token) == 0


def test_an_assignment_that_no_record_can_hold_is_refused_and_all_join_again() -> None:
    bench = Bench(LIMITS)
    joined = [bench.new_member() for _ in range(2)]
    bench.advance(0)
    leader, follower = (member for _, member in joined)
    waiting = bench.sync(follower, 1)
    token = bench.sync(leader, 1, {leader: bytes(6_000), follower: bytes(6_000)})
    assert code(bench, token) == code(bench, waiting) == UnknownServerError.code
    assert bench.state() == "PreparingRebalance"
    assert bench.machine.member_bytes() < 1000


def test_a_commit_that_no_batch_can_hold_is_refused_for_each_partition() -> None:
    bench = Bench(LIMITS)
    offsets = {TopicPartition("t", index): Committed(1, -1, "m" * 100, bench.now_ms) for index in range(1000)}
    token = bench.token()
    request = CommitRequest(GROUP, "", None, -1, offsets)
    bench.run(bench.machine.commit(token, request, Caller(9, "c", "/h"), bench.now_ms))
    assert set(bench.answers[token].values()) == {UnknownServerError.code}
    assert bench.committed("t") is None


def test_a_subscription_that_no_record_can_hold_is_refused() -> None:
    bench = ConsumerBench(LIMITS)
    answer = bench.beat("m1", 0, topics=[f"topic-{index:05}" for index in range(1000)], owned={}, rebalance_ms=1000)
    assert answer.error_code == UnknownServerError.code
    assert bench.machine.consumers.get(GROUP) is None


def test_the_members_of_all_groups_have_a_limit_together_and_what_goes_makes_room() -> None:
    bench = Bench(LIMITS, most_member_bytes=20_000)
    tokens = [bench.join(version=3, group=f"g{index}", protocols={"range": bytes(8_000)}) for index in range(3)]
    bench.advance(0)
    assert [code(bench, token) for token in tokens] == [0, 0, GroupMaxSizeReached.code]
    assert bench.member_room.refused == 1
    bench.leave(bench.answers[tokens[0]].member_id, version=2, group="g0")
    bench.advance(1001)
    token = bench.join(version=3, group="g2", protocols={"range": bytes(8_000)})
    bench.advance(0)
    assert code(bench, token) == 0


def test_ids_that_nobody_joins_with_count_as_memory() -> None:
    bench = Bench(LIMITS, most_member_bytes=20_000)
    answers = [code(bench, bench.join(version=5)) for _ in range(200)]
    assert answers[0] == 79 and answers[-1] == GroupMaxSizeReached.code
