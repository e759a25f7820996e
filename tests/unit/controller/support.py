"""A controller machine on an image with live brokers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ottla.broker.settings import BrokerSettings
from ottla.controller.machine import ControllerMachine
from ottla.controller.rules import ControllerRules
from ottla.metadata.effective import EffectiveConfigs
from ottla.metadata.image import ClusterImage
from ottla.protocol.logs.cluster_metadata import RegisterBrokerRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.configs import IncrementalAlterConfigsRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest

CLUSTER_ID = "the-cluster"
SET, DELETE, APPEND, SUBTRACT = range(4)
TOPIC, BROKER, CLIENT_METRICS, GROUP = 2, 4, 16, 32
Topic = CreateTopicsRequest.CreatableTopic


class FixedRandom:
    """Counts up, so that ids differ and runs do not."""

    def __init__(self) -> None:
        self.calls = 0

    def bytes(self, count: int) -> bytes:
        self.calls += 1
        return self.calls.to_bytes(count, "big")


class Controller:
    """Commands go in, what they decide is replayed, answers come out."""

    def __init__(
        self,
        brokers: int = 1,
        racks: tuple[str | None, ...] = (),
        features: Mapping[str, tuple[int, int]] | None = None,
        **settings: str,
    ) -> None:
        self.image = ClusterImage()
        texts = {name.replace("_", "."): text for name, text in settings.items()}
        self.settings = BrokerSettings.load({"node.id": "1", **texts})
        configs = EffectiveConfigs(self.image, 1, BrokerSettings.definitions, self.settings.texts)
        rules = ControllerRules(
            configs,
            self.settings.config_checks(self.image),
            default_partitions=self.settings.num_partitions,
            default_replication_factor=self.settings.default_replication_factor,
            delete_topics=self.settings.delete_topic_enable,
            cluster_id=CLUSTER_ID,
            features=features or {},
        )
        self.configs = configs
        self.machine = ControllerMachine(self.image, rules, FixedRandom())
        self.records: list[Message] = []
        for broker in range(1, brokers + 1):
            rack = racks[broker - 1] if racks else None
            self.replay([RegisterBrokerRecord(broker_id=broker, broker_epoch=broker * 10, fenced=False, rack=rack)])

    def replay(self, records: list[Message]) -> None:
        delta = self.image.replay_all(records)
        if delta.changed_configs:
            self.configs.forget()

    def ask(self, request: Message) -> Any:
        """The answer; what it decided has happened."""
        outcome = self.machine.handle(request)
        self.records = outcome.records
        self.replay(outcome.records)
        return outcome.answer

    def create(self, *topics: Topic, validate_only: bool = False) -> list[tuple[int, str | None]]:
        """(error code, message) of each topic in the answer."""
        answer = self.ask(CreateTopicsRequest(topics=list(topics), validate_only=validate_only))
        return [(result.error_code, result.error_message) for result in answer.topics]

    def alter(
        self, resource_type: int, name: str, *changes: tuple[str, int, str | None], validate_only: bool = False
    ) -> tuple[int, str | None]:
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
            resource_type=resource_type,
            resource_name=name,
            configs=[
                IncrementalAlterConfigsRequest.AlterableConfig(name=key, config_operation=operation, value=value)
                for key, operation, value in changes
            ],
        )
        request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=validate_only)
        (response,) = self.ask(request).responses
        return response.error_code, response.error_message


def topic(
    name: str = "orders",
    partitions: int = 1,
    factor: int = 1,
    configs: dict[str, str | None] | None = None,
    assignments: list[tuple[int, list[int]]] | None = None,
) -> Topic:
    if assignments is not None and (partitions, factor) == (1, 1):
        partitions = factor = -1
    return Topic(
        name=name,
        num_partitions=partitions,
        replication_factor=factor,
        configs=[
            CreateTopicsRequest.CreatableTopicConfig(name=key, value=value) for key, value in (configs or {}).items()
        ],
        assignments=[
            CreateTopicsRequest.CreatableReplicaAssignment(partition_index=index, broker_ids=brokers)
            for index, brokers in assignments or []
        ],
    )
