from __future__ import annotations

import pytest

from ottla.common.names import Uuid
from ottla.metadata.parts import NO_LEADER, PartitionImage
from ottla.metadata.store import Holder
from ottla.protocol.messages.cluster import UnregisterBrokerRequest
from ottla.protocol.messages.inter_broker import (
    AllocateProducerIdsRequest,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
)
from tests.unit.controller.support import BROKER, CLUSTER_ID, Controller, topic

FIRST, SECOND = Uuid(b"first process id"), Uuid(b"second process i")


def register(
    controller: Controller, broker: int, incarnation: Uuid = FIRST, cluster_id: str = CLUSTER_ID
) -> tuple[int, int]:
    """(error code, broker epoch)"""
    request = BrokerRegistrationRequest(
        broker_id=broker,
        cluster_id=cluster_id,
        incarnation_id=incarnation,
        listeners=[BrokerRegistrationRequest.Listener(name="PLAINTEXT", host="h", port=9092)],
        rack=None,
    )
    answer = controller.ask(request)
    return answer.error_code, answer.broker_epoch


def beat(
    controller: Controller, broker: int, want_fence: bool = False, want_shut_down: bool = False
) -> BrokerHeartbeatResponse:
    epoch = controller.image.brokers[broker].epoch
    request = BrokerHeartbeatRequest(
        broker_id=broker,
        broker_epoch=epoch,
        current_metadata_offset=max(epoch, controller.image.end_offset),
        want_fence=want_fence,
        want_shut_down=want_shut_down,
    )
    answer: BrokerHeartbeatResponse = controller.ask(request)
    return answer


def partition(controller: Controller, name: str = "t") -> PartitionImage:
    found = controller.image.partition(name, 0)
    assert found is not None
    return found


def test_the_only_broker_serves_at_once_and_its_epoch_is_an_offset() -> None:
    controller = Controller(brokers=0)
    at = controller.image.end_offset
    assert register(controller, 1) == (0, at)
    broker = controller.image.brokers[1]
    assert not broker.fenced and broker.epoch == at
    endpoint = broker.endpoint("PLAINTEXT")
    assert endpoint is not None and (endpoint.host, endpoint.port) == ("h", 9092)
    assert broker.endpoint("OTHER") is None


def test_a_further_broker_is_fenced_until_it_has_caught_up() -> None:
    controller = Controller(brokers=1)
    _, epoch = register(controller, 2)
    assert controller.image.brokers[2].fenced
    behind = BrokerHeartbeatRequest(broker_id=2, broker_epoch=epoch, current_metadata_offset=epoch - 1)
    assert controller.ask(behind).is_fenced
    answer = beat(controller, 2)
    assert answer.is_caught_up and not answer.is_fenced
    assert controller.image.unfenced_brokers() == [1, 2]


def test_the_same_process_registers_once() -> None:
    controller = Controller(brokers=0)
    first = register(controller, 1)
    assert register(controller, 1) == first
    assert controller.records == []


def test_a_broker_of_another_cluster_is_refused() -> None:
    controller = Controller(brokers=0)
    assert register(controller, 1, cluster_id="other") == (104, -1)
    assert controller.image.brokers == {}


def test_leader_epochs_survive_the_restart_of_a_single_broker() -> None:
    controller = Controller(brokers=0)
    register(controller, 1)
    controller.create(topic("t", 3))
    before = dict(controller.image.topics["t"].partitions)
    assert register(controller, 1, SECOND)[0] == 0
    assert controller.image.topics["t"].partitions == before
    assert not controller.image.brokers[1].fenced


def test_a_restarted_leader_with_followers_hands_over() -> None:
    controller = Controller(brokers=2)
    controller.create(topic("t", assignments=[(0, [1, 2])]), topic("alone", assignments=[(0, [1])]))
    register(controller, 1, SECOND)
    assert (partition(controller).leader, partition(controller).isr, partition(controller).leader_epoch) == (2, (2,), 1)
    assert (partition(controller, "alone").leader, partition(controller, "alone").leader_epoch) == (1, 0)


def test_a_broker_whose_lease_ended_loses_its_leaderships_and_gets_back_what_nobody_else_has() -> None:
    controller = Controller(brokers=0)
    for broker in (1, 2):
        register(controller, broker)
        beat(controller, broker)
    controller.create(topic("t", assignments=[(0, [1, 2])]), topic("alone", assignments=[(0, [1])]))
    while records := controller.machine.fence_lost([Holder(2, FIRST)]):
        controller.replay(records)
    assert controller.image.unfenced_brokers() == [2]
    assert (partition(controller).leader, partition(controller).isr) == (2, (2,))
    assert (partition(controller, "alone").leader, partition(controller, "alone").isr) == (NO_LEADER, (1,))
    register(controller, 1, SECOND)
    beat(controller, 1)
    alone = partition(controller, "alone")
    assert (alone.leader, alone.isr, alone.leader_epoch) == (1, (1,), 2)
    assert partition(controller).leader == 2, "it has to catch up first"


def test_the_last_of_an_isr_keeps_its_place_when_all_brokers_are_gone() -> None:
    controller = Controller(brokers=0)
    for broker in (1, 2):
        register(controller, broker)
        beat(controller, broker)
    controller.create(topic("t", assignments=[(0, [1, 2])]))
    while records := controller.machine.fence_lost([]):
        controller.replay(records)
    assert (partition(controller).leader, partition(controller).isr) == (NO_LEADER, (2,))
    beat(controller, 1)
    assert partition(controller).leader == NO_LEADER, "1 may miss what 2 acknowledged"
    beat(controller, 2)
    assert partition(controller).leader == 2


@pytest.mark.parametrize(("allowed", "after"), [("true", (2, (2,), 1)), ("false", (NO_LEADER, (1,), 0))])
def test_an_unclean_election_happens_only_where_it_is_allowed(
    allowed: str, after: tuple[int, tuple[int, ...], int]
) -> None:
    controller = Controller(brokers=2, unclean_leader_election_enable=allowed)
    controller.create(topic("t", assignments=[(0, [1, 2])]))
    beat(controller, 2, want_fence=True)
    assert partition(controller).isr == (1,)
    beat(controller, 2)
    beat(controller, 1, want_fence=True)
    found = partition(controller)
    assert (found.leader, found.isr, found.leader_recovery_state) == after


def test_a_stopping_broker_hands_over_before_it_may_stop() -> None:
    controller = Controller(brokers=2)
    controller.create(topic("t", assignments=[(0, [1, 2])]))
    assert not beat(controller, 1, want_shut_down=True).should_shut_down
    assert partition(controller).leader == 2
    assert beat(controller, 1, want_shut_down=True).should_shut_down


def test_the_only_broker_may_stop_and_changes_nothing() -> None:
    controller = Controller(brokers=1)
    controller.create(topic("t"))
    assert beat(controller, 1, want_shut_down=True).should_shut_down
    assert controller.records == [] and partition(controller).leader == 1


def test_a_heartbeat_with_an_old_epoch_is_refused() -> None:
    controller = Controller(brokers=1)
    assert controller.ask(BrokerHeartbeatRequest(broker_id=1, broker_epoch=9)).error_code == 77
    assert controller.ask(BrokerHeartbeatRequest(broker_id=7, broker_epoch=9)).error_code == 77


def test_a_broker_can_be_forgotten() -> None:
    controller = Controller(brokers=2)
    assert controller.ask(UnregisterBrokerRequest(broker_id=2)).error_code == 0
    assert list(controller.image.brokers) == [1]
    answer = controller.ask(UnregisterBrokerRequest(broker_id=2))
    assert (answer.error_code, answer.error_message) == (102, "Broker ID 2 is not currently registered")


def test_blocks_of_producer_ids_never_overlap() -> None:
    controller = Controller(brokers=2)
    starts = []
    for broker in (1, 2, 1):
        answer = controller.ask(AllocateProducerIdsRequest(broker_id=broker, broker_epoch=broker * 10))
        assert (answer.error_code, answer.producer_id_len) == (0, 1000)
        starts.append(answer.producer_id_start)
    assert starts == [0, 1000, 2000]


@pytest.mark.parametrize(("broker", "epoch"), [(1, 9), (3, 30)])
def test_producer_ids_are_given_only_to_registered_brokers(broker: int, epoch: int) -> None:
    controller = Controller(brokers=2)
    request = AllocateProducerIdsRequest(broker_id=broker, broker_epoch=epoch)
    assert controller.ask(request).error_code == 77
    assert controller.image.next_producer_id == 0


def test_a_new_cluster_gets_its_features_and_the_minimum_isr_of_the_cluster() -> None:
    controller = Controller(brokers=0)
    controller.replay(controller.machine.bootstrap({"metadata.version": 25, "unused": 0}))
    assert controller.image.features == {"metadata.version": 25}
    assert controller.image.config(BROKER, "") == {"min.insync.replicas": "1"}
    assert controller.configs.topic_default("min.insync.replicas") == (1, 3)
