"""Batches of a produce request that are too large to be opened in one turn of the loop.

They are opened before the append, in slices and threads. Appends of other connections may go first; later requests
of this connection wait behind this one, so the order of a producer's batches is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.produce_admission import Admission, admit
from ottla.common.errors import KafkaError
from ottla.records.validation import Rules, Validated, open_steps

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition
    from ottla.protocol.messages.produce import ProduceRequest


class Opened:
    """What came of opening a batch under these rules: what may be appended, or why it may not."""

    def __init__(self, rules: Rules, found: Validated | KafkaError, admission: Admission) -> None:
        self._rules = rules
        self._found = found
        self.admission = admission
        """What the coordinator said afterwards; for requests with a transactional id."""

    def for_rules(self, rules: Rules) -> Validated | None:
        """None: the topic's settings have changed meanwhile. Raises what the batch is refused for."""
        if rules is not self._rules:
            return None
        if isinstance(self._found, KafkaError):
            raise self._found
        return self._found


async def open_batch(
    ctx: Context, request: ProduceRequest, partition: Partition, data: ProduceRequest.PartitionProduceData
) -> Opened:
    """Opens the records of `data`. The partition must be looked up again afterwards.

    Raises an error for the whole request that the coordinator has given meanwhile: a transaction may have ended.
    """
    _keep(ctx, request)
    rules = partition.leader_log().rules
    assert data.records is not None, "a batch that must be opened is there"
    found: Validated | KafkaError
    try:
        found = await ctx.node.openings.run(open_steps(data.records, rules, ctx.now_ms, ctx.version))
    except KafkaError as error:
        found = error
    return Opened(rules, found, await _admitted_again(ctx, request))


async def rest(ctx: Context, request: ProduceRequest) -> Admission:
    """Others run. Partitions must be looked up again afterwards, and only what the coordinator says then counts."""
    _keep(ctx, request)
    await ctx.rest()
    return await _admitted_again(ctx, request)


async def _admitted_again(ctx: Context, request: ProduceRequest) -> Admission:
    if request.transactional_id is None:
        return Admission()
    admission = await admit(ctx, request, request.transactional_id)
    if admission.refused is not None:
        raise admission.refused
    return admission


def _keep(ctx: Context, request: ProduceRequest) -> None:
    """Copies what lies in the receive buffer, which the next connection overwrites."""
    shared = ctx.node.receive_buffer.obj
    for topic in request.topic_data:
        for data in topic.partition_data:
            if isinstance(data.records, memoryview) and data.records.obj is shared:
                data.records = bytes(data.records)
