"""Kafka's names for the files of a partition and the folders of a log directory."""

from __future__ import annotations

import re

from ottla.common.names import TopicPartition

LOG, INDEX, TIME_INDEX, TXN_INDEX, SNAPSHOT = ".log", ".index", ".timeindex", ".txnindex", ".snapshot"
SEGMENT_SUFFIXES = (LOG, INDEX, TIME_INDEX, TXN_INDEX)
DELETED, CLEANED, SWAP, TEMPORARY = ".deleted", ".cleaned", ".swap", ".tmp"
DELETE_FOLDER, FUTURE_FOLDER, STRAY_FOLDER = "-delete", "-future", "-stray"

LEADER_EPOCHS = "leader-epoch-checkpoint"
PARTITION_METADATA = "partition.metadata"

_OURS = re.compile(
    r"[0-9]{20}\.(log|index|timeindex|txnindex|snapshot)(\.deleted|\.cleaned|\.swap|\.tmp)?"
    r"|(leader-epoch-checkpoint|partition\.metadata)(\.tmp)?"
)
_FOLDER_NAME_MAX = 255
_OFFSET_DIGITS = 20
_UNIQUE_DIGITS = 32
_OFFSET_MAX = (1 << 63) - 1


def offset_name(offset: int) -> str:
    """The 20 digits that a segment's files begin with."""
    return f"{offset:020d}"


def parse_offset_name(name: str, suffix: str) -> int | None:
    """The offset in `<20 digits><suffix>`, or None for another name."""
    digits = name[: -len(suffix)]
    if name.endswith(suffix) and len(digits) == _OFFSET_DIGITS and digits.isascii() and digits.isdigit():
        offset = int(digits)
        return offset if offset <= _OFFSET_MAX else None
    return None


def is_ours(name: str) -> bool:
    """A file that a broker makes in a partition's folder; everything else in there is left alone."""
    return _OURS.fullmatch(name) is not None


def parse_partition_folder(name: str) -> TopicPartition | None:
    """`<topic>-<partition>`, split at the last `-`; None for any other name, folders on their way out included."""
    topic, dash, partition = name.rpartition("-")
    if dash and topic and partition.isascii() and partition.isdigit() and str(int(partition)) == partition:
        return TopicPartition(topic, int(partition))
    return None


def parse_future_folder(name: str) -> TopicPartition | None:
    """The partition that `<topic>-<partition>.<32 hex>-future` is a copy of. A long topic's name is cut in it, so the
    caller checks whether there is such a partition."""
    return _parse_marked(name, FUTURE_FOLDER)


def parse_doomed_folder(name: str) -> TopicPartition | None:
    """The partition that `<topic>-<partition>.<32 hex>-delete` was; the topic may be cut."""
    return _parse_marked(name, DELETE_FOLDER)


def parse_stray_folder(name: str) -> TopicPartition | None:
    """The partition that `<topic>-<partition>.<32 hex>-stray` was; the topic may be cut."""
    return _parse_marked(name, STRAY_FOLDER)


def _parse_marked(name: str, suffix: str) -> TopicPartition | None:
    """None unless the whole form is there: a folder of somebody else's may end in the same word."""
    front, dot, unique = name.removesuffix(suffix).rpartition(".")
    if not name.endswith(suffix) or not dot or len(unique) != _UNIQUE_DIGITS or set(unique) - set("0123456789abcdef"):
        return None
    return parse_partition_folder(front)


def doomed_folder_name(partition: TopicPartition, unique: bytes, suffix: str = DELETE_FOLDER) -> str:
    """`<topic>-<partition>.<32 hex>-delete`, the topic cut so that the name has 255 characters at most."""
    end = f"-{partition.partition}.{unique.hex()}{suffix}"
    return partition.topic[: _FOLDER_NAME_MAX - len(end)] + end
