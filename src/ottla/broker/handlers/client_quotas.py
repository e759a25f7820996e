"""DescribeClientQuotas and AlterClientQuotas: versions 0 to 1 (KIP-546)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.common.errors import InvalidRequest, KafkaError, UnsupportedVersion
from ottla.controller.quotas import CLIENT_ID, IP, USER, Entity
from ottla.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

EXACT, DEFAULT, ANY = 0, 1, 2
"""How a filter matches the name of one part of an entity."""

Filter = dict[str, tuple[int, str | None]]
Entry = DescribeClientQuotasResponse.EntryData


async def describe_client_quotas(ctx: Context, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
    """Needs DESCRIBE_CONFIGS on the cluster. An entity matches a filter that each of its components matches."""
    response = DescribeClientQuotasResponse(throttle_time_ms=ctx.throttle_time_ms)
    try:
        ctx.authorize(Operation.DESCRIBE_CONFIGS, ResourceType.CLUSTER)
        chosen = _filter(request.components)
    except KafkaError as error:
        response.error_code, response.error_message = ctx.count_error(error), error.message
        response.entries = None
        return response
    response.entries = [
        _entry(entity, values)
        for entity, values in ctx.node.image.quotas.items()
        if _matches(entity, chosen, strict=request.strict)
    ]
    return response


def _filter(components: list[DescribeClientQuotasRequest.ComponentData]) -> Filter:
    chosen: Filter = {}
    for each in components:
        kind, match_type, match = each.entity_type, each.match_type, each.match
        if kind in chosen:
            raise InvalidRequest(f"Entity type {kind} cannot appear more than once in the filter.")
        if not kind:
            raise InvalidRequest("Invalid empty entity type.")
        if kind not in (USER, CLIENT_ID, IP):
            raise UnsupportedVersion(f"Unsupported entity type {kind}")
        if match_type not in (EXACT, DEFAULT, ANY):
            raise InvalidRequest(f"Unknown match type {match_type}")
        if match_type == EXACT and match is None:
            raise InvalidRequest("Request specified MATCH_TYPE_EXACT, but set match string to null.")
        if match_type != EXACT and match is not None:
            what = "DEFAULT" if match_type == DEFAULT else "SPECIFIED"
            raise InvalidRequest(f"Request specified MATCH_TYPE_{what}, but also specified a match string.")
        chosen[kind] = (match_type, match)
    if IP in chosen and len(chosen) > 1:
        raise InvalidRequest(
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId "
            "filter component."
        )
    return chosen


def _matches(entity: Entity, chosen: Filter, *, strict: bool) -> bool:
    parts = dict(entity)
    if strict and len(parts) != len(chosen):
        return False
    for kind, (match_type, match) in chosen.items():
        if kind not in parts or (match_type != ANY and parts[kind] != match):
            return False
    return True


def _entry(entity: Entity, values: dict[str, float]) -> Entry:
    return Entry(
        entity=[DescribeClientQuotasResponse.EntityData(entity_type=kind, entity_name=name) for kind, name in entity],
        values=[DescribeClientQuotasResponse.ValueData(key=key, value=value) for key, value in sorted(values.items())],
    )


async def alter_client_quotas(ctx: Context, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
    """Needs ALTER_CONFIGS on the cluster. Quotas are stored and described; nothing is throttled by them yet."""
    try:
        ctx.authorize(Operation.ALTER_CONFIGS, ResourceType.CLUSTER)
        response: AlterClientQuotasResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        response = AlterClientQuotasResponse(entries=[_refused(entry, error) for entry in request.entries])
    counted(ctx, response.entries)
    response.throttle_time_ms = ctx.throttle_time_ms
    return response


def _refused(entry: AlterClientQuotasRequest.EntryData, error: KafkaError) -> AlterClientQuotasResponse.EntryData:
    return AlterClientQuotasResponse.EntryData(
        error_code=error.code,
        error_message=error.message,
        entity=[
            AlterClientQuotasResponse.EntityData(entity_type=part.entity_type, entity_name=part.entity_name)
            for part in entry.entity
        ],
    )
