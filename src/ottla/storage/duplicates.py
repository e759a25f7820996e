"""Partitions that lie in two directories of log.dirs: which of the two folders is the log, nobody can know.

Whoever took one of them would hide the records of the other, and give their offsets a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ottla.common.names import TopicPartition
from ottla.storage.checkpoints import parse_partition_metadata
from ottla.storage.files import Files
from ottla.storage.identity import DirectoryUnusable
from ottla.storage.paths import PARTITION_METADATA, is_ours


def partitions_in_two(partitions: Mapping[str, Sequence[TopicPartition]]) -> dict[TopicPartition, list[str]]:
    """The partitions that several directories have, with the paths of these; `partitions` by path."""
    places: dict[TopicPartition, list[str]] = {}
    for path, names in partitions.items():
        for name in names:
            places.setdefault(name, []).append(path)
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def check_no_partition_is_in_two(files: Files, partitions: Mapping[str, Sequence[TopicPartition]]) -> None:
    """Raises DirectoryUnusable for two folders that may both be the log of the same partition.

    Folders with different topic ids are not: one of them at least belongs to another topic of that name, the metadata
    says which, and it becomes a stray. A folder without an id may be anybody's.
    """
    for partition, paths in partitions_in_two(partitions).items():
        known: dict[bytes | None, str] = {}
        for folder in (f"{path}/{partition}" for path in paths):
            if not _may_be_a_log(files, folder):
                continue
            topic_id = _topic_id(files, folder)
            other = next(iter(known.values()), None) if topic_id is None else known.get(topic_id) or known.get(None)
            if other is not None:
                raise DirectoryUnusable(
                    f"the partition {partition} lies in two log directories, as {other} and as {folder}. Both may hold "
                    f"records: `ottla log check` and `ottla log dump` show what is in them. Move the one that you do "
                    f"not want out of its log directory. Nothing was changed."
                )
            known[topic_id] = folder


def _may_be_a_log(files: Files, folder: str) -> bool:
    """An empty folder is one as well: a broker that takes it begins the log anew in there."""
    try:
        names = files.list_folder(folder) if files.is_folder(folder) else None
    except OSError:
        return True  # what it holds cannot be seen
    return names is not None and (not names or any(map(is_ours, names)))


def _topic_id(files: Files, folder: str) -> bytes | None:
    path = f"{folder}/{PARTITION_METADATA}"
    try:
        return parse_partition_metadata(files.read(path)) if files.exists(path) else None
    except OSError:
        return None
