"""Elections on demand: of the preferred replica, or of any replica that lives (KIP-460)."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.common.errors import (
    ElectionNotNeeded,
    EligibleLeadersNotAvailable,
    InvalidRequest,
    KafkaError,
    PreferredLeaderNotAvailable,
    UnknownTopicOrPartition,
)
from ottla.controller.leadership import RECOVERING
from ottla.controller.outcome import Outcome
from ottla.controller.placement import is_active
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import NO_LEADER, PartitionImage, TopicImage
from ottla.protocol.logs.cluster_metadata import PartitionChangeRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse

PREFERRED, UNCLEAN = 0, 1
"""Election types."""

Result = ElectLeadersResponse.PartitionResult
TopicResult = ElectLeadersResponse.ReplicaElectionResult


def elect_leaders(image: ClusterImage, request: Message) -> Outcome:
    """Elects where that changes something. Without a list: every partition, and the answer names those elected."""
    assert isinstance(request, ElectLeadersRequest)
    if request.election_type not in (PREFERRED, UNCLEAN):
        return Outcome([], refused(request, InvalidRequest(f"Unknown election type {request.election_type}")))
    records: list[Message] = []
    topics = []
    for name, indexes in _asked(image, request):
        results = [_result(image, request.election_type, name, index, records) for index in indexes]
        if request.topic_partitions is None:
            results = [result for result in results if result.error_code != ElectionNotNeeded.code]
        topics.append(TopicResult(topic=name, partition_result=results))
    return Outcome(records, ElectLeadersResponse(replica_election_results=topics))


def refused(request: ElectLeadersRequest, error: KafkaError) -> ElectLeadersResponse:
    """The answer where nothing of the request can be done: the error above, and for each partition named."""
    topics = [
        TopicResult(
            topic=each.topic,
            partition_result=[
                Result(partition_id=index, error_code=error.code, error_message=error.message)
                for index in each.partitions
            ],
        )
        for each in request.topic_partitions or []
    ]
    return ElectLeadersResponse(error_code=error.code, replica_election_results=topics)


def _asked(image: ClusterImage, request: ElectLeadersRequest) -> list[tuple[str, Sequence[int]]]:
    if request.topic_partitions is None:
        return [(name, list(topic.partitions)) for name, topic in image.topics.items()]
    return [(each.topic, each.partitions) for each in request.topic_partitions]


def _result(image: ClusterImage, election: int, name: str, index: int, records: list[Message]) -> Result:
    try:
        records.append(_elect(image, election, name, index))
    except KafkaError as error:
        return Result(partition_id=index, error_code=error.code, error_message=error.message)
    return Result(partition_id=index, error_message=None)


def _elect(image: ClusterImage, election: int, name: str, index: int) -> Message:
    topic = image.topics.get(name)
    if topic is None:
        raise UnknownTopicOrPartition(f"No such topic as {name}")
    partition = topic.partitions.get(index)
    if partition is None:
        raise UnknownTopicOrPartition(f"No such partition as {name}-{index}")
    if election == PREFERRED:
        return _preferred(image, topic, index, partition)
    return _unclean(image, topic, index, partition)


def _preferred(image: ClusterImage, topic: TopicImage, index: int, partition: PartitionImage) -> Message:
    preferred = partition.replicas[0]
    if partition.leader == preferred:
        raise ElectionNotNeeded("Leader election not needed for topic partition.")
    if preferred not in partition.isr or not is_active(image.brokers.get(preferred)):
        raise PreferredLeaderNotAvailable("The preferred leader was not available.")
    return PartitionChangeRecord(partition_id=index, topic_id=topic.id, leader=preferred)


def _unclean(image: ClusterImage, topic: TopicImage, index: int, partition: PartitionImage) -> Message:
    """Only where nobody leads. A live member of the ISR loses nothing; any other live replica may."""
    if partition.leader != NO_LEADER:
        raise ElectionNotNeeded("Leader election not needed for topic partition.")
    live = [each for each in partition.replicas if is_active(image.brokers.get(each))]
    change = PartitionChangeRecord(partition_id=index, topic_id=topic.id)
    for each in live:
        if each in partition.isr:
            change.leader = each
            return change
    if not live:
        raise EligibleLeadersNotAvailable("Eligible topic partition leaders are not available.")
    change.leader, change.isr, change.leader_recovery_state = live[0], [live[0]], RECOVERING
    return change
