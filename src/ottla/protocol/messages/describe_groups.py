"""DescribeGroups: the state and the members of classic groups."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Bytes, Int16, Int32, String


class DescribeGroupsRequest(Message, api=15, versions=(0, 6), flexible=5):
    """Ask for the state of classic groups; sent by tools to their coordinator."""

    groups: list[String] = field()
    include_authorized_operations: Bool = field(default=False, since=3)


class DescribeGroupsResponse(Message, api=15, versions=(0, 6), flexible=5):
    """State, protocol and members of each group."""

    class DescribedGroupMember(Struct):
        member_id: String = ""
        group_instance_id: String | None = field(default=None, since=4, ignorable=True)
        client_id: String = ""
        client_host: String = ""
        member_metadata: Bytes = b""
        member_assignment: Bytes = b""

    class DescribedGroup(Struct):
        error_code: Int16 = 0
        error_message: String | None = field(default=None, since=6)
        group_id: String = ""
        group_state: String = ""
        protocol_type: String = ""
        protocol_data: String = ""
        members: list[DescribeGroupsResponse.DescribedGroupMember] = field()
        authorized_operations: Int32 = field(default=-(2**31), since=3)

    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    groups: list[DescribedGroup] = field()
