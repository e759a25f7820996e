"""A topic that is made again under its old name begins empty, whatever the earlier one left on the disk."""

from __future__ import annotations

import pytest

from ottla.client.operations import create_topic, delete_topic, offset_for, produce
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import DATA, SimCluster
from ottla.testing.simulation import Simulation, run_simulation


def a_batch() -> bytes:
    batch = BatchBuilder()
    batch.append(0, None, b"value")
    return batch.build()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_folder_that_a_deleted_topic_left_is_not_served_under_the_same_name(end: str) -> None:
    """As after a crash between the deletion in the metadata and the one on the disk."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "events")
            await produce(client, "events", 0, a_batch())
            await delete_topic(client, "events")
            await create_topic(client, "events")
        if end == "stop":
            await cluster.stop()
        else:
            cluster.kill()
        files = cluster.machines[1].files
        assert not files.exists(f"{DATA}/events-0"), "nothing was written to it yet"
        (left,) = [name for name in files.list_folder(DATA) if name.endswith("-delete")]
        files.rename(f"{DATA}/{left}", f"{DATA}/events-0")
        await cluster.start()
        async with cluster.client() as client:
            assert await offset_for(client, "events", 0) == 0
            assert await produce(client, "events", 0, a_batch()) == 0

    run_simulation(1, main)


def test_a_topic_made_again_begins_empty_and_stays_so_over_a_restart() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation)
        await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "events")
            for _ in range(3):
                await produce(client, "events", 0, a_batch())
            await delete_topic(client, "events")
            await create_topic(client, "events")
            assert await produce(client, "events", 0, a_batch()) == 0
        cluster.kill()
        await cluster.start()
        async with cluster.client() as client:
            assert await offset_for(client, "events", 0) == 1

    run_simulation(1, main)
