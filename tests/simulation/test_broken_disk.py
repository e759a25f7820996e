"""One of two disks fails at any operation and stays so: it is said once, and the other serves. A start with a mended
disk finds all that was acknowledged."""

from __future__ import annotations

import asyncio
import errno

import pytest

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, fetch, offset_for, produce
from ottla.common.errors import KafkaError
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import COMPACTED, fill

SETTINGS = {
    "log.dirs": "/disk-a,/disk-b",
    "ottla.metadata.store": "memory",
    "log.retention.check.interval.ms": "300",
    "log.initial.task.delay.ms": "300",
    "log.cleaner.backoff.ms": "200",
    "log.flush.offset.checkpoint.interval.ms": "500",
    "replica.high.watermark.checkpoint.interval.ms": "500",
}
BROKEN = (errno.EIO, errno.EROFS, errno.ENODEV, errno.ESTALE)
SEEDS = 16
TOPICS = ("plain", "synced")


def batch(value: bytes) -> bytes:
    builder = BatchBuilder()
    builder.append(1_900_000_000_000 // 1000, None, value)
    return builder.build()


async def write(client: Cluster, acknowledged: dict[tuple[str, int], list[bytes]], number: int) -> set[int]:
    """The error codes."""
    codes = set()
    for topic in TOPICS:
        for index in range(2):
            value = b"%d" % number + bytes(200)
            try:
                await produce(client, topic, index, batch(value))
            except KafkaError as error:
                codes.add(error.code)
            else:
                acknowledged.setdefault((topic, index), []).append(value)
    return codes


async def everything(client: Cluster, topic: str, index: int) -> list[bytes]:
    values: list[bytes] = []
    offset, end = 0, await offset_for(client, topic, index)
    while offset < end:
        records = [one for one in read_all((await fetch(client, topic, index, offset)).records) if one.offset >= offset]
        values += [one.value or b"" for one in records]
        offset = records[-1].offset + 1
    return values


@pytest.mark.parametrize("part", range(2))
def test_a_disk_that_fails_at_any_operation_takes_only_its_own_partitions(part: int, scale: float) -> None:
    for seed in range(part, int(SEEDS * scale), 2):
        run_simulation(seed, broken)


async def broken(simulation: Simulation) -> None:
    cluster = SimCluster(simulation, SETTINGS)
    node = await cluster.start()
    acknowledged: dict[tuple[str, int], list[bytes]] = {}
    async with cluster.client(timeout_ms=1000) as client:
        small = {"internal.segment.bytes": "800", "retention.ms": "-1"}
        await create_topic(client, "plain", 2, configs=small)
        await create_topic(client, "synced", 2, configs={**small, "flush.messages": "1"})
        await create_topic(client, "keyed", configs=COMPACTED)
        await write(client, acknowledged, 0)
        files = cluster.machines[1].files
        left, error = simulation.random.below(120), simulation.random.choice(BROKEN)

        def fail(kind: str, path: str) -> None:
            nonlocal left
            if path.startswith("disk-b"):
                left -= 1
                if left < 0:
                    raise OSError(error, "broken", f"/{path}")

        files.on_operation = fail
        codes: set[int] = set()
        for number in range(1, 12):
            codes |= await write(client, acknowledged, number)
            if number == 3:
                try:
                    await fill(client, "keyed", keys=3, rounds=20)
                except KafkaError as refusal:
                    codes.add(refusal.code)
            await asyncio.sleep(0.3)
        await asyncio.sleep(2)
        assert [one.path for one in node.directories if one.offline] == ["/disk-b"]
        assert len([line for line in cluster.log if "log_directory.failed" in line]) == 1
        assert node.disks.problem is not None
        assert not node.ended.done()
        assert codes <= {56, 7}, codes  # KAFKA_STORAGE_ERROR; REQUEST_TIMED_OUT for who waited for a sync
        here = [one for one in node.replicas if one.log is not None and not one.log.offline]
        assert here, "the other disk serves"
        cluster.kill()
        cluster.machines[1].files.on_operation = None
        await cluster.start()
        for (topic, index), values in acknowledged.items():
            found = await everything(client, topic, index)
            assert [one for one in found if one in values] == values, (topic, index)
    await cluster.stop()
