"""What brokers ask of the controller: registration, heartbeats, ISR changes, producer ids. Not for clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ottla.protocol.messages.inter_broker import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
    AlterPartitionRequest,
    AlterPartitionResponse,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.protocol.message import Message

Answer = TypeVar(
    "Answer",
    AllocateProducerIdsResponse,
    AlterPartitionResponse,
    BrokerHeartbeatResponse,
    BrokerRegistrationResponse,
)


async def alter_partition(ctx: Context, request: AlterPartitionRequest) -> AlterPartitionResponse:
    return await _submit(ctx, request, AlterPartitionResponse)


async def broker_registration(ctx: Context, request: BrokerRegistrationRequest) -> BrokerRegistrationResponse:
    return await _submit(ctx, request, BrokerRegistrationResponse)


async def broker_heartbeat(ctx: Context, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
    return await _submit(ctx, request, BrokerHeartbeatResponse)


async def allocate_producer_ids(ctx: Context, request: AllocateProducerIdsRequest) -> AllocateProducerIdsResponse:
    return await _submit(ctx, request, AllocateProducerIdsResponse)


async def _submit(ctx: Context, request: Message, kind: type[Answer]) -> Answer:
    """The controller's answer. Raises ClusterAuthorizationFailed, and NotController where another broker decides."""
    ctx.authorize(Operation.CLUSTER_ACTION, ResourceType.CLUSTER)
    answer = await ctx.node.controller.submit(request)
    assert isinstance(answer, kind)
    if answer.error_code:
        ctx.count_code(answer.error_code)
    return answer
