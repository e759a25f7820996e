"""AddRaftVoter and RemoveRaftVoter: change who votes in the metadata quorum (KIP-853)."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, String, UInt16, Uuid


class AddRaftVoterRequest(Message, api=80, versions=(0, 1), flexible=0):
    """Add a controller to the voters."""

    class Listener(Struct):
        name: String = ""
        host: String = ""
        port: UInt16 = 0

    cluster_id: String | None = ""
    timeout_ms: Int32 = 0
    voter_id: Int32 = 0
    voter_directory_id: Uuid = ZERO_UUID
    listeners: list[Listener] = field()
    ack_when_committed: Bool = field(default=True, since=1)


class AddRaftVoterResponse(Message, api=80, versions=(0, 1), flexible=0):
    """Whether it votes now."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""


class RemoveRaftVoterRequest(Message, api=81, versions=(0, 0), flexible=0):
    """Take a controller out of the voters."""

    cluster_id: String | None = ""
    voter_id: Int32 = 0
    voter_directory_id: Uuid = ZERO_UUID


class RemoveRaftVoterResponse(Message, api=81, versions=(0, 0), flexible=0):
    """Whether it is out."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
