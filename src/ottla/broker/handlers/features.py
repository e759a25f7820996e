"""UpdateFeatures: versions 0 to 2 (KIP-584, KIP-1022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import KafkaError
from ottla.protocol.messages.features import UpdateFeaturesRequest, UpdateFeaturesResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_ALL_OR_NOTHING_SINCE = 2


async def update_features(ctx: Context, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse:
    """Needs ALTER on the cluster. Version 2 has no list of results: they are all the same anyway."""
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
        for update in request.feature_updates:
            update.allow_downgrade = False  # only version 0 has it, and Kafka's controller does not look at it
        response: UpdateFeaturesResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        return UpdateFeaturesResponse(
            throttle_time_ms=ctx.throttle_time_ms,
            error_code=ctx.count_error(error),
            error_message=error.message,
            results=[],
        )
    if response.error_code:
        ctx.count_code(response.error_code)
    elif ctx.version < _ALL_OR_NOTHING_SINCE:  # the controller answered in the newest version
        response.results = [
            UpdateFeaturesResponse.UpdatableFeatureResult(feature=update.feature, error_message="NONE")
            for update in request.feature_updates
        ]
    response.throttle_time_ms = ctx.throttle_time_ms
    return response
