"""Moving replicas between brokers (KIP-455): beginning, and cancelling.

A move that needs nobody to catch up is finished at once; any other is, once the new replicas have joined the ISR.
"""

from __future__ import annotations

from ottla.common.errors import (
    InvalidReplicaAssignment,
    InvalidReplicationFactor,
    KafkaError,
    NoReassignmentInProgress,
    UnknownTopicOrPartition,
)
from ottla.controller.outcome import Outcome
from ottla.controller.placement import check_manual, is_active
from ottla.controller.rules import ControllerRules
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import NO_LEADER, PartitionImage, TopicImage
from ottla.protocol.logs.cluster_metadata import PartitionChangeRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
)

Wanted = AlterPartitionReassignmentsRequest.ReassignablePartition
Answer = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse
TopicAnswer = AlterPartitionReassignmentsResponse.ReassignableTopicResponse


def alter_partition_reassignments(image: ClusterImage, rules: ControllerRules, request: Message) -> Outcome:
    """Each partition by itself: new replicas, or with null the ones from before the move."""
    assert isinstance(request, AlterPartitionReassignmentsRequest)
    records: list[Message] = []
    topics = []
    for topic in request.topics:
        answers = []
        for wanted in topic.partitions:
            answer = Answer(partition_index=wanted.partition_index, error_message=None)
            try:
                change = _change(image, rules, topic.name, wanted, request.allow_replication_factor_change)
                records += [] if change is None else [change]
            except NoReassignmentInProgress as error:
                answer.error_code = error.code
            except KafkaError as error:
                answer.error_code, answer.error_message = error.code, error.message
            answers.append(answer)
        topics.append(TopicAnswer(name=topic.name, partitions=answers))
    return Outcome(
        records,
        AlterPartitionReassignmentsResponse(
            allow_replication_factor_change=request.allow_replication_factor_change or not topics,
            error_message=None if topics else "",
            responses=topics,
        ),
    )


def _change(
    image: ClusterImage, rules: ControllerRules, name: str, wanted: Wanted, other_factor: bool
) -> PartitionChangeRecord | None:
    topic = image.topics.get(name)
    if topic is None:
        raise UnknownTopicOrPartition(f"Unable to find a topic named {name}.")
    partition = topic.partitions.get(wanted.partition_index)
    if partition is None:
        raise UnknownTopicOrPartition(f"Unable to find partition {name}:{wanted.partition_index}.")
    change = PartitionChangeRecord(partition_id=wanted.partition_index, topic_id=topic.id)
    if wanted.replicas is None:
        return _cancel(image, rules, topic, partition, change)
    check_manual(image, wanted.replicas, None)
    target = tuple(wanted.replicas)
    _check_factor(partition, target, other_factor)
    return _begin(image, partition, target, change)


def _check_factor(partition: PartitionImage, target: tuple[int, ...], other_factor: bool) -> None:
    present = len(partition.replicas) - len(partition.adding_replicas)
    if not other_factor and len(target) != present:
        raise InvalidReplicationFactor(f"The replication factor is changed from {present} to {len(target)}")


def _begin(
    image: ClusterImage, partition: PartitionImage, target: tuple[int, ...], change: PartitionChangeRecord
) -> PartitionChangeRecord | None:
    """New replicas first join the old ones; where all of the target are in sync, the move is done at once."""
    before = [each for each in partition.replicas if each not in partition.adding_replicas]
    adding = [each for each in target if each not in before]
    removing = [each for each in before if each not in target]
    staying = [each for each in target if each in partition.isr]
    if staying and not [each for each in adding if each not in partition.isr]:
        return _finish(image, partition, target, staying, change)
    change.replicas = [*target, *removing]
    change.adding_replicas, change.removing_replicas = adding, removing
    return change


def _finish(
    image: ClusterImage,
    partition: PartitionImage,
    target: tuple[int, ...],
    isr: list[int],
    change: PartitionChangeRecord,
) -> PartitionChangeRecord | None:
    moving = partition.adding_replicas or partition.removing_replicas
    if target == partition.replicas and not moving:
        return None
    change.replicas = list(target)
    if moving:
        change.adding_replicas, change.removing_replicas = [], []
    if tuple(isr) != partition.isr:
        change.isr = isr
    if partition.leader not in target:
        change.leader = next((each for each in isr if is_active(image.brokers.get(each))), NO_LEADER)
    return change


def _cancel(
    image: ClusterImage,
    rules: ControllerRules,
    topic: TopicImage,
    partition: PartitionImage,
    change: PartitionChangeRecord,
) -> PartitionChangeRecord | None:
    if not partition.adding_replicas and not partition.removing_replicas:
        raise NoReassignmentInProgress
    before = tuple(each for each in partition.replicas if each not in partition.adding_replicas)
    isr = [each for each in partition.isr if each in before]
    if not isr:  # only the new replicas are in sync
        if not rules.configs.topic(topic.name).unclean_leader_election_enable:
            raise InvalidReplicaAssignment(
                f"Unable to revert partition assignment for {topic.name}:{change.partition_id} because it would "
                "require an unclean leader election."
            )
        isr = [before[0]]
    return _finish(image, partition, before, isr, change)
