"""A log and its compaction: what there is to clean, the job that cleans it, and taking the result in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ottla.common.settings import LONG_MAX
from ottla.storage.compaction.pass_ import Cleaned, PassJob
from ottla.storage.compaction.policy import Dirt, LogFacts, SegmentFacts, dirt
from ottla.storage.compaction.retain import LastRecord
from ottla.storage.compaction.swap import commit_to_swap
from ottla.storage.failures import is_passing
from ottla.storage.log_appends import AppendableLog
from ottla.storage.paths import DELETED, SWAP
from ottla.storage.segment import Segment


class Memory:
    """What a pass may use: bytes of the offset map and how full it gets, bytes of a read, bytes a second."""

    __slots__ = ("load_factor", "map_bytes", "max_bytes_per_second", "read_bytes")

    def __init__(
        self,
        map_bytes: int = 128 << 20,
        load_factor: float = 0.9,
        read_bytes: int = 1 << 18,
        max_bytes_per_second: float = float(LONG_MAX),
    ) -> None:
        self.map_bytes = map_bytes
        self.load_factor = load_factor
        self.read_bytes = read_bytes
        self.max_bytes_per_second = max_bytes_per_second


class CleanableLog(AppendableLog):
    """The segments that a pass reads stay as they are until its result takes their place: nothing writes to a closed
    segment. What makes the log shorter meanwhile makes the result worthless; `is_current` tells."""

    __slots__ = ()

    def dirt(self, checkpoint: int | None, high_watermark: int, now_ms: int) -> Dirt:
        """What there is to clean, if it was cleaned up to `checkpoint`. Raises KafkaStorageError."""
        settings = self.settings
        lag = settings.min_compaction_lag_ms > 0
        overdue = settings.max_compaction_lag_ms < LONG_MAX
        active = self._segments.active
        try:
            self.finish_renames()
            segments = [
                SegmentFacts(
                    one.base_offset,
                    one.size_bytes,
                    one.first_timestamp() if overdue and one is not active else -1,
                    one.max_timestamp if lag and one is not active else -1,
                )
                for one in self._segments
            ]
        except OSError as error:
            raise self._failed(error) from error
        stable = self.last_stable_offset(high_watermark)
        return dirt(
            LogFacts(segments, self.log_start_offset, self.log_end_offset, stable), checkpoint, settings, now_ms
        )

    def cleaning_job(self, dirt: Dirt, memory: Memory, now_ms: int) -> PassJob:
        """The pass that cleans it, for a worker process. Raises KafkaStorageError."""
        settings = self.settings
        self._check_aborted(dirt.end)
        producers = {
            one.producer_id: LastRecord(one.batches[-1].last_offset if one.batches else -1, one.epoch)
            for one in self._producers
        }
        return PassJob(
            folder=self.folder,
            segments=tuple((one.base_offset, one.size_bytes) for one in self._segments if one.base_offset < dirt.end),
            first_dirty=dirt.first_dirty,
            end=dirt.end,
            txn_indexes=tuple(one.base_offset for one in self._segments if one.has_txn_index),
            producers=producers,
            now_ms=now_ms,
            segment_bytes=settings.roll_bytes,
            segment_index_bytes=settings.segment_index_bytes,
            index_interval_bytes=settings.index_interval_bytes,
            delete_retention_ms=settings.delete_retention_ms,
            map_bytes=memory.map_bytes,
            map_load_factor=memory.load_factor,
            read_bytes=memory.read_bytes,
            max_bytes_per_second=memory.max_bytes_per_second,
        )

    def _check_aborted(self, end: int) -> None:
        """The worker believes the transaction indexes: a damaged one is made again first."""
        try:
            for segment in self._segments:
                if segment.has_txn_index and segment.base_offset < end:
                    segment.settle_aborted()
        except OSError as error:
            raise self._failed(error) from error

    @property
    def checkpointed_point(self) -> int:
        """The recovery point in the checkpoint file: below it, no start looks at records."""
        return self._durability.checkpointed_point

    def is_current(self, version: int) -> bool:
        """What a pass has read is still the log: no truncation since `version`, and the topic is still compacted."""
        return not self.offline and version == self.version and self.settings.compacts

    def swap_steps(self, cleaned: Cleaned, version: int, now_ms: int) -> Iterator[Callable[[], None] | OSError]:
        """Replaces segments by a cleaned copy. What it yields are the slow calls, for a thread; the rest is done
        between them, and the log can be used all the time. A stage that comes too late (see `is_current`) changes
        nothing of the log. It yields an error where the disk has refused a step for now: whoever goes on has it tried
        again, after a pause.

        Below the recovery point only: a start after a crash would take the gaps between offsets for a hole, and would
        look for epochs in batches that are gone.
        """
        if not self.is_current(version):
            return
        base = cleaned.base_offset
        old = [one for one in self._segments if one.base_offset in cleaned.replaced]
        assert [one.base_offset for one in old] == list(cleaned.replaced), "a pass replaces what is there"
        end = self._segments.end_of(self._segments.index_of(cleaned.replaced[-1]), self.log_end_offset)
        assert end <= min(self.recovery_point, self.checkpointed_point), "only what is durable is replaced"
        yield lambda: commit_to_swap(self._files, self.folder, base)
        if not self.is_current(version):
            self._drop_swap(base)
            return
        new = Segment(self._files, self.folder, base, self._open_files, now_ms, cleaned.size_bytes, suffix=SWAP)
        new.has_txn_index = cleaned.has_txn_index
        due_ms = now_ms + self.settings.file_delete_delay_ms
        for segment in reversed(old):  # the last first: what is left after a crash begins where the log begins
            yield from self._renamed(segment, DELETED)
        self._doomed += [(due_ms, segment) for segment in reversed(old)]
        self._segments.replace(old, new)
        self.size_bytes += new.size_bytes - sum(one.size_bytes for one in old)
        self._forget_snapshots(cleaned.replaced[1:])
        yield lambda: self._files.fsync_folder(self.folder)
        yield from self._renamed(new, "")
        yield lambda: self._files.fsync_folder(self.folder)

    def _renamed(self, segment: Segment, suffix: str) -> Iterator[OSError]:
        """Until the disk has taken all of it; a swap that is half done must not be left so. A log that is gone
        meanwhile needs no names."""
        while not self.offline:
            try:
                segment.rename(suffix)
                return
            except OSError as error:
                if not is_passing(error):
                    raise
                yield error

    def _drop_swap(self, base: int) -> None:
        """It must not come back behind what was written since the truncation."""
        if self._files.is_folder(self.folder):
            Segment(self._files, self.folder, base, self._open_files, 0, suffix=SWAP).remove_files()
            self._files.fsync_folder(self.folder)

    def _forget_snapshots(self, bases: tuple[int, ...]) -> None:
        """Of segments that are no more: a start would keep only those of segments that there are."""
        for base in bases:
            if base in self._snapshots[:-1]:
                self._snapshots.remove(base)
                with contextlib.suppress(OSError):  # a start removes what belongs to no segment
                    self._files.remove(self._snapshot_path(base))

    def swap_in(self, cleaned: Cleaned, now_ms: int) -> None:
        """All stages at once. Raises KafkaStorageError."""
        try:
            for call in self.swap_steps(cleaned, self.version, now_ms):
                if isinstance(call, OSError):
                    raise call
                call()
        except OSError as error:
            raise self._failed(error) from error
