from __future__ import annotations

import pytest

from ottla.broker.settings import BrokerSettings
from ottla.common.errors import InvalidConfig
from ottla.common.settings import LIST


def test_the_command_line_is_stronger_than_the_file() -> None:
    settings = BrokerSettings.load({"num.partitions": "3", "log.dirs": "/a, /b"}, {"num.partitions": "4"})
    assert (settings.num_partitions, settings.directories) == (4, ("/a", "/b"))
    assert settings.texts["num.partitions"] == "4"


def test_log_dir_stands_in_for_log_dirs() -> None:
    assert BrokerSettings.load({"log.dir": "/x"}).directories == ("/x",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("num.partition", 'unknown broker setting "num.partition"; did you mean "num.partitions"?'),
        ("zzzz", 'unknown broker setting "zzzz"'),
        ("listener.name.plaintext.zzzz", 'unknown broker setting "listener.name.plaintext.zzzz"'),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(name: str, message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        BrokerSettings.load({name: "1"})
    assert caught.value.message == message


@pytest.mark.parametrize(
    "name",
    [
        "listener.name.plaintext.ssl.keystore.type",
        "listener.name.sasl_ssl.plain.sasl.login.refresh.window.jitter",
        "rsm.config.anything",
    ],
)
def test_names_of_listeners_and_plug_ins_are_accepted(name: str) -> None:
    assert BrokerSettings.load({name: "1"}).texts[name] == "1"


def test_node_id_and_broker_id_are_one_setting() -> None:
    assert BrokerSettings.load({"broker.id": "7"}).node_id == 7
    assert BrokerSettings.load({"node.id": "7"}).broker_id == 7
    with pytest.raises(InvalidConfig, match="give only one of them"):
        BrokerSettings.load({"node.id": "7", "broker.id": "8"})


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"group.consumer.min.session.timeout.ms": "70000"},
            "group.consumer.max.session.timeout.ms must be greater than or equal to",
        ),
        ({"broker.session.timeout.ms": "3000"}, "twice broker.heartbeat.interval.ms"),
        ({"num.partitions": "0"}, "Invalid value 0 for configuration num.partitions: Value must be at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(texts: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        BrokerSettings.load(texts)


@pytest.mark.parametrize(
    "name", [name for name, definition in BrokerSettings.definitions.items() if definition.kind == LIST]
)
def test_no_list_has_an_empty_element(name: str) -> None:
    """One in log.dirs was the folder `/`. Asked of Apache Kafka 4.3.1, which refuses it in every list."""
    definition = BrokerSettings.definitions[name]
    word = (definition.one_of or ("a",))[0]
    for text in (f"{word},,{word}", f"{word},", f",{word}", ","):
        with pytest.raises(InvalidConfig, match=f"^Configuration '{name}' values must not be empty\\.$"):
            definition.parse(text)


def test_lists_that_must_not_be_empty_are_those_of_kafka() -> None:
    """Asked of Apache Kafka 4.3.1. An empty log.dirs stood for the default of log.dir, in silence."""
    refused = {}
    for name, definition in BrokerSettings.definitions.items():
        if definition.kind == LIST:
            try:
                assert definition.parse("") == ()
            except InvalidConfig as error:
                refused[name] = error.message.removeprefix(f"Configuration '{name}' must not be empty. Valid values ")
    any_value = "include: any non-empty value"
    assert refused == {
        "advertised.listeners": any_value,
        "controller.listener.names": any_value,
        "group.consumer.assignors": any_value,
        "group.coordinator.rebalance.protocols": "include: [consumer, classic, share, streams]",
        "group.share.assignors": any_value,
        "listeners": any_value,
        "log.dir": any_value,
        "log.dirs": any_value,
        "process.roles": "include: [broker, controller]",
    }
    assert BrokerSettings.load({}).directories == ("/tmp/kafka-logs",)


def test_settings_in_force_pass_over_names_that_are_not_ours() -> None:
    assert BrokerSettings.of_texts({"whatever": "1", "num.io.threads": "4"}).num_io_threads == 4
