"""Bytes that are taken out of a log and kept beside it: `<20 digits>.log.damaged-<n>`.

The digits are the first offset that the log lost. No broker picks these files up again or removes them: Kafka and this
one pass over names that they do not know. They go with the partition's folder, or by `ottla log damaged`.
"""

from __future__ import annotations

from ottla.storage.files import File, Files
from ottla.storage.paths import LOG, offset_name, parse_offset_name

DAMAGED = f"{LOG}.damaged-"
_CHUNK_BYTES = 1 << 20


class Kept:
    """The files of one folder that were kept so far."""

    __slots__ = ("_files", "_folder")

    def __init__(self, files: Files, folder: str) -> None:
        self._files = files
        self._folder = folder

    def part(self, file: File, position: int, end: int, offset: int) -> str:
        """A durable copy of a part of `file`; its name. Raises OSError, before anything of the log has changed."""
        name = self._free(offset)
        copy_part(self._files, file, position, end, f"{self._folder}/{name}")
        self._files.fsync_folder(self._folder)
        return name

    def whole(self, path: str, offset: int) -> str:
        """The file `path` gets a name under which it is kept; the name. Durable with the folder's next fsync."""
        name = self._free(offset)
        self._files.rename(path, f"{self._folder}/{name}")
        return name

    def has(self, offset: int) -> bool:
        """Something that the log lost from `offset` on is kept."""
        return self._files.exists(f"{self._folder}/{self._name(offset, 1)}")

    def _free(self, offset: int) -> str:
        number = 1
        while self._files.exists(f"{self._folder}/{self._name(offset, number)}"):
            number += 1
        return self._name(offset, number)

    @staticmethod
    def _name(offset: int, number: int) -> str:
        return f"{offset_name(offset)}{DAMAGED}{number}"


def parse_kept_name(name: str) -> int | None:
    """The first offset in the name of a kept file; None for any other name."""
    front, mark, number = name.partition(DAMAGED)
    return parse_offset_name(front + LOG, LOG) if mark and number.isascii() and number.isdigit() else None


def copy_kept(files: Files, source: str, target: str) -> None:
    """What is kept in the folder `source` is in the folder `target` as well, its content durable. Raises OSError."""
    for name in files.list_folder(source):
        if parse_kept_name(name) is None or files.is_folder(f"{source}/{name}"):
            continue
        file = files.open(f"{source}/{name}")
        try:
            copy_part(files, file, 0, file.size(), f"{target}/{name}")
        finally:
            file.close()


def copy_part(files: Files, source: File, position: int, end: int, path: str) -> None:
    """The bytes from `position` to `end` as a file of their own, its content durable."""
    copy = files.open(path, create=True)
    try:
        copy.truncate(0)
        while position < end:
            data = source.pread(position, min(_CHUNK_BYTES, end - position))
            if not data:
                break
            copy.append(data)
            position += len(data)
        copy.fsync()
    finally:
        copy.close()


def holds_only_zeros(file: File, position: int, end: int) -> bool:
    while position < end:
        data = file.pread(position, min(_CHUNK_BYTES, end - position))
        if not data:
            return True
        if data.count(0) != len(data):
            return False
        position += len(data)
    return True
