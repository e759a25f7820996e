"""Compacted logs on a simulated disk, for the tests beside."""

from __future__ import annotations

from ottla.records.batch import BatchHeader, batches
from ottla.records.control import end_marker
from ottla.records.record import BatchBuilder, Record, read_records
from ottla.storage.compaction.pass_ import Cleaned, PassResult
from ottla.storage.files import Files
from ottla.storage.log import Origin, PartitionLog
from ottla.storage.log_cleaning import Memory
from tests.unit.storage.logs import NOW_MS, add

COMPACT = ("compact",)


def pairs(*keyed: tuple[bytes, bytes | None], codec: int = 0, timestamp: int = NOW_MS, **fields: int) -> bytes:
    """A batch of these keys and values."""
    builder = BatchBuilder(codec=codec, **fields)  # type: ignore[arg-type]
    for index, (key, value) in enumerate(keyed):
        builder.append(timestamp + index, key, value)
    return builder.build()


def put(log: PartitionLog, *keyed: tuple[bytes, bytes | None], codec: int = 0, **fields: int) -> int:
    return add(log, pairs(*keyed, codec=codec, **fields))


def mark(log: PartitionLog, producer_id: int, *, committed: bool, epoch: int = 0) -> int:
    marker = end_marker(
        producer_id=producer_id, producer_epoch=epoch, committed=committed, coordinator_epoch=0, timestamp=NOW_MS
    )
    return log.append(marker, leader_epoch=0, now_ms=NOW_MS, origin=Origin.COORDINATOR).base_offset


def settle(log: PartitionLog) -> None:
    """Everything is durable, and the checkpoint says so, as the broker sees to before a pass."""
    log.flush()
    log.on_checkpoint(log.recovery_point)
    log.on_checkpointed(log.recovery_point)


def clean(
    log: PartitionLog,
    files: Files,
    *,
    checkpoint: int | None = None,
    now_ms: int = NOW_MS,
    high_watermark: int | None = None,
    memory: Memory | None = None,
) -> PassResult:
    """One pass and its swaps, as the broker does them."""
    settle(log)
    watermark = log.log_end_offset if high_watermark is None else high_watermark
    job = log.cleaning_job(log.dirt(checkpoint, watermark, now_ms), memory or Memory(), now_ms)
    result = None
    for step in job.steps(files):
        if isinstance(step.report, Cleaned):
            log.swap_in(step.report, now_ms)
        elif step.report is not None:
            result = step.report
    assert isinstance(result, PassResult)
    return result


def headers(log: PartitionLog) -> list[BatchHeader]:
    return [header for header, _ in contents(log)]


def contents(log: PartitionLog) -> list[tuple[BatchHeader, list[Record]]]:
    """Every batch that a reader from the start gets, with its records."""
    found: list[tuple[BatchHeader, list[Record]]] = []
    offset = log.log_start_offset
    while offset < log.log_end_offset:
        part = log.read(offset, 1 << 20, up_to=log.log_end_offset)
        data = part.read_all()
        part.release()
        if not data:
            break
        assert part.end_offset > offset
        offset = part.end_offset
        found += [(header, read_records(data[at : at + header.size_bytes])) for at, header in batches(data)]
    return found


def values(log: PartitionLog) -> list[tuple[int, bytes | None, bytes | None]]:
    """(offset, key, value) of every record; markers are left out."""
    return [
        (one.offset, one.key, one.value)
        for header, records in contents(log)
        if not header.is_control
        for one in records
    ]
