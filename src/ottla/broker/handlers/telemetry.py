"""GetTelemetrySubscriptions and PushTelemetry: version 0 (KIP-714), where a receiver is configured."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ottla.broker.client_metrics import COMPRESSION_TYPES, Identity
from ottla.common.clock import random_uuid
from ottla.common.errors import InvalidRequest, KafkaError
from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.messages.telemetry import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
    PushTelemetryRequest,
    PushTelemetryResponse,
)

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.telemetry import Telemetry

_RESERVED = (ZERO_UUID, bytes(15) + b"\x01")


async def get_telemetry_subscriptions(
    ctx: Context, request: GetTelemetrySubscriptionsRequest
) -> GetTelemetrySubscriptionsResponse:
    """Anyone may ask. A client without an id gets one."""
    instance_id = request.client_instance_id
    if instance_id == ZERO_UUID:
        instance_id = Uuid(random_uuid(ctx.node.random))
    response = GetTelemetrySubscriptionsResponse(
        throttle_time_ms=ctx.throttle_time_ms, accepted_compression_types=[], requested_metrics=[]
    )
    clients = _telemetry(ctx).clients
    try:
        instance = clients.on_get(instance_id, _identity(ctx, instance_id), ctx.node.steady.now_ms())
    except KafkaError as error:
        response.error_code = ctx.count_error(error)
        return response
    response.client_instance_id = instance_id
    response.subscription_id = instance.subscription_id
    response.accepted_compression_types = COMPRESSION_TYPES
    response.push_interval_ms = instance.interval_ms
    response.telemetry_max_bytes = clients.max_bytes
    response.delta_temporality = True
    response.requested_metrics = instance.metrics
    return response


async def push_telemetry(ctx: Context, request: PushTelemetryRequest) -> PushTelemetryResponse:
    """Anyone may push what it was asked for. An empty push says that the client ends."""
    response = PushTelemetryResponse(throttle_time_ms=ctx.throttle_time_ms)
    telemetry = _telemetry(ctx)
    try:
        if request.client_instance_id in _RESERVED:
            raise InvalidRequest("a push needs the client instance id that the broker gave")
        identity = _identity(ctx, request.client_instance_id)
        telemetry.clients.on_push(
            request.client_instance_id,
            identity,
            subscription_id=request.subscription_id,
            terminating=request.terminating,
            compression_type=request.compression_type,
            size_bytes=len(request.metrics),
            now_ms=ctx.node.steady.now_ms(),
        )
        if len(request.metrics):
            await telemetry.export(identity.client_instance_id, bytes(request.metrics), _headers(identity, request))
    except KafkaError as error:
        response.error_code = ctx.count_error(error)
    return response


def _telemetry(ctx: Context) -> Telemetry:
    telemetry = ctx.node.telemetry
    assert telemetry is not None, "without a receiver the APIs are not served"
    return telemetry


def _identity(ctx: Context, instance_id: bytes) -> Identity:
    session = ctx.session
    return Identity(
        client_instance_id=base64.urlsafe_b64encode(instance_id).rstrip(b"=").decode(),
        client_id=ctx.client_id or "",
        client_software_name=session.client_software,
        client_software_version=session.client_software_version,
        client_source_address=session.client_host,
        client_source_port=str(session.client_port),
    )


def _headers(identity: Identity, request: PushTelemetryRequest) -> list[tuple[str, bytes | None]]:
    told = {
        "client.id": identity.client_id,
        "client.software.name": identity.client_software_name,
        "client.software.version": identity.client_software_version,
        "client.address": identity.client_source_address,
        "compression.type": str(request.compression_type),
        "subscription.id": str(request.subscription_id),
        "terminating": str(request.terminating).lower(),
    }
    return [(name, text.encode()) for name, text in told.items()]
