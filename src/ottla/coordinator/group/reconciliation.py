"""One step of one member from what it has towards what it shall have (KIP-848).

A member first gives up what it shall not have, at its old epoch; when it says that it did, it moves to the epoch of the
target; and it is given what is free by then. So no partition has two owners, whatever the order of the heartbeats.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from ottla.common.errors import FencedMemberEpoch
from ottla.coordinator.group.consumer_member import Member, MemberState, Owned, Target

Reported = Mapping[bytes, Container[int]]
"""What a member says that it owns."""


def reconcile(
    member: Member,
    *,
    target_epoch: int,
    target: Target,
    subscribed: Container[bytes],
    subscription_changed: bool,
    reported: Reported | None,
    is_owned: Callable[[bytes, int], bool],
) -> Member:
    """The member after this step; itself when nothing changes.

    `subscribed`: ids of the topics that it wants now; a target may be older than that. `reported` is None where the
    heartbeat said nothing of partitions: then the member has given nothing up. `is_owned`: by anyone, itself included.
    """
    if member.state == MemberState.UNKNOWN and (reported is None or reported):
        raise FencedMemberEpoch(
            "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin."
        )
    if member.state == MemberState.STABLE and member.epoch == target_epoch:
        return _without_topics(member, subscribed, reported) if subscription_changed else member
    if member.state == MemberState.UNREVOKED and _still_owns(reported, member.revoking):
        return _without_topics(member, subscribed, reported) if subscription_changed else member
    return _towards(member, target_epoch, target, subscribed, reported, is_owned)


def _towards(
    member: Member,
    target_epoch: int,
    target: Target,
    subscribed: Container[bytes],
    reported: Reported | None,
    is_owned: Callable[[bytes, int], bool],
) -> Member:
    wanted = {topic_id: partitions for topic_id, partitions in target.items() if topic_id in subscribed}
    kept: dict[bytes, dict[int, int]] = {}
    revoking: dict[bytes, dict[int, int]] = {}
    for topic_id, held in member.assigned.items():
        here = wanted.get(topic_id, ())
        for partition, epoch in held.items():
            part = kept if partition in here else revoking
            part.setdefault(topic_id, {})[partition] = epoch
    if revoking and _still_owns(reported, revoking):
        return replace(
            member,
            state=MemberState.UNREVOKED,
            previous_epoch=member.epoch,
            assigned=kept,
            revoking=revoking,
        )
    waits = False
    for topic_id, partitions in wanted.items():
        for partition in partitions:
            if member.holds(topic_id, partition):
                continue
            given_up = partition in member.revoking.get(topic_id, ())  # by itself, and the target has it again
            if is_owned(topic_id, partition) and not given_up:
                waits = True
            else:
                kept.setdefault(topic_id, {})[partition] = target_epoch
    return replace(
        member,
        state=MemberState.UNRELEASED if waits else MemberState.STABLE,
        epoch=target_epoch,
        previous_epoch=member.epoch,
        assigned=kept,
        revoking={},
    )


def _without_topics(member: Member, subscribed: Container[bytes], reported: Reported | None) -> Member:
    """Gives up topics that the member wants no more, before a new target says so."""
    dropped = {topic_id: held for topic_id, held in member.assigned.items() if topic_id not in subscribed}
    if not dropped:
        return member
    kept = {topic_id: held for topic_id, held in member.assigned.items() if topic_id in subscribed}
    revoking = {**member.revoking, **_merged(member.revoking, dropped)}
    if not _still_owns(reported, revoking):
        return replace(member, previous_epoch=member.epoch, assigned=kept)
    # All is free at once: what it has given up already, when the rest is.
    return replace(member, state=MemberState.UNREVOKED, previous_epoch=member.epoch, assigned=kept, revoking=revoking)


def _merged(left: Owned, right: Owned) -> dict[bytes, dict[int, int]]:
    return {topic_id: {**left.get(topic_id, {}), **held} for topic_id, held in right.items()}


def _still_owns(reported: Reported | None, revoking: Owned) -> bool:
    if reported is None:
        return True
    return any(
        partition in reported.get(topic_id, ()) for topic_id, partitions in revoking.items() for partition in partitions
    )


def owned_assignment(owned: Owned) -> dict[bytes, list[int]]:
    """Without the epochs, in order."""
    return {topic_id: sorted(partitions) for topic_id, partitions in owned.items()}
