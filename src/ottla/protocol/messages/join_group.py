"""JoinGroup: a classic group gathers its members for a new generation."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Bytes, Int16, Int32, String


class JoinGroupRequest(Message, api=11, versions=(0, 9), flexible=6):
    """Join a classic group or join it again; the coordinator answers when all members have, or time is up."""

    class JoinGroupRequestProtocol(Struct):
        name: String = ""
        metadata: Bytes = b""

    group_id: String = ""
    session_timeout_ms: Int32 = 0
    rebalance_timeout_ms: Int32 = field(default=-1, since=1, ignorable=True)
    member_id: String = ""
    group_instance_id: String | None = field(default=None, since=5)
    protocol_type: String = ""
    protocols: list[JoinGroupRequestProtocol] = field()
    reason: String | None = field(default=None, since=8, ignorable=True)


class JoinGroupResponse(Message, api=11, versions=(0, 9), flexible=6):
    """The new generation; the leader also gets every member with its metadata."""

    class JoinGroupResponseMember(Struct):
        member_id: String = ""
        group_instance_id: String | None = field(default=None, since=5, ignorable=True)
        metadata: Bytes = b""

    throttle_time_ms: Int32 = field(default=0, since=2, ignorable=True)
    error_code: Int16 = 0
    generation_id: Int32 = -1
    protocol_type: String | None = field(default=None, since=7, ignorable=True)
    protocol_name: String | None = field(default="", nullable_since=7)
    leader: String = ""
    skip_assignment: Bool = field(default=False, since=9)
    member_id: String = ""
    members: list[JoinGroupResponseMember] = field()
