"""Delegation tokens: create, renew, expire, describe (KIP-48)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bytes, Int16, Int32, Int64, String


class CreateDelegationTokenRequest(Message, api=38, versions=(1, 3), flexible=2):
    """Create a token for the owner, or for someone on whose behalf the caller may act."""

    class CreatableRenewers(Struct):
        principal_type: String = ""
        principal_name: String = ""

    owner_principal_type: String | None = field(default="", since=3)
    owner_principal_name: String | None = field(default="", since=3)
    renewers: list[CreatableRenewers] = field()
    max_lifetime_ms: Int64 = 0


class CreateDelegationTokenResponse(Message, api=38, versions=(1, 3), flexible=2):
    """The token and its secret."""

    error_code: Int16 = 0
    principal_type: String = ""
    principal_name: String = ""
    token_requester_principal_type: String = field(default="", since=3)
    token_requester_principal_name: String = field(default="", since=3)
    issue_timestamp_ms: Int64 = 0
    expiry_timestamp_ms: Int64 = 0
    max_timestamp_ms: Int64 = 0
    token_id: String = ""
    hmac: Bytes = b""
    throttle_time_ms: Int32 = 0


class RenewDelegationTokenRequest(Message, api=39, versions=(1, 2), flexible=2):
    """Make a token live longer."""

    hmac: Bytes = b""
    renew_period_ms: Int64 = 0


class RenewDelegationTokenResponse(Message, api=39, versions=(1, 2), flexible=2):
    """The new time of expiry."""

    error_code: Int16 = 0
    expiry_timestamp_ms: Int64 = 0
    throttle_time_ms: Int32 = 0


class ExpireDelegationTokenRequest(Message, api=40, versions=(1, 2), flexible=2):
    """Let a token end sooner; a negative period ends it now."""

    hmac: Bytes = b""
    expiry_time_period_ms: Int64 = 0


class ExpireDelegationTokenResponse(Message, api=40, versions=(1, 2), flexible=2):
    """The new time of expiry."""

    error_code: Int16 = 0
    expiry_timestamp_ms: Int64 = 0
    throttle_time_ms: Int32 = 0


class DescribeDelegationTokenRequest(Message, api=41, versions=(1, 3), flexible=2):
    """Ask for the tokens of some owners, null for all that the caller may see."""

    class DescribeDelegationTokenOwner(Struct):
        principal_type: String = ""
        principal_name: String = ""

    owners: list[DescribeDelegationTokenOwner] | None = field()


class DescribeDelegationTokenResponse(Message, api=41, versions=(1, 3), flexible=2):
    """The tokens."""

    class DescribedDelegationTokenRenewer(Struct):
        principal_type: String = ""
        principal_name: String = ""

    class DescribedDelegationToken(Struct):
        principal_type: String = ""
        principal_name: String = ""
        token_requester_principal_type: String = field(default="", since=3)
        token_requester_principal_name: String = field(default="", since=3)
        issue_timestamp: Int64 = 0
        expiry_timestamp: Int64 = 0
        max_timestamp: Int64 = 0
        token_id: String = ""
        hmac: Bytes = b""
        renewers: list[DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer] = field()

    error_code: Int16 = 0
    tokens: list[DescribedDelegationToken] = field()
    throttle_time_ms: Int32 = 0
