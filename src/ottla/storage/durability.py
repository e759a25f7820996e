"""Which files an fsync of a log must reach, so that everything below an offset survives a power cut."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ottla.storage.epochs import Epochs
from ottla.storage.files import Files
from ottla.storage.loading import Loading
from ottla.storage.paths import INDEX, LEADER_EPOCHS, PARTITION_METADATA, SNAPSHOT, TIME_INDEX, TXN_INDEX, offset_name
from ottla.storage.segment import Segment
from ottla.storage.segments import Segments
from ottla.storage.sync import Sync, Undone, sync_file


class Durability:
    """What has changed since the last sync, apart from the records themselves."""

    __slots__ = (
        "_first", "checkpointed_point", "closing", "fresh_snapshots", "last_sync_ms", "names_changed",
        "persisted_point", "rewritten",
    )  # fmt: skip

    def __init__(self, loaded: Loading, now_ms: int) -> None:
        self.last_sync_ms = now_ms
        self.closing = False
        self.rewritten = loaded.rewritten
        """Closed segments whose indexes are on their way to the disk. Their records may have been synced before."""
        self.fresh_snapshots = loaded.fresh_snapshots
        """Not synced yet."""
        self.names_changed = loaded.names_changed
        """Files came to be whose names may not survive."""
        self._first = loaded.names_changed
        self.persisted_point = loaded.recovery_point
        """The recovery point that is in the checkpoint file, or on its way there."""
        self.checkpointed_point = loaded.recovery_point
        """The one that surely is there."""

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
    ) -> Sync:
        """A sync up to `end_offset`. The first one of a log covers its folder's own name and its topic id, too."""
        for segment in segments.from_offset(durable_end):
            segment.write_aborted()
        changed = [segment for segment in segments.from_offset(durable_end) if segment.base_offset < end_offset]
        changed += [segment for segment in self.closed(segments) if segment not in changed]
        closed = [segment for segment in changed if segment is not segments.active or self.closing]
        paths: list[str] = []
        for segment in changed:
            if segment in closed:
                paths += [segment.path(INDEX), segment.path(TIME_INDEX)]
            if segment.has_txn_index:
                paths.append(segment.path(TXN_INDEX))
        paths += [f"{folder}/{offset_name(fresh)}{SNAPSHOT}" for fresh in self.fresh_snapshots if fresh in snapshots]
        folders = []
        if self.names_changed or self.closing or any(segment.has_txn_index for segment in changed):
            folders.append(folder)
        if self._first:
            metadata = f"{folder}/{PARTITION_METADATA}"
            paths += [metadata] if files.exists(metadata) else []
            folders.append(folder.rpartition("/")[0] or ".")
        content = (f"{folder}/{LEADER_EPOCHS}", epochs.encode()) if epochs.changed else None
        sync = Sync(files, end_offset, version, changed, closed, paths, content, folders)
        sync.undone = Undone(self.names_changed, self._first, epochs.changed, self.fresh_snapshots)
        self.names_changed = self._first = epochs.changed = False
        self.fresh_snapshots = []
        return sync

    def begin_anew(self) -> None:
        """The next sync covers the folder's own name and the topic's id, too."""
        self.names_changed = self._first = True

    def on_refused(self, sync: Sync, epochs: Epochs) -> None:
        """The disk refused a part of the sync, and no fsync failed: all of it is still to be done."""
        assert sync.undone is not None
        names_changed, first, epochs_changed, snapshots = sync.undone
        self.names_changed |= names_changed
        self._first |= first
        epochs.changed |= epochs_changed
        self.fresh_snapshots = [*snapshots, *self.fresh_snapshots]

    def on_synced(self, sync: Sync) -> None:
        self.rewritten = [segment for segment in self.rewritten if segment not in sync.closed]

    def on_closed(self, files: Files, folder: str, segment: Segment, end_offset: int) -> None:
        """A segment was closed and its indexes written. Where the recovery point on disk is at its end already (only
        after a truncation, or in a folder that another program has left), a crash would take them for synced: so they
        are, now, though on the loop. A start would find a wrong entry when it looks it up, but Kafka and its tools
        believe what lies below that point."""
        if end_offset > self.persisted_point:
            if segment not in self.rewritten:
                self.rewritten.append(segment)
            return
        for suffix in (INDEX, TIME_INDEX):
            sync_file(files, segment.path(suffix))
        files.fsync_folder(folder)

    def unsynced_snapshots(self, snapshots: Sequence[int]) -> list[int]:
        return [offset for offset in self.fresh_snapshots if offset in snapshots]

    def on_snapshots_synced(self, synced: Sequence[int]) -> None:
        self.fresh_snapshots = [offset for offset in self.fresh_snapshots if offset not in synced]

    def closed(self, segments: Segments) -> list[Segment]:
        """What is rewritten and still there; a truncation may have made one active again."""
        return [one for one in self.rewritten if one in segments and one is not segments.active]

    def is_pending(self, segments: Segments) -> bool:
        """There is something to sync besides records."""
        return self.names_changed or bool(self.closed(segments))

    def recovery_point(self, segments: Segments, durable_end: int) -> int:
        """Below it everything is on disk, the indexes of closed segments included."""
        return min([durable_end, *(segment.base_offset for segment in self.closed(segments))])


def sync_snapshots(files: Files, folder: str, snapshots: Sequence[int]) -> None:
    """Raises OSError. One that was superseded meanwhile needs no sync."""
    for offset in snapshots:
        path = f"{folder}/{offset_name(offset)}{SNAPSHOT}"
        with contextlib.suppress(FileNotFoundError):
            sync_file(files, path)
    files.fsync_folder(folder)
