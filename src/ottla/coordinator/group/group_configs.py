"""The `consumer.*` settings of one group, as the machine asks for them."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class ConsumerConfig(NamedTuple):
    """In force for one group: its own values over the broker's."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    assignment_interval_ms: int = 1_000


class GroupConfigs(Protocol):
    """Asked at each use, so that a change takes effect with the next heartbeat."""

    def consumer(self, group_id: str) -> ConsumerConfig: ...
