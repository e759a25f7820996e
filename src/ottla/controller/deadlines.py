"""What a request gets that leaves the controller no time: every entry RequestTimedOut, and nothing is done.

Kafka drops such a request from its queue before it looks at it, so this comes before every other check but those that
Kafka makes outside the queue: with nothing left to do after them, no time is needed either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ottla.common.errors import RequestTimedOut
from ottla.common.names import ZERO_UUID
from ottla.protocol.message import Message
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsResponse
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse
from ottla.protocol.messages.reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
)

_CODE = RequestTimedOut.code


def out_of_time(request: Message) -> Message | None:
    """The answer to a request that gives the controller no time; None if it does, or if none is needed."""
    answer = _ANSWERS.get(type(request))
    if answer is None or request.timeout_ms > 0:  # type: ignore[attr-defined]
        return None
    return answer(request)


def _creation(request: CreateTopicsRequest) -> Message | None:
    if not _any_once(topic.name for topic in request.topics):
        return None
    topics = [
        CreateTopicsResponse.CreatableTopicResult(name=topic.name, error_code=_CODE, error_message=None)
        for topic in request.topics
    ]
    return CreateTopicsResponse(topics=topics)


def _growth(request: CreatePartitionsRequest) -> Message | None:
    if not _any_once(topic.name for topic in request.topics):
        return None
    results = [
        CreatePartitionsResponse.CreatePartitionsTopicResult(name=topic.name, error_code=_CODE)
        for topic in request.topics
    ]
    return CreatePartitionsResponse(results=results)


def _deletion(request: DeleteTopicsRequest) -> Message | None:
    states = [*request.topics, *(DeleteTopicsRequest.DeleteTopicState(name=name) for name in request.topic_names)]
    if not _any_once(
        (state.name, state.topic_id) for state in states if (state.name is None) != (state.topic_id == ZERO_UUID)
    ):
        return None
    responses = [
        DeleteTopicsResponse.DeletableTopicResult(name=state.name, topic_id=state.topic_id, error_code=_CODE)
        for state in states
    ]
    return DeleteTopicsResponse(responses=responses)


def _any_once(names: Iterable[object]) -> bool:
    """Whether something is left when all that comes twice has been refused."""
    return 1 in Counter(names).values()


def _election(request: ElectLeadersRequest) -> Message | None:
    if request.topic_partitions is not None and not request.topic_partitions:
        return None
    topics = [
        ElectLeadersResponse.ReplicaElectionResult(
            topic=topic.topic,
            partition_result=[
                ElectLeadersResponse.PartitionResult(partition_id=index, error_code=_CODE, error_message=None)
                for index in topic.partitions
            ],
        )
        for topic in request.topic_partitions or []
    ]
    return ElectLeadersResponse(error_code=_CODE, replica_election_results=topics)


def _reassignment(request: AlterPartitionReassignmentsRequest) -> Message | None:
    if not request.topics:
        return None
    answer = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse
    responses = [
        AlterPartitionReassignmentsResponse.ReassignableTopicResponse(
            name=topic.name,
            partitions=[
                answer(partition_index=partition.partition_index, error_code=_CODE, error_message=None)
                for partition in topic.partitions
            ],
        )
        for topic in request.topics
    ]
    return AlterPartitionReassignmentsResponse(error_code=_CODE, error_message=None, responses=responses)


_ANSWERS: Mapping[type[Message], Callable[..., Message | None]] = {
    CreateTopicsRequest: _creation,
    CreatePartitionsRequest: _growth,
    DeleteTopicsRequest: _deletion,
    ElectLeadersRequest: _election,
    AlterPartitionReassignmentsRequest: _reassignment,
}
"""The other requests to the controller have no timeout, or Kafka does not heed it (UpdateFeatures)."""
