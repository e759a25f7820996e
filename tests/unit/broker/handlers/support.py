"""A broker on virtual time and one connection to it: what handlers answer is asked as clients ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from ottla.broker.measures.process import Process
from ottla.broker.node import Node
from ottla.client.connection import Connection, open_connection
from ottla.common.names import Uuid
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import PORT, SimCluster
from ottla.testing.simulation import Simulation, run_simulation

Result = TypeVar("Result")


class Asking:
    """`ask` in any version; `topic` and `produce` for what a test needs to exist."""

    def __init__(self, node: Node, connection: Connection) -> None:
        self.node = node
        self.connection = connection

    async def ask(self, request: Message, version: int) -> Any:
        return await self.connection.send(request, version=version)

    async def topic(self, name: str, partitions: int = 1, **configs: str) -> Uuid:
        """Creates it; the settings with `_` for `.`. Its id."""
        texts = [
            CreateTopicsRequest.CreatableTopicConfig(name=key.replace("_", "."), value=text)
            for key, text in configs.items()
        ]
        wanted = CreateTopicsRequest.CreatableTopic(
            name=name, num_partitions=partitions, replication_factor=1, configs=texts
        )
        answer: CreateTopicsResponse = await self.ask(CreateTopicsRequest(topics=[wanted]), 7)
        assert answer.topics[0].error_code == 0, answer
        return Uuid(answer.topics[0].topic_id)

    async def produce(self, topic: str, sequence: int = -1, producer_id: int = -1, value: bytes = b"value") -> int:
        """One record to partition 0; its offset."""
        builder = BatchBuilder(
            producer_id=producer_id, producer_epoch=0 if producer_id >= 0 else -1, base_sequence=sequence
        )
        builder.append(1_700_000_000_000, b"key", value)
        data = ProduceRequest.PartitionProduceData(index=0, records=builder.build())
        named = ProduceRequest.TopicProduceData(name=topic, partition_data=[data])
        answer = await self.ask(ProduceRequest(acks=-1, timeout_ms=1000, topic_data=[named]), 9)
        appended = answer.responses[0].partition_responses[0]
        assert appended.error_code == 0, answer
        offset: int = appended.base_offset
        return offset


def on_broker(
    scenario: Callable[[Asking], Awaitable[Result]],
    settings: Mapping[str, str] | None = None,
    process: Process | None = None,
) -> Result:
    """Runs the scenario against a fresh broker. `process`: what it takes for the one that runs it."""

    async def main(simulation: Simulation) -> Result:
        cluster = SimCluster(simulation, settings, process)
        node = await cluster.start()
        connection = await open_connection("broker-1", PORT)
        result = await scenario(Asking(node, connection))
        connection.close()
        return result

    return run_simulation(1, main).value


def on_coordinator(
    scenario: Callable[[Asking], Awaitable[Result]],
    settings: Mapping[str, str] | None = None,
    process: Process | None = None,
) -> Result:
    """The same on a broker that was asked for a group's coordinator, so it is one."""

    async def asked(broker: Asking) -> Result:
        answer = await broker.ask(FindCoordinatorRequest(coordinator_keys=["g"]), 4)
        assert answer.coordinators[0].error_code == 0, answer
        return await scenario(broker)

    return on_broker(asked, settings, process)
