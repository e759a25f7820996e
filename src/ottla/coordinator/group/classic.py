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

from ottla.common.errors import (
    CoordinatorNotAvailable,
    IllegalGeneration,
    KafkaError,
    RebalanceInProgress,
    UnknownMemberId,
)
from ottla.coordinator.group.classic_answers import asked_to_leave, join_refused, leave_answer, sync_refused
from ottla.coordinator.group.classic_base import JOIN, SESSION, SYNC
from ottla.coordinator.group.classic_group import ClassicGroup, Member, State
from ottla.coordinator.group.classic_sync import SyncPhase
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.outcome import Outcome, TimerName
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse


class Classic(SyncPhase):
    """The rules of a stable group, and the clock. Joining and syncing are its bases."""

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
        removed: list[str] = []
        for one in asked_to_leave(request, caller.version):
            error = 0
            try:
                self._leave_one(group, one, out)
                removed.append(one.member_id or one.group_instance_id or "")
            except KafkaError as problem:
                error = problem.code
            answers.append(
                LeaveGroupResponse.MemberResponse(
                    member_id=one.member_id, group_instance_id=one.group_instance_id, error_code=error
                )
            )
        if removed:
            if group.state in (State.STABLE, State.COMPLETING_REBALANCE):
                self._prepare_rebalance(group, now_ms, out, f"left: {', '.join(removed)}")
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
        self._drop(group, member, UnknownMemberId(), out, one.reason or "it left")

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

    def check_transactional_commit(
        self, group: ClassicGroup, member_id: str, instance_id: str | None, generation: int
    ) -> None:
        """The same for TxnOffsetCommit: who names no member need not be one, and a rebalance is no obstacle."""
        if generation < 0 and group.state is State.EMPTY:
            return
        if group.state is State.DEAD:
            raise CoordinatorNotAvailable
        if generation < 0 and not member_id and instance_id is None:
            return
        group.check_member(member_id, instance_id)
        if generation != group.generation:
            raise IllegalGeneration

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
        silent = f"no sign of life within its session timeout of {member.session_timeout_ms} ms"
        self._drop(group, member, UnknownMemberId(), out, silent)
        self._rebalance_or_complete(group, now_ms, out, f"lost: {member_id}")

    def resume(self, group: ClassicGroup, out: Outcome) -> None:
        """Sets the timers of a group that was just loaded: its members have one session timeout to show up."""
        for member in group.members.values():
            out.wake((SESSION, group.group_id, member.member_id), member.deadline_ms)

    def rebalance(self, group: ClassicGroup, now_ms: int, out: Outcome) -> None:
        """All members shall join again."""
        self._prepare_rebalance(group, now_ms, out, "the group is classic again")

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
