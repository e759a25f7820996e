"""Codes and sentences are those of Apache Kafka 4.3.1, asked one by one."""

from __future__ import annotations

import pytest

from ottla.protocol.messages.configs import AlterConfigsRequest, IncrementalAlterConfigsRequest
from tests.unit.controller.support import (
    APPEND,
    BROKER,
    CLIENT_METRICS,
    DELETE,
    GROUP,
    SET,
    SUBTRACT,
    TOPIC,
    Controller,
    topic,
)


@pytest.fixture
def controller() -> Controller:
    made = Controller()
    made.create(topic("t"))
    return made


@pytest.mark.parametrize(
    ("name", "change", "code", "message"),
    [
        ("t", ("nope", SET, "1"), 40, "Unknown topic config name: nope"),
        (
            "t",
            ("retention.ms", SET, "-5"),
            40,
            "Invalid value -5 for configuration retention.ms: Value must be at least -1",
        ),
        ("t", ("retention.ms", SET, None), 42, "Null value not supported for : retention.ms"),
        ("t", ("retention.ms", APPEND, "1"), 40, "Can't APPEND to key retention.ms because its type is not LIST."),
        ("t", ("nope", SUBTRACT, "1"), 40, "Can't SUBTRACT to key nope because its type is not LIST."),
        (
            "t",
            ("cleanup.policy", APPEND, "x"),
            40,
            "Invalid value x for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        ("t", ("cleanup.policy", APPEND, ""), 40, "Configuration 'cleanup.policy' values must not be empty."),
        ("none", ("retention.ms", SET, "1"), 3, "The topic 'none' does not exist."),
        ("none", ("zzz", SET, "1"), 40, "Unknown topic config name: zzz"),
        ("", ("retention.ms", SET, "1"), 42, "Default topic resources are not allowed."),
        ("t", ("retention.ms", 9, "1"), -1, None),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_topics_change_is_refused_as_kafka_refuses_it(
    controller: Controller, name: str, change: tuple[str, int, str | None], code: int, message: str | None
) -> None:
    assert controller.alter(TOPIC, name, change) == (code, message)
    assert controller.records == []


def test_settings_are_set_and_deleted(controller: Controller) -> None:
    assert controller.alter(TOPIC, "t", ("retention.ms", SET, "5"), ("segment.bytes", SET, "2000000")) == (0, None)
    assert controller.image.config(TOPIC, "t") == {"retention.ms": "5", "segment.bytes": "2000000"}
    assert controller.configs.topic("t").retention_ms == 5
    assert controller.alter(TOPIC, "t", ("retention.ms", DELETE, None), ("unknown", DELETE, None)) == (0, None)
    assert controller.image.config(TOPIC, "t") == {"segment.bytes": "2000000"}


def test_lists_are_appended_to_and_subtracted_from_starting_at_the_value_in_force(controller: Controller) -> None:
    controller.alter(TOPIC, "t", ("cleanup.policy", APPEND, "compact,delete"))
    assert controller.image.config(TOPIC, "t") == {"cleanup.policy": "delete,compact"}
    controller.alter(TOPIC, "t", ("cleanup.policy", SUBTRACT, "delete,zz"))
    assert controller.image.config(TOPIC, "t") == {"cleanup.policy": "compact"}
    controller.alter(TOPIC, "t", ("cleanup.policy", SUBTRACT, "compact"))
    assert controller.configs.topic("t").cleanup_policy == ()


def test_settings_that_contradict_each_other_are_refused_together_with_those_stored(controller: Controller) -> None:
    assert controller.alter(TOPIC, "t", ("max.compaction.lag.ms", SET, "5")) == (0, None)
    message = "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
    assert controller.alter(TOPIC, "t", ("min.compaction.lag.ms", SET, "10")) == (40, message)


def test_a_value_that_is_there_already_writes_nothing_for_a_topic_but_something_for_a_broker(
    controller: Controller,
) -> None:
    for resource_type, name, key in ((TOPIC, "t", "retention.ms"), (BROKER, "1", "log.retention.ms")):
        controller.alter(resource_type, name, (key, SET, "5"))
        assert controller.alter(resource_type, name, (key, SET, "5")) == (0, None)
        assert len(controller.records) == (1 if resource_type == BROKER else 0)


def test_validate_only_changes_nothing(controller: Controller) -> None:
    assert controller.alter(TOPIC, "t", ("retention.ms", SET, "5"), validate_only=True) == (0, None)
    assert controller.image.config(TOPIC, "t") == {}


def test_a_key_named_twice_is_refused(controller: Controller) -> None:
    twice = (("retention.ms", SET, "1"), ("retention.ms", SET, "2"))
    assert controller.alter(TOPIC, "t", *twice) == (42, "Error due to duplicate config keys")


def test_a_resource_named_twice_is_refused(controller: Controller) -> None:
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=TOPIC, resource_name="t")
    answer = controller.ask(IncrementalAlterConfigsRequest(resources=[resource, resource]))
    assert [(each.error_code, each.error_message) for each in answer.responses] == [
        (42, "Each resource must appear at most once."),
        (42, "Each resource must appear at most once."),
    ]


def test_the_old_alter_replaces_everything(controller: Controller) -> None:
    controller.alter(TOPIC, "t", ("retention.ms", SET, "5"), ("segment.bytes", SET, "2000000"))

    def replace(**texts: str | None) -> tuple[int, str | None]:
        configs = [
            AlterConfigsRequest.AlterableConfig(name=name.replace("_", "."), value=text) for name, text in texts.items()
        ]
        resource = AlterConfigsRequest.AlterConfigsResource(resource_type=TOPIC, resource_name="t", configs=configs)
        (response,) = controller.ask(AlterConfigsRequest(resources=[resource])).responses
        return response.error_code, response.error_message

    assert replace(retention_ms="7", flush_ms="9") == (0, None)
    assert controller.image.config(TOPIC, "t") == {"retention.ms": "7", "flush.ms": "9"}
    assert replace(retention_ms=None) == (42, "Null value not supported for : retention.ms")
    assert replace(nope="1") == (40, "Unknown topic config name: nope")
    assert replace() == (0, None)
    assert controller.image.config(TOPIC, "t") == {}


@pytest.mark.parametrize(
    ("name", "change", "code", "message"),
    [
        (
            "",
            ("log.retention.ms", SET, "x"),
            42,
            "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
        ),
        ("1", ("log.retention.hours", SET, "5"), 42, "Cannot update these configs dynamically: [log.retention.hours]"),
        ("1", ("node.id", SET, "4"), 42, "Cannot update these configs dynamically: [node.id]"),
        (
            "",
            ("num.io.threads", SET, "0"),
            42,
            "Invalid value 0 for configuration num.io.threads: Value must be at least 1",
        ),
        (
            "",
            ("listeners", SET, "PLAINTEXT://:1"),
            42,
            "Cannot update these configs at default cluster level, broker id must be specified: [listeners]",
        ),
        (
            "1",
            ("ssl.keystore.location", SET, "/x"),
            42,
            "These security configs can be dynamically updated only per-listener using the listener prefix: "
            "[ssl.keystore.location]",
        ),
        (
            "",
            ("listener.name.plaintext.ssl.keystore.location", SET, "/x"),
            42,
            "Cannot update these configs at default cluster level, broker id must be specified: "
            "[listener.name.plaintext.ssl.keystore.location]",
        ),
        (
            "",
            ("follower.replication.throttled.rate", SET, "-1"),
            42,
            "Invalid value -1 for configuration follower.replication.throttled.rate: Value must be at least 0",
        ),
        (
            "",
            ("log.segment.bytes", APPEND, "1"),
            40,
            "Config value append is not allowed for config key: log.segment.bytes",
        ),
        (
            "",
            ("min.insync.replicas", DELETE, None),
            40,
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
        ),
        (
            "1",
            ("min.insync.replicas", SET, "2"),
            40,
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
        ),
        ("2", ("log.retention.ms", SET, "5"), 42, "Unexpected broker id, expected 1, but received 2"),
        ("x", ("log.retention.ms", SET, "5"), 42, "Node id must be an integer, but it is: x"),
        (
            "1",
            ("listeners", SET, "PLAINTEXT://127.0.0.1:1"),
            42,
            "listeners cannot change while the broker runs: write it into its file and restart it",
        ),
        ("1", ("log.retention.ms", SET, None), 42, "Null value not supported for : log.retention.ms"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_brokers_change_is_refused_as_kafka_refuses_it(
    controller: Controller, name: str, change: tuple[str, int, str | None], code: int, message: str
) -> None:
    assert controller.alter(BROKER, name, change) == (code, message)
    assert controller.records == []


@pytest.mark.parametrize(
    "change",
    [
        ("sasl.kerberos.min.time.before.relogin", SET, "58000"),
        ("sasl.enabled.mechanisms", SET, "PLAIN"),
        ("ssl.client.auth", SET, "required"),
        ("listener.name.plaintext.ssl.keystore.location", SET, "/x"),
    ],
)
def test_only_key_and_trust_stores_need_the_prefix_of_a_listener(
    controller: Controller, change: tuple[str, int, str]
) -> None:
    assert controller.alter(BROKER, "1", change) == (0, None)
    assert controller.image.config(BROKER, "1") == {change[0]: change[2]}


@pytest.mark.parametrize("key", ["ssl.keystore.location", "node.id", "listeners"])
@pytest.mark.parametrize("name", ["", "1"])
def test_taking_away_what_may_not_be_set_is_no_error(controller: Controller, name: str, key: str) -> None:
    assert controller.alter(BROKER, name, (key, DELETE, None)) == (0, None)
    assert controller.image.config(BROKER, name) == {}


@pytest.mark.parametrize("name", ["", "1"])
@pytest.mark.parametrize(
    "change", [("whatever.x", SET, "5"), ("retention.ms", SET, "1"), ("log.cleanup.policy", APPEND, "compact")]
)
def test_unknown_broker_settings_and_lists_are_stored(
    controller: Controller, name: str, change: tuple[str, int, str]
) -> None:
    assert controller.alter(BROKER, name, change) == (0, None)
    stored = "delete,compact" if change[1] == APPEND else change[2]
    assert controller.image.config(BROKER, name) == {change[0]: stored}


def test_topics_follow_the_brokers_dynamic_settings(controller: Controller) -> None:
    controller.alter(BROKER, "", ("log.retention.ms", SET, "9"))
    assert controller.configs.topic("t").retention_ms == 9
    controller.alter(BROKER, "1", ("log.retention.ms", SET, "8"))
    assert controller.configs.topic("t").retention_ms == 8
    controller.alter(TOPIC, "t", ("retention.ms", SET, "7"))
    assert controller.configs.topic("t").retention_ms == 7
    controller.alter(TOPIC, "t", ("retention.ms", DELETE, None))
    controller.alter(BROKER, "1", ("log.retention.ms", DELETE, None))
    assert controller.configs.topic("t").retention_ms == 9


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        (
            "consumer.session.timeout.ms",
            "1000",
            "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
        ),
        (
            "share.session.timeout.ms",
            "100000",
            "share.session.timeout.ms must be less than or equal to group.share.max.session.timeout.ms",
        ),
        (
            "streams.num.standby.replicas",
            "100",
            "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
        ),
        (
            "share.partition.max.record.locks",
            "50000",
            "share.partition.max.record.locks must be less than or equal to group.share.max.partition.max.record.locks",
        ),
        (
            "consumer.session.timeout.ms",
            "x",
            "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT",
        ),
        (
            "share.auto.offset.reset",
            "foo",
            "Invalid value foo for configuration share.auto.offset.reset: Invalid value `foo` for configuration "
            "share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format "
            "'by_duration:<PnDTnHnMn.nS>'.",
        ),
        ("nope", "x", "Unknown group config name: nope"),
    ],
)
def test_a_groups_change_is_refused_as_kafka_refuses_it(
    controller: Controller, key: str, text: str, message: str
) -> None:
    assert controller.alter(GROUP, "g", (key, SET, text)) == (40, message)


def test_groups_and_client_metrics_are_stored_whether_they_exist_or_not(controller: Controller) -> None:
    assert controller.alter(GROUP, "g", ("share.auto.offset.reset", SET, "by_duration:P1DT2H")) == (0, None)
    assert controller.alter(GROUP, "", ("share.auto.offset.reset", SET, "latest")) == (
        42,
        "Default group resources are not allowed.",
    )
    assert controller.alter(CLIENT_METRICS, "cm", ("match", SET, "client_id=app-.*")) == (0, None)
    assert controller.image.config(GROUP, "g") == {"share.auto.offset.reset": "by_duration:P1DT2H"}


@pytest.mark.parametrize(
    ("name", "key", "text", "code", "message"),
    [
        (
            "cm",
            "interval.ms",
            "1",
            42,
            "Invalid value 1 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
        ("cm", "interval.ms", "x", 40, "Invalid value x for configuration interval.ms: Not a number of type INT"),
        ("cm", "nope", "1", 42, "Unknown client metrics configuration: nope"),
        ("cm", "match", "a", 40, "Illegal client matching pattern: a"),
        ("", "interval.ms", "1000", 42, "Subscription name can't be empty"),
    ],
)
def test_a_change_of_client_metrics_is_refused_as_kafka_refuses_it(
    controller: Controller, name: str, key: str, text: str, code: int, message: str
) -> None:
    assert controller.alter(CLIENT_METRICS, name, (key, SET, text)) == (code, message)


def test_other_resource_types_are_refused(controller: Controller) -> None:
    assert controller.alter(3, "x", ("a", SET, "b")) == (42, "Unknown resource type 3")


_POOL = "Dynamic thread count update validation failed for num.io.threads="


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("num.io.threads", "17"), f"{_POOL}17, value should not be greater than double the current value 8"),
        (("num.io.threads", "3"), f"{_POOL}3, value should be at least half the current value 8"),
        (("num.io.threads", "16"), None),
        (("num.io.threads", "4"), None),
        (
            ("log.cleaner.threads", "3"),
            "Log cleaner threads cannot be increased to more than double the current value 1",
        ),
        (("log.cleaner.threads", "2"), None),
        (("max.connection.creation.rate", "0"), "Invalid max.connection.creation.rate 0"),
        (
            ("log.cleaner.dedupe.buffer.size", "1048576"),
            "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.",
        ),
        (
            ("max.connections.per.ip", "0"),
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
        ),
        (("max.connections.per.ip.overrides", "10.0.0.1:2,[::1]:3"), None),
        (("max.connections.per.ip.overrides", "10.0.0.1"), "'10.0.0.1' is not of the form host:limit"),
        (
            ("max.connections.per.ip.overrides", "10.0.0.1:2,localhost:2"),
            "localhost is a name, and names are looked up when the broker starts: give its address, or write the name "
            "into the broker's file",
        ),
        (("log.retention.ms", "0"), "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"),
        (("log.retention.ms", "-1"), None),
        (("log.roll.ms", "0"), "log.roll.ms must be greater than or equal to 1"),
        (("log.roll.jitter.ms", "-1"), "log.roll.jitter.ms must be greater than or equal to 0"),
        (
            ("log.local.retention.ms", "604800001"),
            "Invalid value 604800001 for configuration log.local.retention.ms: Value must not be more than "
            "log.retention.ms property value: 604800000",
        ),
        (("log.local.retention.ms", "604800000"), None),
        (
            ("cordoned.log.dirs", "/x"),
            "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /x",
        ),
        (("cordoned.log.dirs", "*"), None),
        (("sasl.jaas.config", "x"), None),
        (
            ("ssl.client.auth", "x"),
            "Invalid value x for configuration ssl.client.auth: String must be one of: required, requested, none",
        ),
    ],
    ids=str,
)
def test_a_running_broker_is_not_changed_beyond_what_it_can_bear(
    controller: Controller, change: tuple[str, str], message: str | None
) -> None:
    """How Kafka wraps the sentences is left to the differential test."""
    name, text = change
    code, told = controller.alter(BROKER, "1", (name, SET, text))
    assert code == (42 if message else 0)
    assert told is None if message is None else message in str(told)


def test_only_a_setting_that_the_broker_has_can_be_added_to(controller: Controller) -> None:
    for name in ("a.plug.in", "listener.name.plaintext.ssl.cipher.suites"):
        assert controller.alter(BROKER, "1", (name, APPEND, "x")) == (40, f"Unknown config name: {name}")


def test_what_cannot_be_set_can_still_be_deleted(controller: Controller) -> None:
    assert controller.alter(BROKER, "1", ("node.id", DELETE, None)) == (0, None)
    assert controller.alter(BROKER, "", ("listeners", DELETE, None)) == (0, None)


def test_a_broker_is_named_as_java_reads_an_integer(controller: Controller) -> None:
    change = ("log.retention.ms", SET, "5")
    assert controller.alter(BROKER, "+1", change) == (0, None)
    assert controller.alter(BROKER, "-1", change) == (42, "Unexpected broker id, expected 1, but received -1")
    too_large = (42, "Node id must be an integer, but it is: 99999999999")
    assert controller.alter(BROKER, "99999999999", change) == too_large


@pytest.mark.parametrize("pattern", ["client_id=", "client_id=a=b", "client_id", "nope=a", "client_id=("])
def test_a_pattern_of_client_metrics_is_a_key_and_an_expression(controller: Controller, pattern: str) -> None:
    refused = (40, f"Illegal client matching pattern: {pattern}")
    assert controller.alter(CLIENT_METRICS, "m", ("match", SET, pattern)) == refused
    assert controller.alter(CLIENT_METRICS, "m", ("match", SET, "client_id=a=")) == (0, None)


def test_lists_of_client_metrics_are_only_set(controller: Controller) -> None:
    for operation, word in ((APPEND, "APPEND"), (SUBTRACT, "SUBTRACT")):
        refused = (40, f"Can't {word} to key metrics because its type is not LIST.")
        assert controller.alter(CLIENT_METRICS, "m", ("metrics", operation, "a")) == refused
