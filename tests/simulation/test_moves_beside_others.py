"""A partition moves between log directories while something else is at work on its log."""

from __future__ import annotations

import asyncio
import errno

import pytest

from ottla.client.operations import create_topic, offset_for, produce
from ottla.common.errors import KafkaError
from ottla.common.names import CONSUMER_OFFSETS, TopicPartition
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.testing.cluster import SimCluster
from ottla.testing.disk import CrashMode
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import (
    COMPACTED,
    commit,
    committed,
    delete_records,
    fill,
    newest,
    read_pairs,
    until_clean,
)
from tests.simulation.test_last_step_of_moves import EARLIEST, SMALL, SYNCED, Refusal, on
from tests.simulation.test_log_moves import NAME, TOPIC, TWO_DISKS, A, B, arrival, batch, move

SLOWLY = {
    **TWO_DISKS, "replica.alter.log.dirs.io.max.bytes.per.second": "2000", "log.cleaner.backoff.ms": "200"
}  # fmt: skip


def test_retention_leaves_a_log_alone_until_its_folder_has_its_name() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**TWO_DISKS, "log.retention.check.interval.ms": "200"})
        node = await cluster.start()
        files = cluster.machines[1].files
        async with cluster.client() as client:
            await create_topic(client, TOPIC, configs={**SMALL, "retention.bytes": "2000", "retention.ms": "-1"})
            assert await move(client, A) == 0
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            for number in range(40):
                await produce(client, TOPIC, 0, batch(b"%d" % number + b"." * 200))
            await asyncio.sleep(3)
            refusal.over = True
            await asyncio.sleep(150)  # longer than file.delete.delay.ms
            log = node.replicas.find(TOPIC, 0).leader_log()
            assert log.log_start_offset > 0
            assert not [name for name in files.list_folder(f"{B}/{NAME}") if name.endswith(".deleted")]
        assert not [line for line in cluster.log if " error " in line or "retention_failed" in line]
        await cluster.stop()

    run_simulation(1, main)


def test_compaction_leaves_a_log_alone_until_it_has_moved() -> None:
    """As in Kafka. The copy might have an old record, and not the tombstone that came after it."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SLOWLY)
        node = await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, TOPIC, configs=COMPACTED)
            assert await move(client, B) == 0
            written = await fill(client, TOPIC, keys=3, rounds=4)
            assert await move(client, A) == 0
            written += await fill(client, TOPIC, keys=3, rounds=200)
            while node.hosting.directory_of(NAME) is not node.directories[0]:
                assert node.cleaning.busy is None
                await asyncio.sleep(0.05)
            assert not [line for line in cluster.log if "cleaner." in line]
            await until_clean(node, TOPIC)
            assert newest(await read_pairs(client, TOPIC)) == newest(written)
        await cluster.stop()

    run_simulation(1, main)


def test_a_move_makes_a_pass_over_its_log_worth_nothing() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SLOWLY)
        node = await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, TOPIC, configs=COMPACTED)
            assert await move(client, B) == 0
            written = await fill(client, TOPIC, keys=3, rounds=100)
            while node.cleaning.busy is None:
                await asyncio.sleep(0.001)
            assert await move(client, A) == 0
            await arrival(client, A)
            assert ["pass_discarded" in line for line in cluster.log if " cleaner." in line] == [True]
            await until_clean(node, TOPIC)
            assert newest(await read_pairs(client, TOPIC)) == newest(written)
        await cluster.stop()

    run_simulation(1, main)


@pytest.mark.parametrize("seed", range(3))
def test_deleted_records_do_not_come_back_if_they_are_deleted_just_before_the_last_step(seed: int) -> None:
    """What waits for its turn to note the log start notes it where the partition lies by then."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SYNCED)
        await cluster.start()
        files = cluster.machines[1].files
        noted = simulation.loop.create_future()

        def on_operation(kind: str, path: str) -> None:
            if kind == "create" and path == f"{B}/recovery-point-offset-checkpoint.tmp".strip("/"):
                noted.set_result(None)
                files.on_operation = None

        async with cluster.client() as client:
            await on(client, A)
            for number in range(8):
                await produce(client, TOPIC, 0, batch(b"%d" % number + b"." * 200))
            cluster.machines[1].offload.latency_s = (0.5, 1.0)
            files.on_operation = on_operation
            assert await move(client, B) == 0
            await noted
            await delete_records(client, TOPIC, 5)
        cluster.cut_power(mode=CrashMode.LOSE)
        cluster.machines[1].offload.latency_s = (0.0001, 0.005)
        await cluster.start()
        async with cluster.client() as client:
            assert await offset_for(client, TOPIC, 0, EARLIEST) == 5
            await arrival(client, B)
        await cluster.stop()

    run_simulation(seed, main)


def test_a_producer_whose_records_are_gone_is_known_after_a_kill_in_the_last_step() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**TWO_DISKS, "log.retention.check.interval.ms": "200"})
        node = await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            producer_id = (await client.send(InitProducerIdRequest(transactional_id=None), version=4)).producer_id
            for sequence in range(3):
                await produce(client, TOPIC, 0, batch(b"idempotent", producer_id, sequence))
            for number in range(20):
                await produce(client, TOPIC, 0, batch(b"%d" % number + b"." * 200))
            await delete_records(client, TOPIC, 20)
            log = node.replicas.find(TOPIC, 0).leader_log()
            while log.segment_count > 3:
                await asyncio.sleep(0.1)
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            await produce(client, TOPIC, 0, batch(b"last"))
        cluster.kill()
        await cluster.start()
        async with cluster.client() as client:
            assert await offset_for(client, TOPIC, 0) == 24
            assert await produce(client, TOPIC, 0, batch(b"idempotent", producer_id, 2)) == 2
        await cluster.stop()

    run_simulation(1, main)


def test_a_coordinator_finds_its_log_after_a_kill_in_the_last_step() -> None:
    """It loads when the start knows its partition, and takes one without a folder for empty."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await commit(client, "group", TOPIC, 7)
            assert await move(client, A, CONSUMER_OFFSETS) == 0
            await asyncio.sleep(1)
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE, TopicPartition(CONSUMER_OFFSETS, 0))
            assert await move(client, B, CONSUMER_OFFSETS) == 0
            await refusal.met
        cluster.kill()
        await cluster.start()
        async with cluster.client() as client:
            assert await committed(client, "group", TOPIC) == 7
        await cluster.stop()

    run_simulation(1, main)


def test_a_coordinator_whose_log_is_on_a_missing_disk_does_not_answer() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await commit(client, "group", TOPIC, 7)
            assert await move(client, B, CONSUMER_OFFSETS) == 0
            await asyncio.sleep(1)
        await cluster.stop()
        files = cluster.machines[1].files
        files.rename(B, "/pulled-out")
        files.open(B, create=True).close()  # a file where the folder should be: the operating system refuses
        await cluster.start()
        async with cluster.client(timeout_ms=3000) as client:
            with pytest.raises(KafkaError):
                await committed(client, "group", TOPIC)
        await cluster.stop()
        files = cluster.machines[1].files
        files.remove(B)
        files.rename("/pulled-out", B)
        await cluster.start()
        async with cluster.client() as client:
            assert await committed(client, "group", TOPIC) == 7
        await cluster.stop()

    run_simulation(1, main)


def test_what_recovery_has_cut_out_of_a_log_moves_with_it() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"one"))
        await cluster.stop()
        files = cluster.machines[1].files
        log = files.open(f"{A}/{NAME}/{0:020d}.log")
        log.append(b"no batch")
        log.close()
        await cluster.start()
        async with cluster.client() as client:
            assert await offset_for(client, TOPIC, 0, EARLIEST) == 0
            (kept,) = [name for name in files.list_folder(f"{A}/{NAME}") if "damaged" in name]
            assert await move(client, B) == 0
            await arrival(client, B)
        assert files.read(f"{B}/{NAME}/{kept}") == b"no batch"
        await cluster.stop()

    run_simulation(1, main)
