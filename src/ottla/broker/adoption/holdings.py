"""What the folders hold: partitions with their topic ids, sizes and newest epochs, and the producer ids in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ottla.common.names import METADATA_TOPIC, TRANSACTION_STATE, TopicPartition
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.framing import decode_value
from ottla.protocol.logs.transaction_state import TransactionLogValue
from ottla.records.batch import BatchHeader
from ottla.records.record import read_records
from ottla.storage.checkpoints import CLEANER_OFFSETS, CorruptCheckpoint, parse_partition_metadata, read_offsets
from ottla.storage.files import Files
from ottla.storage.identity import CLEAN_SHUTDOWN, META_PROPERTIES, DirectoryUnusable, Identity, parse_identity
from ottla.storage.paths import (
    LOG,
    PARTITION_METADATA,
    parse_future_folder,
    parse_offset_name,
    parse_partition_folder,
    parse_stray_folder,
)
from ottla.storage.scan import scan_batches
from ottla.storage.survey import check_ids_differ, holds_a_log


class Holding(NamedTuple):
    """One partition's folder. `topic_id` None: the file that says it is missing or damaged."""

    folder: str
    topic_id: bytes | None
    size_bytes: int
    newest_epoch: int
    compacted: bool


class Holdings(NamedTuple):
    """All folders together. `next_producer_id` is above every producer id in their logs."""

    identities: Mapping[str, Identity]
    partitions: Mapping[TopicPartition, Holding]
    strays: tuple[str, ...]
    clean: bool
    next_producer_id: int


def look(files: Files, paths: list[str], *, producers: bool) -> Holdings:
    """Looks and changes nothing. `producers`: read all logs for the producer ids in them; else `next_producer_id` is 0.

    Raises OSError, DirectoryUnusable for a folder without a readable `meta.properties`, or a partition that is in two.
    """
    identities: dict[str, Identity] = {}
    partitions: dict[TopicPartition, Holding] = {}
    strays: list[str] = []
    next_producer_id = 0
    for path in paths:
        identities[path] = _identity(files, path)
        compacted = _compacted(files, path)
        for name in files.list_folder(path):
            if parse_stray_folder(name) is not None:
                strays.append(f"{path}/{name}")
            partition = parse_partition_folder(name) if parse_future_folder(name) is None else None
            if partition is None or partition.topic == METADATA_TOPIC or not holds_a_log(files, f"{path}/{name}"):
                continue
            if partition in partitions:
                raise DirectoryUnusable(
                    f"{partition} is in {partitions[partition].folder} and in {path}/{name}; move the one that you do "
                    f"not want out of its log directory"
                )
            partitions[partition], highest = _partition(files, path, partition, compacted, producers)
            next_producer_id = max(next_producer_id, highest + 1)
    check_ids_differ(identities)
    clean = all(files.exists(f"{path}/{CLEAN_SHUTDOWN}") for path in paths)
    return Holdings(identities, partitions, tuple(strays), clean, next_producer_id)


def _identity(files: Files, path: str) -> Identity:
    file = f"{path}/{META_PROPERTIES}"
    if not files.exists(path):
        raise DirectoryUnusable(f"there is no folder {path}")
    if not files.exists(file):
        raise DirectoryUnusable(f"{path} is no data folder of a broker: it has no {META_PROPERTIES}")
    return parse_identity(files.read(file), path, bytes(16))


def _compacted(files: Files, path: str) -> frozenset[TopicPartition]:
    """Partitions that compaction has been through: without metadata, the only sign that a topic is compacted."""
    try:
        return frozenset(read_offsets(files, f"{path}/{CLEANER_OFFSETS}"))
    except CorruptCheckpoint:
        return frozenset()


def _partition(
    files: Files, path: str, partition: TopicPartition, compacted: frozenset[TopicPartition], producers: bool
) -> tuple[Holding, int]:
    """The holding, and the highest producer id in its log (-1)."""
    folder = f"{path}/{partition}"
    names = files.list_folder(folder)
    metadata = files.read(f"{folder}/{PARTITION_METADATA}") if PARTITION_METADATA in names else b""
    logs = [name for name in names if parse_offset_name(name, LOG) is not None]
    size_bytes = sum(files.size(f"{folder}/{name}") for name in logs)
    found = _Highest(partition.topic)
    for name in logs if producers else ():
        found.read(files, f"{folder}/{name}", parse_offset_name(name, LOG) or 0)
    held = Holding(folder, parse_partition_metadata(metadata), size_bytes, found.epoch, partition in compacted)
    return held, found.producer_id


class _Highest:
    """The highest leader epoch and producer id in a log; -1: none."""

    def __init__(self, topic: str) -> None:
        self._looks_inside = topic == TRANSACTION_STATE
        self.epoch = -1
        self.producer_id = -1

    def read(self, files: Files, path: str, base_offset: int) -> None:
        file = files.open(path)
        try:
            scan_batches(file, file.size(), base_offset, base_offset, self._on_batch)
        finally:
            file.close()

    def _on_batch(self, _position: int, header: BatchHeader, batch: memoryview) -> None:
        self.epoch = max(self.epoch, header.leader_epoch)
        self.producer_id = max(self.producer_id, header.producer_id)
        if self._looks_inside and not header.is_control:  # ids that may have written nothing yet
            for record in read_records(batch):
                self._on_transaction(record.value)

    def _on_transaction(self, content: bytes | None) -> None:
        try:
            value = decode_value(TransactionLogValue, content) if content else None
        except ProtocolError:
            return
        if isinstance(value, TransactionLogValue):
            self.producer_id = max(self.producer_id, value.producer_id, value.next_producer_id)
