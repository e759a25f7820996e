"""A log directory on a disk that is full: its appends are refused, everything else goes on, and nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.client.cluster import Cluster
from ottla.common.clock import SystemRandom
from ottla.protocol.messages.log_dirs import AlterReplicaLogDirsRequest
from tests.cluster.test_exactly_once import read_everything
from tests.conformance.ottla_broker import OttlaBroker

pytestmark = pytest.mark.process

MB = 1 << 20
SMALL, ROOMY = "small", "roomy"


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of its own, which takes a privilege."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


async def place(address: str, topic: str, folder: Path) -> None:
    """A partition that has no folder yet shall get one there."""
    named = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=topic, partitions=[0])
    wanted = AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=str(folder), topics=[named])
    async with Cluster(address, SystemRandom()) as cluster:
        await cluster.refresh([topic])
        answer = await cluster.send(AlterReplicaLogDirsRequest(dirs=[wanted]), version=2)
        assert answer.results[0].partitions[0].error_code == 0


def produce(address: str, topic: str, values: list[str]) -> tuple[list[str], set[str]]:
    """(what was acknowledged, the errors of the rest)."""
    producer = Producer({"bootstrap.servers": address, "acks": "all", "retries": 0, "batch.num.messages": 1})
    acknowledged: list[str] = []
    errors: set[str] = set()
    for value in values:
        producer.produce(
            topic, value,
            on_delivery=lambda error, message: errors.add(error.name())
            if error else acknowledged.append(message.value().decode()),
        )  # fmt: skip
    assert producer.flush(30) == 0
    return acknowledged, errors


def test_a_full_disk_refuses_appends_and_takes_them_again_when_there_is_room(tmp_path: Path) -> None:
    values = [f"{number}-{'x' * 50_000}" for number in range(200)]
    with small_disk(tmp_path / "disk", 6 * MB) as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(3 * MB))
        broker = OttlaBroker(tmp_path / "ottla", f"log.dirs={tmp_path / 'ottla' / 'data'},{disk / 'data'}")
        with broker:
            admin = AdminClient({"bootstrap.servers": broker.address})
            for future in admin.create_topics([NewTopic(name, 1) for name in (SMALL, ROOMY)]).values():
                future.result(30)
            asyncio.run(place(broker.address, SMALL, disk / "data"))
            asyncio.run(place(broker.address, ROOMY, tmp_path / "ottla" / "data"))
            kept, errors = produce(broker.address, SMALL, values)
            assert 0 < len(kept) < len(values)
            assert errors == {"KAFKA_STORAGE_ERROR"}
            assert produce(broker.address, ROOMY, values[:20]) == (values[:20], set())
            assert read_everything(broker.address, SMALL, 1) == kept
            filler.unlink()
            more, errors = produce(broker.address, SMALL, ["again"])
            assert (more, errors) == (["again"], set())
            assert read_everything(broker.address, SMALL, 1) == [*kept, "again"]
        with broker:
            assert read_everything(broker.address, SMALL, 1) == [*kept, "again"]
