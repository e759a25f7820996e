"""Groups that change their protocol while they have members: classic to consumer and back (KIP-848).

A classic group becomes a consumer group when the first member of the new protocol joins, and a classic group again when
the last one goes, where group.consumer.migration.policy allows it. Members keep their ids and what they have.
"""

from __future__ import annotations

from collections.abc import Iterable

from ottla.common.errors import GroupIdNotFound
from ottla.common.names import Uuid
from ottla.coordinator.group.classic_group import CONSUMER_PROTOCOL, ClassicGroup, State
from ottla.coordinator.group.classic_group import Member as ClassicMember
from ottla.coordinator.group.consumer_group import ConsumerGroup, ConsumerGroups
from ottla.coordinator.group.consumer_member import (
    ClassicFacts,
    Member,
    Target,
    blob_version,
    read_assignment,
    read_subscription,
)
from ottla.coordinator.group.consumer_records import (
    forget_group,
    write_assignment,
    write_epoch,
    write_member,
    write_target,
    write_target_epoch,
)
from ottla.coordinator.group.limits import GroupLimits
from ottla.coordinator.group.topics import Topics, metadata_hash
from ottla.coordinator.outcome import Outcome
from ottla.protocol.blobs import ConsumerProtocolAssignment
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.consumer_offsets import GroupMetadataKey

_NO_TIME = 0


def _refused(group: ClassicGroup, why: str) -> GroupIdNotFound:
    return GroupIdNotFound(f"Cannot upgrade classic group {group.group_id} to consumer group because {why}.")


def check_upgrade(group: ClassicGroup, limits: GroupLimits) -> None:
    """Raises GroupIdNotFound."""
    if not limits.may_upgrade:
        raise _refused(group, "online upgrade is disabled")
    if group.protocol_type != CONSUMER_PROTOCOL:
        raise _refused(group, "the group does not use the consumer embedded protocol")
    if len(group.members) > limits.group_consumer_max_size:
        raise _refused(group, "the group size exceeds the consumer group maximum size")


def upgrade(classic: ClassicGroup, topics: Topics, out: Outcome) -> ConsumerGroup:
    """Writes the group down as a consumer group; as such it comes back, for the rest of the command.

    All members are stable at the generation, with what their leader gave them last; the change of the group's epoch
    that follows tells them to join again. Raises GroupIdNotFound when members do not speak as consumers do, and when an
    assignor of their own keeps data in the assignments: that would be lost.
    """
    try:
        members = [_member(classic, one, topics) for one in classic.members.values()]
    except ProtocolError as error:
        raise _refused(classic, "the embedded consumer protocol is malformed") from error
    group_id, epoch = classic.group_id, classic.generation
    out.write(GroupMetadataKey(group=group_id), None)
    start = len(out.records)
    for member in members:
        write_member(out, group_id, member)
    names = {name for member in members for name in member.topics}
    write_epoch(out, group_id, epoch, metadata_hash(topics, names))
    for member in members:
        target = {topic_id: tuple(sorted(held)) for topic_id, held in member.assigned.items()}
        write_target(out, group_id, member.member_id, target)
    write_target_epoch(out, group_id, epoch, _NO_TIME)
    for member in members:
        write_assignment(out, group_id, member)
    groups = ConsumerGroups()
    for key, value in out.records[start:]:
        groups.replay(key, value)
    group = groups.get(group_id)
    assert group is not None
    return group


def _member(group: ClassicGroup, member: ClassicMember, topics: Topics) -> Member:
    """Raises ProtocolError, GroupIdNotFound."""
    given = read_assignment(member.assignment)
    if given.user_data:
        raise _refused(
            group,
            "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default "
            "assignor before re-attempting the upgrade",
        )
    subscription = read_subscription(member.metadata(group.protocol) or member.protocols[0][1])
    assigned: dict[bytes, dict[int, int]] = {}
    for one in given.assigned_partitions:
        topic = topics.named(one.topic)
        if topic is not None and one.partitions:
            assigned[topic.topic_id] = dict.fromkeys(one.partitions, group.generation)
    return Member(
        member.member_id,
        epoch=group.generation,
        previous_epoch=group.generation,
        assigned=assigned,
        instance_id=member.instance_id,
        rack_id=subscription.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        topics=tuple(sorted(set(subscription.topics))),
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        classic=ClassicFacts(member.session_timeout_ms, tuple(member.protocols)),
    )


def may_downgrade(group: ConsumerGroup, gone: Iterable[Member], limits: GroupLimits) -> bool:
    """When these go, are only classic members left? They may all be classic: consumers can become so one by one."""
    going = {member.member_id for member in gone}
    left = [member for member in group.members.values() if member.member_id not in going]
    return (
        limits.may_downgrade
        and all(member.classic is not None for member in left)
        and 0 < len(left) <= limits.group_max_size
    )


def may_replace(group: ConsumerGroup, replaced: Member | None, limits: GroupLimits) -> bool:
    """When a classic client takes the place of this static member, is the group classic?"""
    return (
        limits.may_downgrade
        and replaced is not None
        and [member for member in group.members.values() if member.classic is None] == [replaced]
        and len(group.members) <= limits.group_max_size
    )


def downgrade(
    group: ConsumerGroup,
    members: list[Member],
    targets: dict[str, Target],
    topics: Topics,
    now_ms: int,
    out: Outcome,
) -> ClassicGroup:
    """Writes the group down as a classic one: these members at the group's epoch, with their targets."""
    forget_group(out, group)
    classic = ClassicGroup(group.group_id, now_ms)
    classic.generation = group.epoch
    classic.protocol_type = CONSUMER_PROTOCOL
    classic.state = classic.previous_state = State.STABLE
    for member in members:
        facts = member.classic
        assert facts is not None
        one = ClassicMember(
            member.member_id,
            member.instance_id,
            member.client_id,
            member.client_host,
            member.rebalance_timeout_ms if member.rebalance_timeout_ms >= 0 else facts.session_timeout_ms,
            facts.session_timeout_ms,
            list(facts.protocols),
        )
        one.deadline_ms = now_ms + one.session_timeout_ms
        classic.add(one)
    classic.protocol = classic.select_protocol()
    for one in classic.members.values():
        version = blob_version(one.metadata(classic.protocol))
        one.assignment = classic_assignment(targets.get(one.member_id, {}), topics, version)
    out.write(GroupMetadataKey(group=group.group_id), classic.snapshot())
    return classic


def classic_assignment(target: Target, topics: Topics, version: int) -> bytes:
    """As a classic client reads it: topics by name, behind the version of its subscription."""
    assignment = ConsumerProtocolAssignment(
        assigned_partitions=[
            ConsumerProtocolAssignment.TopicPartition(topic=topic.name, partitions=list(partitions))
            for topic_id, partitions in target.items()
            if (topic := topics.with_id(Uuid(topic_id))) is not None
        ]
    )
    return version.to_bytes(2, "big") + assignment.encode(version)
