"""What is volatile about a consumer group: deadlines of its members, and whether its topics must be looked at again."""

from __future__ import annotations

from ottla.coordinator.outcome import Outcome, TimerName

SESSION, REVOKE, REJOIN, RESYNC = "session", "revoke", "rejoin", "resync"
"""Kinds of timers: a sign of life, giving partitions up, and for classic clients joining again and syncing."""


class Watch:
    """Made anew when the coordinator moves: every member then has one session timeout to show up."""

    __slots__ = ("_group_id", "_sessions", "_waits", "topics_changed")

    def __init__(self, group_id: str) -> None:
        self._group_id = group_id
        self._sessions: dict[str, int] = {}
        self._waits: dict[TimerName, int] = {}
        self.topics_changed = True

    def alive(self, member_id: str, timeout_ms: int, now_ms: int, out: Outcome) -> None:
        """Moves the session deadline. The timer set for the earlier one finds it moved, and goes on."""
        before = self._sessions.get(member_id, 0)
        deadline_ms = self._sessions[member_id] = now_ms + timeout_ms
        if before <= now_ms or before > deadline_ms:
            out.wake((SESSION, self._group_id, member_id), deadline_ms)

    def is_silent(self, member_id: str, now_ms: int, out: Outcome) -> bool:
        """The session timer fired: True if the deadline has passed."""
        deadline_ms = self._sessions.get(member_id)
        if deadline_ms is None:
            return False
        if deadline_ms > now_ms:
            out.wake((SESSION, self._group_id, member_id), deadline_ms)
            return False
        return True

    def expect(self, kind: str, member_id: str, timeout_ms: int, epoch: int, now_ms: int, out: Outcome) -> None:
        """The member has so long for this step; `epoch` is where it stands now."""
        name = (kind, self._group_id, member_id)
        self._waits[name] = epoch
        out.wake(name, now_ms + timeout_ms)

    def expects(self, kind: str, member_id: str) -> bool:
        return (kind, self._group_id, member_id) in self._waits

    def done(self, kind: str, member_id: str, out: Outcome) -> None:
        name = (kind, self._group_id, member_id)
        if self._waits.pop(name, None) is not None:
            out.cancel(name)

    def missed(self, name: TimerName) -> int | None:
        """The timer of a step fired: the epoch at which the member stood when it was set."""
        return self._waits.pop(name, None)

    def forget(self, member_id: str, out: Outcome) -> None:
        if self._sessions.pop(member_id, None) is not None:
            out.cancel((SESSION, self._group_id, member_id))
        for kind in (REVOKE, REJOIN, RESYNC):
            self.done(kind, member_id, out)

    def forget_all(self, out: Outcome) -> None:
        for member_id in list(self._sessions):
            self.forget(member_id, out)
        for name in list(self._waits):
            self.forget(name[2], out)
