"""SyncGroup: the leader of a classic group hands in the assignment, every member gets its part."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bytes, Int16, Int32, String


class SyncGroupRequest(Message, api=14, versions=(0, 5), flexible=4):
    """Hand in the assignment (the leader) or ask for the own part of it (everyone)."""

    class SyncGroupRequestAssignment(Struct):
        member_id: String = ""
        assignment: Bytes = b""

    group_id: String = ""
    generation_id: Int32 = 0
    member_id: String = ""
    group_instance_id: String | None = field(default=None, since=3)
    protocol_type: String | None = field(default=None, since=5, ignorable=True)
    protocol_name: String | None = field(default=None, since=5, ignorable=True)
    assignments: list[SyncGroupRequestAssignment] = field()


class SyncGroupResponse(Message, api=14, versions=(0, 5), flexible=4):
    """The part of the member, in the bytes that the leader made."""

    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    error_code: Int16 = 0
    protocol_type: String | None = field(default=None, since=5, ignorable=True)
    protocol_name: String | None = field(default=None, since=5, ignorable=True)
    assignment: Bytes = b""
