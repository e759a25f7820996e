"""The worker process by itself: a job's reports, what it raises, and a job that is broken off."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from ottla.common.errors import CorruptMessage
from ottla.storage.compaction.pass_ import Cleaned, PassJob, PassResult
from ottla.storage.log import open_log
from ottla.storage.log_cleaning import Memory
from ottla.storage.offload import ThreadOffload
from ottla.storage.os_files import OsFiles
from ottla.storage.settings import TopicSettings
from ottla.storage.worker import Throttle
from tests.unit.storage.compacted import COMPACT, put
from tests.unit.storage.logs import NOW_MS


def job_of(folder: Path, segments: int) -> PassJob:
    folder.mkdir()
    settings = TopicSettings.of({"cleanup.policy": COMPACT, "internal.segment.bytes": 200})
    log = open_log(OsFiles(), str(folder), settings, now_ms=NOW_MS, clean=True)
    for number in range(segments):
        put(log, (b"k%d" % number, bytes(80)))
        log.roll(NOW_MS)
    log.close()
    return log.cleaning_job(log.dirt(None, log.log_end_offset, NOW_MS), Memory(), NOW_MS)


def test_jobs_follow_each_other_whatever_became_of_the_one_before(tmp_path: Path) -> None:
    async def main() -> None:
        offload = ThreadOffload()
        first = [report async for report in offload.run_worker(job_of(tmp_path / "a-0", 3))]
        assert [one.base_offset for one in first[:-1]] == [0, 1, 2] and isinstance(first[-1], PassResult)
        pid = offload.worker_pid
        broken = job_of(tmp_path / "b-0", 3)
        file = next((tmp_path / "b-0").glob("*.log"))
        file.write_bytes(file.read_bytes()[:-1] + b"!")
        with pytest.raises(CorruptMessage, match="wrong CRC"):
            _ = [report async for report in offload.run_worker(broken)]
        async with aclosing(offload.run_worker(job_of(tmp_path / "c-0", 4))) as reports:
            async for report in reports:
                assert isinstance(report, Cleaned)
                break
        assert offload.worker_pid is None  # it may have been in the middle of the job
        last = [report async for report in offload.run_worker(job_of(tmp_path / "d-0", 1))]
        assert len(last) == 2 and last[0].replaced == (0,)
        assert pid is not None and offload.worker_pid not in (None, pid)
        with pytest.raises(FileNotFoundError):
            missing = job_of(tmp_path / "e-0", 2)
            next((tmp_path / "e-0").glob("*.log")).unlink()
            _ = [report async for report in offload.run_worker(missing)]
        await offload.end_worker()

    asyncio.run(main())


def test_a_throttle_rests_for_what_was_done_too_fast() -> None:
    throttle = Throttle(1000.0, 50.0)
    assert throttle.rest_s(500, 50.1) == pytest.approx(0.4)
    assert throttle.rest_s(0, 50.6) == 0
    assert throttle.rest_s(1000, 51.0) == pytest.approx(0.5)
