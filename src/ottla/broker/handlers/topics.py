"""CreateTopics (2 to 7), DeleteTopics (1 to 6), CreatePartitions (0 to 3): authorised here, decided by the controller.

What the principal may not do never reaches the controller. Answers come in the order of the request, one for each
topic, but where nothing of it could be done: then one for each mention.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ottla.broker.handlers.answers import counted
from ottla.common.errors import KafkaError, TopicAuthorizationFailed
from ottla.common.names import ZERO_UUID
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsResponse
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context

Created = CreateTopicsResponse.CreatableTopicResult
Deleted = DeleteTopicsResponse.DeletableTopicResult
Grown = CreatePartitionsResponse.CreatePartitionsTopicResult
State = DeleteTopicsRequest.DeleteTopicState

_BY_ID = 6


async def create_topics(ctx: Context, request: CreateTopicsRequest) -> CreateTopicsResponse:
    """Needs CREATE on the cluster or on the topic. A name that comes twice is refused whoever asks."""
    times = Counter(topic.name for topic in request.topics)
    anything = ctx.allows(Operation.CREATE, ResourceType.CLUSTER, CLUSTER_NAME)
    wanted = [
        topic
        for topic in request.topics
        if anything or times[topic.name] > 1 or ctx.allows(Operation.CREATE, ResourceType.TOPIC, topic.name)
    ]
    created: list[Created] = []
    if wanted:
        forwarded = CreateTopicsRequest(
            topics=wanted, timeout_ms=request.timeout_ms, validate_only=request.validate_only
        )
        created = await _create(ctx, forwarded)
        for answer in created:
            _hide_shape(ctx, answer)
    if len(wanted) < len(request.topics):
        answers = {answer.name: answer for answer in created}
        created = [answers.get(name) or _not_created(name, TopicAuthorizationFailed()) for name in times]
    return CreateTopicsResponse(throttle_time_ms=ctx.throttle_time_ms, topics=counted(ctx, created))


async def _create(ctx: Context, request: CreateTopicsRequest) -> list[Created]:
    try:
        response: CreateTopicsResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        return [_not_created(topic.name, error) for topic in request.topics]
    return response.topics


def _not_created(name: str, error: KafkaError) -> Created:
    return Created(name=name, error_code=error.code, error_message=error.message)


def _hide_shape(ctx: Context, answer: Created) -> None:
    """How many partitions a topic got counts among its settings, which not everyone may see (KIP-525)."""
    if answer.error_code or ctx.allows(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, answer.name):
        return
    answer.topic_config_error_code = TopicAuthorizationFailed.code
    answer.num_partitions = answer.replication_factor = -1
    answer.configs = []


async def create_partitions(ctx: Context, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    """Needs ALTER on the topic. A name that comes twice is refused whoever asks."""
    times = Counter(topic.name for topic in request.topics)
    wanted = [
        topic
        for topic in request.topics
        if times[topic.name] > 1 or ctx.allows(Operation.ALTER, ResourceType.TOPIC, topic.name)
    ]
    grown: list[Grown] = []
    if wanted:
        forwarded = CreatePartitionsRequest(
            topics=wanted, timeout_ms=request.timeout_ms, validate_only=request.validate_only
        )
        grown = await _grow(ctx, forwarded)
    if len(wanted) < len(request.topics):
        answers = {answer.name: answer for answer in grown}
        grown = [answers.get(name) or _not_grown(name, TopicAuthorizationFailed()) for name in times]
    return CreatePartitionsResponse(throttle_time_ms=ctx.throttle_time_ms, results=counted(ctx, grown))


async def _grow(ctx: Context, request: CreatePartitionsRequest) -> list[Grown]:
    try:
        response: CreatePartitionsResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        return [_not_grown(topic.name, error) for topic in request.topics]
    return response.results


def _not_grown(name: str, error: KafkaError) -> Grown:
    return Grown(name=name, error_code=error.code, error_message=error.message)


async def delete_topics(ctx: Context, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    """Needs DESCRIBE and DELETE on the topic. An id whose topic may not be described answers without its name."""
    states = request.topics if ctx.version >= _BY_ID else [State(name=name) for name in request.topic_names]
    answers: list[Deleted] = []
    wanted: list[State] = []
    for state in states:
        refused = _refused(ctx, state)
        if refused is None:
            wanted.append(state)
        else:
            answers.append(refused)
    if wanted:
        answers += await _delete(ctx, DeleteTopicsRequest(topics=wanted, timeout_ms=request.timeout_ms))
    _sort(answers, states)
    return DeleteTopicsResponse(throttle_time_ms=ctx.throttle_time_ms, responses=counted(ctx, answers))


def _refused(ctx: Context, state: State) -> Deleted | None:
    """The answer where the principal may not delete. What makes no sense is left for the controller to say."""
    shown = name = state.name
    if name is None:
        image = ctx.node.image.topics_by_id.get(state.topic_id)
        if image is None:
            return None
        name = image.name
    elif state.topic_id != ZERO_UUID:
        return None
    if not ctx.allows(Operation.DESCRIBE, ResourceType.TOPIC, name):
        return _not_deleted(state, shown, TopicAuthorizationFailed())
    if not ctx.allows(Operation.DELETE, ResourceType.TOPIC, name):
        return _not_deleted(state, name, TopicAuthorizationFailed())
    return None


async def _delete(ctx: Context, request: DeleteTopicsRequest) -> list[Deleted]:
    try:
        response: DeleteTopicsResponse = await ctx.node.peers.forward(ctx, request)
    except KafkaError as error:
        return [_not_deleted(state, state.name, error) for state in request.topics]
    return response.responses


def _not_deleted(state: State, name: str | None, error: KafkaError) -> Deleted:
    return Deleted(name=name, topic_id=state.topic_id, error_code=error.code, error_message=error.message)


def _sort(answers: list[Deleted], states: list[State]) -> None:
    """In the order in which the request first names each topic, by name or by id."""
    places: dict[str | bytes, int] = {}
    for place, state in enumerate(states):
        places.setdefault(state.topic_id if state.name is None else state.name, place)

    def place_of(answer: Deleted) -> int:
        by_id = places.get(answer.topic_id, len(states))
        return by_id if answer.name is None else min(by_id, places.get(answer.name, len(states)))

    answers.sort(key=place_of)
