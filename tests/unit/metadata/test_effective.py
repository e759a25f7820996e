"""DescribeConfigs as Apache Kafka 4.3.1 answers it; the `.jsonl` files hold its answers.

A line is name, value, read-only, source, sensitive, type and synonyms (name, value, source).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ottla.broker.dynamic_configs import ClientMetricsSettings
from ottla.broker.settings import BrokerSettings, OttlaSettings
from ottla.coordinator.group.settings import GroupSettings
from ottla.metadata.effective import EffectiveConfigs, Entry
from ottla.metadata.image import BROKER_CONFIG, CLIENT_METRICS_CONFIG, GROUP_CONFIG, TOPIC_CONFIG, ClusterImage

FILE_OF_THE_REFERENCE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listeners": "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:19092",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": "1@127.0.0.1:19093",
    "log.dirs": "/var/lib/kafka",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}
REQUIRED_THERE = ("node.id", "process.roles", "controller.listener.names")
"""Settings that have a default here, so that one more synonym is shown."""

Shown = tuple[Any, ...]


def shown(entry: Entry) -> Shown:
    synonyms = [list(synonym) for synonym in entry.synonyms]
    return entry.value, entry.read_only, entry.source, entry.sensitive, entry.kind, synonyms


def kafkas(kind: str) -> dict[str, Shown]:
    lines = (Path(__file__).parent / f"kafka_{kind}_configs.jsonl").read_text().splitlines()
    return {name: tuple(rest) for name, *rest in map(json.loads, lines)}


@pytest.fixture
def image() -> ClusterImage:
    made = ClusterImage()
    made.configs[BROKER_CONFIG, ""] = {"min.insync.replicas": "1"}
    return made


def configs(image: ClusterImage, **static: str) -> EffectiveConfigs:
    texts = {name.replace("_", "."): text for name, text in static.items()}
    settings = BrokerSettings.of_texts(texts) if texts else BrokerSettings.load(FILE_OF_THE_REFERENCE)
    return EffectiveConfigs(image, 1, BrokerSettings.definitions, settings.texts)


def by_name(entries: list[Entry]) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}


def test_every_broker_setting_is_shown_as_kafka_shows_it(image: ClusterImage) -> None:
    ours = {name: shown(entry) for name, entry in by_name(configs(image).describe_broker()).items()}
    theirs = kafkas("broker")
    assert [name for name in ours if name not in theirs] == list(OttlaSettings.definitions)
    for name, expected in theirs.items():
        if name in REQUIRED_THERE:
            assert ours[name][:5] == expected[:5]
        else:
            assert (name, ours[name]) == (name, expected)


def test_every_topic_setting_is_shown_as_kafka_shows_it(image: ClusterImage) -> None:
    entries = configs(image).describe_topic("any")
    assert {entry.name: shown(entry) for entry in entries} == kafkas("topic")
    assert all(entry.doc.endswith(".") for entry in entries)


def test_every_group_setting_is_shown_as_kafka_shows_it(image: ClusterImage) -> None:
    entries = configs(image).describe_group(GROUP_CONFIG, "any", GroupSettings)
    assert {entry.name: shown(entry) for entry in entries} == kafkas("group")


def test_client_metrics_have_three_settings_and_no_synonym_but_their_own_value(image: ClusterImage) -> None:
    image.configs[CLIENT_METRICS_CONFIG, "cm"] = {"interval.ms": "1000"}
    entries = by_name(configs(image).describe_group(CLIENT_METRICS_CONFIG, "cm", ClientMetricsSettings))
    assert {name: shown(entry) for name, entry in entries.items()} == {
        "interval.ms": ("1000", False, 7, False, 3, [["interval.ms", "1000", 7]]),
        "match": ("", False, 5, False, 7, []),
        "metrics": ("", False, 5, False, 7, []),
    }


def test_a_topic_setting_shows_all_who_could_give_it_the_strongest_first(image: ClusterImage) -> None:
    image.configs[BROKER_CONFIG, ""] = {"log.cleaner.min.compaction.lag.ms": "11", "log.retention.ms": "360000000"}
    image.configs[BROKER_CONFIG, "1"] = {"log.cleaner.min.compaction.lag.ms": "12"}
    image.configs[TOPIC_CONFIG, "t"] = {"min.compaction.lag.ms": "13", "retention.ms": "5"}
    entries = by_name(configs(image, log_retention_hours="100").describe_topic("t"))
    assert shown(entries["min.compaction.lag.ms"]) == (
        "13",
        False,
        1,
        False,
        5,
        [
            ["min.compaction.lag.ms", "13", 1],
            ["log.cleaner.min.compaction.lag.ms", "12", 2],
            ["log.cleaner.min.compaction.lag.ms", "11", 3],
            ["log.cleaner.min.compaction.lag.ms", "0", 5],
        ],
    )
    assert shown(entries["retention.ms"])[-1] == [
        ["retention.ms", "5", 1],
        ["log.retention.ms", "360000000", 3],
        ["log.retention.hours", "100", 4],
        ["log.retention.hours", "168", 5],
    ]


def test_a_value_from_another_unit_has_no_source_in_describe_configs_but_one_when_created(image: ClusterImage) -> None:
    effective = configs(image, log_retention_hours="100", log_flush_scheduler_interval_ms="123456")
    described = by_name(effective.describe_topic("t"))
    assert shown(described["retention.ms"]) == ("360000000", False, 5, False, 5, [])
    assert shown(described["flush.ms"]) == ("123456", False, 5, False, 5, [])
    created = by_name(effective.topic_entries({}))
    assert (created["retention.ms"].value, created["retention.ms"].source) == ("360000000", 4)


def test_a_static_value_in_ms_shows_that_in_hours_after_it(image: ClusterImage) -> None:
    entries = by_name(configs(image, log_roll_ms="5000000").describe_topic("t"))
    assert shown(entries["segment.ms"]) == (
        "5000000",
        False,
        4,
        False,
        5,
        [["log.roll.ms", "5000000", 4], ["log.roll.hours", "168", 5]],
    )


def test_secrets_and_unknown_names_are_shown_without_their_values(image: ClusterImage) -> None:
    static = {"delegation.token.secret.key": "hush", "listener.name.plaintext.ssl.keystore.password": "abc"}
    image.configs[BROKER_CONFIG, "1"] = {"foo.bar": "baz"}
    entries = by_name(configs(image, **static).describe_broker())
    assert shown(entries["delegation.token.secret.key"]) == (
        None,
        True,
        4,
        True,
        9,
        [["delegation.token.secret.key", None, 4]],
    )
    assert shown(entries["foo.bar"]) == (None, True, 2, True, 0, [["foo.bar", None, 2]])
    listener = entries["listener.name.plaintext.ssl.keystore.password"]
    assert (listener.value, listener.sensitive, listener.kind) == (None, True, 9)


def test_a_listeners_own_setting_shows_its_value_and_the_one_it_overrides(image: ClusterImage) -> None:
    name = "listener.name.plaintext.max.connections"
    image.configs[BROKER_CONFIG, "1"] = {name: "500"}
    entry = by_name(configs(image).describe_broker())[name]
    overridden = ["max.connections", "2147483647", 5]
    assert shown(entry) == ("500", True, 2, False, 3, [[name, "500", 2], overridden])


def test_the_broker_without_a_name_shows_the_cluster_wide_settings(image: ClusterImage) -> None:
    (entry,) = configs(image).describe_cluster()
    assert (entry.name, *shown(entry)) == (
        "min.insync.replicas",
        "1",
        False,
        3,
        False,
        3,
        [["min.insync.replicas", "1", 3]],
    )


def test_topics_without_a_setting_of_their_own_share_one_object_until_defaults_change(image: ClusterImage) -> None:
    effective = configs(image)
    assert effective.topic("a") is effective.topic("b")
    image.configs[BROKER_CONFIG, ""] = {"message.max.bytes": "77"}
    effective.forget()
    assert effective.topic("a").max_message_bytes == 77
