from __future__ import annotations

import pytest

from ottla.common.names import Uuid
from ottla.metadata.image import BROKER_CONFIG, TOPIC_CONFIG, ClusterImage
from ottla.metadata.records import decode_record, encode_record
from ottla.metadata.snapshot import image_of, records_of
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.cluster_metadata import (
    AbortTransactionRecord,
    AccessControlEntryRecord,
    BeginTransactionRecord,
    ClearElrRecord,
    ClientQuotaRecord,
    ConfigRecord,
    EndTransactionRecord,
    FeatureLevelRecord,
    NoOpRecord,
    PartitionChangeRecord,
    PartitionRecord,
    ProducerIdsRecord,
    RegisterBrokerRecord,
    RemoveAccessControlEntryRecord,
    RemoveTopicRecord,
    TopicRecord,
    UserScramCredentialRecord,
)
from ottla.protocol.message import Message

ID, OTHER = Uuid(b"0123456789abcdef"), Uuid(b"fedcba9876543210")


def partition_record(index: int = 0, topic_id: Uuid = ID) -> PartitionRecord:
    return PartitionRecord(
        partition_id=index,
        topic_id=topic_id,
        replicas=[1, 2],
        isr=[1, 2],
        leader=1,
        leader_epoch=0,
        partition_epoch=0,
        directories=[Uuid(bytes(16))] * 2,
    )


def image_with(*records: Message) -> ClusterImage:
    image = ClusterImage()
    image.replay_all(records)
    return image


TOPIC = (TopicRecord(name="t", topic_id=ID), partition_record(0), partition_record(1))


def test_each_record_moves_the_end_by_one() -> None:
    image = image_with(*TOPIC, NoOpRecord())
    assert image.end_offset == 4


def test_naming_a_leader_begins_a_leader_epoch_and_every_change_a_partition_epoch() -> None:
    image = image_with(*TOPIC)
    image.replay_all([PartitionChangeRecord(partition_id=0, topic_id=ID, isr=[1])])
    changed = image.partition("t", 0)
    assert changed is not None
    assert (changed.isr, changed.leader, changed.leader_epoch, changed.partition_epoch) == ((1,), 1, 0, 1)
    image.replay_all([PartitionChangeRecord(partition_id=0, topic_id=ID, leader=1)])
    changed = image.partition("t", 0)
    assert changed is not None and (changed.leader, changed.leader_epoch, changed.partition_epoch) == (1, 1, 2)


def test_a_removed_topic_takes_its_settings_along() -> None:
    image = image_with(*TOPIC, ConfigRecord(resource_type=2, resource_name="t", name="a", value="b"))
    image.replay_all([RemoveTopicRecord(topic_id=ID)])
    assert image.topics == {} == image.topics_by_id and image.config(TOPIC_CONFIG, "t") == {}


def test_a_null_takes_a_setting_back() -> None:
    image = image_with(ConfigRecord(resource_type=4, resource_name="", name="a", value="b"))
    assert image.config(BROKER_CONFIG, "") == {"a": "b"}
    image.replay_all([ConfigRecord(resource_type=4, resource_name="", name="a", value=None)])
    assert image.configs == {}


def test_a_delta_names_what_changed() -> None:
    image = image_with(*TOPIC)
    delta = image.replay_all(
        [
            PartitionChangeRecord(partition_id=1, topic_id=ID, isr=[1]),
            ConfigRecord(resource_type=2, resource_name="t", name="a", value="b"),
            TopicRecord(name="new", topic_id=OTHER),
            partition_record(0, OTHER),
            RegisterBrokerRecord(broker_id=3),
        ]
    )
    assert list(delta.created_topics) == [OTHER]
    assert {key: list(indexes) for key, indexes in delta.changed_partitions.items()} == {ID: [1], OTHER: [0]}
    assert delta.changed_configs == {(2, "t"): {"a": "b"}}
    assert list(delta.changed_brokers) == [3] and not delta.deleted_topics
    assert delta


def test_a_topic_made_and_deleted_in_one_delta_is_not_in_it() -> None:
    delta = ClusterImage().replay_all([*TOPIC, RemoveTopicRecord(topic_id=ID)])
    assert not delta.created_topics and not delta.deleted_topics and not delta.changed_partitions


def test_a_deleted_topic_is_in_the_delta_as_it_was() -> None:
    delta = image_with(*TOPIC).replay_all([RemoveTopicRecord(topic_id=ID)])
    assert [len(topic.partitions) for topic in delta.deleted_topics.values()] == [2]


@pytest.mark.parametrize(
    ("end", "exists"), [(EndTransactionRecord(), True), (AbortTransactionRecord(reason="x"), False)]
)
def test_a_transaction_is_seen_at_its_end_or_never(end: Message, exists: bool) -> None:
    image = image_with(BeginTransactionRecord(name="x"))
    assert not image.replay_all(TOPIC)
    assert image.topics == {} and image.end_offset == 4
    delta = image.replay_all([end])
    assert ("t" in image.topics) == exists == bool(delta)
    assert image.open_batch is None and image.end_offset == 5


def test_eligible_leader_replicas_can_be_cleared() -> None:
    record = partition_record(0)
    record.eligible_leader_replicas, record.last_known_elr = [3], [4]
    image = image_with(TopicRecord(name="t", topic_id=ID), record, ClearElrRecord(topic_name="t"))
    cleared = image.partition("t", 0)
    assert cleared is not None
    assert (cleared.eligible_leader_replicas, cleared.last_known_elr, cleared.partition_epoch) == ((), (), 1)


def test_brokers_and_partitions_are_found() -> None:
    image = image_with(
        *TOPIC, RegisterBrokerRecord(broker_id=2, fenced=False), RegisterBrokerRecord(broker_id=1, fenced=True)
    )
    assert image.unfenced_brokers() == [2]
    assert [str(where) for where, _ in image.partitions_on(2)] == ["t-0", "t-1"]
    assert list(image.partitions_on(3)) == []
    assert image.partition("t", 7) is None and image.partition("u", 0) is None


def test_acls_quotas_and_credentials_are_kept_and_survive_a_snapshot() -> None:
    entity = [
        ClientQuotaRecord.EntityData(entity_type="user", entity_name="u"),
        ClientQuotaRecord.EntityData(entity_type="client-id", entity_name=None),
    ]
    image = image_with(
        AccessControlEntryRecord(id=ID, resource_type=2, resource_name="t", principal="User:a"),
        AccessControlEntryRecord(id=OTHER, resource_type=2, resource_name="u", principal="User:a"),
        RemoveAccessControlEntryRecord(id=OTHER),
        ClientQuotaRecord(entity=entity, key="producer_byte_rate", value=5.0),
        ClientQuotaRecord(entity=entity, key="consumer_byte_rate", value=6.0),
        ClientQuotaRecord(entity=entity, key="consumer_byte_rate", remove=True),
        UserScramCredentialRecord(name="a", mechanism=1, salt=b"s", iterations=4096),
        FeatureLevelRecord(name="metadata.version", feature_level=25),
        ProducerIdsRecord(broker_id=1, next_producer_id=1000),
    )
    assert list(image.acls) == [ID]
    assert image.quotas == {(("client-id", None), ("user", "u")): {"producer_byte_rate": 5.0}}
    assert image_of(records_of(image), image.end_offset) == image


def test_records_are_framed_as_in_kafkas_metadata_log() -> None:
    record = TopicRecord(name="t", topic_id=ID)
    assert encode_record(record)[:3] == bytes((1, 2, 0))
    assert decode_record(encode_record(record)) == record
    with pytest.raises(ProtocolError):
        decode_record(bytes((1, 127, 0)))
