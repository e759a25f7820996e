"""FindCoordinator: which broker coordinates a group, a transactional id or a share partition."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, String


class FindCoordinatorRequest(Message, api=10, versions=(0, 6), flexible=3):
    """Ask for the coordinator of one key, from version 4 of several; any broker answers."""

    key: String = field(default="", until=3)
    key_type: Int8 = field(default=0, since=1)
    coordinator_keys: list[String] = field(since=4)


class FindCoordinatorResponse(Message, api=10, versions=(0, 6), flexible=3):
    """Where each coordinator is."""

    class Coordinator(Struct):
        key: String = field(default="", since=4)
        node_id: Int32 = field(default=0, since=4)
        host: String = field(default="", since=4)
        port: Int32 = field(default=0, since=4)
        error_code: Int16 = field(default=0, since=4)
        error_message: String | None = field(default="", since=4, ignorable=True)

    throttle_time_ms: Int32 = field(default=0, since=1, ignorable=True)
    error_code: Int16 = field(default=0, until=3)
    error_message: String | None = field(default="", since=1, until=3, ignorable=True)
    node_id: Int32 = field(default=0, until=3)
    host: String = field(default="", until=3)
    port: Int32 = field(default=0, until=3)
    coordinators: list[Coordinator] = field(since=4)
