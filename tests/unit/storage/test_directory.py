"""A log directory: whose it is, what it remembers, and what a stop leaves."""

from __future__ import annotations

import errno

import pytest

from ottla.common.errors import KafkaStorageError
from ottla.common.names import TopicPartition, uuid_text
from ottla.storage.checkpoints import offsets_text, partition_metadata
from ottla.storage.directory import DirectoryUnusable
from ottla.storage.repairs import Repair
from ottla.testing.clock import SimRandom
from ottla.testing.files import CHANGES, CrashMode, SimFiles
from tests.unit.storage.logs import FOLDER, NOW_MS, PARTITION, TOPIC_ID, add, open_directory, settings


def write(files: SimFiles, path: str, content: bytes) -> None:
    file = files.open(path, create=True)
    file.truncate(0)
    file.append(content)
    file.close()


def test_a_clean_stop_leaves_what_kafka_leaves() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log, epoch=4)
    directory.checkpoint_high_watermarks({PARTITION: 1})
    directory.close(broker_epoch=11)
    assert files.read("/data/.kafka_cleanshutdown") == b'{"version":0,"brokerEpoch":11}'
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
        assert files.read(f"/data/{name}") == offsets_text({PARTITION: 1})
    assert offsets_text({PARTITION: 1}).startswith(b"0\n2\nt 0 1\n__ottla_checksum 0 ")
    assert files.read("/data/log-start-offset-checkpoint") == b"0\n0\n"
    assert files.read("/data/t-0/partition.metadata") == b"version: 0\ntopic_id: MDEyMzQ1Njc4OWFiY2RlZg"
    assert files.read("/data/t-0/leader-epoch-checkpoint") == b"0\n1\n4 0\n"
    lines = files.read("/data/meta.properties").decode().splitlines()
    assert lines[:2] == ["#", "#Tue Nov 14 22:13:20 UTC 2023"]
    assert {"version=1", "cluster.id=cluster", "node.id=1"} <= set(lines)
    assert files.open_files == 0


def test_the_next_start_goes_on_from_there_and_takes_the_marker_away() -> None:
    files = SimFiles()
    first = open_directory(files)
    add(first.create(PARTITION, TOPIC_ID, settings(), NOW_MS))
    first.checkpoint_high_watermarks({PARTITION: 1})
    first.close(broker_epoch=11)
    again = open_directory(files)
    assert (again.clean, again.broker_epoch, again.directory_id) == (True, 11, first.directory_id)
    assert not files.exists("/data/.kafka_cleanshutdown")
    assert list(again.partitions()) == [(PARTITION, None)]
    assert again.high_watermark(PARTITION) == 1
    log = again.log(PARTITION, settings(), NOW_MS)
    assert (log.log_end_offset, log.topic_id, log.recovered_bytes) == (1, TOPIC_ID, 0)


def test_without_the_marker_logs_are_recovered() -> None:
    files = SimFiles()
    log = open_directory(files).create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log)
    again = open_directory(files.kill())
    assert not again.clean
    assert again.log(PARTITION, settings(), NOW_MS).recovered_bytes > 0


def test_a_log_that_was_never_recovered_keeps_the_next_start_unclean() -> None:
    files = SimFiles()
    directory = open_directory(files)
    add(directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS))
    files = files.kill()
    open_directory(files).close()
    assert not open_directory(files).clean


def test_logs_that_were_not_opened_keep_their_checkpoints() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    for _ in range(3):
        add(log)
    log.advance_start(2)
    directory.close()
    open_directory(files).close()
    again = open_directory(files).log(PARTITION, settings(), NOW_MS)
    assert (again.log_start_offset, again.log_end_offset, again.recovered_bytes) == (2, 3, 0)


def test_a_folder_is_held_by_one_process() -> None:
    files = SimFiles()
    directory = open_directory(files)
    with pytest.raises(DirectoryUnusable, match="in use by another process"):
        open_directory(files.another_process())
    directory.release()
    open_directory(files.another_process())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"version=1\ncluster.id=other\nnode.id=1\n", "belongs to the cluster other"),
        (b"version=1\ncluster.id=cluster\nnode.id=7\n", "belongs to the broker 7"),
        (b"version=1\ncluster.id=cluster\nnode.id=1\nottla.format.version=2\n", "newer version"),
        (b"version=9\ncluster.id=cluster\nnode.id=1\n", "version 9"),
        (b"version=1\ncluster.id=cluster\n", "cannot be read"),
        (b"version=x\n", "cannot be read"),
    ],
)
def test_a_folder_that_is_not_ours_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    files = SimFiles()
    files.make_folder("/data")
    write(files, "/data/meta.properties", content)
    with pytest.raises(DirectoryUnusable, match=sentence):
        open_directory(files)
    write(files, "/data/meta.properties", b"version=0\ncluster.id=cluster\nbroker.id=1\n")
    assert open_directory(files).cluster_id == "cluster", "the lock was not given back"


def test_a_new_folder_draws_its_cluster_id() -> None:
    directory = open_directory(SimFiles(), cluster_id=None)
    assert len(directory.cluster_id) == 22


@pytest.mark.parametrize(
    "name",
    [
        "recovery-point-offset-checkpoint",
        "log-start-offset-checkpoint",
        "replication-offset-checkpoint",
        "cleaner-offset-checkpoint",
    ],
)
def test_a_damaged_checkpoint_is_not_believed_and_told(name: str) -> None:
    """Kafka begins at 0 as well where it cannot read one of these files."""
    files = SimFiles()
    files.make_folder("/data")
    for content in (b"0\n1\nt x\n", offsets_text({PARTITION: 12}).replace(b"t 0 12", b"t 0 13")):
        write(files, f"/data/{name}", content)
        directory = open_directory(files)
        assert [sentence.partition(":")[0] for sentence in directory.distrusted] == [f"/data/{name}"]
        assert (directory.high_watermark(PARTITION), directory.cleaned_to(PARTITION)) == (0, None)
        directory.release()


def test_a_checkpoint_without_a_checksum_is_kafkas_and_is_believed() -> None:
    files = SimFiles()
    files.make_folder("/data")
    write(files, "/data/replication-offset-checkpoint", b"0\n1\nt 0 12\n")
    directory = open_directory(files)
    assert (directory.high_watermark(PARTITION), directory.distrusted) == (12, [])


@pytest.mark.parametrize("name", ["photos-delete", "t-0.00-delete", "t-0-delete", f"t-0.{'X' * 32}-delete"])
def test_a_folder_goes_only_if_its_name_has_the_whole_form_of_a_deleted_one(name: str) -> None:
    files = SimFiles()
    files.make_folder(f"/data/{name}")
    open_directory(files).remove_due(NOW_MS)
    assert files.exists(f"/data/{name}")


def test_a_folder_of_somebody_else_under_a_partitions_name_is_neither_used_nor_deleted() -> None:
    files = SimFiles()
    files.make_folder("/data/t-0")
    write(files, "/data/t-0/a.jpg", b"a picture")
    directory = open_directory(files)
    with pytest.raises(KafkaStorageError, match="move it away"):
        directory.log(PARTITION, settings(), NOW_MS)
    assert directory.set_aside(PARTITION) is None
    with pytest.raises(KafkaStorageError, match="move it away"):
        directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    assert not directory.offline, "it says nothing about the disk"
    assert files.read("/data/t-0/a.jpg") == b"a picture"


def test_a_file_under_a_partitions_name_is_that_partitions_trouble_alone() -> None:
    files = SimFiles()
    files.make_folder("/data")
    write(files, "/data/t-0", b"")
    directory = open_directory(files)
    with pytest.raises(KafkaStorageError, match="move it away"):
        directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    assert add(directory.create(TopicPartition("t", 1), TOPIC_ID, settings(), NOW_MS)) is not None


def test_a_stray_of_a_start_is_renamed_durably() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log)
    log.flush()
    path = directory.set_aside(PARTITION)
    directory.release()
    files = files.crash(SimRandom(1), CrashMode.LOSE)
    assert path is not None and files.list_folder(path) and open_directory(files).strays.names == [path[6:]]


def test_a_stray_is_kept_and_blocks_the_partition_that_it_was_taken_for() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log)
    log.flush()
    other = bytes(range(16))
    path = directory.set_aside(PARTITION, in_place_of=other)
    assert path == f"/data/t-0.{other.hex()}-stray" and not directory.contains(PARTITION)
    directory.release()
    files = files.kill()
    again = open_directory(files)
    again.remove_due(NOW_MS + (1 << 40))
    assert again.strays.blocking(PARTITION, other) == path and files.list_folder(path)
    assert again.strays.blocking(PARTITION, TOPIC_ID) is None


def test_a_deleted_partition_is_renamed_and_removed_later() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(file_delete_delay_ms=1000), NOW_MS)
    add(log)
    found = log.read(0, 100, up_to=1)
    directory.delete(PARTITION, NOW_MS)
    doomed = [name for name in files.list_folder("/data") if name.endswith("-delete")]
    assert len(doomed) == 1 and doomed[0].startswith("t-0.") and len(doomed[0]) == len("t-0.-delete") + 32
    assert not directory.contains(PARTITION) and log.offline
    assert found.read_all(), "a reader was cut off"
    found.release()
    directory.remove_due(NOW_MS + 999)
    assert files.exists(f"/data/{doomed[0]}")
    directory.remove_due(NOW_MS + 1000)
    assert not files.exists(f"/data/{doomed[0]}")
    assert directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS).log_end_offset == 0
    assert files.open_files > 0


def test_what_was_being_deleted_at_the_last_stop_goes_at_the_next_start() -> None:
    files = SimFiles()
    directory = open_directory(files)
    directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    directory.delete(PARTITION, NOW_MS)
    directory.close()
    again = open_directory(files)
    assert list(again.partitions()) == []
    again.remove_due(NOW_MS)
    assert not any(name.endswith("-delete") for name in files.list_folder("/data"))


def test_the_clean_marker_is_the_last_thing_that_a_stop_writes() -> None:
    files = SimFiles()
    directory = open_directory(files)
    for index in range(2):
        add(directory.create(TopicPartition("t", index), TOPIC_ID, settings(), NOW_MS))
    changed: list[str] = []
    files.on_operation = lambda kind, path: changed.append(path) if kind in CHANGES else None
    directory.close()
    marked = next(index for index, path in enumerate(changed) if ".kafka_cleanshutdown" in path)
    assert marked > 0, "nothing was left to write: this tests nothing"
    assert {path.strip("/") for path in changed[marked:] if ".kafka_cleanshutdown" not in path} <= {"data"}


def test_a_log_whose_last_fsync_fails_leaves_no_clean_marker() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log)
    files.fail_fsync(f"{log.folder}/{0:020d}.log")
    with pytest.raises(KafkaStorageError):
        directory.close()
    assert not open_directory(files).clean


def test_a_disk_that_fails_takes_every_log_offline() -> None:
    files = SimFiles()
    directory = open_directory(files)
    first = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    second = directory.create(TopicPartition("t", 1), TOPIC_ID, settings(), NOW_MS)
    told: list[str] = []
    directory.on_failure = lambda where, error: told.append(where.path)
    add(first)
    files.fail_fsync(f"{first.folder}/{0:020d}.log")
    with pytest.raises(KafkaStorageError):
        first.flush()
    assert directory.offline and second.offline and told == ["/data"]
    directory.close()
    assert not files.exists("/data/.kafka_cleanshutdown")


def test_a_topic_with_dashes_is_split_at_the_last_one() -> None:
    files = SimFiles()
    partition = TopicPartition("a-1-b", 12)
    directory = open_directory(files)
    directory.create(partition, TOPIC_ID, settings(), NOW_MS)
    directory.close()
    files.make_folder("/data/not a partition")
    files.make_folder("/data/__cluster_metadata-0")
    assert list(open_directory(files).partitions()) == [(partition, None)]


def test_what_checkpoints_say_of_a_deleted_partition_is_not_believed_of_its_successor_after_a_crash() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    for _ in range(20):
        add(log)
    log.flush()
    log.advance_start(15)
    directory.checkpoint()
    directory.delete(PARTITION, NOW_MS)
    log = directory.create(PARTITION, bytes(15) + b"2", settings(), NOW_MS)
    for _ in range(3):
        add(log)
    files = files.kill()
    repairs: list[object] = []
    directory = open_directory(files)
    directory.on_repair = lambda partition, repair: repairs.append(repair)
    log = directory.log(PARTITION, settings(), NOW_MS)
    assert (log.log_start_offset, log.log_end_offset, repairs) == (0, 3, [])


@pytest.mark.parametrize("compacted_once", [False, True])
def test_gaps_in_a_log_that_was_compacted_once_are_not_told(compacted_once: bool) -> None:
    files = SimFiles()
    directory = open_directory(files)
    values = settings(internal_segment_bytes=200)
    log = directory.create(PARTITION, TOPIC_ID, values, NOW_MS)
    for _ in range(8):
        add(log)
    if compacted_once:
        directory.checkpoint_cleaned(PARTITION, 4)
    directory.close()
    bases = sorted(name for name in files.list_folder(f"/data/{PARTITION}") if name.endswith(".log"))
    files.remove(f"/data/{PARTITION}/{bases[1]}")
    repairs: list[Repair] = []
    directory = open_directory(files)
    directory.on_repair = lambda partition, repair: repairs.append(repair)
    directory.log(PARTITION, values, NOW_MS).read(0, 100, up_to=8).release()
    assert [one.event for one in repairs] == ([] if compacted_once else ["logs.cut"])


def test_a_file_named_like_a_partition_takes_no_directory_offline() -> None:
    files = SimFiles()
    directory = open_directory(files)
    directory.create(TopicPartition("u", 0), TOPIC_ID, settings(), NOW_MS)
    directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    directory.close()
    files.remove_folder(FOLDER)
    files.open(FOLDER, create=True).close()
    directory = open_directory(files)
    if directory.contains(PARTITION):
        assert directory.needs_opening(PARTITION, settings(retention_ms=1), NOW_MS)
        with pytest.raises(KafkaStorageError, match="t-0"):
            directory.log(PARTITION, settings(), NOW_MS)
    other = directory.log(TopicPartition("u", 0), settings(), NOW_MS)
    assert (directory.offline, add(other)) == (False, 0)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EMFILE])
@pytest.mark.parametrize("operation", range(1, 6))
def test_a_folder_that_was_made_halfway_is_where_the_partition_lies(error: int, operation: int) -> None:
    """Made again in another directory it would have two folders, and the next start would take the empty one."""
    files = SimFiles()
    directory = open_directory(files)
    count = 0

    def refuse(_kind: str, _path: str) -> None:
        nonlocal count
        count += 1
        files.lack(error if count >= operation else None)

    files.on_operation = refuse
    try:
        directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    except KafkaStorageError:
        assert directory.contains(PARTITION) == files.is_folder("/data/t-0")
    files.on_operation = None
    files.lack(None)
    if directory.contains(PARTITION):
        log = directory.log(PARTITION, settings(), NOW_MS, TOPIC_ID)
    else:
        log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    assert add(log) == 0
    assert not directory.offline
    assert log.topic_id == TOPIC_ID


def unmounted(files: SimFiles) -> None:
    """The folder goes while it is in use, and its bare mount point stays."""
    files.rename("/data", "/elsewhere")
    files.make_folder("/data")


def test_a_new_partition_is_never_made_on_a_bare_mount_point() -> None:
    files = SimFiles()
    directory = open_directory(files)
    failures: list[OSError] = []
    directory.on_failure = lambda _, error: failures.append(error)
    unmounted(files)
    with pytest.raises(KafkaStorageError):
        directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    assert directory.offline
    assert [error.errno for error in failures] == [errno.ENODEV]
    assert files.list_folder("/data") == []


def test_a_folder_that_was_removed_is_not_made_again_with_a_partition() -> None:
    files = SimFiles()
    directory = open_directory(files)
    files.remove_folder("/data")
    with pytest.raises(KafkaStorageError):
        directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    assert directory.offline
    assert not files.exists("/data")


def test_a_checkpoint_finds_that_the_folder_is_not_there_any_more() -> None:
    files = SimFiles()
    directory = open_directory(files)
    directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    unmounted(files)
    with pytest.raises(KafkaStorageError):
        directory.checkpoint_high_watermarks({PARTITION: 0})
    assert directory.offline
    assert files.list_folder("/data") == []


def test_the_folder_of_another_directory_at_the_same_path_is_not_written_to() -> None:
    files = SimFiles()
    directory = open_directory(files)
    own = f"directory.id={uuid_text(directory.directory_id)}".encode()
    other = files.read("/data/meta.properties").replace(own, f"directory.id={uuid_text(bytes(16))}".encode())
    unmounted(files)
    write(files, "/data/meta.properties", other)
    with pytest.raises(KafkaStorageError):
        directory.checkpoint_high_watermarks({})
    assert directory.offline


def test_a_lost_meta_properties_alone_takes_nothing_offline() -> None:
    files = SimFiles()
    directory = open_directory(files)
    files.remove("/data/meta.properties")
    directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    directory.checkpoint_high_watermarks({PARTITION: 0})
    assert not directory.offline


def test_a_log_that_came_while_the_broker_ran_is_not_taken_for_a_new_partition() -> None:
    files = SimFiles()
    directory = open_directory(files)
    add(directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS))
    came = TopicPartition("came", 0)
    files.make_folder(f"/data/{came}")
    write(files, f"/data/{came}/00000000000000000000.log", files.read(f"/data/{PARTITION}/00000000000000000000.log"))
    with pytest.raises(KafkaStorageError, match="came here after the start and holds a log; move it away"):
        directory.create(came, TOPIC_ID, settings(), NOW_MS)
    write(files, f"/data/{came}/partition.metadata", partition_metadata(TOPIC_ID))
    with pytest.raises(KafkaStorageError, match="a log of this topic; once it is complete, start the broker again"):
        directory.create(came, TOPIC_ID, settings(), NOW_MS)
    with pytest.raises(KafkaStorageError, match="holds a log; move it away"):
        directory.create(came, bytes(16), settings(), NOW_MS)
    assert not directory.offline
    assert not directory.contains(came)
    files.remove_folder(f"/data/{came}")
    assert directory.create(came, TOPIC_ID, settings(), NOW_MS).log_end_offset == 0


@pytest.mark.parametrize(
    ("path", "offline"),
    [
        ("/data/t-0", False),
        ("/data/t-0/00000000000000000000.log", False),
        (f"/data/t-0.{'0' * 32}-future", False),
        ("/data/replication-offset-checkpoint.tmp", True),
    ],
)
def test_a_name_that_went_while_a_thread_was_at_work_fails_no_directory(path: str, offline: bool) -> None:
    """A topic is deleted while retention syncs its folder: with its only directory the broker would end."""
    files = SimFiles()
    directory = open_directory(files)
    told: list[str | None] = []
    directory.on_trouble = lambda _, trouble: told.append(trouble.partition)
    directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    directory.delete(PARTITION, NOW_MS)
    directory.refused(FileNotFoundError(errno.ENOENT, "No such file or directory", path))
    assert (directory.offline, told) == (offline, [])


def test_a_partition_that_is_made_while_a_thread_writes_a_checkpoint_takes_no_file_of_it() -> None:
    files = SimFiles()
    directory = open_directory(files)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log)
    log.flush()
    directory.checkpoint()
    write = directory.to_checkpoint()

    def meanwhile(kind: str, _path: str) -> None:
        if kind == "rename":  # the thread has written its file, and is about to give it its name
            files.on_operation = None
            directory.delete(PARTITION, NOW_MS)
            directory.create(TopicPartition("u", 0), TOPIC_ID, settings(), NOW_MS)

    files.on_operation = meanwhile
    write.run()
    directory.checkpointed(write)
    assert directory.is_stale, "what the thread wrote still speaks of the partition that went"
    directory.checkpoint()
    assert files.read("/data/recovery-point-offset-checkpoint") == offsets_text({TopicPartition("u", 0): 0})


def test_a_sync_that_a_deletion_overtakes_tells_nobody_of_a_file_that_is_wrong() -> None:
    files = SimFiles()
    directory = open_directory(files)
    told: list[object] = []
    directory.on_repair = lambda _partition, repair: told.append(repair)
    log = directory.create(PARTITION, TOPIC_ID, settings(), NOW_MS)
    add(log, epoch=1)
    sync = log.to_sync()
    assert sync is not None
    directory.delete(PARTITION, NOW_MS)
    with pytest.raises(FileNotFoundError) as failure:
        sync.run()
    log.sync_failed(sync, failure.value)
    assert told == []
    assert not directory.offline
