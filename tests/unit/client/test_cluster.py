"""Nodes that reconnect, and requests that find their broker."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from ottla.client.bootstrap import Address
from ottla.client.cluster import Cluster, raise_error
from ottla.client.connection import ConnectionOptions
from ottla.client.node import Backoff, Node
from ottla.common.errors import (
    BrokerNotAvailable,
    NetworkException,
    NotController,
    NotLeaderOrFollower,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
    error_for,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.testing.simulation import Simulation, run_simulation
from tests.unit.client.scripted import ScriptedBroker, versions

OFFERED = {"api_3": (0, 13), "api_10": (0, 6), "api_12": (0, 4), "api_18": (0, 4)}


class Scene:
    """Brokers 1 and 2, of which `leader` leads partition 0 of topic `t`."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.leader = 1
        self.brokers = {number: ScriptedBroker(simulation, 9090 + number) for number in (1, 2)}
        for broker in self.brokers.values():
            broker.handlers[18] = lambda _request, _version: versions(**OFFERED)
            broker.handlers[3] = self.metadata
            broker.handlers[10] = self.coordinator

    async def start(self) -> Scene:
        for broker in self.brokers.values():
            await broker.start()
        return self

    def metadata(self, request: MetadataRequest, _version: int) -> MetadataResponse:
        response = MetadataResponse(controller_id=2, cluster_id="scene")
        for number, broker in self.brokers.items():
            row = MetadataResponse.MetadataResponseBroker(node_id=number, host="127.0.0.1", port=broker.port)
            response.brokers.append(row)
        for topic in request.topics or []:
            answer = MetadataResponse.MetadataResponseTopic(name=topic.name)
            if topic.name == "t":
                answer.partitions = [
                    MetadataResponse.MetadataResponsePartition(partition_index=0, leader_id=self.leader)
                ]
            else:
                answer.error_code = UnknownTopicOrPartition.code
            response.topics.append(answer)
        return response

    def coordinator(self, request: FindCoordinatorRequest, _version: int) -> FindCoordinatorResponse:
        found = FindCoordinatorResponse.Coordinator(key=request.coordinator_keys[0], node_id=2)
        found.host, found.port = "127.0.0.1", self.brokers[2].port
        return FindCoordinatorResponse(coordinators=[found])

    def cluster(self, bootstrap: str = "127.0.0.1:9091", **options: Any) -> Cluster:
        return Cluster(bootstrap, self.simulation.random, **options)


def test_all_who_wait_share_one_attempt_to_connect() -> None:
    async def main(simulation: Simulation) -> None:
        broker = await ScriptedBroker(simulation).start()
        broker.handlers[3] = lambda _request, _version: MetadataResponse()
        node = Node(Address("127.0.0.1", 9092), simulation.random)
        await asyncio.gather(*[node.send(MetadataRequest(topics=[])) for _ in range(10)])
        assert len(broker.connections) == 1
        broker.connections[0].transport.abort()
        await asyncio.sleep(1)
        await node.send(MetadataRequest(topics=[]))
        assert len(broker.connections) == 2
        await node.close()
        with pytest.raises(NetworkException, match="was closed"):
            await node.connection()

    run_simulation(1, main)


def test_attempts_come_further_and_further_apart_until_one_succeeds() -> None:
    async def main(simulation: Simulation) -> None:
        node = Node(Address("127.0.0.1", 9092), simulation.random, backoff=Backoff(100, 1000, jitter=0))
        times = []
        for _ in range(7):
            with pytest.raises(NetworkException, match="cannot connect"):
                await node.connection()
            times.append(simulation.loop.time())
        gaps = [round(later - earlier, 1) for earlier, later in itertools.pairwise(times)]
        assert gaps == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
        await ScriptedBroker(simulation).start()
        await node.connection()
        assert node.failures == 0

    run_simulation(1, main)


def test_jitter_stays_within_its_share() -> None:
    async def main(simulation: Simulation) -> None:
        delays = [Backoff(100, 1000, jitter=0.2).delay_s(1, simulation.random) for _ in range(200)]
        assert 0.08 <= min(delays) < 0.085 < 0.115 < max(delays) <= 0.12

    run_simulation(1, main)


def test_any_reachable_bootstrap_server_will_do() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        async with scene.cluster("127.0.0.1:1,127.0.0.1:2,127.0.0.1:9092") as cluster:
            await cluster.refresh()
            assert cluster.brokers == {1: Address("127.0.0.1", 9091), 2: Address("127.0.0.1", 9092)}
            assert (cluster.controller, cluster.cluster_id) == (2, "scene")
            with pytest.raises(BrokerNotAvailable, match=r"known are \[1, 2\]"):
                await cluster.send(MetadataRequest(topics=[]), broker=7)

    run_simulation(1, main)


def test_when_no_server_can_be_reached_the_error_says_so() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = Cluster("127.0.0.1:1", simulation.random)
        with pytest.raises(NetworkException, match=r"cannot connect to 127\.0\.0\.1:1"):
            await cluster.refresh()

    run_simulation(1, main)


def test_a_request_to_a_leader_that_has_moved_follows_it() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()

        def heartbeat_at(number: int) -> Any:
            def answer(_request: HeartbeatRequest, _version: int) -> HeartbeatResponse:
                right = number == scene.leader
                return HeartbeatResponse(error_code=0 if right else NotLeaderOrFollower.code, throttle_time_ms=number)

            return answer

        for number, broker in scene.brokers.items():
            broker.handlers[12] = heartbeat_at(number)

        def check(answer: HeartbeatResponse) -> int:
            raise_error(answer)
            return answer.throttle_time_ms

        async with scene.cluster() as cluster:
            assert await cluster.send_to_leader("t", 0, HeartbeatRequest(), check) == 1
            scene.leader = 2
            assert await cluster.send_to_leader("t", 0, HeartbeatRequest(), check) == 2
            assert await cluster.leader("t", 0) == 2

    run_simulation(1, main)


def test_a_request_survives_the_loss_of_its_leader() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        scene.brokers[1].handlers[12] = lambda _request, _version: None
        scene.brokers[2].handlers[12] = lambda _request, _version: HeartbeatResponse()

        def fail_over() -> None:
            scene.brokers[1].stop()
            scene.leader = 2

        async with scene.cluster("127.0.0.1:9091,127.0.0.1:9092") as cluster:
            simulation.loop.call_later(5, fail_over)
            await cluster.send_to_leader("t", 0, HeartbeatRequest(), raise_error)
            assert 5 < simulation.loop.time() < 7

    run_simulation(1, main)


def test_an_unknown_topic_is_asked_for_until_time_is_over() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        async with scene.cluster(timeout_ms=5_000) as cluster:
            with pytest.raises(UnknownTopicOrPartition, match="topic nowhere does not exist"):
                await cluster.leader("nowhere", 0)
            assert 3.5 < simulation.loop.time() <= 5
            with pytest.raises(UnknownTopicOrPartition, match="has 1 partitions, not 4"):
                await cluster.leader("t", 4)

    run_simulation(1, main)


def test_errors_that_do_not_pass_are_raised_at_once() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        scene.brokers[2].handlers[12] = lambda _request, _version: HeartbeatResponse(error_code=TopicAlreadyExists.code)
        async with scene.cluster() as cluster:
            with pytest.raises(TopicAlreadyExists):
                await cluster.send_to_controller(HeartbeatRequest(), raise_error)
            assert len(scene.brokers[2].requests(HeartbeatRequest)) == 1

    run_simulation(1, main)


def test_the_coordinator_is_found_once_and_again_after_an_error() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        errors = [0, 0, 16, 0]
        scene.brokers[2].handlers[12] = lambda _request, _version: HeartbeatResponse(error_code=errors.pop(0))
        async with scene.cluster() as cluster:
            for _ in range(3):
                await cluster.send_to_coordinator("group", HeartbeatRequest(), raise_error)
            asked = sum(len(broker.requests(FindCoordinatorRequest)) for broker in scene.brokers.values())
            assert asked == 2

    run_simulation(1, main)


def test_retrying_backs_off_and_gives_the_last_error() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        attempts: list[float] = []

        async def attempt() -> None:
            attempts.append(simulation.loop.time())
            raise NotController("not here")

        async with scene.cluster() as cluster:
            with pytest.raises(NotController, match="not here"):
                await cluster.retrying(attempt, timeout_ms=10_000)
        assert 8 < len(attempts) < 20
        assert 9 < attempts[-1] <= 10

    run_simulation(1, main)


def test_options_reach_every_connection() -> None:
    async def main(simulation: Simulation) -> None:
        scene = await Scene(simulation).start()
        scene.brokers[1].handlers[3] = lambda _request, _version: None
        cluster = Cluster("127.0.0.1:9091", simulation.random, ConnectionOptions(request_timeout_ms=500))
        with pytest.raises(type(error_for(7))):
            await cluster.refresh()
        assert simulation.loop.time() == pytest.approx(0.5, abs=0.1)

    run_simulation(1, main)
