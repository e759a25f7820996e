"""The metrics of the process under the names that all Prometheus clients give them, and the port they come from.

The names are those of Prometheus' own client libraries, so that a dashboard for any process shows a broker as well.
"""

from __future__ import annotations

import gc
import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from ottla.common.metrics import COUNTER, GAUGE, Family, labels_text

_STAT, _MACHINE, _DESCRIPTORS = Path("/proc/self/stat"), Path("/proc/stat"), Path("/proc/self/fd")
_USER_TICKS, _SYSTEM_TICKS, _START_TICKS, _VIRTUAL_BYTES, _RESIDENT_PAGES = 11, 12, 19, 20, 21
"""Places in /proc/self/stat behind the name of the program, which may hold spaces. proc(5) counts three more."""


class Collections(NamedTuple):
    """Of one generation of Python's garbage collector."""

    collections: int
    collected: int
    uncollectable: int


class Vitals(NamedTuple):
    """What an operating system tells of a process. None: this one does not."""

    cpu_seconds: float
    resident_bytes: int | None
    virtual_bytes: int | None
    open_descriptors: int | None
    descriptors_limit: int | None
    started_seconds: float | None
    collections: tuple[Collections, ...]
    python: str
    implementation: str


class Process(Protocol):
    """The process that runs a broker, as a port: a simulated broker has none."""

    def vitals(self) -> Vitals: ...


class SystemProcess:
    """This process. Memory, descriptors and the start are read from /proc, so they are known on Linux only."""

    def vitals(self) -> Vitals:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = os.times()
        stat = _stat()
        page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
        return Vitals(
            cpu_seconds=used.user + used.system if stat is None else (stat[_USER_TICKS] + stat[_SYSTEM_TICKS]) / ticks,
            resident_bytes=None if stat is None else stat[_RESIDENT_PAGES] * page,
            virtual_bytes=None if stat is None else stat[_VIRTUAL_BYTES],
            open_descriptors=_open_descriptors(),
            descriptors_limit=None if soft == resource.RLIM_INFINITY else soft,
            started_seconds=None if stat is None else _booted_seconds() + stat[_START_TICKS] / ticks,
            collections=tuple(
                Collections(one["collections"], one["collected"], one["uncollectable"]) for one in gc.get_stats()
            ),
            python=platform.python_version(),
            implementation=platform.python_implementation(),
        )


def _stat() -> list[int] | None:
    try:
        behind_the_name = _STAT.read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:
        return None
    return [0, *map(int, behind_the_name.split()[1:])]  # the first is a letter, the state


def _booted_seconds() -> float:
    lines = _MACHINE.read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))


def _open_descriptors() -> int | None:
    """Linux has told the number as the folder's size since 6.2: with many descriptors, listing them takes long."""
    try:
        return _DESCRIPTORS.stat().st_size or len(list(_DESCRIPTORS.iterdir()))
    except OSError:
        return None


class ProcessFamilies:
    """A source of metrics."""

    def __init__(self, process: Process, version: str) -> None:
        self._process = process
        self._version = version

    def steps(self) -> Iterator[None]:
        return iter(())

    def families(self) -> Iterator[Family]:
        vitals = self._process.vitals()
        build = labels_text((("version", self._version), ("python", vitals.python)))
        yield Family("ottla_build_info", GAUGE, "1; the labels say what runs", [("", build, 1)])
        python = labels_text((("implementation", vitals.implementation), ("version", vitals.python)))
        yield Family("python_info", GAUGE, "1; the labels say which Python runs", [("", python, 1)])
        for name, kind, help_text, value in (
            ("cpu_seconds_total", COUNTER, "Processor time, of the user and of the system", vitals.cpu_seconds),
            ("resident_memory_bytes", GAUGE, "Resident memory", vitals.resident_bytes),
            ("virtual_memory_bytes", GAUGE, "Virtual memory", vitals.virtual_bytes),
            ("open_fds", GAUGE, "Open file descriptors", vitals.open_descriptors),
            ("max_fds", GAUGE, "Most file descriptors that may be open", vitals.descriptors_limit),
            ("start_time_seconds", GAUGE, "Start of the process, in seconds since the epoch", vitals.started_seconds),
        ):
            if value is not None:
                yield Family(f"process_{name}", kind, help_text, [("", "", value)])
        generations = [
            (labels_text((("generation", str(number)),)), one) for number, one in enumerate(vitals.collections)
        ]
        yield Family(
            "python_gc_collections_total", COUNTER, "Runs of the garbage collector",
            [("", labels, one.collections) for labels, one in generations],
        )  # fmt: skip
        yield Family(
            "python_gc_objects_collected_total", COUNTER, "Objects that it has freed",
            [("", labels, one.collected) for labels, one in generations],
        )  # fmt: skip
        yield Family(
            "python_gc_objects_uncollectable_total", COUNTER, "Objects that it could not free",
            [("", labels, one.uncollectable) for labels, one in generations],
        )  # fmt: skip
