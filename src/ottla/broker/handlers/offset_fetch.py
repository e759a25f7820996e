"""OffsetFetch: how far a group had read. Versions 1 to 10 (7: stable offsets, KIP-447; 8: several groups, KIP-709;
10: topic ids, KIP-848)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.broker.turns import Pace
from ottla.common.errors import (
    GroupAuthorizationFailed,
    KafkaError,
    TopicAuthorizationFailed,
    UnknownTopicId,
    UnstableOffsetCommit,
)
from ottla.common.names import ZERO_UUID, TopicPartition
from ottla.coordinator.group.tables import in_table_order
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.security.operations import Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.coordinator.group.offsets import Committed, Found

_GROUP_ERROR_SINCE = 2
_BATCHED = 8
_BY_ID = 10
_NONE = -1

GroupAnswer = OffsetFetchResponse.OffsetFetchResponseGroup
TopicAnswer = OffsetFetchResponse.OffsetFetchResponseTopics
Answer = OffsetFetchResponse.OffsetFetchResponsePartitions
Asked = OffsetFetchRequest.OffsetFetchRequestTopics


async def offset_fetch(ctx: Context, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """Needs DESCRIBE on the group, then on each topic."""
    stable = request.require_stable
    pace = ctx.pace(only_reads=True)
    if ctx.version >= _BATCHED:
        groups = [
            await _group(ctx, pace, group.group_id, group.topics, stable, group.member_id, group.member_epoch)
            for group in request.groups
        ]
        return OffsetFetchResponse(throttle_time_ms=ctx.throttle_time_ms, groups=groups)
    topics = request.topics
    asked = (
        None
        if topics is None
        else [Asked(name=topic.name, partition_indexes=topic.partition_indexes) for topic in topics]
    )
    answer = await _group(ctx, pace, request.group_id, asked, stable)
    return _single(ctx, answer, asked)


async def _group(
    ctx: Context,
    pace: Pace,
    group_id: str,
    topics: list[Asked] | None,
    stable: bool,
    member_id: str | None = None,
    epoch: int = -1,
) -> GroupAnswer:
    """What one group has committed: for the topics asked for, or for all."""
    try:
        if not ctx.allows(Operation.DESCRIBE, ResourceType.GROUP, group_id):
            raise GroupAuthorizationFailed
        wanted = None if topics is None else list(_wanted(ctx, topics))
        found: Found = await ctx.node.groups.call(
            group_id,
            lambda machine, token, now_ms: machine.read_offsets(token, group_id, member_id, epoch, stable, wanted),
        )
        weight = 1 + (len(found.offsets) if topics is None else 0)
        ctx.spend(weight)
    except KafkaError as error:
        return GroupAnswer(group_id=group_id, error_code=ctx.count_error(error))
    if pace.due(weight):
        await pace.rest()
    if topics is None:
        return GroupAnswer(group_id=group_id, topics=_all(ctx, found))
    shown: list[TopicAnswer] = []
    refused: list[TopicAnswer] = []
    for topic in topics:
        answer = TopicAnswer(name=topic.name, topic_id=topic.topic_id)
        (shown if _fill(ctx, found, topic, answer) else refused).append(answer)
        if pace.due(1 + len(topic.partition_indexes)):
            await pace.rest()
    return GroupAnswer(group_id=group_id, topics=shown + refused)  # as in Kafka


def _wanted(ctx: Context, topics: list[Asked]) -> Iterator[TopicPartition]:
    for topic in topics:
        name = topic.name
        if ctx.version >= _BY_ID:
            known = ctx.node.image.topics_by_id.get(topic.topic_id)
            if known is None:
                continue
            name = known.name
        for index in topic.partition_indexes:
            yield TopicPartition(name, index)


def _fill(ctx: Context, found_offsets: Found, topic: Asked, answer: TopicAnswer) -> bool:
    """False: the topic is unknown, or not for this principal."""
    name = topic.name
    try:
        if ctx.version >= _BY_ID:
            found = ctx.node.image.topics_by_id.get(topic.topic_id)
            if found is None:
                raise UnknownTopicId
            name = found.name
        if not ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name):
            raise TopicAuthorizationFailed
    except KafkaError as error:
        code = ctx.count_error(error)
        answer.partitions = [
            Answer(partition_index=index, committed_offset=_NONE, error_code=code) for index in topic.partition_indexes
        ]
        return False
    answer.partitions = [
        _one(ctx, found_offsets, TopicPartition(name, index), topic.topic_id) for index in topic.partition_indexes
    ]
    return True


def _one(ctx: Context, found: Found, partition: TopicPartition, topic_id: bytes = ZERO_UUID) -> Answer:
    if partition in found.unstable:
        code = ctx.count_error(UnstableOffsetCommit())
        return Answer(partition_index=partition.partition, committed_offset=_NONE, error_code=code)
    return _shown(partition.partition, found.offsets.get(partition), topic_id)


def _shown(index: int, committed: Committed | None, topic_id: bytes = ZERO_UUID) -> Answer:
    """Nothing committed is no error. Nor is an offset of an older topic with the same name: it is not shown."""
    if committed is None or (topic_id != ZERO_UUID and committed.topic_id not in (ZERO_UUID, topic_id)):
        return Answer(partition_index=index, committed_offset=_NONE)
    return Answer(
        partition_index=index,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
    )


def _all(ctx: Context, found_offsets: Found) -> list[TopicAnswer]:
    """Topics that the principal may not see are left out, and by id those that exist no longer. In Kafka's order."""
    topics: dict[str, TopicAnswer | None] = {}
    image = ctx.node.image
    for partition in found_offsets.offsets:
        name = partition.topic
        if name not in topics:
            found = image.topics.get(name)
            shown = (found is not None or ctx.version < _BY_ID) and ctx.allows(
                Operation.DESCRIBE, ResourceType.TOPIC, name
            )
            topics[name] = TopicAnswer(name=name, topic_id=found.id if found else ZERO_UUID) if shown else None
        topic = topics[name]
        if topic is not None:
            topic.partitions.append(_one(ctx, found_offsets, partition))
    answers = in_table_order((topic for topic in topics.values() if topic is not None), lambda topic: topic.name)
    for topic in answers:
        topic.partitions = in_table_order(topic.partitions, lambda one: one.partition_index)
    return answers


def _single(ctx: Context, group: GroupAnswer, asked: list[Asked] | None) -> OffsetFetchResponse:
    """The form of the versions below 8. Version 1 has no field for the group's error: each partition carries it."""
    if group.error_code and ctx.version < _GROUP_ERROR_SINCE:
        group.topics = [
            TopicAnswer(
                name=topic.name,
                partitions=[
                    Answer(partition_index=index, committed_offset=_NONE, error_code=group.error_code)
                    for index in topic.partition_indexes
                ],
            )
            for topic in asked or []
        ]
    return OffsetFetchResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        error_code=group.error_code,
        topics=[
            OffsetFetchResponse.OffsetFetchResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetFetchResponse.OffsetFetchResponsePartition(
                        partition_index=one.partition_index,
                        committed_offset=one.committed_offset,
                        committed_leader_epoch=one.committed_leader_epoch,
                        metadata=one.metadata,
                        error_code=one.error_code,
                    )
                    for one in topic.partitions
                ],
            )
            for topic in group.topics
        ],
    )
