"""Who leads when brokers come and go."""

from __future__ import annotations

from collections.abc import Iterator

from ottla.controller.placement import is_active
from ottla.controller.rules import ControllerRules
from ottla.metadata.image import ClusterImage
from ottla.metadata.parts import NO_LEADER, PartitionImage, TopicImage
from ottla.protocol.logs.cluster_metadata import PartitionChangeRecord
from ottla.protocol.message import Message

RECOVERING = 1


def broker_left(image: ClusterImage, rules: ControllerRules, broker: int) -> list[Message]:
    """Takes a broker out of every ISR and hands its leaderships over. The last member of an ISR stays in it."""
    records: list[Message] = []
    for topic, index, partition in _partitions(image, broker):
        if broker not in partition.isr:
            continue
        isr = [member for member in partition.isr if member != broker] or [broker]
        change = PartitionChangeRecord(partition_id=index, topic_id=topic.id)
        if tuple(isr) != partition.isr:
            change.isr = isr
        if partition.leader == broker:
            _elect(image, rules, topic, partition, isr, broker, change)
        if change.isr is not None or change.leader != -2:
            records.append(change)
    return records


def _elect(
    image: ClusterImage,
    rules: ControllerRules,
    topic: TopicImage,
    partition: PartitionImage,
    isr: list[int],
    left: int,
    change: PartitionChangeRecord,
) -> None:
    """The first replica that is in sync and live; else, if the topic allows losing records, the first that is live."""
    live = [each for each in partition.replicas if each != left and is_active(image.brokers.get(each))]
    for each in live:
        if each in isr:
            change.leader = each
            return
    if live and rules.configs.topic(topic.name).unclean_leader_election_enable:
        change.leader, change.isr, change.leader_recovery_state = live[0], [live[0]], RECOVERING
        return
    change.leader = NO_LEADER


def broker_came(image: ClusterImage, rules: ControllerRules, broker: int) -> list[Message]:
    """Gives leaderless partitions to a broker that is live again, if it was in sync."""
    records: list[Message] = []
    for topic, index, partition in _partitions(image, broker):
        if partition.leader != NO_LEADER:
            continue
        if broker in partition.isr:
            records.append(PartitionChangeRecord(partition_id=index, topic_id=topic.id, leader=broker))
        elif rules.configs.topic(topic.name).unclean_leader_election_enable:
            records.append(
                PartitionChangeRecord(
                    partition_id=index,
                    topic_id=topic.id,
                    leader=broker,
                    isr=[broker],
                    leader_recovery_state=RECOVERING,
                )
            )
    return records


def leads_with_followers(image: ClusterImage, broker: int) -> bool:
    """Whether it leads a partition that another live member of the ISR could lead."""
    for _, _, partition in _partitions(image, broker):
        if partition.leader == broker and any(
            member != broker and is_active(image.brokers.get(member)) for member in partition.isr
        ):
            return True
    return False


def broker_restarted(image: ClusterImage, rules: ControllerRules, broker: int) -> list[Message]:
    """As if it had left, for partitions that have other replicas.

    A partition that is nowhere else keeps leader and epoch: nobody can hold anything that contradicts its log.
    """
    return [record for record in broker_left(image, rules, broker) if _has_others(image, record)]


def _has_others(image: ClusterImage, record: Message) -> bool:
    assert isinstance(record, PartitionChangeRecord)
    return len(image.topics_by_id[record.topic_id].partitions[record.partition_id].replicas) > 1


def _partitions(image: ClusterImage, broker: int) -> Iterator[tuple[TopicImage, int, PartitionImage]]:
    for topic in image.topics.values():
        for index, partition in topic.partitions.items():
            if broker in partition.replicas:
                yield topic, index, partition
