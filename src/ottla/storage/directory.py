"""`LogDirectory`: one folder of log.dirs with the folders of its partitions, its checkpoints and its identity."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from ottla.common.clock import Random, random_uuid
from ottla.common.errors import CorruptMessage, KafkaStorageError
from ottla.common.names import METADATA_TOPIC, TopicPartition, uuid_text
from ottla.records.batch import crc32c
from ottla.storage.checkpoints import (
    CLEANER_OFFSETS,
    HIGH_WATERMARKS,
    LOG_STARTS,
    RECOVERY_POINTS,
    CorruptCheckpoint,
    offsets_text,
    parse_partition_metadata,
    partition_metadata,
    read_offsets,
    write_offsets,
)
from ottla.storage.dormant import is_due
from ottla.storage.failures import Failure, failure_of
from ottla.storage.files import Files, Lock
from ottla.storage.futures import FutureLogs
from ottla.storage.identity import (
    CLEAN_SHUTDOWN,
    LOCK,
    META_PROPERTIES,
    DirectoryUnusable,
    Identity,
    clean_shutdown_marker,
    parse_clean_shutdown,
    parse_identity,
)
from ottla.storage.log import PartitionLog, open_log
from ottla.storage.log_base import LogBase
from ottla.storage.open_files import OpenFiles
from ottla.storage.paths import (
    LOG,
    PARTITION_METADATA,
    TEMPORARY,
    doomed_folder_name,
    is_ours,
    parse_doomed_folder,
    parse_future_folder,
    parse_offset_name,
    parse_partition_folder,
    parse_stray_folder,
)
from ottla.storage.presence import Presence
from ottla.storage.producer_tally import ProducerTally
from ottla.storage.repairs import Repair, is_gap
from ottla.storage.settings import TopicSettings
from ottla.storage.strays import Strays

__all__ = ("DirectoryUnusable", "LogDirectory")


class Trouble(NamedTuple):
    """An error of the operating system in a log directory, for whoever tells people about it."""

    error: OSError
    partition: str | None
    """Its folder's name, where the error concerns one partition."""


class CheckpointWrite(NamedTuple):
    """Files of offsets with the values of one moment. `run` is for a thread; two of one directory must not run at the
    same time."""

    presence: Presence
    contents: list[tuple[str, Mapping[TopicPartition, int]]]
    """(path, offsets)."""
    recovery_points: dict[PartitionLog, int]
    """What is on disk for these logs once it has run."""

    def run(self) -> None:
        """Raises OSError."""
        self.presence.check()
        for path, offsets in self.contents:
            write_offsets(self.presence.files, path, offsets)


class LogDirectory:
    """Opened once per process and held by a lock file.

    Partition logs are opened at first use: a clean start of 10,000 partitions reads three checkpoint files and one
    listing.
    """

    def __init__(self, files: Files, path: str, lock: Lock, identity: Identity, random: Random, max_open: int) -> None:
        self._files = files
        self.path = path
        self._lock = lock
        self.cluster_id = identity.cluster_id
        self.node_id = identity.node_id
        self.directory_id = identity.directory_id
        self._presence = Presence(files, path, identity.directory_id)
        self._random = random
        self.offline = False
        self.clean = True
        """The last stop was clean: no log needs recovery."""
        self.broker_epoch = -1
        """The broker epoch in the clean shutdown marker, or -1."""
        self.on_failure: Callable[[LogDirectory, OSError], None] | None = None
        """Called once, when the disk fails."""
        self.on_repair: Callable[[TopicPartition, Repair], None] | None = None
        """Told what had to be mended in a log that was opened."""
        self.on_trouble: Callable[[LogDirectory, Trouble], None] | None = None
        """Called for every error that leaves the directory in use: of one partition, or one that may pass."""
        self.validate_records = False
        """Logs opened from now on look into every record, as Kafka does."""
        self.producer_tally: ProducerTally | None = None
        """Counts the producers of logs opened from now on."""
        self.open_files = OpenFiles(max_open)
        self._folders: dict[TopicPartition, None] = {}
        self._logs: dict[TopicPartition, PartitionLog] = {}
        self._recovery_points: dict[TopicPartition, int] = {}
        self._log_starts: dict[TopicPartition, int] = {}
        self._high_watermarks: dict[TopicPartition, int] = {}
        self._cleaned: dict[TopicPartition, int] = {}
        self._doomed: list[tuple[int, str]] = []
        self.distrusted: list[str] = []
        """Sentences about checkpoints that the start found damaged and did not believe."""
        self._stale: dict[TopicPartition, None] = {}
        """Partitions that went; the checkpoint files still speak of them."""
        self.futures = FutureLogs(self, random)
        self.strays = Strays(files, self.path, random)

    def __repr__(self) -> str:
        return f"<LogDirectory {self.path} {len(self._folders)} partitions>"

    @classmethod
    def open(
        cls,
        files: Files,
        path: str,
        *,
        cluster_id: str | None,
        node_id: int,
        random: Random,
        now_ms: int,
        max_open_files: int = 4096,
        directory_id: bytes | None = None,
    ) -> LogDirectory:
        """Takes the folder, creating it if needed (`cluster_id` None accepts what is there, or draws a new one).

        `directory_id` is that of a folder whose `meta.properties` was lost. Raises DirectoryUnusable; OSError where the
        operating system refuses.
        """
        path = path.rstrip("/") or "/"
        _make_durable_folder(files, path)
        try:
            lock = files.lock(f"{path}/{LOCK}")
        except BlockingIOError:
            raise DirectoryUnusable(f"{path} is in use by another process; stop it, or use another folder") from None
        try:
            identity = _identify(files, path, cluster_id, node_id, random, now_ms, directory_id)
            directory = cls(files, path, lock, identity, random, max_open_files)
            directory._load(now_ms)
        except BaseException:
            lock.release()
            raise
        return directory

    def _load(self, now_ms: int) -> None:
        files = self._files
        for name in files.list_folder(self.path):
            partition = parse_partition_folder(name)
            if partition is not None and partition.topic != METADATA_TOPIC:
                if files.is_folder(f"{self.path}/{name}"):
                    self._folders[partition] = None
            elif (future := parse_future_folder(name)) is not None:
                self.futures.found(future, name)
            elif parse_doomed_folder(name) is not None:
                self._doomed.append((now_ms, f"{self.path}/{name}"))
            elif parse_stray_folder(name) is not None:
                self.strays.found(name)
        self._recovery_points = self._believed(RECOVERY_POINTS)
        self._log_starts = self._believed(LOG_STARTS)
        self._high_watermarks = self._believed(HIGH_WATERMARKS)
        self._cleaned = self._believed(CLEANER_OFFSETS)
        marker = f"{self.path}/{CLEAN_SHUTDOWN}"
        self.clean = files.exists(marker) or not (self._folders or self.futures.partitions())
        if files.exists(marker):
            self.broker_epoch = parse_clean_shutdown(files.read(marker))
            files.remove(marker)
            files.fsync_folder(self.path)  # or it would vouch for what is written from now on

    def _believed(self, name: str) -> dict[TopicPartition, int]:
        """A checkpoint, or nothing if it is damaged: then logs are scanned from their beginning, begin where their
        files begin, and are cleaned again."""
        try:
            return read_offsets(self._files, f"{self.path}/{name}")
        except CorruptCheckpoint as error:
            self.distrusted.append(str(error))
            return {}

    # -- partitions

    @property
    def partition_count(self) -> int:
        return len(self._folders)

    def partitions(self) -> Iterator[tuple[TopicPartition, bytes | None]]:
        """Every partition that has a folder here, sorted; with its topic id if its log is open (else None: reading
        10,000 small files is what a quick start avoids)."""
        for partition in sorted(self._folders):
            log = self._logs.get(partition)
            yield partition, None if log is None else log.topic_id

    def contains(self, partition: TopicPartition) -> bool:
        return partition in self._folders

    def vanished(self) -> Iterator[tuple[TopicPartition, int]]:
        """Partitions without a folder here whose log once was durable up to an offset, as the checkpoint says."""
        for partition, offset in self._recovery_points.items():
            if offset > 0 and partition not in self._folders:
                yield partition, offset

    def open_logs(self) -> Iterator[tuple[TopicPartition, PartitionLog]]:
        return iter(tuple(self._logs.items()))

    def log(
        self, partition: TopicPartition, settings: TopicSettings, now_ms: int, topic_id: bytes | None = None
    ) -> PartitionLog:
        """The log of a partition that is here, opened (and recovered) at the first call.

        A `topic_id` is noted where a crash has left none. Raises KeyError for one that is not here, KafkaStorageError.
        """
        log = self._logs.get(partition)
        if log is None:
            if partition not in self._folders:
                raise KeyError(partition)
            self._check_is_ours(partition)
            log = self._open(partition, settings, now_ms, self.clean)
            if log.topic_id is None and topic_id is not None:
                log.topic_id = topic_id
                try:
                    self._note_topic_id(log.folder, topic_id)
                    log.names_changed()
                except OSError as error:
                    raise self._failed(error, f"{partition}") from error
        return log

    def needs_opening(self, partition: TopicPartition, settings: TopicSettings, now_ms: int) -> bool:
        """Whether a log that nobody has used since the start may have something to delete or to compact. By names,
        sizes and times of its files, so it costs little where the answer is no. Raises KafkaStorageError."""
        if partition in self._logs or partition not in self._folders or self.offline:
            return False
        try:
            return is_due(self._files, f"{self.path}/{partition}", settings, now_ms)
        except OSError as error:
            if failure_of(error) is Failure.LOCAL:
                return True  # opening it says what is wrong with this partition
            raise self._failed(error, f"{partition}") from error

    def create(self, partition: TopicPartition, topic_id: bytes, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """A new, empty partition folder. Its names become durable with the first sync of the log.

        Raises KafkaStorageError.
        """
        assert partition not in self._folders, f"{partition} is here already"
        self._check_online()
        self._check_is_ours(partition)
        self.check_none_came(partition, topic_id)
        self.forget(partition)
        self._write_stale()
        try:
            self.make_folder(f"{partition}", topic_id)
        finally:
            # Even if the disk refused the rest: a folder that is there is where the partition lies. Made again in
            # another directory it would have two, and the next start would take the empty one.
            if self._files.is_folder(f"{self.path}/{partition}"):
                self._folders[partition] = None
        return self._open(partition, settings, now_ms, clean=True)

    def _check_is_ours(self, partition: TopicPartition) -> None:
        """What lies under the partition's name and is not ours must neither be written to nor deleted with it."""
        if not self._is_ours(partition):
            raise KafkaStorageError(f"{self.path}/{partition} is there, but is no folder of a partition; move it away")

    def check_none_came(self, partition: TopicPartition, topic_id: bytes) -> None:
        """A log that came while the broker ran is no new partition's: somebody named a stray back, say.

        Nor is it used before the next start where it is the partition's own: it may be a copy that is still being made,
        and its writer and this broker would write into the same files. Raises KafkaStorageError.
        """
        path = f"{self.path}/{partition}"
        try:
            names = self._files.list_folder(path) if self._files.is_folder(path) else []
        except OSError as error:
            raise self._failed(error, f"{partition}") from error
        if any(parse_offset_name(name, LOG) is not None for name in names):
            own = self.topic_id_of(partition) == topic_id
            do = "once it is complete, start the broker again, which takes it" if own else "move it away"
            raise KafkaStorageError(f"{path} came here after the start and holds a log{' of this topic' * own}; {do}")

    def _is_ours(self, partition: TopicPartition) -> bool:
        """The folder holds a file of a partition's log, or nothing, or is not there. Raises KafkaStorageError."""
        path = f"{self.path}/{partition}"
        try:
            names = self._files.list_folder(path) if self._files.is_folder(path) else None
            return not self._files.exists(path) if names is None else not names or any(map(is_ours, names))
        except OSError as error:
            raise self._failed(error, f"{partition}") from error

    def make_folder(self, name: str, topic_id: bytes) -> None:
        """A partition's folder with its topic's id and nothing else. Raises KafkaStorageError."""
        folder = f"{self.path}/{name}"
        try:
            self._presence.check()  # or the parent would be made anew with it
            self._files.make_folder(folder)
            self._note_topic_id(folder, topic_id)
        except OSError as error:
            raise self._failed(error, name) from error

    def _note_topic_id(self, folder: str, topic_id: bytes) -> None:
        """Becomes durable with the first sync of the log. Raises OSError."""
        file = self._files.open(f"{folder}/{PARTITION_METADATA}", create=True)
        try:
            file.truncate(0)
            file.append(partition_metadata(topic_id))
        finally:
            file.close()

    def _open(self, partition: TopicPartition, settings: TopicSettings, now_ms: int, clean: bool) -> PartitionLog:
        log = self.open_folder(f"{partition}", partition, settings, now_ms, clean=clean)
        self._logs[partition] = log
        return log

    def open_folder(
        self, name: str, partition: TopicPartition, settings: TopicSettings, now_ms: int, *, clean: bool
    ) -> PartitionLog:
        """The log of a partition in the folder `name`. Raises KafkaStorageError."""
        self._check_online()
        try:
            return open_log(
                self._files,
                f"{self.path}/{name}",
                settings,
                now_ms=now_ms,
                clean=clean,
                recovery_point=self._recovery_points.get(partition, 0),
                log_start_offset=self._log_starts.get(partition, 0),
                jitter=crc32c(f"{self.directory_id.hex()}/{partition}".encode()),
                open_files=self.open_files,
                on_failure=self._log_failed,
                on_truncated=lambda end: self._truncated(partition, end),
                validate_records=self.validate_records,
                tally=self.producer_tally,
                on_repair=lambda repair: self._repaired(partition, repair),
            )
        except OSError as error:
            raise self._failed(error, name) from error
        except (CorruptMessage, ValueError, IndexError, struct.error) as error:
            # Bytes that are not what they should be: of this partition's files, so of no other.
            raise KafkaStorageError(f"{self.path}/{name}: {error}; the log cannot be opened") from error

    def _repaired(self, partition: TopicPartition, repair: Repair) -> None:
        if is_gap(repair) and partition in self._cleaned:
            return  # its topic was compacted once, which leaves gaps
        if self.on_repair is not None:
            self.on_repair(partition, repair)

    def adopt(self, partition: TopicPartition, name: str) -> None:
        """At a start: the folder `name` becomes the partition's own, durably. Raises KafkaStorageError."""
        assert partition not in self._folders, f"{partition} is here already"
        try:
            self._files.rename(f"{self.path}/{name}", f"{self.path}/{partition}")
        except OSError as error:
            raise self._failed(error, f"{partition}") from error
        self.sync_names()
        self._folders[partition] = None

    def take_in(self, partition: TopicPartition, log: PartitionLog) -> None:
        """This log, whose folder has another name yet, is that of the partition from now on."""
        assert partition not in self._folders, f"{partition} is here already"
        self._folders[partition] = None
        self._logs[partition] = log

    def give_name(self, partition: TopicPartition, log: PartitionLog) -> None:
        """Its folder gets the partition's name, unless it was deleted meanwhile. Raises KafkaStorageError."""
        self._check_online()
        folder = f"{self.path}/{partition}"
        if self._logs.get(partition) is not log or log.folder == folder:
            return
        try:
            self._files.rename(log.folder, folder)
        except OSError as error:
            raise self._failed(error, f"{partition}") from error
        log.moved_to(folder)

    def delete(self, partition: TopicPartition, now_ms: int) -> None:
        """Renames the folder to `-delete`; its content goes at a later `remove_due`. Raises KafkaStorageError."""
        self._check_online()
        log = self._logs.get(partition)
        delay_ms = 0 if log is None else log.settings.file_delete_delay_ms
        name = f"{partition}" if log is None else log.folder.rpartition("/")[2]
        self.doom(name, partition, now_ms + delay_ms)  # first: if that is refused, the log is still in use
        if log is not None:
            log.discard()
            del self._logs[partition]
        del self._folders[partition]
        self.forget(partition)

    def doom(self, name: str, partition: TopicPartition, due_ms: int) -> None:
        """The folder `name` is named as one that goes at `due_ms`. Raises KafkaStorageError."""
        doomed = doomed_folder_name(partition, self._random.bytes(16))
        try:
            self._files.rename(f"{self.path}/{name}", f"{self.path}/{doomed}")
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed(error, name) from error
        self._doomed.append((due_ms, f"{self.path}/{doomed}"))

    def sync_names(self) -> None:
        """Names of partitions' folders that changed are durable. Raises KafkaStorageError."""
        try:
            self._files.fsync_folder(self.path)
        except OSError as error:
            raise self._failed(error) from error

    @property
    def is_stale(self) -> bool:
        """The checkpoint files speak of partitions that went."""
        return bool(self._stale)

    def _write_stale(self) -> None:
        """What is known of a topic of the same name that was deleted goes from the files before its successor is made:
        after a crash its log start would hide records of the new one, and its recovery point would take a torn write
        for damage. Not synced here, on the loop; the next checkpoint is. Raises KafkaStorageError."""
        if not self._stale:
            return
        try:
            for name, offsets in ((RECOVERY_POINTS, self._recovery_points), (LOG_STARTS, self._log_starts)):
                self._replace(f"{self.path}/{name}", offsets_text(offsets))
        except OSError as error:
            raise self._failed(error) from error

    def _replace(self, path: str, content: bytes) -> None:
        """By a temporary name of its own: a thread may be writing a checkpoint of this path, and would find its file
        taken. What that thread names last is older; the partitions that went are stale until the next checkpoint."""
        temporary = f"{path}.now{TEMPORARY}"
        file = self._files.open(temporary, create=True)
        try:
            file.truncate(0)
            file.append(content)
        finally:
            file.close()
        self._files.rename(temporary, path)

    def check_free(self, partition: TopicPartition) -> None:
        """Nothing lies under the partition's name, so that a copy may take it. Raises KafkaStorageError."""
        path = f"{self.path}/{partition}"
        try:
            taken = partition in self._folders or self._files.exists(path)
        except OSError as error:
            raise self._failed(error, f"{partition}") from error
        if taken:
            raise KafkaStorageError(f"{path} is there already; move it away before {partition} can come here")

    def forget(self, partition: TopicPartition) -> None:
        """What the checkpoints say of a log that lay here says nothing of one that will."""
        if partition in self._recovery_points or partition in self._log_starts:
            self._stale[partition] = None
        for checkpoint in (self._recovery_points, self._log_starts, self._high_watermarks, self._cleaned):
            checkpoint.pop(partition, None)

    def due(self, now_ms: int) -> Iterator[Callable[[], None]]:
        """A call for a thread for all that was deleted long enough ago: folders of partitions, files of segments.

        One that the disk refuses ends the iteration and is offered again by the next.
        """
        if self.offline:
            return
        for log in tuple(self._logs.values()):
            if log.has_doomed:
                yield from log.due(now_ms)
        for entry in tuple(self._doomed):
            due_ms, folder = entry
            if due_ms <= now_ms:
                yield partial(self._files.remove_folder, folder)
                self._doomed.remove(entry)

    def delete_topic(self, partition: TopicPartition, topic_id: bytes, now_ms: int) -> None:
        """`delete`, if the folder is still that topic's: its id is read from the folder. Raises KafkaStorageError."""
        if partition not in self._folders:
            return
        known = self.topic_id_of(partition)
        if known == topic_id or (known is None and self._is_ours(partition)):  # None: nobody else has put its id there
            self.delete(partition, now_ms)

    def remove_due(self, now_ms: int) -> None:
        """All that `due` offers, at once. Raises KafkaStorageError."""
        try:
            for call in self.due(now_ms):
                call()
        except OSError as error:
            raise self.refused(error) from error

    def topic_id_of(self, partition: TopicPartition) -> bytes | None:
        """What `partition.metadata` says; None where it is missing or torn. Raises KafkaStorageError."""
        log = self._logs.get(partition)
        if log is not None:
            return log.topic_id
        path = f"{self.path}/{partition}/{PARTITION_METADATA}"
        try:
            return parse_partition_metadata(self._files.read(path)) if self._files.exists(path) else None
        except OSError as error:
            raise self._failed(error, f"{partition}") from error

    def set_aside(self, partition: TopicPartition, in_place_of: bytes | None = None) -> str | None:
        """The partition's folder becomes a stray, whose path is returned; or None: it holds nothing of ours, has a
        partition's name by chance, and stays as it is. See `Strays.set_aside`. Raises KafkaStorageError."""
        self._check_online()
        log = self._logs.pop(partition, None)
        if log is not None:
            log.discard()
        try:
            path = self.strays.set_aside(partition, in_place_of)
        except OSError as error:
            raise self._failed(error) from error
        del self._folders[partition]
        self.forget(partition)
        return path

    # -- checkpoints

    def to_checkpoint(self) -> CheckpointWrite:
        """Recovery points and log start offsets as they are now, of copies as well. Raises KafkaStorageError.

        Once it has run, hand it to `checkpointed`.
        """
        self._check_online()
        points: dict[PartitionLog, int] = {}
        for partition, log in (*self._logs.items(), *self.futures.logs()):
            points[log] = self._recovery_points[partition] = log.recovery_point
            log.on_checkpoint(log.recovery_point)
            if log.start_needs_checkpoint:
                self._log_starts[partition] = log.log_start_offset
            else:
                self._log_starts.pop(partition, None)
        contents = [self._content(RECOVERY_POINTS, self._recovery_points), self._content(LOG_STARTS, self._log_starts)]
        self._stale.clear()
        return CheckpointWrite(self._presence, contents, points)

    def checkpointed(self, write: CheckpointWrite) -> None:
        """It has run."""
        for log, point in write.recovery_points.items():
            log.on_checkpointed(point)

    def checkpoint(self) -> None:
        """Both steps at once. Raises KafkaStorageError."""
        write = self.to_checkpoint()
        self._run(write)
        self.checkpointed(write)

    def to_checkpoint_high_watermarks(self, high_watermarks: Mapping[TopicPartition, int]) -> CheckpointWrite:
        """Raises KafkaStorageError."""
        self._check_online()
        self._high_watermarks = dict(high_watermarks)
        return CheckpointWrite(self._presence, [self._content(HIGH_WATERMARKS, self._high_watermarks)], {})

    def checkpoint_high_watermarks(self, high_watermarks: Mapping[TopicPartition, int]) -> None:
        """Raises KafkaStorageError."""
        self._run(self.to_checkpoint_high_watermarks(high_watermarks))

    def high_watermark(self, partition: TopicPartition) -> int:
        """As of the last checkpoint, 0 if unknown; the caller clips it to the log."""
        return self._high_watermarks.get(partition, 0)

    def cleaned_to(self, partition: TopicPartition) -> int | None:
        """Up to where compaction has come; None if it never did."""
        return self._cleaned.get(partition)

    def to_checkpoint_cleaned(self, partition: TopicPartition, offset: int) -> CheckpointWrite:
        """Compaction has come up to `offset`, and the clean segments are in place. Raises KafkaStorageError."""
        self._check_online()
        self._cleaned[partition] = offset
        return CheckpointWrite(self._presence, [self._content(CLEANER_OFFSETS, self._cleaned)], {})

    def checkpoint_cleaned(self, partition: TopicPartition, offset: int) -> None:
        """The same at once. Raises KafkaStorageError."""
        self._run(self.to_checkpoint_cleaned(partition, offset))

    def _truncated(self, partition: TopicPartition, end: int) -> None:
        """What will be written from `end` on was never cleaned, whatever was known of those offsets."""
        if self._cleaned.get(partition, 0) > end:
            self.checkpoint_cleaned(partition, end)

    def to_note_log_start(self, partition: TopicPartition, offset: int) -> CheckpointWrite:
        """Where a partition's log begins, without waiting for a checkpoint."""
        self._log_starts[partition] = offset
        return CheckpointWrite(self._presence, [self._content(LOG_STARTS, self._log_starts)], {})

    def _content(self, name: str, offsets: Mapping[TopicPartition, int]) -> tuple[str, Mapping[TopicPartition, int]]:
        return f"{self.path}/{name}", dict(offsets)

    def _run(self, write: CheckpointWrite) -> None:
        try:
            write.run()
        except OSError as error:
            raise self.refused(error) from error

    # -- the disk

    def fail(self, error: OSError) -> None:
        """The disk failed: every log here goes offline."""
        if self.offline:
            return
        self.offline = True
        for log in (*self._logs.values(), *(copy for _, copy in self.futures.logs())):
            log.offline = True
        if self.on_failure is not None:
            self.on_failure(self, error)

    def refused(self, error: OSError, partition: str | None = None) -> KafkaStorageError:
        """Judges an error that came up in a thread or a worker: of a file of the directory's own, or of a partition.

        A topic may have been deleted, or a partition moved, while the call was on its way: that names are missing in a
        partition's folder says nothing about the directory.
        """
        return self._failed(error, partition or self._folder_of(error))

    def _folder_of(self, error: OSError) -> str | None:
        """The partition's folder that an error names, or a file in it."""
        inside = str(error.filename).removeprefix(f"{self.path}/")
        name, slash, _ = inside.partition("/")
        if inside == error.filename or not (slash or parse_partition_folder(name.partition(".")[0])):
            return None
        return name

    def _failed(self, error: OSError, partition: str | None = None) -> KafkaStorageError:
        """How far the error reaches decides `storage.failures`. `partition`: the folder whose names it may be about."""
        failure = failure_of(error)
        if failure is Failure.PASSING:
            self._tell(error, partition)
        elif failure is Failure.LOCAL and partition is not None:
            return self._unusable(partition, error)
        else:
            self.fail(error)
        return KafkaStorageError(f"{self.path}: {error.strerror or error}")

    def _unusable(self, partition: str, error: OSError) -> KafkaStorageError:
        if parse_partition_folder(partition) in self._folders:  # else it went meanwhile, which is no trouble
            self._tell(error, partition)
        return KafkaStorageError(f"{self.path}/{partition}: {error.strerror or error}")

    def _log_failed(self, log: LogBase, error: OSError) -> None:
        self._failed(error, log.folder.rpartition("/")[2])

    def _tell(self, error: OSError, partition: str | None) -> None:
        if self.on_trouble is not None and not self.offline:
            self.on_trouble(self, Trouble(error, partition))

    def _check_online(self) -> None:
        if self.offline:
            raise KafkaStorageError(f"the log directory {self.path} is offline")

    def usage(self) -> tuple[int, int]:
        """(total, usable) bytes of its volume. Raises KafkaStorageError."""
        try:
            return self._files.usage(self.path)
        except OSError as error:
            raise self._failed(error) from error

    # -- the end

    def close(self, broker_epoch: int = -1, on_log: Callable[[TopicPartition], None] | None = None) -> None:
        """Closes every log, writes checkpoints and last the clean shutdown marker, and releases the lock.

        Without the marker, the next start recovers: after a failure of the disk, or when the last stop was unclean and
        not every log was opened since. Raises KafkaStorageError, the first of them.
        """
        errors: list[KafkaStorageError] = []
        for partition, log in tuple(self._logs.items()):
            try:
                log.close()
            except KafkaStorageError as error:  # the others are to be closed all the same
                errors.append(error)
            if on_log is not None:
                on_log(partition)
        try:
            if not self.offline:
                self.checkpoint()
                if not errors and self.may_be_clean:
                    self._files.write_atomically(*self.clean_marker(broker_epoch))
        except OSError as error:
            raise self.refused(error) from error
        finally:
            self.release()
        if errors:
            raise errors[0]

    @property
    def may_be_clean(self) -> bool:
        """Nothing here would need recovery once every open log is closed."""
        recovered = self.clean or len(self._logs) == len(self._folders)
        return recovered and not self.offline and not any(log.offline for log in self._logs.values())

    def clean_marker(self, broker_epoch: int) -> tuple[str, bytes]:
        """Path and content of the file that says so to the next start."""
        return f"{self.path}/{CLEAN_SHUTDOWN}", clean_shutdown_marker(broker_epoch)

    @classmethod
    def unusable(
        cls, files: Files, path: str, cluster_id: str, node_id: int, random: Random, directory_id: bytes = bytes(16)
    ) -> LogDirectory:
        """Stands for a folder that the operating system refuses: offline from the start, and nothing is known of it."""
        identity = Identity(cluster_id, node_id, directory_id)
        directory = cls(files, path.rstrip("/") or "/", _NoLock(), identity, random, 64)
        directory.offline = True
        return directory

    def release(self) -> None:
        """Gives the lock back and nothing else: what a start that failed does."""
        for _, copy in self.futures.logs():
            copy.discard()
        self._lock.release()


class _NoLock:
    def release(self) -> None:
        """Nothing was taken."""


def _make_durable_folder(files: Files, path: str) -> None:
    """With its parents, and their names on disk."""
    missing = []
    while path and not files.is_folder(path):
        missing.append(path)
        path = path.rpartition("/")[0]
    for folder in reversed(missing):
        files.make_folder(folder)
        files.fsync_folder(folder.rpartition("/")[0] or ("/" if folder.startswith("/") else "."))


def _identify(
    files: Files,
    path: str,
    cluster_id: str | None,
    node_id: int,
    random: Random,
    now_ms: int,
    directory_id: bytes | None,
) -> Identity:
    file = f"{path}/{META_PROPERTIES}"
    if files.exists(file):
        known = parse_identity(files.read(file), path, random_uuid(random))
        if cluster_id is not None and known.cluster_id != cluster_id:
            raise DirectoryUnusable(f"{path} belongs to the cluster {known.cluster_id}, not to {cluster_id}")
        if known.node_id != node_id:
            raise DirectoryUnusable(f"{path} belongs to the broker {known.node_id}, not to {node_id}")
        return known
    identity = Identity(cluster_id or uuid_text(random_uuid(random)), node_id, directory_id or random_uuid(random))
    files.write_atomically(file, identity.encode(now_ms))
    return identity
