"""On real loops and a real disk: a broker that serves or stops makes no fsync on the loop's thread, and removes no
folder there."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ottla.broker.node import Node
from ottla.broker.settings import BrokerSettings
from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, delete_topic, offset_for, produce
from ottla.common.clock import SystemClock, SystemRandom
from ottla.common.log import Log
from ottla.records.record import BatchBuilder
from ottla.storage.offload import ThreadOffload
from ottla.storage.os_files import OsFiles
from tests.simulation.compaction_workload import delete_records
from tests.simulation.test_log_moves import move
from tests.unit.broker.test_connection_transports import LOOPS

SETTINGS = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "listeners": "PLAINTEXT://127.0.0.1:0",
    "replica.high.watermark.checkpoint.interval.ms": "20",
    "log.flush.offset.checkpoint.interval.ms": "20",
    "log.retention.check.interval.ms": "20",
    "log.initial.task.delay.ms": "20",
    "offsets.topic.replication.factor": "1",
}
SMALL = {"segment.bytes": "1048576", "internal.segment.bytes": "1000", "file.delete.delay.ms": "0"}


def batch(number: int) -> bytes:
    builder = BatchBuilder()
    builder.append(SystemClock().now_ms(), None, bytes(400) + b"%d" % number)
    return builder.build()


@pytest.mark.parametrize("new_loop", LOOPS)
def test_slow_calls_are_made_in_threads(
    new_loop: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, bool]] = []
    serving = False

    def spied(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*args: Any, **options: Any) -> Any:
            if serving:
                calls.append((name, threading.current_thread() is threading.main_thread()))
            return call(*args, **options)

        return spy

    monkeypatch.setattr(os, "fsync", spied("fsync", os.fsync))
    monkeypatch.setattr(shutil, "rmtree", spied("rmtree", shutil.rmtree))
    loop = new_loop()
    lines: list[str] = []

    async def main() -> None:
        nonlocal serving
        folders = [str(tmp_path / "a"), str(tmp_path / "b")]
        settings = BrokerSettings.load({**SETTINGS, "log.dirs": ",".join(folders)})
        clock = SystemClock()
        node = Node(
            settings, loop=loop, files=OsFiles(), clock=clock, random=SystemRandom(), offload=ThreadOffload(),
            log=Log(clock, lines.append),
        )  # fmt: skip
        await node.start()
        serving = True
        try:
            address = f"127.0.0.1:{node.listeners[0].advertised.port}"
            await work(address, calls)
            await moves(address, folders)
        finally:
            await node.stop()

    try:
        loop.run_until_complete(asyncio.wait_for(main(), 60))
    finally:
        loop.close()
    assert {name for name, _ in calls} == {"fsync", "rmtree"}
    assert [name for name, on_the_loop in calls if on_the_loop] == []
    assert not [line for line in lines if " error " in line], lines


async def moves(address: str, folders: list[str]) -> None:
    """Two partitions of several segments go back and forth while they are written."""
    async with Cluster(address, SystemRandom()) as client, Cluster(address, SystemRandom()) as mover:
        topics = {"moving": {}, "moving-synced": {"flush.messages": "1"}}
        for topic, configs in topics.items():
            await create_topic(client, topic, configs={**SMALL, **configs})
        moving = True

        async def write(topic: str) -> None:
            number = 0
            while moving:
                assert await produce(client, topic, 0, batch(number)) == number
                number += 1

        for topic in topics:
            assert await move(mover, folders[0], topic) == 0
        writing = [asyncio.ensure_future(write(topic)) for topic in topics]
        for folder in (folders[1], folders[0], folders[1]):
            for topic in topics:
                await until_written(mover, topic, 10)
                assert await move(mover, folder, topic) == 0
            for topic in topics:
                while not is_alone_in(folder, folders, f"{topic}-0"):
                    await asyncio.sleep(0.01)
        moving = False
        await asyncio.gather(*writing)


async def until_written(client: Cluster, topic: str, count: int) -> None:
    """So many records have come."""
    end = await offset_for(client, topic, 0)
    while await offset_for(client, topic, 0) < end + count:
        await asyncio.sleep(0.01)


def is_alone_in(folder: str, folders: list[str], name: str) -> bool:
    """The partition has its own name there, and nowhere else another folder than one that is going."""
    found = [path for one in folders for path in Path(one).glob(f"{name}*") if not path.name.endswith("-delete")]
    return found == [Path(folder) / name]


async def work(address: str, calls: list[tuple[str, bool]]) -> None:
    async with Cluster(address, SystemRandom()) as client:
        await create_topic(client, "plain", 2, configs={**SMALL, "retention.bytes": "2000"})
        await create_topic(client, "synced", configs={**SMALL, "flush.messages": "1"})
        for number in range(12):
            for name in ("plain", "synced"):
                await produce(client, name, 0, batch(number))
        await delete_records(client, "synced", 5)
        await delete_topic(client, "plain")
        before = len(calls)
        while len(calls) < before + 30 or "rmtree" not in dict(calls):  # the chores come by, again and again
            await asyncio.sleep(0.01)
