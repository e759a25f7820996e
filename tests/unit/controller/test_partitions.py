"""Codes and sentences of CreatePartitions are those of Apache Kafka 4.3.1."""

from __future__ import annotations

import pytest

from ottla.protocol.logs.cluster_metadata import FenceBrokerRecord
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.inter_broker import AlterPartitionRequest, AlterPartitionResponse
from tests.unit.controller.support import Controller, topic

Wanted = CreatePartitionsRequest.CreatePartitionsTopic


def wanted(name: str, count: int, assignments: list[list[int]] | None = None) -> Wanted:
    made = None
    if assignments is not None:
        made = [CreatePartitionsRequest.CreatePartitionsAssignment(broker_ids=each) for each in assignments]
    return Wanted(name=name, count=count, assignments=made)


def grow(controller: Controller, *topics: Wanted, validate_only: bool = False) -> list[tuple[int, str | None]]:
    answer = controller.ask(CreatePartitionsRequest(timeout_ms=1000, topics=list(topics), validate_only=validate_only))
    return [(result.error_code, result.error_message) for result in answer.results]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (wanted("t", 3), 37, "Topic already has 3 partition(s)."),
        (wanted("t", 2), 37, "The topic t currently has 3 partition(s); 2 would not be an increase."),
        (wanted("t", -1), 37, "The topic t currently has 3 partition(s); -1 would not be an increase."),
        (wanted("nope", 3), 3, None),
        (
            wanted("t", 5, [[1]]),
            39,
            "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
        ),
        (
            wanted("t", 4, []),
            39,
            "Attempted to add 1 additional partition(s), but only 0 assignment(s) were specified.",
        ),
        (
            wanted("t", 4, [[2]]),
            39,
            "The manual partition assignment includes broker 2, but no such broker is registered.",
        ),
        (wanted("t", 4, [[]]), 39, "The manual partition assignment includes an empty replica list."),
        (wanted("t", 10_004), -1, None),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_partitions_are_refused_as_kafka_refuses_them(request_: Wanted, code: int, message: str | None) -> None:
    controller = Controller()
    controller.create(topic("t", 3))
    assert grow(controller, request_) == [(code, message)]
    assert controller.records == []


def test_new_partitions_follow_the_old_ones_with_as_many_replicas() -> None:
    controller = Controller(brokers=3)
    controller.create(topic("t", 2, 2))
    assert grow(controller, wanted("t", 5)) == [(0, None)]
    partitions = controller.image.topics["t"].partitions
    assert list(partitions) == [0, 1, 2, 3, 4]
    assert all(len(partition.replicas) == 2 for partition in partitions.values())


def test_validate_only_and_names_given_twice_change_nothing() -> None:
    controller = Controller()
    controller.create(topic("t", 1))
    assert grow(controller, wanted("t", 2), validate_only=True) == [(0, None)]
    assert grow(controller, wanted("t", 2), wanted("t", 3)) == [(42, "Duplicate topic name.")]
    assert len(controller.image.topics["t"].partitions) == 1


def alter_isr(
    controller: Controller, isr: list[int], *, leader: int = 1, leader_epoch: int = 0, partition_epoch: int = 0
) -> AlterPartitionResponse.PartitionData:
    partition = AlterPartitionRequest.PartitionData(
        partition_index=0,
        leader_epoch=leader_epoch,
        partition_epoch=partition_epoch,
        new_isr_with_epochs=[
            AlterPartitionRequest.BrokerState(broker_id=member, broker_epoch=member * 10) for member in isr
        ],
    )
    data = AlterPartitionRequest.TopicData(topic_id=controller.image.topics["t"].id, partitions=[partition])
    request = AlterPartitionRequest(broker_id=leader, broker_epoch=leader * 10, topics=[data])
    result: AlterPartitionResponse.PartitionData = controller.ask(request).topics[0].partitions[0]
    return result


@pytest.fixture
def replicated() -> Controller:
    controller = Controller(brokers=3)
    controller.create(topic("t", assignments=[(0, [1, 2])]))
    return controller


def test_a_leader_shrinks_and_grows_its_isr(replicated: Controller) -> None:
    shrunk = alter_isr(replicated, [1])
    assert (shrunk.error_code, shrunk.isr, shrunk.leader_epoch, shrunk.partition_epoch) == (0, [1], 0, 1)
    grown = alter_isr(replicated, [1, 2], partition_epoch=1)
    assert (grown.isr, grown.partition_epoch) == ([1, 2], 2)
    known = replicated.image.partition("t", 0)
    assert known is not None and (known.isr, known.leader, known.partition_epoch) == ((1, 2), 1, 2)


def test_an_isr_that_is_so_already_writes_nothing(replicated: Controller) -> None:
    assert alter_isr(replicated, [1, 2]).partition_epoch == 0
    assert replicated.records == []


@pytest.mark.parametrize(
    ("isr", "changed", "code"),
    [
        ([1], {"leader_epoch": 1}, 41),
        ([1], {"partition_epoch": 1}, 41),
        ([2], {"leader": 2}, 42),
        ([2], {}, 42),
        ([1, 3], {}, 42),
        ([1, 1], {}, 42),
    ],
)
def test_a_wrong_isr_change_is_refused(
    replicated: Controller, isr: list[int], changed: dict[str, int], code: int
) -> None:
    assert alter_isr(replicated, isr, **changed).error_code == code
    assert replicated.records == []


def test_an_isr_change_with_an_old_partition_epoch_is_refused(replicated: Controller) -> None:
    alter_isr(replicated, [1])
    assert alter_isr(replicated, [1, 2], partition_epoch=0).error_code == 95


def test_a_fenced_or_restarted_broker_does_not_enter_the_isr(replicated: Controller) -> None:
    alter_isr(replicated, [1])
    replicated.replay([FenceBrokerRecord(id=2, epoch=20)])
    assert alter_isr(replicated, [1, 2], partition_epoch=1).error_code == 107


def test_a_leader_with_an_old_broker_epoch_is_refused(replicated: Controller) -> None:
    assert replicated.ask(AlterPartitionRequest(broker_id=1, broker_epoch=9)).error_code == 77
