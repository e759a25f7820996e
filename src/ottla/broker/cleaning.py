"""Compaction at work: picks the dirtiest log, has a worker process clean it, and puts the result in place.

One pass at a time. What the worker does costs the event loop nothing; what happens here is choosing, a few renames, and
waiting. A log that cannot be cleaned is left alone for a while (see `Uncleanable`), and the others go on.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.uncleanable import Uncleanable
from ottla.broker.waits import give_way
from ottla.common.errors import KafkaError
from ottla.storage.compaction.pass_ import Cleaned, PassJob, PassResult
from ottla.storage.compaction.swap import discard_cleaned
from ottla.storage.failures import is_passing
from ottla.storage.files import WorkerDied, WorkerStarved
from ottla.storage.log_cleaning import Memory

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.partition import Partition
    from ottla.broker.settings import BrokerSettings
    from ottla.storage.compaction.policy import Dirt
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog

_SLICE_S = 0.004
_DEATHS_MAX = 3
"""So often may the worker die over one log before that is taken for the log's fault."""
_AGAIN_S = 1.0
"""A step of a swap that the disk refused is tried again so much later."""


class _Dirty(NamedTuple):
    partition: Partition
    log: PartitionLog
    directory: LogDirectory
    dirt: Dirt
    version: int
    """Of the log, when its dirt was looked at."""


class _Stale(Exception):
    """The log has changed under the pass, which is worth nothing now."""


class Cleaning:
    """The cleaner of one node. `busy` is the partition whose log is being cleaned: retention leaves it alone."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._task: asyncio.Task[None] | None = None
        self.busy: Partition | None = None
        self._uncleanable: dict[bytes, dict[int, Uncleanable]] = {}
        """By topic id and partition."""
        self._deaths: dict[tuple[bytes, int], int] = {}
        self._dirtiest = 0.0
        self._last_round_ms = node.steady.now_ms()
        counter, gauge = node.metrics.counter, node.metrics.gauge
        self._passes = counter("ottla_cleaner_passes_total", "Logs compacted")
        self._discarded = counter("ottla_cleaner_discarded_total", "Passes whose result was not wanted any more")
        self._read = counter("ottla_cleaner_read_bytes_total", "Bytes that compaction copied from")
        self._written = counter("ottla_cleaner_written_bytes_total", "Bytes that compaction kept")
        self._records_read = counter("ottla_cleaner_records_read_total", "Records that compaction looked at")
        self._records_kept = counter("ottla_cleaner_records_kept_total", "Records that compaction kept")
        self._worker_deaths = counter("ottla_cleaner_worker_deaths_total", "Worker processes that ended in a pass")
        self._starved = counter("ottla_cleaner_worker_starved_total", "Passes given up because there was no idle time")
        self._rests = counter("ottla_cleaner_rounds_total", "Looks for a log to compact")
        gauge("ottla_cleaner_uncleanable_partitions", "Logs that could not be compacted", self._count_uncleanable)
        gauge(
            "ottla_cleaner_uncleanable_bytes",
            "Dirty bytes of logs that could not be compacted",
            self._uncleanable_bytes,
        )
        gauge("ottla_cleaner_max_dirty_percent", "Dirty share of the dirtiest log", lambda: int(100 * self._dirtiest))
        gauge(
            "ottla_cleaner_since_last_run_seconds", "Time since the last look for a log to compact",
            lambda: (node.steady.now_ms() - self._last_round_ms) / 1000,
        )  # fmt: skip

    # --- life

    def start(self) -> None:
        if self._node.settings.log_cleaner_enable:
            self._task = self._node.loop.create_task(self._run())

    async def stop(self) -> None:
        """Ends a pass where it is; a swap that has begun is finished."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        await self._node.offload.end_worker()

    async def _run(self) -> None:
        while True:
            try:
                cleaned = await self._round()
            except Exception as error:
                self._node.log_failure("cleaner.failed", error)
                cleaned = False
            if not cleaned:
                await self._node.offload.end_worker()  # nothing to do: its memory is worth more than its start
                await asyncio.sleep(max(self._node.settings.log_cleaner_backoff_ms, 1) / 1000)

    # --- choosing

    async def _round(self) -> bool:
        """Cleans the dirtiest log that is worth it; False if there is none."""
        self._rests.value += 1
        self._last_round_ms = self._node.steady.now_ms()
        if not self._node.wall.trusted():
            return False  # tombstones go by their age
        dirtiest = await self._dirtiest_log()
        if dirtiest is None:
            return False
        self.busy = dirtiest.partition
        try:
            return await self._clean(dirtiest)
        finally:
            self.busy = None

    async def _dirtiest_log(self) -> _Dirty | None:
        node = self._node
        started = node.loop.time()
        best: _Dirty | None = None
        self._dirtiest = 0.0
        for partition in tuple(node.replicas):
            found = self._look(partition)
            if found is not None:
                self._dirtiest = max(self._dirtiest, found.dirt.ratio)
                worth = found.dirt.is_worth(found.log.settings.min_cleanable_dirty_ratio)
                if worth and (best is None or found.dirt.ratio > best.dirt.ratio):
                    best = found
            if node.loop.time() - started > _SLICE_S:
                await give_way()
                started = node.loop.time()
        return best

    def _look(self, partition: Partition) -> _Dirty | None:
        log = partition.log
        if log is None or log.offline or not log.settings.compacts or log.segment_count < 2:
            return None
        if self._node.moves.is_moving(partition):
            return None
        given_up = self._uncleanable.get(partition.topic_id, {}).get(partition.topic_partition.partition)
        if given_up is not None and not given_up.is_due(log.settings, self._node.steady.now_ms()):
            return None
        directory = self._node.hosting.directory_of(partition.topic_partition)
        if directory is None:
            return None
        try:
            checkpoint = directory.cleaned_to(partition.topic_partition)
            dirt = log.dirt(checkpoint, partition.high_watermark, self._node.clock.now_ms())
        except KafkaError as error:
            self._cannot_clean(partition, error)
            return None
        return _Dirty(partition, log, directory, dirt, log.version)

    # --- one pass

    async def _clean(self, dirty: _Dirty) -> bool:
        partition, log = dirty.partition, dirty.log
        began_ms = self._node.steady.now_ms()
        try:
            await self._make_durable(dirty)
            job = log.cleaning_job(dirty.dirt, _memory(self._node.settings), self._node.clock.now_ms())
            result = await self._pass(dirty, job)
        except _Stale:
            self._discarded.value += 1
            self._node.log.info("cleaner.pass_discarded", partition=partition.topic_partition)
            return False
        except WorkerStarved:
            self._starved.value += 1
            self._node.log.warn("cleaner.worker_starved", partition=partition.topic_partition)
            return True  # there is work left, for a worker that competes
        except WorkerDied as error:
            self._died(partition, error)
            return False
        except OSError as error:
            self._disk_failed(dirty, error)
            return False
        except Exception as error:
            self._cannot_clean(partition, error)
            return False
        finally:
            if not log.offline and partition.log is log:
                self._discard_leftovers(log)
        self._deaths.pop(_key(partition), None)
        self._cleanable_again(partition)
        self._passes.value += 1
        self._read.value += result.bytes_read
        self._written.value += result.bytes_written
        self._records_read.value += result.records_read
        self._records_kept.value += result.records_kept
        self._node.log.info(
            "cleaner.log_compacted",
            partition=partition.topic_partition,
            dirty_from=job.first_dirty,
            clean_to=result.clean_to,
            read_bytes=result.bytes_read,
            kept_bytes=result.bytes_written,
            read_records=result.records_read,
            kept_records=result.records_kept,
            took_ms=self._node.steady.now_ms() - began_ms,
        )
        return True

    async def _make_durable(self, dirty: _Dirty) -> None:
        """Only what lies below the recovery point on disk may be replaced; see `CleanableLog.swap_steps`."""
        log = dirty.log
        if min(log.recovery_point, log.checkpointed_point) >= dirty.dirt.end:
            return
        await self._node.syncing.closed_segments(dirty.partition)
        self._check(dirty)
        await self._node.disks.checkpoint(dirty.directory)
        self._check(dirty)
        if log.checkpointed_point < dirty.dirt.end:
            raise _Stale  # another sync is under way; the next round finds the log durable

    async def _pass(self, dirty: _Dirty, job: PassJob) -> PassResult:
        result = None
        try:
            async with aclosing(self._node.offload.run_worker(job)) as reports:
                async for report in reports:
                    self._check(dirty)
                    if isinstance(report, Cleaned):
                        await self._finish(self._node.loop.create_task(self._swap(dirty, report)))
                    else:
                        result = report
        except (OSError, KafkaError):
            self._check(dirty)  # files that are gone are no failure if the log is gone
            raise
        assert isinstance(result, PassResult), "a pass ends with its result"
        self._check(dirty)
        name = dirty.partition.topic_partition
        await self._node.disks.checkpoint_cleaned(dirty.directory, name, result.clean_to)
        return result

    def _check(self, dirty: _Dirty) -> None:
        """After each wait: is it still that log, and what the pass has read of it?

        A log on the move is left alone, as in Kafka: its copy might have an old record and not the tombstone after it.
        """
        partition, log = dirty.partition, dirty.log
        if partition.log is not log or not log.is_current(dirty.version) or self._node.moves.is_moving(partition):
            raise _Stale

    async def _swap(self, dirty: _Dirty, cleaned: Cleaned) -> None:
        """Where the disk refuses a step for now it is tried again: a swap must not be left half done."""
        for slow in dirty.log.swap_steps(cleaned, dirty.version, self._node.steady.now_ms()):
            refusal = slow if isinstance(slow, OSError) else await self._attempt(slow)
            while refusal is not None:
                if self._task is None or not is_passing(refusal):  # the broker stops: the next start finishes it
                    dirty.log.fail(refusal)
                    raise refusal
                dirty.directory.refused(refusal)
                await asyncio.sleep(_AGAIN_S)
                refusal = None if isinstance(slow, OSError) else await self._attempt(slow)

    async def _attempt(self, slow: Callable[[], None]) -> OSError | None:
        try:
            await self._node.offload.run(slow)
        except OSError as error:
            return error
        return None

    async def _finish(self, swap: asyncio.Task[None]) -> None:
        """A swap that has begun comes to its end, even if the broker stops: nothing may come in between."""
        try:
            await asyncio.shield(swap)
        except asyncio.CancelledError:
            await asyncio.gather(swap, return_exceptions=True)
            raise

    # --- what goes wrong

    def _discard_leftovers(self, log: PartitionLog) -> None:
        try:
            discard_cleaned(self._node.files, log.folder)
        except OSError as error:
            if not is_passing(error):  # else the next pass over this log discards them first
                log.fail(error)

    def _died(self, partition: Partition, error: WorkerDied) -> None:
        if isinstance(error.__cause__, OSError):  # it was never started: there was no process or descriptor left
            self._node.log.warn("cleaner.worker_not_started", partition=partition.topic_partition, error=str(error))
            return
        self._worker_deaths.value += 1
        key = _key(partition)
        self._deaths[key] = self._deaths.get(key, 0) + 1
        self._node.log.warn("cleaner.worker_died", partition=partition.topic_partition, times=self._deaths[key])
        if self._deaths[key] >= _DEATHS_MAX:
            self._cannot_clean(partition, error)

    def _disk_failed(self, dirty: _Dirty, error: OSError) -> None:
        name = dirty.partition.topic_partition
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            self._node.log.warn("cleaner.disk_full", partition=name)
        dirty.directory.refused(error, f"{name}")

    def _cannot_clean(self, partition: Partition, error: Exception) -> None:
        name = partition.topic_partition
        known = self._uncleanable.setdefault(partition.topic_id, {})
        settings = None if partition.log is None else partition.log.settings
        again = Uncleanable(settings, self._node.steady.now_ms(), known.get(name.partition))
        known[name.partition] = again
        self._deaths.pop(_key(partition), None)
        self._node.log.error(
            "cleaner.log_uncleanable", partition=name, error=repr(error), again_in_s=again.pause_ms // 1000
        )

    def _cleanable_again(self, partition: Partition) -> None:
        known = self._uncleanable.get(partition.topic_id, {})
        if known.pop(partition.topic_partition.partition, None) is not None:
            self._node.log.info("cleaner.log_cleanable_again", partition=partition.topic_partition)
        if not known:
            self._uncleanable.pop(partition.topic_id, None)

    def topics_deleted(self, topic_ids: list[bytes]) -> None:
        for topic_id in topic_ids:
            self._uncleanable.pop(topic_id, None)
            for key in [key for key in self._deaths if key[0] == topic_id]:
                del self._deaths[key]

    def _count_uncleanable(self) -> int:
        return sum(len(partitions) for partitions in self._uncleanable.values())

    def _uncleanable_bytes(self) -> int:
        total = 0
        for topic_id, partitions in self._uncleanable.items():
            topic = self._node.replicas.by_id.get(topic_id)
            for index in partitions if topic is not None else ():
                assert topic is not None
                partition = topic.partitions[index]
                directory = self._node.hosting.directory_of(partition.topic_partition)
                if partition.log is not None and directory is not None and not partition.log.offline:
                    checkpoint = directory.cleaned_to(partition.topic_partition)
                    now_ms = self._node.clock.now_ms()
                    total += partition.log.dirt(checkpoint, partition.high_watermark, now_ms).dirty_bytes
        return total


def _key(partition: Partition) -> tuple[bytes, int]:
    return partition.topic_id, partition.topic_partition.partition


def _memory(settings: BrokerSettings) -> Memory:
    return Memory(
        map_bytes=settings.log_cleaner_dedupe_buffer_size,
        load_factor=settings.log_cleaner_io_buffer_load_factor,
        read_bytes=max(settings.log_cleaner_io_buffer_size // 2, 1 << 12),
        max_bytes_per_second=settings.log_cleaner_io_max_bytes_per_second,
    )
