"""JoinGroup and the join phase: from the first join of a rebalance to the new generation."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.errors import (
    FencedInstanceId,
    GroupMaxSizeReached,
    InconsistentGroupProtocol,
    InvalidGroupId,
    InvalidSessionTimeout,
    KafkaError,
    MemberIdRequired,
    RebalanceInProgress,
    UnknownMemberId,
    UnknownServerError,
)
from ottla.coordinator.group.classic_answers import join_refused, sync_refused
from ottla.coordinator.group.classic_base import JOIN, SESSION, SYNC, ClassicBase
from ottla.coordinator.group.classic_group import ClassicGroup, Member, Protocols, State
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.outcome import Outcome, Token
from ottla.protocol.logs.consumer_offsets import GroupMetadataKey
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

_NEW_MEMBER_JOIN_MS = 300_000  # a new member's socket is silent while its join is parked; do not keep it for ever
_KNOWN_ID_SINCE = 4
_SKIP_ASSIGNMENT_SINCE = 9


class Join(NamedTuple):
    """One JoinGroup at work. `protocols` are the request's."""

    token: Token
    request: JoinGroupRequest
    protocols: Protocols
    caller: Caller
    now_ms: int


class JoinPhase(ClassicBase):
    """Joins wait here until all members have joined, or the time is up."""

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
            is_asked_for_id = not request.member_id and request.group_instance_id is None
            if not (is_asked_for_id and caller.version >= _KNOWN_ID_SINCE) and _names_twice(protocols):
                raise InconsistentGroupProtocol  # Kafka never answers
            join = Join(token, request, protocols, caller, now_ms)
            if request.member_id:
                self._join_known(group, join, out)
            else:
                self._join_new(group, join, out)
        except (GroupMaxSizeReached, UnknownServerError) as error:
            out.answer(token, join_refused(error, ""))
        except KafkaError as error:
            out.answer(token, join_refused(error, request.member_id))

    def _has_room(self, group: ClassicGroup, member_id: str) -> bool:
        """Who is in already may stay; in a rebalance the first to join are. Who was only given an id counts nowhere."""
        most = self.limits.group_max_size
        if group.state in (State.EMPTY, State.DEAD):
            return True
        if group.state is State.PREPARING_REBALANCE:
            member = group.members.get(member_id)
            if member is not None and member.awaiting_join is not None:
                return True
            return sum(1 for one in group.members.values() if one.awaiting_join is not None) < most
        return member_id in group.members or len(group.members) < most

    def _join_new(self, group: ClassicGroup, join: Join, out: Outcome) -> None:
        request, caller = join.request, join.caller
        instance_id = request.group_instance_id
        member_id = f"{instance_id if instance_id is not None else caller.client_id}-{self._uuid()}"
        if instance_id is not None and instance_id in group.static:
            self._join_static_again(group, join, member_id, out)
        elif instance_id is None and caller.version >= _KNOWN_ID_SINCE:
            group.pending_joins[member_id] = None
            out.wake((SESSION, group.group_id, member_id), join.now_ms + request.session_timeout_ms)
            out.answer(join.token, join_refused(MemberIdRequired(), member_id))
        else:
            self._add(group, join, member_id, out)

    def _join_known(self, group: ClassicGroup, join: Join, out: Outcome) -> None:
        request = join.request
        if request.member_id in group.pending_joins:
            if request.group_instance_id is not None:
                raise UnknownServerError("a member that was given its id as a dynamic one is no static one")
            self._add(group, join, request.member_id, out)
            return
        member = group.check_member(request.member_id, request.group_instance_id)
        unchanged = member.protocols == join.protocols
        if group.state is State.COMPLETING_REBALANCE and unchanged:
            # The answer to its join was lost: the same answer again.
            out.answer(join.token, self._joined(group, member, join.caller.version))
        elif group.state is State.STABLE and unchanged and member.member_id != group.leader:
            answer = self._joined(group, member, join.caller.version)
            answer.members = []
            out.answer(join.token, answer)
        elif group.state in (State.EMPTY, State.DEAD):
            raise UnknownMemberId
        else:
            self._rejoin(member, join)
            why = request.reason or ("its subscription changed" if not unchanged else "it asked for one")
            self._rebalance_or_complete(group, join.now_ms, out, f"{member.member_id} joined again: {why}")

    def _add(self, group: ClassicGroup, join: Join, member_id: str, out: Outcome) -> None:
        request, caller = join.request, join.caller
        if not group.members:
            group.protocol_type = request.protocol_type
        member = Member(
            member_id,
            request.group_instance_id,
            caller.client_id,
            caller.client_host,
            _rebalance_timeout_ms(request),
            request.session_timeout_ms,
            join.protocols,
        )
        member.is_new = True
        member.awaiting_join = join.token
        member.join_version = caller.version
        if group.state is State.PREPARING_REBALANCE and group.previous_state is State.EMPTY:
            group.new_member_added = True
        group.add(member)
        member.deadline_ms = join.now_ms + _NEW_MEMBER_JOIN_MS
        out.wake((SESSION, group.group_id, member_id), member.deadline_ms)
        out.note(
            "group.member_joined", group=group.group_id, member=member_id, client_id=caller.client_id,
            address=caller.client_host,
        )  # fmt: skip
        self._rebalance_or_complete(group, join.now_ms, out, f"joined: {member_id}")

    def _rejoin(self, member: Member, join: Join) -> None:
        member.use_protocols(join.protocols)
        member.rebalance_timeout_ms = _rebalance_timeout_ms(join.request)
        member.session_timeout_ms = join.request.session_timeout_ms
        member.awaiting_join = join.token
        member.join_version = join.caller.version

    def _join_static_again(self, group: ClassicGroup, join: Join, member_id: str, out: Outcome) -> None:
        """A static member came back without its id (KIP-345): a new id, and if nothing changes no rebalance."""
        request, caller, now_ms = join.request, join.caller, join.now_ms
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
        self._rejoin(member, join)
        member.deadline_ms = now_ms + member.session_timeout_ms
        out.wake((SESSION, group.group_id, member_id), member.deadline_ms)  # no timer has the new id yet
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
            out.answer(join.token, answer)
        elif group.state is State.PREPARING_REBALANCE:
            self._maybe_complete_join(group, now_ms, out)
        else:
            self._prepare_rebalance(group, now_ms, out, f"static member {request.group_instance_id} came back")

    # --- the join phase

    def _rebalance_or_complete(self, group: ClassicGroup, now_ms: int, out: Outcome, reason: str) -> None:
        if group.state is State.PREPARING_REBALANCE:
            self._maybe_complete_join(group, now_ms, out)
        elif group.state is not State.DEAD:
            self._prepare_rebalance(group, now_ms, out, reason)

    def _prepare_rebalance(self, group: ClassicGroup, now_ms: int, out: Outcome, reason: str) -> None:
        out.note("group.rebalancing", group=group.group_id, generation=group.generation, reason=reason)
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
                out.note(
                    "group.member_left", group=group.group_id, member=member.member_id,
                    reason="it did not join again within the rebalance timeout",
                )  # fmt: skip
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


def _rebalance_timeout_ms(request: JoinGroupRequest) -> int:
    """v0 has none: the session timeout then."""
    return request.rebalance_timeout_ms if request.rebalance_timeout_ms >= 0 else request.session_timeout_ms


def _names_twice(protocols: Protocols) -> bool:
    return len({name for name, _ in protocols}) < len(protocols)
