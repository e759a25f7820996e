"""SyncGroup: members wait for the assignment that their leader makes."""

from __future__ import annotations

from ottla.common.errors import (
    IllegalGeneration,
    InconsistentGroupProtocol,
    RebalanceInProgress,
    UnknownMemberId,
    UnknownServerError,
)
from ottla.coordinator.group.classic_answers import sync_refused
from ottla.coordinator.group.classic_base import SESSION
from ottla.coordinator.group.classic_group import ClassicGroup, Member, State
from ottla.coordinator.group.classic_join import JoinPhase
from ottla.coordinator.group.limits import Caller
from ottla.coordinator.group.sizes import record_bytes
from ottla.coordinator.outcome import Outcome, Token
from ottla.protocol.logs.consumer_offsets import GroupMetadataKey
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse


class SyncPhase(JoinPhase):
    """From the new generation to a stable group."""

    def sync(
        self, group: ClassicGroup, token: Token, request: SyncGroupRequest, caller: Caller, now_ms: int, out: Outcome
    ) -> None:
        """Answers with the member's assignment, or parks `token` until the leader has sent it. Raises the errors."""
        member = group.check_member(request.member_id, request.group_instance_id)
        if request.generation_id != group.generation:
            raise IllegalGeneration
        for told, known in ((request.protocol_type, group.protocol_type), (request.protocol_name, group.protocol)):
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
        size = record_bytes(group, (given.get(member_id, b"") for member_id in group.members))
        if size > self.limits.record_max_bytes:  # as in Kafka, whose append fails: all are told, and join again
            for member in group.members.values():
                self._answer_sync(group, member, sync_refused(UnknownServerError()), now_ms, out)
            self._prepare_rebalance(group, now_ms, out, "its assignment is larger than a record may be")
            return
        for member in group.members.values():
            member.assignment = given.get(member.member_id, b"")
        group.move_to(State.STABLE, now_ms)
        out.write(GroupMetadataKey(group=group.group_id), group.snapshot())
        out.note(
            "group.rebalanced", group=group.group_id, generation=group.generation, members=len(group.members),
            leader=group.leader, assignor=group.protocol,
        )  # fmt: skip
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
            out.note("group.member_left", group=group.group_id, member=member_id, reason="it joined and never synced")
            group.remove(member_id)
        self._prepare_rebalance(group, now_ms, out, "members joined and never synced")
