"""`PartitionLog` held against a plain list of records, under any sequence of calls."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ottla.common.errors import InvalidProducerEpoch, OffsetOutOfRange, OutOfOrderSequenceNumber
from ottla.records.batch import batches
from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder, read_records
from ottla.storage.log import Origin, PartitionLog, open_log
from ottla.storage.open_files import OpenFiles
from ottla.storage.settings import TopicSettings
from ottla.testing.clock import SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import SimFiles

FOLDER = "/data/t-0"
START_MS = 1_700_000_000_000


@dataclass
class Kept:
    """One record of the model; `batch` is the base offset of its batch."""

    offset: int
    timestamp: int
    value: bytes | None
    batch: int
    producer_id: int = -1
    sequence: int = -1
    control: bool = False


class LogMachine(RuleBasedStateMachine):
    """Small segments, small index intervals and few open files, so that all of it happens within a few dozen steps."""

    def __init__(self) -> None:
        super().__init__()
        self.files = SimFiles()
        self.files.make_folder(FOLDER)
        for folder in ("/", "/data"):
            self.files.fsync_folder(folder)
        self.now_ms = START_MS
        self.records: list[Kept] = []
        self.start = self.end = 0
        self.epoch = 0
        self.sequences: dict[int, int] = {}
        self.open_transactions: dict[int, int] = {}
        self.aborted: list[tuple[int, int, int]] = []
        self.last_batches: dict[int, tuple[bytes, int]] = {}

    @initialize(
        segment_bytes=st.sampled_from([350, 700, 2500]),
        interval=st.sampled_from([0, 100, 400]),
        index_bytes=st.sampled_from([48, 10_000]),
    )
    def begin(self, segment_bytes: int, interval: int, index_bytes: int) -> None:
        self.settings = TopicSettings.of(
            {
                "internal.segment.bytes": segment_bytes,
                "index.interval.bytes": interval,
                "segment.index.bytes": index_bytes,
                "file.delete.delay.ms": 1000,
                "message.timestamp.after.max.ms": 1 << 40,
            }
        )
        self.log = self.open(clean=True, recovery_point=0)

    def open(self, *, clean: bool, recovery_point: int) -> PartitionLog:
        log = open_log(
            self.files, FOLDER, self.settings, now_ms=self.now_ms, clean=clean, recovery_point=recovery_point,
            log_start_offset=self.start, open_files=OpenFiles(2),
        )  # fmt: skip
        if not clean:
            log.remove_due(1 << 60)
        return log

    def append(self, batch: bytes, origin: Origin = Origin.CLIENT) -> int:
        appended = self.log.append(batch, leader_epoch=self.epoch, now_ms=self.now_ms, origin=origin)
        assert (appended.base_offset, appended.duplicate) == (self.end, False)
        for record in read_records(batch):
            header = next(batches(batch))[1]
            self.records.append(
                Kept(
                    self.end + record.offset,
                    record.timestamp,
                    record.value,
                    self.end,
                    header.producer_id,
                    header.base_sequence,
                    header.is_control,
                )
            )
        self.end = appended.last_offset + 1
        return appended.base_offset

    # -- appends

    @rule(
        sizes=st.lists(st.integers(0, 60), min_size=1, max_size=4),
        ages=st.integers(-500, 500),
        codec=st.sampled_from([0, 0, 0, 2]),
    )
    def append_plain(self, sizes: list[int], ages: int, codec: int) -> None:
        builder = BatchBuilder(codec=codec)
        for index, size in enumerate(sizes):
            builder.append(self.now_ms + ages + index % 2, b"k", bytes([index]) * size)
        self.append(builder.build())

    @rule(producer_id=st.integers(1, 3), count=st.integers(1, 3))
    def append_idempotent(self, producer_id: int, count: int) -> None:
        if producer_id in self.open_transactions:
            return
        self.append_sequenced(producer_id, count, transactional=False)

    @rule(producer_id=st.integers(4, 5), count=st.integers(1, 3))
    def append_transactional(self, producer_id: int, count: int) -> None:
        base = self.append_sequenced(producer_id, count, transactional=True)
        self.open_transactions.setdefault(producer_id, base)

    def append_sequenced(self, producer_id: int, count: int, *, transactional: bool) -> int:
        sequence = self.sequences.get(producer_id, 0)
        builder = BatchBuilder(
            producer_id=producer_id, producer_epoch=0, base_sequence=sequence, transactional=transactional
        )
        for index in range(count):
            builder.append(self.now_ms, None, b"%d" % (sequence + index))
        batch = builder.build()
        base = self.append(batch)
        self.sequences[producer_id] = sequence + count
        self.last_batches[producer_id] = (batch, base)
        return base

    @precondition(lambda self: self.last_batches)
    @rule(choice=st.integers(0, 10))
    def repeat_a_batch(self, choice: int) -> None:
        batch, base = list(self.last_batches.values())[choice % len(self.last_batches)]
        again = self.log.append(batch, leader_epoch=self.epoch, now_ms=self.now_ms)
        assert (again.duplicate, again.base_offset) == (True, base)

    @precondition(lambda self: self.last_batches)
    @rule(choice=st.integers(0, 10))
    def leave_a_gap(self, choice: int) -> None:
        producer_id = list(self.last_batches)[choice % len(self.last_batches)]
        builder = BatchBuilder(
            producer_id=producer_id, producer_epoch=0, base_sequence=self.sequences[producer_id] + 7,
            transactional=producer_id > 3,
        )  # fmt: skip
        builder.append(self.now_ms, None, b"")
        try:
            self.log.append(builder.build(), leader_epoch=self.epoch, now_ms=self.now_ms)
            raise AssertionError("a gap in the sequence was accepted")
        except (OutOfOrderSequenceNumber, InvalidProducerEpoch):
            pass

    @precondition(lambda self: self.open_transactions)
    @rule(committed=st.booleans())
    def end_transaction(self, committed: bool) -> None:
        producer_id, first = next(iter(self.open_transactions.items()))
        del self.open_transactions[producer_id]
        marker = end_marker(
            producer_id=producer_id, producer_epoch=0, committed=committed, coordinator_epoch=1, timestamp=self.now_ms
        )
        offset = self.append(marker, Origin.COORDINATOR)
        if not committed:
            self.aborted.append((producer_id, first, offset))

    @rule()
    def next_epoch(self) -> None:
        self.epoch += 1

    # -- cuts, time and restarts

    @rule(milliseconds=st.integers(1, 100_000))
    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.log.remove_due(self.now_ms)

    @rule()
    def roll(self) -> None:
        self.log.roll(self.now_ms)

    @rule(back=st.integers(0, 12))
    def truncate(self, back: int) -> None:
        target = max(self.end - back, self.start)
        self.log.truncate_to(target)
        cut = next((record.batch for record in self.records if record.offset >= target), self.end)
        self.forget_from(min(cut, target) if target < self.end else self.end)
        self.start = min(self.start, self.end)

    def forget_from(self, end: int) -> None:
        self.records = [record for record in self.records if record.offset < end]
        self.end = end
        self.aborted = [entry for entry in self.aborted if entry[2] < end]
        self.rebuild_producers()

    def rebuild_producers(self) -> None:
        """What the records that are left say of their producers; older ones may be known to the log from snapshots."""
        self.last_batches.clear()
        self.open_transactions.clear()
        self.sequences = dict.fromkeys(self.sequences, 0)
        by_id = {view.producer_id: view for view in self.log.producers()}
        for producer_id in self.sequences:
            view = by_id.get(producer_id)
            kept = [one for one in self.records if one.producer_id == producer_id and not one.control]
            if view is not None and kept:
                assert view.last_sequence == kept[-1].sequence + sum(one.batch == kept[-1].batch for one in kept) - 1
            if view is not None:
                self.sequences[producer_id] = view.last_sequence + 1
                if view.transaction_start_offset >= 0:
                    self.open_transactions[producer_id] = view.transaction_start_offset
        self.open_transactions = dict(sorted(self.open_transactions.items(), key=lambda item: item[1]))

    @rule(by=st.integers(0, 10))
    def delete_records(self, by: int) -> None:
        target = min(self.start + by, self.end)
        assert self.log.advance_start(target) == (target > self.start)
        self.start = max(self.start, target)

    @rule(keep_bytes=st.integers(0, 2000))
    def retain_by_size(self, keep_bytes: int) -> None:
        values = {**self.settings.given(), "retention.bytes": keep_bytes, "retention.ms": -1}
        self.log.configure(TopicSettings.of(values))
        before, whole = self.log.size_bytes, not self.log.start_needs_checkpoint
        self.log.retain(self.now_ms, self.log.log_end_offset)
        if whole:  # else what DeleteRecords left goes as well
            assert self.log.size_bytes >= min(before, keep_bytes)
        self.after_retention()

    @rule()
    def retain_by_age(self) -> None:
        self.log.configure(TopicSettings.of({**self.settings.given(), "retention.ms": 50_000}))
        self.log.retain(self.now_ms, self.log.log_end_offset)
        self.after_retention()

    def after_retention(self) -> None:
        self.log.configure(self.settings)
        assert self.log.log_start_offset >= self.start
        self.start = self.log.log_start_offset

    @rule()
    def restart(self) -> None:
        self.log.close()
        assert self.log.durable_end == self.end
        self.log = self.open(clean=True, recovery_point=self.end)
        assert self.log.recovered_bytes == 0, "a clean start read the log"
        self.last_batches = self.only_newest_batches()

    @rule()
    def restart_without_checkpoint(self) -> None:
        self.log.close()
        self.log = self.open(clean=True, recovery_point=0)
        self.last_batches = self.only_newest_batches()

    @rule(synced=st.booleans())
    def kill(self, synced: bool) -> None:
        if synced:
            self.log.flush()
        durable = self.log.durable_end
        self.files = self.files.kill()
        self.log = self.open(clean=False, recovery_point=durable)
        assert self.log.log_end_offset == self.end, "a process that was killed lost what it had written"
        self.last_batches = self.only_newest_batches()

    @rule(seed=st.integers(0, 1000))
    def lose_power(self, seed: int) -> None:
        self.log.flush()
        durable = self.log.durable_end
        self.files = self.files.crash(SimRandom(seed), CrashMode.LOSE)
        self.log = self.open(clean=False, recovery_point=durable)
        assert self.log.log_end_offset == self.end
        self.last_batches = self.only_newest_batches()

    def only_newest_batches(self) -> dict[int, tuple[bytes, int]]:
        known = {view.producer_id for view in self.log.producers()}
        return {key: value for key, value in self.last_batches.items() if key in known}

    # -- what must hold

    @invariant()
    def ends_agree(self) -> None:
        if not hasattr(self, "log"):
            return
        assert (self.log.log_start_offset, self.log.log_end_offset) == (self.start, self.end)
        assert self.log.durable_end <= self.end
        first = next(iter(self.open_transactions.values()), None)
        assert self.log.first_unstable_offset == first
        stable = self.end if first is None else max(first, self.start)
        assert self.log.last_stable_offset(self.end) == stable

    @rule(data=st.data(), max_bytes=st.integers(0, 1500), wait=st.booleans())
    def read(self, data: st.DataObject, max_bytes: int, wait: bool) -> None:
        offset = data.draw(st.integers(self.start, self.end))
        up_to = self.batch_end(data.draw(st.integers(offset, self.end)))
        found = self.log.read(offset, max_bytes, up_to=up_to)
        raw = found.read_all()
        assert len(raw) == len(found)
        found.release()
        got = [
            record for position, header in batches(raw) for record in read_records(raw[position:][: header.size_bytes])
        ]
        assert sum(header.size_bytes for _, header in batches(raw)) == len(raw), "a read ends inside a batch"
        expected = [record for record in self.records if record.offset >= offset and record.offset < up_to]
        if offset < up_to:
            assert got, "nothing was read though there is something"
            assert [record.offset for record in got if record.offset >= offset][:1] == [offset]
        wanted = [(one.offset, one.value, one.timestamp) for one in expected]
        read = [(one.offset, one.value, one.timestamp) for one in got if one.offset >= offset]
        assert read == wanted[: len(read)]
        assert len(raw) <= max_bytes or len(list(batches(raw))) == 1
        if got:
            assert found.end_offset == got[-1].offset + 1

    def batch_end(self, offset: int) -> int:
        """High watermarks lie between batches."""
        return next((record.batch for record in self.records if record.offset == offset), offset)

    @rule(delta=st.integers(-200_000, 1000))
    def find_by_time(self, delta: int) -> None:
        timestamp = self.now_ms + delta
        found = self.log.offset_for_timestamp(timestamp)
        live = [record for record in self.records if record.offset >= self.start]
        expected = next((record for record in live if record.timestamp >= timestamp), None)
        assert (found and found.offset) == (expected and expected.offset)
        largest = self.log.offset_of_max_timestamp()
        first_file = self.log._segments.first.base_offset
        stored = [record for record in self.records if record.offset >= first_file]
        newest = max(stored, key=lambda record: record.timestamp, default=None)
        assert (largest and largest.offset) == (newest and newest.offset)

    @rule(data=st.data())
    def list_aborted(self, data: st.DataObject) -> None:
        low = data.draw(st.integers(self.start, self.end))
        high = data.draw(st.integers(low, self.end))
        got = self.log.aborted_transactions(low, high)
        expected = sorted((first, producer) for producer, first, last in self.aborted if last >= low and first < high)
        assert got == [(producer, first) for first, producer in expected]

    @rule()
    def read_outside(self) -> None:
        for offset in (self.start - 1, self.end + 1):
            try:
                self.log.read(offset, 100, up_to=self.end)
                raise AssertionError(f"offset {offset} was read from a log of {self.start}..{self.end}")
            except OffsetOutOfRange:
                pass


TestLog = LogMachine.TestCase
TestLog.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, report_multiple_bugs=False)
