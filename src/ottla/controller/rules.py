"""What the controller has to be told, because it stands below the broker: its broker's settings, and other checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ottla.metadata.effective import EffectiveConfigs

MAX_RECORDS = 10_000
"""Records, and partitions, that one admin request may cause, as in Kafka."""


class ConfigChecks(Protocol):
    """Checks on dynamic configs of resources that belong to higher layers. Each raises the KafkaError to answer."""

    def check_broker(self, name: str, changes: Mapping[str, str | None], result: Mapping[str, str]) -> None:
        """`name` is a broker's id, or empty for the cluster-wide defaults; `result` is what would be stored."""
        ...

    def check_group(self, changes: Mapping[str, str | None], result: Mapping[str, str]) -> None: ...

    def is_known(self, name: str) -> bool:
        """Whether a broker has a setting of this name, of no single listener."""
        ...

    def check_client_metrics(self, name: str, changes: Mapping[str, str | None], result: Mapping[str, str]) -> None: ...

    def is_list(self, resource_type: int, name: str) -> bool:
        """Whether the setting is a list, so that APPEND and SUBTRACT make sense."""
        ...

    def default_text(self, resource_type: int, name: str) -> str:
        """What a list setting is where nobody set it."""
        ...


class ControllerRules(NamedTuple):
    """The broker settings that the controller obeys."""

    configs: EffectiveConfigs
    checks: ConfigChecks
    default_partitions: int = 1
    default_replication_factor: int = 1
    delete_topics: bool = True
    remote_storage: bool = False
    cluster_id: str = ""
    broker: int = 1
    """Whose controller this is."""
    features: Mapping[str, tuple[int, int]] = {}
    """The oldest and the newest level of each feature that this software knows."""
