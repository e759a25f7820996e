"""A log whose disk refuses its n-th operation, for any n, holds what it acknowledged, in memory and after a start."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from ottla.common.errors import KafkaError, KafkaStorageError
from ottla.records.batch import batches
from ottla.records.control import end_marker
from ottla.storage.log import Origin, PartitionLog
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import NOW_MS, add, batch, new_log, reopen

ERRORS = (errno.ENOSPC, errno.EMFILE, errno.ENOMEM)
SMALL = {"segment_bytes": 300, "index_interval_bytes": 50, "retention_bytes": 900, "file_delete_delay_ms": 0}


def life(log: PartitionLog, acknowledged: list[int]) -> Iterator[None]:
    """Appends, transactions that are aborted, rolls, syncs, retention. A step that is refused is made again."""
    for number in range(14):
        yield
        acknowledged.append(add(log, now_ms=NOW_MS + number))
        if number % 5 == 3:
            yield
            data = batch(producer_id=7, producer_epoch=0, base_sequence=number // 5, transactional=True)
            acknowledged.append(add(log, data))
            yield
            marker = end_marker(producer_id=7, producer_epoch=0, committed=False, coordinator_epoch=0, timestamp=NOW_MS)
            log.append(marker, leader_epoch=0, now_ms=NOW_MS, origin=Origin.COORDINATOR)
        if number % 4 == 2:
            yield
            log.flush()
        if number == 9:
            yield
            log.retain(NOW_MS, log.log_end_offset)
            yield
            log.remove_due(NOW_MS + 1)


def offsets(log: PartitionLog) -> list[int]:
    found: list[int] = []
    offset = log.log_start_offset
    while offset < log.log_end_offset:
        part = log.read(offset, 10_000, up_to=log.log_end_offset)
        found += [header.base_offset for _, header in batches(part.read_all()) if not header.is_control]
        offset = part.end_offset
        part.release()
    return found


def run(error: int, at: int) -> bool:
    """False: there is no `at`-th operation any more."""
    files = SimFiles()
    log = new_log(files, **SMALL)
    acknowledged: list[int] = []
    begun = files.refused

    count = 0

    def refuse(kind: str, path: str) -> None:
        nonlocal count
        count += 1
        if at <= count < at + 3:  # a window: the next try may be refused as well
            files.lack(error, 1)
        elif files.refused > begun:
            files.lack(None)

    files.on_operation = refuse
    steps = life(log, acknowledged)
    for step in range(200):
        try:
            next(steps)
        except StopIteration:
            break
        except (KafkaStorageError, OSError) as refusal:
            assert not log.offline, f"{refusal} at {at}, step {step}"
            steps = _again(log, acknowledged)
    files.on_operation = None
    files.lack(None)
    kept = [one for one in acknowledged if one >= log.log_start_offset]
    assert [one for one in offsets(log) if one in kept] == kept
    aborted = log.aborted_transactions(log.log_start_offset, log.log_end_offset)
    log.flush()
    crashed = reopen(files.kill(), clean=False, start=log.log_start_offset, **SMALL)
    assert offsets(crashed) == offsets_after(crashed, kept)
    assert crashed.aborted_transactions(log.log_start_offset, log.log_end_offset) == aborted
    crashed.close()
    return count >= at


def offsets_after(log: PartitionLog, kept: list[int]) -> list[int]:
    found = offsets(log)
    assert [one for one in found if one in kept] == kept, "nothing acknowledged is missing"
    return found


def _again(log: PartitionLog, acknowledged: list[int]) -> Iterator[None]:
    """After a refusal the rest of the life, whatever was refused."""
    for number in range(6):
        yield
        acknowledged.append(add(log, now_ms=NOW_MS + number))
    yield
    log.flush()
    yield
    log.retain(NOW_MS, log.log_end_offset)
    yield
    log.remove_due(NOW_MS + 1)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: errno.errorcode[error])
def test_any_operation_may_be_refused(error: int) -> None:
    at = 1
    while run(error, at):
        at += 1
    assert at > 60, "the life has that many operations"


def test_a_stop_on_a_full_disk_is_not_clean_and_loses_nothing() -> None:
    files = SimFiles()
    log = new_log(files, **SMALL)
    acknowledged = [add(log) for _ in range(8)]
    files.lack(errno.ENOSPC)
    with pytest.raises(KafkaError):
        log.close()
    files.lack(None)
    assert files.open_files == 0
    again = reopen(files.kill(), clean=False, **SMALL)
    assert offsets(again) == acknowledged
