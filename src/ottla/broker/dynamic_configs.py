"""Checks on dynamic configs of brokers, groups and client metrics, for the controller to ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ottla.broker.addresses import LISTENER_MAP
from ottla.broker.dynamic_steps import check_local_retention, check_steps
from ottla.broker.setting_forms import OVERRIDES, address_of, connection_limits
from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig, InvalidRequest, KafkaError
from ottla.common.names import java_int
from ottla.common.settings import INT, LIST, PER_BROKER, READ_ONLY, Setting, Settings, setting
from ottla.coordinator.group.settings import GroupSettings
from ottla.metadata.effective import general_setting
from ottla.metadata.image import BROKER_CONFIG, CLIENT_METRICS_CONFIG, GROUP_CONFIG

MATCH_KEYS = (
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
)
"""What a client metrics subscription can select clients by (KIP-714)."""

KEY_STORE_KEYS = (
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
)
"""What a listener loads again while it runs: Kafka lets it be changed for one listener at a time, never for all."""


_AS_KAFKA_SAYS_IT = (
    "Invalid value org.apache.kafka.common.config.ConfigException: {} for configuration Invalid dynamic configuration"
)
"""Word for word, with the name of a Java class: that is what tools show and people search for."""


class ClientMetricsSettings(Settings):
    """One subscription to client metrics."""

    interval_ms: int = setting("interval.ms", INT, 300_000, doc="How often clients push, in ms.")
    match: tuple[str, ...] = setting("match", LIST, (), doc="Which clients: key=regular expression, one or more.")
    metrics: tuple[str, ...] = setting("metrics", LIST, (), doc="Prefixes of metric names; * is all of them.")


class DynamicConfigChecks:
    """What may be stored, given the settings in force on this broker. Raises what the client is answered."""

    def __init__(self, settings: Callable[[], BrokerSettings]) -> None:
        self._settings = settings

    def check_broker(self, name: str, changes: Mapping[str, str | None], result: Mapping[str, str]) -> None:
        if name and java_int(name) is None:
            raise InvalidRequest(f"Node id must be an integer, but it is: {name}")
        _check_updatable(name, changes)
        for each, text in changes.items():
            definition = general_setting(BrokerSettings.definitions, each)
            if definition is None or text is None:
                continue
            try:
                definition.parse(text)
            except InvalidConfig as error:
                raise InvalidRequest(error.message) from error
        current = self._settings()
        _check_fixed_until_a_restart(current, changes)
        try:
            proposed = BrokerSettings.of_texts({**current.texts, **result})
            proposed.check_together()
        except InvalidConfig as error:
            raise InvalidRequest(f"requirement failed: {error.message}") from error
        try:
            check_steps(current, changes)
            check_local_retention(proposed)
        except InvalidConfig as error:
            raise InvalidRequest(_AS_KAFKA_SAYS_IT.format(error.message)) from error
        _check_connection_limits(changes.get(OVERRIDES))
        _check_minimum_isr(name, changes)

    def check_group(self, changes: Mapping[str, str | None], result: Mapping[str, str]) -> None:
        GroupSettings.within(result, self._settings())

    def check_client_metrics(self, name: str, changes: Mapping[str, str | None], result: Mapping[str, str]) -> None:
        if not name:
            raise InvalidRequest("Subscription name can't be empty")
        for each, value in changes.items():
            if value is not None and each not in ClientMetricsSettings.definitions:
                raise InvalidRequest(f"Unknown client metrics configuration: {each}")
        settings = ClientMetricsSettings.parse(result)
        if not 100 <= settings.interval_ms <= 3_600_000:
            raise InvalidRequest(
                f"Invalid value {settings.interval_ms} for interval.ms, "
                "interval must be between 100 and 3600000 (1 hour)"
            )
        for pattern in settings.match:
            _check_match(pattern)

    def is_known(self, name: str) -> bool:
        return name in BrokerSettings.definitions

    def is_list(self, resource_type: int, name: str) -> bool:
        if resource_type == CLIENT_METRICS_CONFIG:
            return False  # Kafka's controller knows no types of these
        definition = _DEFINITIONS[resource_type].get(name)
        return definition is not None and definition.kind == LIST

    def default_text(self, resource_type: int, name: str) -> str:
        definition = _DEFINITIONS[resource_type][name]
        if resource_type == BROKER_CONFIG:
            return definition.render(self._settings().value(name)) or ""
        return definition.render(definition.default) or ""


_DEFINITIONS: dict[int, Mapping[str, Setting]] = {
    BROKER_CONFIG: BrokerSettings.definitions,
    GROUP_CONFIG: GroupSettings.definitions,
    CLIENT_METRICS_CONFIG: ClientMetricsSettings.definitions,
}


def _check_updatable(name: str, changes: Mapping[str, str | None]) -> None:
    """Names that are not ours are stored as they are: a plug-in may know them. What is deleted is not checked."""
    given = [each for each, text in changes.items() if text is not None]
    definitions = {each: general_setting(BrokerSettings.definitions, each) for each in given}
    fixed = [each for each, known in definitions.items() if known is not None and known.dynamic == READ_ONLY]
    if fixed:
        raise InvalidRequest(f"Cannot update these configs dynamically: [{', '.join(fixed)}]")
    per_listener = [each for each in definitions if each in KEY_STORE_KEYS]
    if per_listener:
        raise InvalidRequest(
            "These security configs can be dynamically updated only per-listener using the listener prefix: "
            f"[{', '.join(per_listener)}]"
        )
    if name:
        return
    single = [each for each, known in definitions.items() if known is not None and known.dynamic == PER_BROKER]
    if single:
        raise InvalidRequest(
            f"Cannot update these configs at default cluster level, broker id must be specified: [{', '.join(single)}]"
        )


def _check_fixed_until_a_restart(current: BrokerSettings, changes: Mapping[str, str | None]) -> None:
    """Kafka binds and closes listeners while it runs; here they stay what they were at the start."""
    for name in ("listeners", LISTENER_MAP):
        text = changes.get(name)
        if text is not None and BrokerSettings.definitions[name].parse(text) != current.value(name):
            raise InvalidRequest(f"{name} cannot change while the broker runs: write it into its file and restart it")


def _check_minimum_isr(name: str, changes: Mapping[str, str | None]) -> None:
    """Eligible leader replicas need one minimum for the whole cluster (KIP-966)."""
    if "min.insync.replicas" not in changes:
        return
    if name:
        raise InvalidConfig("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
    if changes["min.insync.replicas"] is None:
        raise InvalidConfig("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")


def _check_connection_limits(text: str | None) -> None:
    try:
        limits = connection_limits(text or "")
    except InvalidConfig as error:
        raise InvalidRequest(f"Error parsing configuration property {error.message}") from error
    for host in limits:
        if address_of(host) is None:  # to look it up, whoever connects now would have to wait
            raise InvalidRequest(
                f"Error parsing configuration property {OVERRIDES}: {host} is a name, and names "
                "are looked up when the broker starts: give its address, or write the name into the broker's file"
            )


def _check_match(pattern: str) -> None:
    try:
        key, expression = match_of(pattern)
        re.compile(expression)
        if key not in MATCH_KEYS:
            raise ValueError(f"clients are not selected by {key}")
    except (ValueError, re.error) as error:
        raise InvalidConfig(f"Illegal client matching pattern: {pattern}") from error


def match_of(pattern: str) -> tuple[str, str]:
    """Key and regular expression, which has no equals sign but at its end, where they do not count. Or ValueError."""
    key, expression = pattern.rstrip("=").split("=")
    return key.strip(), expression.strip()


def broker_id_problem(name: str, own: int) -> KafkaError | None:
    """Why this broker does not answer for the broker resource `name`; None if it does (Kafka's sentences)."""
    if not name:
        return None
    number = java_int(name)
    if number is None:
        return InvalidRequest(f"Broker id must be an integer, but it is: {name}")
    if number != own:
        return InvalidRequest(f"Unexpected broker id, expected {own} or empty string, but received {name}")
    return None
