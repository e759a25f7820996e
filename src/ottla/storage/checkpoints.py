"""The small text files of a log directory and its partitions, in Kafka's form.

Files of offsets carry a checksum as the entry of a pseudo partition. Kafka reads it like the entry of a partition that
it does not have, and drops it with the next checkpoint; then the file is believed as Kafka's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ottla.common.names import TopicPartition, parse_uuid, uuid_text
from ottla.records.batch import crc32c
from ottla.storage.files import Files

RECOVERY_POINTS = "recovery-point-offset-checkpoint"
LOG_STARTS = "log-start-offset-checkpoint"
HIGH_WATERMARKS = "replication-offset-checkpoint"
CLEANER_OFFSETS = "cleaner-offset-checkpoint"

CHECKSUM = TopicPartition("__ottla_checksum", 0)
"""The pseudo partition whose "offset" is the CRC-32C of the other entries."""

_VERSION = "0"


class CorruptCheckpoint(Exception):
    """A checkpoint file that cannot be read, or whose checksum is not that of its entries."""


def checkpoint_text(entries: Iterable[str]) -> bytes:
    lines = list(entries)
    return "".join([f"{_VERSION}\n{len(lines)}\n", *(f"{line}\n" for line in lines)]).encode()


def checkpoint_lines(data: bytes, path: str) -> list[str]:
    """The entries; none in an empty file, as Kafka creates it. Raises CorruptCheckpoint."""
    if not data:
        return []
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise CorruptCheckpoint(f"{path}: not UTF-8") from None
    if not lines or lines[0] != _VERSION:
        raise CorruptCheckpoint(f"{path}: unknown version {lines[0]!r}" if lines else f"{path}: empty")
    if len(lines) < 2 or not lines[1].isdigit() or int(lines[1]) != len(lines) - 2:
        raise CorruptCheckpoint(f"{path}: the number of entries is wrong")
    return lines[2:]


def read_offsets(files: Files, path: str) -> dict[TopicPartition, int]:
    """A file of `<topic> <partition> <offset>` lines; none when it is missing. Raises CorruptCheckpoint.

    A file without a checksum is Kafka's, or of an earlier version, and is taken as it is.
    """
    if not files.exists(path):
        return {}
    result: dict[TopicPartition, int] = {}
    for line in checkpoint_lines(files.read(path), path):
        words = line.split(" ")
        if len(words) != 3 or not words[1].isdigit() or not words[2].lstrip("-").isdigit():
            raise CorruptCheckpoint(f"{path}: not a topic, partition and offset: {line!r}")
        result[TopicPartition(words[0], int(words[1]))] = int(words[2])
    checksum = result.pop(CHECKSUM, None)
    if checksum is not None and checksum != _checksum(_lines(result)):
        raise CorruptCheckpoint(f"{path}: the checksum is not that of the entries")
    return result


def write_offsets(files: Files, path: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Replaces the file atomically and durably."""
    files.write_atomically(path, offsets_text(offsets))


def offsets_text(offsets: Mapping[TopicPartition, int]) -> bytes:
    """The content of a file of offsets, its checksum last."""
    lines = _lines(offsets)
    return checkpoint_text([*lines, f"{CHECKSUM.topic} {CHECKSUM.partition} {_checksum(lines)}"] if lines else [])


def _lines(offsets: Mapping[TopicPartition, int]) -> list[str]:
    return [f"{partition.topic} {partition.partition} {offset}" for partition, offset in offsets.items()]


def _checksum(lines: list[str]) -> int:
    return crc32c("\n".join(lines).encode())


def partition_metadata(topic_id: bytes) -> bytes:
    """The content of `partition.metadata`: no newline at the end."""
    return f"version: 0\ntopic_id: {uuid_text(topic_id)}".encode()


def parse_partition_metadata(data: bytes) -> bytes | None:
    """The topic id, or None for a file that a crash left empty or torn."""
    lines = data.decode("ascii", "replace").splitlines()
    if len(lines) != 2 or lines[0] != "version: 0" or not lines[1].startswith("topic_id: "):
        return None
    try:
        topic_id = parse_uuid(lines[1].removeprefix("topic_id: "))
    except ValueError:
        return None
    return topic_id if partition_metadata(topic_id) == data.rstrip() else None  # bits that no id has: torn as well
