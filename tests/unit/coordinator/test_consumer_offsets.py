"""Who may commit and fetch offsets of a consumer group, as Kafka 4.3.1 was seen to answer."""

from __future__ import annotations

import pytest

from ottla.common.errors import KafkaError
from ottla.common.names import TopicPartition
from ottla.coordinator.group.machine import CommitRequest
from ottla.coordinator.group.offsets import Committed
from ottla.coordinator.outcome import Author
from tests.unit.coordinator.consumer_bench import ConsumerBench
from tests.unit.coordinator.harness import GROUP

ILLEGAL, UNKNOWN, UNSUPPORTED, STALE, SUBSCRIBED = 22, 25, 35, 113, 86


@pytest.fixture
def bench() -> ConsumerBench:
    """m1 and m2 share a topic of four partitions; m1 came first and has moved from epoch 2 to 3."""
    bench = ConsumerBench()
    bench.topics.put("orders", 4)
    bench.topics.put("bills", 1)
    bench.enter("m1")
    bench.enter("m2")
    bench.beat("m1", 2)
    bench.beat("m1", 2, owned={"orders": [0, 1]})
    bench.beat("m2", 3)
    return bench


def fetch(bench: ConsumerBench, member_id: str | None, epoch: int) -> int:
    """The error code of the group."""
    token = bench.token()
    bench.run(bench.machine.read_offsets(token, GROUP, member_id, epoch))
    answer = bench.answers[token]
    return answer.code if isinstance(answer, KafkaError) else 0


def test_a_member_commits_at_its_epoch(bench: ConsumerBench) -> None:
    assert bench.commit_as("m1", 3) == [0]
    assert bench.commit_as("m1", 3, topic="bills") == [0], "also what is not its own"
    assert bench.commit_as("m1", 3, version=8) == [UNSUPPORTED]


@pytest.mark.parametrize("epoch", [-1, 0, 1, 4, 9])
def test_no_other_epoch_commits(bench: ConsumerBench, epoch: int) -> None:
    assert bench.commit_as("m1", epoch) == [STALE]


def test_an_earlier_epoch_commits_what_the_member_has_had_since(bench: ConsumerBench) -> None:
    """KIP-1251: a commit that a heartbeat overtook. One partition that is another's, and nothing is stored."""
    assert bench.commit_as("m1", 2, 0, 1) == [0, 0]
    assert bench.commit_as("m1", 2, 0, 2) == [STALE, STALE]
    assert bench.commit_as("m1", 2, topic="bills") == [STALE]
    assert bench.commit_as("m2", 2, 2) == [STALE], "it got this one at epoch 3"


def test_a_member_that_came_by_joining_commits_what_it_has_had_since(bench: ConsumerBench) -> None:
    """The same for a client of the classic protocol, which is told so in its own words."""
    generation = bench.classic_enter("m1").generation_id
    assert bench.commit_as("m1", 2, 0, 1) == [0, 0]
    assert bench.commit_as("m1", 2, 0, 2) == [ILLEGAL, ILLEGAL]
    assert bench.commit_as("m1", generation + 1, 0) == [ILLEGAL]


def test_what_a_member_gives_up_it_may_still_commit(bench: ConsumerBench) -> None:
    bench.enter("m3")
    told = bench.beat("m1", 3)
    assert bench.given(told) != {"orders": [0, 1]}
    assert bench.commit_as("m1", 3, 0, 1) == [0, 0]


def test_a_fenced_member_commits_nothing(bench: ConsumerBench) -> None:
    bench.advance(46_000)
    bench.enter("m9")
    assert bench.commit_as("m1", 3) == [UNKNOWN]
    assert bench.committed("orders") is None


def test_commits_without_a_member_need_an_empty_group(bench: ConsumerBench) -> None:
    assert bench.commit_as("", -1) == [UNKNOWN]
    assert bench.commit_as("", 3) == [UNKNOWN]
    for member_id in ("m1", "m2"):
        bench.beat(member_id, -1)
    assert bench.commit_as("", -1, version=8) == [0]
    assert bench.commit_as("m1", -1) == [0]
    assert bench.commit_as("m1", 3) == [UNKNOWN]


def test_a_member_fetches_at_its_epoch(bench: ConsumerBench) -> None:
    assert fetch(bench, "m1", 3) == 0
    assert fetch(bench, "m1", 2) == STALE
    assert fetch(bench, "m1", 9) == STALE
    assert fetch(bench, "mx", 3) == UNKNOWN
    assert fetch(bench, "", -1) == UNKNOWN


def test_a_tool_fetches_without_a_member(bench: ConsumerBench) -> None:
    assert fetch(bench, None, -1) == 0


def test_offsets_of_a_subscribed_topic_are_not_deleted(bench: ConsumerBench) -> None:
    bench.commit_as("m1", 3)
    bench.commit_as("m1", 3, topic="bills")
    orders, bills = TopicPartition("orders", 0), TopicPartition("bills", 0)
    token = bench.token()
    bench.run(bench.machine.delete_offsets(token, GROUP, [orders, bills], bench.now_ms))
    assert bench.answers[token] == {orders: SUBSCRIBED, bills: 0}
    assert list(bench.machine.offsets.of(GROUP)) == [orders]


def test_offsets_of_a_subscribed_topic_do_not_expire(bench: ConsumerBench) -> None:
    bench.commit_as("m1", 3)
    bench.commit_as("m1", 3, topic="bills")
    bench.now_ms += bench.limits.offsets_retention_ms
    bench.run(bench.machine.expire(bench.now_ms))
    assert list(bench.machine.offsets.of(GROUP)) == [TopicPartition("orders", 0)]


def test_offsets_of_an_empty_group_expire_by_their_age(bench: ConsumerBench) -> None:
    bench.commit_as("m1", 3)
    bench.advance(60_000)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed("orders") == 5
    bench.now_ms += bench.limits.offsets_retention_ms
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed("orders") is None
    assert not bench.machine.group_ids()


@pytest.mark.parametrize(
    ("member", "epoch", "code"),
    [("m1", 3, 0), ("", -1, 0), ("m1", 2, 22), ("m1", 4, 22), ("stranger", 3, UNKNOWN), ("", 3, UNKNOWN)],
)
def test_a_transactional_commit_checks_whoever_it_names(
    bench: ConsumerBench, member: str, epoch: int, code: int
) -> None:
    """KIP-447; a stale epoch has the code of the old protocol, which is all that TxnOffsetCommit knows."""
    token = bench.token()
    place = TopicPartition("orders", 0)
    request = CommitRequest(GROUP, member, None, epoch, {place: Committed(7, -1, "", bench.now_ms)})
    bench.run(bench.machine.commit_transactional(token, request, Author(5, 0), bench.now_ms))
    assert bench.answers[token] == {place: code}
