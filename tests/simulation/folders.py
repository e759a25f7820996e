"""Data folders of a simulated broker: what is in them, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator

from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, fetch, offset_for, produce
from ottla.common.errors import KafkaError
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.log_dirs import AlterReplicaLogDirsRequest
from ottla.records.record import BatchBuilder, read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.files import SimFiles

A, B = "/a", "/b"
TWO_DISKS = {"log.dirs": f"{A},{B}"}
TOPICS = ("orders", "carts")
RECORDS = 8
DELETED = (("carts", 1), 3)
"""A partition, and the offset below which its records were deleted."""
EARLIEST = -2


def walk(files: SimFiles, folder: str) -> Iterator[str]:
    """Every file below the folder, sorted."""
    for name in files.list_folder(folder):
        path = f"{folder}/{name}"
        if files.is_folder(path):
            yield from walk(files, path)
        else:
            yield path


def segments(files: SimFiles) -> list[bytes]:
    """The content of every segment on both disks, wherever it lies and whatever it is called by now."""
    contents = [
        files.read(path) for disk in (A, B) if files.exists(disk) for path in walk(files, disk) if ".log" in path
    ]
    return sorted(content for content in contents if content)


async def filled(cluster: SimCluster) -> None:
    """Two topics of two partitions, on both disks, with records in each; then a clean stop."""
    await cluster.start()
    async with cluster.client() as client:
        for topic in TOPICS:
            await create_topic(client, topic, 2)
            for index, disk in enumerate((A, B)):
                await place(client, topic, index, disk)
                for number in range(RECORDS):
                    await produce(client, topic, index, a_batch(topic, index, number))
        await delete_records(client, *DELETED)
    await cluster.stop()


async def delete_records(client: Cluster, name: tuple[str, int], offset: int) -> None:
    topic, index = name
    wanted = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=index, offset=offset)
    named = DeleteRecordsRequest.DeleteRecordsTopic(name=topic, partitions=[wanted])
    answer = await client.send(DeleteRecordsRequest(topics=[named], timeout_ms=1000))
    assert answer.topics[0].partitions[0].error_code == 0, answer


def a_batch(topic: str, index: int, number: int) -> bytes:
    batch = BatchBuilder()
    batch.append(1_700_000_000_000, None, b"%s-%d-%d" % (topic.encode(), index, number))
    return batch.build()


async def place(client: Cluster, topic: str, index: int, disk: str) -> None:
    """Its folder will be made, or moves, there."""
    named = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=topic, partitions=[index])
    wish = AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=disk, topics=[named])
    await client.send(AlterReplicaLogDirsRequest(dirs=[wish]))


async def served(client: Cluster) -> dict[tuple[str, int], list[bytes | None] | int]:
    """For each partition its records from the beginning, or the code of the error that it answers."""
    found: dict[tuple[str, int], list[bytes | None] | int] = {}
    for topic in TOPICS:
        for index in (0, 1):
            try:
                offset = await offset_for(client, topic, index, EARLIEST)
                end = await offset_for(client, topic, index)
                values: list[bytes | None] = []
                while offset < end:
                    fetched = await fetch(client, topic, index, offset)
                    got = [record for record in read_all(fetched.records) if record.offset >= offset]
                    values += [record.value for record in got]
                    offset = got[-1].offset + 1
                found[topic, index] = values
            except KafkaError as error:
                found[topic, index] = error.code
    return found


def all_of_it() -> dict[tuple[str, int], list[bytes | None] | int]:
    return {
        (topic, index): [
            b"%s-%d-%d" % (topic.encode(), index, number)
            for number in range(DELETED[1] if (topic, index) == DELETED[0] else 0, RECORDS)
        ]
        for topic in TOPICS
        for index in (0, 1)
    }
