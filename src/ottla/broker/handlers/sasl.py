"""SaslHandshake (0, 1) and SaslAuthenticate (0 to 2) on a listener without authentication: nothing to authenticate.

The connection stays open, and the client may go on with other requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import IllegalSaslState
from ottla.protocol.messages.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

if TYPE_CHECKING:
    from ottla.broker.context import Context


async def sasl_handshake(ctx: Context, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
    return SaslHandshakeResponse(error_code=ctx.count_error(IllegalSaslState()))


async def sasl_authenticate(ctx: Context, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
    error = IllegalSaslState("SaslAuthenticate request received after successful authentication")
    return SaslAuthenticateResponse(error_code=ctx.count_error(error), error_message=error.message)
