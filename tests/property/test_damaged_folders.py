"""A partition's folder is damaged at random, after a clean stop or a kill: what was whole is in the log or kept beside.

The dumb twin is the list of all batches that were appended: one counts as whole if its bytes are still in a segment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from ottla.common.errors import CorruptMessage
from ottla.records.batch import with_place
from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder
from ottla.storage.log import Origin, PartitionLog, open_log
from ottla.storage.open_files import OpenFiles
from ottla.storage.repairs import Cut, Reason, Repair, is_gap
from ottla.storage.settings import TopicSettings
from ottla.testing.clock import SimRandom
from ottla.testing.files import SimFiles

FOLDER = "/data/t-0"
NOW_MS = 1_700_000_000_000
SETTINGS = TopicSettings.of({"internal.segment.bytes": 900, "index.interval.bytes": 150})
NO_SUCH_OFFSET = 1 << 40
LENGTH_FROM, EPOCH_TO = 8, 8
"""Where the length begins in a batch, and where, counted from there, the epoch ends."""


@dataclass
class Written:
    """What a log was before anything happened to it."""

    batches: list[tuple[int, int, bytes]] = field(default_factory=list)
    """(base offset, last offset, the bytes behind the base offset) of each."""
    epochs: list[int] = field(default_factory=list)
    """By offset."""
    end: int = 0
    durable_end: int = 0


def write(files: SimFiles, random: SimRandom, *, clean: bool) -> tuple[Written, list[object]]:
    """Some segments with epochs, producers and transactions; and what the log knew of them."""
    files.make_folder(FOLDER)
    written = Written()
    log = open_log(files, FOLDER, SETTINGS, now_ms=NOW_MS, clean=True)
    epoch = 0
    for step in range(15 + random.below(20)):
        epoch += random.below(8) == 0
        kind, origin = random.below(4), Origin.CLIENT
        if kind == 0 and log.has_ongoing_transaction(9, 0):
            data = end_marker(
                producer_id=9, producer_epoch=0, committed=random.chance(0.5), coordinator_epoch=0, timestamp=NOW_MS
            )
            origin = Origin.COORDINATOR
        else:
            last = {view.producer_id: view.last_sequence for view in log.producers()}.get(9, -1)
            builder = BatchBuilder(producer_id=9, producer_epoch=0, base_sequence=last + 1, transactional=True)
            if kind == 1 and not log.has_ongoing_transaction(9, 0):
                builder = BatchBuilder()
            for _ in range(1 + random.below(3)):
                builder.append(NOW_MS + 10 * step - random.below(15), b"key", random.bytes(random.below(100)))
            data = builder.build()
        done = log.append(data, leader_epoch=epoch, now_ms=NOW_MS, origin=origin)
        written.batches.append((done.base_offset, done.last_offset, stored(data, epoch)))
        written.epochs += [epoch] * (done.last_offset + 1 - done.base_offset)
        written.end = done.last_offset + 1
        if random.below(6) == 0:
            log.flush()
    if clean:
        log.close()
    written.durable_end = log.durable_end
    return written, knowledge(log, written)


def stored(batch: bytes, epoch: int) -> bytes:
    """Its bytes in the log, from the length on."""
    return with_place(batch, 0, epoch)[LENGTH_FROM:]


def knowledge(log: PartitionLog, written: Written) -> list[object]:
    """What can be derived from the batches."""
    found: list[object] = [log.producers(), log.aborted_transactions(0, written.end), log.log_end_offset]
    found += [log.epoch_at(offset) for offset in range(written.end)]
    found += [log.offset_for_timestamp(NOW_MS + 10 * step) for step in range(36)]
    return [*found, log.offset_of_max_timestamp()]


# -- damage


def flipped(data: bytes, random: SimRandom) -> bytes:
    at = random.below(max(len(data), 1))
    return data[:at] + bytes([data[at] ^ (1 << random.below(8))]) + data[at + 1 :] if data else b"\x01"


def shortened(data: bytes, random: SimRandom) -> bytes:
    return data[: random.below(len(data) + 1)]


def zeroed(data: bytes, random: SimRandom) -> bytes:
    at, size = random.below(len(data) + 1), random.below(80)
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]


def lengthened(data: bytes, random: SimRandom) -> bytes:
    return data + random.choice([bytes(random.below(500)), random.bytes(random.below(200)), data[: random.below(300)]])


def doubled(data: bytes, random: SimRandom) -> bytes:
    return data + data


def noise(data: bytes, random: SimRandom) -> bytes:
    return random.bytes(len(data))


Damage = Callable[[bytes, SimRandom], bytes]
OF_SMALL_FILES: list[Damage] = [flipped, shortened, zeroed, lengthened, doubled, noise]
OF_SEGMENTS: list[Damage] = [flipped, zeroed, lengthened, shortened]


def change(files: SimFiles, name: str, damage: Damage, random: SimRandom) -> None:
    path = f"{FOLDER}/{name}"
    content = damage(files.read(path), random)
    file = files.open(path)
    file.truncate(0)
    file.append(content)
    file.close()


def damage_small_files(files: SimFiles, random: SimRandom) -> None:
    names = [name for name in files.list_folder(FOLDER) if not name.endswith(".log")]
    for _ in range(1 + random.below(3)):
        name = random.choice(names)
        if not files.exists(f"{FOLDER}/{name}"):
            continue
        if random.below(6) == 0 and not name.endswith(".txnindex"):  # nobody can tell that one is missing
            files.remove(f"{FOLDER}/{name}")
        elif not name.endswith(".txnindex"):
            change(files, name, random.choice(OF_SMALL_FILES), random)
        else:
            change(files, name, random.choice([noise, doubled]), random)


def damage_segments(files: SimFiles, random: SimRandom) -> bool:
    """True if records may be missing at the end of the log, without a trace."""
    names = [name for name in files.list_folder(FOLDER) if name.endswith(".log")]
    lost = False
    for _ in range(1 + random.below(2)):
        damage = random.choice(OF_SEGMENTS)
        change(files, random.choice(names), damage, random)
        lost = lost or damage is shortened
    return lost


# -- what must hold


class Opened:
    def __init__(self, files: SimFiles, *, clean: bool, point: int) -> None:
        self.files = files
        self.repairs: list[Repair] = []
        self.log = open_log(
            files, FOLDER, SETTINGS, now_ms=NOW_MS, clean=clean, recovery_point=point, open_files=OpenFiles(3),
            on_repair=self.repairs.append,
        )  # fmt: skip

    @property
    def cuts(self) -> list[Cut]:
        return [one for one in self.repairs if isinstance(one, Cut) and one.reason is not Reason.MISSING]

    def read(self) -> list[tuple[int, int, bytes]]:
        """All whole batches, as a coordinator reads them; offsets rise."""
        found = [
            (one.header.base_offset, one.header.last_offset, bytes(one.data[LENGTH_FROM:]))
            for piece in self.log.verified(1 << 16)
            for one in piece.batches
        ]
        assert all(before[1] < after[0] for before, after in pairwise(found)), "offsets go back"
        return found

    def use(self) -> None:
        """What clients ask is answered, or says that a batch is damaged."""
        log = self.log
        for offset in range(log.log_start_offset, min(log.log_end_offset, 200)):
            try:
                log.read(offset, 300, up_to=log.log_end_offset).release()
                log.offset_for_timestamp(NOW_MS + offset)
                log.offset_of_max_timestamp()
            except CorruptMessage:
                pass
        log.aborted_transactions(0, log.log_end_offset)
        log.producers()


def on_disk(files: SimFiles, *, logs_only: bool = False) -> bytes:
    names = [name for name in files.list_folder(FOLDER) if name.endswith(".log") or not logs_only]
    return b"|".join(files.read(f"{FOLDER}/{name}") for name in names)


def still_whole(files: SimFiles, written: Written) -> list[tuple[int, int, bytes]]:
    content = on_disk(files, logs_only=True)
    return [one for one in written.batches if one[2] in content]


def a_point(written: Written, random: SimRandom) -> int:
    """What a recovery point says that lies."""
    end = written.end
    return random.choice([0, random.below(end + 1), end, end + random.below(10), NO_SUCH_OFFSET])


def run(seed: int) -> str:
    random = SimRandom(seed)
    files = SimFiles()
    stopped = random.chance(0.5)
    written, known = write(files, random, clean=stopped)
    files = files.kill()
    claims_clean = stopped or random.below(5) == 0  # a marker of a clean stop may lie as well
    honest = random.chance(0.6)
    point = written.durable_end if honest else a_point(written, random)
    kind = random.choice(["small", "segments", "both"])
    lost = False
    if kind != "segments":
        damage_small_files(files, random)
    if kind != "small":
        lost = damage_segments(files, random)
    whole = still_whole(files, written)

    opened = Opened(files, clean=claims_clean, point=point)
    opened.use()
    found = opened.read()
    contents = {content[EPOCH_TO:] for _, _, content in written.batches}  # no CRC covers offset and epoch
    assert all(content[EPOCH_TO:] in contents for _, _, content in found), "a batch that nobody wrote"
    if kind == "small":
        assert found == written.batches and opened.cuts == [], "a small file decided about records"
        if claims_clean == stopped:
            assert knowledge(opened.log, written) == known, "what can be derived is not what it was"
    assert opened.log.log_end_offset >= max((last + 1 for _, last, _ in found), default=0)
    if honest and not lost and not (kind != "small" and stopped != claims_clean):
        assert opened.log.log_end_offset >= written.durable_end, "an offset that was durable would be given again"
    content = on_disk(files)
    missing = [base for base, _, data in whole if data not in content]
    assert not missing, f"whole batches are gone from the disk: {missing}"
    first = opened.log.append(batch := a_batch(), leader_epoch=50, now_ms=NOW_MS).base_offset
    opened.log.close()
    again = Opened(files.kill(), clean=True, point=opened.log.durable_end)
    again.use()
    assert all(map(is_gap, again.cuts)), "offsets that are missing are told after each start, and nothing else is"
    assert again.read() == [*found, (first, first, stored(batch, 50))]
    return kind


def a_batch() -> bytes:
    builder = BatchBuilder()
    builder.append(NOW_MS, None, b"new")
    return builder.build()


SEEDS, SHARDS = 300, 4


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_was_whole_is_in_the_log_or_kept_beside_it(shard: int, scale: float) -> None:
    for seed in range(shard, max(int(SEEDS * scale), SHARDS), SHARDS):
        try:
            run(seed)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
