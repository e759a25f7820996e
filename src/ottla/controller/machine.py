"""The controller as a machine: a request in, records and a response out, against an image that only replay changes.

Requests come after their authorisation, and responses are what the client gets, throttling apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ottla.common.clock import Random
from ottla.controller import (
    brokers,
    configs,
    deadlines,
    elections,
    features,
    partitions,
    producer_ids,
    quotas,
    reassignments,
    scram,
    topics,
)
from ottla.controller.outcome import Outcome
from ottla.controller.rules import ControllerRules
from ottla.metadata.image import BROKER_CONFIG, ClusterImage
from ottla.metadata.store import Holder
from ottla.protocol.logs.cluster_metadata import ConfigRecord, FeatureLevelRecord
from ottla.protocol.message import Message
from ottla.protocol.messages.client_quotas import AlterClientQuotasRequest
from ottla.protocol.messages.cluster import UnregisterBrokerRequest
from ottla.protocol.messages.configs import AlterConfigsRequest, IncrementalAlterConfigsRequest
from ottla.protocol.messages.create_partitions import CreatePartitionsRequest
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest
from ottla.protocol.messages.features import UpdateFeaturesRequest
from ottla.protocol.messages.inter_broker import (
    AllocateProducerIdsRequest,
    AlterPartitionRequest,
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
)
from ottla.protocol.messages.reassignments import AlterPartitionReassignmentsRequest
from ottla.protocol.messages.scram import AlterUserScramCredentialsRequest


class ControllerMachine:
    """Decides on every change of metadata. Durable state is the image alone; there is no volatile state."""

    def __init__(self, image: ClusterImage, rules: ControllerRules, random: Random) -> None:
        self.image = image
        self.rules = rules
        self._random = random
        self._handlers: dict[type[Message], Callable[[Message], Outcome]] = {
            CreateTopicsRequest: lambda request: topics.create_topics(self.image, self.rules, random, request),
            DeleteTopicsRequest: lambda request: topics.delete_topics(self.image, self.rules, request),
            CreatePartitionsRequest: lambda request: partitions.create_partitions(self.image, random, request),
            AlterPartitionRequest: lambda request: partitions.alter_partition(self.image, request),
            IncrementalAlterConfigsRequest: self._ruled(configs.incremental_alter_configs),
            AlterConfigsRequest: self._ruled(configs.alter_configs),
            AllocateProducerIdsRequest: lambda request: producer_ids.allocate_producer_ids(self.image, request),
            BrokerRegistrationRequest: self._ruled(brokers.register_broker),
            BrokerHeartbeatRequest: self._ruled(brokers.heartbeat),
            UnregisterBrokerRequest: self._ruled(brokers.unregister_broker),
            ElectLeadersRequest: lambda request: elections.elect_leaders(self.image, request),
            AlterPartitionReassignmentsRequest: self._ruled(reassignments.alter_partition_reassignments),
            AlterClientQuotasRequest: lambda request: quotas.alter_client_quotas(self.image, request),
            AlterUserScramCredentialsRequest: lambda request: scram.alter_user_scram_credentials(self.image, request),
            UpdateFeaturesRequest: self._ruled(features.update_features),
        }

    def _ruled(
        self, handler: Callable[[ClusterImage, ControllerRules, Message], Outcome]
    ) -> Callable[[Message], Outcome]:
        return lambda request: handler(self.image, self.rules, request)

    def handles(self, request: Message) -> bool:
        return type(request) in self._handlers

    def handle(self, request: Message) -> Outcome:
        """What the request comes to on the present image."""
        late = deadlines.out_of_time(request)
        return Outcome([], late) if late is not None else self._handlers[type(request)](request)

    def fence_lost(self, live: Sequence[Holder]) -> list[Message]:
        """Records that fence one broker whose lease has ended; none if all that are registered live."""
        return brokers.fence_lost(self.image, self.rules, live)

    def bootstrap(self, features: Mapping[str, int]) -> list[Message]:
        """The first records of a new cluster: its features, and the cluster-wide min.insync.replicas that Kafka writes
        where eligible leader replicas are on (KIP-966)."""
        records: list[Message] = [
            FeatureLevelRecord(name=name, feature_level=level) for name, level in features.items() if level
        ]
        value = self.rules.configs.broker_texts().get("min.insync.replicas", "1")
        records.append(
            ConfigRecord(resource_type=BROKER_CONFIG, resource_name="", name="min.insync.replicas", value=value)
        )
        return records
