"""Codes and sentences are those of Apache Kafka 4.3.1, asked one by one."""

from __future__ import annotations

import pytest

from ottla.protocol.messages.create_topics import CreateTopicsRequest
from tests.unit.controller.support import Controller, Topic, topic

ILLEGAL = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"


@pytest.mark.parametrize(
    ("wanted", "code", "message"),
    [
        (topic(""), 17, "Topic name is invalid: the empty string is not allowed"),
        (topic("."), 17, "Topic name is invalid: '.' is not allowed"),
        (topic(".."), 17, "Topic name is invalid: '..' is not allowed"),
        (topic("a/b"), 17, f"Topic name is invalid: 'a/b' {ILLEGAL}"),
        (topic("a\n"), 17, f"Topic name is invalid: 'a\n' {ILLEGAL}"),
        (
            topic("x" * 250),
            17,
            f"Topic name is invalid: the length of '{'x' * 250}' is longer than the max allowed length 249",
        ),
        (topic("taken"), 36, "Topic 'taken' already exists."),
        (topic("a.b"), 17, "Topic 'a.b' collides with existing topic: a_b"),
        (topic("__cluster_metadata"), 42, "Creation of internal topic __cluster_metadata is prohibited."),
        (topic(partitions=0), 37, "Number of partitions was set to an invalid non-positive value."),
        (topic(partitions=-2), 37, "Number of partitions was set to an invalid non-positive value."),
        (topic(factor=0), 38, "Replication factor must be larger than 0, or -1 to use the default value."),
        (topic(factor=-2), 38, "Replication factor must be larger than 0, or -1 to use the default value."),
        (
            topic(factor=3),
            38,
            "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because "
            "only 1 broker(s) are registered or some brokers have all their log directories cordoned.",
        ),
        (topic(partitions=10_001), 44, "Excessively large number of partitions per request."),
        (topic(partitions=10_000), 44, "Unable to perform excessively large batch operation."),
        (
            topic(partitions=1, factor=-1, assignments=[(0, [1])]),
            42,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        ),
        (
            topic(partitions=-1, factor=1, assignments=[(0, [1])]),
            42,
            "A manual partition assignment was specified, but replication factor was not set to -1.",
        ),
        (topic(assignments=[(1, [1])]), 39, "partitions should be a consecutive 0-based integer sequence"),
        (topic(assignments=[(0, [1]), (2, [1])]), 39, "partitions should be a consecutive 0-based integer sequence"),
        (
            topic(assignments=[(0, [1]), (0, [1])]),
            39,
            "Found multiple manual partition assignments for partition 0",
        ),
        (
            topic(assignments=[(0, [1, 1])]),
            39,
            "The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            topic(assignments=[(0, [2])]),
            39,
            "The manual partition assignment includes broker 2, but no such broker is registered.",
        ),
        (topic(assignments=[(0, [])]), 39, "The manual partition assignment includes an empty replica list."),
        (topic(configs={"retention.ms": None}), 40, "Null value not supported for topic configs: retention.ms"),
        (topic(configs={"nope": "1"}), 40, "Unknown topic config name: nope"),
        (
            topic(configs={"retention.ms": "-5"}),
            40,
            "Invalid value -5 for configuration retention.ms: Value must be at least -1",
        ),
        (
            topic(configs={"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"}),
            40,
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
        ),
        (
            topic(configs={"remote.storage.enable": "true"}),
            40,
            "Tiered Storage functionality is disabled in the broker. "
            "Topic cannot be configured with remote log storage.",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_topic_is_refused_as_kafka_refuses_it(wanted: Topic, code: int, message: str) -> None:
    controller = Controller()
    assert controller.create(topic("taken"), topic("a_b")) == [(0, None), (0, None)]
    assert controller.create(wanted) == [(code, message)]
    assert controller.records == []


def test_a_new_topic_has_an_id_partitions_and_zero_epochs() -> None:
    controller = Controller(brokers=3)
    answer = controller.ask(CreateTopicsRequest(topics=[topic(partitions=4, factor=2)]))
    (created,) = answer.topics
    assert (created.num_partitions, created.replication_factor, created.error_message) == (4, 2, None)
    known = controller.image.topics["orders"]
    assert known.id == created.topic_id != bytes(16)
    assert controller.image.topics_by_id[known.id] is known
    assert list(known.partitions) == [0, 1, 2, 3]
    for partition in known.partitions.values():
        assert partition.isr == partition.replicas and len(set(partition.replicas)) == 2
        assert (partition.leader, partition.leader_epoch, partition.partition_epoch) == (partition.replicas[0], 0, 0)


def test_leaders_and_replicas_are_spread_evenly() -> None:
    controller = Controller(brokers=3)
    controller.create(topic(partitions=12, factor=2))
    partitions = controller.image.topics["orders"].partitions.values()
    for broker in (1, 2, 3):
        assert sum(partition.leader == broker for partition in partitions) == 4
        assert sum(broker in partition.replicas for partition in partitions) == 8


def test_replicas_are_spread_over_racks() -> None:
    controller = Controller(brokers=4, racks=("a", "a", "b", "b"))
    controller.create(topic(partitions=8, factor=2))
    brokers = controller.image.brokers
    for partition in controller.image.topics["orders"].partitions.values():
        assert sorted(brokers[replica].rack or "" for replica in partition.replicas) == ["a", "b"]


def test_the_answer_lists_all_settings_by_name_with_their_sources() -> None:
    controller = Controller(log_retention_hours="100")
    answer = controller.ask(CreateTopicsRequest(topics=[topic(configs={"segment.bytes": "2000000"})]))
    configs = {entry.name: (entry.value, entry.config_source) for entry in answer.topics[0].configs}
    assert list(configs) == sorted(configs) and len(configs) == 33
    assert configs["segment.bytes"] == ("2000000", 1)
    assert configs["retention.ms"] == ("360000000", 4)
    assert configs["cleanup.policy"] == ("delete", 5)


def test_minus_one_takes_the_brokers_defaults() -> None:
    controller = Controller(brokers=2, num_partitions="3", default_replication_factor="2")
    assert controller.create(topic(partitions=-1, factor=-1)) == [(0, None)]
    known = controller.image.topics["orders"]
    assert (len(known.partitions), known.replication_factor) == (3, 2)


def test_validate_only_answers_as_if_and_changes_nothing() -> None:
    controller = Controller()
    assert controller.create(topic(), validate_only=True) == [(0, None)]
    assert controller.image.topics == {} and controller.records == []


def test_a_name_given_twice_gets_one_refusal_and_the_others_are_made() -> None:
    controller = Controller()
    assert controller.create(topic("a"), topic("b"), topic("a")) == [(0, None), (42, "Duplicate topic name.")]
    assert list(controller.image.topics) == ["b"]


def test_too_many_partitions_in_all_refuse_the_whole_request() -> None:
    controller = Controller()
    refused = (44, "Excessively large number of partitions per request.")
    assert controller.create(topic("a", 6000), topic("b", 6000)) == [refused, refused]


def test_a_manual_assignment_is_taken_as_it_is() -> None:
    controller = Controller(brokers=3)
    assert controller.create(topic(assignments=[(1, [2, 1]), (0, [3, 2])])) == [(0, None)]
    partitions = controller.image.topics["orders"].partitions
    assert (partitions[0].replicas, partitions[1].replicas) == ((3, 2), (2, 1))


def test_replicas_of_a_manual_assignment_are_equally_many() -> None:
    controller = Controller(brokers=2)
    ((code, message),) = controller.create(topic(assignments=[(0, [1]), (1, [1, 2])]))
    assert code == 39 and message is not None and "not consistent with previous partitions" in message
