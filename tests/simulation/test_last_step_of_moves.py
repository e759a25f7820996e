"""The last step of a move between log directories: the old folder is named as deleted, the copy is read and written,
and the names become durable, one after the other. It is broken off everywhere, drawn out, and met by everything else.
"""

from __future__ import annotations

import asyncio
import errno
from functools import partial

import pytest

from ottla.broker.node import Node
from ottla.client.cluster import Cluster
from ottla.client.operations import create_topic, delete_topic, fetch, offset_for, produce
from ottla.common.errors import KafkaError, KafkaStorageError
from ottla.common.names import TopicPartition
from ottla.records.record import read_all
from ottla.testing.cluster import SimCluster
from ottla.testing.disk import CrashMode
from ottla.testing.files import CHANGES, Crashed, SimFiles
from ottla.testing.open_file import os_error
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.compaction_workload import delete_records
from tests.simulation.test_log_moves import (
    NAME,
    TOPIC,
    TWO_DISKS,
    A,
    B,
    arrival,
    batch,
    everything,
    move,
    places,
)
from tests.simulation.test_power_cuts import until_the_cut

SYNCED = {**TWO_DISKS, "log.flush.interval.messages": "1"}
SMALL = {"internal.segment.bytes": "1000"}
STEPS = 30
"""Operations of the disk from the first write of the last step on; it makes about twenty, and the writers the rest."""
EARLIEST = -2


def is_left(kind: str, path: str, name: TopicPartition) -> bool:
    """The old folder is about to be named as deleted."""
    return kind == "rename" and f"{name} to " in path and path.endswith("-delete")


class Refusal:
    """Once the old folder is named as deleted, the directory's names are not synced, for a lack or for good."""

    def __init__(self, files: SimFiles, directory: str, error: int, name: TopicPartition = NAME) -> None:
        self._directory = directory
        self._name = name
        self._error = error
        self._left = False
        self.met = asyncio.get_running_loop().create_future()
        self.over = False
        files.on_operation = self._on_operation

    def _on_operation(self, kind: str, path: str) -> None:
        self._left |= is_left(kind, path, self._name)
        if self._left and not self.over and (kind, f"/{path}") == ("fsync_folder", self._directory):
            if not self.met.done():
                self.met.set_result(None)
            raise os_error(self._error, self._directory)


async def write(client: Cluster, known: list[bytes], name: str, count: int) -> None:
    for number in range(count):
        value = f"{name}-{number}".encode()
        await produce(client, TOPIC, 0, batch(value + b"." * 200))
        known.append(value)


async def stored(client: Cluster, node: Node) -> list[bytes]:
    return [value.rstrip(b".") for value in await everything(client, node) if value is not None]


async def on(client: Cluster, path: str) -> None:
    """The topic is made, and its partition begins there."""
    await create_topic(client, TOPIC, configs=SMALL)
    assert await move(client, path) == 0


def errors(cluster: SimCluster) -> list[str]:
    return [line for line in cluster.log if " error " in line]


@pytest.mark.parametrize("mode", [None, *CrashMode])
def test_the_last_step_can_be_broken_off_at_any_operation(mode: CrashMode | None, scale: float) -> None:
    """By a kill, or by a power cut; and the start after it by a power cut. What was acknowledged is there, once."""

    async def main(simulation: Simulation, step: int) -> None:
        cluster = SimCluster(simulation, SYNCED)
        await cluster.start()
        random, files = simulation.random, cluster.machines[1].files
        known: list[bytes] = []
        ended = simulation.loop.create_future()

        def end() -> None:
            ended.set_result(None)
            if mode is None:
                cluster.kill()
            else:
                cluster.cut_power(mode=mode)

        def on_operation(kind: str, path: str) -> None:
            if kind == "create" and path == f"{B}/recovery-point-offset-checkpoint.tmp".strip("/"):
                files.on_operation = None
                files.on_crash = end
                files.crash_at(step)

        async with cluster.client(timeout_ms=5000) as client:
            await on(client, A)
            await write(client, known, "before", 8)
            files.on_operation = on_operation
            writers = [write(client, known, name, 1000) for name in ("a", "b", "c")]
            work = [asyncio.ensure_future(until_the_cut(one)) for one in (*writers, move(client, B))]
            await ended
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        node = await cluster.start()
        assert not errors(cluster)
        if random.chance(0.5):
            cluster.cut_power(mode=random.choice(tuple(CrashMode)))
            node = await cluster.start()
        async with cluster.client() as client:
            found = await stored(client, node)
            assert len(found) == len(set(found))
            assert [value for value in found if value in set(known)] == known
            assert sum(directory.contains(NAME) for directory in node.directories) == 1
            await write(client, known, "after", 3)
            await arrival(client, B)
            assert (await stored(client, node))[-3:] == [b"after-0", b"after-1", b"after-2"]
        await cluster.stop()

    for seed in range(int(STEPS * max(scale, 1))):
        try:
            run_simulation(seed, partial(main, step=seed % STEPS))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_appends_and_reads_go_on_in_the_last_step_and_only_durable_acknowledgements_wait() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        node = await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            for number in range(20):  # over several segments
                assert await produce(client, TOPIC, 0, batch(b"%d" % number + b"." * 200)) == number + 1
            assert len(await everything(client, node)) == 21
            partition = node.replicas.find(TOPIC, 0)
            log = partition.leader_log()
            durable_end = log.durable_end
            await node.syncing.closed_segments(partition)
            assert log.durable_end == durable_end  # a sync goes by the folder's name, which is about to change
            refusal.over = True
            while log.folder != f"{B}/{NAME}":
                await asyncio.sleep(0.1)
            assert await produce(client, TOPIC, 0, batch(b"last")) == 21
            assert len(await everything(client, node)) == 22
        assert not errors(cluster)
        await cluster.stop()

    async def synced(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**SYNCED, "log.flush.offset.checkpoint.interval.ms": "500"})
        node = await cluster.start()
        async with cluster.client() as client, cluster.client() as reader:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            batches = [batch(b"%d" % number + b"." * 200) for number in range(1, 10)]  # over several segments
            waiting = [asyncio.ensure_future(produce(client, TOPIC, 0, one)) for one in batches]
            await asyncio.sleep(3)
            assert not any(one.done() for one in waiting)
            assert len(list(read_all((await fetch(reader, TOPIC, 0, 0)).records))) == 1
            refusal.over = True
            assert await asyncio.gather(*waiting) == list(range(1, 10))
            assert len(await everything(client, node)) == 10
        assert not errors(cluster)
        await cluster.stop()

    run_simulation(1, main)
    run_simulation(1, synced)


@pytest.mark.parametrize("fails", ["old", "new"])
def test_a_directory_that_fails_in_the_last_step_takes_the_partition_offline_and_no_record_with_it(fails: str) -> None:
    """Which of the folders is the partition is known by the next start alone."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SYNCED)
        await cluster.start()
        known: list[bytes] = []
        async with cluster.client(timeout_ms=3000) as client:
            old, new = (B, A) if fails == "old" else (A, B)
            await on(client, old)
            await write(client, known, "before", 8)
            refusal = Refusal(cluster.machines[1].files, B, errno.EIO)
            writing = asyncio.ensure_future(write(client, known, "during", 1000))
            assert await move(client, new) == 0
            await refusal.met
            with pytest.raises(KafkaError):
                await writing
            assert await move(client, new) == KafkaStorageError.code
            await asyncio.sleep(30)  # longer than until the next try of a move that was refused
        mode = simulation.random.choice(tuple(CrashMode))
        cluster.cut_power(mode=mode)
        node = await cluster.start()
        async with cluster.client() as client:
            found = await stored(client, node)
            assert [value for value in found if value in set(known)] == known and len(known) >= 8
        await cluster.stop()

    for seed in range(10):
        run_simulation(seed, main)


@pytest.mark.parametrize("again", [False, True])
def test_a_topic_that_is_deleted_in_the_last_step_leaves_nothing(again: bool) -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        node = await cluster.start()
        files = cluster.machines[1].files
        async with cluster.client() as client:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            await delete_topic(client, TOPIC)
            if again:
                await create_topic(client, TOPIC)
                assert await produce(client, TOPIC, 0, batch(b"of another topic")) == 0
            refusal.over = True
            await asyncio.sleep(3)
            if again:
                assert await everything(client, node) == [b"of another topic"]
            await asyncio.sleep(150)  # longer than file.delete.delay.ms
            left = [name for path in (A, B) for name in files.list_folder(path) if name.startswith(TOPIC)]
            assert left == [f"{NAME}"] * again
        assert not errors(cluster)
        await cluster.stop()

    run_simulation(1, main)


def test_a_wish_that_comes_in_the_last_step_is_met_after_it() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        node = await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            assert await move(client, B) == 0  # it is there already
            assert await move(client, A) == 0
            await asyncio.sleep(3)
            assert await places(client) == {B: False}
            refusal.over = True
            await arrival(client, A)
            assert await everything(client, node) == [b"first"]
        assert not errors(cluster)
        await cluster.stop()

    run_simulation(1, main)


@pytest.mark.parametrize("refused", [False, True])
def test_a_stop_in_the_last_step_is_clean(refused: bool) -> None:
    """Where the disk goes on refusing, the next start gives the copy its name."""

    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            await produce(client, TOPIC, 0, batch(b"second"))
            refusal.over = not refused
        await cluster.stop()
        assert cluster.machines[1].files.is_folder(f"{B}/{NAME}") is not refused
        node = await cluster.start()
        assert [directory.clean for directory in node.directories] == [True, True]
        async with cluster.client() as client:
            assert await places(client) == {B: False}
            assert await everything(client, node) == [b"first", b"second"]
        assert not errors(cluster)
        await cluster.stop()

    run_simulation(1, main)


def test_deleted_records_do_not_come_back_if_they_are_deleted_in_the_last_step() -> None:
    async def main(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, SYNCED)
        await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            for number in range(8):
                await produce(client, TOPIC, 0, batch(b"%d" % number + b"." * 200))
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
            deleting = asyncio.ensure_future(delete_records(client, TOPIC, 5))
            await asyncio.sleep(3)
            assert not deleting.done()  # the power might bring the old folder back
            refusal.over = True
            await deleting
        cluster.cut_power(mode=CrashMode.LOSE)
        await cluster.start()
        async with cluster.client() as client:
            assert await offset_for(client, TOPIC, 0, EARLIEST) == 5
            assert await places(client) == {B: False}
        await cluster.stop()

    for seed in range(5):
        run_simulation(seed, main)


def test_a_start_that_gives_a_copy_its_name_can_be_broken_off_at_any_operation() -> None:
    """Before the old folder's deletion is durable: a start must never find both."""

    async def main(simulation: Simulation, step: int) -> bool:
        cluster = SimCluster(simulation, SYNCED)
        await cluster.start()
        async with cluster.client() as client:
            await on(client, A)
            await produce(client, TOPIC, 0, batch(b"first"))
            refusal = Refusal(cluster.machines[1].files, A, errno.EMFILE)
            assert await move(client, B) == 0
            await refusal.met
        cluster.kill()
        ended = simulation.loop.create_future()
        files, left = cluster.machines[1].files, step

        def on_operation(kind: str, _path: str) -> None:
            nonlocal left
            left -= kind in CHANGES
            if left < 0:
                files.on_operation = None
                cluster.cut_power(mode=CrashMode.LOSE)
                ended.set_result(None)
                raise Crashed

        files.on_operation = on_operation
        starting = asyncio.ensure_future(cluster.start())
        await asyncio.wait([ended, starting], return_when=asyncio.FIRST_COMPLETED)
        files.on_operation = None
        was_broken_off = ended.done()
        starting.cancel()
        node = await cluster.start() if was_broken_off else cluster.nodes[1]
        assert sum(directory.contains(NAME) for directory in node.directories) == 1
        async with cluster.client() as client:
            assert await everything(client, node) == [b"first"]
        await cluster.stop()
        return was_broken_off

    step = 0
    while run_simulation(step, partial(main, step=step)).value:
        step += 1
    assert step > 10
