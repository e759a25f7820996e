"""Compaction inside a whole broker: chosen, run step by step beside other work, broken off, and disturbed."""

from __future__ import annotations

from ottla.client.operations import create_topic
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import COMPACTED, fill, newest, read_pairs, until_clean


def test_a_dirty_topic_is_compacted_by_itself() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {"log.cleaner.backoff.ms": "1000"})
        node = await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "kv", configs=COMPACTED)
            written = await fill(client, "kv", keys=20, rounds=30)
            await until_clean(node, "kv")
            assert newest(await read_pairs(client, "kv")) == newest(written)
            partition = node.replicas.find("kv", 0)
            assert partition.log is not None and partition.log.size_bytes < 20_000
        await cluster.stop()

    run_simulation(1, main)
