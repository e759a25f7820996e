"""The broker settings that the group machines obey."""

from __future__ import annotations

from typing import NamedTuple


class GroupLimits(NamedTuple):
    """Named as Kafka's broker settings, with Kafka's defaults."""

    group_min_session_timeout_ms: int = 6_000
    group_max_session_timeout_ms: int = 1_800_000
    group_initial_rebalance_delay_ms: int = 3_000
    group_max_size: int = (1 << 31) - 1
    offset_metadata_max_bytes: int = 4096
    offsets_retention_ms: int = 7 * 24 * 3_600_000


class Caller(NamedTuple):
    """Who sent a request, as far as a group remembers it."""

    version: int
    client_id: str
    client_host: str
