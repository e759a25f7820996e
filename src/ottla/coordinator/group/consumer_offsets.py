"""Who may commit and fetch the offsets of a consumer group."""

from __future__ import annotations

from collections.abc import Mapping

from ottla.common.errors import (
    IllegalGeneration,
    StaleMemberEpoch,
    UnknownMemberId,
    UnknownServerError,
    UnsupportedVersion,
)
from ottla.common.names import TopicPartition
from ottla.coordinator.group.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer_member import Member
from ottla.coordinator.group.offsets import Committed

_EPOCHS_SINCE = 9
NOBODY = -1
"""The epoch of a commit that names no member."""


def check_commit(
    group: ConsumerGroup, member_id: str, epoch: int, offsets: Mapping[TopicPartition, Committed], version: int
) -> None:
    """Raises what OffsetCommit answers. An empty group takes commits of anybody without an epoch.

    A member whose epoch has moved on may still commit with an earlier one what it has had since then: a commit and a
    heartbeat may overtake each other (KIP-1251).
    """
    if epoch < 0 and not group.members:
        return
    member = _member(group, member_id)
    if member.classic is None and version < _EPOCHS_SINCE:
        raise UnsupportedVersion(
            "OffsetCommit version 9 or above must be used by members using the modern group protocol"
        )
    if epoch == member.epoch:
        return
    had_all = all(_had_at(member, one.topic_id, at.partition, epoch) for at, one in offsets.items())
    if epoch > member.epoch or not had_all:
        raise StaleMemberEpoch if member.classic is None else IllegalGeneration


def check_transactional_commit(
    group: ConsumerGroup,
    member_id: str,
    instance_id: str | None,
    epoch: int,
    offsets: Mapping[TopicPartition, Committed],
) -> None:
    """The same for TxnOffsetCommit: who names no member need not be one, and it has a code of its own for epochs."""
    if epoch == NOBODY and not member_id and instance_id is None:
        return
    try:
        check_commit(group, member_id, epoch, offsets, _EPOCHS_SINCE)
    except StaleMemberEpoch as error:
        raise IllegalGeneration from error


def _had_at(member: Member, topic_id: bytes, partition: int, epoch: int) -> bool:
    given = member.given_at(topic_id, partition)
    return given is not None and given <= epoch


def check_fetch(group: ConsumerGroup, member_id: str | None, epoch: int) -> None:
    """Raises what OffsetFetch answers for the group. Whoever names no member is a tool, and may look."""
    if member_id is None:
        if epoch < 0:
            return
        raise UnknownServerError  # as Kafka, which stumbles over it
    member = _member(group, member_id)
    if epoch != member.epoch:
        raise StaleMemberEpoch if member.classic is None else IllegalGeneration


def _member(group: ConsumerGroup, member_id: str) -> Member:
    member = group.members.get(member_id)
    if member is None:
        raise UnknownMemberId
    return member
