"""FindCoordinator: who looks after a group or a transactional id. Versions 0 to 6 (4: several keys, KIP-699)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.internal_topics import ensure_internal_topic
from ottla.common.errors import CoordinatorNotAvailable, InvalidRequest, KafkaError
from ottla.common.names import CONSUMER_OFFSETS, TRANSACTION_STATE
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.node import NodeEndpoint

GROUP, TRANSACTION, SHARE = 0, 1, 2
_BATCHED = 4
_NO_ERROR = "NONE"  # what Kafka writes there in the versions for one key

_NEEDS = {
    GROUP: (Operation.DESCRIBE, ResourceType.GROUP),
    TRANSACTION: (Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID),
}

Answer = FindCoordinatorResponse.Coordinator


async def find_coordinator(ctx: Context, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    keys = request.coordinator_keys if ctx.version >= _BATCHED else [request.key]
    answers = []
    pace = ctx.pace(only_reads=True)
    for key in keys:
        answers.append(await _find(ctx, request.key_type, key))
        if pace.due():
            await pace.rest()
    if ctx.version >= _BATCHED:
        return FindCoordinatorResponse(throttle_time_ms=ctx.throttle_time_ms, coordinators=answers)
    only = answers[0]
    return FindCoordinatorResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        error_code=only.error_code,
        error_message=only.error_message or _NO_ERROR,
        node_id=only.node_id,
        host=only.host,
        port=only.port,
    )


async def _find(ctx: Context, key_type: int, key: str) -> Answer:
    try:
        endpoint = await _coordinator(ctx, key_type, key)
    except KafkaError as error:
        return Answer(
            key=key, node_id=-1, host="", port=-1, error_code=ctx.count_error(error), error_message=error.message
        )
    return Answer(key=key, node_id=endpoint.node_id, host=endpoint.host, port=endpoint.port, error_message="")


async def _coordinator(ctx: Context, key_type: int, key: str) -> NodeEndpoint:
    """Creates the internal topic when it is missing, so that the first answer is the right one already."""
    if key_type == SHARE:
        ctx.authorize(Operation.CLUSTER_ACTION, ResourceType.CLUSTER)
        raise InvalidRequest("" if ctx.version >= _BATCHED else None)
    if key_type not in _NEEDS:
        raise InvalidRequest
    operation, resource_type = _NEEDS[key_type]
    ctx.authorize(operation, resource_type, key)
    node = ctx.node
    if key_type == TRANSACTION:
        await ensure_internal_topic(node, TRANSACTION_STATE)
        state = node.image.topics[TRANSACTION_STATE].partitions[node.transactions.partition_of(key)]
    else:
        await ensure_internal_topic(node, CONSUMER_OFFSETS)
        state = node.image.topics[CONSUMER_OFFSETS].partitions[node.groups.partition_of(key)]
    for endpoint in node.endpoints(ctx.session.listener.name):
        if endpoint.node_id == state.leader:
            return endpoint
    raise CoordinatorNotAvailable
