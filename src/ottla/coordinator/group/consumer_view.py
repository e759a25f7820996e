"""Consumer groups as tools see them: ListGroups and ConsumerGroupDescribe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottla.common.names import Uuid
from ottla.coordinator.group.classic_group import CONSUMER_PROTOCOL
from ottla.coordinator.group.reconciliation import owned_assignment
from ottla.coordinator.group.subscription import Change
from ottla.coordinator.group.tables import in_table_order
from ottla.coordinator.group.topics import Topics
from ottla.protocol.messages.consumer_group import ConsumerGroupDescribeResponse
from ottla.protocol.messages.list_groups import ListGroupsResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.coordinator.group.consumer import Consumer
    from ottla.coordinator.group.consumer_group import ConsumerGroup
    from ottla.coordinator.group.consumer_member import Member

_CLASSIC, _CONSUMER = 0, 1
"""Which protocol a member speaks."""


def listed(group: ConsumerGroup) -> ListGroupsResponse.ListedGroup:
    return ListGroupsResponse.ListedGroup(
        group_id=group.group_id,
        protocol_type=CONSUMER_PROTOCOL,
        group_state=group.state.value,
        group_type="consumer",
    )


def described(group: ConsumerGroup, consumer: Consumer) -> ConsumerGroupDescribeResponse.DescribedGroup:
    members = in_table_order(group.members.values(), lambda member: member.member_id)
    return ConsumerGroupDescribeResponse.DescribedGroup(
        group_id=group.group_id,
        group_state=group.state.value,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        assignor_name=consumer.assignor(Change(group, None, None)),
        members=[_member(group, member, consumer.topics) for member in members],
    )


def _member(group: ConsumerGroup, member: Member, topics: Topics) -> ConsumerGroupDescribeResponse.Member:
    held = owned_assignment(member.assigned)
    for topic_id, partitions in member.revoking.items():
        held[topic_id] = sorted([*held.get(topic_id, ()), *partitions])
    return ConsumerGroupDescribeResponse.Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=list(member.topics),
        subscribed_topic_regex=member.pattern,
        assignment=_assignment(held, topics),
        target_assignment=_assignment(group.target_of(member), topics),
        member_type=_CONSUMER if member.classic is None else _CLASSIC,
    )


def _assignment(partitions: Mapping[bytes, Sequence[int]], topics: Topics) -> ConsumerGroupDescribeResponse.Assignment:
    """Topics that were deleted are left out."""
    return ConsumerGroupDescribeResponse.Assignment(
        topic_partitions=[
            ConsumerGroupDescribeResponse.TopicPartitions(
                topic_id=Uuid(topic_id), topic_name=topic.name, partitions=list(held)
            )
            for topic_id, held in partitions.items()
            if (topic := topics.with_id(topic_id)) is not None
        ]
    )
