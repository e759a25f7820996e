"""Envelope: an admin request that another broker received, handed to the active controller (KIP-590)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import KafkaError, NotController
from ottla.protocol.api import APIS
from ottla.protocol.headers import framed_response, read_request_header
from ottla.protocol.messages.inter_broker import EnvelopeRequest, EnvelopeResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_LENGTH_BYTES = 4


async def envelope(ctx: Context, request: EnvelopeRequest) -> EnvelopeResponse:
    """The broker that forwards has authorised the request; only brokers may forward."""
    elements = ctx.node.elements
    try:
        ctx.authorize(Operation.CLUSTER_ACTION, ResourceType.CLUSTER)
        if ctx.node.controller_id() != ctx.node.node_id:
            raise NotController
        header = read_request_header(request.request_data)
        kind = APIS[header.api_key].request_class()
        inner = await elements.read_own(kind, header.api_version, request.request_data, header.body)
        answer = await ctx.node.controller.submit(inner)
    except KafkaError as error:
        return EnvelopeResponse(error_code=ctx.count_error(error))
    parts = await elements.write(answer, header.api_version)
    frame = b"".join(framed_response(answer, parts, header.api_version, header.correlation_id))
    return EnvelopeResponse(response_data=frame[_LENGTH_BYTES:])
