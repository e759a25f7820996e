"""The settings that a single group may have: Kafka's 17."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

import re
from collections.abc import Mapping

from ottla.common.errors import InvalidConfig
from ottla.common.settings import BOOLEAN, INT, STRING, Setting, Settings, setting

_DURATION = re.compile(r"by_duration:P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,9})?S)?)?\Z")


def _reset(name: str, value: str) -> str | None:
    if value in ("latest", "earliest") or _DURATION.match(value):
        return None
    return (
        f"Invalid value `{value}` for configuration {name}. The value must be either 'earliest', 'latest' or of the "
        "format 'by_duration:<PnDTnHnMn.nS>'."
    )


class GroupSettings(Settings):
    """How one group of a modern protocol behaves. Defaults are the broker's `group.*`; classic groups have none."""

    noun = "group config name"

    # fmt: off
    consumer_assignment_interval_ms: int = setting("consumer.assignment.interval.ms", INT, 1000, at_least=0, synonyms=("group.consumer.assignment.interval.ms",), doc="The shortest time between two assignments of this consumer group.")
    consumer_heartbeat_interval_ms: int = setting("consumer.heartbeat.interval.ms", INT, 5000, at_least=1, synonyms=("group.consumer.heartbeat.interval.ms",), doc="How often a member sends a heartbeat.")
    consumer_session_timeout_ms: int = setting("consumer.session.timeout.ms", INT, 45000, at_least=1, synonyms=("group.consumer.session.timeout.ms",), doc="After how long without a heartbeat a member is removed.")
    share_assignment_interval_ms: int = setting("share.assignment.interval.ms", INT, 1000, at_least=0, synonyms=("group.share.assignment.interval.ms",), doc="The shortest time between two assignments of this share group.")
    share_auto_offset_reset: str = setting("share.auto.offset.reset", STRING, "latest", check=_reset, doc="Where a share group begins: latest, earliest, or by_duration:<ISO duration>.")
    share_delivery_count_limit: int = setting("share.delivery.count.limit", INT, 5, at_least=2, synonyms=("group.share.delivery.count.limit",), doc="How often a record is delivered before it is given up.")
    share_heartbeat_interval_ms: int = setting("share.heartbeat.interval.ms", INT, 5000, at_least=1, synonyms=("group.share.heartbeat.interval.ms",), doc="How often a member of the share group sends a heartbeat.")
    share_isolation_level: str = setting("share.isolation.level", STRING, "read_uncommitted", one_of=("read_committed", "read_uncommitted"), doc="Whether the share group sees only committed records.")
    share_partition_max_record_locks: int = setting("share.partition.max.record.locks", INT, 2000, at_least=100, synonyms=("group.share.partition.max.record.locks",), doc="How many records of a partition may be in flight.")
    share_record_lock_duration_ms: int = setting("share.record.lock.duration.ms", INT, 30000, at_least=1000, synonyms=("group.share.record.lock.duration.ms",), doc="How long a member holds a record.")
    share_renew_acknowledge_enable: bool = setting("share.renew.acknowledge.enable", BOOLEAN, True, doc="Whether a member may renew its lock on a record.")
    share_session_timeout_ms: int = setting("share.session.timeout.ms", INT, 45000, at_least=1, synonyms=("group.share.session.timeout.ms",), doc="After how long without a heartbeat a member of the share group is removed.")
    streams_assignment_interval_ms: int = setting("streams.assignment.interval.ms", INT, 1000, at_least=0, synonyms=("group.streams.assignment.interval.ms",), doc="The shortest time between two assignments of this streams group.")
    streams_heartbeat_interval_ms: int = setting("streams.heartbeat.interval.ms", INT, 5000, at_least=1, synonyms=("group.streams.heartbeat.interval.ms",), doc="How often a member of the streams group sends a heartbeat.")
    streams_initial_rebalance_delay_ms: int = setting("streams.initial.rebalance.delay.ms", INT, 3000, at_least=0, synonyms=("group.streams.initial.rebalance.delay.ms",), doc="How long a new streams group waits for more members.")
    streams_num_standby_replicas: int = setting("streams.num.standby.replicas", INT, 0, at_least=0, synonyms=("group.streams.num.standby.replicas",), doc="The standby replicas of each task.")
    streams_session_timeout_ms: int = setting("streams.session.timeout.ms", INT, 45000, at_least=1, synonyms=("group.streams.session.timeout.ms",), doc="After how long without a heartbeat a member of the streams group is removed.")
    # fmt: on

    @classmethod
    def within(cls, texts: Mapping[str, str], broker: Settings) -> GroupSettings:
        """A group's settings in force: its own texts over the defaults of `broker`.

        Raises InvalidConfig for an unknown name, a wrong value, or one outside the limits that the broker sets.
        """
        result = cls()
        for name in texts:
            if name not in cls.definitions:
                raise InvalidConfig(cls.unknown(name))
        for name, definition in cls.definitions.items():
            if name in texts:
                value = definition.parse(texts[name])
                assert value is not None
                _check_limits(definition, value, broker)
                setattr(result, definition.attribute, value)
            elif definition.synonyms:
                setattr(result, definition.attribute, broker.value(definition.synonyms[0]))
        return result

    @classmethod
    def in_force(cls, texts: Mapping[str, str], broker: Settings) -> GroupSettings:
        """As `within`, for texts that were stored: the broker's limits may have moved since, and then they hold."""
        result = cls()
        for name, definition in cls.definitions.items():
            value = definition.parse(texts[name]) if name in texts else None
            if value is None and definition.synonyms:
                value = broker.value(definition.synonyms[0])
            elif isinstance(value, int) and not isinstance(value, bool):
                low, high = _limits(name, broker)
                value = max(value if high is None else min(value, high), value if low is None else low)
            if value is not None:
                setattr(result, definition.attribute, value)
        return result


def _limits(name: str, broker: Settings) -> tuple[int | None, int | None]:
    """`group.consumer.min.x` and `group.consumer.max.x` for `consumer.x`, where the broker has these."""
    kind, _, rest = name.partition(".")
    low, high = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest.removeprefix('num.')}"
    known = broker.definitions
    return (
        broker.value(low) if low in known else None,  # type: ignore[return-value]
        broker.value(high) if high in known else None,
    )


def _check_limits(definition: Setting, value: object, broker: Settings) -> None:
    """`consumer.x` lies between `group.consumer.min.x` and `group.consumer.max.x`, where the broker has these."""
    kind, _, rest = definition.name.partition(".")
    low, high = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest.removeprefix('num.')}"
    if low in broker.definitions and value < broker.value(low):  # type: ignore[operator]
        raise InvalidConfig(f"{definition.name} must be greater than or equal to {low}")
    if high in broker.definitions and value > broker.value(high):  # type: ignore[operator]
        raise InvalidConfig(f"{definition.name} must be less than or equal to {high}")
