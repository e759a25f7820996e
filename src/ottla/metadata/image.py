"""What the cluster knows at one offset of the metadata log: topics, configs, brokers, features, producer ids.

`ClusterImage.replay` is the only way an image changes, and what it changed is collected in a `Delta`, so that a broker
can react. A batch too large for one append stands between BeginTransaction and EndTransaction records; nothing of it is
seen before its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from ottla.common.names import TopicPartition
from ottla.metadata.delta import Delta
from ottla.metadata.parts import BrokerImage, PartitionImage, TopicImage
from ottla.protocol.logs.cluster_metadata import (
    AccessControlEntryRecord,
    BrokerRegistrationChangeRecord,
    ClearElrRecord,
    ClientQuotaRecord,
    ConfigRecord,
    DelegationTokenRecord,
    FeatureLevelRecord,
    FenceBrokerRecord,
    PartitionChangeRecord,
    PartitionRecord,
    ProducerIdsRecord,
    RegisterBrokerRecord,
    RegisterControllerRecord,
    RemoveAccessControlEntryRecord,
    RemoveDelegationTokenRecord,
    RemoveTopicRecord,
    RemoveUserScramCredentialRecord,
    TopicRecord,
    UnfenceBrokerRecord,
    UnregisterBrokerRecord,
    UserScramCredentialRecord,
)
from ottla.protocol.message import Message

TOPIC_CONFIG, BROKER_CONFIG, BROKER_LOGGER, CLIENT_METRICS_CONFIG, GROUP_CONFIG = 2, 4, 8, 16, 32
"""Resource types of configs."""

ConfigKey = tuple[int, str]
"""A config resource: type and name. The name of the cluster-wide broker defaults is empty."""


class ClusterImage:
    """See the module. Read it freely; change it by `replay` alone.

    `end_offset` is the offset of the next record of the log: the image holds everything below it.
    """

    __slots__ = (
        "acls",
        "brokers",
        "configs",
        "controllers",
        "end_offset",
        "features",
        "next_producer_id",
        "open_batch",
        "quotas",
        "scram",
        "tokens",
        "topics",
        "topics_by_id",
    )

    def __init__(self) -> None:
        self.end_offset = 0
        self.topics: dict[str, TopicImage] = {}
        self.topics_by_id: dict[bytes, TopicImage] = {}
        self.configs: dict[ConfigKey, dict[str, str]] = {}
        self.brokers: dict[int, BrokerImage] = {}
        self.controllers: dict[int, RegisterControllerRecord] = {}
        self.features: dict[str, int] = {}
        self.next_producer_id = 0
        self.acls: dict[bytes, AccessControlEntryRecord] = {}
        self.quotas: dict[tuple[tuple[str, str | None], ...], dict[str, float]] = {}
        self.scram: dict[tuple[str, int], UserScramCredentialRecord] = {}
        self.tokens: dict[str, DelegationTokenRecord] = {}
        self.open_batch: list[Message] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClusterImage):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    # reading

    def partition(self, topic: str, partition: int) -> PartitionImage | None:
        found = self.topics.get(topic)
        return found.partitions.get(partition) if found is not None else None

    def config(self, resource_type: int, name: str) -> dict[str, str]:
        """What is stored for the resource; empty if nothing is. Do not change it."""
        return self.configs.get((resource_type, name), {})

    def unfenced_brokers(self) -> list[int]:
        """Ids of the brokers that may hold new replicas and lead, in order."""
        return sorted(broker.id for broker in self.brokers.values() if not broker.fenced)

    def partitions_on(self, broker: int) -> Iterator[tuple[TopicPartition, PartitionImage]]:
        """All partitions that have a replica on `broker`."""
        for topic in self.topics.values():
            for index, partition in topic.partitions.items():
                if broker in partition.replicas:
                    yield TopicPartition(topic.name, index), partition

    # changing

    def replay_all(self, records: Iterable[Message]) -> Delta:
        """Replays records that follow each other in the log; what they changed."""
        delta = Delta()
        for record in records:
            self.replay(record, delta)
        return delta

    def replay(self, record: Message, delta: Delta) -> None:
        """Applies the record at `end_offset`. A record that contradicts the image is a broken invariant."""
        code = record.record
        if code == _BEGIN_TRANSACTION:
            assert self.open_batch is None, "a metadata transaction begins inside another"
            self.open_batch = []
        elif code in (_END_TRANSACTION, _ABORT_TRANSACTION):
            assert self.open_batch is not None, "a metadata transaction ends that did not begin"
            batch, self.open_batch = self.open_batch, None
            for held in batch if code == _END_TRANSACTION else ():
                self._apply(held, delta)
        elif self.open_batch is not None:
            self.open_batch.append(record)
        else:
            self._apply(record, delta)
        self.end_offset += 1

    def _apply(self, record: Message, delta: Delta) -> None:
        assert record.record is not None
        apply = self._APPLY.get(record.record)
        if apply is not None:
            apply(self, record, delta)

    def _topic(self, record: TopicRecord, delta: Delta) -> None:
        assert record.name not in self.topics, f"topic {record.name} exists already"
        topic = TopicImage(record.name, record.topic_id)
        self.topics[record.name] = self.topics_by_id[record.topic_id] = topic
        delta.created_topics[record.topic_id] = topic

    def _remove_topic(self, record: RemoveTopicRecord, delta: Delta) -> None:
        topic = self.topics_by_id.pop(record.topic_id)
        del self.topics[topic.name]
        self.configs.pop((TOPIC_CONFIG, topic.name), None)
        delta.forget_topic(topic)

    def _partition(self, record: PartitionRecord, delta: Delta) -> None:
        topic = self.topics_by_id[record.topic_id]
        topic.partitions[record.partition_id] = PartitionImage.of(record)
        delta.changed_partition(topic, record.partition_id)

    def _partition_change(self, record: PartitionChangeRecord, delta: Delta) -> None:
        topic = self.topics_by_id[record.topic_id]
        topic.partitions[record.partition_id] = topic.partitions[record.partition_id].changed(record)
        delta.changed_partition(topic, record.partition_id)

    def _clear_elr(self, record: ClearElrRecord, delta: Delta) -> None:
        for topic in [self.topics[record.topic_name]] if record.topic_name else self.topics.values():
            for index, partition in topic.partitions.items():
                if partition.eligible_leader_replicas or partition.last_known_elr:
                    topic.partitions[index] = partition.without_elr()
                    delta.changed_partition(topic, index)

    def _config(self, record: ConfigRecord, delta: Delta) -> None:
        key = (record.resource_type, record.resource_name)
        entries = self.configs.setdefault(key, {})
        if record.value is None:
            entries.pop(record.name, None)
        else:
            entries[record.name] = record.value
        if not entries:
            del self.configs[key]
        delta.changed_configs.setdefault(key, {})[record.name] = record.value

    def _register_broker(self, record: RegisterBrokerRecord, delta: Delta) -> None:
        self.brokers[record.broker_id] = BrokerImage.of(record)
        delta.changed_brokers[record.broker_id] = None

    def _unregister_broker(self, record: UnregisterBrokerRecord, delta: Delta) -> None:
        del self.brokers[record.broker_id]
        delta.changed_brokers[record.broker_id] = None

    def _fence_broker(self, record: FenceBrokerRecord, delta: Delta) -> None:
        self.brokers[record.id] = self.brokers[record.id].with_fencing(fenced=True)
        delta.changed_brokers[record.id] = None

    def _unfence_broker(self, record: UnfenceBrokerRecord, delta: Delta) -> None:
        self.brokers[record.id] = self.brokers[record.id].with_fencing(fenced=False)
        delta.changed_brokers[record.id] = None

    def _broker_change(self, record: BrokerRegistrationChangeRecord, delta: Delta) -> None:
        self.brokers[record.broker_id] = self.brokers[record.broker_id].changed(record)
        delta.changed_brokers[record.broker_id] = None

    def _register_controller(self, record: RegisterControllerRecord, delta: Delta) -> None:
        self.controllers[record.controller_id] = record

    def _feature(self, record: FeatureLevelRecord, delta: Delta) -> None:
        if record.feature_level == 0:
            self.features.pop(record.name, None)
        else:
            self.features[record.name] = record.feature_level
        delta.changed_features[record.name] = record.feature_level

    def _producer_ids(self, record: ProducerIdsRecord, delta: Delta) -> None:
        self.next_producer_id = record.next_producer_id

    def _quota(self, record: ClientQuotaRecord, delta: Delta) -> None:
        entity = tuple(sorted((part.entity_type, part.entity_name) for part in record.entity))
        quotas = self.quotas.setdefault(entity, {})
        if record.remove:
            quotas.pop(record.key, None)
        else:
            quotas[record.key] = record.value
        if not quotas:
            del self.quotas[entity]
        delta.changed_quotas[entity] = None

    def _acl(self, record: AccessControlEntryRecord, delta: Delta) -> None:
        self.acls[record.id] = record
        delta.changed_acls[record.id] = record

    def _remove_acl(self, record: RemoveAccessControlEntryRecord, delta: Delta) -> None:
        del self.acls[record.id]
        delta.changed_acls[record.id] = None

    def _scram(self, record: UserScramCredentialRecord, delta: Delta) -> None:
        self.scram[record.name, record.mechanism] = record
        delta.changed_scram[record.name, record.mechanism] = None

    def _remove_scram(self, record: RemoveUserScramCredentialRecord, delta: Delta) -> None:
        del self.scram[record.name, record.mechanism]
        delta.changed_scram[record.name, record.mechanism] = None

    def _token(self, record: DelegationTokenRecord, delta: Delta) -> None:
        self.tokens[record.token_id] = record

    def _remove_token(self, record: RemoveDelegationTokenRecord, delta: Delta) -> None:
        del self.tokens[record.token_id]

    _APPLY: ClassVar[dict[int, Callable[..., None]]] = {
        0: _register_broker,
        1: _unregister_broker,
        2: _topic,
        3: _partition,
        4: _config,
        5: _partition_change,
        7: _fence_broker,
        8: _unfence_broker,
        9: _remove_topic,
        10: _token,
        11: _scram,
        12: _feature,
        14: _quota,
        15: _producer_ids,
        17: _broker_change,
        18: _acl,
        19: _remove_acl,
        22: _remove_scram,
        26: _remove_token,
        27: _register_controller,
        28: _clear_elr,
    }
    """What each record type does; the types missing here (NoOp, ZkMigrationState) change nothing."""


_BEGIN_TRANSACTION, _END_TRANSACTION, _ABORT_TRANSACTION = 23, 24, 25
