"""The assignors of the server: pinned to what Kafka 4.3.1 answered, and what must hold whatever the group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.coordinator.group.assignors import ASSIGNORS, Wants
from ottla.coordinator.group.consumer_member import Target

ONE = bytes(15) + b"\1"

# Each step: who is in the group, and what each shall have then; one topic. Observed with uniform on 4.3.1.
OBSERVED = {
    21: [
        {"c": [*range(21)]},
        {"b": [*range(11, 21)], "c": [*range(11)]},
        {"b": [11, 12, 16, 17, 18, 19, 20], "c": [*range(7)], "e": [7, 8, 9, 10, 13, 14, 15]},
        {"a": [5, 6, 12, 14, 15], "b": [11, 16, 17, 18, 19, 20], "c": [0, 1, 2, 3, 4], "e": [7, 8, 9, 10, 13]},
        {"a": [5, 6, 12, 14, 15], "b": [16, 17, 18, 19], "c": [0, 1, 2, 3], "d": [4, 11, 13, 20], "e": [7, 8, 9, 10]},
        {"a": [5, 6, 12, 14, 15], "c": [0, 1, 2, 3, 16], "d": [4, 11, 13, 17, 20], "e": [7, 8, 9, 10, 18, 19]},
        {"a": [4, 5, 6, 11, 12, 14, 15], "c": [0, 1, 2, 3, 13, 16, 17], "e": [7, 8, 9, 10, 18, 19, 20]},
        {"a": [4, 5, 6, 7, 8, 9, 11, 12, 14, 15], "c": [0, 1, 2, 3, 10, 13, 16, 17, 18, 19, 20]},
    ],
    12: [
        {"a": [0, 1], "b": [6, 7], "c": [3, 9], "g": [2, 8], "h": [10, 11], "i": [4, 5]},
        {"a": [0, 1], "b": [6, 7], "c": [3, 9], "g": [2, 8, 10], "i": [4, 5, 11]},
        {"a": [0, 1, 2], "b": [6, 7, 8], "c": [3, 9, 10], "i": [4, 5, 11]},
        {"a": [0, 1, 2, 3], "b": [6, 7, 8, 9], "i": [4, 5, 10, 11]},
        {"a": [0, 1, 2, 3, 6, 7], "i": [4, 5, 8, 9, 10, 11]},
    ],
    7: [
        {"d": [0, 1, 2, 3], "i": [4, 5, 6]},
        {"c": [3, 6], "d": [0, 1, 2], "i": [4, 5]},
        {"c": [3, 6], "d": [0, 1], "h": [2], "i": [4, 5]},
        {"c": [3, 6], "d": [0, 1], "e": [5], "h": [2], "i": [4]},
        {"c": [3, 6], "d": [0, 1], "e": [5], "i": [2, 4]},
        {"c": [3, 6], "d": [0, 1], "e": [2, 4, 5]},
        {"c": [2, 3, 6], "d": [0, 1, 4, 5]},
    ],
}


@pytest.mark.parametrize("partitions", OBSERVED)
def test_uniform_moves_as_kafka_moves(partitions: int) -> None:
    steps = OBSERVED[partitions]
    before: dict[str, list[int]] = steps[0]
    for after in steps[1:]:
        wants = [Wants(one, None, frozenset({ONE}), {ONE: tuple(before.get(one, []))}) for one in sorted(after)]
        found = ASSIGNORS["uniform"](wants, {ONE: partitions})
        assert {one: list(target.get(ONE, ())) for one, target in found.items()} == after
        before = after


def test_range_gives_runs_and_static_members_come_first() -> None:
    wants = [
        Wants("b", None, frozenset({ONE}), {}),
        Wants("a", None, frozenset({ONE}), {}),
        Wants("z", "static", frozenset({ONE}), {}),
    ]
    assert ASSIGNORS["range"](wants, {ONE: 7}) == {"z": {ONE: (0, 1, 2)}, "a": {ONE: (3, 4)}, "b": {ONE: (5, 6)}}


def test_nobody_gets_what_there_is_not_enough_of() -> None:
    wants = [Wants(one, None, frozenset({ONE}), {}) for one in "abc"]
    assert sorted(map(len, ASSIGNORS["range"](wants, {ONE: 2}).values())) == [0, 1, 1]
    assert sorted(map(len, ASSIGNORS["uniform"](wants, {ONE: 2}).values())) == [0, 1, 1]


TOPICS = [bytes(15) + bytes([number]) for number in range(1, 4)]
GROUPS = st.dictionaries(
    st.sampled_from([f"m{number}" for number in range(7)]), st.frozensets(st.sampled_from(TOPICS)), min_size=1
)
COUNTS = st.fixed_dictionaries(dict.fromkeys(TOPICS, st.integers(1, 9)))


@given(st.sampled_from(sorted(ASSIGNORS)), st.lists(GROUPS, min_size=1, max_size=4), COUNTS)
def test_every_wanted_partition_has_one_owner_who_wants_it(
    name: str, groups: list[dict[str, frozenset[bytes]]], counts: dict[bytes, int]
) -> None:
    """However the group and its subscriptions change from one target to the next."""
    targets: dict[str, Target] = {}
    for group in groups:
        wants = [Wants(one, None, topics, targets.get(one, {})) for one, topics in group.items()]
        targets = ASSIGNORS[name](wants, counts)
        assert set(targets) == set(group)
        given = [(topic, index) for target in targets.values() for topic, held in target.items() for index in held]
        wanted = {topic for topics in group.values() for topic in topics}
        assert sorted(given) == sorted((topic, index) for topic in wanted for index in range(counts[topic]))
        assert all(set(target) <= group[one] for one, target in targets.items())


@given(st.lists(st.frozensets(st.sampled_from("abcdefg"), min_size=1), min_size=1, max_size=5), st.integers(1, 20))
def test_uniform_is_even_and_moves_no_more_than_it_must(groups: list[frozenset[str]], partitions: int) -> None:
    targets: dict[str, Target] = {}
    for group in groups:
        wants = [Wants(one, None, frozenset({ONE}), targets.get(one, {})) for one in sorted(group)]
        after = ASSIGNORS["uniform"](wants, {ONE: partitions})
        sizes = [len(target.get(ONE, ())) for target in after.values()]
        assert max(sizes) - min(sizes) <= 1
        for one in group & set(targets):
            kept = set(targets[one].get(ONE, ())) & set(after[one].get(ONE, ()))
            assert len(kept) >= min(len(targets[one].get(ONE, ())), partitions // len(group)), "moved without need"
        targets = after
