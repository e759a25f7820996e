"""Compaction inside a whole broker: chosen, run step by step beside other work, broken off, and disturbed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from ottla.broker.node import Node
from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, delete_topic
from ottla.common.names import CONSUMER_OFFSETS
from ottla.storage.files import WorkerStarved
from ottla.testing.clock import SimRandom
from ottla.testing.cluster import SimCluster
from ottla.testing.files import CrashMode
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import (
    COMPACTED,
    Pair,
    alter_topic,
    commit,
    committed,
    delete_records,
    fill,
    log_of,
    newest,
    read_pairs,
    until_busy,
    until_clean,
    until_copying,
)

FAST = {"log.cleaner.backoff.ms": "1000"}
Scenario = Callable[[SimCluster, Node, Cluster], Awaitable[None]]


def on_broker(scenario: Scenario, seed: int = 1, **settings: str) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**FAST, **{key.replace("_", "."): text for key, text in settings.items()}})
        node = await cluster.start()
        async with cluster.client() as client:
            await scenario(cluster, node, client)
        await cluster.stop()

    run_simulation(seed, main)


def cleaned_once(pairs: list[Pair], below: int) -> None:
    keys = [key for offset, key, _ in pairs if offset < below]
    assert len(keys) == len(set(keys)), "superseded records are left in the part that counts as clean"


def died(cluster: SimCluster, ended: asyncio.Future[None]) -> None:
    cluster.kill()
    ended.set_result(None)


def metric(node: Node, name: str) -> float:
    return next(float(line.split()[-1]) for line in node.metrics.text().splitlines() if line.startswith(f"{name} "))


def test_a_dirty_topic_is_compacted_by_itself() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "kv", configs=COMPACTED)
        written = await fill(client, "kv", keys=20, rounds=30)
        await until_clean(node, "kv")
        assert newest(await read_pairs(client, "kv")) == newest(written)
        assert log_of(node, "kv").size_bytes < 20_000
        assert metric(node, "ottla_cleaner_passes_total") > 0
        await asyncio.sleep(2)
        assert not [name for name in node.files.list_folder(log_of(node, "kv").folder) if name.endswith(".deleted")]

    on_broker(scenario)


def test_a_topic_that_is_not_compacted_is_left_alone() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "events", configs={**COMPACTED, "cleanup.policy": "delete", "retention.ms": "-1"})
        written = await fill(client, "events", keys=5, rounds=40)
        await asyncio.sleep(60)
        assert await read_pairs(client, "events") == written

    on_broker(scenario)


def test_the_cleaner_can_be_switched_off() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "kv", configs=COMPACTED)
        written = await fill(client, "kv", keys=20, rounds=30)
        await asyncio.sleep(60)
        assert await read_pairs(client, "kv") == written

    on_broker(scenario, log_cleaner_enable="false")


def test_work_goes_on_while_a_pass_runs() -> None:
    """A slow pass: what is written meanwhile is there, and every read sees the newest of what was written before."""

    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "kv", configs=COMPACTED)
        written = await fill(client, "kv", keys=20, rounds=40)
        await until_busy(node, "kv")
        rounds = 0
        while node.cleaning.busy is not None and rounds < 100:
            written += await fill(client, "kv", keys=20, rounds=1, tag=f"{rounds}-")
            assert newest(await read_pairs(client, "kv")) == newest(written)
            rounds += 1
        assert rounds > 2
        await until_clean(node, "kv")
        assert newest(await read_pairs(client, "kv")) == newest(written)

    on_broker(scenario, log_cleaner_io_max_bytes_per_second="20000")


def test_the_speed_limit_is_kept() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "kv", configs=COMPACTED)
        await fill(client, "kv", keys=20, rounds=40)
        await until_busy(node, "kv")
        began = node.loop.time()
        read = log_of(node, "kv").size_bytes
        while node.cleaning.busy is not None:
            await asyncio.sleep(0.05)
        assert node.loop.time() - began > read * 1.5 / 10_000  # it is read twice, all but the active segment

    on_broker(scenario, log_cleaner_io_max_bytes_per_second="10000")


@pytest.mark.parametrize(
    "disturbance", ["truncate", "delete", "policy", "records", "recreate", "worker", "starved", "full"]
)
@pytest.mark.parametrize("moment", [until_busy, until_copying], ids=["start", "middle"])
def test_a_pass_that_is_disturbed_does_no_harm(disturbance: str, moment: Callable[..., Awaitable[None]]) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        configs = {**COMPACTED, "cleanup.policy": "compact,delete", "retention.ms": "-1"}
        await create_topic(client, "kv", configs=configs)
        written = await fill(client, "kv", keys=20, rounds=40)
        await moment(node, "kv")
        log = log_of(node, "kv")
        passes = metric(node, "ottla_cleaner_passes_total")
        if disturbance == "truncate":
            log.truncate_to(log.log_end_offset - 700)  # as a follower would
            written = [one for one in written if one[0] < log.log_end_offset]
            leader = node.replicas.find("kv", 0).leader
            assert leader is not None
            leader.high_watermark = log.log_end_offset
        elif disturbance == "delete":
            await delete_topic(client, "kv")
        elif disturbance == "recreate":
            await delete_topic(client, "kv")
            await create_topic(client, "kv", configs=COMPACTED)
            written = await fill(client, "kv", keys=7, rounds=3)
        elif disturbance == "policy":
            await alter_topic(client, "kv", {"cleanup.policy": "delete"})
        elif disturbance == "records":
            await delete_records(client, "kv", 400)
        elif disturbance == "worker":
            cluster.machines[1].offload.worker_dies_after = 1
        elif disturbance == "starved":
            cluster.machines[1].offload.worker_ends_with = WorkerStarved
            cluster.machines[1].offload.worker_dies_after = 1
        elif disturbance == "full":
            cluster.machines[1].files.full_after_bytes = 100
        while node.cleaning.busy is not None:
            await asyncio.sleep(0.05)
        if disturbance in ("records", "starved"):  # the latter's pass is begun again at once
            assert metric(node, "ottla_cleaner_passes_total") == passes + 1
            assert metric(node, "ottla_cleaner_worker_starved_total") == (disturbance == "starved")
        else:
            assert metric(node, "ottla_cleaner_passes_total") == passes
        cluster.machines[1].files.full_after_bytes = None
        assert metric(node, "ottla_cleaner_uncleanable_partitions") == 0
        if disturbance == "delete":
            return
        seen = await read_pairs(client, "kv")
        if disturbance == "policy":
            assert len(seen) == len(written)
            return
        assert newest(seen) == newest(written)
        written += await fill(client, "kv", keys=20, rounds=40, tag="more-")
        await until_clean(node, "kv")
        seen = await read_pairs(client, "kv")
        assert newest(seen) == newest(written)
        partition = node.replicas.find("kv", 0).topic_partition
        cleaned_once(seen, node.directories[0].cleaned_to(partition) or 0)
        folder = node.files.list_folder(log_of(node, "kv").folder)
        assert not [name for name in folder if name.endswith((".cleaned", ".swap"))]

    on_broker(scenario, log_cleaner_io_max_bytes_per_second="20000")


def test_a_log_that_cannot_be_cleaned_is_left_and_the_others_go_on() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        for name in ("broken", "whole"):
            await create_topic(client, name, configs={**COMPACTED, "min.cleanable.dirty.ratio": "1"})
            await fill(client, name, keys=20, rounds=40)
        file = node.files.open(f"{log_of(node, 'broken').folder}/{0:020d}.log")
        file.pwrite(70, b"\xff\xff")
        file.close()
        for name in ("broken", "whole"):
            await alter_topic(client, name, {"min.cleanable.dirty.ratio": "0.1"})
        await until_clean(node, "whole")
        assert metric(node, "ottla_cleaner_uncleanable_partitions") == 1
        assert [line for line in cluster.log if "cleaner.log_uncleanable partition=broken-0" in line]
        await delete_topic(client, "broken")
        assert metric(node, "ottla_cleaner_uncleanable_partitions") == 0

    on_broker(scenario)


def test_a_log_over_which_the_worker_dies_again_and_again_is_left() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "kv", configs=COMPACTED)
        written = await fill(client, "kv", keys=20, rounds=40)
        for _ in range(200):
            cluster.machines[1].offload.worker_dies_after = 2
            await asyncio.sleep(0.3)
        assert metric(node, "ottla_cleaner_worker_deaths_total") == 3
        assert metric(node, "ottla_cleaner_uncleanable_partitions") == 1
        assert await read_pairs(client, "kv") == written

    on_broker(scenario)


def test_the_offsets_of_groups_are_compacted() -> None:
    """A thousand commits of one group leave a handful of records, and the group's offset after a restart."""

    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "kv")
        await commit(client, "group", "kv", 0)
        await alter_topic(client, CONSUMER_OFFSETS, {"internal.segment.bytes": "2000"})
        for number in range(300):
            await commit(client, "group", "kv", number)
        log = log_of(node, CONSUMER_OFFSETS)
        assert log.segment_count > 3
        await until_clean(node, CONSUMER_OFFSETS)
        assert len(await read_pairs(client, CONSUMER_OFFSETS)) < 100
        cluster.kill()
        await cluster.start()
        assert await committed(client, "group", "kv") == 299

    on_broker(scenario, offsets_topic_num_partitions="1", log_cleaner_min_cleanable_ratio="0.1")


def test_a_broker_can_be_stopped_at_any_moment_of_a_pass() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**FAST, "log.cleaner.io.max.bytes.per.second": "300000"})
        node = await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "kv", configs=COMPACTED)
            written: list[Pair] = []
            busy = 0
            for number in range(25):
                written += await fill(client, "kv", keys=10, rounds=12, tag=f"{number}-")
                for _ in range(3000):
                    if node.cleaning.busy is not None:
                        break
                    await asyncio.sleep(0.001)
                await asyncio.sleep(0.005 * number)
                busy += node.cleaning.busy is not None
                folder = log_of(node, "kv").folder
                await cluster.stop()
                names = cluster.machines[1].files.list_folder(folder)
                assert not [name for name in names if name.endswith((".cleaned", ".swap"))]
                node = await cluster.start()
                assert newest(await read_pairs(client, "kv")) == newest(written)
            await until_clean(node, "kv")
            partition = node.replicas.find("kv", 0).topic_partition
            cleaned_once(await read_pairs(client, "kv"), node.directories[0].cleaned_to(partition) or 0)
            assert busy > 10
        await cluster.stop()

    run_simulation(1, main)


def test_a_swap_that_has_begun_is_finished_before_the_broker_stops() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, FAST)
        node = await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "kv", configs=COMPACTED)
            written = await fill(client, "kv", keys=10, rounds=40)
            began: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def on_operation(kind: str, path: str) -> None:
                if kind == "rename" and path.endswith(".swap") and not began.done():
                    began.set_result(None)

            folder = log_of(node, "kv").folder
            cluster.machines[1].files.on_operation = on_operation
            await began
            await cluster.stop()
            names = cluster.machines[1].files.list_folder(folder)
            assert not [name for name in names if name.endswith((".cleaned", ".swap"))]
            node = await cluster.start()
            assert newest(await read_pairs(client, "kv")) == newest(written)
        await cluster.stop()

    run_simulation(1, main)


@pytest.mark.parametrize("part", range(3))
def test_compaction_survives_kills_and_power_cuts(part: int, scale: float) -> None:
    """A broker that dies somewhere in a pass or a swap; what the checkpoint calls clean is clean after the next."""

    async def main(simulation: Simulation) -> int:
        random = SimRandom(seed)
        cluster = SimCluster(simulation, {**FAST, "log.cleaner.io.max.bytes.per.second": "30000"})
        node = await cluster.start()
        ends = 0
        async with cluster.client() as client:
            await create_topic(client, "kv", configs={**COMPACTED, "flush.messages": "1"})
            written: list[Pair] = []
            for number in range(4):
                written += await fill(client, "kv", keys=10, rounds=20, tag=f"{number}-")
                await until_busy(node, "kv")
                files = cluster.machines[1].files
                ended = asyncio.get_running_loop().create_future()
                files.on_crash = partial(died, cluster, ended)
                files.crash_at(random.below(60))
                await asyncio.wait([ended], timeout=20)
                ends += ended.done()
                if random.chance(0.7):
                    cluster.cut_power(mode=random.choice(list(CrashMode)))
                elif not ended.done():
                    cluster.kill()
                node = await cluster.start()
                assert newest(await read_pairs(client, "kv")) == newest(written)
            await until_clean(node, "kv")
            seen = await read_pairs(client, "kv")
            assert newest(seen) == newest(written)
            partition = node.replicas.find("kv", 0).topic_partition
            cleaned_once(seen, node.directories[0].cleaned_to(partition) or 0)
        await cluster.stop()
        return ends

    ends = 0
    for number in range(max(int(5 * scale), 1)):
        seed = number * 3 + part
        try:
            ends += run_simulation(seed, main).value
        except (AssertionError, Exception) as error:
            error.add_note(f"seed {seed}")
            raise
    assert ends > 5
