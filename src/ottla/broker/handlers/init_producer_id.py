"""InitProducerId: an identity for an idempotent producer. Versions 0 to 5 (KIP-98, KIP-360)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import (
    ClusterAuthorizationFailed,
    CoordinatorNotAvailable,
    InvalidRequest,
    InvalidTransactionTimeout,
    KafkaError,
)
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_NONE = -1
_FIRST_EPOCH = 0


async def init_producer_id(ctx: Context, request: InitProducerIdRequest) -> InitProducerIdResponse:
    """An id that was never given out, with epoch 0; an id and epoch that a client brings along are not continued."""
    response = InitProducerIdResponse(throttle_time_ms=ctx.throttle_time_ms, producer_epoch=_NONE)
    try:
        _authorize(ctx, request.transactional_id)
        if (request.producer_id == _NONE) != (request.producer_epoch == _NONE):
            raise InvalidRequest("a producer id and its epoch must be given together")
        if request.transactional_id is not None:
            _refuse_transactions(ctx, request.transactional_id, request.transaction_timeout_ms)
        response.producer_id = await ctx.node.producer_ids.next()
        response.producer_epoch = _FIRST_EPOCH
    except KafkaError as error:
        response.error_code = ctx.count_error(error)
    return response


def _authorize(ctx: Context, transactional_id: str | None) -> None:
    """With a transactional id: WRITE on it. Without: IDEMPOTENT_WRITE, or WRITE on any topic at all (KIP-679)."""
    if transactional_id is not None:
        ctx.authorize(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id)
    elif not ctx.allows(Operation.IDEMPOTENT_WRITE, ResourceType.CLUSTER, CLUSTER_NAME):
        session = ctx.session
        authorizer = ctx.node.authorizer
        if not authorizer.authorize_any(session.principal, session.client_host, Operation.WRITE, ResourceType.TOPIC):
            raise ClusterAuthorizationFailed


def _refuse_transactions(ctx: Context, transactional_id: str, timeout_ms: int) -> None:
    """Checks what Kafka checks first; then there is no transaction coordinator, as FindCoordinator says too."""
    if not transactional_id:
        raise InvalidRequest("the transactional id is empty")
    if not 0 < timeout_ms <= ctx.node.settings.transaction_max_timeout_ms:
        raise InvalidTransactionTimeout
    raise CoordinatorNotAvailable("transactions are not supported by this broker yet")
