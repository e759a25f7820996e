"""How far a setting may go in one change while the broker runs: nobody should halve a broker by a typing error."""

from __future__ import annotations

from collections.abc import Mapping

from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig
from ottla.metadata.effective import base_name
from ottla.storage.settings import TopicSettings, topic_value

_POOLS = (
    "num.io.threads",
    "num.network.threads",
    "num.replica.fetchers",
    "num.recovery.threads.per.data.dir",
    "background.threads",
)
_CLEANERS = "log.cleaner.threads"
_RATE = "max.connection.creation.rate"


def check_steps(current: BrokerSettings, changes: Mapping[str, str | None]) -> None:
    """`changes` are well-formed. Raises InvalidConfig for one that goes too far from what is in force."""
    for name, text in changes.items():
        base = base_name(name)
        if text is None or base not in (*_POOLS, _CLEANERS, _RATE):
            continue
        wanted, present = int(text), current.value(base)
        assert isinstance(present, int)
        if base == _RATE:
            if wanted <= 0:
                raise InvalidConfig(f"Invalid {base} {wanted}")
        elif base == _CLEANERS:
            _check_cleaners(wanted, present)
        else:
            _check_pool(base, wanted, present)


def check_local_retention(proposed: BrokerSettings) -> None:
    """What is kept on the local disk is a part of what is kept at all."""
    for what, local, kept in (
        ("ms", proposed.log_local_retention_ms, _retention_ms(proposed)),
        ("bytes", proposed.log_local_retention_bytes, proposed.log_retention_bytes),
    ):
        if local > kept >= 0:
            raise InvalidConfig(
                f"Invalid value {local} for configuration log.local.retention.{what}: Value must not be more than "
                f"log.retention.{what} property value: {kept}"
            )


def _retention_ms(settings: BrokerSettings) -> int:
    retention = TopicSettings.definitions["retention.ms"]
    given = ((name, settings.value(name)) for name in retention.synonyms)
    found = next(topic_value(retention, name, value) for name, value in given if value is not None)
    assert isinstance(found, int)
    return found


def _check_pool(name: str, wanted: int, present: int) -> None:
    problem = None
    if wanted < present // 2:
        problem = f"value should be at least half the current value {present}"
    elif wanted > present * 2:
        problem = f"value should not be greater than double the current value {present}"
    if problem is not None:
        raise InvalidConfig(f"Dynamic thread count update validation failed for {name}={wanted}, {problem}")


def _check_cleaners(wanted: int, present: int) -> None:
    if wanted < 1:
        raise InvalidConfig("Log cleaner threads should be at least 1")
    if wanted < present // 2:
        raise InvalidConfig(f"Log cleaner threads cannot be reduced to less than half the current value {present}")
    if wanted > present * 2:
        raise InvalidConfig(f"Log cleaner threads cannot be increased to more than double the current value {present}")
