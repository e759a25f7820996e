"""ApiVersions: what this broker serves, and which features are switched on (KIP-511, KIP-584). Versions 0 to 4."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ottla.broker.apis import PRODUCE, PRODUCE_ADVERTISED_FROM
from ottla.common.errors import InvalidRequest
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse

if TYPE_CHECKING:
    from ottla.broker.context import Context

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
_NAMES_SOFTWARE = 3
_LISTS_MINIMUM_ZERO = 4


async def api_versions(ctx: Context, request: ApiVersionsRequest) -> ApiVersionsResponse:
    if ctx.version >= _NAMES_SOFTWARE:
        names = (request.client_software_name, request.client_software_version)
        if not all(_SOFTWARE.fullmatch(name) for name in names):
            return ApiVersionsResponse(error_code=ctx.count_error(InvalidRequest()))
        ctx.session.client_software, ctx.session.client_software_version = names
    features = ctx.node.membership.features()
    return ApiVersionsResponse(
        api_keys=[
            ApiVersionsResponse.ApiVersion(
                api_key=row.key,
                min_version=PRODUCE_ADVERTISED_FROM if row.key == PRODUCE else row.oldest,
                max_version=row.newest,
            )
            for row in sorted(ctx.node.apis.values())
            if row.advertised
        ],
        throttle_time_ms=ctx.throttle_time_ms,
        supported_features=[
            ApiVersionsResponse.SupportedFeatureKey(name=one.name, min_version=one.oldest, max_version=one.newest)
            for one in features.supported
            # Clients below v4 refuse a minimum of 0 (KAFKA-17011).
            if one.oldest > 0 or ctx.version >= _LISTS_MINIMUM_ZERO
        ],
        finalized_features_epoch=features.epoch,
        finalized_features=[
            ApiVersionsResponse.FinalizedFeatureKey(name=name, max_version_level=level, min_version_level=level)
            for name, level in features.finalized
        ],
    )
