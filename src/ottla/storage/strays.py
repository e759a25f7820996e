"""Folders of partitions that the metadata does not know: set aside under another name, and kept until a person decides.

Kafka does the same (KAFKA-14616): `<topic>-<partition>.<32 hex>-stray`. A folder that was found under the name of a
partition with another topic id gets that id as its 32 digits, so one rename both sets it aside and remembers which
partition must not begin anew, empty, in its place.
"""

from __future__ import annotations

from ottla.common.clock import Random
from ottla.common.names import TopicPartition
from ottla.storage.files import Files
from ottla.storage.paths import STRAY_FOLDER, doomed_folder_name
from ottla.storage.survey import holds_a_log


class Strays:
    """Those of one directory. Raises OSError."""

    def __init__(self, files: Files, path: str, random: Random) -> None:
        self._files = files
        self._path = path
        self._random = random
        self._names: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<Strays {self._path} {len(self._names)}>"

    @property
    def names(self) -> list[str]:
        return list(self._names)

    def found(self, name: str) -> None:
        """The start found this folder."""
        self._names[name] = None

    def set_aside(self, partition: TopicPartition, in_place_of: bytes | None = None) -> str | None:
        """Renames the partition's folder; its new path, or None for a folder without any file of a log.

        `in_place_of`: the id of the topic whose partition the folder was taken for. That is found out while the broker
        serves, so the name is not synced then: if a power cut brings the old one back, it is found out again.
        """
        folder = f"{self._path}/{partition}"
        if not holds_a_log(self._files, folder):
            return None
        name = doomed_folder_name(partition, in_place_of or self._random.bytes(16), STRAY_FOLDER)
        if name in self._names:
            name = doomed_folder_name(partition, self._random.bytes(16), STRAY_FOLDER)
        self._files.rename(folder, f"{self._path}/{name}")
        if in_place_of is None:
            self._files.fsync_folder(self._path)
        self._names[name] = None
        return f"{self._path}/{name}"

    def blocking(self, partition: TopicPartition, topic_id: bytes) -> str | None:
        """The path of the stray that was set aside in place of this partition, if there is one."""
        name = doomed_folder_name(partition, topic_id, STRAY_FOLDER)
        return f"{self._path}/{name}" if name in self._names else None

    def size_bytes(self, path: str) -> int:
        """Of all files in a stray."""
        files = [one for name in self._files.list_folder(path) if not self._files.is_folder(one := f"{path}/{name}")]
        return sum(self._files.size(one) for one in files)
