"""Subscriptions by pattern: when they are resolved, and against which topics."""

from __future__ import annotations

import pytest

from tests.unit.coordinator.consumer_bench import ConsumerBench


@pytest.fixture
def bench() -> ConsumerBench:
    bench = ConsumerBench()
    bench.topics.put("orders", 2)
    bench.topics.put("orders-old", 1)
    bench.topics.put("bills", 1)
    return bench


def patterns(bench: ConsumerBench) -> dict[str, tuple[str, ...]]:
    group = bench.machine.consumers.get("readers")
    assert group is not None
    return {pattern: resolved.topics for pattern, resolved in group.patterns.items()}


def test_a_pattern_is_resolved_behind_the_answer_to_the_join(bench: ConsumerBench) -> None:
    first = bench.enter("m1", pattern="orders.*")
    assert (first.error_code, first.member_epoch, bench.given(first)) == (0, 1, {})
    second = bench.beat("m1", 1)
    assert (second.member_epoch, bench.given(second)) == (2, {"orders": [0, 1], "orders-old": [0]})


def test_the_whole_name_must_match(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders")
    assert bench.given(bench.beat("m1", 1)) == {"orders": [0, 1]}


def test_a_pattern_that_matches_nothing_moves_no_epoch(bench: ConsumerBench) -> None:
    first = bench.enter("m1", ["orders"], pattern="nothing.*")
    assert patterns(bench) == {"nothing.*": ()}
    group = bench.machine.consumers.get("readers")
    assert group is not None and group.epoch == first.member_epoch


def test_names_and_a_pattern_go_together(bench: ConsumerBench) -> None:
    bench.enter("m1", ["bills"], pattern="orders")
    bench.settle("m1")
    assert bench.holding("m1") == {"bills": [0], "orders": [0, 1]}


def test_topics_that_the_member_may_not_see_stay_out(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders.*", may_describe=lambda name: name != "orders-old")
    assert patterns(bench) == {"orders.*": ("orders",)}


def test_a_new_topic_is_found_by_the_pattern_but_not_within_ten_seconds(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders.*")
    bench.beat("m1", 1)
    bench.topics.put("orders-new", 1)
    bench.change_topics("orders-new")
    bench.now_ms += 9_000
    bench.beat("m1", 2)
    assert bench.group_epochs() == (2, 2)
    bench.now_ms += 2_000
    bench.beat("m1", 2)
    assert bench.group_epochs() == (3, 2), "resolved; the member hears of it with its next heartbeat"
    assert bench.given(bench.beat("m1", 2)) == {"orders": [0, 1], "orders-new": [0], "orders-old": [0]}


def test_without_new_topics_a_pattern_is_resolved_every_ten_minutes(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders.*")
    bench.beat("m1", 1)
    before = len(bench.log)
    bench.now_ms += 599_000
    bench.beat("m1", 2)
    assert len(bench.log) == before
    bench.now_ms += 2_000
    bench.beat("m1", 2)
    assert len(bench.log) == before + 1, "written again with its time, but nothing changed"
    assert bench.group_epochs() == (2, 2)


def test_a_second_member_with_the_same_pattern_shares_at_once(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders")
    bench.beat("m1", 1)
    second = bench.enter("m2", pattern="orders")
    assert second.member_epoch == 3
    bench.settle("m1", "m2")
    assert (bench.holding("m1"), bench.holding("m2")) == ({"orders": [0]}, {"orders": [1]})


def test_a_pattern_that_nobody_has_any_more_is_forgotten(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders")
    bench.enter("m2", pattern="orders")
    bench.beat("m1", -1)
    assert patterns(bench) == {"orders": ("orders",)}
    assert bench.beat("m2", bench.member("m2").member_epoch, pattern="", topics=["bills"]).error_code == 0
    assert not patterns(bench)
    bench.settle("m2")
    assert bench.holding("m2") == {"bills": [0]}


def test_a_wrong_pattern_of_a_member_changes_nothing(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders")
    before = len(bench.log)
    assert bench.beat("m1", 1, pattern="(").error_code == 128
    assert len(bench.log) == before


def test_a_topic_that_came_while_the_coordinator_moved_is_found_by_the_new_one(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders.*")
    bench.beat("m1", 1)
    bench.topics.put("orders-new", 1)
    other = bench.reloaded()
    other.now_ms += 11_000
    other.beat("m1", 2)
    assert other.given(other.beat("m1", 2)) == {"orders": [0, 1], "orders-new": [0], "orders-old": [0]}


def test_a_pattern_survives_the_coordinator(bench: ConsumerBench) -> None:
    bench.enter("m1", pattern="orders.*")
    other = bench.reloaded()
    assert patterns(other) == patterns(bench)
    assert other.given(other.beat("m1", 1)) == {"orders": [0, 1], "orders-old": [0]}


def test_another_pattern_makes_one_epoch_when_its_topics_are_known(bench: ConsumerBench) -> None:
    bench.topics.put("bills", 1)
    bench.enter("m1", pattern="orders.*")
    bench.beat("m1", 1)
    epoch = bench.shown().group_epoch
    answer = bench.beat("m1", epoch, pattern="bills.*", owned={"orders": [0, 1, 2, 3]})
    assert (answer.member_epoch, bench.given(answer)) == (epoch, {}), "gives up at once what it wants no more"
    assert bench.shown().group_epoch == epoch, "nobody knows yet what it wants"
    bench.beat("m1", epoch, owned={})
    assert bench.shown().group_epoch == epoch + 1
    assert patterns(bench) == {"bills.*": ("bills",)}
