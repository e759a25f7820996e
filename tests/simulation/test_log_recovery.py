"""A log directory after a crash at any point of its work, on a disk that loses and tears what was not fsynced.

What must hold: nothing below the durable end is lost or changed; what comes back is a beginning of what was appended;
indexes lead to the batches they name; producers are those of the records; the log can be written and opened again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ottla.common.names import TopicPartition
from ottla.records.batch import batches
from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder
from ottla.storage.directory import LogDirectory
from ottla.storage.indexes import OffsetIndex, TimeIndex
from ottla.storage.log import Origin, PartitionLog
from ottla.storage.settings import TopicSettings
from ottla.testing.clock import SimClock, SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import Crashed, SimFiles

PATH = "/data"
PARTITIONS = [TopicPartition("events", 0), TopicPartition("events", 1)]
SETTINGS = TopicSettings.of(
    {
        "internal.segment.bytes": 900,
        "index.interval.bytes": 150,
        "file.delete.delay.ms": 10,
        "message.timestamp.after.max.ms": 1 << 40,
        "retention.bytes": 3000,
    }
)


@dataclass
class Told:
    """What the callers of one partition's log know."""

    topic_id: bytes
    batches: list[tuple[int, bytes]] = field(default_factory=list)
    """(base offset, content without base offset, length and leader epoch), as appended."""
    durable_end: int = 0
    beginning_lost: bool = False
    """A power cut took the name of the first segment before anything was synced."""
    end: int = 0
    start: int = 0


class Life:
    """Several lives of one process on one disk, each ended by a crash at a random operation."""

    def __init__(self, seed: int) -> None:
        self.random = SimRandom(seed)
        self.clock = SimClock()
        self.power_cuts = True
        self.files = SimFiles(self.clock)
        self.told = {partition: Told(bytes([index + 1]) * 16) for index, partition in enumerate(PARTITIONS)}

    def live(self, operations: int) -> bool:
        """Works until the crash, or to a clean stop; True if it came to the crash."""
        self.files.crash_at(operations, torn_bytes=self.random.below(200))
        try:
            self.work()
            return False
        except Crashed:
            return True

    def work(self) -> None:
        directory = self.open()
        logs = {partition: self.log(directory, partition) for partition in PARTITIONS}
        for _ in range(40):
            partition = self.random.choice(PARTITIONS)
            self.step(directory, logs[partition], self.told[partition])
        directory.close(broker_epoch=1)
        for told in self.told.values():
            told.durable_end = told.end

    def open(self) -> LogDirectory:
        return LogDirectory.open(
            self.files, PATH, cluster_id="cluster", node_id=1, random=self.random, now_ms=self.clock.now_ms()
        )

    def log(self, directory: LogDirectory, partition: TopicPartition) -> PartitionLog:
        told, now_ms = self.told[partition], self.clock.now_ms()
        if not directory.contains(partition):
            assert told.durable_end == 0, f"the folder of {partition} is lost"
            log = directory.create(partition, told.topic_id, SETTINGS, now_ms)
        else:
            log = directory.log(partition, SETTINGS, now_ms, told.topic_id)
            if log.topic_id != told.topic_id and told.durable_end == 0:  # torn: a broker takes it for another topic's
                directory.delete(partition, now_ms)
                self.told[partition] = told = Told(told.topic_id)
                log = directory.create(partition, told.topic_id, SETTINGS, now_ms)
        self.check(log, told)
        self.check_indexes(log, closed_only=not directory.clean)
        return log

    # -- work

    def step(self, directory: LogDirectory, log: PartitionLog, told: Told) -> None:
        choice = self.random.below(20)
        if choice < 11:
            self.append(log, told)
        elif choice < 14:
            sync = log.to_sync()
            if sync is not None:
                if self.random.chance(0.5):
                    self.append(log, told)  # one that this sync does not cover
                sync.run()
                told.durable_end = log.synced(sync)
        elif choice == 14:
            log.roll(self.clock.now_ms())
        elif choice == 15:
            directory.checkpoint()
        elif choice == 16:
            log.retain(self.clock.now_ms(), log.durable_end)
            told.start = log.log_start_offset
        elif choice == 17:
            self.truncate(log, told)
        elif choice == 18:
            directory.remove_due(self.clock.now_ms())
        self.clock.advance(7)

    def append(self, log: PartitionLog, told: Told) -> None:
        now_ms = self.clock.now_ms()
        kind = self.random.below(4)
        if kind == 0 and log.has_ongoing_transaction(9, 0):
            batch = end_marker(
                producer_id=9,
                producer_epoch=0,
                committed=self.random.chance(0.5),
                coordinator_epoch=0,
                timestamp=now_ms,
            )
            origin = Origin.COORDINATOR
        else:
            producers = {view.producer_id: view for view in log.producers()}
            known = producers.get(9)
            sequence = 0 if known is None else known.last_sequence + 1
            builder = BatchBuilder(producer_id=9, producer_epoch=0, base_sequence=sequence, transactional=True)
            if kind == 1 and not log.has_ongoing_transaction(9, 0):
                builder = BatchBuilder()
            for _ in range(1 + self.random.below(3)):
                builder.append(now_ms - self.random.below(50), None, self.random.bytes(self.random.below(120)))
            batch, origin = builder.build(), Origin.CLIENT
        told.batches.append((log.log_end_offset, batch[16:]))
        epoch = max(log.latest_epoch, 0) + (self.random.below(10) == 0)
        told.end = log.append(batch, leader_epoch=epoch, now_ms=now_ms, origin=origin).last_offset + 1

    def truncate(self, log: PartitionLog, told: Told) -> None:
        """As a follower that diverged: down to the durable end at least, here."""
        target = max(told.durable_end, log.log_end_offset - 4)
        told.end = max(
            [0, *(base for base, _ in told.batches if base <= target)]
        )  # it may happen before a crash or not
        log.truncate_to(target)
        told.end = log.log_end_offset
        told.batches = [entry for entry in told.batches if entry[0] < told.end]

    # -- what must hold after a crash

    def check(self, log: PartitionLog, told: Told) -> None:
        assert log.log_end_offset >= told.durable_end, f"{log}: durable up to {told.durable_end}"
        assert log.topic_id == told.topic_id
        appended = dict(told.batches)
        offset = log.log_start_offset
        assert self.power_cuts or offset >= told.start  # a deletion may be undone by a power cut
        read: list[tuple[int, bytes]] = []
        while offset < log.log_end_offset:
            found = log.read(offset, 1 << 20, up_to=log.log_end_offset)
            raw = found.read_all()
            found.release()
            assert raw, f"{log}: a hole at {offset}"
            for position, header in batches(raw):
                assert header.base_offset == offset, f"{log}: {header.base_offset} where {offset} should be"
                read.append((offset, raw[position + 16 : position + header.size_bytes]))
                offset = header.last_offset + 1
                assert log.epoch_at(header.base_offset) == header.leader_epoch
        for base_offset, content in read:
            assert appended.get(base_offset) == content, f"{log}: the batch at {base_offset} is not what was appended"
        if told.durable_end == 0 and log.log_start_offset > 0:  # the first segment's name was never synced
            told.batches = [entry for entry in told.batches if entry[0] >= log.log_start_offset]
            told.beginning_lost = True
        self.check_producer(log, told)
        told.batches = [entry for entry in told.batches if entry[0] < log.log_end_offset]
        told.end, told.start = log.log_end_offset, log.log_start_offset

    def check_producer(self, log: PartitionLog, told: Told) -> None:
        """The last sequence is that of the last data batch with the producer's id, whoever remembers it."""
        last = -1
        for base_offset, content in told.batches:
            header = next(batches(bytes(8) + len(content + b"four").to_bytes(4, "big") + bytes(4) + content))[1]
            if base_offset < log.log_end_offset and header.producer_id == 9 and not header.is_control:
                last = header.last_sequence
        if last == -1 and told.beginning_lost:
            return  # its records are gone; a snapshot of them may be left or not, and both are right
        views = [view for view in log.producers() if view.producer_id == 9]
        assert (views[0].last_sequence if views else -1) == last

    def check_indexes(self, log: PartitionLog, *, closed_only: bool) -> None:
        """Those of the active segment are in memory after a crash; what lies on disk is old."""
        names = self.files.list_folder(log.folder)
        active = [name for name in names if name.endswith(".log")][-1].removesuffix(".log")
        for name in [name for name in names if name.endswith(".index")]:
            if closed_only and name.startswith(active):
                continue
            base = int(name.split(".")[0])
            path = f"{log.folder}/{name.removesuffix('.index')}"
            raw = self.files.read(f"{path}.log")
            ends = {position: header.last_offset - base for position, header in batches(raw)}
            times = {header.last_offset - base: header.max_timestamp for _, header in batches(raw)}
            index = OffsetIndex.decode(self.files.read(f"{path}.index"))
            assert all(ends[p] == o for o, p in zip(index.offsets, index.positions, strict=True)), name
            time_index = TimeIndex.decode(self.files.read(f"{path}.timeindex"))
            assert all(times[o] == t for t, o in zip(time_index.timestamps, time_index.offsets, strict=True)), name


def run(seed: int, mode: CrashMode) -> int:
    life = Life(seed)
    crashes = 0
    for _ in range(6):
        if life.live(operations=life.random.below(150)):
            crashes += 1
            life.files = life.files.crash(life.random, mode)
        else:
            life.files = life.files.kill()
    life.files = life.files.kill()
    life.work()
    return crashes


@pytest.mark.parametrize("mode", list(CrashMode), ids=lambda mode: mode.value)
def test_a_log_survives_power_cuts_at_any_point(mode: CrashMode, scale: float) -> None:
    crashes = 0
    for seed in range(max(int(60 * scale), 1)):
        try:
            crashes += run(seed, mode)
        except (AssertionError, Exception) as error:
            error.add_note(f"seed {seed}, {mode}")
            raise
    assert crashes > 0


def test_a_killed_process_loses_nothing(scale: float) -> None:
    """The page cache survives: every append that returned is there, whether it was synced or not."""
    for seed in range(max(int(60 * scale), 1)):
        life = Life(seed)
        life.power_cuts = False
        for _ in range(6):
            life.live(operations=life.random.below(150))
            for told in life.told.values():
                told.durable_end = told.end
            life.files = life.files.kill()
