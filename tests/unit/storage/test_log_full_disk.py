"""An append that the disk refuses leaves nothing behind, in memory either."""

from __future__ import annotations

import pytest

from ottla.common.errors import KafkaStorageError
from ottla.records.batch import batches
from ottla.storage.indexes import OffsetIndex
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import FOLDER, add, batch, new_log


def test_an_append_that_failed_leaves_no_index_entry() -> None:
    files = SimFiles()
    log = new_log(files, index_interval_bytes=0)
    for _ in range(3):
        add(log)
    files.full_after_bytes = 0
    with pytest.raises(KafkaStorageError):
        add(log, batch(5))
    files.full_after_bytes = None
    for _ in range(3):
        add(log)
    log.close()
    name = f"{FOLDER}/{0:020d}"
    index = OffsetIndex.decode(files.read(f"{name}.index"))
    ends = {position: header.last_offset for position, header in batches(files.read(f"{name}.log"))}
    assert list(index.offsets) == [1, 2, 3, 4, 5]
    assert [ends[position] for position in index.positions] == list(index.offsets)
