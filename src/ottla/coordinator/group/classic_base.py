"""What all parts of the classic protocol do with a member: keep it alive, answer what it waits for, drop it."""

from __future__ import annotations

from ottla.common.clock import Random
from ottla.common.errors import KafkaError
from ottla.coordinator.group.classic_answers import join_refused, sync_refused
from ottla.coordinator.group.classic_group import ClassicGroup, Member
from ottla.coordinator.group.limits import GroupLimits
from ottla.coordinator.outcome import Outcome
from ottla.protocol.messages.join_group import JoinGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupResponse

JOIN, SYNC, SESSION = "join", "sync", "session"


class ClassicBase:
    """Holds no group: each call is given the group that it changes and the outcome that it fills."""

    def __init__(self, limits: GroupLimits, random: Random) -> None:
        self.limits = limits
        self._random = random

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

    def _drop(self, group: ClassicGroup, member: Member, error: KafkaError, out: Outcome, reason: str) -> None:
        out.note("group.member_left", group=group.group_id, member=member.member_id, reason=reason)
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
