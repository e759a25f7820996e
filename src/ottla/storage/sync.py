"""The fsyncs that make a log durable up to an offset, apart from the log so that a thread may run them."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.storage.files import Files
from ottla.storage.segment import Segment


class Sync:
    """Made by `PartitionLog.to_sync`, which pins the segments until `synced` or `sync_failed`.

    `run` touches nothing of the log but its files. Order: what the log says comes first, names last.
    """

    __slots__ = ("_content", "_files", "_folders", "_paths", "end_offset", "segments", "version")

    def __init__(
        self,
        files: Files,
        end_offset: int,
        version: int,
        segments: Sequence[Segment],
        paths: Sequence[str],
        content: tuple[str, bytes] | None,
        folders: Sequence[str],
    ) -> None:
        self._files = files
        self.end_offset = end_offset
        self.version = version
        self.segments = segments
        self._paths = paths
        self._content = content
        self._folders = folders
        for segment in segments:
            segment.open_file()
            segment.pins += 1

    def run(self) -> None:
        """Raises OSError; never run again after that."""
        for segment in self.segments:
            file = segment.file
            assert file is not None, "a pinned segment is open"
            file.fsync()
        for path in self._paths:
            file = self._files.open(path)
            try:
                file.fsync()
            finally:
                file.close()
        if self._content is not None:
            self._files.write_atomically(*self._content)
        for folder in self._folders:
            self._files.fsync_folder(folder)

    def release(self) -> None:
        segments, self.segments = self.segments, ()
        for segment in segments:
            segment.unpin()
