"""The fsyncs that make a log durable up to an offset, apart from the log so that a thread may run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ottla.storage.files import File, Files
from ottla.storage.segment import Segment


class Undone(NamedTuple):
    """What a sync has taken upon itself, for the case that the disk refuses it."""

    names_changed: bool
    first: bool
    epochs_changed: bool
    fresh_snapshots: list[int]


class Sync:
    """Made by `PartitionLog.to_sync`, which pins the segments until `synced` or `sync_failed`.

    `run` touches nothing of the log but its files. Order: what the log says comes first, names last.
    """

    __slots__ = ("_content", "_extra", "_files", "_folders", "closed", "end_offset", "segments", "undone", "version")

    def __init__(
        self,
        files: Files,
        end_offset: int,
        version: int,
        segments: Sequence[Segment],
        closed: Sequence[Segment],
        paths: Sequence[str],
        content: tuple[str, bytes] | None,
        folders: Sequence[str],
    ) -> None:
        self._files = files
        self.end_offset = end_offset
        self.version = version
        self.closed = closed
        """Those of them whose indexes are synced as well."""
        self._content = content
        self._folders = folders
        self.undone: Undone | None = None
        self._extra: list[File] = []
        self.segments: Sequence[Segment] = ()
        try:
            for segment in segments:
                segment.open_file()
                segment.pins += 1
                self.segments = (*self.segments, segment)
            for path in paths:  # now: retention may rename them while the thread is at work
                self._extra.append(files.open(path))
        except OSError:
            self.release()
            raise

    def run(self) -> None:
        """Raises OSError; never run again after that."""
        for segment in self.segments:
            file = segment.file
            assert file is not None, "a pinned segment is open"
            file.fsync()
        for extra in self._extra:
            extra.fsync()
        if self._content is not None:
            self._files.write_atomically(*self._content)
        for folder in self._folders:
            self._files.fsync_folder(folder)

    def release(self) -> None:
        for extra in self._extra:
            extra.close()
        self._extra = []
        segments, self.segments = self.segments, ()
        for segment in segments:
            segment.unpin()


def sync_file(files: Files, path: str) -> None:
    """Makes the content of one file durable. Raises OSError."""
    file = files.open(path)
    try:
        file.fsync()
    finally:
        file.close()
