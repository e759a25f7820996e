"""Partitions move between log directories while they are written and read, whatever breaks them off (KIP-113)."""

from __future__ import annotations

import asyncio

import pytest

from ottla.broker.node import Node
from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, fetch, produce
from ottla.common.errors import KafkaError, KafkaStorageError
from ottla.common.names import TopicPartition
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.log_dirs import AlterReplicaLogDirsRequest, DescribeLogDirsRequest
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.disk import CrashMode
from ottla.testing.files import SimFiles
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.test_power_cuts import until_the_cut

A, B = "/disk-a", "/disk-b"
TOPIC = "events"
NAME = TopicPartition(TOPIC, 0)
TWO_DISKS = {"log.dirs": f"{A},{B}", "offsets.topic.num.partitions": "1"}
SEEDS = 60


async def move(client: Cluster, path: str, topic: str = TOPIC, index: int = 0) -> int:
    """The error code."""
    named = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=topic, partitions=[index])
    wanted = AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=path, topics=[named])
    answer = await client.send(AlterReplicaLogDirsRequest(dirs=[wanted]), version=2)
    (result,) = answer.results[0].partitions
    return int(result.error_code)


async def places(client: Cluster) -> dict[str, bool]:
    """The directories in which the partition lies, and whether it is a copy on its way there."""
    answer = await client.send(DescribeLogDirsRequest(topics=None), version=4)
    return {
        result.log_dir: replica.is_future_key
        for result in answer.results
        for topic in result.topics
        if topic.name == TOPIC
        for replica in topic.partitions
    }


async def arrival(client: Cluster, path: str) -> None:
    while await places(client) != {path: False}:
        await asyncio.sleep(0.01)


def batch(value: bytes, producer_id: int = -1, sequence: int = -1) -> bytes:
    builder = BatchBuilder(
        producer_id=producer_id, producer_epoch=0 if producer_id >= 0 else -1, base_sequence=sequence
    )
    builder.append(0, None, value)
    return builder.build()


async def everything(client: Cluster, node: Node) -> list[bytes | None]:
    """All values up to the log's end, which can be read as soon as they are durable."""
    values: list[bytes | None] = []
    while len(values) < node.replicas.find(TOPIC, 0).leader_log().log_end_offset:
        fetched = await fetch(client, TOPIC, 0, len(values))
        values += [record.value for record in read_all(fetched.records) if record.offset >= len(values)]
    return values


@pytest.mark.parametrize("seed", range(3))
def test_a_partition_moves_while_an_idempotent_producer_writes_to_it(seed: int) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        node = await cluster.start()
        async with cluster.client() as client, cluster.client() as mover:
            await create_topic(client, TOPIC, configs={"segment.bytes": "1048576"})
            producer_id = (await client.send(InitProducerIdRequest(transactional_id=None), version=4)).producer_id
            payload = b"x" * 20_000
            for sequence in range(20):
                await produce(client, TOPIC, 0, batch(payload, producer_id, sequence))
            (old,) = await places(client)
            new = B if old == A else A

            async def write() -> None:
                for sequence in range(20, 120):
                    await produce(client, TOPIC, 0, batch(b"%d" % sequence, producer_id, sequence))

            async def back_and_forth() -> None:
                for path in (new, old, new):
                    assert await move(mover, path) == 0
                    await arrival(mover, path)

            await asyncio.gather(write(), back_and_forth())
            values = await everything(client, node)
            assert values == [payload] * 20 + [b"%d" % sequence for sequence in range(20, 120)]
            # A retry of what was written before the move is still known.
            assert await produce(client, TOPIC, 0, batch(b"118", producer_id, 118)) == 118
        log = node.replicas.find(TOPIC, 0).log
        assert log is not None and log.folder == f"{new}/{NAME}"
        await cluster.stop()
        node = await cluster.start()
        async with cluster.client() as client:
            assert await everything(client, node) == values
            assert await places(client) == {new: False}
        await cluster.stop()

    run_simulation(seed, main)


@pytest.mark.parametrize(
    ("segment_bytes", "syncs"),
    [(500, {"log.flush.interval.messages": "1"}), (3000, {"log.flush.offset.checkpoint.interval.ms": "5"})],
)
@pytest.mark.parametrize("seed", range(4))
def test_a_sync_that_a_move_overtakes_fails_no_directory(seed: int, segment_bytes: int, syncs: dict[str, str]) -> None:
    """The sync of the log that was left finds its folder renamed: that says nothing about any disk."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**TWO_DISKS, **syncs})
        node = await cluster.start()
        async with cluster.client() as client, cluster.client() as mover:
            await create_topic(client, TOPIC, configs={"internal.segment.bytes": f"{segment_bytes}"})
            moving = True

            async def write(name: bytes) -> None:
                number = 0
                while moving:
                    await produce(client, TOPIC, 0, batch(b"%s-%d" % (name, number) + b"." * 150))
                    number += 1
                    await asyncio.sleep(simulation.random.between(0.0, 0.02))

            writers = [asyncio.ensure_future(write(name)) for name in (b"a", b"b", b"c")]
            await produce(client, TOPIC, 0, batch(b"first"))
            for _ in range(6):
                (here,) = await places(mover)
                away = B if here == A else A
                assert await move(mover, away) == 0
                while await places(mover) != {away: False}:
                    assert not [line for line in cluster.log if " error " in line]
                    await asyncio.sleep(0.01)
            moving = False
            await asyncio.gather(*writers)
            values = await everything(client, node)
            assert len(values) == len(set(values))
        assert not [line for line in cluster.log if " error " in line]
        await cluster.stop()

    run_simulation(seed, main)


@pytest.mark.parametrize("part", range(3))
def test_no_crash_in_a_move_loses_a_record_or_leaves_two_partitions(part: int, scale: float) -> None:
    """The power goes at any time; what was acknowledged was durable, so all of it must be there, once."""

    async def main(simulation: Simulation) -> int:
        settings = {**TWO_DISKS, "log.flush.interval.messages": "1"}
        cluster = SimCluster(simulation, settings)
        await cluster.start()
        random = simulation.random
        known: list[bytes] = []
        async with cluster.client() as client:
            await create_topic(client, TOPIC)
        for round_number in range(4):
            async with cluster.client() as client:
                wanted = random.choice((A, B))

                async def write(client: Cluster = client, round_number: int = round_number) -> None:
                    for number in range(100):
                        value = b"%d-%d" % (round_number, number)
                        await produce(client, TOPIC, 0, batch(value + b"." * 3000))
                        known.append(value)

                async def moves(client: Cluster = client, wanted: str = wanted) -> None:
                    await move(client, wanted)
                    await arrival(client, wanted)

                work = [asyncio.ensure_future(until_the_cut(one)) for one in (write(), moves())]
                await asyncio.sleep(random.between(0.001, 0.6))
                cluster.cut_power(mode=random.choice(tuple(CrashMode)))
                for one in work:
                    one.cancel()
                await asyncio.gather(*work, return_exceptions=True)
            node = await cluster.start()
            async with cluster.client() as client:
                stored = [value.rstrip(b".") for value in await everything(client, node) if value is not None]
                assert [value for value in stored if value in set(known)] == known
                assert len(stored) == len(set(stored))
                known[:] = stored  # what was written and not acknowledged is known now
            holders = [directory.path for directory in node.directories if directory.contains(NAME)]
            assert len(holders) == 1
        async with cluster.client() as client:
            for directory in node.directories:
                while directory.futures.partitions():
                    await asyncio.sleep(0.01)
        await cluster.stop()
        return len(known)

    for seed in range(part, int(SEEDS * scale), 3):
        try:
            assert run_simulation(seed, main).value > 0
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_impossible_moves_are_refused_and_a_partition_without_a_folder_is_begun_where_it_is_wanted() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, TOPIC)
            assert await move(client, "/elsewhere") == 57
            assert await move(client, A, index=9) == 3
            for path in (A, B):
                assert await move(client, path) == 0
            await produce(client, TOPIC, 0, batch(b"x"))
            assert await places(client) == {B: False}
            assert await move(client, B) == 0  # it is there
        await cluster.stop()

    run_simulation(1, main)


@pytest.mark.parametrize(
    ("moment", "file"),
    [
        ("before the start", "a.jpg"),  # a log would keep the broker from starting: test_two_folders.py
        ("while it is copied", "a.jpg"),
        ("while it is copied", "00000000000000000000.log"),
    ],
)
def test_a_move_to_where_something_lies_under_the_name_of_the_partition_loses_neither(moment: str, file: str) -> None:
    """The old folder goes before the copy takes its name, so that the name must be free by then."""

    def intrude(files: SimFiles) -> None:
        files.make_folder(f"{B}/{NAME}")
        intruder = files.open(f"{B}/{NAME}/{file}", create=True)
        intruder.append(b"mine")
        intruder.close()

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, TOPIC)
            for _ in range(3):
                builder = BatchBuilder()
                builder.append(simulation.clock.now_ms(), None, b"kept")
                await produce(client, TOPIC, 0, builder.build())
        assert f"{NAME}" in cluster.machines[1].files.list_folder(A)
        await cluster.stop()
        if moment == "before the start":
            intrude(cluster.machines[1].files)
        node = await cluster.start()
        files = cluster.machines[1].files
        async with cluster.client() as client:
            if moment == "before the start":
                assert await move(client, B) == KafkaStorageError.code
            else:

                def during(kind: str, path: str) -> None:
                    if kind == "append" and "-future" in path and not files.exists(f"{B}/{NAME}"):
                        intrude(files)

                files.on_operation = during
                assert await move(client, B) == 0
            await asyncio.sleep(120)  # longer than file.delete.delay.ms
            assert files.read(f"{B}/{NAME}/{file}") == b"mine"
            assert await everything(client, node) == [b"kept"] * 3
            assert list(await places(client)) == [A] or moment == "before the start"
        await cluster.stop()

    run_simulation(1, main)


def test_a_failing_disk_takes_only_its_own_partitions_offline() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**TWO_DISKS, "log.flush.interval.messages": "1"})
        node = await cluster.start()
        async with cluster.client() as client:
            for topic, path in (("on-a", A), ("on-b", B)):
                await create_topic(client, topic)
                assert await move(client, path, topic) == 0
                await produce(client, topic, 0, batch(b"first"))
            log = node.replicas.find("on-b", 0).log
            assert log is not None
            cluster.machines[1].files.fail_fsync(f"{log.folder}/{0:020d}.log")
            with pytest.raises(KafkaError):
                await produce(client, "on-b", 0, batch(b"lost"), acks=-1)
            await produce(client, "on-a", 0, batch(b"second"))
            assert await move(client, B, "on-a") == 56
            answer = await client.send(DescribeLogDirsRequest(topics=None), version=4)
            assert {result.log_dir: result.error_code for result in answer.results} == {A: 0, B: 56}
        cluster.kill()

    run_simulation(1, main)


def test_a_start_without_one_of_the_disks_serves_what_is_on_the_others() -> None:
    """What may lie on the missing disk is offline; it does not begin anew, empty, on another."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            for topic, path in (("on-a", A), ("on-b", B)):
                await create_topic(client, topic)
                await move(client, path, topic)
                await produce(client, topic, 0, batch(b"first"))
        await cluster.stop()
        files = cluster.machines[1].files
        files.rename(B, "/pulled-out")
        files.open(B, create=True).close()  # a file where the folder should be: the operating system refuses
        await cluster.start()
        async with cluster.client(timeout_ms=2000) as client:
            assert [record.value for record in read_all((await fetch(client, "on-a", 0, 0)).records)] == [b"first"]
            with pytest.raises(KafkaError):
                await produce(client, "on-b", 0, batch(b"second"))
            await create_topic(client, "new")
            assert await produce(client, "new", 0, batch(b"first")) == 0
        await cluster.stop()
        files = cluster.machines[1].files
        files.remove(B)
        files.rename("/pulled-out", B)
        await cluster.start()
        async with cluster.client() as client:
            assert [record.value for record in read_all((await fetch(client, "on-b", 0, 0)).records)] == [b"first"]
        await cluster.stop()

    run_simulation(1, main)
