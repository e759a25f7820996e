"""Where the copy of a log begins that compaction has emptied at its start."""

from __future__ import annotations

import pytest

from ottla.broker.moving import _start_of_copy


@pytest.mark.parametrize(
    ("log_start", "first", "start"),
    [
        (0, 5, 0),  # readers may stand between the two
        (5, 5, 5),
        (7, 5, 5),  # the log begins in the middle of a batch, and a segment with a batch
        (0, 1 << 40, 1 << 40),  # indexes count from a segment's first offset, in 31 bits
    ],
)
def test_a_copy_begins_where_the_log_begins_if_a_segment_can(log_start: int, first: int, start: int) -> None:
    assert _start_of_copy(log_start, first) == start
