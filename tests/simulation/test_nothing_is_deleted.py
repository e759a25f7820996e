"""Records go by three things only: a replayed removal of their topic, retention, DeleteRecords (decision 6)."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable

import pytest

from ottla.broker.node import StartError
from ottla.client.operations import create_topic, delete_topic, produce
from ottla.common.errors import KafkaError
from ottla.metadata.stores.memory import MemoryLog
from ottla.storage.seen import SEEN
from ottla.testing.clock import SimRandom
from ottla.testing.cluster import SimCluster
from ottla.testing.files import SimFiles
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.folders import RECORDS, TWO_DISKS, A, B, a_batch, all_of_it, filled, segments, served, walk

OFFLINE = 56
Change = Callable[[SimCluster], None]


def scenario(main: Callable[[SimCluster, SimFiles], Awaitable[None]], settings: dict[str, str] | None = None) -> None:
    """Runs `main` on a broker that was filled and stopped; afterwards every segment must still be somewhere."""

    async def run(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, {**TWO_DISKS, **(settings or {})})
        await filled(cluster)
        before = segments(cluster.machines[1].files)
        await main(cluster, cluster.machines[1].files)
        after = segments(cluster.machines[1].files)
        for content in before:
            assert any(content == other[: len(content)] for other in after), "a segment is gone"

    run_simulation(1, run)


async def refused(cluster: SimCluster) -> str:
    """The sentence of a start that is refused. Its folders are as they were."""
    files = cluster.machines[1].files
    before = {path: files.read(path) for disk in (A, B) if files.exists(disk) for path in walk(files, disk)}
    with pytest.raises(StartError) as caught:
        await cluster.start()
    cluster.kill()
    files = cluster.machines[1].files
    after = {path: files.read(path) for disk in (A, B) if files.exists(disk) for path in walk(files, disk)}
    assert after == before, "a refused start has changed something"
    return str(caught.value)


def lines(cluster: SimCluster, event: str) -> list[str]:
    return [line.partition(event)[2].strip() for line in cluster.log if f" {event} " in line]


@pytest.mark.parametrize("content", ["nothing", "a cluster id and no records"])
def test_a_start_whose_metadata_is_lost_is_refused(content: str) -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        metadata, cluster.metadata = cluster.metadata, MemoryLog()
        if content != "nothing":
            cluster.metadata.cluster_id = metadata.cluster_id
        assert await refused(cluster) == (
            "/a holds 2 partitions (carts-0, orders-0), but there is no metadata that knows of it in /a. Put the "
            "metadata back from a copy, mount the disk that holds it, or let `ottla log adopt /a /b` make it anew from "
            "the partitions; or choose another folder with --data or log.dirs. Nothing was changed."
        )
        cluster.metadata = metadata
        await assert_all_is_served(cluster)

    scenario(main)


def test_a_start_with_an_older_copy_of_the_metadata_is_refused() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        metadata = cluster.metadata
        cluster.metadata = copy.copy(metadata)
        cluster.metadata.batches = metadata.batches[:3]
        cluster.metadata.end = metadata.batches[2].end
        sentence = await refused(cluster)
        assert sentence == (
            f"the metadata in /a ends at offset {cluster.metadata.end}, but /a has seen offset {metadata.end}: it is "
            f"an older copy. Put the newer one back, or let `ottla log adopt /a /b` add to it what it does not know. "
            f"Nothing was changed."
        )
        cluster.metadata = metadata
        await assert_all_is_served(cluster)

    scenario(main)


def test_a_start_with_the_metadata_of_another_cluster_is_refused() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        metadata = cluster.metadata
        cluster.metadata = copy.copy(metadata)
        cluster.metadata.cluster_id = "another"
        assert await refused(cluster) == (
            f"the folder /a belongs to cluster {metadata.cluster_id}, but the metadata in /a to another; was a file "
            f"copied from elsewhere? Put the right one back. Nothing was changed."
        )
        cluster.metadata = metadata
        await assert_all_is_served(cluster)

    scenario(main)


def test_metadata_that_is_newer_than_the_folders_deletes_only_topics_whose_removal_it_tells() -> None:
    """The folders come back from a copy that was taken before a topic was deleted and another was made."""

    async def run(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await filled(cluster)
        files = cluster.machines[1].files
        kept = {path: files.read(path) for path in walk(files, A) if "/orders-0/" in path or "/carts-0/" in path}
        await cluster.start()
        async with cluster.client() as client:
            await delete_topic(client, "orders")
            await create_topic(client, "later")
        await cluster.stop()
        for path, content in kept.items():
            files = cluster.machines[1].files
            files.make_folder(path.rpartition("/")[0])
            files.open(path, create=True).close()
            files.remove(path)
            file = files.open(path, create=True)
            file.append(content)
            file.close()
        await cluster.start()
        names = cluster.machines[1].files.list_folder(A)
        assert "carts-0" in names and not any(name.startswith("orders-0") and "-delete" not in name for name in names)
        async with cluster.client() as client:
            assert {key: value for key, value in (await served(client)).items() if key[0] == "carts"} == {
                key: value for key, value in all_of_it().items() if key[0] == "carts"
            }
            assert await produce(client, "later", 0, a_batch("later", 0, 0)) == 0
        await cluster.stop()

    run_simulation(1, run)


def test_a_folder_that_the_metadata_does_not_know_is_set_aside_told_once_and_kept() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        copy_folder(files, f"{A}/orders-0", f"{A}/backup-0")
        size = sum(files.size(path) for path in walk(files, f"{A}/backup-0"))
        for _ in range(2):
            await assert_all_is_served(cluster)
        (line,) = lines(cluster, "partition.set_aside")
        assert f"partition=backup-0 folder={A}/backup-0." in line and f" bytes={size} " in line
        names = cluster.machines[1].files.list_folder(A)
        assert [name[:9] for name in names if name.endswith("-stray")] == ["backup-0."]

    scenario(main)


def test_a_folder_with_somebody_elses_files_is_left_alone_whatever_its_name() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        for path in (f"{A}/photos-2019/a.jpg", f"{A}/project-1/main.py", f"{B}/old-delete/b.jpg"):
            files.make_folder(path.rpartition("/")[0])
            file = files.open(path, create=True)
            file.append(b"mine")
            file.close()
        await assert_all_is_served(cluster)
        files = cluster.machines[1].files
        assert files.read(f"{A}/photos-2019/a.jpg") == files.read(f"{B}/old-delete/b.jpg") == b"mine"
        assert files.read(f"{A}/project-1/main.py") == b"mine"

    scenario(main)


def test_a_topic_is_not_begun_in_a_folder_that_is_somebody_elses_and_its_deletion_spares_that() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        for disk in (A, B):
            files.make_folder(f"{disk}/photos-0")
            file = files.open(f"{disk}/photos-0/a.jpg", create=True)
            file.append(b"mine")
            file.close()
        await cluster.start()
        async with cluster.client(timeout_ms=2000) as client:
            await create_topic(client, "photos")
            with pytest.raises(KafkaError):
                await produce(client, "photos", 0, a_batch("photos", 0, 0))
            await delete_topic(client, "photos")
        await cluster.stop()
        files = cluster.machines[1].files
        assert files.read(f"{A}/photos-0/a.jpg") == files.read(f"{B}/photos-0/a.jpg") == b"mine"

    scenario(main)


def test_a_folder_that_somebody_put_under_the_name_of_an_empty_partition_outlives_its_topic() -> None:
    """The partition was never written to, so it has no folder; then a person makes one with that name."""

    async def main(cluster: SimCluster, files: SimFiles) -> None:
        await cluster.start()
        async with cluster.client() as client:
            await create_topic(client, "photos")
        await cluster.stop()
        path = f"{A}/photos-0/a.jpg"
        files = cluster.machines[1].files
        files.make_folder(f"{A}/photos-0")
        file = files.open(path, create=True)
        file.append(b"mine")
        file.close()
        await cluster.start()
        async with cluster.client() as client:
            await delete_topic(client, "photos")
        await asyncio.sleep(120)  # longer than file.delete.delay.ms
        assert cluster.machines[1].files.read(path) == b"mine"
        await cluster.stop()

    scenario(main)


def test_a_wrong_topic_id_sets_the_folder_aside_and_the_partition_answers_so_until_somebody_decides() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        path = f"{A}/orders-0/partition.metadata"
        right = files.read(path)
        overwrite(files, path, right[:25] + bytes([right[25] ^ 1]) + right[26:])
        for _ in range(2):
            await cluster.start()
            async with cluster.client(timeout_ms=2000) as client:
                assert await served(client) == {**all_of_it(), ("orders", 0): OFFLINE}
            await cluster.stop()
        (line,) = lines(cluster, "partition.set_aside")
        assert "its topic id is not that of the topic" in line
        (again,) = lines(cluster, "partition.unusable")  # at the second start
        assert "partition=orders-0" in again and "`ottla log strays` gives it back" in again
        files = cluster.machines[1].files
        (stray,) = [name for name in files.list_folder(A) if name.endswith("-stray")]
        files.rename(f"{A}/{stray}", f"{A}/orders-0")
        overwrite(files, path, right)
        await assert_all_is_served(cluster)

    scenario(main)


def test_a_memory_of_the_metadata_that_is_damaged_is_told() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        overwrite(files, f"{A}/{SEEN}", files.read(f"{A}/{SEEN}")[:-3])
        await assert_all_is_served(cluster)
        (line,) = lines(cluster, "log_directory.checkpoint_distrusted")
        assert f"{A}/{SEEN}: the checksum is not that of its content" in line

    scenario(main)


def test_a_partition_whose_folder_vanished_is_told_at_the_start() -> None:
    """Kafka begins it anew without a word."""

    async def main(cluster: SimCluster, files: SimFiles) -> None:
        files.rename(f"{A}/orders-0", "/elsewhere")
        await cluster.start()
        (line,) = lines(cluster, "partition.vanished")
        assert f"partition=orders-0 folder={A}/orders-0 records_up_to=" in line
        await cluster.stop()
        files = cluster.machines[1].files
        files.rename("/elsewhere", f"{A}/orders-0")
        await assert_all_is_served(cluster)
        assert len(lines(cluster, "partition.vanished")) == 1

    scenario(main)


@pytest.mark.parametrize("again", [A, f"{A}/", f"{A}/../{A.lstrip('/')}"])
def test_a_directory_that_is_named_twice_is_refused(again: str) -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        cluster.settings["log.dirs"] = f"{A},{B},{again}"
        assert (await refused(cluster)).startswith(f"Duplicate log directory found: {A}; name each folder once")

    scenario(main)


def test_a_disk_that_is_not_mounted_is_not_begun_anew() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        files.rename(B, "/elsewhere")
        files.make_folder(B)  # the mount point without its disk
        for _ in range(2):
            await cluster.start()
            async with cluster.client(timeout_ms=2000) as client:
                found = await served(client)
                assert found == {key: OFFLINE if key[1] else value for key, value in all_of_it().items()}
                with pytest.raises(KafkaError):
                    await produce(client, "orders", 1, a_batch("orders", 1, 99))
                await create_topic(client, "new")
                assert await produce(client, "new", 0, a_batch("new", 0, 0)) == 0, "the other disk serves"
                await delete_topic(client, "new")
            await cluster.stop()
        assert cluster.machines[1].files.list_folder(B) == []
        assert "(last at /b): is the disk mounted?" in lines(cluster, "log_directory.missing")[0]
        files = cluster.machines[1].files
        files.remove_folder(B)
        files.rename("/elsewhere", B)
        await cluster.start()
        async with cluster.client() as client:
            assert await served(client) == all_of_it()
        await cluster.stop()

    scenario(main)


def test_a_lost_disk_is_replaced_once_a_person_says_that_it_is_lost() -> None:
    async def run(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await filled(cluster)
        files = cluster.machines[1].files
        properties = files.read(f"{B}/meta.properties").decode()
        (lost,) = [line.partition("=")[2] for line in properties.splitlines() if line.startswith("directory.id=")]
        files.rename(B, "/broken")
        cluster.settings["ottla.forget.directories"] = lost
        for round_number in range(2):
            await cluster.start()
            async with cluster.client() as client:
                assert await produce(client, "orders", 1, a_batch("orders", 1, 0)) == round_number
            await cluster.stop()
            cluster.settings.pop("ottla.forget.directories", None)

    run_simulation(1, run)


def test_a_lost_identity_is_written_again_with_the_same_directory_id() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        for disk in (A, B):
            before = files.read(f"{disk}/meta.properties")
            files.remove(f"{disk}/meta.properties")
            await assert_all_is_served(cluster)
            files = cluster.machines[1].files
            assert files.read(f"{disk}/meta.properties").splitlines()[2:] == before.splitlines()[2:]

    scenario(main)


def test_damage_to_small_files_hides_and_deletes_nothing(scale: float) -> None:
    """Flipped bits, lost and cut files, whichever: a partition answers all its records, or an error, or the start says
    what is wrong; and every segment stays on the disk."""
    outcomes: dict[str, int] = {}
    for seed in range(int(300 * scale)):
        outcome = run_simulation(seed, _damaged).value
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert {"served", "refused", "in part"} <= set(outcomes), f"the damage is too tame: {outcomes}"


async def _damaged(simulation: Simulation) -> str:
    cluster = SimCluster(simulation, TWO_DISKS)
    await filled(cluster)
    random: SimRandom = simulation.random.fork("damage")
    files = cluster.machines[1].files
    before = segments(files)
    small = [path for disk in (A, B) for path in walk(files, disk) if not path.endswith((".log", ".lock"))]
    for _ in range(1 + random.below(2)):
        _damage(files, small[random.below(len(small))], random)
    if random.below(2):  # as after a crash
        for disk in (A, B):
            if files.exists(f"{disk}/.kafka_cleanshutdown"):
                files.remove(f"{disk}/.kafka_cleanshutdown")
    try:
        await cluster.start()
    except StartError as error:
        assert len(str(error)) > 20
        cluster.kill()
        assert segments(cluster.machines[1].files) == before
        return "refused"
    async with cluster.client(timeout_ms=2000) as client:
        found = await served(client)
    await cluster.stop()
    assert segments(cluster.machines[1].files) == before
    for key, expected in all_of_it().items():
        value = found[key]
        if not isinstance(value, int):  # where the log's start was lost, deleted records come back; none is hidden
            assert value[-len(expected) :] == expected and len(value) <= RECORDS, f"{key}: {value}"
        else:
            assert value == OFFLINE, key
    return "served" if found == all_of_it() else "in part"


def _damage(files: SimFiles, path: str, random: SimRandom) -> None:
    if not files.exists(path):
        return
    content = files.read(path)
    kind = random.below(4)
    if kind == 0 or not content:
        files.remove(path)
    elif kind == 1:
        overwrite(files, path, content[: random.below(len(content))])
    else:
        place = random.below(len(content))
        overwrite(files, path, content[:place] + bytes([content[place] ^ 1 << random.below(8)]) + content[place + 1 :])


def overwrite(files: SimFiles, path: str, content: bytes) -> None:
    file = files.open(path)
    file.truncate(0)
    file.append(content)
    file.fsync()
    file.close()


def copy_folder(files: SimFiles, old: str, new: str) -> None:
    files.make_folder(new)
    for name in files.list_folder(old):
        file = files.open(f"{new}/{name}", create=True)
        file.append(files.read(f"{old}/{name}"))
        file.close()


async def assert_all_is_served(cluster: SimCluster) -> None:
    await cluster.start()
    async with cluster.client() as client:
        assert await served(client) == all_of_it()
    await cluster.stop()
