"""ElectLeaders: versions 0 to 2 (KIP-460). Authorised here, decided by the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.common.errors import KafkaError
from ottla.controller.elections import refused
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_ERROR_ABOVE_SINCE = 1


async def elect_leaders(ctx: Context, request: ElectLeadersRequest) -> ElectLeadersResponse:
    """Needs ALTER on the cluster. Without it, or without a controller, every partition named gets that error too."""
    response: ElectLeadersResponse
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
        response = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        response = refused(request, error)
    if response.error_code:
        ctx.count_code(response.error_code)
        if ctx.version < _ERROR_ABOVE_SINCE:  # there only the partitions tell
            response.error_code = 0
    for topic in response.replica_election_results:
        counted(ctx, topic.partition_result)
    response.throttle_time_ms = ctx.throttle_time_ms
    return response
