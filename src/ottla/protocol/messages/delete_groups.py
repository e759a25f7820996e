"""DeleteGroups: empty groups go with their offsets."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, String


class DeleteGroupsRequest(Message, api=42, versions=(0, 2), flexible=2):
    """Delete empty groups with their offsets; sent to their coordinator."""

    groups_names: list[String] = field()


class DeleteGroupsResponse(Message, api=42, versions=(0, 2), flexible=2):
    """For each group, whether it is gone."""

    class DeletableGroupResult(Struct):
        group_id: String = ""
        error_code: Int16 = 0

    throttle_time_ms: Int32 = 0
    results: list[DeletableGroupResult] = field()
