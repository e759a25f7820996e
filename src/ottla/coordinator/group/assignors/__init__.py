"""Who shall have which partition: pure functions from members and topics to a target (KIP-848)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ottla.coordinator.group.assignors.member import Wants
from ottla.coordinator.group.assignors.range import assign_range
from ottla.coordinator.group.assignors.uniform import assign_uniform
from ottla.coordinator.group.consumer_member import Target

Assignor = Callable[[Sequence[Wants], Mapping[bytes, int]], dict[str, Target]]
"""Members and partition counts by topic id, to the target of each member."""

ASSIGNORS: dict[str, Assignor] = {"uniform": assign_uniform, "range": assign_range}

__all__ = ["ASSIGNORS", "Assignor", "Wants"]
