"""The broker settings that the group machines obey."""

from __future__ import annotations

from typing import NamedTuple

_INT_MAX = (1 << 31) - 1


class GroupLimits(NamedTuple):
    """Named as Kafka's broker settings, with Kafka's defaults."""

    group_min_session_timeout_ms: int = 6_000
    group_max_session_timeout_ms: int = 1_800_000
    group_initial_rebalance_delay_ms: int = 3_000
    group_max_size: int = _INT_MAX
    offset_metadata_max_bytes: int = 4096
    offsets_retention_ms: int = 7 * 24 * 3_600_000
    group_consumer_max_size: int = _INT_MAX
    group_consumer_assignors: tuple[str, ...] = ("uniform", "range")
    group_consumer_migration_policy: str = "bidirectional"
    group_consumer_regex_refresh_interval_ms: int = 600_000
    record_max_bytes: int = 1_048_588
    """Of what is written at once: message.max.bytes, by which Kafka refuses a larger group or commit as well."""

    @property
    def may_mix(self) -> bool:
        """Clients of both protocols may be in one group, until it changes its own."""
        return self.group_consumer_migration_policy.lower() != "disabled"

    @property
    def may_upgrade(self) -> bool:
        return self.group_consumer_migration_policy.lower() in ("bidirectional", "upgrade")

    @property
    def may_downgrade(self) -> bool:
        return self.group_consumer_migration_policy.lower() in ("bidirectional", "downgrade")


class Caller(NamedTuple):
    """Who sent a request, as far as a group remembers it."""

    version: int
    client_id: str
    client_host: str
