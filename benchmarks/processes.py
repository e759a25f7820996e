"""What a process has used, from /proc: CPU seconds and memory, its children included."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_TICKS = os.sysconf("SC_CLK_TCK")
Number = TypeVar("Number", int, float)


def cpu_s(pid: int) -> float:
    """User and system seconds of the process, its living children and those that it has waited for."""
    return _sum(_own_cpu_s, pid)


def memory_bytes(pid: int) -> int:
    """PSS: what would be free again if the process ended; pages shared with others count in part."""
    return _sum(_pss_bytes, pid)


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                found += [int(child) for child in task.read_text().split()]
    return found


def _sum(of_one: Callable[[int], Number], pid: int) -> Number:
    """Over the family. A descendant that ends meanwhile counts no more; the process itself must live."""
    total = of_one(pid)
    for one in family(pid)[1:]:
        with suppress(FileNotFoundError, ProcessLookupError):
            total += of_one(one)
    return total


def parse_cpu_s(stat: str) -> float:
    """`stat`: the line of /proc/PID/stat. The command in it may hold spaces and brackets."""
    fields = stat[stat.rindex(")") + 2 :].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def _own_cpu_s(pid: int) -> float:
    return parse_cpu_s(Path(f"/proc/{pid}/stat").read_text())


def _pss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/{pid}/smaps_rollup names no PSS")
