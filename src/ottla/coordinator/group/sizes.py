"""How large groups are, in bytes: what members send is kept in memory, and written as one record for each group.

Estimates of what a record takes, a little above the truth, made before anything is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ottla.coordinator.group.classic_group import ClassicGroup, Protocols

if TYPE_CHECKING:
    from ottla.common.names import TopicPartition
    from ottla.coordinator.group.consumer_group import ConsumerGroup
    from ottla.coordinator.group.offsets import Committed

MEMBER_BYTES = 150
"""Of a member in a record, besides what it sends: its ids, its host, its timeouts."""
_PENDING_BYTES = 300
"""Of an id that was given out, in memory: the id, its timer."""
_OFFSET_BYTES = 64


def protocols_bytes(protocols: Iterable[tuple[str, bytes]]) -> int:
    return MEMBER_BYTES + sum(len(name) + len(metadata) for name, metadata in protocols)


def group_bytes(group: ClassicGroup) -> int:
    """Of all that the members of a group have sent."""
    return sum(MEMBER_BYTES + member.sent_bytes + len(member.assignment) for member in group.members.values())


def memory_bytes(group: ClassicGroup) -> int:
    """The same with the ids that nobody has joined with yet."""
    return group_bytes(group) + _PENDING_BYTES * len(group.pending_joins)


def consumer_bytes(group: ConsumerGroup) -> int:
    """What the members of a consumer group subscribe to."""
    return sum(subscription_bytes(member.topics) for member in group.members.values())


def subscription_bytes(topics: Collection[str]) -> int:
    """Of a member that subscribes to these topics."""
    return MEMBER_BYTES + sum(map(len, topics)) + 4 * len(topics)


def bytes_with(group: ClassicGroup | None, member_id: str, instance_id: str | None, protocols: Protocols) -> int:
    """Of the group once this member has joined, with these protocols in place of those that it had."""
    size = protocols_bytes(protocols)
    if group is None:
        return size
    known = group.members.get(member_id or group.static.get(instance_id or "", ""))
    return size + group_bytes(group) - (0 if known is None else known.sent_bytes + MEMBER_BYTES)


def record_bytes(group: ClassicGroup, assignments: Iterable[bytes]) -> int:
    """Of the record of a generation with these assignments."""
    sent = sum(len(member.metadata(group.protocol)) + MEMBER_BYTES for member in group.members.values())
    return sent + sum(map(len, assignments))


def offsets_bytes(group_id: str, offsets: dict[TopicPartition, Committed]) -> int:
    """Of the records of a commit, which are written as one batch."""
    fixed = _OFFSET_BYTES + len(group_id)
    return sum(fixed + len(partition.topic) + len(one.metadata) for partition, one in offsets.items())
