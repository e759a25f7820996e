"""AddPartitionsToTxn (0 to 5), AddOffsetsToTxn (0 to 4), EndTxn (0 to 5), DescribeTransactions (0).

KIP-98; 4 and 5 of the first are for brokers, for several transactions at once, or only to verify (KIP-890).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.internal_topics import ensure_internal_topic
from ottla.common.errors import (
    InvalidProducerEpoch,
    InvalidRequest,
    KafkaError,
    OperationNotAttempted,
    ProducerFenced,
    TopicAuthorizationFailed,
    TransactionalIdNotFound,
    UnknownTopicOrPartition,
)
from ottla.common.names import CONSUMER_OFFSETS, INTERNAL_TOPICS, TopicPartition
from ottla.coordinator.transaction.machine import Producer
from ottla.coordinator.transaction.transaction import TV2, Identity
from ottla.protocol.messages.transactions import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    EndTxnRequest,
    EndTxnResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_BATCHED = 4
_KNOWS_FENCED = 2
_BUMPS = 5

Codes = dict[TopicPartition, int]
Topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
Described = DescribeTransactionsResponse.TransactionState
TopicResult = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult
PartitionResult = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult


class Decision(NamedTuple):
    """A code for each partition. `is_one`: it is the same for all, and of the whole transaction."""

    codes: Codes
    is_one: bool


async def add_partitions_to_txn(ctx: Context, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse:
    """From clients: WRITE on the id and on each topic. From brokers: CLUSTER_ACTION."""
    if ctx.version < _BATCHED:
        who = Producer(
            request.v3_and_below_transactional_id,
            request.v3_and_below_producer_id,
            request.v3_and_below_producer_epoch,
        )
        partitions = _partitions(request.v3_and_below_topics)
        decision = await _add(ctx, who, partitions, verify_only=False)
        results = _results(ctx, decision, request.v3_and_below_topics)
        return AddPartitionsToTxnResponse(throttle_time_ms=ctx.throttle_time_ms, results_by_topic_v3_and_below=results)
    ctx.authorize(Operation.CLUSTER_ACTION, ResourceType.CLUSTER)
    if not request.transactions:
        raise InvalidRequest("No transaction is named.")  # Kafka never answers
    transactions = []
    for one in request.transactions:
        who = Producer(one.transactional_id, one.producer_id, one.producer_epoch)
        decision = await _add(ctx, who, _partitions(one.topics), one.verify_only)
        transactions.append(
            AddPartitionsToTxnResponse.AddPartitionsToTxnResult(
                transactional_id=one.transactional_id, topic_results=_results(ctx, decision, one.topics)
            )
        )
    return AddPartitionsToTxnResponse(throttle_time_ms=ctx.throttle_time_ms, results_by_transaction=transactions)


def _partitions(topics: list[Topic]) -> list[TopicPartition]:
    return [TopicPartition(topic.name, index) for topic in topics for index in topic.partitions]


async def _add(ctx: Context, who: Producer, partitions: list[TopicPartition], verify_only: bool) -> Decision:
    """A code for each partition. One that may not be added keeps all of them out."""
    try:
        if ctx.version < _BATCHED:
            ctx.authorize(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, who.transactional_id)
        codes = _refused(ctx, partitions)
        if any(codes.values()):
            return Decision({partition: code or OperationNotAttempted.code for partition, code in codes.items()}, False)
        if not who.transactional_id:
            raise InvalidRequest("the transactional id is empty")
        if verify_only:
            found: dict[TopicPartition, KafkaError | None] = await ctx.node.transactions.call(
                who.transactional_id, lambda machine, token, now_ms: machine.verify(token, who, partitions, now_ms)
            )
            return Decision({one: error.code if error is not None else 0 for one, error in found.items()}, False)
        await _extend(ctx, who, partitions, TV2 if ctx.version >= _BATCHED else 0)
        return Decision(dict.fromkeys(partitions, 0), True)
    except KafkaError as error:
        return Decision(dict.fromkeys(partitions, _code(ctx, error)), not verify_only)


async def _extend(ctx: Context, who: Producer, partitions: list[TopicPartition], client_version: int) -> None:
    """Adds partitions; who is added by its leader uses TV2, who asks for itself does not. Raises KafkaError."""
    await ctx.node.transactions.call(
        who.transactional_id,
        lambda machine, token, now_ms: machine.add_partitions(token, who, partitions, client_version, now_ms),
    )


def _refused(ctx: Context, partitions: list[TopicPartition]) -> Codes:
    """The code of each partition that may not be added, 0 for the others."""
    codes = {}
    for partition in partitions:
        topic = ctx.node.image.topics.get(partition.topic)
        from_client = ctx.version < _BATCHED
        if from_client and (
            partition.topic in INTERNAL_TOPICS or not ctx.allows(Operation.WRITE, ResourceType.TOPIC, partition.topic)
        ):
            codes[partition] = TopicAuthorizationFailed.code
        elif topic is None or partition.partition not in topic.partitions:
            codes[partition] = UnknownTopicOrPartition.code
        else:
            codes[partition] = 0
    return codes


def _results(ctx: Context, decision: Decision, asked: list[Topic]) -> list[TopicResult]:
    """In the rows of the request where one decision is for all of it; else a row for each topic, as in Kafka."""
    rows: list[tuple[TopicResult, list[TopicPartition]]]
    if decision.is_one:
        rows = [(TopicResult(name=topic.name), _partitions([topic])) for topic in asked]
    else:
        by_topic: dict[str, list[TopicPartition]] = {}
        for partition in decision.codes:
            by_topic.setdefault(partition.topic, []).append(partition)
        rows = [(TopicResult(name=name), partitions) for name, partitions in by_topic.items()]
    for row, partitions in rows:
        for partition in partitions:
            code = decision.codes[partition]
            row.results_by_partition.append(
                PartitionResult(partition_index=partition.partition, partition_error_code=code)
            )
            if code:
                ctx.count_code(code)
    return [row for row, _ in rows]


def _code(ctx: Context, error: KafkaError) -> int:
    """Clients below version 2 know no PRODUCER_FENCED (KIP-588)."""
    if isinstance(error, ProducerFenced) and ctx.version < _KNOWS_FENCED:
        return InvalidProducerEpoch.code
    return error.code


async def add_offsets_to_txn(ctx: Context, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse:
    """Needs WRITE on the id and READ on the group. The group's partition of `__consumer_offsets` is added."""
    response = AddOffsetsToTxnResponse(throttle_time_ms=ctx.throttle_time_ms)
    who = Producer(request.transactional_id, request.producer_id, request.producer_epoch)
    try:
        ctx.authorize(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, request.transactional_id)
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        if not request.transactional_id:
            raise InvalidRequest("the transactional id is empty")
        await ensure_internal_topic(ctx.node, CONSUMER_OFFSETS)
        partition = TopicPartition(CONSUMER_OFFSETS, ctx.node.groups.partition_of(request.group_id))
        await _extend(ctx, who, [partition], client_version=0)
    except KafkaError as error:
        response.error_code = _code(ctx, error)
        ctx.count_code(response.error_code)
    return response


async def end_txn(ctx: Context, request: EndTxnRequest) -> EndTxnResponse:
    """Needs WRITE on the id. Answered once the outcome is decided for good; the markers follow."""
    response = EndTxnResponse(throttle_time_ms=ctx.throttle_time_ms)
    who = Producer(request.transactional_id, request.producer_id, request.producer_epoch)
    client_version = TV2 if ctx.version >= _BUMPS else 0
    try:
        ctx.authorize(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, request.transactional_id)
        if not request.transactional_id:
            raise InvalidRequest("the transactional id is empty")
        identity: Identity = await ctx.node.transactions.call_with_producer_id(
            request.transactional_id,
            lambda machine, token, spare, now_ms: machine.end(
                token, who, request.committed, client_version, spare, now_ms
            ),
        )
        response.producer_id, response.producer_epoch = identity
    except KafkaError as error:
        response.error_code = _code(ctx, error)
        ctx.count_code(response.error_code)
    return response


async def describe_transactions(ctx: Context, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
    """Needs DESCRIBE on each id; topics that the principal may not describe are left out. An id named twice is answered
    once: its transaction may have thousands of partitions."""
    states = []
    pace = ctx.pace(only_reads=True)
    for transactional_id in dict.fromkeys(request.transactional_ids):
        state = _describe(ctx, transactional_id)
        states.append(state)
        if pace.due(1 + sum(len(topic.partitions) for topic in state.topics)):
            await pace.rest()
    return DescribeTransactionsResponse(throttle_time_ms=ctx.throttle_time_ms, transaction_states=states)


def _describe(ctx: Context, transactional_id: str) -> Described:
    state = Described(transactional_id=transactional_id)
    try:
        ctx.authorize(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, transactional_id)
        if not transactional_id:
            raise InvalidRequest("the transactional id is empty")
        found = ctx.node.transactions.machine(transactional_id).find(transactional_id)
        if found is None:
            raise TransactionalIdNotFound
        ctx.spend(1 + len(found.partitions))
    except KafkaError as error:
        state.error_code = ctx.count_error(error)
        return state
    state.transaction_state = found.state.title
    state.transaction_timeout_ms = found.timeout_ms
    ahead_ms = ctx.node.steady.ahead_ms
    state.transaction_start_time_ms = found.start_ms + ahead_ms if found.start_ms > 0 else found.start_ms
    state.producer_id, state.producer_epoch = found.identity
    topics: dict[str, list[int]] = {}
    for topic, index in found.partitions:
        if ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, topic):
            topics.setdefault(topic, []).append(index)
    state.topics = [
        DescribeTransactionsResponse.TopicData(topic=topic, partitions=indexes) for topic, indexes in topics.items()
    ]
    return state
