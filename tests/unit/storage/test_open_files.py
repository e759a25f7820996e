"""Opening a file costs the same however many are open, and however many of those are read just now."""

from __future__ import annotations

import errno

from ottla.common.names import TopicPartition
from ottla.storage.open_files import LOOKS, OpenFiles
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import NOW_MS, TOPIC_ID, add, open_directory, settings


class Owner:
    def __init__(self, files: OpenFiles, *, pins: int = 0) -> None:
        self._files = files
        self.pins = pins
        self.used = False

    def close_file(self) -> None:
        self._files.closed(self)


def test_each_opening_looks_at_a_few_files_though_all_are_pinned() -> None:
    files = OpenFiles(100)
    for _ in range(5000):
        files.opened(Owner(files, pins=1))
    assert files.looks <= 5000 * LOOKS


def test_what_was_open_above_the_limit_is_closed_once_nobody_reads_it() -> None:
    files = OpenFiles(100)
    owners = [Owner(files, pins=1) for _ in range(500)]
    for owner in owners:
        files.opened(owner)
    for owner in owners:
        owner.pins = 0
    for _ in range(100):
        files.opened(Owner(files))
    assert len(files) == 100


def test_the_one_not_used_for_longest_goes() -> None:
    files = OpenFiles(2)
    first, second, third = (Owner(files) for _ in range(3))
    files.opened(first)
    files.opened(second)
    first.used = True
    files.opened(third)
    assert list(files._open) == [third, first] or second not in files._open


def test_without_descriptors_cold_files_are_closed_and_the_log_is_opened() -> None:
    disk = SimFiles()
    directory = open_directory(disk)
    logs = [directory.create(TopicPartition("t", index), TOPIC_ID, settings(), NOW_MS) for index in range(20)]
    for log in logs:
        add(log)
        for segment in log._segments:
            segment.close_file()
    most = disk.open_files + 10

    def refuse(kind: str, _path: str) -> None:
        if kind == "open" and disk.open_files >= most:
            raise OSError(errno.EMFILE, "Too many open files")

    disk.on_operation = refuse
    for log in logs:
        assert add(log) == 1
    assert not directory.offline
