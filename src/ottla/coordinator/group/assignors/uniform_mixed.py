"""Uniform for members that want different topics: stay where possible, then fill, then even out topic by topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ottla.coordinator.group.assignors.member import Wants, in_java_order
from ottla.coordinator.group.consumer_member import Target

_ROUNDS = 16
"""Evening out ends by itself, or here: a chain of overlapping subscriptions may take many rounds for little."""


def assign_mixed(members: Sequence[Wants], partitions: Mapping[bytes, int]) -> dict[str, Target]:
    return _Mixed(in_java_order(members), partitions).assign()


class _Mixed:
    """Members stand at their index; `owner` has an index or None for each partition of each topic."""

    def __init__(self, members: list[Wants], partitions: Mapping[bytes, int]) -> None:
        self._members = members
        self._takers = {
            topic_id: [index for index, one in enumerate(members) if topic_id in one.topics] for topic_id in partitions
        }
        self._topics = sorted(
            (topic_id for topic_id in partitions if self._takers[topic_id]), key=self._rank(partitions)
        )
        self._owner: dict[bytes, list[int | None]] = {
            topic_id: [None] * partitions[topic_id] for topic_id in self._topics
        }
        self._sizes = [0] * len(members)

    def _rank(self, partitions: Mapping[bytes, int]) -> Callable[[bytes], tuple[float, int, tuple[int, int]]]:
        """Topics with the most partitions for each taker come first, then those with few takers."""

        def rank(topic_id: bytes) -> tuple[float, int, tuple[int, int]]:
            takers = len(self._takers[topic_id])
            return -partitions[topic_id] / takers, takers, _java_order(topic_id)

        return rank

    def assign(self) -> dict[str, Target]:
        self._keep()
        for topic_id in self._topics:
            self._fill(topic_id)
        shared = [topic_id for topic_id in self._topics if len(self._takers[topic_id]) > 1]
        for _ in range(_ROUNDS):
            moved = [self._even_out(topic_id) for topic_id in shared]
            if not any(moved):
                break
        return self._targets()

    def _keep(self) -> None:
        for index, one in enumerate(self._members):
            for topic_id in one.target:
                if topic_id not in one.topics:
                    continue
                for partition in one.target[topic_id]:
                    if partition < len(self._owner[topic_id]):
                        self._give(topic_id, partition, index)

    def _fill(self, topic_id: bytes) -> None:
        order = self._by_load(topic_id)
        for partition, owner in enumerate(self._owner[topic_id]):
            if owner is None:
                self._give(topic_id, partition, self._least(order))

    def _even_out(self, topic_id: bytes) -> int:
        """Moves partitions from the fullest takers to the emptiest ones; how many."""
        order = self._by_load(topic_id)
        movable: dict[int, list[int]] = {}
        for partition, owner in enumerate(self._owner[topic_id]):
            if owner is not None:
                movable.setdefault(owner, []).append(partition)
        moved = 0
        while True:
            givers = [(self._sizes[index], place, index) for place, index in enumerate(order) if movable.get(index)]
            if not givers:
                return moved
            giver = max(givers)[2]
            taker = self._least(order)
            if self._sizes[giver] - self._sizes[taker] <= 1:
                return moved
            self._give(topic_id, movable[giver].pop(), taker)
            moved += 1

    def _by_load(self, topic_id: bytes) -> list[int]:
        return sorted(self._takers[topic_id], key=lambda index: (self._sizes[index], index))

    def _least(self, order: list[int]) -> int:
        """Of those in `order`, which decides between equals."""
        return min(enumerate(order), key=lambda one: (self._sizes[one[1]], one[0]))[1]

    def _give(self, topic_id: bytes, partition: int, index: int) -> None:
        before = self._owner[topic_id][partition]
        if before is not None:
            self._sizes[before] -= 1
        self._owner[topic_id][partition] = index
        self._sizes[index] += 1

    def _targets(self) -> dict[str, Target]:
        found: dict[str, dict[bytes, list[int]]] = {one.member_id: {} for one in self._members}
        for topic_id, owners in self._owner.items():
            for partition, index in enumerate(owners):
                if index is not None:
                    found[self._members[index].member_id].setdefault(topic_id, []).append(partition)
        return {
            member_id: {topic_id: tuple(held) for topic_id, held in topics.items()}
            for member_id, topics in found.items()
        }


def _java_order(topic_id: bytes) -> tuple[int, int]:
    """Java compares uuids by their two halves as signed numbers."""
    return int.from_bytes(topic_id[:8], "big", signed=True), int.from_bytes(topic_id[8:], "big", signed=True)
