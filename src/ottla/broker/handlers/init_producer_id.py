"""InitProducerId: an identity for an idempotent or transactional producer. Versions 0 to 5 (KIP-98, KIP-360)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import (
    ClusterAuthorizationFailed,
    InvalidProducerEpoch,
    InvalidRequest,
    InvalidTransactionTimeout,
    KafkaError,
    ProducerFenced,
)
from ottla.coordinator.transaction.transaction import Identity
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_NONE = -1
_FIRST_EPOCH = 0
_KNOWS_FENCED = 4


async def init_producer_id(ctx: Context, request: InitProducerIdRequest) -> InitProducerIdResponse:
    """With a transactional id, what its coordinator says. Without: an id that was never given out, with epoch 0; an id
    and epoch that a client brings along are not continued then."""
    response = InitProducerIdResponse(throttle_time_ms=ctx.throttle_time_ms, producer_epoch=_NONE)
    try:
        _authorize(ctx, request.transactional_id)
        if (request.producer_id == _NONE) != (request.producer_epoch == _NONE):
            raise InvalidRequest("a producer id and its epoch must be given together")
        if request.transactional_id is None:
            identity = Identity(await ctx.node.producer_ids.next(), _FIRST_EPOCH)
        else:
            identity = await _transactional(ctx, request.transactional_id, request)
        response.producer_id, response.producer_epoch = identity
    except KafkaError as error:
        if isinstance(error, ProducerFenced) and ctx.version < _KNOWS_FENCED:
            error = InvalidProducerEpoch()
        response.error_code = ctx.count_error(error)
    return response


async def _transactional(ctx: Context, transactional_id: str, request: InitProducerIdRequest) -> Identity:
    if not transactional_id:
        raise InvalidRequest("the transactional id is empty")
    timeout_ms = request.transaction_timeout_ms
    if not 0 < timeout_ms <= ctx.node.settings.transaction_max_timeout_ms:
        raise InvalidTransactionTimeout
    expected = None if request.producer_id == _NONE else Identity(request.producer_id, request.producer_epoch)
    identity: Identity = await ctx.node.transactions.call_with_producer_id(
        transactional_id,
        lambda machine, token, spare, now_ms: machine.init(
            token, transactional_id, timeout_ms, expected, spare, now_ms
        ),
    )
    return identity


def _authorize(ctx: Context, transactional_id: str | None) -> None:
    """With a transactional id: WRITE on it. Without: IDEMPOTENT_WRITE, or WRITE on any topic at all (KIP-679)."""
    if transactional_id is not None:
        ctx.authorize(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id)
    elif not ctx.allows(Operation.IDEMPOTENT_WRITE, ResourceType.CLUSTER, CLUSTER_NAME):
        session = ctx.session
        authorizer = ctx.node.authorizer
        if not authorizer.authorize_any(session.principal, session.client_host, Operation.WRITE, ResourceType.TOPIC):
            raise ClusterAuthorizationFailed
