"""A broker's standing in its cluster comes back: as controller, as a registered broker, as the holder of a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ottla.client.operations import create_topic
from ottla.common.errors import KafkaError
from ottla.metadata.parts import NO_LEADER
from ottla.metadata.store import AppendOutcome, ControllerEpoch, StoreError, Unknown
from ottla.metadata.stores.memory import MemoryLog, MemoryStore
from ottla.protocol.messages.cluster import UnregisterBrokerRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.broker_workload import create_by_asking, produce_values, read_values


class FailingStore(MemoryStore):
    """Of a disk that is full: appends and elections fail, what is written can be read."""

    failing = False

    async def append(
        self, epoch: ControllerEpoch, at_offset: int, records: Sequence[bytes], writer: bytes
    ) -> AppendOutcome:
        if FailingStore.failing:
            return Unknown("database or disk is full")
        return await super().append(epoch, at_offset, records, writer)

    async def elect(self, broker: int, incarnation: bytes) -> ControllerEpoch | None:
        if FailingStore.failing:
            raise StoreError("database or disk is full")
        return await super().elect(broker, incarnation)


@pytest.fixture(autouse=True)
def failing_store(monkeypatch: pytest.MonkeyPatch) -> None:
    FailingStore.failing = False
    monkeypatch.setattr("ottla.metadata.stores.memory.MemoryStore", FailingStore)


async def code_of_creation(cluster: SimCluster, name: str) -> int:
    node = cluster.nodes[1]
    topic = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=1, replication_factor=1)
    answer = await node.peers.send(1, CreateTopicsRequest(topics=[topic], timeout_ms=1000))
    code: int = answer.topics[0].error_code
    return code


def test_a_controller_that_stepped_down_campaigns_until_the_store_takes_its_records() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        node = await cluster.start()
        FailingStore.failing = True
        assert [await code_of_creation(cluster, "refused") for _ in range(3)] == [41, 41, 41]
        answer = await node.peers.send(1, InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000))
        assert answer.error_code == 14
        await asyncio.sleep(60)
        assert not node.controller.active
        assert sum("metadata.store_failed" in line for line in cluster.log) < 20, "the pause grows"
        FailingStore.failing = False
        await asyncio.sleep(6)
        assert node.controller.active
        assert await code_of_creation(cluster, "taken") == 0
        answer = await node.peers.send(1, InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000))
        assert answer.error_code == 0
        await cluster.stop()

    run_simulation(1, main)


def test_a_broker_that_is_unregistered_while_it_lives_registers_again_and_leads_what_it_led() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        node = await cluster.start()
        async with cluster.client() as client:
            await create_by_asking(client)
            await produce_values(cluster, client, [b"before"])
            answer = await node.peers.send(1, UnregisterBrokerRequest(broker_id=1))
            assert answer.error_code == 0  # as Kafka
            await asyncio.sleep(1)
            assert 1 in node.image.brokers
            assert await produce_values(cluster, client, [b"after"]) == 1
            assert await read_values(client) == [b"before", b"after"]
        await cluster.stop()

    run_simulation(1, main)


def test_a_start_elects_leaders_for_what_was_left_without_one() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        node = await cluster.start()
        async with cluster.client() as client:
            await create_by_asking(client)
            await produce_values(cluster, client, [b"before"])
            node.membership.standing.stop()  # as a version that does not register again
            await node.peers.send(1, UnregisterBrokerRequest(broker_id=1))
            assert node.image.topics["events"].partitions[0].leader == NO_LEADER
            cluster.kill()
            await cluster.start()
            assert await read_values(client) == [b"before"]
        await cluster.stop()

    run_simulation(1, main)


def test_a_lost_lease_is_said_and_taken_again() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        node = await cluster.start()
        await asyncio.sleep(30)
        log: MemoryLog = cluster.metadata
        assert log.leases[1].alive, "it is renewed"
        log.leases.clear()
        await asyncio.sleep(10)
        assert log.leases[1].alive
        assert any("broker.lease_lost" in line for line in cluster.log)
        assert not node.ended.done()
        await cluster.stop()

    run_simulation(1, main)


def test_an_append_to_a_store_that_cannot_even_be_read_is_answered_with_an_error_that_is_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unreadable(*_: object) -> list[object]:
        raise StoreError("disk I/O error")

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        node = await cluster.start()
        FailingStore.failing = True
        with monkeypatch.context() as patch:
            patch.setattr(FailingStore, "read", unreadable)
            assert await code_of_creation(cluster, "refused") == 41
        FailingStore.failing = False
        async with cluster.client() as client:
            try:
                await create_topic(client, "taken")
            except KafkaError as error:
                raise AssertionError("a client that retries gets through") from error
        assert node.controller.active
        await cluster.stop()

    run_simulation(1, main)
