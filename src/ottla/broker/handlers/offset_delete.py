"""OffsetDelete: forgets committed offsets of a group that does not read them. Version 0 (KIP-496)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import refused_first
from ottla.common.errors import InvalidGroupId, KafkaError, TopicAuthorizationFailed, UnknownTopicOrPartition
from ottla.common.names import TopicPartition
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

TopicAnswer = OffsetDeleteResponse.OffsetDeleteResponseTopic
Answer = OffsetDeleteResponse.OffsetDeleteResponsePartition


async def offset_delete(ctx: Context, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """Needs DELETE on the group, then READ on each topic. An error of the whole group comes without topics."""
    try:
        ctx.authorize(Operation.DELETE, ResourceType.GROUP, request.group_id)
        return await _delete(ctx, request)
    except KafkaError as error:
        return OffsetDeleteResponse(throttle_time_ms=ctx.throttle_time_ms, error_code=ctx.count_error(error))


async def _delete(ctx: Context, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    response = OffsetDeleteResponse(throttle_time_ms=ctx.throttle_time_ms, topics=[])
    pending: list[tuple[TopicPartition, Answer]] = []
    pace = ctx.pace()
    for topic in request.topics:
        if pace.due(1 + len(topic.partitions)):
            await pace.rest()
        allowed = ctx.allows(Operation.READ, ResourceType.TOPIC, topic.name)
        image = ctx.node.image.topics.get(topic.name)
        answers = []
        for asked in topic.partitions:
            answer = Answer(partition_index=asked.partition_index)
            answers.append(answer)
            if not allowed:
                answer.error_code = ctx.count_error(TopicAuthorizationFailed())
            elif image is None or asked.partition_index not in image.partitions:
                answer.error_code = ctx.count_error(UnknownTopicOrPartition())
            else:
                pending.append((TopicPartition(topic.name, asked.partition_index), answer))
        if answers or image is None:
            response.topics.append(TopicAnswer(name=topic.name, partitions=answers))
    if not request.group_id:
        raise InvalidGroupId
    partitions = [partition for partition, _ in pending]
    codes: dict[TopicPartition, int] = await ctx.node.groups.call(
        request.group_id,
        lambda machine, token, now_ms: machine.delete_offsets(token, request.group_id, partitions, now_ms),
    )
    for partition, answer in pending:
        answer.error_code = codes[partition]
        if answer.error_code:
            ctx.count_code(answer.error_code)
    gone = [str(partition) for partition, answer in pending if not answer.error_code]
    if gone:
        ctx.tell("group.offsets_deleted", group=request.group_id, partitions=",".join(gone[:100]))
    decided = dict.fromkeys(partition for partition, _ in pending)
    response.topics = refused_first(response.topics, decided)
    return response
