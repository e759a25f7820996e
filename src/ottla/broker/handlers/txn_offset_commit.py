"""TxnOffsetCommit: offsets that count once their transaction commits. Versions 0 to 5 (KIP-98, KIP-447, KIP-890)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import refused_first
from ottla.broker.verification import Question
from ottla.common.errors import (
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    InvalidGroupId,
    InvalidProducerEpoch,
    KafkaError,
    NotEnoughReplicas,
    TopicAuthorizationFailed,
    UnknownTopicOrPartition,
)
from ottla.common.names import CONSUMER_OFFSETS, TopicPartition
from ottla.coordinator.group.machine import CommitRequest
from ottla.coordinator.group.offsets import Committed
from ottla.coordinator.outcome import Author
from ottla.protocol.messages.transactions import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

_ADDS_SINCE = 5
_KNOWS_ABORTABLE_SINCE = 4
_KNOWS_LOADING_SINCE = 2

TopicAnswer = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic
Answer = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition
Topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic


async def txn_offset_commit(ctx: Context, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
    """Needs WRITE on the id and READ on the group, then READ on each topic; what may not be stored stops nothing."""
    codes: dict[TopicPartition, int] = {}
    offsets: dict[TopicPartition, Committed] = {}
    try:
        ctx.authorize(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, request.transactional_id)
        ctx.authorize(Operation.READ, ResourceType.GROUP, request.group_id)
        pace = ctx.pace()
        for topic in request.topics:
            _sort_out(ctx, topic, codes, offsets)
            if pace.due(1 + len(topic.partitions)):
                await pace.rest()
        if offsets and not request.group_id:
            raise InvalidGroupId
        if offsets:
            await _verify(ctx, request)
            codes.update(await _store(ctx, request, offsets))
    except KafkaError as error:
        asked = [
            TopicPartition(topic.name, one.partition_index) for topic in request.topics for one in topic.partitions
        ]
        codes = {**dict.fromkeys(asked, _code(ctx, error)), **codes}
    known = ctx.node.image.topics
    answers = [_answer(ctx, topic, codes) for topic in request.topics if topic.partitions or topic.name not in known]
    return TxnOffsetCommitResponse(throttle_time_ms=ctx.throttle_time_ms, topics=refused_first(answers, offsets))


def _sort_out(
    ctx: Context, topic: Topic, codes: dict[TopicPartition, int], offsets: dict[TopicPartition, Committed]
) -> None:
    """What may be stored goes to `offsets`, the error of anything else to `codes`."""
    allowed = ctx.allows(Operation.READ, ResourceType.TOPIC, topic.name)
    image = ctx.node.image.topics.get(topic.name)
    for asked in topic.partitions:
        partition = TopicPartition(topic.name, asked.partition_index)
        if not allowed:
            codes[partition] = TopicAuthorizationFailed.code
        elif image is None or asked.partition_index not in image.partitions:
            codes[partition] = UnknownTopicOrPartition.code
        else:
            offsets[partition] = Committed(
                offset=asked.committed_offset,
                leader_epoch=asked.committed_leader_epoch,
                metadata=asked.committed_metadata or "",
                commit_ms=ctx.node.steady.now_ms(),
            )


async def _verify(ctx: Context, request: TxnOffsetCommitRequest) -> None:
    """The group's partition is in the transaction; from version 5 on it is added on the way. Raises KafkaError."""
    node = ctx.node
    adds = ctx.version >= _ADDS_SINCE
    index = node.groups.partition_of(request.group_id)
    node.groups.runtime.shard(index)  # raises the coordinator errors before another broker is asked
    partition = node.replicas.find(CONSUMER_OFFSETS, index)
    identity = (request.producer_id, request.producer_epoch)
    log = partition.leader_log()
    if log.producer_epoch(request.producer_id) > request.producer_epoch:
        raise InvalidProducerEpoch
    if log.has_ongoing_transaction(*identity):
        return
    if not (adds or node.settings.transaction_partition_verification_enable):
        return
    question = Question(request.transactional_id, *identity, adds, ctx.version >= _KNOWS_ABORTABLE_SINCE)
    told = await node.verification.ask(question, [partition.topic_partition])
    error = told[partition.topic_partition]
    if isinstance(error, NotEnoughReplicas):
        raise CoordinatorNotAvailable(error.message)
    if error is not None:
        raise error


async def _store(
    ctx: Context, request: TxnOffsetCommitRequest, offsets: dict[TopicPartition, Committed]
) -> dict[TopicPartition, int]:
    command = CommitRequest(
        request.group_id, request.member_id, request.group_instance_id, request.generation_id, offsets
    )
    author = Author(request.producer_id, request.producer_epoch)
    codes: dict[TopicPartition, int] = await ctx.node.groups.call(
        request.group_id, lambda machine, token, now_ms: machine.commit_transactional(token, command, author, now_ms)
    )
    return codes


def _code(ctx: Context, error: KafkaError) -> int:
    """Old producers crash on COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296)."""
    if isinstance(error, CoordinatorLoadInProgress) and ctx.version < _KNOWS_LOADING_SINCE:
        return CoordinatorNotAvailable.code
    return error.code


def _answer(ctx: Context, topic: Topic, codes: dict[TopicPartition, int]) -> TopicAnswer:
    answers = []
    for asked in topic.partitions:
        code = codes[TopicPartition(topic.name, asked.partition_index)]
        if code:
            ctx.count_code(code)
        answers.append(Answer(partition_index=asked.partition_index, error_code=code))
    return TopicAnswer(name=topic.name, partitions=answers)
