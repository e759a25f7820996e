"""Clients of the classic protocol in a consumer group: JoinGroup, SyncGroup, Heartbeat and LeaveGroup (KIP-848).

To such a client the group's epochs are generations, and nobody is its leader. A join takes the steps of a heartbeat; a
target of a later epoch, partitions to give up and partitions that became free are told as a rebalance. A later epoch of
the group without a target, as while the last one is too young, is nothing to join for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ottla.common.clock import Random, random_uuid
from ottla.common.errors import (
    IllegalGeneration,
    InconsistentGroupProtocol,
    KafkaError,
    MemberIdRequired,
    RebalanceInProgress,
    UnknownMemberId,
    UnknownServerError,
)
from ottla.common.names import uuid_text
from ottla.coordinator.group.classic_answers import join_refused
from ottla.coordinator.group.classic_group import CONSUMER_PROTOCOL
from ottla.coordinator.group.consumer import Consumer, known_static
from ottla.coordinator.group.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer_member import ClassicFacts, Member, MemberState, read_subscription
from ottla.coordinator.group.consumer_watch import REJOIN, RESYNC, Watch
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.group.migration import classic_assignment, may_replace
from ottla.coordinator.group.reconciliation import Reported
from ottla.coordinator.outcome import Outcome
from ottla.protocol.blobs import ConsumerProtocolSubscription
from ottla.protocol.codec import ProtocolError
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

_KNOWN_ID_SINCE = 4


class Turn(NamedTuple):
    """The classic client that joined in place of the group's last consumer, which makes the group classic.

    `stale`: the group has come to a new epoch that the targets are not of, so that all must join again.
    """

    member: Member
    replaced: Member
    stale: bool


class Joined(NamedTuple):
    answer: JoinGroupResponse
    turn: Turn | None = None


class ClassicMembers:
    """The rules; as `Consumer`, it changes no group and fills the outcome."""

    def __init__(self, consumer: Consumer, random: Random) -> None:
        self._consumer = consumer
        self._random = random

    # --- JoinGroup

    def join(
        self,
        group: ConsumerGroup,
        watch: Watch,
        request: JoinGroupRequest,
        caller: Caller,
        now_ms: int,
        out: Outcome,
    ) -> Joined:
        """Answers at once. Raises what the client is answered."""
        if not self._consumer.limits.may_mix:
            raise InconsistentGroupProtocol
        self._consumer.check_room(group, request.member_id)
        self._check_protocols(group, request)
        member_id = request.member_id or uuid_text(random_uuid(self._random))
        instance_id = request.group_instance_id
        if not request.member_id and instance_id is None and caller.version >= _KNOWN_ID_SINCE:
            return Joined(join_refused(MemberIdRequired(), member_id))
        old = None if instance_id is None else group.static_member(instance_id)
        if instance_id is None:
            before = group.members.get(member_id) or Member(member_id)
        elif request.member_id:
            before = known_static(old, member_id, instance_id)
        elif old is None:
            before = Member(member_id)
        else:
            before = self._consumer.replace_static(group, old, member_id, out)
        subscription = _subscription(request)
        after = _described(before, request, caller, subscription)
        turns = may_replace(group, old, self._consumer.limits)
        reported = self._reported(subscription)
        advanced = self._consumer.advance(
            group, watch, before, after, reported, None, now_ms, out, only_to_the_target=turns
        )
        after = advanced.member
        watch.done(REJOIN, member_id, out)
        watch.alive(member_id, request.session_timeout_ms, now_ms, out)
        watch.expect(RESYNC, member_id, after.rebalance_timeout_ms, after.epoch, now_ms, out)
        assert after.classic is not None
        answer = JoinGroupResponse(
            generation_id=after.epoch,
            protocol_type=CONSUMER_PROTOCOL,
            protocol_name=after.classic.protocol,
            leader="",
            member_id=member_id,
        )
        return Joined(answer, Turn(after, old, advanced.stale) if turns and old is not None else None)

    def _check_protocols(self, group: ConsumerGroup, request: JoinGroupRequest) -> None:
        """Raises InconsistentGroupProtocol."""
        offered = {one.name for one in request.protocols}
        for member in group.members.values():
            if member.classic is not None:
                offered &= {name for name, _ in member.classic.protocols}
        if request.protocol_type != CONSUMER_PROTOCOL or not offered:
            raise InconsistentGroupProtocol

    def _reported(self, subscription: ConsumerProtocolSubscription) -> Reported:
        topics = self._consumer.topics
        return {
            topic.topic_id: frozenset(owned.partitions)
            for owned in subscription.owned_partitions
            if (topic := topics.named(owned.topic)) is not None
        }

    # --- SyncGroup, Heartbeat

    def sync(
        self, group: ConsumerGroup, watch: Watch, request: SyncGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> SyncGroupResponse:
        member, facts = self._classic(group, request.member_id, request.group_instance_id)
        if request.generation_id != member.epoch:
            raise IllegalGeneration
        for told, known in ((request.protocol_type, CONSUMER_PROTOCOL), (request.protocol_name, facts.protocol)):
            if told not in (None, known):
                raise InconsistentGroupProtocol
        if group.target_epoch > member.epoch and member.state != MemberState.UNREVOKED:
            self._expect_rejoin(watch, member, now_ms, out)
            raise RebalanceInProgress
        watch.done(RESYNC, member.member_id, out)
        watch.alive(member.member_id, facts.session_timeout_ms, now_ms, out)
        held = {topic_id: tuple(sorted(partitions)) for topic_id, partitions in member.assigned.items()}
        return SyncGroupResponse(
            protocol_type=request.protocol_type,
            protocol_name=request.protocol_name,
            assignment=classic_assignment(held, self._consumer.topics, facts.subscription_version),
        )

    def heartbeat(
        self, group: ConsumerGroup, watch: Watch, request: HeartbeatRequest, now_ms: int, out: Outcome
    ) -> HeartbeatResponse:
        """27 tells the member to join again: for a new target, to give partitions up, or for partitions now free."""
        member, facts = self._classic(group, request.member_id, request.group_instance_id)
        if request.generation_id != member.epoch:
            raise IllegalGeneration
        watch.alive(member.member_id, facts.session_timeout_ms, now_ms, out)
        if (
            member.epoch < group.target_epoch
            or member.state == MemberState.UNREVOKED
            or (member.state == MemberState.UNRELEASED and not _waits(group, member))
        ):
            self._expect_rejoin(watch, member, now_ms, out)
            return HeartbeatResponse(error_code=RebalanceInProgress.code)
        return HeartbeatResponse()

    def _expect_rejoin(self, watch: Watch, member: Member, now_ms: int, out: Outcome) -> None:
        if not watch.expects(REJOIN, member.member_id):
            watch.expect(REJOIN, member.member_id, member.rebalance_timeout_ms, member.epoch, now_ms, out)

    def _classic(self, group: ConsumerGroup, member_id: str, instance_id: str | None) -> tuple[Member, ClassicFacts]:
        member = self._consumer.check_leaver(group, member_id, instance_id)
        if member.classic is None:
            raise UnknownMemberId
        return member, member.classic

    # --- LeaveGroup

    def leave(
        self, group: ConsumerGroup, asked: list[LeaveGroupRequest.MemberIdentity]
    ) -> tuple[list[LeaveGroupResponse.MemberResponse], list[Member]]:
        """The answers, and who goes. Members of either protocol may be sent away like this."""
        answers, gone = [], []
        for one in asked:
            answer = LeaveGroupResponse.MemberResponse(member_id=one.member_id, group_instance_id=one.group_instance_id)
            answers.append(answer)
            try:
                member = self._leaver(group, one)
            except KafkaError as error:
                answer.error_code = error.code
                continue
            if member not in gone:
                gone.append(member)
        return answers, gone

    def _leaver(self, group: ConsumerGroup, one: LeaveGroupRequest.MemberIdentity) -> Member:
        if one.group_instance_id is not None and not one.member_id:
            found = group.static_member(one.group_instance_id)
            if found is None:
                raise UnknownMemberId
            return found
        return self._consumer.check_leaver(group, one.member_id, one.group_instance_id)


def _waits(group: ConsumerGroup, member: Member) -> bool:
    """Some partition of its target is still another's."""
    return any(
        not member.holds(topic_id, partition) and group.owned(topic_id, partition)
        for topic_id, partitions in group.target_of(member).items()
        for partition in partitions
    )


def _subscription(request: JoinGroupRequest) -> ConsumerProtocolSubscription:
    """All protocols carry the same one. Raises UnknownServerError, which is Kafka's for one that does not parse."""
    try:
        return read_subscription(bytes(request.protocols[0].metadata))
    except ProtocolError as error:
        raise UnknownServerError("the subscription is malformed") from error


def _described(
    member: Member, request: JoinGroupRequest, caller: Caller, subscription: ConsumerProtocolSubscription
) -> Member:
    timeout_ms = request.rebalance_timeout_ms
    protocols = tuple((one.name, bytes(one.metadata)) for one in request.protocols)
    after = replace(
        member,
        instance_id=member.instance_id if request.group_instance_id is None else request.group_instance_id,
        rack_id=member.rack_id if subscription.rack_id is None else subscription.rack_id,
        rebalance_timeout_ms=timeout_ms if timeout_ms >= 0 else request.session_timeout_ms,
        topics=tuple(sorted(set(subscription.topics))),
        pattern="",
        client_id=caller.client_id,
        client_host=caller.client_host,
        classic=ClassicFacts(request.session_timeout_ms, protocols),
    )
    return member if after == member else after
