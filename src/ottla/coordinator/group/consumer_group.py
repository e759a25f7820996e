"""A consumer group (KIP-848) as its records tell it: epochs, members, the target, and who owns which partition.

Everything here is durable and changed by `replay` alone. Invariants: `owners` holds each partition that a member has or
is giving up, once; `static`, `topic_counts` and `pattern_counts` are derived from `members`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from ottla.coordinator.group.consumer_member import Member, Owned, Target
from ottla.protocol.logs.consumer_offsets import (
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
    ConsumerGroupPartitionMetadataKey,
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue,
    ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.message import Message

FIRST_EPOCH = 1
"""Of a new group and its empty target: the first change makes it 2 (observed)."""
NEVER = -1


class ConsumerState(Enum):
    """What tools see; computed."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


class Resolved(NamedTuple):
    """The topics that matched a pattern, at which metadata offset and when."""

    topics: tuple[str, ...]
    version: int
    at_ms: int


class ConsumerGroup:
    """See the module."""

    __slots__ = (
        "epoch", "group_id", "members", "metadata_hash", "owners", "pattern_counts", "patterns", "static", "target",
        "target_epoch", "target_ms", "topic_counts",
    )  # fmt: skip

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.epoch = FIRST_EPOCH
        self.metadata_hash = 0
        self.members: dict[str, Member] = {}
        self.static: dict[str, str] = {}
        self.target: dict[str, Target] = {}
        self.target_epoch = FIRST_EPOCH
        self.target_ms = NEVER
        self.patterns: dict[str, Resolved] = {}
        self.owners: dict[bytes, dict[int, str]] = {}
        self.topic_counts: dict[str, int] = {}
        self.pattern_counts: dict[str, int] = {}

    # --- queries

    @property
    def state(self) -> ConsumerState:
        if not self.members:
            return ConsumerState.EMPTY
        if self.epoch > self.target_epoch:
            return ConsumerState.ASSIGNING
        if all(member.reconciled_to(self.target_epoch) for member in self.members.values()):
            return ConsumerState.STABLE
        return ConsumerState.RECONCILING

    def static_member(self, instance_id: str | None) -> Member | None:
        member_id = None if instance_id is None else self.static.get(instance_id)
        return None if member_id is None else self.members[member_id]

    def owned(self, topic_id: bytes, partition: int) -> bool:
        """Some member has it, or has not given it up yet."""
        return partition in self.owners.get(topic_id, ())

    def target_of(self, member: Member) -> Target:
        """What the member shall have; a static one goes on with the target of its last life."""
        found = self.target.get(member.member_id)
        if found is None and member.instance_id is not None:
            found = self.target.get(self.static.get(member.instance_id, ""))
        return found if found is not None else {}

    def subscribes_to(self, topic: str) -> bool:
        return topic in self.topic_counts or any(topic in resolved.topics for resolved in self.patterns.values())

    def topics_of(self, member: Member) -> set[str]:
        """Names that the member subscribes to, those that its pattern matched included."""
        resolved = self.patterns.get(member.pattern)
        return {*member.topics, *(resolved.topics if resolved is not None else ())}

    def classic_members(self) -> int:
        return sum(member.classic is not None for member in self.members.values())

    # --- records

    def put(self, member: Member) -> None:
        """A new member, or a new value of one."""
        old = self.members.get(member.member_id)
        if old is not None:
            self._disown(old)
            self._count(old, -1)
            self._forget_instance(old)
        self.members[member.member_id] = member
        self._count(member, 1)
        for held in (member.assigned, member.revoking):
            self._own(member.member_id, held)
        if member.instance_id is not None:
            self.static[member.instance_id] = member.member_id

    def drop(self, member_id: str) -> None:
        member = self.members.pop(member_id, None)
        if member is None:
            return
        self._disown(member)
        self._count(member, -1)
        self._forget_instance(member)

    def _forget_instance(self, member: Member) -> None:
        """Unless another member has taken its place."""
        if member.instance_id is not None and self.static.get(member.instance_id) == member.member_id:
            del self.static[member.instance_id]

    def _own(self, member_id: str, held: Owned) -> None:
        for topic_id, partitions in held.items():
            owners = self.owners.setdefault(topic_id, {})
            for partition in partitions:
                owners[partition] = member_id

    def _disown(self, member: Member) -> None:
        for held in (member.assigned, member.revoking):
            for topic_id, partitions in held.items():
                owners = self.owners.get(topic_id)
                if owners is None:
                    continue
                for partition in partitions:
                    if owners.get(partition) == member.member_id:
                        del owners[partition]
                if not owners:
                    del self.owners[topic_id]

    def _count(self, member: Member, by: int) -> None:
        for counts, names in (
            (self.topic_counts, member.topics),
            (self.pattern_counts, (member.pattern,) if member.pattern else ()),
        ):
            for name in names:
                left = counts.get(name, 0) + by
                if left:
                    counts[name] = left
                else:
                    del counts[name]


class ConsumerGroups:
    """The consumer groups of one machine, by id. Durable."""

    def __init__(self) -> None:
        self._groups: dict[str, ConsumerGroup] = {}

    def get(self, group_id: str) -> ConsumerGroup | None:
        return self._groups.get(group_id)

    def ids(self) -> Iterable[str]:
        return self._groups

    def all(self) -> Iterable[ConsumerGroup]:
        return self._groups.values()

    def __len__(self) -> int:
        return len(self._groups)

    def replay(self, key: Message, value: Message | None) -> bool:
        """Applies a record of these groups; False for one of another kind.

        A tombstone of what is not there changes nothing: compaction may have taken what it deletes.
        """
        apply = _APPLY.get(type(key))
        if apply is None:
            return False
        group_id: str = key.group_id  # type: ignore[attr-defined]
        group = self._groups.get(group_id)
        if group is None:
            if value is None:
                return True
            group = self._groups[group_id] = ConsumerGroup(group_id)
        apply(group, key, value)
        if value is None and isinstance(key, ConsumerGroupMetadataKey):
            del self._groups[group_id]
        return True


def _epoch(group: ConsumerGroup, _: ConsumerGroupMetadataKey, value: ConsumerGroupMetadataValue | None) -> None:
    if value is not None:
        group.epoch = value.epoch
        group.metadata_hash = value.metadata_hash


def _partition_metadata(group: ConsumerGroup, key: Message, value: Message | None) -> None:
    """Older brokers kept here what the hash stands for now; without a hash the next heartbeat computes it."""


def _member(
    group: ConsumerGroup, key: ConsumerGroupMemberMetadataKey, value: ConsumerGroupMemberMetadataValue | None
) -> None:
    if value is None:
        group.drop(key.member_id)
    else:
        group.put(group.members.get(key.member_id, Member(key.member_id)).described_by(value))


def _target_epoch(
    group: ConsumerGroup,
    _: ConsumerGroupTargetAssignmentMetadataKey,
    value: ConsumerGroupTargetAssignmentMetadataValue | None,
) -> None:
    group.target_epoch = NEVER if value is None else value.assignment_epoch
    group.target_ms = NEVER if value is None else value.assignment_timestamp


def _target(
    group: ConsumerGroup,
    key: ConsumerGroupTargetAssignmentMemberKey,
    value: ConsumerGroupTargetAssignmentMemberValue | None,
) -> None:
    if value is None:
        group.target.pop(key.member_id, None)
    else:
        group.target[key.member_id] = {
            bytes(topic.topic_id): tuple(sorted(topic.partitions)) for topic in value.topic_partitions
        }


def _assignment(
    group: ConsumerGroup,
    key: ConsumerGroupCurrentMemberAssignmentKey,
    value: ConsumerGroupCurrentMemberAssignmentValue | None,
) -> None:
    member = group.members.get(key.member_id)
    if value is not None:
        group.put((member or Member(key.member_id)).assigned_by(value))
    elif member is not None:
        group.put(member.assigned_by(ConsumerGroupCurrentMemberAssignmentValue(member_epoch=-1)))


def _pattern(
    group: ConsumerGroup, key: ConsumerGroupRegularExpressionKey, value: ConsumerGroupRegularExpressionValue | None
) -> None:
    if value is None:
        group.patterns.pop(key.regular_expression, None)
    else:
        group.patterns[key.regular_expression] = Resolved(tuple(value.topics), value.version, value.timestamp)


_APPLY: dict[type[Message], Callable[..., None]] = {
    ConsumerGroupMetadataKey: _epoch,
    ConsumerGroupPartitionMetadataKey: _partition_metadata,
    ConsumerGroupMemberMetadataKey: _member,
    ConsumerGroupTargetAssignmentMetadataKey: _target_epoch,
    ConsumerGroupTargetAssignmentMemberKey: _target,
    ConsumerGroupCurrentMemberAssignmentKey: _assignment,
    ConsumerGroupRegularExpressionKey: _pattern,
}
