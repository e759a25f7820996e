"""SaslHandshake and SaslAuthenticate: who is at the other end of the connection."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message
from ottla.protocol.types import Bytes, Int16, Int64, String


class SaslHandshakeRequest(Message, api=17, versions=(0, 1)):
    """Choose a mechanism; tokens follow in SaslAuthenticate requests, or bare after version 0."""

    mechanism: String = ""


class SaslHandshakeResponse(Message, api=17, versions=(0, 1)):
    """Whether it is enabled, and which are."""

    error_code: Int16 = 0
    mechanisms: list[String] = field()


class SaslAuthenticateRequest(Message, api=36, versions=(0, 2), flexible=2):
    """Carry one token of the exchange from the client."""

    auth_bytes: Bytes = b""


class SaslAuthenticateResponse(Message, api=36, versions=(0, 2), flexible=2):
    """The token of the server, or why it refuses."""

    error_code: Int16 = 0
    error_message: String | None = ""
    auth_bytes: Bytes = b""
    session_lifetime_ms: Int64 = field(default=0, since=1, ignorable=True)
