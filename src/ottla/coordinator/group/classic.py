"""The classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup and what the clock does to a group.

States and what leads from one to another:

    Empty               a join                                             -> PreparingRebalance
    PreparingRebalance  all members joined, or the time is up              -> CompletingRebalance, Empty if none is left
    CompletingRebalance the leader's SyncGroup                             -> Stable
                        join, leave, expiry, missing sync                  -> PreparingRebalance
    Stable              join of the leader or with new metadata, leave, ...-> PreparingRebalance

Joins wait in PreparingRebalance, syncs in CompletingRebalance; their tokens hang on the members. Sources: KIP-134
(initial delay), KIP-345 (static members), KIP-394 (member id required), KIP-559 (protocol names), KIP-814 (skipped
assignment), and Kafka's own behaviour as observed (see docs and tests).
"""

from __future__ import annotations

from ottla.common.clock import Random
from ottla.common.errors import (
    CoordinatorNotAvailable,
    FencedInstanceId,
    GroupMaxSizeReached,
    IllegalGeneration,
    InconsistentGroupProtocol,
    InvalidGroupId,
    InvalidSessionTimeout,
    KafkaError,
    MemberIdRequired,
    RebalanceInProgress,
    UnknownMemberId,
)
from ottla.coordinator.group.classic_group import ClassicGroup, Member, Protocols, State
from ottla.coordinator.group.limits import Caller, GroupLimits
from ottla.coordinator.outcome import Outcome, TimerName, Token
from ottla.protocol.logs.consumer_offsets import GroupMetadataKey
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

_NEW_MEMBER_JOIN_MS = 300_000  # a new member's socket is silent while its join is parked; do not keep it for ever
_KNOWN_ID_SINCE = 4
_PROTOCOL_NAMES_SINCE = 5
_SKIP_ASSIGNMENT_SINCE = 9
_LEAVE_BATCH_SINCE = 3

JOIN, SYNC, SESSION = "join", "sync", "session"


class Classic:
    """The rules. Holds no group: each call is given the group that it changes and the outcome that it fills."""

    def __init__(self, limits: GroupLimits, random: Random) -> None:
        self.limits = limits
        self._random = random

    # --- JoinGroup

    def check_join(self, request: JoinGroupRequest) -> None:
        """What can be refused without looking at the group."""
        limits = self.limits
        if not request.group_id:
            raise InvalidGroupId
        timeout_ms = request.session_timeout_ms
        if not limits.group_min_session_timeout_ms <= timeout_ms <= limits.group_max_session_timeout_ms:
            raise InvalidSessionTimeout

    def join(
        self, group: ClassicGroup, token: Token, request: JoinGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> None:
        """Answers at once, or parks `token` until the rebalance is complete."""
        protocols: Protocols = [(one.name, bytes(one.metadata)) for one in request.protocols]
        try:
            if not self._has_room(group, request.member_id):
                group.remove(request.member_id)
                raise GroupMaxSizeReached
            if not group.supports(request.protocol_type, protocols):
                raise InconsistentGroupProtocol
            if request.member_id:
                self._join_known(group, token, request, protocols, caller, now_ms, out)
            else:
                self._join_new(group, token, request, protocols, caller, now_ms, out)
        except KafkaError as error:
            out.answer(token, join_refused(error, request.member_id))

    def _has_room(self, group: ClassicGroup, member_id: str) -> bool:
        """group.max.size counts those that wait for their turn too; who is in already may stay."""
        most = self.limits.group_max_size
        if group.state in (State.EMPTY, State.DEAD):
            return True
        if group.state is State.PREPARING_REBALANCE:
            member = group.members.get(member_id)
            if member is not None and member.awaiting_join is not None:
                return True
            joined = sum(1 for one in group.members.values() if one.awaiting_join is not None)
            return joined + len(group.pending_joins) < most or member_id in group.pending_joins
        return (
            member_id in group.members
            or len(group.members) + len(group.pending_joins) < most
            or (member_id in group.pending_joins)
        )

    def _join_new(
        self,
        group: ClassicGroup,
        token: Token,
        request: JoinGroupRequest,
        protocols: Protocols,
        caller: Caller,
        now_ms: int,
        out: Outcome,
    ) -> None:
        instance_id = request.group_instance_id
        member_id = f"{instance_id if instance_id is not None else caller.client_id}-{self._uuid()}"
        if instance_id is not None and instance_id in group.static:
            self._join_static_again(group, token, member_id, request, protocols, caller, now_ms, out)
        elif instance_id is None and caller.version >= _KNOWN_ID_SINCE:
            group.pending_joins[member_id] = None
            out.wake((SESSION, group.group_id, member_id), now_ms + request.session_timeout_ms)
            out.answer(token, join_refused(MemberIdRequired(), member_id))
        else:
            self._add(group, token, member_id, request, protocols, caller, now_ms, out)

    def _join_known(
        self,
        group: ClassicGroup,
        token: Token,
        request: JoinGroupRequest,
        protocols: Protocols,
        caller: Caller,
        now_ms: int,
        out: Outcome,
    ) -> None:
        if request.member_id in group.pending_joins:
            if request.group_instance_id is not None:
                raise UnknownMemberId
            self._add(group, token, request.member_id, request, protocols, caller, now_ms, out)
            return
        member = group.check_member(request.member_id, request.group_instance_id)
        unchanged = member.protocols == protocols
        if group.state is State.COMPLETING_REBALANCE and unchanged:
            # The answer to its join was lost: the same answer again.
            out.answer(token, self._joined(group, member, caller.version))
        elif group.state is State.STABLE and unchanged and member.member_id != group.leader:
            answer = self._joined(group, member, caller.version)
            answer.members = []
            out.answer(token, answer)
        elif group.state in (State.EMPTY, State.DEAD):
            raise UnknownMemberId
        else:
            self._rejoin(group, member, token, request, protocols, caller)
            self._rebalance_or_complete(group, now_ms, out)

    def _add(
        self,
        group: ClassicGroup,
        token: Token,
        member_id: str,
        request: JoinGroupRequest,
        protocols: Protocols,
        caller: Caller,
        now_ms: int,
        out: Outcome,
    ) -> None:
        if not group.members:
            group.protocol_type = request.protocol_type
        member = Member(
            member_id,
            request.group_instance_id,
            caller.client_id,
            caller.client_host,
            _rebalance_timeout_ms(request),
            request.session_timeout_ms,
            protocols,
        )
        member.is_new = True
        member.awaiting_join = token
        member.join_version = caller.version
        if group.state is State.PREPARING_REBALANCE and group.previous_state is State.EMPTY:
            group.new_member_added = True
        group.add(member)
        member.deadline_ms = now_ms + _NEW_MEMBER_JOIN_MS
        out.wake((SESSION, group.group_id, member_id), member.deadline_ms)
        self._rebalance_or_complete(group, now_ms, out)

    def _rejoin(
        self,
        group: ClassicGroup,
        member: Member,
        token: Token,
        request: JoinGroupRequest,
        protocols: Protocols,
        caller: Caller,
    ) -> None:
        member.protocols = protocols
        member.rebalance_timeout_ms = _rebalance_timeout_ms(request)
        member.session_timeout_ms = request.session_timeout_ms
        member.awaiting_join = token
        member.join_version = caller.version

    def _join_static_again(
        self,
        group: ClassicGroup,
        token: Token,
        member_id: str,
        request: JoinGroupRequest,
        protocols: Protocols,
        caller: Caller,
        now_ms: int,
        out: Outcome,
    ) -> None:
        """A static member came back without its id (KIP-345): a new id, and if nothing changes no rebalance."""
        assert request.group_instance_id is not None
        old_id = group.static[request.group_instance_id]
        old_leader = group.leader
        member = group.members[old_id]
        if member.awaiting_join is not None:
            out.answer(member.awaiting_join, join_refused(FencedInstanceId(), old_id))
        if member.awaiting_sync is not None:
            out.answer(member.awaiting_sync, sync_refused(FencedInstanceId()))
            member.awaiting_sync = None
        out.cancel((SESSION, group.group_id, old_id))
        member = group.replace_static(request.group_instance_id, member_id)
        member.client_id, member.client_host = caller.client_id, caller.client_host
        self._rejoin(group, member, token, request, protocols, caller)
        self._alive(group, member, now_ms, out)
        if group.state is State.STABLE and group.select_protocol() == group.protocol:
            member.awaiting_join = None
            out.write(GroupMetadataKey(group=group.group_id), group.snapshot())
            answer = self._joined(group, member, caller.version)
            if caller.version >= _SKIP_ASSIGNMENT_SINCE:
                answer.skip_assignment = group.leader == member_id
            else:
                # An old client that sees itself as leader would assign anew; name the id that it no longer has.
                answer.members = []
                answer.leader = old_leader or ""
            out.answer(token, answer)
        elif group.state is State.PREPARING_REBALANCE:
            self._maybe_complete_join(group, now_ms, out)
        else:
            self._prepare_rebalance(group, now_ms, out)

    # --- the join phase

    def _rebalance_or_complete(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        if group.state is State.PREPARING_REBALANCE:
            self._maybe_complete_join(group, now_ms, out)
        elif group.state is not State.DEAD:
            self._prepare_rebalance(group, now_ms, out)

    def _prepare_rebalance(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        if group.state is State.COMPLETING_REBALANCE:
            for member in group.members.values():
                member.assignment = b""
                self._answer_sync(group, member, sync_refused(RebalanceInProgress()), now_ms, out)
        out.cancel((SYNC, group.group_id))
        group.pending_syncs.clear()
        initial = group.state is State.EMPTY
        group.move_to(State.PREPARING_REBALANCE, now_ms)
        if initial:
            delay_ms = self.limits.group_initial_rebalance_delay_ms
            group.initial_left_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
            group.new_member_added = False
            out.wake((JOIN, group.group_id), now_ms + delay_ms)
        elif group.all_joined:
            self._complete_join(group, now_ms, out)
        else:
            out.wake((JOIN, group.group_id), now_ms + group.rebalance_timeout_ms)

    def _maybe_complete_join(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        # In the first rebalance of an empty group the delay decides, so that its members come in together (KIP-134).
        if group.previous_state is not State.EMPTY and group.all_joined:
            self._complete_join(group, now_ms, out)

    def _on_join_deadline(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        if group.state is not State.PREPARING_REBALANCE:
            return
        if group.previous_state is State.EMPTY and group.new_member_added and group.initial_left_ms > 0:
            delay_ms = min(self.limits.group_initial_rebalance_delay_ms, group.initial_left_ms)
            group.initial_left_ms = max(group.initial_left_ms - delay_ms, 0)
            group.new_member_added = False
            out.wake((JOIN, group.group_id), now_ms + delay_ms)
            return
        self._complete_join(group, now_ms, out)

    def _complete_join(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        """The end of the join phase: who did not join in time is out, static members stay."""
        out.cancel((JOIN, group.group_id))
        for member in list(group.members.values()):
            if member.awaiting_join is None and member.instance_id is None:
                out.cancel((SESSION, group.group_id, member.member_id))
                group.remove(member.member_id)
        joined = [member for member in group.members.values() if member.awaiting_join is not None]
        if group.members and not joined:
            # Only static members are left and none is back yet: wait on for them.
            out.wake((JOIN, group.group_id), now_ms + group.rebalance_timeout_ms)
            return
        group.generation += 1
        if not group.members:
            group.protocol = group.leader = None
            group.move_to(State.EMPTY, now_ms)
            out.write(GroupMetadataKey(group=group.group_id), group.snapshot())
            return
        leader = group.members.get(group.leader or "")
        if leader is None or leader.awaiting_join is None:
            group.leader = joined[0].member_id
        group.protocol = group.select_protocol()
        group.move_to(State.COMPLETING_REBALANCE, now_ms)
        group.pending_syncs = dict.fromkeys(group.members)
        for member in joined:
            self._answer_join(group, member, self._joined(group, member, member.join_version), now_ms, out)
        for member in group.members.values():
            member.is_new = False
        out.wake((SYNC, group.group_id), now_ms + group.rebalance_timeout_ms)

    def _joined(self, group: ClassicGroup, member: Member, version: int) -> JoinGroupResponse:
        answer = JoinGroupResponse(
            generation_id=group.generation,
            protocol_type=group.protocol_type,
            protocol_name=group.protocol,
            leader=group.leader or "",
            member_id=member.member_id,
        )
        if member.member_id == group.leader:
            answer.members = [
                JoinGroupResponse.JoinGroupResponseMember(
                    member_id=one.member_id, group_instance_id=one.instance_id, metadata=one.metadata(group.protocol)
                )
                for one in group.members.values()
            ]
        return answer

    # --- SyncGroup

    def sync(
        self, group: ClassicGroup, token: Token, request: SyncGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> None:
        """Answers with the member's assignment, or parks `token` until the leader has sent it. Raises the errors."""
        member = group.check_member(request.member_id, request.group_instance_id)
        if request.generation_id != group.generation:
            raise IllegalGeneration
        for told, known in ((request.protocol_type, group.protocol_type), (request.protocol_name, group.protocol)):
            if told is None and caller.version >= _PROTOCOL_NAMES_SINCE:
                raise InconsistentGroupProtocol
            if told is not None and known is not None and told != known:
                raise InconsistentGroupProtocol
        if group.state is State.PREPARING_REBALANCE:
            raise RebalanceInProgress
        if group.state in (State.EMPTY, State.DEAD):
            raise UnknownMemberId
        group.pending_syncs.pop(member.member_id, None)
        if group.state is State.STABLE:
            self._alive(group, member, now_ms, out)
            out.answer(token, self._synced(group, member))
            return
        member.awaiting_sync = token
        if member.member_id == group.leader:
            self._assign(group, request, now_ms, out)

    def _assign(self, group: ClassicGroup, request: SyncGroupRequest, now_ms: int, out: Outcome) -> None:
        given = {one.member_id: bytes(one.assignment) for one in request.assignments}
        for member in group.members.values():
            member.assignment = given.get(member.member_id, b"")
        group.move_to(State.STABLE, now_ms)
        out.write(GroupMetadataKey(group=group.group_id), group.snapshot())
        for member in group.members.values():
            self._answer_sync(group, member, self._synced(group, member), now_ms, out)

    def _synced(self, group: ClassicGroup, member: Member) -> SyncGroupResponse:
        return SyncGroupResponse(
            protocol_type=group.protocol_type, protocol_name=group.protocol, assignment=member.assignment
        )

    def _on_sync_deadline(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        """Members that joined and then never synced are removed (KAFKA-9752)."""
        if group.state not in (State.COMPLETING_REBALANCE, State.STABLE) or not group.pending_syncs:
            return
        for member_id in list(group.pending_syncs):
            out.cancel((SESSION, group.group_id, member_id))
            group.remove(member_id)
        self._prepare_rebalance(group, now_ms, out)

    # --- Heartbeat, LeaveGroup, offset commits

    def heartbeat(self, group: ClassicGroup, request: HeartbeatRequest, now_ms: int, out: Outcome) -> HeartbeatResponse:
        """Raises the error, or answers 0, or 27 while the group rebalances."""
        if group.state is State.DEAD:
            raise CoordinatorNotAvailable
        member = group.check_member(request.member_id, request.group_instance_id)
        if request.generation_id != group.generation:
            raise IllegalGeneration
        if group.state is State.EMPTY:
            raise UnknownMemberId
        self._alive(group, member, now_ms, out)
        if group.state is State.PREPARING_REBALANCE:
            raise RebalanceInProgress
        return HeartbeatResponse()

    def leave(
        self, group: ClassicGroup, request: LeaveGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> LeaveGroupResponse:
        """One answer for each member; below v3 the one member's error stands at the top."""
        answers = []
        removed = False
        for one in asked_to_leave(request, caller.version):
            error = 0
            try:
                self._leave_one(group, one, out)
                removed = True
            except KafkaError as problem:
                error = problem.code
            answers.append(
                LeaveGroupResponse.MemberResponse(
                    member_id=one.member_id, group_instance_id=one.group_instance_id, error_code=error
                )
            )
        if removed:
            if group.state in (State.STABLE, State.COMPLETING_REBALANCE):
                self._prepare_rebalance(group, now_ms, out)
            elif group.state is State.PREPARING_REBALANCE:
                self._maybe_complete_join(group, now_ms, out)
        return leave_answer(answers, caller.version)

    def _leave_one(self, group: ClassicGroup, one: LeaveGroupRequest.MemberIdentity, out: Outcome) -> None:
        member_id = one.member_id
        if not member_id and one.group_instance_id is not None:
            member_id = group.static.get(one.group_instance_id, "")
        elif member_id in group.pending_joins:
            group.remove(member_id)
            out.cancel((SESSION, group.group_id, member_id))
            return
        member = group.check_member(member_id, one.group_instance_id)
        self._drop(group, member, UnknownMemberId(), out)

    def check_commit(
        self, group: ClassicGroup, member_id: str, instance_id: str | None, generation: int
    ) -> Member | None:
        """May these offsets be committed? The member, if one commits. Raises what OffsetCommit answers."""
        if generation < 0 and group.state is State.EMPTY:
            return None  # a client that assigns partitions to itself
        if group.state is State.DEAD:
            raise CoordinatorNotAvailable
        if generation < 0 and not member_id and instance_id is None:
            raise UnknownMemberId  # the group has members: only they may commit
        member = group.check_member(member_id, instance_id)
        if generation != group.generation:
            raise IllegalGeneration
        if group.state is State.COMPLETING_REBALANCE:
            raise RebalanceInProgress
        return member

    def committed(self, group: ClassicGroup, member: Member, now_ms: int, out: Outcome) -> None:
        """A commit is a sign of life."""
        self._alive(group, member, now_ms, out)

    # --- the clock

    def on_timer(self, group: ClassicGroup, name: TimerName, now_ms: int, out: Outcome) -> None:
        kind = name[0]
        if kind == JOIN:
            self._on_join_deadline(group, now_ms, out)
        elif kind == SYNC:
            self._on_sync_deadline(group, now_ms, out)
        else:
            assert kind == SESSION, f"unknown timer {name}"
            self._on_session_deadline(group, name[2], now_ms, out)

    def _on_session_deadline(self, group: ClassicGroup, member_id: str, now_ms: int, out: Outcome) -> None:
        if member_id in group.pending_joins:
            del group.pending_joins[member_id]
            if group.state is State.PREPARING_REBALANCE:
                self._maybe_complete_join(group, now_ms, out)
            return
        member = group.members.get(member_id)
        if member is None:
            return
        if not member.expired(now_ms):
            # Heartbeats only moved the deadline; or its request is parked, and its answer starts the session anew.
            if member.deadline_ms > now_ms:
                out.wake((SESSION, group.group_id, member_id), member.deadline_ms)
            return
        self._drop(group, member, UnknownMemberId(), out)
        self._rebalance_or_complete(group, now_ms, out)

    def resume(self, group: ClassicGroup, out: Outcome) -> None:
        """Sets the timers of a group that was just loaded: its members have one session timeout to show up."""
        for member in group.members.values():
            out.wake((SESSION, group.group_id, member.member_id), member.deadline_ms)

    def rebalance(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        """All members shall join again."""
        self._prepare_rebalance(group, now_ms, out)

    def cancel(self, group: ClassicGroup, out: Outcome) -> None:
        """No timer of the group fires any more."""
        out.cancel((JOIN, group.group_id))
        out.cancel((SYNC, group.group_id))
        for member_id in (*group.members, *group.pending_joins):
            out.cancel((SESSION, group.group_id, member_id))

    def dissolve(self, group: ClassicGroup, error: KafkaError, out: Outcome) -> None:
        """Answers all who wait, before the group is unloaded."""
        for member in group.members.values():
            if member.awaiting_join is not None:
                out.answer(member.awaiting_join, join_refused(error, member.member_id))
            if member.awaiting_sync is not None:
                out.answer(member.awaiting_sync, sync_refused(error))

    # --- helpers

    def _alive(self, group: ClassicGroup, member: Member, now_ms: int, out: Outcome) -> None:
        """Moves the session deadline. The timer set for the earlier deadline finds it moved, and goes on."""
        before = member.deadline_ms
        member.deadline_ms = now_ms + member.session_timeout_ms
        if before <= now_ms or before > member.deadline_ms:
            out.wake((SESSION, group.group_id, member.member_id), member.deadline_ms)

    def _answer_join(
        self, group: ClassicGroup, member: Member, answer: JoinGroupResponse, now_ms: int, out: Outcome
    ) -> None:
        out.answer(member.awaiting_join, answer)
        member.awaiting_join = None
        member.deadline_ms = now_ms + member.session_timeout_ms
        out.wake((SESSION, group.group_id, member.member_id), member.deadline_ms)

    def _answer_sync(
        self, group: ClassicGroup, member: Member, answer: SyncGroupResponse, now_ms: int, out: Outcome
    ) -> None:
        if member.awaiting_sync is not None:
            out.answer(member.awaiting_sync, answer)
            member.awaiting_sync = None
            member.deadline_ms = now_ms + member.session_timeout_ms
            out.wake((SESSION, group.group_id, member.member_id), member.deadline_ms)

    def _drop(self, group: ClassicGroup, member: Member, error: KafkaError, out: Outcome) -> None:
        if member.awaiting_join is not None:
            out.answer(member.awaiting_join, join_refused(error, member.member_id))
        if member.awaiting_sync is not None:
            out.answer(member.awaiting_sync, sync_refused(error))
        out.cancel((SESSION, group.group_id, member.member_id))
        group.remove(member.member_id)

    def _uuid(self) -> str:
        """A version-4 uuid in its usual text form."""
        raw = bytearray(self._random.bytes(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        text = raw.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def asked_to_leave(request: LeaveGroupRequest, version: int) -> list[LeaveGroupRequest.MemberIdentity]:
    """Below v3 a request names one member."""
    if version < _LEAVE_BATCH_SINCE:
        return [LeaveGroupRequest.MemberIdentity(member_id=request.member_id)]
    return list(request.members)


def leave_answer(answers: list[LeaveGroupResponse.MemberResponse], version: int) -> LeaveGroupResponse:
    """Below v3 the one member's error stands at the top."""
    if version < _LEAVE_BATCH_SINCE:
        return LeaveGroupResponse(error_code=answers[0].error_code)
    return LeaveGroupResponse(members=answers)


def join_refused(error: KafkaError, member_id: str) -> JoinGroupResponse:
    return JoinGroupResponse(
        error_code=error.code, generation_id=-1, protocol_type=None, protocol_name=None, leader="", member_id=member_id
    )


def sync_refused(error: KafkaError) -> SyncGroupResponse:
    return SyncGroupResponse(error_code=error.code, protocol_type=None, protocol_name=None)


def _rebalance_timeout_ms(request: JoinGroupRequest) -> int:
    """v0 has none: the session timeout then."""
    return request.rebalance_timeout_ms if request.rebalance_timeout_ms >= 0 else request.session_timeout_ms
