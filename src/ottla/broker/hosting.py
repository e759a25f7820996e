"""Makes this broker's partitions what the metadata says: creates, leads, reconfigures and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.machine_log import PartitionMachineLog
from ottla.broker.partition import Partition
from ottla.broker.replicas import HostedTopic
from ottla.common.errors import KafkaStorageError
from ottla.common.names import CONSUMER_OFFSETS, TRANSACTION_STATE, TopicPartition
from ottla.metadata.image import BROKER_CONFIG, TOPIC_CONFIG
from ottla.records.batch import NO_SEQUENCE

if TYPE_CHECKING:
    from ottla.broker.groups import Groups
    from ottla.broker.node import Node
    from ottla.broker.transactions import Transactions
    from ottla.metadata.delta import Delta
    from ottla.metadata.parts import TopicImage
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog


class Hosting:
    """Follows the image of one node; called after each replay with what changed."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._missing: set[TopicPartition] = set()
        """Partitions that no usable directory held at a start where one was unusable."""

    def apply(self, delta: Delta) -> None:
        if self._node.telemetry is not None:
            self._node.telemetry.apply(delta)
        for topic in delta.deleted_topics.values():
            self._remove(topic)
        for topic_id, indexes in delta.changed_partitions.items():
            image = self._node.image.topics_by_id.get(topic_id)
            if image is not None:
                self._update(image, list(indexes))
        for resource_type, name in delta.changed_configs:
            if resource_type == TOPIC_CONFIG:
                self._configure([name] if name in self._node.replicas.by_name else [])
            elif resource_type == BROKER_CONFIG:
                self._configure(list(self._node.replicas.by_name))

    def has_folder(self, partition: TopicPartition) -> bool:
        """False: nothing was ever written to this partition here."""
        return self.directory_of(partition) is not None

    def directory_of(self, partition: TopicPartition) -> LogDirectory | None:
        """The directory that holds the partition's folder; None: there is no folder yet."""
        for directory in self._node.directories:
            if directory.contains(partition):
                return directory
        return None

    def remove_strays(self) -> None:
        """Folders of topics that were deleted while this broker was down, or just before it crashed.

        A folder of another cluster cannot be here: opening it would have been refused.
        """
        node = self._node
        for directory in node.directories:
            for partition, topic_id in list(directory.partitions()):
                known = node.image.topics.get(partition.topic)
                if known is None or (topic_id is not None and known.id != topic_id):
                    node.log.warn("partition.stray_removed", partition=partition, folder=directory.path)
                    directory.delete(partition, node.clock.now_ms())

    def note_missing(self) -> None:
        """At a start with a directory that the operating system refuses: what may lie there must not begin anew."""
        if any(directory.offline for directory in self._node.directories):
            names = (partition.topic_partition for partition in self._node.replicas)
            self._missing = {name for name in names if self.directory_of(name) is None}

    # --- one topic

    def _update(self, image: TopicImage, indexes: list[int]) -> None:
        node = self._node
        topic = node.replicas.by_id.get(image.id)
        if topic is None:
            topic = HostedTopic(image.name, image.id, node.topic_settings(image.name))
            node.replicas.add(topic)
        for index in indexes:
            state = image.partitions[index]
            if node.node_id not in state.replicas:
                continue
            partition = topic.partitions.get(index)
            if partition is None:
                name = TopicPartition(image.name, index)
                partition = topic.partitions[index] = Partition(name, image.id, self._open, node.syncing.wanted)
                partition.start_high_watermark = self._checkpointed(name)
            partition.replicas, partition.isr = state.replicas, state.isr
            partition.partition_epoch = state.partition_epoch
            led, epoch = partition.leads, partition.leader_epoch
            partition.set_leader(state.leader, state.leader_epoch, node.node_id)
            if (led, epoch) != (partition.leads, partition.leader_epoch):
                self._coordinate(partition)

    def _coordinate(self, partition: Partition) -> None:
        """Whoever leads a partition of an internal topic coordinates what it holds."""
        node = self._node
        topic, index = partition.topic_partition
        coordinator: Groups | Transactions
        if topic == CONSUMER_OFFSETS:
            coordinator, base_sequence = node.groups, 0
        elif topic == TRANSACTION_STATE:
            coordinator, base_sequence = node.transactions, NO_SEQUENCE
        else:
            return
        if partition.leads:
            coordinator.elected(index, PartitionMachineLog(node, partition, base_sequence))
        else:
            coordinator.resigned(index)

    def _remove(self, image: TopicImage) -> None:
        node = self._node
        topic = node.replicas.by_id.get(image.id)
        if topic is None:
            return
        node.replicas.remove(topic)
        for partition in topic.partitions.values():
            partition.close()
            node.moves.forget(partition)
            self._missing.discard(partition.topic_partition)
            self._coordinate(partition)
        node.disks.delete(image.id, [partition.topic_partition for partition in topic.partitions.values()])
        node.groups.topics_deleted([image.name])
        node.cleaning.topics_deleted([image.id])

    def _configure(self, names: list[str]) -> None:
        for name in names:
            topic = self._node.replicas.by_name[name]
            topic.settings = self._node.topic_settings(name)
            for partition in topic.partitions.values():
                if partition.log is not None:
                    partition.log.configure(topic.settings)

    # --- logs

    def _open(self, partition: Partition) -> PartitionLog:
        node = self._node
        name = partition.topic_partition
        settings = node.replicas.by_id[partition.topic_id].settings
        now_ms = node.clock.now_ms()
        node.disks.finish_deletion(name)
        for directory in node.directories:
            if directory.contains(name):
                log = directory.log(name, settings, now_ms, partition.topic_id)
                if log.topic_id in (None, partition.topic_id):
                    return log
                directory.delete(name, now_ms)  # of a deleted topic with the same name
        if name in self._missing:
            raise KafkaStorageError(f"{name} may lie in a log directory that is offline")
        chosen = node.moves.preferred.pop(name, None)
        place = self._roomiest() if chosen is None or chosen.offline else chosen
        return place.create(name, partition.topic_id, settings, now_ms)

    def _roomiest(self) -> LogDirectory:
        """The usable directory with the fewest partitions, as Kafka places them."""
        usable = self._node.usable_directories()
        if not usable:
            raise KafkaStorageError("no log directory is usable")
        return min(usable, key=lambda directory: directory.partition_count)

    def _checkpointed(self, partition: TopicPartition) -> int:
        return max((directory.high_watermark(partition) for directory in self._node.directories), default=0)
