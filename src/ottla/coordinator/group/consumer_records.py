"""The records of a consumer group, in the order in which Kafka 4.3.1 writes them."""

from __future__ import annotations

from ottla.common.names import Uuid
from ottla.coordinator.group.consumer_group import ConsumerGroup, Resolved
from ottla.coordinator.group.consumer_member import Member, Target
from ottla.coordinator.outcome import Outcome
from ottla.protocol.logs.consumer_offsets import (
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupMemberMetadataKey,
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


def write_member(out: Outcome, group_id: str, member: Member) -> None:
    out.write(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member.member_id), member.metadata_value())


def write_epoch(out: Outcome, group_id: str, epoch: int, metadata_hash: int) -> None:
    out.write(
        ConsumerGroupMetadataKey(group_id=group_id),
        ConsumerGroupMetadataValue(epoch=epoch, metadata_hash=metadata_hash),
    )


def write_target(out: Outcome, group_id: str, member_id: str, target: Target) -> None:
    out.write(
        ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id),
        ConsumerGroupTargetAssignmentMemberValue(
            topic_partitions=[
                ConsumerGroupTargetAssignmentMemberValue.TopicPartition(
                    topic_id=Uuid(topic_id), partitions=list(partitions)
                )
                for topic_id, partitions in target.items()
            ]
        ),
    )


def write_target_epoch(out: Outcome, group_id: str, epoch: int, at_ms: int) -> None:
    out.write(
        ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id),
        ConsumerGroupTargetAssignmentMetadataValue(assignment_epoch=epoch, assignment_timestamp=at_ms),
    )


def write_assignment(out: Outcome, group_id: str, member: Member) -> None:
    out.write(
        ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member.member_id),
        member.assignment_value(),
    )


def write_pattern(out: Outcome, group_id: str, pattern: str, resolved: Resolved | None) -> None:
    out.write(
        ConsumerGroupRegularExpressionKey(group_id=group_id, regular_expression=pattern),
        None
        if resolved is None
        else ConsumerGroupRegularExpressionValue(
            topics=list(resolved.topics), version=resolved.version, timestamp=resolved.at_ms
        ),
    )


def forget_member(out: Outcome, group_id: str, member_id: str) -> None:
    """Its tombstones, in the order that replay needs."""
    out.write(ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id), None)
    out.write(ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), None)
    out.write(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member_id), None)


def forget_group(out: Outcome, group: ConsumerGroup) -> None:
    """All tombstones. Type 4 goes as well: an older broker may have written it."""
    group_id = group.group_id
    for member_id in group.members:
        out.write(ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id), None)
    for member_id in group.members:
        out.write(ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), None)
    out.write(ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id), None)
    for member_id in group.members:
        out.write(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member_id), None)
    for pattern in group.patterns:
        write_pattern(out, group_id, pattern, None)
    out.write(ConsumerGroupPartitionMetadataKey(group_id=group_id), None)
    out.write(ConsumerGroupMetadataKey(group_id=group_id), None)
