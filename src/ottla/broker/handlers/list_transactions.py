"""ListTransactions: what this broker coordinates. 0 to 2 (1: by duration, KIP-994; 2: by pattern, KIP-1152)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import CoordinatorLoadInProgress, KafkaError
from ottla.coordinator.group.patterns import Pattern, compile_pattern
from ottla.coordinator.transaction.transaction import TITLES, Transaction
from ottla.protocol.messages.transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

Listed = ListTransactionsResponse.TransactionState


async def list_transactions(ctx: Context, request: ListTransactionsRequest) -> ListTransactionsResponse:
    """Ids on which the principal has no DESCRIBE are left out."""
    response = ListTransactionsResponse(throttle_time_ms=ctx.throttle_time_ms)
    runtime = ctx.node.transactions.runtime
    try:
        if runtime.loading:
            raise CoordinatorLoadInProgress
        pattern = _pattern(request.transactional_id_pattern)
    except KafkaError as error:
        response.error_code = ctx.count_error(error)
        return response
    producers, states = frozenset(request.producer_id_filters), frozenset(request.state_filters)
    response.unknown_state_filters = [state for state in request.state_filters if state not in TITLES]
    pace = ctx.pace(only_reads=True)
    for shard in runtime.shards():
        known = list(shard.machine.all())
        response.transaction_states += [
            Listed(transactional_id=transactional_id, producer_id=one.producer_id, transaction_state=one.state.title)
            for transactional_id, one in known
            if _matches(ctx, request, producers, states, one)
            and (pattern is None or pattern.matches(transactional_id))
            and ctx.allows(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, transactional_id)
        ]
        if pace.due(len(known)):
            await pace.rest()
    return response


def _pattern(text: str | None) -> Pattern | None:
    """None matches everything, and so does an empty pattern. Linear in the id: a client's pattern must not stall us."""
    return compile_pattern(text) if text else None


def _matches(
    ctx: Context, request: ListTransactionsRequest, producers: frozenset[int], states: frozenset[str], one: Transaction
) -> bool:
    return (
        (not producers or one.producer_id in producers)
        and (not states or one.state.title in states)
        and (request.duration_filter < 0 or ctx.node.steady.now_ms() - one.start_ms > request.duration_filter)
    )
