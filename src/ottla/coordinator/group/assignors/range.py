"""Range: each topic by itself, in runs of neighbouring partitions; equal topics fall to the same member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ottla.coordinator.group.assignors.member import Wants
from ottla.coordinator.group.consumer_member import Target


def assign_range(members: Sequence[Wants], partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """Static members come first, by instance id, then the others by member id; the first ones get one more."""
    ordered = sorted(
        members, key=lambda one: (one.instance_id is None, one.instance_id or "", one.member_id)
    )  # an id that lives longer keeps its place, and so its partitions
    found: dict[str, dict[bytes, tuple[int, ...]]] = {one.member_id: {} for one in ordered}
    for topic_id, count in partitions.items():
        takers = [one.member_id for one in ordered if topic_id in one.topics]
        if not takers:
            continue
        share, extra = divmod(count, len(takers))
        start = 0
        for index, member_id in enumerate(takers):
            end = start + share + (index < extra)
            if end > start:
                found[member_id][topic_id] = tuple(range(start, end))
            start = end
    return dict(found)
