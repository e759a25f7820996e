"""Uniform: as many partitions for each member, and as few moves as that allows. The default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ottla.coordinator.group.assignors.member import (
    Wants,
    in_java_order,
    partitions_in_java_order,
    topics_in_java_order,
)
from ottla.coordinator.group.assignors.uniform_mixed import assign_mixed
from ottla.coordinator.group.consumer_member import Target


def assign_uniform(members: Sequence[Wants], partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """Two ways: one for members that all want the same, which is most groups, and one for all others."""
    if not members:
        return {}
    wanted = members[0].topics
    if all(one.topics == wanted for one in members):
        return _assign_alike(
            in_java_order(members), {topic_id: count for topic_id, count in partitions.items() if topic_id in wanted}
        )
    return assign_mixed(members, partitions)


def _assign_alike(members: list[Wants], partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """Each keeps what it has up to its share; what is left goes to those below theirs, in order."""
    topic_ids = topics_in_java_order(list(partitions))
    taken = {(topic_id, partition) for one in members for topic_id, held in one.target.items() for partition in held}
    free = [
        (topic_id, index)
        for topic_id in topic_ids
        for index in range(partitions[topic_id])
        if (topic_id, index) not in taken
    ]
    share, extra = divmod(sum(partitions.values()), len(members))
    found: dict[str, dict[bytes, list[int]]] = {}
    room: dict[str, int] = {}
    for one in members:
        left = share + (extra > 0)  # one more than the share, for those that have it already while there are any
        kept: dict[bytes, list[int]] = {}
        for topic_id in topics_in_java_order(one.target):
            for partition in partitions_in_java_order(one.target[topic_id]):
                if topic_id not in partitions or partition >= partitions[topic_id]:
                    continue
                if left:
                    left -= 1
                    kept.setdefault(topic_id, []).append(partition)
                else:
                    free.append((topic_id, partition))
        found[one.member_id] = kept
        if extra and not left:
            extra -= 1
        else:
            room[one.member_id] = left - (extra > 0)
    rest = iter(free)
    for number, (member_id, count) in enumerate(room.items()):
        count += number >= len(room) - extra  # what is over goes to the last ones
        for _, (topic_id, partition) in zip(range(count), rest, strict=False):
            found[member_id].setdefault(topic_id, []).append(partition)
    return {
        member_id: {topic_id: tuple(sorted(held)) for topic_id, held in kept.items()}
        for member_id, kept in found.items()
    }
