"""Adding partitions to a topic, and the ISR changes that leaders ask for."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.common.clock import Random
from ottla.common.errors import (
    FencedLeaderEpoch,
    IneligibleReplica,
    InvalidPartitions,
    InvalidReplicaAssignment,
    InvalidRequest,
    InvalidUpdateVersion,
    KafkaError,
    NotController,
    UnknownServerError,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from ottla.controller.brokers import check_epoch
from ottla.controller.outcome import Outcome
from ottla.controller.placement import Assignment, check_manual, is_active, new_partition, place
from ottla.controller.rules import MAX_RECORDS
from ottla.controller.topics import TOO_MANY_RECORDS
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import PartitionImage, TopicImage
from ottla.protocol.logs.cluster_metadata import PartitionChangeRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsResponse
from ottla.protocol.messages.inter_broker import AlterPartitionRequest, AlterPartitionResponse

RECOVERED, RECOVERING = 0, 1
"""Leader recovery states; RECOVERING after an unclean election."""


def create_partitions(image: ClusterImage, random: Random, request: Message) -> Outcome:
    """Adds partitions to each topic where that can be done."""
    assert isinstance(request, CreatePartitionsRequest)
    counts: dict[str, int] = {}
    for topic in request.topics:
        counts[topic.name] = counts.get(topic.name, 0) + 1
    records: list[Message] = []
    results = []
    for topic in request.topics:
        if counts.get(topic.name) is None:
            continue  # answered already
        code, message = 0, None
        try:
            if counts.pop(topic.name) > 1:
                raise InvalidRequest("Duplicate topic name.")
            records.extend(_grow(image, random, topic, MAX_RECORDS - len(records)))
        except (UnknownTopicOrPartition, UnknownServerError) as error:
            code = error.code  # Kafka has no sentence for these here
        except KafkaError as error:
            code, message = error.code, error.message
        results.append(
            CreatePartitionsResponse.CreatePartitionsTopicResult(
                name=topic.name, error_code=code, error_message=message
            )
        )
    return Outcome([] if request.validate_only else records, CreatePartitionsResponse(results=results))


def _grow(
    image: ClusterImage, random: Random, wanted: CreatePartitionsRequest.CreatePartitionsTopic, most: int
) -> list[Message]:
    topic = image.topics.get(wanted.name)
    if topic is None:
        raise UnknownTopicOrPartition
    present = len(topic.partitions)
    if wanted.count == present:
        raise InvalidPartitions(f"Topic already has {present} partition(s).")
    if wanted.count < present:
        raise InvalidPartitions(
            f"The topic {wanted.name} currently has {present} partition(s); {wanted.count} would not be an increase."
        )
    added = wanted.count - present
    if wanted.assignments is not None and len(wanted.assignments) != added:
        raise InvalidReplicaAssignment(
            f"Attempted to add {added} additional partition(s), but only {len(wanted.assignments)} assignment(s) "
            "were specified."
        )
    if added > most:
        raise UnknownServerError(TOO_MANY_RECORDS)  # not the POLICY_VIOLATION of CreateTopics
    factor = topic.replication_factor
    assignments = _manual(image, wanted, factor) if wanted.assignments else place(image, random, added, factor)
    return [
        new_partition(image, index, replicas).record(topic.id, index)
        for index, replicas in enumerate(assignments, start=present)
    ]


def _manual(
    image: ClusterImage, wanted: CreatePartitionsRequest.CreatePartitionsTopic, factor: int
) -> list[Assignment]:
    assert wanted.assignments is not None
    for assignment in wanted.assignments:
        check_manual(image, assignment.broker_ids, factor)
    return [tuple(assignment.broker_ids) for assignment in wanted.assignments]


def alter_partition(image: ClusterImage, request: Message) -> Outcome:
    """A leader shrinks or grows the ISR of its partitions (KIP-497)."""
    assert isinstance(request, AlterPartitionRequest)
    try:
        check_epoch(image, request.broker_id, request.broker_epoch)
    except KafkaError as error:
        return Outcome([], AlterPartitionResponse(error_code=error.code))
    records: list[Message] = []
    topics = []
    for data in request.topics:
        topic = image.topics_by_id.get(data.topic_id)
        results = []
        for wanted in data.partitions:
            try:
                result, record = _alter(image, request.broker_id, topic, wanted)
                records.extend(record)
            except KafkaError as error:
                result = AlterPartitionResponse.PartitionData(
                    partition_index=wanted.partition_index, error_code=error.code
                )
            results.append(result)
        topics.append(AlterPartitionResponse.TopicData(topic_id=data.topic_id, partitions=results))
    return Outcome(records, AlterPartitionResponse(topics=topics))


def _alter(
    image: ClusterImage, broker: int, topic: TopicImage | None, wanted: AlterPartitionRequest.PartitionData
) -> tuple[AlterPartitionResponse.PartitionData, list[Message]]:
    if topic is None:
        raise UnknownTopicId
    partition = topic.partitions.get(wanted.partition_index)
    if partition is None:
        raise UnknownTopicOrPartition
    isr = [state.broker_id for state in wanted.new_isr_with_epochs] or list(wanted.new_isr)
    _check_alter(image, broker, partition, wanted, isr)
    records: list[Message] = []
    if tuple(isr) != partition.isr or wanted.leader_recovery_state != partition.leader_recovery_state:
        change = PartitionChangeRecord(
            partition_id=wanted.partition_index, topic_id=topic.id, isr=isr, leader_recovery_state=-1
        )
        if wanted.leader_recovery_state != partition.leader_recovery_state:
            change.leader_recovery_state = wanted.leader_recovery_state
        partition = partition.changed(change)
        records.append(change)
    result = AlterPartitionResponse.PartitionData(
        partition_index=wanted.partition_index,
        leader_id=partition.leader,
        leader_epoch=partition.leader_epoch,
        isr=list(partition.isr),
        leader_recovery_state=partition.leader_recovery_state,
        partition_epoch=partition.partition_epoch,
    )
    return result, records


def _check_alter(
    image: ClusterImage,
    broker: int,
    partition: PartitionImage,
    wanted: AlterPartitionRequest.PartitionData,
    isr: Sequence[int],
) -> None:
    if wanted.leader_epoch > partition.leader_epoch or wanted.partition_epoch > partition.partition_epoch:
        raise NotController("The leader knows of a newer epoch than this controller.")
    if wanted.leader_epoch < partition.leader_epoch:
        raise FencedLeaderEpoch
    if broker != partition.leader:
        raise InvalidRequest("Only the leader may change the ISR.")
    if wanted.partition_epoch < partition.partition_epoch:
        raise InvalidUpdateVersion
    if len(set(isr)) < len(isr) or any(member not in partition.replicas for member in isr):
        raise InvalidRequest("The ISR holds a broker twice, or one without a replica.")
    if partition.leader not in isr:
        raise InvalidRequest("The ISR lacks the leader.")
    if wanted.leader_recovery_state == RECOVERING and (len(isr) > 1 or partition.leader_recovery_state == RECOVERED):
        raise InvalidRequest("A recovering leader is alone in the ISR, and a recovered one stays so.")
    for member in isr:
        if not is_active(image.brokers.get(member)):
            raise IneligibleReplica(f"Broker {member} is fenced or shutting down.")
    for state in wanted.new_isr_with_epochs:
        if state.broker_epoch not in (-1, image.brokers[state.broker_id].epoch):
            raise IneligibleReplica(f"Broker {state.broker_id} was restarted (KIP-903).")
