"""OffsetCommit: a group stores how far it has read. Versions 2 to 10 (10: topic ids, KIP-848)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.group_members import caller_of
from ottla.common.errors import (
    GroupAuthorizationFailed,
    KafkaError,
    TopicAuthorizationFailed,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from ottla.common.names import TopicPartition
from ottla.coordinator.group.machine import CommitRequest
from ottla.coordinator.group.offsets import Committed
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.metadata.parts import TopicImage

_BY_ID = 10
_BROKER_DECIDES_RETENTION = -1

TopicAnswer = OffsetCommitResponse.OffsetCommitResponseTopic
Answer = OffsetCommitResponse.OffsetCommitResponsePartition
Pending = list[tuple[TopicPartition, Answer]]


async def offset_commit(ctx: Context, request: OffsetCommitRequest) -> OffsetCommitResponse:
    """Needs READ on the group, then READ on each topic; what may not be stored does not stop the rest."""
    response = OffsetCommitResponse(throttle_time_ms=ctx.throttle_time_ms)
    refused: list[TopicAnswer] = []  # as in Kafka, what is refused at once comes before what the group decides on
    stored: list[TopicAnswer] = []
    offsets: dict[TopicPartition, Committed] = {}
    pending: Pending = []
    may_commit = ctx.allows(Operation.READ, ResourceType.GROUP, request.group_id)
    pace = ctx.pace()
    for topic in request.topics:
        if pace.due(1 + len(topic.partitions)):
            await pace.rest()
        answers = [Answer(partition_index=asked.partition_index) for asked in topic.partitions]
        entry = TopicAnswer(name=topic.name, topic_id=topic.topic_id, partitions=answers)
        try:
            if not may_commit:
                raise GroupAuthorizationFailed
            image = _topic(ctx, topic)
        except KafkaError as error:
            for answer in answers:
                answer.error_code = ctx.count_error(error)
            refused.append(entry)
            continue
        unknown = []
        for asked, answer in zip(topic.partitions, answers, strict=True):
            if asked.partition_index not in image.partitions:
                answer.error_code = ctx.count_error(UnknownTopicOrPartition())
                unknown.append(answer)
                continue
            partition = TopicPartition(image.name, asked.partition_index)
            offsets[partition] = _committed(ctx, request, asked, image.id)
            pending.append((partition, answer))
        if answers:
            (refused if unknown else stored).append(entry)
            entry.partitions = unknown + [answer for answer in answers if not answer.error_code]
    if offsets:
        await _store(ctx, request, offsets, pending)
    response.topics = refused + stored
    return response


def _topic(ctx: Context, topic: OffsetCommitRequest.OffsetCommitRequestTopic) -> TopicImage:
    """Raises UnknownTopicId, TopicAuthorizationFailed, UnknownTopicOrPartition."""
    image = ctx.node.image
    if ctx.version >= _BY_ID:
        found = image.topics_by_id.get(topic.topic_id)
        if found is None:
            raise UnknownTopicId
        name = found.name
    else:
        name = topic.name
        found = image.topics.get(name)
    if not ctx.allows(Operation.READ, ResourceType.TOPIC, name):
        raise TopicAuthorizationFailed
    if found is None:
        raise UnknownTopicOrPartition
    return found


def _committed(
    ctx: Context,
    request: OffsetCommitRequest,
    asked: OffsetCommitRequest.OffsetCommitRequestPartition,
    topic_id: bytes,
) -> Committed:
    """A retention of the request's own, which old clients could give, counts from now."""
    now_ms = ctx.node.steady.now_ms()
    expires = request.retention_time_ms != _BROKER_DECIDES_RETENTION
    return Committed(
        offset=asked.committed_offset,
        leader_epoch=asked.committed_leader_epoch,
        metadata=asked.committed_metadata or "",
        commit_ms=now_ms,
        expire_ms=now_ms + request.retention_time_ms if expires else -1,
        topic_id=topic_id,
    )


async def _store(
    ctx: Context, request: OffsetCommitRequest, offsets: dict[TopicPartition, Committed], pending: Pending
) -> None:
    command = CommitRequest(
        request.group_id, request.member_id, request.group_instance_id, request.generation_id_or_member_epoch, offsets
    )
    caller = caller_of(ctx)
    try:
        codes: dict[TopicPartition, int] = await ctx.node.groups.call(
            request.group_id, lambda machine, token, now_ms: machine.commit(token, command, caller, now_ms)
        )
    except KafkaError as error:
        codes = dict.fromkeys(offsets, error.code)
    for partition, answer in pending:
        answer.error_code = codes[partition]
        if answer.error_code:
            ctx.count_code(answer.error_code)
