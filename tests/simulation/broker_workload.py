"""One real broker and clients that produce and read back, for tests on virtual time."""

from __future__ import annotations

import asyncio

from ottla.client.cluster import Cluster
from ottla.client.operations import fetch, offset_for, produce
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Run, Simulation, run_simulation

TOPIC = "events"


async def create_by_asking(client: Cluster) -> None:
    """Topics are made when first asked for (auto.create.topics.enable)."""
    topic = MetadataRequest.MetadataRequestTopic(name=TOPIC)
    await client.send(MetadataRequest(topics=[topic], allow_auto_topic_creation=True))
    await client.leader(TOPIC, 0)


async def produce_values(cluster: SimCluster, client: Cluster, values: list[bytes]) -> int:
    """One batch; its base offset."""
    batch = BatchBuilder()
    for value in values:
        batch.append(cluster.simulation.clock.now_ms(), None, value)
    return await produce(client, TOPIC, 0, batch.build())


async def read_values(client: Cluster) -> list[bytes | None]:
    """All values of the topic, from the beginning to its present end."""
    values: list[bytes | None] = []
    end = await offset_for(client, TOPIC, 0)
    while len(values) < end:
        fetched = await fetch(client, TOPIC, 0, len(values))
        values += [record.value for record in read_all(fetched.records) if record.offset >= len(values)]
    return values


async def produce_and_read(simulation: Simulation) -> int:
    """Several producers at once; every value comes back exactly once. How many."""
    cluster = SimCluster(simulation)
    await cluster.start()

    async def producer(number: int) -> None:
        async with cluster.client() as client:
            for round_number in range(20):
                await produce_values(cluster, client, [b"%d-%d" % (number, round_number)])

    async with cluster.client() as client:
        await create_by_asking(client)
        await asyncio.gather(*[producer(number) for number in range(5)])
        values = await read_values(client)
    assert sorted(map(str, values)) == sorted(str(b"%d-%d" % (n, r)) for n in range(5) for r in range(20))
    await cluster.stop()
    return len(values)


def run(seed: int, *, keep_trace: bool = False) -> Run[int]:
    return run_simulation(seed, produce_and_read, keep_trace=keep_trace)
