"""File descriptors: how many this process may have, and who gets how many of them."""

from __future__ import annotations

import os
import resource
from typing import NamedTuple

_MOST = 1 << 20
"""An unlimited hard limit is taken as this: some systems refuse more."""
_RESERVE = 64
"""For the loop, the metadata store, the worker's pipes, listeners, HTTP, and the small files that are open for a
moment; and a sixteenth of all besides."""
_LEAST = 16
STDERR = 2


class Descriptors(NamedTuple):
    """How many segments' files and how many connections there may be, so that neither takes the other's."""

    limit: int
    open_files: int
    connections: int


def open_standard_descriptors() -> None:
    """A process that was started without one (`2>&-`) would open its next file under that number, and log lines would
    go into it."""
    for descriptor in range(STDERR + 1):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def raise_limit() -> int:
    """Raises the soft limit to the hard one, as a JVM does; the limit that is in force then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS names no limit and takes only what the kernel has
            return soft
    return wanted


def share(limit: int, max_open_files: int) -> Descriptors:
    """Files get what their setting asks for, half of all at most; connections get the rest."""
    free = max(limit - _RESERVE - limit // 16, 2 * _LEAST)
    open_files = max(min(max_open_files, free // 2), _LEAST)
    return Descriptors(limit, open_files, max(free - open_files, _LEAST))
