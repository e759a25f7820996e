"""Requests that leave the controller no time: Kafka's answers, and nothing is done."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from ottla.protocol.messages.reassignments import AlterPartitionReassignmentsRequest
from tests.unit.controller.support import Controller, topic

OK, TIMED_OUT, INVALID_REQUEST = 0, 7, 42
STRANGE = Uuid(b"0123456789abcdef")
State = DeleteTopicsRequest.DeleteTopicState


@pytest.fixture
def controller() -> Controller:
    controller = Controller()
    controller.create(topic("a"))
    controller.records.clear()
    return controller


def codes(answers: list[Any]) -> list[tuple[str | None, int, str | None]]:
    return [(answer.name, answer.error_code, answer.error_message) for answer in answers]


def late(*names: str | None) -> list[tuple[str | None, int, str | None]]:
    return [(name, TIMED_OUT, None) for name in names]


@pytest.mark.parametrize("timeout_ms", [0, -1])
def test_each_mention_of_a_topic_times_out(controller: Controller, timeout_ms: int) -> None:
    made = CreateTopicsRequest(topics=[topic("b"), topic("c"), topic("b")], timeout_ms=timeout_ms)
    assert codes(controller.ask(made).topics) == late("b", "c", "b")
    rows = [CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=5) for name in ("a", "x", "x")]
    grown = CreatePartitionsRequest(topics=rows, timeout_ms=timeout_ms)
    assert codes(controller.ask(grown).results) == late("a", "x", "x")
    states = [State(name="a"), State(topic_id=STRANGE), State(name="a", topic_id=STRANGE), State(name=None)]
    gone = controller.ask(DeleteTopicsRequest(topics=states, timeout_ms=timeout_ms)).responses
    assert codes(gone) == late("a", None, "a", None)
    assert [answer.topic_id for answer in gone] == [ZERO_UUID, STRANGE, STRANGE, ZERO_UUID]
    assert controller.records == []
    assert list(controller.image.topics) == ["a"]


def test_a_millisecond_is_time_enough(controller: Controller) -> None:
    assert codes(controller.ask(CreateTopicsRequest(topics=[topic("b")], timeout_ms=1)).topics) == [("b", OK, None)]
    answer = controller.ask(DeleteTopicsRequest(topic_names=["b"], timeout_ms=1))
    assert codes(answer.responses) == [("b", OK, None)]


def test_what_is_refused_before_it_needs_the_controller_needs_no_time(controller: Controller) -> None:
    twice = (INVALID_REQUEST, "Duplicate topic name.")
    created = controller.ask(CreateTopicsRequest(topics=[topic("b"), topic("b")], timeout_ms=0))
    assert codes(created.topics) == [("b", *twice)]
    row = CreatePartitionsRequest.CreatePartitionsTopic(name="a", count=5)
    assert codes(controller.ask(CreatePartitionsRequest(topics=[row, row], timeout_ms=0)).results) == [("a", *twice)]
    assert codes(controller.ask(DeleteTopicsRequest(topic_names=["a", "a"], timeout_ms=0)).responses) == [("a", *twice)]
    for states in ([State(topic_id=STRANGE)] * 2, [State(name="a", topic_id=STRANGE)], [State(name=None)]):
        (answer,) = controller.ask(DeleteTopicsRequest(topics=states, timeout_ms=0)).responses
        assert answer.error_code == INVALID_REQUEST


def test_an_election_times_out_as_a_whole_and_for_each_partition(controller: Controller) -> None:
    rows = [
        ElectLeadersRequest.TopicPartitions(topic=name, partitions=partitions)
        for name, partitions in (("a", [0, 5]), ("x", [0]), ("y", []))
    ]
    answer = controller.ask(ElectLeadersRequest(election_type=7, topic_partitions=rows, timeout_ms=0))
    assert answer.error_code == TIMED_OUT
    assert [
        (each.topic, [(one.partition_id, one.error_code, one.error_message) for one in each.partition_result])
        for each in answer.replica_election_results
    ] == [("a", [(0, TIMED_OUT, None), (5, TIMED_OUT, None)]), ("x", [(0, TIMED_OUT, None)]), ("y", [])]
    of_all = controller.ask(ElectLeadersRequest(topic_partitions=None, timeout_ms=0))
    assert (of_all.error_code, of_all.replica_election_results) == (TIMED_OUT, [])
    assert controller.ask(ElectLeadersRequest(topic_partitions=[], timeout_ms=0)).error_code == OK


def test_a_reassignment_times_out_as_a_whole_and_for_each_partition(controller: Controller) -> None:
    partition = AlterPartitionReassignmentsRequest.ReassignablePartition(partition_index=3, replicas=[1])
    rows = [AlterPartitionReassignmentsRequest.ReassignableTopic(name="a", partitions=[partition])]
    answer = controller.ask(AlterPartitionReassignmentsRequest(topics=rows, timeout_ms=0))
    assert (answer.error_code, answer.error_message) == (TIMED_OUT, None)
    (one,) = answer.responses[0].partitions
    assert (one.partition_index, one.error_code, one.error_message) == (3, TIMED_OUT, None)
    assert controller.ask(AlterPartitionReassignmentsRequest(topics=[], timeout_ms=0)).error_code == OK
