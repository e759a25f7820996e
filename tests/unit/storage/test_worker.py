"""The worker process by itself: a job's reports, what it raises, a job that is broken off, and how it gives way."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ottla.common.errors import CorruptMessage
from ottla.storage.compaction.pass_ import Cleaned, PassJob, PassResult
from ottla.storage.files import Files, Step, WorkerStarved
from ottla.storage.log import open_log
from ottla.storage.log_cleaning import Memory
from ottla.storage.offload import ThreadOffload
from ottla.storage.os_files import OsFiles
from ottla.storage.patience import Starvation, hurry
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


@dataclass
class Asked:
    """A job that reports how its worker competes for the processor, and then does what it is told."""

    starves: bool
    max_bytes_per_second: float = float("inf")

    def steps(self, files: Files) -> Iterator[Step]:
        yield Step(0, (os.sched_getscheduler(0), os.nice(0)))
        if self.starves:
            raise WorkerStarved("no idle time")


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the system has no idle class")
def test_a_worker_takes_idle_time_only_until_it_starves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))  # the worker is to find this module

    async def main() -> None:
        offload = ThreadOffload()

        async def ask(*, starves: bool = False) -> tuple[int, int]:
            [asked] = [report async for report in offload.run_worker(Asked(starves))]
            return asked

        assert (await ask())[0] == os.SCHED_IDLE
        with pytest.raises(WorkerStarved, match="no idle time"):
            await ask(starves=True)
        assert offload.worker_pid is None
        policy, niceness = await ask()
        assert policy == os.SCHED_OTHER and niceness == os.nice(0) + 10
        await offload.end_worker()
        assert (await ask())[0] == os.SCHED_IDLE
        await offload.end_worker()

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the system has no idle class")
def test_a_worker_that_is_ended_need_not_wait_for_idle_time() -> None:
    """Without the privilege nothing changes, and that is no error either."""
    patient = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", patient], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        hurry(process.pid)
        policy = os.sched_getscheduler(process.pid)
        try:
            os.sched_setscheduler(process.pid, os.SCHED_OTHER, os.sched_param(0))
        except PermissionError:
            assert policy == os.SCHED_IDLE
        else:
            assert policy == os.SCHED_OTHER
        process.kill()
    hurry(process.pid)


def test_a_process_starves_when_it_waits_for_a_core_nearly_all_the_time() -> None:
    starvation = Starvation(100.0, 7.0)
    assert not starvation.is_due(109.9)
    assert starvation.is_due(110.0)
    assert not starvation.is_starving(110.0, 15.9)  # 8.9 of 10 s
    assert not starvation.is_due(119.0)
    assert starvation.is_starving(120.0, 25.0)


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the system has no idle class")
def test_a_patient_process_notices_that_another_keeps_its_core() -> None:
    core = min(os.sched_getaffinity(0))
    spin = subprocess.Popen([sys.executable, "-c", f"import os\nos.sched_setaffinity(0, [{core}])\nwhile True: pass"])
    try:
        patient = f"""
import os, time
from ottla.storage.patience import Starvation, be_patient, waited_s
os.sched_setaffinity(0, [{core}])
assert be_patient()
starvation = Starvation(time.monotonic(), waited_s(), window_s=0.2)
while not (starvation.is_due(time.monotonic()) and starvation.is_starving(time.monotonic(), waited_s())):
    pass
"""
        subprocess.run([sys.executable, "-c", patient], check=True, timeout=120)
    finally:
        spin.kill()
        spin.wait()


def test_a_throttle_rests_for_what_was_done_too_fast() -> None:
    throttle = Throttle(1000.0, 50.0)
    assert throttle.rest_s(500, 50.1) == pytest.approx(0.4)
    assert throttle.rest_s(0, 50.6) == 0
    assert throttle.rest_s(1000, 51.0) == pytest.approx(0.5)
