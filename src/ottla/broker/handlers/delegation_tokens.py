"""Create-, Describe- (1 to 3), Renew- and ExpireDelegationToken (1 to 2): refused on connections like ours (KIP-48).

Kafka gives tokens only to who has proved who it is, by SASL (not with a token) or by a TLS certificate. No listener
does that yet, so every request meets the same refusal, which comes before any question of what is allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import DelegationTokenRequestNotAllowed
from ottla.protocol.messages.delegation_tokens import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)

if TYPE_CHECKING:
    from ottla.broker.context import Context

_NO_TIME = -1
_NAMES_REQUESTER = 3


async def create_delegation_token(ctx: Context, request: CreateDelegationTokenRequest) -> CreateDelegationTokenResponse:
    """The owner is whom the request names from version 3 on, else who asks."""
    requester = ctx.session.principal
    named = bool(request.owner_principal_name)
    return CreateDelegationTokenResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        error_code=ctx.count_error(DelegationTokenRequestNotAllowed()),
        principal_type=(request.owner_principal_type or "") if named else requester.type,
        principal_name=(request.owner_principal_name or "") if named else requester.name,
        token_requester_principal_type=requester.type if ctx.version >= _NAMES_REQUESTER else "",
        token_requester_principal_name=requester.name if ctx.version >= _NAMES_REQUESTER else "",
        issue_timestamp_ms=_NO_TIME,
        expiry_timestamp_ms=_NO_TIME,
        max_timestamp_ms=_NO_TIME,
    )


async def renew_delegation_token(ctx: Context, request: RenewDelegationTokenRequest) -> RenewDelegationTokenResponse:
    return RenewDelegationTokenResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        error_code=ctx.count_error(DelegationTokenRequestNotAllowed()),
        expiry_timestamp_ms=_NO_TIME,
    )


async def expire_delegation_token(ctx: Context, request: ExpireDelegationTokenRequest) -> ExpireDelegationTokenResponse:
    return ExpireDelegationTokenResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        error_code=ctx.count_error(DelegationTokenRequestNotAllowed()),
        expiry_timestamp_ms=_NO_TIME,
    )


async def describe_delegation_token(
    ctx: Context, request: DescribeDelegationTokenRequest
) -> DescribeDelegationTokenResponse:
    return DescribeDelegationTokenResponse(
        throttle_time_ms=ctx.throttle_time_ms, error_code=ctx.count_error(DelegationTokenRequestNotAllowed())
    )
