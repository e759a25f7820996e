"""Creating and deleting topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ottla.common.clock import Random, random_uuid
from ottla.common.errors import (
    InvalidConfig,
    InvalidPartitions,
    InvalidReplicaAssignment,
    InvalidReplicationFactor,
    InvalidRequest,
    InvalidTopicException,
    KafkaError,
    PolicyViolation,
    TopicAlreadyExists,
    TopicDeletionDisabled,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from ottla.common.names import INTERNAL_TOPICS, METADATA_TOPIC, ZERO_UUID, Uuid
from ottla.controller.configs import check_topic_texts
from ottla.controller.names import check_topic_name, collision_key
from ottla.controller.outcome import Outcome
from ottla.controller.placement import Assignment, check_manual, new_partition, place
from ottla.controller.rules import MAX_RECORDS, ControllerRules
from ottla.metadata.image import TOPIC_CONFIG, ClusterImage
from ottla.metadata.parts import TopicImage
from ottla.protocol.logs.cluster_metadata import ConfigRecord, RemoveTopicRecord, TopicRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse

Wanted = CreateTopicsRequest.CreatableTopic
Created = CreateTopicsResponse.CreatableTopicResult

TOO_MANY_PARTITIONS = "Excessively large number of partitions per request."
TOO_MANY_RECORDS = "Unable to perform excessively large batch operation."


def create_topics(image: ClusterImage, rules: ControllerRules, random: Random, request: Message) -> Outcome:
    """Creates each topic that can be created; the others get their own error, unless the whole is too large."""
    assert isinstance(request, CreateTopicsRequest)
    wanted = _by_name(request.topics)
    try:
        results, records = _create_all(image, rules, random, wanted)
    except PolicyViolation as error:
        results, records = [failed_topic(name, error) for name in wanted], []
    return Outcome([] if request.validate_only else records, CreateTopicsResponse(topics=results))


def _by_name(topics: Sequence[Wanted]) -> dict[str, Wanted | None]:
    """Each name once, in the order of the answer; None for a name that came more than once. What Kafka does not ask its
    controller about comes behind the rest."""
    times = Counter(topic.name for topic in topics)
    once: dict[str, Wanted | None] = {topic.name: topic for topic in topics if times[topic.name] == 1}
    last = {METADATA_TOPIC: once.pop(METADATA_TOPIC)} if METADATA_TOPIC in once else {}
    return {**once, **{name: None for name, count in times.items() if count > 1}, **last}


def _create_all(
    image: ClusterImage, rules: ControllerRules, random: Random, wanted: dict[str, Wanted | None]
) -> tuple[list[Created], list[Message]]:
    if sum(_partition_count(topic, rules) for topic in wanted.values() if topic is not None) > MAX_RECORDS:
        raise PolicyViolation(TOO_MANY_PARTITIONS)
    taken = {collision_key(name): name for name in image.topics if "." in name or "_" in name}
    results, records = [], []
    for name, topic in wanted.items():
        try:
            if topic is None:
                raise InvalidRequest("Duplicate topic name.")
            _check_name(image, taken, name)
            result, new = _create(image, rules, random, topic)
            records.extend(new)
            if len(records) > MAX_RECORDS:
                raise PolicyViolation(TOO_MANY_RECORDS)
        except PolicyViolation:
            raise
        except KafkaError as error:
            result = failed_topic(name, error)
        results.append(result)
    return results, records


def failed_topic(name: str, error: KafkaError) -> Created:
    return Created(name=name, error_code=error.code, error_message=error.message)


def _partition_count(topic: Wanted, rules: ControllerRules) -> int:
    if topic.assignments:
        return len(topic.assignments)
    return rules.default_partitions if topic.num_partitions == -1 else max(0, topic.num_partitions)


def _check_name(image: ClusterImage, taken: dict[str, str], name: str) -> None:
    if name == METADATA_TOPIC:
        raise InvalidRequest(f"Creation of internal topic {METADATA_TOPIC} is prohibited.")
    check_topic_name(name)
    if name in image.topics:
        raise TopicAlreadyExists(f"Topic '{name}' already exists.")
    other = taken.get(collision_key(name))
    if other is not None:
        raise InvalidTopicException(f"Topic '{name}' collides with existing topic: {other}")


def _create(
    image: ClusterImage, rules: ControllerRules, random: Random, topic: Wanted
) -> tuple[Created, list[Message]]:
    texts = _own_configs(topic)
    check_topic_texts(rules, texts)
    assignments = _assignments(image, rules, random, topic)
    topic_id = Uuid(random_uuid(random))
    records: list[Message] = [TopicRecord(name=topic.name, topic_id=topic_id)]
    for key, text in texts.items():
        records.append(ConfigRecord(resource_type=TOPIC_CONFIG, resource_name=topic.name, name=key, value=text))
    for index, replicas in enumerate(assignments):
        records.append(new_partition(image, index, replicas).record(topic_id, index))
    entries = rules.configs.topic_entries(texts)
    created = Created(
        name=topic.name,
        topic_id=topic_id,
        error_message=None,
        num_partitions=len(assignments),
        replication_factor=len(assignments[0]),
        configs=[
            CreateTopicsResponse.CreatableTopicConfigs(
                name=entry.name,
                value=texts.get(entry.name, entry.value),  # as it was sent
                config_source=entry.source,
                is_sensitive=entry.sensitive,
            )
            for entry in entries
        ],
    )
    return created, records


def _own_configs(topic: Wanted) -> dict[str, str]:
    texts: dict[str, str] = {}
    missing = []
    for config in topic.configs:
        if config.value is None:
            missing.append(config.name)
        else:
            texts[config.name] = config.value
    if missing:
        raise InvalidConfig(f"Null value not supported for topic configs: {','.join(missing)}")
    return texts


def _assignments(image: ClusterImage, rules: ControllerRules, random: Random, topic: Wanted) -> list[Assignment]:
    if topic.assignments:
        return _manual_assignments(image, topic)
    if topic.replication_factor < -1 or topic.replication_factor == 0:
        raise InvalidReplicationFactor("Replication factor must be larger than 0, or -1 to use the default value.")
    if topic.num_partitions < -1 or topic.num_partitions == 0:
        raise InvalidPartitions("Number of partitions was set to an invalid non-positive value.")
    factor = rules.default_replication_factor if topic.replication_factor == -1 else topic.replication_factor
    return place(image, random, _partition_count(topic, rules), factor)


def _manual_assignments(image: ClusterImage, topic: Wanted) -> list[Assignment]:
    if topic.replication_factor != -1:
        raise InvalidRequest("A manual partition assignment was specified, but replication factor was not set to -1.")
    if topic.num_partitions != -1:
        raise InvalidRequest("A manual partition assignment was specified, but numPartitions was not set to -1.")
    found: dict[int, Assignment] = {}
    factor = None
    for assignment in topic.assignments:
        if assignment.partition_index in found:
            raise InvalidReplicaAssignment(
                f"Found multiple manual partition assignments for partition {assignment.partition_index}"
            )
        check_manual(image, assignment.broker_ids, factor)
        factor = len(assignment.broker_ids)
        found[assignment.partition_index] = tuple(assignment.broker_ids)
    if sorted(found) != list(range(len(found))):
        raise InvalidReplicaAssignment("partitions should be a consecutive 0-based integer sequence")
    return [found[index] for index in range(len(found))]


def delete_topics(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Deletes topics by name or id. Internal topics are protected, which Kafka's are not: losing them loses groups."""
    assert isinstance(request, DeleteTopicsRequest)
    states = [*request.topics, *(DeleteTopicsRequest.DeleteTopicState(name=name) for name in request.topic_names)]
    results: list[DeleteTopicsResponse.DeletableTopicResult] = []
    records: list[Message] = []
    for name, topic_id, found in _to_delete(image, states):
        code, message = 0, None
        try:
            topic = _deletable(rules, found)
            name, topic_id = topic.name, topic.id
            records.append(RemoveTopicRecord(topic_id=topic.id))
        except KafkaError as error:
            code, message = error.code, error.message
        results.append(
            DeleteTopicsResponse.DeletableTopicResult(
                name=name, topic_id=topic_id, error_code=code, error_message=message
            )
        )
    return Outcome(records, DeleteTopicsResponse(responses=results))


Target = tuple[str | None, Uuid, TopicImage | KafkaError]


def _to_delete(image: ClusterImage, states: Sequence[DeleteTopicsRequest.DeleteTopicState]) -> Iterator[Target]:
    """Each topic once, with what the request called it."""
    names: dict[str, int] = {}
    ids: dict[Uuid, int] = {}
    for state in states:
        if state.name is not None:
            names[state.name] = names.get(state.name, 0) + 1
        else:
            ids[state.topic_id] = ids.get(state.topic_id, 0) + 1
    for state in states:
        if state.name is None and state.topic_id == ZERO_UUID:
            yield None, ZERO_UUID, InvalidRequest("Neither topic name nor id were specified.")
        elif state.name is not None and state.topic_id != ZERO_UUID:
            yield state.name, state.topic_id, InvalidRequest("You may not specify both topic name and topic id.")
    for topic_id, count in ids.items():
        if topic_id != ZERO_UUID:
            yield _target_by_id(image, topic_id, count, names)
    both = [state.name for state in states if state.name is not None and state.topic_id != ZERO_UUID]
    for name, count in names.items():
        if name not in both:
            yield _target_by_name(image, name, count)


def _target_by_id(image: ClusterImage, topic_id: Uuid, count: int, names: dict[str, int]) -> Target:
    if count > 1:
        return None, topic_id, InvalidRequest("Duplicate topic id.")
    topic = image.topics_by_id.get(topic_id)
    if topic is None:
        return None, topic_id, UnknownTopicId("This server does not host this topic ID.")
    if topic.name in names:
        del names[topic.name]
        message = "The provided topic name maps to an ID that was already supplied."
        return topic.name, topic_id, InvalidRequest(message)
    return topic.name, topic_id, topic


def _target_by_name(image: ClusterImage, name: str, count: int) -> Target:
    if count > 1:
        return name, ZERO_UUID, InvalidRequest("Duplicate topic name.")
    topic = image.topics.get(name)
    if topic is None:
        return name, ZERO_UUID, UnknownTopicOrPartition("This server does not host this topic-partition.")
    return name, topic.id, topic


def _deletable(rules: ControllerRules, found: TopicImage | KafkaError) -> TopicImage:
    if isinstance(found, KafkaError):
        raise found
    if not rules.delete_topics:
        raise TopicDeletionDisabled("Topic deletion is disabled.")
    if found.name in INTERNAL_TOPICS:
        raise InvalidTopicException(f"Topic {found.name} is internal and cannot be deleted.")
    return found
