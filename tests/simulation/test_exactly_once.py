"""Exactly once under faults, by seed; see `exactly_once` for the workloads and how to replay a seed."""

from __future__ import annotations

import asyncio
import contextlib
import errno

import pytest

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, delete_topic
from ottla.common.errors import TransactionAbortable
from ottla.common.names import TopicPartition
from ottla.protocol.messages.features import UpdateFeaturesRequest
from ottla.protocol.messages.transactions import DescribeTransactionsRequest
from ottla.testing.cluster import SimCluster
from ottla.testing.files import CrashMode
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.exactly_once import WORKLOADS, run
from tests.simulation.transactors import (
    TRANSACTION,
    Fenced,
    Transactor,
    everything_committed,
    latest,
    read_committed,
    stable_offset,
)

SEEDS = 36
PART, OTHER = TopicPartition("orders", 0), TopicPartition("orders", 1)
GROUP = "readers"

FOUND: dict[str, tuple[int, ...]] = {"process": (3, 29), "money": (0,)}
"""Seeds that found a mistake once; they are repeated for ever."""


@pytest.mark.parametrize("workload", list(WORKLOADS))
@pytest.mark.parametrize("part", range(3))
def test_every_workload_holds_whatever_the_seed(workload: str, part: int, scale: float) -> None:
    for seed in range(part, int(SEEDS * scale), 3):
        try:
            run(workload, seed)
        except BaseException as error:
            raise AssertionError(f"replay with: python -m tests.simulation.exactly_once {workload} {seed}") from error


@pytest.mark.parametrize(("workload", "seed"), [(name, seed) for name, seeds in FOUND.items() for seed in seeds])
def test_seeds_that_found_a_mistake_stay_right(workload: str, seed: int) -> None:
    run(workload, seed)


def test_the_seeds_kill_brokers_and_leave_zombies_behind() -> None:
    assert sum(run("process", seed).value for seed in range(6)) > 3


def test_a_seed_is_the_same_run_again() -> None:
    assert run("process", 1).digest == run("process", 1).digest


@contextlib.asynccontextmanager
async def broker(simulation: Simulation, **settings: str):  # type: ignore[no-untyped-def]
    cluster = SimCluster(simulation, {name.replace("_", "."): value for name, value in settings.items()})
    await cluster.start()
    async with cluster.client(timeout_ms=60_000) as client:
        await create_topic(client, PART.topic, 2)
        yield cluster, client


async def values(client: Cluster, partition: TopicPartition = PART) -> list[bytes]:
    return [record.value or b"" for record in await everything_committed(client, partition)]


@pytest.mark.parametrize("theirs", [False, True], ids=["hijacker TV1", "hijacker TV2"])
@pytest.mark.parametrize("ours", [False, True], ids=["owner TV1", "owner TV2"])
def test_a_hijacked_transactional_id_shuts_its_owner_out(ours: bool, theirs: bool) -> None:
    async def main(simulation: Simulation) -> None:
        async with broker(simulation) as (_, client):
            owner = Transactor(simulation, client, "id", bumps=ours)
            await owner.init()
            await owner.send(PART, b"kept")
            await owner.end(commit=True)
            await owner.send(PART, b"dropped")
            await owner.send_offsets(GROUP, {PART: 7})
            hijacker = Transactor(simulation, client, "id", bumps=theirs)
            await hijacker.init()
            with pytest.raises(Fenced):
                await owner.send(OTHER, b"late")
            with pytest.raises(Fenced):
                await owner.send_offsets("others", {PART: 8})
            with pytest.raises(Fenced):
                await owner.end(commit=True)
            await hijacker.send(PART, b"theirs")
            await hijacker.end(commit=True)
            assert await values(client) == [b"kept", b"theirs"]
            assert await values(client, OTHER) == []
            assert await stable_offset(client, GROUP, PART) == 0

    run_simulation(1, main)


@pytest.mark.parametrize("bumps", [False, True], ids=["TV1", "TV2"])
def test_a_silent_producer_is_aborted_and_its_late_commit_refused(bumps: bool) -> None:
    async def main(simulation: Simulation) -> None:
        async with broker(simulation) as (_, client):
            producer = Transactor(simulation, client, "id", bumps=bumps)
            await producer.init(timeout_ms=5000)
            await producer.send(PART, b"dropped")
            assert await latest(client, PART, committed=True) == 0
            await asyncio.sleep(16)  # the scan runs every ten seconds
            assert await latest(client, PART, committed=True) == 2
            with pytest.raises(Fenced):
                await producer.end(commit=True)
            assert await values(client) == []

    run_simulation(1, main)


@pytest.mark.parametrize("refusals", [1, 4])
@pytest.mark.parametrize("bumps", [False, True], ids=["TV1", "TV2"])
def test_the_end_of_a_transaction_whose_record_was_refused_is_written_once_there_is_room(
    bumps: bool, refusals: int
) -> None:
    """Until it is written nobody else may have the transactional id: all would be told CONCURRENT_TRANSACTIONS."""

    async def main(simulation: Simulation) -> None:
        async with broker(simulation) as (cluster, client):
            producer = Transactor(simulation, client, "id", bumps=bumps)
            await producer.init()
            await producer.send(PART, b"a")
            files, appends = cluster.machines[1].files, 0

            def full(kind: str, path: str) -> None:
                """After the record of the decision comes that of the end, when all markers are written."""
                nonlocal appends
                if kind == "append" and "/__transaction_state-" in path and path.endswith(".log"):
                    appends += 1
                    if 2 <= appends <= 1 + refusals:
                        raise OSError(errno.ENOSPC, "no room", path)

            files.on_operation = full
            await producer.end(commit=True)
            next_one = Transactor(simulation, client, "id", bumps=bumps)
            await next_one.init()
            assert appends > 1 + refusals, "the end was not refused: this tests nothing"
            await next_one.send(PART, b"b")
            await next_one.end(commit=True)
            assert await values(client) == [b"a", b"b"]

    run_simulation(1, main)


def test_late_data_of_an_ended_transaction_opens_no_hanging_one() -> None:
    """KIP-890: TV1 keeps its epoch, so only the coordinator can tell that the data is late."""

    async def main(simulation: Simulation) -> None:
        async with broker(simulation) as (_, client):
            producer = Transactor(simulation, client, "id", bumps=False)
            await producer.init()
            await producer.send(PART, b"a")
            producer._added.add(OTHER)  # it believes so, as after a request whose answer was lost
            with pytest.raises(TransactionAbortable):
                await producer.send(OTHER, b"never added")
            await producer.end(commit=False)
            producer._added.add(PART)
            with pytest.raises(TransactionAbortable):
                await producer.send(PART, b"late")
            for partition, end in ((PART, 2), (OTHER, 0)):
                assert await latest(client, partition, committed=False) == end
                assert await latest(client, partition, committed=True) == end

    run_simulation(1, main)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_open_transactions_and_aborted_ones_survive_a_restart(way: str) -> None:
    """The producer state, the transaction index over many segments, and the offsets that wait."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {"log.index.interval.bytes": "100"})
        await cluster.start()
        async with cluster.client(timeout_ms=60_000) as client:
            await create_topic(client, PART.topic, 2, configs={"internal.segment.bytes": "300"})
            expected = []
            for bumps in (False, True):
                producer = Transactor(simulation, client, f"id-{bumps}", bumps=bumps)
                await producer.init()
                for number in range(12):
                    value = b"%d-%d" % (bumps, number)
                    await producer.send(PART, value)
                    await producer.end(commit=number % 3 == 0)
                    expected += [value] * (number % 3 == 0)
            await producer.send(PART, b"open")
            await producer.send_offsets(GROUP, {PART: 7})
            stable = await latest(client, PART, committed=True)
            if way == "stop":
                await cluster.stop()
            else:
                cluster.kill()
            await cluster.start()
            assert await latest(client, PART, committed=True) == stable
            assert await latest(client, PART, committed=False) == stable + 1
            seen, offset = [], 0
            while offset < stable:
                found = await read_committed(client, PART, offset)
                seen += [record.value for record in found.records]
                offset = found.next_offset
            assert seen == expected
            waiting = asyncio.ensure_future(stable_offset(client, GROUP, PART))
            await asyncio.sleep(1)
            assert not waiting.done(), "the offset is not decided"
            await producer.end(commit=True)
            assert await waiting == 7
            assert await values(client) == [*expected, b"open"]

    run_simulation(1, main)


def test_a_batch_that_waits_for_its_verification_is_kept_as_it_came() -> None:
    """The coordinator answers after an fsync; meanwhile the receive buffer is overwritten."""

    async def main(simulation: Simulation) -> None:
        async with broker(simulation, log_flush_interval_messages="1") as (cluster, client):
            producer = Transactor(simulation, client, "id", bumps=True)
            await producer.init()
            for number in range(5):
                await producer.send(PART, b"%d" % number)
                await producer.end(commit=True)
            assert await values(client) == [b"%d" % number for number in range(5)]
            assert "CORRUPT_MESSAGE" not in cluster.nodes[1].metrics.text(), "the client hid it by a repetition"

    run_simulation(1, main)


async def power_cut_at_each_answer(simulation: Simulation) -> int:
    """The power goes at the moment at which a client learns how its transaction ends: so it stays."""
    random = simulation.random
    cluster = SimCluster(
        simulation,
        {
            "log.flush.interval.messages": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        },
    )
    await cluster.start()
    expected: list[list[bytes]] = [[], []]
    offset = 0
    async with cluster.client(timeout_ms=60_000) as client:
        await create_topic(client, PART.topic, 2)
        producer = Transactor(simulation, client, "id", bumps=random.chance(0.5))
        await producer.init()
        for number in range(8):
            for index, part in enumerate((PART, OTHER)):
                await producer.send(part, b"%d-%d" % (number, index))
            await producer.send_offsets(GROUP, {PART: number + 1})
            commit = random.chance(0.6)
            await producer.end(commit=commit)
            if random.chance(0.7):
                cluster.cut_power(mode=random.choice(list(CrashMode)))
                await cluster.start()
            if commit:
                offset = number + 1
                for index in range(2):
                    expected[index].append(b"%d-%d" % (number, index))
            if random.chance(0.3):
                assert await stable_offset(client, GROUP, PART) == offset
        found = [await values(client, part) for part in (PART, OTHER)]
        assert found == expected
        assert await stable_offset(client, GROUP, PART) == offset
    return offset


@pytest.mark.parametrize("part", range(2))
def test_an_outcome_that_was_told_survives_the_power_cut_of_that_moment(part: int, scale: float) -> None:
    for seed in range(part, int(40 * scale), 2):
        try:
            run_simulation(seed, power_cut_at_each_answer)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("way", ["none", "stop", "kill"])
def test_an_aborted_transaction_over_many_segments_is_known_in_each(way: str) -> None:
    """A reader may begin and end anywhere in it; the markers lie several segments later."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {"log.index.interval.bytes": "100"})
        await cluster.start()
        async with cluster.client(timeout_ms=60_000) as client:
            await create_topic(client, PART.topic, 2, configs={"internal.segment.bytes": "300"})
            one, two = (Transactor(simulation, client, name, bumps=True) for name in ("one", "two"))
            await one.init()
            await two.init()
            for number in range(20):
                await one.send(PART, b"dropped %d" % number)
                await two.send(PART, b"kept %d" % number)
                if number % 7 == 6:
                    await two.end(commit=True)
            await two.end(commit=True)
            await one.end(commit=False)
            if way == "stop":
                await cluster.stop()
                await cluster.start()
            elif way == "kill":
                cluster.kill()
                await cluster.start()
            end = await latest(client, PART, committed=True)
            assert end == await latest(client, PART, committed=False) == 40 + 4
            for start in range(end):
                seen = await read_committed(client, PART, start, max_wait_ms=0)
                assert not [one for one in seen.records if (one.value or b"").startswith(b"dropped")], start
            assert await values(client) == [b"kept %d" % number for number in range(20)]

    run_simulation(1, main)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_transactions_work_at_every_level_of_the_feature(level: int) -> None:
    async def main(simulation: Simulation) -> None:
        async with broker(simulation) as (cluster, client):
            update = UpdateFeaturesRequest.FeatureUpdateKey(
                feature="transaction.version", max_version_level=level, upgrade_type=2
            )
            answer = await client.send(UpdateFeaturesRequest(timeout_ms=1000, feature_updates=[update]))
            assert answer.error_code == 0
            assert cluster.nodes[1].transactions.level() == level
            producer = Transactor(simulation, client, "id", bumps=False)
            await producer.init()
            for number in range(3):
                await producer.send(PART, b"%d" % number)
                await producer.send_offsets(GROUP, {PART: number})
                await producer.end(commit=number != 1)
            cluster.kill()
            await cluster.start()
            assert await values(client) == [b"0", b"2"]
            assert await stable_offset(client, GROUP, PART) == 2
            described = await client.send(
                DescribeTransactionsRequest(transactional_ids=["id"]),
                broker=await client.coordinator("id", TRANSACTION),
            )
            assert described.transaction_states[0].transaction_state == "CompleteCommit"

    run_simulation(1, main)


def test_a_deleted_topic_does_not_hold_up_the_end() -> None:
    async def main(simulation: Simulation) -> None:
        async with broker(simulation) as (_, client):
            await create_topic(client, "gone")
            producer = Transactor(simulation, client, "id", bumps=True)
            await producer.init()
            await producer.send(PART, b"a")
            await producer.send(TopicPartition("gone", 0), b"b")
            await delete_topic(client, "gone")
            await producer.end(commit=True)
            await producer.send(PART, b"c")
            await producer.end(commit=True)
            assert await values(client) == [b"a", b"c"]

    run_simulation(1, main)


def test_ids_that_nobody_uses_are_forgotten_after_their_time() -> None:
    settings = {
        "transactional_id_expiration_ms": "60000",
        "transaction_remove_expired_transaction_cleanup_interval_ms": "1000",
    }

    async def main(simulation: Simulation) -> None:
        async with broker(simulation, **settings) as (_, client):
            producer = Transactor(simulation, client, "id", bumps=True)
            await producer.init()
            await producer.send(PART, b"a")
            await producer.end(commit=True)
            described = DescribeTransactionsRequest(transactional_ids=["id"])
            await asyncio.sleep(58)
            assert (await client.send(described)).transaction_states[0].error_code == 0
            await asyncio.sleep(4)
            assert (await client.send(described)).transaction_states[0].error_code == 105
            with pytest.raises(Fenced):
                await producer.send(PART, b"b")

    run_simulation(1, main)
