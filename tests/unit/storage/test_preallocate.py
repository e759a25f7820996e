"""preallocate: a new segment's file has its full size at once; what is not used is given back."""

from __future__ import annotations

from ottla.testing.clock import SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import FOLDER, add, batch, new_log, reopen

SIZE = len(batch())
FULL = {"preallocate": True, "internal_segment_bytes": 3 * SIZE + 10}


def sizes(files: SimFiles) -> list[int]:
    return [files.size(f"{FOLDER}/{name}") for name in files.list_folder(FOLDER) if name.endswith(".log")]


def test_a_new_segment_has_its_full_size_and_a_closed_one_its_own() -> None:
    files = SimFiles()
    log = new_log(files, **FULL)
    assert sizes(files) == [3 * SIZE + 10]
    for _ in range(4):
        add(log)
    assert sizes(files) == [3 * SIZE, 3 * SIZE + 10]
    assert log.size_bytes == 4 * SIZE
    found = log.read(3, 1 << 20, up_to=4)
    assert len(found.read_all()) == SIZE
    found.release()
    log.close()
    assert sizes(files) == [3 * SIZE, SIZE]
    again = reopen(files, clean=True, recovery_point=4, **FULL)
    add(again)
    assert again.log_end_offset == 5


def test_a_crash_leaves_zeros_which_the_start_cuts() -> None:
    for mode in CrashMode:
        files = SimFiles()
        log = new_log(files, **FULL)
        for _ in range(5):
            add(log)
        log.flush()
        again = reopen(files.crash(SimRandom(1), mode), clean=False, **FULL)
        assert again.log_end_offset == 5
        add(again)


def test_a_file_that_is_opened_anew_goes_on_behind_its_records() -> None:
    files = SimFiles()
    log = new_log(files, **FULL)
    add(log)
    log._segments.active.close_file()
    add(log)
    log.truncate_to(1)
    add(log)
    found = log.read(0, 1 << 20, up_to=2)
    assert found.read_all() == files.read(f"{FOLDER}/{0:020d}.log")
    found.release()
