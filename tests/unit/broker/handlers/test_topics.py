"""CreateTopics, DeleteTopics, CreatePartitions: what the answers look like (compared with Kafka 4.3.1)."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check, DenyOnly, guard
from tests.unit.broker.handlers.support import Asking, on_broker

STRANGE_ID, OTHER_ID = Uuid(bytes(15) + b"\x07"), Uuid(bytes(15) + b"\x08")
State = DeleteTopicsRequest.DeleteTopicState


def wanted(name: str, partitions: int = 1) -> CreateTopicsRequest.CreatableTopic:
    return CreateTopicsRequest.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)


def test_topics_are_answered_once_each_in_the_order_of_the_request_and_refused_names_last() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("there")
        names = ["__cluster_metadata", "twice", "new", "there", "twice", ""]
        answer = await broker.ask(CreateTopicsRequest(topics=[wanted(name) for name in names]), 7)
        assert [(one.name, one.error_code) for one in answer.topics] == [
            ("new", 0), ("there", 36), ("", 17), ("twice", 42), ("__cluster_metadata", 42),
        ]  # fmt: skip
        assert "new" in broker.node.image.topics
        assert "twice" not in broker.node.image.topics

    on_broker(scenario)


def test_validate_only_shows_the_topic_and_makes_none() -> None:
    async def scenario(broker: Asking) -> None:
        answer = await broker.ask(CreateTopicsRequest(topics=[wanted("new", 3)], validate_only=True), 5)
        assert (answer.topics[0].error_code, answer.topics[0].num_partitions) == (0, 3)
        assert "new" not in broker.node.image.topics

    on_broker(scenario)


def test_one_forbidden_topic_does_not_keep_the_others_from_being_made() -> None:
    async def scenario(broker: Asking) -> None:
        denied = (Check(Operation.CREATE, ResourceType.CLUSTER), Check(Operation.CREATE, ResourceType.TOPIC, "b"))
        guard(broker.node, DenyOnly(*denied))
        answer = await broker.ask(CreateTopicsRequest(topics=[wanted(name) for name in "abc"]), 7)
        assert [(one.name, one.error_code) for one in answer.topics] == [("a", 0), ("b", 29), ("c", 0)]
        assert list(broker.node.image.topics) == ["a", "c"]

    on_broker(scenario)


def test_without_describe_configs_a_new_topic_is_answered_without_its_shape() -> None:
    async def scenario(broker: Asking) -> None:
        guard(broker.node, DenyOnly(Check(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC)))
        answer = (await broker.ask(CreateTopicsRequest(topics=[wanted("new")]), 7)).topics[0]
        assert (answer.error_code, answer.topic_config_error_code) == (0, 29)
        assert (answer.num_partitions, answer.replication_factor, answer.configs) == (-1, -1, [])
        assert answer.topic_id != ZERO_UUID

    on_broker(scenario)


def test_topics_are_deleted_by_name_and_by_id() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("named")
        topic_id = await broker.topic("known-by-id")
        states = [
            State(name="absent"), State(topic_id=STRANGE_ID), State(name="x", topic_id=OTHER_ID), State(name=None),
            State(topic_id=topic_id), State(name="named"),
        ]  # fmt: skip
        answer = await broker.ask(DeleteTopicsRequest(timeout_ms=1000, topics=states), 6)
        assert [(one.name, one.topic_id == ZERO_UUID, one.error_code) for one in answer.responses] == [
            ("absent", True, 3), (None, False, 100), ("x", False, 42), (None, True, 42),
            ("known-by-id", False, 0), ("named", False, 0),
        ]  # fmt: skip
        assert not broker.node.image.topics

    on_broker(scenario)


def test_old_versions_delete_by_name_alone() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.topic("twice")
        answer = await broker.ask(
            DeleteTopicsRequest(timeout_ms=1000, topic_names=["twice", "absent", "twice", "a"]), 3
        )
        assert [(one.name, one.error_code) for one in answer.responses] == [("twice", 42), ("absent", 3), ("a", 0)]
        assert list(broker.node.image.topics) == ["twice"]

    on_broker(scenario)


def test_where_there_is_no_time_each_mention_of_a_topic_is_answered() -> None:
    async def scenario(broker: Asking) -> None:
        names = ["twice", "once", "twice"]
        rows = [CreateTopicsRequest.CreatableTopic(name=n, num_partitions=1, replication_factor=1) for n in names]
        created = await broker.ask(CreateTopicsRequest(topics=rows, timeout_ms=0), 7)
        grow = [CreatePartitionsRequest.CreatePartitionsTopic(name=n, count=2) for n in names]
        grown = await broker.ask(CreatePartitionsRequest(topics=grow, timeout_ms=0), 3)
        for answers in (created.topics, grown.results):
            assert [(one.name, one.error_code) for one in answers] == [("twice", 7), ("once", 7), ("twice", 7)]
        gone = await broker.ask(DeleteTopicsRequest(topic_names=names, timeout_ms=0), 3)
        assert sorted((one.name, one.error_code) for one in gone.responses) == [("once", 7), ("twice", 7), ("twice", 7)]

    on_broker(scenario)


def test_an_id_that_may_not_be_described_is_answered_without_its_name() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("secret")
        for operation, shown in ((Operation.DESCRIBE, None), (Operation.DELETE, "secret")):
            guard(broker.node, DenyOnly(Check(operation, ResourceType.TOPIC)))
            answer = (
                await broker.ask(DeleteTopicsRequest(timeout_ms=1000, topics=[State(topic_id=topic_id)]), 6)
            ).responses[0]
            assert (answer.name, answer.topic_id, answer.error_code) == (shown, topic_id, 29)
        assert "secret" in broker.node.image.topics

    on_broker(scenario)


def test_partitions_are_added_and_served_at_once() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        await broker.topic("twice")
        counts = [("a", 4), ("twice", 2), ("absent", 3), ("twice", 3)]
        grow = [CreatePartitionsRequest.CreatePartitionsTopic(name=n, count=c, assignments=None) for n, c in counts]
        tried = await broker.ask(CreatePartitionsRequest(timeout_ms=1000, topics=grow, validate_only=True), 3)
        assert len(broker.node.image.topics["a"].partitions) == 2
        done = await broker.ask(CreatePartitionsRequest(timeout_ms=1000, topics=grow), 3)
        for answer in (tried, done):
            assert [(one.name, one.error_code) for one in answer.results] == [("a", 0), ("twice", 42), ("absent", 3)]
        assert broker.node.replicas.find("a", 3).leads

    on_broker(scenario)
