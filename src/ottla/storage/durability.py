"""Which files an fsync of a log must reach, so that everything below an offset survives a power cut."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from ottla.storage.epochs import Epochs
from ottla.storage.files import Files
from ottla.storage.paths import INDEX, LEADER_EPOCHS, PARTITION_METADATA, SNAPSHOT, TIME_INDEX, TXN_INDEX, offset_name
from ottla.storage.segments import Segments
from ottla.storage.sync import Sync

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Durability:
    """What has changed since the last sync, apart from the records themselves."""

    __slots__ = ("_first", "last_sync_ms", "names_changed")

    def __init__(self, now_ms: int) -> None:
        self.last_sync_ms = now_ms
        self.names_changed = True
        """Files came to be whose names may not survive."""
        self._first = True

    def prepare(
        self,
        files: Files,
        folder: str,
        segments: Segments,
        snapshots: Sequence[int],
        epochs: Epochs,
        durable_end: int,
        end_offset: int,
        version: int,
        *,
        closing: bool = False,
    ) -> Sync:
        """A sync up to `end_offset`. The first one of a log covers its folder's own name and its topic id, too."""
        changed = [
            segment
            for segment in segments.from_offset(durable_end)
            if segment.size_bytes and segment.base_offset < end_offset
        ]
        paths: list[str] = []
        for segment in changed:
            closed = segment.offset_index is None or closing
            paths += [segment.path(suffix) for suffix in (INDEX, TIME_INDEX) if closed]
            if segment.has_txn_index:
                paths.append(segment.path(TXN_INDEX))
        if snapshots and snapshots[-1] > durable_end:
            paths.append(f"{folder}/{offset_name(snapshots[-1])}{SNAPSHOT}")
        folders = []
        if self.names_changed or closing or any(segment.has_txn_index for segment in changed):
            folders.append(folder)
        if self._first:
            metadata = f"{folder}/{PARTITION_METADATA}"
            paths += [metadata] if files.exists(metadata) else []
            folders.append(folder.rpartition("/")[0] or ".")
        content = (f"{folder}/{LEADER_EPOCHS}", epochs.encode()) if epochs.changed else None
        sync = Sync(files, end_offset, version, changed, paths, content, folders)
        self.names_changed = self._first = epochs.changed = False
        return sync

    @staticmethod
    def is_harmless(error: OSError) -> bool:
        """A full disk: the write was undone, and there may be room later."""
        return error.errno in _FULL
