"""Internal topics are made when first needed, with the settings that Kafka gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import CoordinatorNotAvailable, KafkaError, TopicAlreadyExists
from ottla.common.names import CONSUMER_OFFSETS, TRANSACTION_STATE
from ottla.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.settings import BrokerSettings

_TIMEOUT_MS = 30_000
_Config = CreateTopicsRequest.CreatableTopicConfig


def internal_topic(settings: BrokerSettings, name: str) -> CreateTopicsRequest.CreatableTopic:
    """How `name` is created; see the table of internal topics in the documentation."""
    if name == CONSUMER_OFFSETS:
        partitions = settings.offsets_topic_num_partitions
        replicas = settings.offsets_topic_replication_factor
        configs = {
            "cleanup.policy": "compact",
            "compression.type": "producer",
            "segment.bytes": str(settings.offsets_topic_segment_bytes),
        }
    else:
        assert name == TRANSACTION_STATE, f"{name} has no coordinator yet"
        partitions = settings.transaction_state_log_num_partitions
        replicas = settings.transaction_state_log_replication_factor
        configs = {
            "cleanup.policy": "compact",
            "compression.type": "uncompressed",
            "min.insync.replicas": str(settings.transaction_state_log_min_isr),
            "segment.bytes": str(settings.transaction_state_log_segment_bytes),
            "unclean.leader.election.enable": "false",
        }
    return CreateTopicsRequest.CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=replicas,
        configs=[_Config(name=key, value=value) for key, value in configs.items()],
    )


async def ensure_internal_topic(node: Node, name: str) -> None:
    """Creates the topic if need be. Raises CoordinatorNotAvailable, which clients retry, when that is not possible."""
    if name in node.image.topics:
        return
    request = CreateTopicsRequest(topics=[internal_topic(node.settings, name)], timeout_ms=_TIMEOUT_MS)
    try:
        answer: CreateTopicsResponse = await node.peers.forward_as_broker(request)
    except KafkaError as error:
        raise CoordinatorNotAvailable(f"{name} could not be created: {error.message}") from error
    result = answer.topics[0]
    if result.error_code not in (0, TopicAlreadyExists.code):
        node.log.warn("internal_topic.refused", topic=name, error=result.error_code, reason=result.error_message)
        raise CoordinatorNotAvailable(f"{name} could not be created: {result.error_message}")
