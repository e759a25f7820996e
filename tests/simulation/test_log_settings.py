"""What the settings of logs promise, on a running broker: of topics and of the cluster, changed while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ottla.broker.node import Node
from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, offset_for
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import alter_cluster, alter_topic, fill, log_of, newest, read_pairs

CHECKED = {"log.retention.check.interval.ms": "1000", "log.cleaner.backoff.ms": "1000"}
SMALL = {"internal.segment.bytes": "2000", "retention.ms": "-1", "file.delete.delay.ms": "0"}
HOUR_MS = 3_600_000


def on_broker(scenario: Callable[[SimCluster, Node, Cluster], Awaitable[None]], **settings: str) -> None:
    async def main(simulation: Simulation) -> None:
        given = {key.replace("_", "."): text for key, text in settings.items()}
        cluster = SimCluster(simulation, {**CHECKED, **given})
        node = await cluster.start()
        async with cluster.client() as client:
            await scenario(cluster, node, client)
        await cluster.stop()

    run_simulation(1, main)


def without(name: str) -> dict[str, str]:
    return {key: text for key, text in SMALL.items() if key != name}


@pytest.mark.parametrize(
    ("own", "change", "value"),
    [
        ("retention.ms", alter_topic, {"retention.ms": "60000"}),
        ("retention.ms", alter_cluster, {"log.retention.ms": "60000"}),
        ("retention.bytes", alter_topic, {"retention.bytes": "3000"}),
        ("retention.bytes", alter_cluster, {"log.retention.bytes": "3000"}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_retention_that_is_changed_takes_effect(
    own: str, change: Callable[..., Awaitable[None]], value: dict[str, str]
) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "t", configs=without(own))
        await fill(client, "t", keys=10, rounds=40, time_ms=node.clock.now_ms())
        await asyncio.sleep(120)
        assert await offset_for(client, "t", 0, -2) == 0
        await (change(client, "t", value) if change is alter_topic else change(client, value))
        await asyncio.sleep(3)
        start = await offset_for(client, "t", 0, -2)
        if own == "retention.ms":
            assert start == 400  # everything is too old, the active segment is rolled as well
        else:
            assert 0 < start < 400 and 3000 <= log_of(node, "t").size_bytes < 3000 + 2000
        await asyncio.sleep(3)
        names = node.files.list_folder(log_of(node, "t").folder)
        assert not [name for name in names if name.endswith(".deleted")]

    on_broker(scenario)


@pytest.mark.parametrize("setting", [{"log_retention_hours": "1"}, {"log_retention_minutes": "60"}])
def test_retention_in_other_units(setting: dict[str, str]) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "t", configs=without("retention.ms"))
        await fill(client, "t", keys=10, rounds=5, time_ms=node.clock.now_ms())
        await asyncio.sleep(HOUR_MS / 1000 - 10)
        assert await offset_for(client, "t", 0, -2) == 0
        await asyncio.sleep(20)
        assert await offset_for(client, "t", 0, -2) == 50

    on_broker(scenario, **setting)


@pytest.mark.parametrize(
    ("change", "value"),
    [(alter_topic, {"file.delete.delay.ms": "10000"}), (alter_cluster, {"log.segment.delete.delay.ms": "10000"})],
)
def test_files_stay_for_file_delete_delay_ms(change: Callable[..., Awaitable[None]], value: dict[str, str]) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "t", configs={"internal.segment.bytes": "2000", "retention.ms": "-1"})
        await (change(client, "t", value) if change is alter_topic else change(client, value))
        await fill(client, "t", keys=10, rounds=20, time_ms=node.clock.now_ms())
        await alter_topic(client, "t", {"retention.bytes": "0"})
        await asyncio.sleep(3)

        def doomed() -> list[str]:
            return [name for name in node.files.list_folder(log_of(node, "t").folder) if name.endswith(".deleted")]

        assert doomed()
        await asyncio.sleep(6)
        assert doomed()
        await asyncio.sleep(5)
        assert not doomed()

    on_broker(scenario)


@pytest.mark.parametrize(
    ("change", "value"), [(alter_topic, {"segment.ms": "60000"}), (alter_cluster, {"log.roll.ms": "60000"})]
)
def test_a_roll_time_that_is_changed_takes_effect(
    change: Callable[..., Awaitable[None]], value: dict[str, str]
) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "t")
        for _ in range(3):
            await fill(client, "t", keys=1, rounds=1, time_ms=node.clock.now_ms())
            await asyncio.sleep(61)
        assert log_of(node, "t").segment_count == 1
        await (change(client, "t", value) if change is alter_topic else change(client, value))
        for _ in range(3):
            await fill(client, "t", keys=1, rounds=1, time_ms=node.clock.now_ms())
            await asyncio.sleep(61)
        assert log_of(node, "t").segment_count == 4

    on_broker(scenario)


@pytest.mark.parametrize(
    ("change", "value"),
    [(alter_topic, {"segment.bytes": "1048576"}), (alter_cluster, {"log.segment.bytes": "1048576"})],
)
def test_a_segment_size_that_is_changed_takes_effect(
    change: Callable[..., Awaitable[None]], value: dict[str, str]
) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "t")
        await fill(client, "t", keys=5000, rounds=10, tag="x" * 30)
        assert log_of(node, "t").segment_count == 1
        await (change(client, "t", value) if change is alter_topic else change(client, value))
        await fill(client, "t", keys=5000, rounds=10, tag="x" * 30)
        assert log_of(node, "t").segment_count > 2

    on_broker(scenario)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (alter_topic, {"segment.jitter.ms": "50000", "segment.ms": "60000"}),
        (alter_cluster, {"log.roll.jitter.ms": "50000", "log.roll.ms": "60000"}),
    ],
)
def test_jitter_spreads_the_rolls_of_partitions(change: Callable[..., Awaitable[None]], value: dict[str, str]) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        names = [f"t{number}" for number in range(4)]
        for name in names:
            await create_topic(client, name)
            await fill(client, name, keys=1, rounds=1, time_ms=node.clock.now_ms())
        for name in names:
            await (change(client, name, value) if change is alter_topic else change(client, value))
            log_of(node, name).roll(node.clock.now_ms())
        jitters = [log_of(node, name)._segments.active.jitter_ms for name in names]
        assert len(set(jitters)) == 4 and all(0 <= one < 50_000 for one in jitters)

    on_broker(scenario)


NEVER = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "1"}
COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", **SMALL}


async def is_cleaned(client: Cluster, written: int) -> bool:
    return len(await read_pairs(client, "t")) < written / 2


@pytest.mark.parametrize(
    ("own", "change", "value"),
    [
        ({"cleanup.policy": "delete"}, alter_topic, {"cleanup.policy": "compact"}),
        ({}, alter_cluster, {"log.cleanup.policy": "compact"}),
        (
            NEVER,
            alter_topic,
            {"min.cleanable.dirty.ratio": "0.1"},
        ),
        (
            {"min.cleanable.dirty.ratio": None, "cleanup.policy": "compact"},
            alter_cluster,
            {"log.cleaner.min.cleanable.ratio": "0.1"},
        ),
        (
            {"cleanup.policy": "compact", "min.compaction.lag.ms": "9999999"},
            alter_topic,
            {"min.compaction.lag.ms": "1000"},
        ),
        (
            NEVER,
            alter_topic,
            {"max.compaction.lag.ms": "60000"},
        ),
        (
            NEVER,
            alter_cluster,
            {"log.cleaner.max.compaction.lag.ms": "60000"},
        ),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_is_compacted_follows_the_settings(
    own: dict[str, str | None], change: Callable[..., Awaitable[None]], value: dict[str, str]
) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        configs: dict[str, str | None] = {**COMPACT, "cleanup.policy": None, **own}
        await create_topic(client, "t", configs={key: text for key, text in configs.items() if text is not None})
        written = await fill(client, "t", keys=10, rounds=20, time_ms=node.clock.now_ms())
        await asyncio.sleep(120)
        assert await read_pairs(client, "t") == written
        await (change(client, "t", value) if change is alter_topic else change(client, value))
        await asyncio.sleep(30)
        assert await is_cleaned(client, len(written))
        assert newest(await read_pairs(client, "t")) == newest(written)

    static = {"log_cleaner_min_cleanable_ratio": "1"} if own.get("min.cleanable.dirty.ratio", "") is None else {}
    on_broker(scenario, **static)


def test_records_are_safe_for_min_compaction_lag_ms() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        await create_topic(client, "t", configs={**COMPACT, "min.compaction.lag.ms": "60000"})
        written = await fill(client, "t", keys=10, rounds=20, time_ms=node.clock.now_ms())
        await asyncio.sleep(55)
        assert await read_pairs(client, "t") == written
        await asyncio.sleep(10)
        assert await is_cleaned(client, len(written))

    on_broker(scenario)


def test_the_cleaner_s_own_settings_take_effect_while_it_runs() -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        rounds = node.metrics.counter("ottla_cleaner_rounds_total", "")
        await asyncio.sleep(60)
        assert rounds.value < 10
        await alter_cluster(client, {"log.cleaner.backoff.ms": "100"})
        await asyncio.sleep(15)
        before = rounds.value
        await asyncio.sleep(10)
        assert rounds.value - before > 80

    on_broker(scenario, log_cleaner_backoff_ms="15000")


@pytest.mark.parametrize("policy", ["delete", "compact"])
def test_a_log_that_nobody_uses_after_a_restart_is_looked_after(policy: str) -> None:
    async def scenario(cluster: SimCluster, node: Node, client: Cluster) -> None:
        configs = {**SMALL, "cleanup.policy": policy, "min.cleanable.dirty.ratio": "0.01", "retention.ms": "600000"}
        await create_topic(client, "t", configs={**configs, "min.compaction.lag.ms": "300000"})
        await create_topic(client, "idle")
        await fill(client, "idle", keys=1, rounds=1, time_ms=node.clock.now_ms())
        await fill(client, "t", keys=10, rounds=20, time_ms=node.clock.now_ms())
        await cluster.stop()
        node = await cluster.start()
        assert node.replicas.find("t", 0).log is None
        await asyncio.sleep(700)
        if policy == "delete":
            assert log_of(node, "t").log_start_offset == 200
        else:
            assert log_of(node, "t").size_bytes < 3000
        assert node.replicas.find("idle", 0).log is None

    on_broker(scenario)
