"""All broker settings: Kafka's, in the modules `settings_*` by subject, and Ottla's own."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottla.broker.settings_cluster import ClusterBrokerSettings
from ottla.broker.settings_core import CoreBrokerSettings
from ottla.broker.settings_groups import GroupBrokerSettings
from ottla.broker.settings_log import LogBrokerSettings
from ottla.broker.settings_security import SecurityBrokerSettings
from ottla.common.errors import InvalidConfig
from ottla.common.settings import BOOLEAN, INT, LONG, READ_ONLY, STRING, Settings, nearest_name, setting
from ottla.metadata.effective import base_name
from ottla.metadata.image import BROKER_CONFIG

if TYPE_CHECKING:
    from ottla.broker.dynamic_configs import DynamicConfigChecks
    from ottla.metadata.image import ClusterImage

_FOREIGN = ("super.users", "allow.everyone.if.no.acl.found")
"""Names of the standard authoriser, which no table of Kafka's lists."""
_FOREIGN_PREFIXES = ("rlmm.config.", "rsm.config.", "ottla.plugin.")
"""What the settings of plug-ins begin with."""


class OttlaSettings(Settings):
    """What Kafka has no setting for. The limits bound memory whatever clients do."""

    # fmt: off
    ottla_validate_records: bool = setting("ottla.validate.records", BOOLEAN, False, doc="Whether every record of every batch is checked, as Kafka does; otherwise only where the topic needs it.")
    ottla_max_received_bytes: int = setting("ottla.max.received.bytes", LONG, 256 << 20, at_least=1 << 20, doc="Bytes of requests received and not handled yet, over all connections; beyond it reading pauses.")
    ottla_max_request_elements: int = setting("ottla.max.request.elements", INT, 300_000, at_least=10_000, doc="Elements of one request: structs and strings in its arrays, tagged fields; four numbers count as one. A request with more closes its connection, and so does one by which all requests at work have more than twice as many.")
    ottla_max_fetch_session_partitions: int = setting("ottla.max.fetch.session.partitions", INT, 500_000, at_least=1000, doc="Partitions of all fetch sessions together; a session that would hold more is not opened, and its client fetches without one.")
    ottla_max_groups: int = setting("ottla.max.groups", INT, 100_000, at_least=1, doc="The most groups that this broker coordinates; who would make one more is refused.")
    ottla_max_group_bytes: int = setting("ottla.max.group.bytes", LONG, 128 << 20, at_least=1 << 20, doc="Bytes that the members of all groups have sent in joining, over all groups that this broker coordinates; who would bring more is refused.")
    ottla_max_producer_ids: int = setting("ottla.max.producer.ids", INT, 100_000, at_least=100, doc="Producer ids that all partitions remember together; beyond it those that were idle longest are forgotten early, unless they have an open transaction.")
    ottla_max_unsent_bytes: int = setting("ottla.max.unsent.bytes", LONG, 32 << 20, at_least=1 << 20, doc="Bytes of answers that clients have not taken yet, over all connections; beyond it they are read from disk in pieces of 8 KiB.")
    ottla_max_open_files: int = setting("ottla.max.open.files", INT, 4096, at_least=64, doc="How many files of cold segments stay open.")
    ottla_http_listener: str | None = setting("ottla.http.listener", STRING, None, doc="host:port where /metrics and /health are served over HTTP; empty or absent serves none.")
    ottla_metadata_store: str = setting("ottla.metadata.store", STRING, "sqlite", one_of=("memory", "sqlite"), doc="Where the metadata log is kept.")
    ottla_metadata_folder: str | None = setting("ottla.metadata.folder", STRING, None, doc="The folder of the SQLite metadata store, shared by the brokers of a machine; by default inside the first data directory.")
    ottla_metadata_poll_ms: int = setting("ottla.metadata.poll.ms", INT, 100, at_least=1, doc="How often the store is polled for what other processes wrote, where several share it.")
    ottla_client_metrics_topic: str | None = setting("ottla.client.metrics.topic", STRING, None, doc="The topic that receives the metrics which clients push (KIP-714); without it clients are not asked for any.")
    ottla_log_level: str = setting("ottla.log.level", STRING, "info", one_of=("debug", "info", "warn", "error"), doc="From which level on the broker logs.")
    # fmt: on


class BrokerSettings(
    CoreBrokerSettings,
    LogBrokerSettings,
    GroupBrokerSettings,
    ClusterBrokerSettings,
    SecurityBrokerSettings,
    OttlaSettings,
):
    """The settings of one broker. `texts` holds what its file and command line gave, as they gave it."""

    noun = "broker setting"
    texts: Mapping[str, str]

    def __init__(self) -> None:
        self.texts = {}

    @classmethod
    def load(cls, properties: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> BrokerSettings:
        """Settings of a file and of a command line, which is stronger.

        Raises InvalidConfig for an unknown name, with the nearest known one, or a wrong value.
        """
        texts = {**properties, **(overrides or {})}
        for name in texts:
            if not cls.is_known(name):
                raise InvalidConfig(cls.unknown(name))
        _join_ids(texts)
        result = cls.of_texts(texts)
        result.texts = texts
        result.check_together()
        return result

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> BrokerSettings:
        """Settings in force, from all texts in force; names that are not ours are passed over."""
        known = cls.definitions
        result = cls()
        for name, text in texts.items():
            if name in known:
                setattr(result, known[name].attribute, known[name].parse(text))
        result.texts = texts
        return result

    def adopt(self, texts: Mapping[str, str]) -> None:
        """Settings that may change while the broker runs take the values of these texts, or their defaults."""
        for name, definition in self.definitions.items():
            if definition.dynamic != READ_ONLY:
                text = texts.get(name)
                setattr(self, definition.attribute, definition.default if text is None else definition.parse(text))

    @classmethod
    def is_known(cls, name: str) -> bool:
        """Ours, ours for one listener (`listener.name.<listener>.[<mechanism>.]<name>`), or of a plug-in."""
        if name in cls.definitions or name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES):
            return True
        base = base_name(name)
        return base != name and (base in cls.definitions or base.partition(".")[2] in cls.definitions)

    @classmethod
    def unknown(cls, name: str) -> str:
        nearest = nearest_name(name, cls.definitions)
        hint = f'; did you mean "{nearest}"?' if nearest is not None else ""
        return f'unknown broker setting "{name}"{hint}'

    @property
    def directories(self) -> tuple[str, ...]:
        """Where the data lies: log.dirs, or log.dir."""
        return self.log_dirs or self.log_dir

    def config_checks(self, image: ClusterImage) -> DynamicConfigChecks:
        """The checks on dynamic configs, against the settings that are in force by then."""
        from ottla.broker.dynamic_configs import DynamicConfigChecks

        def in_force() -> BrokerSettings:
            dynamic = (image.config(BROKER_CONFIG, ""), image.config(BROKER_CONFIG, str(self.node_id)))
            return self.of_texts({**self.texts, **dynamic[0], **dynamic[1]})

        return DynamicConfigChecks(in_force)

    def check_together(self) -> None:
        if not self.directories:
            raise InvalidConfig("At least one log directory must be defined via log.dirs or log.dir.")
        if not self.listeners:
            raise InvalidConfig("At least one listener must be defined via listeners.")
        self._check_logs()
        if not self.max_connections_per_ip and not self.max_connections_per_ip_overrides:
            raise InvalidConfig(
                "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."
            )
        for low, high in _ORDERED:
            if self.value(low) > self.value(high):  # type: ignore[operator]
                raise InvalidConfig(f"{high} must be greater than or equal to {low}")
        if self.broker_heartbeat_interval_ms * 2 > self.broker_session_timeout_ms:
            raise InvalidConfig(
                "broker.session.timeout.ms should be greater than or equal to twice broker.heartbeat.interval.ms"
            )

    def _check_logs(self) -> None:
        if self.log_roll_ms is not None and self.log_roll_ms < 1:
            raise InvalidConfig("log.roll.ms must be greater than or equal to 1")
        if self.log_roll_jitter_ms is not None and self.log_roll_jitter_ms < 0:
            raise InvalidConfig("log.roll.jitter.ms must be greater than or equal to 0")
        if self.log_retention_ms == 0:
            raise InvalidConfig("log.retention.ms must be unlimited (-1) or, greater than or equal to 1")
        if self.log_cleaner_dedupe_buffer_size // max(self.log_cleaner_threads, 1) <= 1 << 20:
            raise InvalidConfig("log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")
        missing = [each for each in self.cordoned_log_dirs if each != "*" and each not in self.directories]
        if missing:
            raise InvalidConfig(
                "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : "
                f"{', '.join(missing)}"
            )


_ORDERED = tuple(
    (f"group.{kind}.min.{what}", f"group.{kind}.max.{what}")
    for kind in ("consumer", "share", "streams")
    for what in ("session.timeout.ms", "heartbeat.interval.ms", "assignment.interval.ms")
)
_ORDERED += (("group.min.session.timeout.ms", "group.max.session.timeout.ms"),)


def _join_ids(texts: dict[str, str]) -> None:
    """node.id and broker.id are the same thing; whichever is given stands for both, as in Kafka."""
    given = texts.get("node.id", texts.get("broker.id"))
    if given is None:
        return
    if texts.get("broker.id", given).strip() != given.strip():
        raise InvalidConfig(f"node.id is {given} and broker.id is {texts['broker.id']}: give only one of them")
    texts["node.id"] = texts["broker.id"] = given
