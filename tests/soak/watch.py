"""What the broker uses while it runs, and whether that stays flat."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import processes

MB = 1 << 20
_FLAT_MEMORY, _FLAT_FILES = 1.10, 1.10
_SLACK_BYTES, _SLACK_FILES = 4 * MB, 16


class Sample(NamedTuple):
    """`memory_bytes` is that of the broker's own process; its worker comes and goes, and is counted apart."""

    at_s: float
    memory_bytes: int
    worker_bytes: int
    files: int
    disk_bytes: int
    loop_lag_s: float


def sample(at_s: float, pid: int, folder: Path, metrics: str) -> Sample:
    workers = sum(_rss_bytes(child) for child in processes.family(pid)[1:])
    return Sample(at_s, _rss_bytes(pid), workers, _files(pid), _disk_bytes(folder), _lag_s(metrics))


def _rss_bytes(pid: int) -> int:
    """0 for a process that has just ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) * 1024 if found else 0


def _files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _disk_bytes(folder: Path) -> int:
    """What the files take on the disk, those that were deleted meanwhile not counted."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _lag_s(metrics: str) -> float:
    """The largest lag so far: the smallest bound that holds every observation."""
    counts: list[tuple[float, int]] = []
    for line in metrics.splitlines():
        if line.startswith("ottla_loop_lag_seconds_bucket"):
            bound = line.split('le="')[1].split('"')[0]
            counts.append((float(bound.replace("+Inf", "inf")), int(float(line.split()[-1]))))
    total = counts[-1][1] if counts else 0
    return next((bound for bound, count in counts if count == total), 0.0)


def problems(samples: Sequence[Sample], disk_bound_bytes: int) -> list[str]:
    """What did not stay flat. The first third is for warming up; the last is held against the middle one."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    found = []
    if not middle:
        return ["there are too few samples to judge"]
    before, after = max(one.memory_bytes for one in middle), max(one.memory_bytes for one in last)
    if after > before * _FLAT_MEMORY + _SLACK_BYTES:
        found.append(f"memory rose from {before / MB:.0f} to {after / MB:.0f} MB")
    files_before, files_after = max(one.files for one in middle), max(one.files for one in last)
    if files_after > files_before * _FLAT_FILES + _SLACK_FILES:
        found.append(f"open files rose from {files_before} to {files_after}")
    largest = max(one.disk_bytes for one in samples)
    if largest > disk_bound_bytes:
        found.append(f"the disk held {largest / MB:.0f} MB, more than {disk_bound_bytes / MB:.0f} MB")
    return found


def line(one: Sample) -> str:
    return (
        f"{one.at_s:7.0f} s  memory {one.memory_bytes / MB:6.1f} MB  worker {one.worker_bytes / MB:6.1f} MB  "
        f"files {one.files:4d}  disk {one.disk_bytes / MB:6.1f} MB  loop lag <= {one.loop_lag_s:g} s"
    )
