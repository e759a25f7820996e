"""A directory that fails is said once, counted, told to who waits; and a broker without one ends with a sentence."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable

import pytest

from ottla.broker.http import Unhealthy
from ottla.broker.node import Node
from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, fetch, produce
from ottla.common.errors import KafkaError, KafkaStorageError
from ottla.records.record import BatchBuilder
from ottla.testing.cluster import SimCluster
from ottla.testing.files import SimFiles
from ottla.testing.simulation import Simulation, run_simulation

TWO = {"log.dirs": "/disk-a,/disk-b", "ottla.metadata.store": "memory"}


def batch(value: bytes = b"value") -> bytes:
    builder = BatchBuilder()
    builder.append(1_700_000_000_000, None, value)
    return builder.build()


def on_disk(
    scenario: Callable[[SimCluster, Node, SimFiles, Cluster], Awaitable[None]], settings: dict[str, str] | None = None
) -> SimCluster:
    """The cluster, for its log."""

    async def main(simulation: Simulation) -> SimCluster:
        cluster = SimCluster(simulation, settings)
        node = await cluster.start()
        async with cluster.client(timeout_ms=2000) as client:
            await create_topic(client, "t", 4)
            for index in range(4):
                await produce(client, "t", index, batch())
            await scenario(cluster, node, cluster.machines[1].files, client)
        return cluster

    return run_simulation(1, main).value


def failing(files: SimFiles, folder: str, kinds: tuple[str, ...], error: int = errno.EIO) -> None:
    def fail(kind: str, path: str) -> None:
        if kind in kinds and path.startswith(folder.strip("/")):
            raise OSError(error, "Input/output error", f"/{path}")

    files.on_operation = fail


def said(cluster: SimCluster, event: str) -> list[str]:
    return [line for line in cluster.log if f" {event} " in line]


@pytest.mark.parametrize("kinds", [("append",), ("pread",), ("fsync",), ("create", "open")], ids=lambda kinds: kinds[0])
def test_a_directory_that_fails_goes_offline_with_one_line_and_the_other_serves(kinds: tuple[str, ...]) -> None:
    async def scenario(_: SimCluster, node: Node, files: SimFiles, client: Cluster) -> None:
        failing(files, "/disk-b", kinds)
        codes = set()
        for _round in range(3):
            for index in range(4):
                try:
                    await produce(client, "t", index, batch())
                    await fetch(client, "t", index, 0)
                except KafkaError as error:
                    codes.add(error.code)
        await asyncio.sleep(70)  # checkpoints come by
        offline = [directory.path for directory in node.directories if directory.offline]
        assert offline == ["/disk-b"]
        assert codes <= {KafkaStorageError.code}
        with pytest.raises(Unhealthy, match="the log directory /disk-b failed: EIO Input/output error"):
            await node._health()
        assert "ottla_log_directories_offline 1" in node.metrics.text()
        assert not node.ended.done()

    cluster = on_disk(scenario, TWO)
    (line,) = said(cluster, "log_directory.failed")
    assert "folder=/disk-b" in line and "errno=EIO" in line and "do='look at the disk (dmesg)" in line
    assert not said(cluster, "housekeeping.failed")


def test_a_long_poll_learns_at_once_that_its_directory_failed() -> None:
    async def scenario(cluster: SimCluster, node: Node, files: SimFiles, client: Cluster) -> None:
        loop = cluster.simulation.loop
        readers = [cluster.client() for _ in range(4)]  # each on a connection of its own
        waiting = [
            asyncio.ensure_future(fetch(reader, "t", index, 1, max_wait_ms=60_000, min_bytes=1))
            for index, reader in enumerate(readers)
        ]
        await asyncio.sleep(1)
        began = loop.time()
        failing(files, "/disk-b", ("append",))
        lost = next(one for one in node.replicas if one.log is not None and one.log.folder.startswith("/disk-b"))
        with pytest.raises(KafkaError):
            lost.leader_log().append(memoryview(batch()), leader_epoch=lost.leader_epoch, now_ms=1_700_000_000_000)
        await asyncio.sleep(0.1)
        assert lost.log is not None and lost.log.offline
        assert loop.time() - began < 1
        assert not any(one.watchers for one in node.replicas if one.log is not None and one.log.offline)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for reader in readers:
            await reader.close()

    on_disk(scenario, TWO)


def test_a_broker_without_a_usable_directory_ends_with_a_sentence() -> None:
    async def scenario(_: SimCluster, node: Node, files: SimFiles, client: Cluster) -> None:
        failing(files, "/data", ("append",))
        with pytest.raises(KafkaError):
            await produce(client, "t", 0, batch())
        await asyncio.sleep(1)
        assert node.ended.result() == (
            "the log directory /data failed: EIO Input/output error (/data/t-0/00000000000000000000.log); it holds the "
            "metadata, so the broker ends: look at the disk (dmesg), and start the broker again when it is well"
        )

    on_disk(scenario)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_what_is_lacking_for_a_while_is_said_once_and_forgotten(error: int) -> None:
    async def scenario(_: SimCluster, node: Node, files: SimFiles, client: Cluster) -> None:
        await create_topic(client, "unused", 2)
        files.lack(error)
        for name in ("t", "unused"):
            try:
                await produce(client, name, 0, batch())
            except KafkaStorageError:
                continue
        await asyncio.sleep(70)  # checkpoints, recovery points and retention come by
        files.lack(None)
        assert await node._health() == b"ok\n"
        for name in ("t", "unused"):
            await produce(client, name, 0, batch())
        await asyncio.sleep(70)
        assert not any(directory.offline for directory in node.directories)

    cluster = on_disk(scenario)
    lines = said(cluster, "log_directory.refused") + said(cluster, "descriptors.exhausted")
    assert 0 < len(lines) <= 3, lines
    assert not said(cluster, "log_directory.failed")


def test_files_that_are_wrong_are_one_partitions_own_trouble_until_they_are_mended() -> None:
    async def scenario(cluster: SimCluster, node: Node, files: SimFiles, client: Cluster) -> None:
        await cluster.stop()
        files = cluster.machines[1].files
        files.rename("/data/t-0", "/data/t-0.aside")
        files.open("/data/t-0", create=True).close()
        await cluster.start()
        with pytest.raises(KafkaStorageError):
            await produce(client, "t", 0, batch())
        await produce(client, "t", 1, batch())
        assert len([line for line in cluster.log if "partition.unusable partition=t-0" in line]) == 1
        files = cluster.machines[1].files
        files.remove("/data/t-0")
        files.rename("/data/t-0.aside", "/data/t-0")
        await cluster.stop()  # a folder put under a running broker is not taken: it may be a copy that is not complete
        await cluster.start()
        assert await produce(client, "t", 0, batch()) == 1

    on_disk(scenario)


@pytest.mark.parametrize("where", ["/disk-a", "/disk-b"])
def test_a_log_that_comes_back_while_the_broker_runs_keeps_its_partition_from_beginning_anew(where: str) -> None:
    async def scenario(cluster: SimCluster, _: Node, __: SimFiles, client: Cluster) -> None:
        await cluster.stop()
        files = cluster.machines[1].files
        home = next(disk for disk in ("/disk-a", "/disk-b") if files.exists(f"{disk}/t-0"))
        files.rename(f"{home}/t-0", f"{home}/t-0.aside")
        await cluster.start()
        files = cluster.machines[1].files
        files.rename(f"{home}/t-0.aside", f"{where}/t-0")
        with pytest.raises(KafkaStorageError):
            await produce(client, "t", 0, batch())
        await cluster.stop()
        await cluster.start()
        assert await produce(client, "t", 0, batch()) == 1

    cluster = on_disk(scenario, {"log.dirs": TWO["log.dirs"]})
    assert (
        f"{where}/t-0 came here after the start and holds a log of this topic" in said(cluster, "partition.unusable")[0]
    )


def test_a_start_after_a_kill_goes_on_without_the_partition_that_cannot_be_read() -> None:
    async def scenario(cluster: SimCluster, _: Node, files: SimFiles, client: Cluster) -> None:
        cluster.kill()
        files = cluster.machines[1].files
        files.rename("/data/t-0/00000000000000000000.log", "/data/t-0/aside")
        files.make_folder("/data/t-0/00000000000000000000.log")
        await cluster.start()
        with pytest.raises(KafkaError):
            await produce(client, "t", 0, batch())
        assert await produce(client, "t", 1, batch()) == 1

    cluster = on_disk(scenario)
    assert said(cluster, "partition.unusable")


def test_a_stop_answers_long_polls_at_once() -> None:
    async def scenario(cluster: SimCluster, _: Node, __: SimFiles, client: Cluster) -> None:
        waiting = asyncio.ensure_future(fetch(client, "t", 0, 1, max_wait_ms=60_000, min_bytes=1))
        await asyncio.sleep(1)
        began = cluster.simulation.loop.time()
        await cluster.stop()
        assert cluster.simulation.loop.time() - began < 1
        assert (await waiting).high_watermark == 1

    on_disk(scenario)
