"""A broker whose partitions' files are damaged: it starts, serves the others, says what is wrong once, and recovers."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable

import pytest

from ottla.client.cluster import GROUP, Cluster
from ottla.client.operations import create_topic, fetch, offset_for, produce
from ottla.common.errors import KafkaStorageError
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.records.batch import batches
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import DATA, SimCluster
from ottla.testing.simulation import Simulation, run_simulation

SETTINGS = {"offsets.topic.num.partitions": "1", "log.flush.interval.messages": "1"}
COUNT = 20


def a_batch(value: bytes = b"value") -> bytes:
    batch = BatchBuilder()
    batch.append(0, None, value)
    return batch.build()


def simulate(play: Callable[[SimCluster], Awaitable[None]]) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SETTINGS)
        await cluster.start()
        await play(cluster)
        await cluster.stop()

    run_simulation(1, main)


async def fill(cluster: SimCluster, *topics: str) -> None:
    async with cluster.client() as client:
        for topic in topics:
            await create_topic(client, topic)
            for number in range(COUNT):
                assert await produce(client, topic, 0, a_batch(b"%d" % number)) == number


async def read(client: Cluster, topic: str) -> list[int]:
    found: list[int] = []
    offset, end = 0, await offset_for(client, topic, 0)
    while offset < end:
        for record in read_all((await fetch(client, topic, 0, offset)).records):
            found += [record.offset] if record.offset >= offset else []
            offset = max(offset, record.offset + 1)
    return found


def logged(cluster: SimCluster, event: str) -> list[str]:
    return [line for line in cluster.log if f" {event} " in line]


def edit(cluster: SimCluster, path: str, change: Callable[[bytes], bytes]) -> None:
    files = cluster.machines[1].files
    content = change(files.read(f"{DATA}/{path}"))
    file = files.open(f"{DATA}/{path}")
    file.truncate(0)
    file.append(content)
    file.fsync()
    file.close()


def segment(topic: str) -> str:
    return f"{topic}-0/{0:020d}.log"


@pytest.mark.parametrize("point", [b"0", b"12", b"28"])
def test_a_recovery_point_that_lies_neither_gives_an_offset_twice_nor_hides_a_record(point: bytes) -> None:
    async def play(cluster: SimCluster) -> None:
        await fill(cluster, "a")
        await cluster.stop()
        edit(cluster, "recovery-point-offset-checkpoint", lambda text: text.replace(b"a 0 20", b"a 0 " + point))
        await cluster.start()
        async with cluster.client() as client:
            assert [await produce(client, "a", 0, a_batch()) for _ in range(3)] == [20, 21, 22]
            assert await read(client, "a") == list(range(23))
        cluster.kill()
        await cluster.start()
        async with cluster.client() as client:
            assert await read(client, "a") == list(range(23))

    simulate(play)


def test_what_recovery_cuts_is_told_once_with_its_place_and_where_it_is_kept() -> None:
    async def play(cluster: SimCluster) -> None:
        await fill(cluster, "a", "b")
        await cluster.stop()
        await cluster.start()  # what was written is below the recovery point now
        cluster.kill()
        size = len(a_batch(b"9"))
        at = sum(header.size_bytes for _, header in list(batches(stored(cluster, "a")))[:9])
        edit(cluster, segment("a"), lambda data: data[: at + size - 2] + b"\xff" + data[at + size - 1 :])
        await cluster.start()
        async with cluster.client() as client:
            assert await read(client, "a") == [offset for offset in range(COUNT) if offset != 9]
            assert await produce(client, "a", 0, a_batch()) == COUNT
            assert await read(client, "b") == list(range(COUNT))
        (line,) = logged(cluster, "logs.cut")
        for fact in ("partition=a-0", "offset=9", "goes_on_at=10", f"size_bytes={size}", f"{9:020d}.log.damaged-1"):
            assert fact in line
        assert "ottla_log_cuts_total 1" in cluster.nodes[1].metrics.text()

    simulate(play)


def stored(cluster: SimCluster, topic: str) -> bytes:
    return cluster.machines[1].files.read(f"{DATA}/{segment(topic)}")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_partition_that_cannot_be_opened_is_told_once_and_opens_again_without_a_restart(end: str) -> None:
    async def play(cluster: SimCluster) -> None:
        await fill(cluster, "a", "b")
        if end == "stop":
            await cluster.stop()
        else:
            cluster.kill()
        machine = cluster.machines[1]
        refused = f"{DATA}/{segment('a')}".lstrip("/")

        def refuse(kind: str, path: str) -> None:
            if path == refused and kind == "open":
                raise OSError(errno.EACCES, "Permission denied", f"/{refused}")

        machine.files.on_operation = refuse
        await cluster.start()
        machine.files.on_operation = refuse
        async with cluster.client(timeout_ms=3000) as client:
            for _ in range(3):
                with pytest.raises(KafkaStorageError):
                    await produce(client, "a", 0, a_batch())
            assert await read(client, "b") == list(range(COUNT))
            (line,) = logged(cluster, "partition.unusable")
            assert refused in line and "Permission denied" in line and "partition=a-0" in line
            assert "ottla_partitions_unusable 1" in cluster.nodes[1].metrics.text()
            machine.files.on_operation = None
            await asyncio.sleep(60)
            assert await produce(client, "a", 0, a_batch()) == COUNT
        assert len(logged(cluster, "partition.usable_again")) == 1

    simulate(play)


async def commit(client: Cluster, group: str, offset: int) -> None:
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(
        partition_index=0, committed_offset=offset, committed_metadata=""
    )
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="a", partitions=[partition])
    request = OffsetCommitRequest(group_id=group, topics=[topic])
    answer = await client.send(request, broker=await client.coordinator(group, GROUP), version=8)
    assert isinstance(answer, OffsetCommitResponse)
    assert answer.topics[0].partitions[0].error_code == 0


async def committed(client: Cluster, group: str) -> int:
    topic = OffsetFetchRequest.OffsetFetchRequestTopic(name="a", partition_indexes=[0])
    request = OffsetFetchRequest(group_id=group, topics=[topic])
    answer = await client.send(request, broker=await client.coordinator(group, GROUP), version=5)
    assert isinstance(answer, OffsetFetchResponse)
    assert answer.error_code == 0
    return answer.topics[0].partitions[0].committed_offset


DAMAGES: dict[str, Callable[[bytes, int, int], bytes]] = {
    "bit": lambda data, at, size: data[: at + size - 20] + bytes([data[at + size - 20] ^ 4]) + data[at + size - 19 :],
    "zeros": lambda data, at, size: data[: at + 5] + bytes(60) + data[at + 65 :],
    "length": lambda data, at, size: data[: at + 8] + b"\x7f\xff\xff\xff" + data[at + 12 :],
    "short length": lambda data, at, size: data[: at + 8] + b"\x00\x00\x00\x05" + data[at + 12 :],
    "magic": lambda data, at, size: data[: at + 16] + b"\x09" + data[at + 17 :],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_batch_of_offsets_is_named_and_passed_over_and_all_other_groups_are_served(damage: str) -> None:
    async def play(cluster: SimCluster) -> None:
        await fill(cluster, "a")
        async with cluster.client() as client:
            for number in range(10):
                await commit(client, f"group-{number}", number)
        await cluster.stop()
        name = f"__consumer_offsets-0/{0:020d}.log"
        data = cluster.machines[1].files.read(f"{DATA}/{name}")
        at, header = list(batches(data))[4]
        edit(cluster, name, lambda data: DAMAGES[damage](data, at, header.size_bytes))
        await cluster.start()
        async with cluster.client() as client:
            found = [await committed(client, f"group-{number}") for number in range(10)]
            assert found == [0, 1, 2, 3, -1, 5, 6, 7, 8, 9]
            lines = logged(cluster, "coordinator.batch_skipped")  # not cut where its outline is right
            assert len(lines) == (damage == "bit")
            lines += logged(cluster, "logs.cut")
            assert len(lines) == 1 and "partition=__consumer_offsets-0" in lines[0] and "reason=" in lines[0]
            await commit(client, "group-4", 44)
            assert await committed(client, "group-4") == 44

    simulate(play)


def test_a_full_disk_refuses_a_commit_and_discards_no_machine() -> None:
    async def play(cluster: SimCluster) -> None:
        await fill(cluster, "a")
        async with cluster.client() as client:
            await commit(client, "readers", 7)
            files = cluster.machines[1].files
            for _ in range(3):
                files.full_after_bytes = 0
                with pytest.raises(AssertionError):
                    await commit(client, "readers", 8)
                assert await committed(client, "readers") == 7
                files.full_after_bytes = None
            await commit(client, "readers", 9)
            assert await committed(client, "readers") == 9
        assert logged(cluster, "coordinator.reloaded") == []
        assert len(logged(cluster, "coordinator.append_refused")) == 1

    simulate(play)
