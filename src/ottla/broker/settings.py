"""All broker settings: Kafka's, in the modules `settings_*` by subject, and Ottla's own."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ottla.broker import addresses, setting_forms
from ottla.broker.refusals import FOREIGN, REFUSALS, refusal
from ottla.broker.setting_support import PLUGIN_PREFIXES, WORKS
from ottla.broker.settings_cluster import ClusterBrokerSettings
from ottla.broker.settings_core import CoreBrokerSettings
from ottla.broker.settings_groups import GroupBrokerSettings
from ottla.broker.settings_log import LogBrokerSettings
from ottla.broker.settings_security import SecurityBrokerSettings
from ottla.common.errors import InvalidConfig
from ottla.common.settings import BOOLEAN, INT, LIST, LONG, READ_ONLY, STRING, Setting, Settings, setting
from ottla.metadata.effective import base_name, general_setting
from ottla.metadata.image import BROKER_CONFIG

if TYPE_CHECKING:
    from ottla.broker.dynamic_configs import DynamicConfigChecks
    from ottla.metadata.image import ClusterImage


class OttlaSettings(Settings):
    """What Kafka has no setting for. The limits bound memory whatever clients do."""

    # fmt: off
    ottla_validate_records: bool = setting("ottla.validate.records", BOOLEAN, False, doc="Whether every record of every batch is checked, as Kafka does; otherwise only where the topic needs it.")
    ottla_max_received_bytes: int = setting("ottla.max.received.bytes", LONG, 256 << 20, at_least=1 << 20, doc="Bytes of requests received and not handled yet, over all connections; beyond it reading pauses.")
    ottla_max_request_elements: int = setting("ottla.max.request.elements", INT, 300_000, at_least=10_000, doc="Elements of one request: structs and strings in its arrays, tagged fields; four numbers count as one. A request with more closes its connection, and so does one by which all requests at work have more than twice as many.")
    ottla_max_fetch_session_partitions: int = setting("ottla.max.fetch.session.partitions", INT, 500_000, at_least=1000, doc="Partitions of all fetch sessions together; a session that would hold more is not opened, and its client fetches without one.")
    ottla_max_groups: int = setting("ottla.max.groups", INT, 100_000, at_least=1, doc="The most groups that this broker coordinates; who would make one more is refused.")
    ottla_max_offset_bytes: int = setting("ottla.max.offset.bytes", LONG, 256 << 20, at_least=1 << 20, doc="Bytes of committed offsets, with their metadata and names, over all groups that this broker coordinates; a commit that would bring more is refused.")
    ottla_max_transactional_id_bytes: int = setting("ottla.max.transactional.id.bytes", LONG, 128 << 20, at_least=1 << 20, doc="Bytes of transactional ids, with 512 for each, that this broker coordinates; who would bring one more is refused.")
    ottla_max_group_bytes: int = setting("ottla.max.group.bytes", LONG, 128 << 20, at_least=1 << 20, doc="Bytes that the members of all groups have sent in joining, over all groups that this broker coordinates; who would bring more is refused.")
    ottla_max_producer_ids: int = setting("ottla.max.producer.ids", INT, 100_000, at_least=100, doc="Producer ids that all partitions remember together; beyond it those that were idle longest are forgotten early, unless they have an open transaction.")
    ottla_max_unsent_bytes: int = setting("ottla.max.unsent.bytes", LONG, 32 << 20, at_least=1 << 20, doc="Bytes of answers that clients have not taken yet, over all connections; beyond it they are read from disk in pieces of 8 KiB.")
    ottla_max_open_files: int = setting("ottla.max.open.files", INT, 4096, at_least=64, doc="How many files of cold segments stay open.")
    ottla_http_listener: str | None = setting("ottla.http.listener", STRING, None, doc="host:port where /metrics and /health are served over HTTP; empty or absent serves none.")
    ottla_metrics_kafka_names: bool = setting("ottla.metrics.kafka.names", BOOLEAN, True, doc="Whether /metrics also serves the names by which dashboards for Apache Kafka look: those of the JMX exporter and of kafka_exporter.")
    ottla_metrics_max_rows: int = setting("ottla.metrics.max.rows", INT, 5000, at_least=0, doc="How many topics, partitions, groups and committed offsets, of each, have series of their own on /metrics; the others are in the sums only.")
    ottla_metadata_store: str = setting("ottla.metadata.store", STRING, "sqlite", one_of=("memory", "sqlite"), doc="Where the metadata log is kept.")
    ottla_metadata_folder: str | None = setting("ottla.metadata.folder", STRING, None, doc="The folder of the SQLite metadata store, shared by the brokers of a machine; by default inside the first data directory.")
    ottla_metadata_poll_ms: int = setting("ottla.metadata.poll.ms", INT, 100, at_least=1, doc="How often the store is polled for what other processes wrote, where several share it.")
    ottla_client_metrics_topic: str | None = setting("ottla.client.metrics.topic", STRING, None, doc="The topic that receives the metrics which clients push (KIP-714); without it clients are not asked for any.")
    ottla_forget_directories: tuple[str, ...] = setting("ottla.forget.directories", LIST, (), doc="Ids of log directories that are lost for good: the partitions that lay there begin anew, empty.")
    ottla_log_format: str = setting("ottla.log.format", STRING, "text", one_of=("text", "json"), doc="How a line of the log is written: words for people, or an object for programs.")
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

        Raises InvalidConfig with every fault of them, one a line: unknown names, wrong values, values that ask for
        what this broker does not do, and values that contradict each other.
        """
        texts = {**properties, **(overrides or {})}
        wrong = dict(cls._wrong(texts))
        faults = list(wrong.values())
        sound = {name: text for name, text in texts.items() if name not in wrong}
        try:
            _join_ids(sound)
        except InvalidConfig as error:
            faults.append(error.message)
        result = cls.of_texts(sound)
        faults += [*result.contradictions(), *setting_forms.faults(result)]
        faults += [*addresses.faults(result), *_fault_of_the_metadata_folder(result)]
        if not wrong.keys() & {"node.id", "broker.id"}:
            faults += _faults_of_the_quorum(result)
        if faults:
            raise InvalidConfig("\n".join(dict.fromkeys(faults)))
        return result

    @classmethod
    def _wrong(cls, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The settings that are wrong by themselves, in the order in which they were given, and why."""
        for name, text in texts.items():
            definition = general_setting(cls.definitions, name)
            base = base_name(name) if definition is None else definition.name
            try:
                if not cls.is_known(name):
                    raise InvalidConfig(cls.unknown(name))
                problem = refusal(name, base, definition, text) or _fault_for_one_listener(name, definition)
                if problem is not None:
                    raise InvalidConfig(problem)
            except InvalidConfig as error:
                yield name, error.message

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
        if name in cls.definitions or name in FOREIGN or name.startswith(tuple(PLUGIN_PREFIXES)):
            return True
        base = base_name(name)
        return base != name and (base in cls.definitions or base.partition(".")[2] in cls.definitions)

    @classmethod
    def unknown(cls, name: str) -> str:
        from ottla.broker.unknown_settings import unknown_setting  # loaded only when somebody mistyped

        return unknown_setting(name, cls.definitions)

    @property
    def directories(self) -> tuple[str, ...]:
        """Where the data lies: log.dirs, or log.dir."""
        return self.log_dirs or self.log_dir

    @property
    def received_bytes_limit(self) -> int:
        """Bytes of requests that may wait: ours, or Kafka's queued.max.request.bytes where that is smaller."""
        kafkas = self.queued_max_request_bytes
        return min(self.ottla_max_received_bytes, kafkas) if kafkas > 0 else self.ottla_max_received_bytes

    def config_checks(self, image: ClusterImage) -> DynamicConfigChecks:
        """The checks on dynamic configs, against the settings that are in force by then."""
        from ottla.broker.dynamic_configs import DynamicConfigChecks

        def in_force() -> BrokerSettings:
            dynamic = (image.config(BROKER_CONFIG, ""), image.config(BROKER_CONFIG, str(self.node_id)))
            return self.of_texts({**self.texts, **dynamic[0], **dynamic[1]})

        return DynamicConfigChecks(in_force)

    def check_together(self) -> None:
        for problem in self.contradictions():
            raise InvalidConfig(problem)

    def contradictions(self) -> Iterator[str]:
        """What cannot be, though each value may: a sentence each, Kafka's where it has one."""
        yield from self._contradictions_of_logs()
        if not self.max_connections_per_ip and not self.max_connections_per_ip_overrides:
            yield "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."
        for low, high in _ORDERED:
            if self.value(low) > self.value(high):  # type: ignore[operator]
                yield f"{high} must be greater than or equal to {low}"
        if self.broker_heartbeat_interval_ms * 2 > self.broker_session_timeout_ms:
            yield "broker.session.timeout.ms should be greater than or equal to twice broker.heartbeat.interval.ms"
        if "classic" not in self.group_coordinator_rebalance_protocols:
            yield "Disabling the 'classic' protocol is not supported."

    def _contradictions_of_logs(self) -> Iterator[str]:
        if self.log_roll_ms is not None and self.log_roll_ms < 1:
            yield "log.roll.ms must be greater than or equal to 1"
        if self.log_roll_jitter_ms is not None and self.log_roll_jitter_ms < 0:
            yield "log.roll.jitter.ms must be greater than or equal to 0"
        if self.log_retention_ms == 0:
            yield "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"
        if self.log_cleaner_dedupe_buffer_size // max(self.log_cleaner_threads, 1) <= 1 << 20:
            yield "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."
        if not 0 <= self.offsets_topic_compression_codec <= 4:
            yield f"Unknown compression type id: {self.offsets_topic_compression_codec}"
        missing = [each for each in self.cordoned_log_dirs if each != "*" and each not in self.directories]
        if missing:
            yield (
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


def _fault_for_one_listener(name: str, definition: Setting | None) -> str | None:
    """A limit that is set for one listener alone would not hold. What has no effect may be set for any of them."""
    if definition is None or base_name(name) == name or definition.name not in WORKS:
        return None
    return f"{name} is refused: this broker has {definition.name} for all its listeners together; set that"


def _faults_of_the_quorum(settings: BrokerSettings) -> Iterator[str]:
    """One voter is allowed, and it is this node."""
    for voter in settings.controller_quorum_voters:
        match = _VOTER.fullmatch(voter)
        if match is None:
            yield (
                "Invalid configuration value for controller.quorum.voters. Each entry should be in the form "
                f"`{{id}}@{{host}}:{{port}}`, and {voter!r} is not"
            )
        elif int(match[1]) != settings.node_id:
            yield (
                f"the node id {settings.node_id} must be included in the set of voters "
                f"controller.quorum.voters={voter}: this node is the only voter of its cluster; write its own id"
            )
    for server in settings.controller_quorum_bootstrap_servers:
        if _SERVER.fullmatch(server) is None:
            yield (
                f"Failed to parse host name from {server!r} for the configuration controller.quorum.bootstrap.servers. "
                'Each entry should be in the form "{host}:{port}"'
            )


def _fault_of_the_metadata_folder(settings: BrokerSettings) -> Iterator[str]:
    wanted = settings.metadata_log_dir
    if wanted and not settings.ottla_metadata_folder and wanted != settings.directories[0]:
        rule = REFUSALS["metadata.log.dir"]
        yield f"metadata.log.dir={wanted} is refused: {rule.lacks}; {rule.instead}"


_VOTER = re.compile(r"(\d{1,9})@[^@\s]+:\d+")
_SERVER = re.compile(r"[^@\s]+:\d+")
