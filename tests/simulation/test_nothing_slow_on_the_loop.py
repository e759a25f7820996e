"""While a broker serves, no fsync and no removal of a folder is made on its loop: the disk's worst moment would be
everybody's. `SimFiles.serving` makes either raise, unless it comes through the Offload port."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from ottla.client.operations import create_topic, delete_topic, produce
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import SimCluster
from ottla.testing.errors import NotDeterministic
from ottla.testing.files import SimFiles
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import COMPACTED, commit, delete_records, fill
from tests.simulation.test_log_moves import TWO_DISKS, A, B, arrival, move

SETTINGS = {
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "300",
    "log.initial.task.delay.ms": "300",
    "log.flush.offset.checkpoint.interval.ms": "500",
    "replica.high.watermark.checkpoint.interval.ms": "500",
}


def batch(number: int) -> bytes:
    builder = BatchBuilder()
    builder.append(1_700_000_000_000 + number, b"key-%d" % (number % 3), bytes(300))
    return builder.build()


def test_a_broker_at_work_and_its_stop_sync_and_remove_in_threads_alone() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SETTINGS)
        node = await cluster.start()
        cluster.machines[1].files.serving = True
        async with cluster.client() as client:
            small = {"internal.segment.bytes": "1000", "file.delete.delay.ms": "100"}
            await create_topic(client, "plain", 2, configs={**small, "retention.bytes": "2000"})
            await create_topic(client, "synced", 1, configs={**small, "flush.messages": "1"})
            await create_topic(client, "keyed", 1, configs=COMPACTED)
            for number in range(30):
                for name in ("plain", "synced"):
                    await produce(client, name, 0, batch(number))
            await fill(client, "keyed", keys=3, rounds=60)
            await commit(client, "group", "plain", 5)
            await delete_records(client, "synced", 10)
            await asyncio.sleep(3)
            await delete_topic(client, "plain")
            await asyncio.sleep(70)
            assert not any("-delete" in name for name in cluster.machines[1].files.list_folder("/data"))
        assert node._started
        await cluster.stop()
        assert not [line for line in cluster.log if " error " in line]
        assert cluster.machines[1].files.exists("/data/.kafka_cleanshutdown")

    run_simulation(1, main)


def test_a_partition_moves_between_directories_without_a_sync_on_the_loop() -> None:
    """Back and forth, while it is written, in segments, or compacted; what it leaves is removed in threads."""

    async def main(simulation: Simulation, topic_configs: dict[str, str]) -> None:
        cluster = SimCluster(simulation, {**SETTINGS, **TWO_DISKS})
        await cluster.start()
        files = cluster.machines[1].files
        files.serving = True
        async with cluster.client() as client:
            await create_topic(client, "events", 1, configs={"file.delete.delay.ms": "100", **topic_configs})
            moving = True

            async def write() -> None:
                number = 0
                while moving:
                    await produce(client, "events", 0, batch(number))
                    number += 1
                    await asyncio.sleep(simulation.random.between(0.0, 0.02))

            await produce(client, "events", 0, batch(0))
            writing = asyncio.ensure_future(write())
            for path in (B, A, B, A):
                assert await move(client, path) == 0
                await arrival(client, path)
                await asyncio.sleep(0.5)
            await delete_records(client, "events", 5)
            assert await move(client, B) == 0
            await arrival(client, B)
            moving = False
            await writing
            await asyncio.sleep(5)
            left = [name for path in (A, B) for name in files.list_folder(path) if name.startswith("events")]
            assert left == ["events-0"]
        await cluster.stop()
        assert not [line for line in cluster.log if " error " in line]

    small = {"internal.segment.bytes": "1000"}
    for configs in (small, {**small, "flush.messages": "1"}, {**COMPACTED, "cleanup.policy": "compact,delete"}):
        for seed in range(4):
            run_simulation(seed, partial(main, topic_configs=configs))


@pytest.mark.parametrize("call", ["fsync", "fsync_folder", "remove_folder"])
def test_the_guard_finds_each_slow_call(call: str) -> None:
    files = SimFiles()
    files.make_folder("/data/t-0")
    file = files.open("/data/t-0/log", create=True)
    files.serving = True
    with pytest.raises(NotDeterministic, match="use the Offload port"):
        file.fsync() if call == "fsync" else getattr(files, call)("/data/t-0")
