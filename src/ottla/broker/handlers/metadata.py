"""Metadata: topics, partitions, leaders, brokers; creates topics on request. Versions 0 to 13."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.internal_topics import internal_topic
from ottla.common.errors import (
    InvalidRequest,
    InvalidTopicException,
    KafkaError,
    TopicAuthorizationFailed,
    UnknownServerError,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from ottla.common.names import CONSUMER_OFFSETS, INTERNAL_TOPICS, ZERO_UUID, Uuid
from ottla.controller.names import check_topic_name
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.metadata.parts import TopicImage

_EMPTY_MEANS_ALL = 0
_IDS_SINCE, _TOP_ERROR_SINCE = 12, 13
_AUTO_CREATE_TIMEOUT_MS = 30_000

Asked = MetadataRequest.MetadataRequestTopic
Topic = MetadataResponse.MetadataResponseTopic
Partition = MetadataResponse.MetadataResponsePartition


async def metadata(ctx: Context, request: MetadataRequest) -> MetadataResponse:
    node = ctx.node
    asked = request.topics
    topics: list[Topic] = []
    pace = ctx.pace(only_reads=True)
    if asked is None or (not asked and ctx.version == _EMPTY_MEANS_ALL):
        known = node.image.topics
        for name in sorted(known):
            image = known.get(name)  # it may have gone while others ran
            if image is not None and ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name):
                topics.append(_described(ctx, request, image))
                if pace.due(1 + len(image.partitions)):
                    await pace.rest()
    else:
        wrong = _wrong(ctx, asked)
        if wrong is not None:
            return _refused(ctx, asked, wrong)
        once: dict[tuple[Uuid, str | None], Asked] = {}
        for one in asked:
            once[one.topic_id, one.name] = one
            if ctx.is_large and pace.due():
                await pace.rest()
        asked = list(once.values())
        if any(one.topic_id != ZERO_UUID for one in asked):  # then Kafka looks at ids alone
            asked = [one for one in asked if one.topic_id != ZERO_UUID]
        created, uncreatable = await _create_missing(ctx, request, asked)
        for one in asked:
            topic = _answer(ctx, request, one, uncreatable, created)
            topics.append(topic)
            if pace.due(1 + len(topic.partitions)):
                await pace.rest()
    response = MetadataResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        brokers=[
            MetadataResponse.MetadataResponseBroker(node_id=one.node_id, host=one.host, port=one.port, rack=one.rack)
            for one in node.endpoints(ctx.session.listener.name)
        ],
        cluster_id=node.cluster_id,
        controller_id=node.controller_id(),
        topics=topics,
    )
    if request.include_cluster_authorized_operations:
        response.cluster_authorized_operations = (
            ctx.authorized_operations(ResourceType.CLUSTER, CLUSTER_NAME)
            if ctx.allows(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME)
            else 0
        )
    return response


def _wrong(ctx: Context, asked: list[Asked]) -> KafkaError | None:
    """What refuses the request as a whole: ids where Kafka does not know them yet (KAFKA-10547), or nothing at all."""
    by_id = any(one.name is None or one.topic_id != ZERO_UUID for one in asked)
    if by_id and ctx.version < _IDS_SINCE:
        return InvalidRequest()
    if any(one.name is None and one.topic_id == ZERO_UUID for one in asked):
        return UnknownServerError()
    return None


def _refused(ctx: Context, asked: list[Asked], error: KafkaError) -> MetadataResponse:
    """Nothing of the cluster is told with an error of the whole request."""
    code = ctx.count_error(error)
    topics = [Topic(error_code=code, name=one.name or "", topic_id=one.topic_id, partitions=[]) for one in asked]
    response = MetadataResponse(brokers=[], cluster_id=None, controller_id=-1, topics=topics)
    if ctx.version >= _TOP_ERROR_SINCE:
        response.error_code = code
    return response


def _answer(ctx: Context, request: MetadataRequest, one: Asked, uncreatable: set[str], created: set[str]) -> Topic:
    image = ctx.node.image
    try:
        if one.name is None or one.topic_id != ZERO_UUID:
            found = image.topics_by_id.get(one.topic_id)
            if found is None:
                raise UnknownTopicId
        else:
            found = image.topics.get(one.name)
        name = found.name if found is not None else one.name
        assert name is not None
        if not ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name) or name in uncreatable:
            raise TopicAuthorizationFailed
        if found is None or name in created:
            check_topic_name(name)
            raise UnknownTopicOrPartition
        return _described(ctx, request, found)
    except KafkaError as error:
        unknown = Topic(error_code=ctx.count_error(error), name=one.name, topic_id=one.topic_id, partitions=[])
        if isinstance(error, UnknownTopicId):
            unknown.name = None
        elif request.include_topic_authorized_operations and not isinstance(error, TopicAuthorizationFailed):
            unknown.topic_authorized_operations = ctx.authorized_operations(ResourceType.TOPIC, one.name or "")
        return unknown


def _described(ctx: Context, request: MetadataRequest, image: TopicImage) -> Topic:
    topic = Topic(
        name=image.name,
        topic_id=image.id,
        is_internal=image.name in INTERNAL_TOPICS,
        partitions=[
            Partition(
                error_code=0 if state.leader >= 0 else 5,
                partition_index=index,
                leader_id=state.leader,
                leader_epoch=state.leader_epoch,
                replica_nodes=list(state.replicas),
                isr_nodes=list(state.isr),
                offline_replicas=ctx.node.offline_replicas(state),
            )
            for index, state in image.partitions.items()
        ],
    )
    if request.include_topic_authorized_operations:
        topic.topic_authorized_operations = ctx.authorized_operations(ResourceType.TOPIC, image.name)
    return topic


async def _create_missing(ctx: Context, request: MetadataRequest, asked: list[Asked]) -> tuple[set[str], set[str]]:
    """Creates the named topics that do not exist, where client and broker want it. Those, and those that it may not.

    This answer says UNKNOWN_TOPIC_OR_PARTITION all the same, as Kafka's does; the next one has the topic.
    """
    node = ctx.node
    if not (request.allow_auto_topic_creation and node.settings.auto_create_topics_enable):
        return set(), set()
    missing = []
    uncreatable = set()
    for one in asked:
        name = one.name
        if name is None or one.topic_id != ZERO_UUID or name in node.image.topics:
            continue
        try:
            check_topic_name(name)
        except InvalidTopicException:
            continue
        if not ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name):
            continue
        if ctx.allows(Operation.CREATE, ResourceType.CLUSTER, CLUSTER_NAME) or ctx.allows(
            Operation.CREATE, ResourceType.TOPIC, name
        ):
            missing.append(internal_topic(node.settings, name) if name == CONSUMER_OFFSETS else _defaults(name))
        else:
            uncreatable.add(name)
    if missing:
        creation = CreateTopicsRequest(topics=missing, timeout_ms=_AUTO_CREATE_TIMEOUT_MS)
        try:
            await node.peers.forward(ctx, creation)
        except KafkaError as error:
            node.log.warn("topics.not_created", topics=len(missing), error=error.name)
    return {one.name for one in missing}, uncreatable


def _defaults(name: str) -> CreateTopicsRequest.CreatableTopic:
    return CreateTopicsRequest.CreatableTopic(name=name, num_partitions=-1, replication_factor=-1)
