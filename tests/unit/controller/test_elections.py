"""Elections on demand, decided by the machine."""

from __future__ import annotations

import pytest

from ottla.protocol.logs.cluster_metadata import FenceBrokerRecord, PartitionChangeRecord
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from tests.unit.controller.support import Controller, topic

PREFERRED, UNCLEAN = 0, 1
OK, UNKNOWN, INVALID_REQUEST, PREFERRED_NOT_AVAILABLE, NONE_ELIGIBLE, NOT_NEEDED = 0, 3, 42, 80, 83, 84


def controller_with(leader: int, isr: list[int]) -> Controller:
    """Three brokers; partition 0 of `orders` prefers broker 1."""
    controller = Controller(brokers=3)
    controller.create(topic("orders", assignments=[(0, [1, 2, 3])]))
    change = PartitionChangeRecord(partition_id=0, topic_id=controller.image.topics["orders"].id, isr=isr)
    change.leader = leader
    controller.replay([change])
    return controller


def fence(controller: Controller, *brokers: int) -> None:
    controller.replay([FenceBrokerRecord(id=broker, epoch=broker * 10) for broker in brokers])


def elect(controller: Controller, kind: int, name: str = "orders", index: int = 0) -> int:
    wanted = ElectLeadersRequest.TopicPartitions(topic=name, partitions=[index])
    answer = controller.ask(ElectLeadersRequest(election_type=kind, topic_partitions=[wanted]))
    return int(answer.replica_election_results[0].partition_result[0].error_code)


def test_the_preferred_replica_is_elected_again() -> None:
    controller = controller_with(leader=2, isr=[1, 2])
    assert elect(controller, PREFERRED) == OK
    partition = controller.image.topics["orders"].partitions[0]
    assert (partition.leader, partition.leader_epoch) == (1, 2)
    assert elect(controller, PREFERRED) == NOT_NEEDED


@pytest.mark.parametrize(("isr", "fenced"), [([2], ()), ([1, 2], (1,))])
def test_a_preferred_replica_that_is_out_of_sync_or_fenced_is_not_elected(
    isr: list[int], fenced: tuple[int, ...]
) -> None:
    controller = controller_with(leader=2, isr=isr)
    fence(controller, *fenced)
    assert elect(controller, PREFERRED) == PREFERRED_NOT_AVAILABLE
    assert controller.records == []


def test_an_unclean_election_is_for_partitions_that_nobody_leads() -> None:
    controller = controller_with(leader=2, isr=[2])
    assert elect(controller, UNCLEAN) == NOT_NEEDED
    controller = controller_with(leader=-1, isr=[2])
    fence(controller, 2)
    assert elect(controller, UNCLEAN) == OK
    partition = controller.image.topics["orders"].partitions[0]
    assert (partition.leader, partition.isr, partition.leader_recovery_state) == (1, (1,), 1)


def test_an_unclean_election_prefers_who_is_in_sync() -> None:
    controller = controller_with(leader=-1, isr=[3])
    assert elect(controller, UNCLEAN) == OK
    partition = controller.image.topics["orders"].partitions[0]
    assert (partition.leader, partition.isr, partition.leader_recovery_state) == (3, (3,), 0)


def test_where_no_replica_lives_nobody_is_elected() -> None:
    controller = controller_with(leader=-1, isr=[1])
    fence(controller, 1, 2, 3)
    assert elect(controller, UNCLEAN) == NONE_ELIGIBLE


def test_what_does_not_exist_is_said() -> None:
    controller = controller_with(leader=1, isr=[1])
    assert elect(controller, PREFERRED, "nosuch") == UNKNOWN
    assert elect(controller, PREFERRED, index=9) == UNKNOWN
    answer = controller.ask(ElectLeadersRequest(election_type=7, topic_partitions=None))
    assert answer.error_code == INVALID_REQUEST


def test_without_a_list_only_the_elected_are_told() -> None:
    controller = controller_with(leader=2, isr=[1, 2])
    controller.create(topic("quiet", assignments=[(0, [3])]))
    answer = controller.ask(ElectLeadersRequest(election_type=PREFERRED, topic_partitions=None))
    told = {each.topic: [one.partition_id for one in each.partition_result] for each in answer.replica_election_results}
    assert told == {"orders": [0], "quiet": []}
