"""Heartbeat: a classic group member shows that it is alive."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message
from ottla.protocol.types import Int16, Int32, String


class HeartbeatRequest(Message, api=12, versions=(0, 4), flexible=4):
    """Show that a member of a classic group is alive; sent to the coordinator a few times a session."""

    group_id: String = ""
    generation_id: Int32 = 0
    member_id: String = ""
    group_instance_id: String | None = field(default=None, since=3)


class HeartbeatResponse(Message, api=12, versions=(0, 4), flexible=4):
    """Whether the member may go on, or has to join again."""

    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    error_code: Int16 = 0
