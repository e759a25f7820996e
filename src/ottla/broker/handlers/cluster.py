"""DescribeCluster (0 to 2; 2: fenced brokers too, KIP-1073) and UnregisterBroker (0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import KafkaError, MismatchedEndpointType, UnsupportedEndpointType
from ottla.protocol.messages.cluster import (
    DescribeClusterRequest,
    DescribeClusterResponse,
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
)
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

BROKERS, CONTROLLERS = 1, 2
"""Endpoint types (KIP-919)."""

Broker = DescribeClusterResponse.DescribeClusterBroker


async def describe_cluster(ctx: Context, request: DescribeClusterRequest) -> DescribeClusterResponse:
    """Anyone may ask; only the authorised operations need DESCRIBE on the cluster."""
    try:
        _check_endpoint_type(request.endpoint_type)
    except KafkaError as error:
        return DescribeClusterResponse(
            throttle_time_ms=ctx.throttle_time_ms, error_code=ctx.count_error(error), error_message=error.message
        )
    node = ctx.node
    response = DescribeClusterResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        cluster_id=node.cluster_id,
        controller_id=node.controller_id(),
        brokers=_brokers(ctx, fenced_too=request.include_fenced_brokers),
    )
    if request.include_cluster_authorized_operations:
        response.cluster_authorized_operations = (
            ctx.authorized_operations(ResourceType.CLUSTER, CLUSTER_NAME)
            if ctx.allows(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME)
            else 0
        )
    return response


def _check_endpoint_type(endpoint_type: int) -> None:
    if endpoint_type == CONTROLLERS:
        raise MismatchedEndpointType(
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
        )
    if endpoint_type != BROKERS:
        raise UnsupportedEndpointType(f"Unsupported endpoint type {endpoint_type}")


def _brokers(ctx: Context, *, fenced_too: bool) -> list[Broker]:
    """The brokers as clients of this listener reach them. A fenced one is down or not ready."""
    found = []
    for broker in ctx.node.image.brokers.values():
        endpoint = broker.endpoint(ctx.session.listener.name)
        if endpoint is not None and (fenced_too or not broker.fenced):
            found.append(
                Broker(
                    broker_id=broker.id,
                    host=endpoint.host,
                    port=endpoint.port,
                    rack=broker.rack,
                    is_fenced=broker.fenced,
                )
            )
    return found


async def unregister_broker(ctx: Context, request: UnregisterBrokerRequest) -> UnregisterBrokerResponse:
    """Needs ALTER on the cluster. A broker that runs registers again when it is started again."""
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
        response: UnregisterBrokerResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        response = UnregisterBrokerResponse(error_code=error.code, error_message=error.message)
    if response.error_code:
        ctx.count_code(response.error_code)
    response.throttle_time_ms = ctx.throttle_time_ms
    return response
