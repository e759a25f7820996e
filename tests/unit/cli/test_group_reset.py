from __future__ import annotations

import pytest

from ottla.cli.group_reset import Goal, _target
from ottla.cli.requests.offsets import Range

SPAN = Range(10, 100)


@pytest.mark.parametrize(
    ("goal", "before", "at_time", "target"),
    [
        (Goal(earliest=True), 50, None, 10),
        (Goal(latest=True), 50, None, 100),
        (Goal(offset=42), 50, None, 42),
        (Goal(offset=5), 50, None, 10),
        (Goal(offset=500), 50, None, 100),
        (Goal(shift=7), 50, None, 57),
        (Goal(shift=-70), 50, None, 10),
        (Goal(shift=7), None, None, 17),
        (Goal(timestamp=1), 50, 33, 33),
        (Goal(timestamp=1), 50, -1, 100),
    ],
)
def test_a_new_offset_lies_inside_the_partition(
    goal: Goal, before: int | None, at_time: int | None, target: int
) -> None:
    assert _target(goal, SPAN, before, at_time) == target
