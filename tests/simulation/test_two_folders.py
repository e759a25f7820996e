"""What lies twice in log.dirs: no start takes one of the two by the order of the directories."""

from __future__ import annotations

from ottla.client.operations import create_topic, delete_topic, produce
from ottla.storage.checkpoints import partition_metadata
from ottla.storage.paths import PARTITION_METADATA
from ottla.testing.cluster import SimCluster
from ottla.testing.files import SimFiles
from ottla.testing.simulation import Simulation, run_simulation
from tests.simulation.folders import TWO_DISKS, A, B, a_batch, filled, walk
from tests.simulation.test_nothing_is_deleted import (
    assert_all_is_served,
    copy_folder,
    lines,
    overwrite,
    refused,
    scenario,
)


def twice(partition: str, first: str, second: str) -> str:
    return (
        f"the partition {partition} lies in two log directories, as {first}/{partition} and as {second}/{partition}. "
        f"Both may hold records: `ottla log check` and `ottla log dump` show what is in them. Move the one that you do "
        f"not want out of its log directory. Nothing was changed."
    )


def test_a_partition_in_two_directories_keeps_the_broker_from_starting_until_one_is_moved_away() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        copy_folder(files, f"{A}/orders-0", f"{B}/orders-0")
        assert await refused(cluster) == twice("orders-0", A, B)
        cluster.machines[1].files.rename(f"{B}/orders-0", "/elsewhere")
        await assert_all_is_served(cluster)

    scenario(main)


def test_an_empty_folder_counts_too_since_a_log_would_be_begun_in_it() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        files.make_folder(f"{A}/orders-1")
        assert await refused(cluster) == twice("orders-1", A, B)
        cluster.machines[1].files.remove_folder(f"{A}/orders-1")
        await assert_all_is_served(cluster)

    scenario(main)


def test_a_folder_without_a_topic_id_may_be_the_partitions_own() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        copy_folder(files, f"{A}/orders-0", f"{B}/orders-0")
        files.remove(f"{A}/orders-0/{PARTITION_METADATA}")
        assert await refused(cluster) == twice("orders-0", A, B)

    scenario(main)


def test_copies_that_moves_make_and_folders_on_their_way_out_are_no_second_folder() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        for ending in ("future", "delete", "stray"):
            copy_folder(files, f"{A}/orders-0", f"{B}/orders-0.{'0a' * 16}-{ending}")
        await assert_all_is_served(cluster)

    scenario(main)


def test_of_two_folders_the_one_with_another_topic_id_becomes_a_stray_wherever_it_lies() -> None:
    """It cannot be the topic's, whichever directory is named first."""

    async def main(cluster: SimCluster, files: SimFiles) -> None:
        for index, (right, wrong) in enumerate(((A, B), (B, A))):
            copy_folder(files, f"{right}/orders-{index}", f"{wrong}/orders-{index}")
            overwrite(files, f"{wrong}/orders-{index}/{PARTITION_METADATA}", partition_metadata(b"another topic id"))
        await assert_all_is_served(cluster)
        told = sorted(line.split()[0] for line in lines(cluster, "partition.set_aside"))
        assert told == ["partition=orders-0", "partition=orders-1"]
        files = cluster.machines[1].files
        assert "orders-0" not in files.list_folder(B) and "orders-1" not in files.list_folder(A)

    scenario(main)


def test_the_folder_of_a_topic_that_was_removed_while_its_directory_was_away_goes() -> None:
    """The metadata log tells the removal of this very id, so the topic that was made again has the other folder."""

    async def run(simulation: Simulation) -> None:
        cluster = SimCluster(simulation, TWO_DISKS)
        await filled(cluster)
        files = cluster.machines[1].files
        old = {path: files.read(path) for path in walk(files, f"{B}/orders-1")}
        await cluster.start()
        async with cluster.client() as client:
            await delete_topic(client, "orders")
            await create_topic(client, "orders", 2)
            assert await produce(client, "orders", 1, a_batch("orders", 1, 0)) == 0
        await cluster.stop()
        files = cluster.machines[1].files
        (right,) = [disk for disk in (A, B) if files.exists(f"{disk}/orders-1")]
        wrong = B if right == A else A
        files.make_folder(f"{wrong}/orders-1")
        for path, content in old.items():
            file = files.open(f"{wrong}/orders-1/{path.rpartition('/')[2]}", create=True)
            file.append(content)
            file.close()
        await cluster.start()
        names = cluster.machines[1].files.list_folder(wrong)
        assert "orders-1" not in names and not any(name.endswith("-stray") for name in names)
        async with cluster.client() as client:
            assert await produce(client, "orders", 1, a_batch("orders", 1, 1)) == 1
        await cluster.stop()

    run_simulation(1, run)


def test_two_directories_with_one_id_are_one_and_its_copy() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        files.rename(f"{B}/meta.properties", "/kept")
        file = files.open(f"{B}/meta.properties", create=True)
        file.append(files.read(f"{A}/meta.properties"))
        file.close()
        sentence = await refused(cluster)
        assert sentence.startswith("/a and /b have the same directory.id=")
        assert sentence.endswith(
            " in their meta.properties: one is a copy of the other, or leads to it. Take the copy out of log.dirs; if "
            "its disk is to be used as well, name an empty folder on it. Nothing was changed."
        )
        cluster.machines[1].files.rename("/kept", f"{B}/meta.properties")
        await assert_all_is_served(cluster)

    scenario(main)


def test_a_folder_that_nobody_knows_and_whose_topic_id_cannot_be_read_is_kept() -> None:
    async def main(cluster: SimCluster, files: SimFiles) -> None:
        copy_folder(files, f"{A}/orders-0", f"{A}/backup-0")
        files.remove(f"{A}/backup-0/{PARTITION_METADATA}")
        files.make_folder(f"{A}/backup-0/{PARTITION_METADATA}")
        await assert_all_is_served(cluster)
        (line,) = lines(cluster, "partition.set_aside")
        assert line.startswith(f"partition=backup-0 folder={A}/backup-0.")

    scenario(main)
