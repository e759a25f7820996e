"""DescribeTopicPartitions: topics page by page, with the replicas eligible to lead (KIP-966). Version 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.common.errors import (
    InvalidRequest,
    InvalidTopicException,
    KafkaError,
    LeaderNotAvailable,
    TopicAuthorizationFailed,
    UnknownServerError,
    UnknownTopicOrPartition,
)
from ottla.common.names import INTERNAL_TOPICS
from ottla.controller.names import check_topic_name
from ottla.protocol.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
)
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.metadata.parts import PartitionImage, TopicImage

Cursor = DescribeTopicPartitionsResponse.Cursor
Topic = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic
Partition = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition


async def describe_topic_partitions(
    ctx: Context, request: DescribeTopicPartitionsRequest
) -> DescribeTopicPartitionsResponse:
    """Needs DESCRIBE on each topic. Without names all topics are listed, and those not allowed are left out."""
    try:
        names = _names(ctx, request)
        allowed = [name for name in names if ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name)]
        response = _page(ctx, request, allowed)
    except KafkaError as error:
        code = ctx.count_error(error)
        refused = [Topic(error_code=code, name=topic.name) for topic in request.topics]
        return DescribeTopicPartitionsResponse(throttle_time_ms=ctx.throttle_time_ms, topics=refused)
    if request.topics:
        may_see = frozenset(allowed)
        response.topics += _denied(ctx, [name for name in names if name not in may_see])
    response.throttle_time_ms = ctx.throttle_time_ms
    return response


def _names(ctx: Context, request: DescribeTopicPartitionsRequest) -> list[str]:
    """The names from the cursor on, sorted. Raises InvalidRequest for a cursor that points nowhere."""
    names: Iterable[str] = dict.fromkeys(topic.name for topic in request.topics) or ctx.node.image.topics
    cursor = request.cursor
    if cursor is None:
        return sorted(names)
    if request.topics and cursor.topic_name not in names:
        raise InvalidRequest(f"the topics asked for do not contain the topic of the cursor, {cursor.topic_name}")
    if cursor.partition_index < 0:
        raise InvalidRequest(f"the cursor has the partition {cursor.partition_index}")
    return sorted(name for name in names if name >= cursor.topic_name)


def _page(ctx: Context, request: DescribeTopicPartitionsRequest, names: list[str]) -> DescribeTopicPartitionsResponse:
    """As many partitions as asked for and allowed, at least one; then where the next page begins.

    An empty name that the page comes to fails the whole request, and Kafka has no better error for it.
    """
    room = max(1, min(request.response_partition_limit, ctx.node.settings.max_request_partition_size_limit))
    cursor = request.cursor
    topics: list[Topic] = []
    for name in names:
        if room == 0:
            return DescribeTopicPartitionsResponse(topics=topics, next_cursor=Cursor(topic_name=name))
        first = cursor.partition_index if cursor is not None and cursor.topic_name == name else 0
        image = ctx.node.image.topics.get(name)
        if image is None:
            if not name:
                raise UnknownServerError
            topics.append(_unknown(ctx, name))
            continue
        indexes = [index for index in image.partitions if index >= first]
        topics.append(_described(ctx, image, indexes[:room]))
        if len(indexes) > room:
            following = Cursor(topic_name=name, partition_index=indexes[room])
            return DescribeTopicPartitionsResponse(topics=topics, next_cursor=following)
        room -= len(indexes)
    return DescribeTopicPartitionsResponse(topics=topics)


def _described(ctx: Context, image: TopicImage, indexes: list[int]) -> Topic:
    return Topic(
        name=image.name,
        topic_id=image.id,
        is_internal=image.name in INTERNAL_TOPICS,
        partitions=[_partition(ctx, index, image.partitions[index]) for index in indexes],
        topic_authorized_operations=ctx.authorized_operations(ResourceType.TOPIC, image.name),
    )


def _partition(ctx: Context, index: int, state: PartitionImage) -> Partition:
    return Partition(
        error_code=0 if state.leader >= 0 else LeaderNotAvailable.code,
        partition_index=index,
        leader_id=state.leader,
        leader_epoch=state.leader_epoch,
        replica_nodes=list(state.replicas),
        isr_nodes=list(state.isr),
        eligible_leader_replicas=list(state.eligible_leader_replicas),
        last_known_elr=list(state.last_known_elr),
        offline_replicas=ctx.node.offline_replicas(state),
    )


def _unknown(ctx: Context, name: str) -> Topic:
    try:
        check_topic_name(name)
        raise UnknownTopicOrPartition
    except (InvalidTopicException, UnknownTopicOrPartition) as error:
        code = ctx.count_error(error)
    operations = ctx.authorized_operations(ResourceType.TOPIC, name)
    return Topic(error_code=code, name=name, topic_authorized_operations=operations)


def _denied(ctx: Context, names: list[str]) -> list[Topic]:
    """Without id: whether such a topic exists is not told."""
    return [Topic(error_code=ctx.count_error(TopicAuthorizationFailed()), name=name) for name in names]
