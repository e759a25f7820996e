"""A log on a simulated disk, for the tests beside."""

from __future__ import annotations

from ottla.common.names import TopicPartition
from ottla.records.record import BatchBuilder
from ottla.storage.directory import LogDirectory
from ottla.storage.log import PartitionLog, open_log
from ottla.storage.open_files import OpenFiles
from ottla.storage.settings import TopicSettings
from ottla.testing.clock import SimRandom
from ottla.testing.files import SimFiles

NOW_MS = 1_700_000_000_000
FOLDER = "/data/t-0"
PARTITION = TopicPartition("t", 0)
TOPIC_ID = b"0123456789abcdef"


def settings(**values: object) -> TopicSettings:
    result = TopicSettings()
    for name, value in values.items():
        assert hasattr(result, name)
        setattr(result, name, value)
    return result


def new_log(files: SimFiles | None = None, **values: object) -> PartitionLog:
    files = files if files is not None else SimFiles()
    files.make_folder(FOLDER)
    for folder in ("/", "/data"):
        files.fsync_folder(folder)
    return open_log(files, FOLDER, settings(**values), now_ms=NOW_MS, clean=True)


def reopen(files: SimFiles, *, clean: bool, recovery_point: int = 0, start: int = 0, **values: object) -> PartitionLog:
    return open_log(
        files,
        FOLDER,
        settings(**values),
        now_ms=NOW_MS,
        clean=clean,
        recovery_point=recovery_point,
        log_start_offset=start,
        open_files=OpenFiles(4),
    )


def batch(count: int = 1, *, size: int = 10, timestamp: int = NOW_MS, **fields: int) -> bytes:
    builder = BatchBuilder(**fields)  # type: ignore[arg-type]
    for index in range(count):
        builder.append(timestamp, b"k%d" % index, bytes(size))
    return builder.build()


def add(log: PartitionLog, data: bytes | None = None, *, epoch: int = 0, now_ms: int = NOW_MS) -> int:
    """The base offset."""
    return log.append(data if data is not None else batch(), leader_epoch=epoch, now_ms=now_ms).base_offset


def open_directory(files: SimFiles, *, cluster_id: str | None = "cluster", node_id: int = 1) -> LogDirectory:
    return LogDirectory.open(files, "/data", cluster_id=cluster_id, node_id=node_id, random=SimRandom(1), now_ms=NOW_MS)
