"""LeaveGroup: members go away without waiting for their session to end."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, String


class LeaveGroupRequest(Message, api=13, versions=(0, 5), flexible=4):
    """Take members out of a classic group; from version 3 several, also static ones by their instance id."""

    class MemberIdentity(Struct):
        member_id: String = field(default="", since=3)
        group_instance_id: String | None = field(default=None, since=3)
        reason: String | None = field(default=None, since=5, ignorable=True)

    group_id: String = ""
    member_id: String = field(default="", until=2)
    members: list[MemberIdentity] = field(since=3)


class LeaveGroupResponse(Message, api=13, versions=(0, 5), flexible=4):
    """For each member, whether it has left."""

    class MemberResponse(Struct):
        member_id: String = field(default="", since=3)
        group_instance_id: String | None = field(default="", since=3)
        error_code: Int16 = field(default=0, since=3)

    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    error_code: Int16 = 0
    members: list[MemberResponse] = field(since=3)
