"""Copies of partitions on their way into a log directory, and what a log takes over from the one that it replaces."""

from __future__ import annotations

import pytest

from ottla.common.names import TopicPartition
from ottla.storage.paths import parse_future_folder
from ottla.storage.repairs import Repair
from ottla.storage.settings import TopicSettings
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import NOW_MS, TOPIC_ID, add, batch, new_log, open_directory, reopen

NAME = TopicPartition("a-b", 3)


def test_a_future_folder_is_read_as_the_partition_that_it_is_a_copy_of() -> None:
    unique = "0123456789abcdef" * 2
    assert parse_future_folder(f"a-b-3.{unique}-future") == NAME
    assert parse_future_folder(f"a-b-3.{unique}-delete") is None
    assert parse_future_folder("a-b-3.short-future") is None
    assert parse_future_folder("a-b-3-future") is None


def test_a_copy_that_is_begun_anew_leaves_nothing_of_the_first() -> None:
    files = SimFiles()
    place = open_directory(files)
    first = place.futures.begin(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    first.append_as_follower(batch(), now_ms=NOW_MS)
    second = place.futures.begin(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    assert second.log_end_offset == 0
    place.remove_due(NOW_MS)
    assert [name for name in files.list_folder("/data") if name.startswith("a-b")] == [second.folder[len("/data/") :]]


def test_a_copy_is_found_again_and_becomes_the_partition() -> None:
    files = SimFiles()
    place = open_directory(files)
    copy = place.futures.begin(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    copy.append_as_follower(batch(), now_ms=NOW_MS)
    copy.flush()
    place = open_directory(files.kill())
    assert (place.futures.partitions(), place.contains(NAME), place.clean) == ([NAME], False, False)
    place.futures.promote(NAME)
    assert place.contains(NAME) and place.futures.partitions() == []
    log = place.log(NAME, TopicSettings(), NOW_MS)
    assert (log.folder, log.log_end_offset, log.topic_id) == ("/data/a-b-3", 1, TOPIC_ID)


def test_a_copy_takes_the_place_in_its_own_folder_and_gets_the_name_later() -> None:
    files = SimFiles()
    place = open_directory(files)
    copy = place.futures.begin(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    for offset in range(3):
        copy.append_as_follower(at(offset), now_ms=NOW_MS)
        copy.roll(NOW_MS)
    place.futures.take_place(NAME)
    assert place.log(NAME, TopicSettings(), NOW_MS) is copy
    place.give_name(NAME, copy)
    copy.close_files()
    copy.append_as_follower(at(3), now_ms=NOW_MS)
    assert [len(copy.read(offset, 1, up_to=4)) for offset in range(4)] == [len(batch())] * 4
    copy.flush()
    assert (copy.folder, files.list_folder("/data/a-b-3")[-1]) == ("/data/a-b-3", "partition.metadata")


@pytest.mark.parametrize("named", [False, True])
def test_a_log_is_deleted_in_whatever_folder_it_lies(named: bool) -> None:
    files = SimFiles()
    place = open_directory(files)
    copy = place.futures.begin(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    place.futures.take_place(NAME)
    if named:
        place.give_name(NAME, copy)
    place.delete(NAME, NOW_MS)
    place.give_name(NAME, copy)  # too late
    assert [name.endswith("-delete") for name in files.list_folder("/data") if name.startswith("a-b")] == [True]


def test_a_log_goes_on_behind_what_compaction_has_emptied() -> None:
    for filled in (False, True):
        files = SimFiles()
        log = new_log(files)
        if filled:
            add(log)
        log.skip_to(50, NOW_MS)
        assert log.log_end_offset == 50
        assert add(log) == 50
        log.close()
        assert reopen(files, clean=True).log_end_offset == 51


def test_a_copy_knows_producers_and_epochs_whose_records_are_gone() -> None:
    log, copy = new_log(), new_log()
    add(log, batch(producer_id=7, producer_epoch=0, base_sequence=0), epoch=4)
    log.advance_start(1)
    copy.skip_to(1, NOW_MS)
    copy.take_over(log)
    assert [producer.producer_id for producer in copy.producers()] == [7]
    assert (copy.latest_epoch, copy.log_start_offset) == (4, 1)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("count", [1, 9])
def test_a_copy_is_not_cut_where_a_log_that_lay_there_before_had_its_recovery_point(
    count: int, restarted: bool
) -> None:
    """The file still names it after a kill, and a start believes it. Nor is it told that records are missing up to
    there, nor does the copy begin where that log began."""
    files = SimFiles()
    place = open_directory(files)
    before = place.create(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    for _ in range(count):
        add(before)
    before.flush()
    before.advance_start(count - 1)
    place.checkpoint()
    place.delete(NAME, NOW_MS)  # moved away, and the broker is killed before the next checkpoint
    told: list[Repair] = []
    place = open_directory(files := files.kill())
    place.on_repair = lambda _, repair: told.append(repair)
    copy = place.futures.begin(NAME, TOPIC_ID, TopicSettings(), NOW_MS)
    for offset in range(5):
        copy.append_as_follower(at(offset), now_ms=NOW_MS)
    copy.flush()
    place.checkpoint()
    if restarted:
        place = open_directory(files := files.kill())
        place.on_repair = lambda _, repair: told.append(repair)
        place.futures.promote(NAME)
    else:
        place.futures.take_place(NAME)
    log = place.log(NAME, TopicSettings(), NOW_MS)
    assert (log.log_start_offset, log.log_end_offset, told) == (0, 5, [])


def at(offset: int) -> bytes:
    """One batch, as a leader stored it."""
    return offset.to_bytes(8, "big") + batch()[8:]
