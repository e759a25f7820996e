"""An image as the records that build it: what a store keeps so that the log before it can go."""

from __future__ import annotations

from collections.abc import Iterable

from ottla.metadata.image import ClusterImage
from ottla.protocol.logs.cluster_metadata import (
    ClientQuotaRecord,
    ConfigRecord,
    FeatureLevelRecord,
    ProducerIdsRecord,
    TopicRecord,
)
from ottla.protocol.message import Message


def records_of(image: ClusterImage) -> list[Message]:
    """Records that turn an empty image into an equal one, `end_offset` apart.

    The image must not be inside a transaction: its records would be lost.
    """
    assert image.open_batch is None, "no snapshot inside a metadata transaction"
    records: list[Message] = [
        FeatureLevelRecord(name=name, feature_level=level) for name, level in image.features.items()
    ]
    records.extend(broker.record() for broker in image.brokers.values())
    records.extend(image.controllers.values())
    for topic in image.topics.values():
        records.append(TopicRecord(name=topic.name, topic_id=topic.id))
        records.extend(partition.record(topic.id, index) for index, partition in topic.partitions.items())
    for (resource_type, resource_name), entries in image.configs.items():
        records.extend(
            ConfigRecord(resource_type=resource_type, resource_name=resource_name, name=name, value=value)
            for name, value in entries.items()
        )
    if image.next_producer_id:
        records.append(ProducerIdsRecord(broker_id=-1, broker_epoch=-1, next_producer_id=image.next_producer_id))
    records.extend(image.acls.values())
    for entity, quotas in image.quotas.items():
        parts = [ClientQuotaRecord.EntityData(entity_type=kind, entity_name=name) for kind, name in entity]
        records.extend(ClientQuotaRecord(entity=parts, key=key, value=value) for key, value in quotas.items())
    records.extend(image.scram.values())
    records.extend(image.tokens.values())
    return records


def image_of(records: Iterable[Message], end_offset: int) -> ClusterImage:
    """The image that a snapshot's records build; the log goes on at `end_offset`."""
    image = ClusterImage()
    image.replay_all(records)
    image.end_offset = end_offset
    return image
