"""Codes and sentences are those of Apache Kafka 4.3.1, but for the protection of internal topics."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from tests.unit.controller.support import TOPIC, Controller, topic

OTHER_ID = Uuid(b"a" * 16)


def delete(controller: Controller, *targets: tuple[str | None, Uuid]) -> list[tuple[str | None, int, str | None]]:
    states = [DeleteTopicsRequest.DeleteTopicState(name=name, topic_id=topic_id) for name, topic_id in targets]
    answer = controller.ask(DeleteTopicsRequest(timeout_ms=1000, topics=states))
    return [(result.name, result.error_code, result.error_message) for result in answer.responses]


def test_a_topic_goes_with_its_settings_by_name_or_by_id() -> None:
    controller = Controller()
    controller.create(topic("a", configs={"retention.ms": "5"}), topic("b"))
    topic_id = controller.image.topics["b"].id
    assert delete(controller, ("a", ZERO_UUID), (None, topic_id)) == [("b", 0, None), ("a", 0, None)]
    assert controller.image.topics == {} and controller.image.topics_by_id == {}
    assert controller.image.config(TOPIC, "a") == {}


def test_old_versions_name_topics_in_their_own_field() -> None:
    controller = Controller()
    controller.create(topic("a"))
    answer = controller.ask(DeleteTopicsRequest(timeout_ms=1000, topic_names=["a", "zz"]))
    assert [(result.name, result.error_code) for result in answer.responses] == [("a", 0), ("zz", 3)]


def test_refusals_are_kafkas() -> None:
    controller = Controller()
    controller.create(topic("a"))
    topic_id = controller.image.topics["a"].id
    unknown = "This server does not host this topic-partition."
    assert delete(controller, ("nope", ZERO_UUID)) == [("nope", 3, unknown)]
    assert delete(controller, (None, OTHER_ID)) == [(None, 100, "This server does not host this topic ID.")]
    assert delete(controller, ("a", OTHER_ID)) == [("a", 42, "You may not specify both topic name and topic id.")]
    assert delete(controller, (None, ZERO_UUID)) == [(None, 42, "Neither topic name nor id were specified.")]
    assert delete(controller, ("a", ZERO_UUID), ("a", ZERO_UUID)) == [("a", 42, "Duplicate topic name.")]
    assert delete(controller, (None, OTHER_ID), (None, OTHER_ID)) == [(None, 42, "Duplicate topic id.")]
    twice = "The provided topic name maps to an ID that was already supplied."
    assert delete(controller, ("a", ZERO_UUID), (None, topic_id)) == [("a", 42, twice)]
    assert "a" in controller.image.topics


def test_internal_topics_are_protected() -> None:
    controller = Controller()
    controller.create(topic("__consumer_offsets"))
    ((_, code, message),) = delete(controller, ("__consumer_offsets", ZERO_UUID))
    assert (code, message) == (17, "Topic __consumer_offsets is internal and cannot be deleted.")
    assert "__consumer_offsets" in controller.image.topics


def test_nothing_is_deleted_where_that_is_switched_off() -> None:
    controller = Controller(delete_topic_enable="false")
    controller.create(topic("a"))
    assert delete(controller, ("a", ZERO_UUID)) == [("a", 73, "Topic deletion is disabled.")]


def test_a_name_can_be_used_again_under_another_id() -> None:
    controller = Controller()
    controller.create(topic("a"))
    first = controller.image.topics["a"].id
    delete(controller, ("a", ZERO_UUID))
    assert controller.create(topic("a")) == [(0, None)]
    assert controller.image.topics["a"].id != first
