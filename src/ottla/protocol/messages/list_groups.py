"""ListGroups: the groups that a broker coordinates."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, String


class ListGroupsRequest(Message, api=16, versions=(0, 5), flexible=3):
    """Ask a broker for all groups that it coordinates, filtered by state (version 4) and type (version 5)."""

    states_filter: list[String] = field(since=4)
    types_filter: list[String] = field(since=5)


class ListGroupsResponse(Message, api=16, versions=(0, 5), flexible=3):
    """The groups with their type and state."""

    class ListedGroup(Struct):
        group_id: String = ""
        protocol_type: String = ""
        group_state: String = field(default="", since=4, ignorable=True)
        group_type: String = field(default="", since=5, ignorable=True)

    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    error_code: Int16 = 0
    groups: list[ListedGroup] = field()
