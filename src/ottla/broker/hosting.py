"""Makes this broker's partitions what the metadata says: creates, leads, reconfigures and deletes them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ottla.broker.log_opening import LogOpening
from ottla.broker.machine_log import PartitionMachineLog
from ottla.broker.partition import Partition
from ottla.broker.replicas import HostedTopic
from ottla.common.errors import KafkaStorageError
from ottla.common.names import CONSUMER_OFFSETS, TRANSACTION_STATE, TopicPartition, Uuid
from ottla.metadata.image import BROKER_CONFIG, TOPIC_CONFIG
from ottla.records.batch import NO_SEQUENCE
from ottla.storage.duplicates import partitions_in_two
from ottla.storage.paths import parse_stray_folder

if TYPE_CHECKING:
    from ottla.broker.groups import Groups
    from ottla.broker.node import Node
    from ottla.broker.transactions import Transactions
    from ottla.metadata.delta import Delta
    from ottla.metadata.parts import TopicImage
    from ottla.storage.directory import LogDirectory
    from ottla.storage.log import PartitionLog
    from ottla.storage.settings import TopicSettings


class Hosting:
    """Follows the image of one node; called after each replay with what changed."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._missing: set[TopicPartition] = set()
        """Partitions that no usable directory held at a start where one was unusable."""
        self.opening = LogOpening(node.log, node.metrics, node.loop.time)

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
        """False: nothing was ever written to this partition here. Raises KafkaStorageError where that is not known."""
        if self.directory_of(partition) is not None:
            return True
        topic = self._node.image.topics.get(partition.topic)
        if topic is not None:
            self._check_may_begin(partition, topic.id)
        return False

    def directory_of(self, partition: TopicPartition) -> LogDirectory | None:
        """The directory that holds the partition's folder; None: there is no folder yet."""
        for directory in self._node.directories:
            if directory.contains(partition):
                return directory
        return None

    def settle_folders(self) -> None:
        """At a start: folders of partitions that the metadata does not know.

        Those of topics whose removal the metadata log tells go, as they would have if the broker had lived. Any other
        is set aside and kept: that it is not known is no proof that nobody wants it (decision 6).
        """
        node = self._node
        held = {one.path: [name for name, _ in one.partitions()] for one in node.usable_directories()}
        in_two = partitions_in_two(held)
        for directory in node.usable_directories():
            for partition in held[directory.path]:
                known = node.image.topics.get(partition.topic)
                if known is not None and partition.partition in known.partitions:
                    if partition in in_two:  # their topic ids differ, or the start would have been refused
                        with suppress(KafkaStorageError):  # said; then the partition says so as well when it is used
                            self._is_of(directory, partition, known.id)
                    continue
                if self._was_removed(directory, partition):
                    directory.delete(partition, node.steady.now_ms())
                    node.log.info("partition.deleted", partition=partition, folder=directory.path, at="start")
                else:
                    self._set_aside(directory, partition, None)
        self._tell_held_back()
        self._tell_vanished()

    def _was_removed(self, directory: LogDirectory, partition: TopicPartition) -> bool:
        """False also where the folder's topic id cannot be read: then it is nobody's, and kept."""
        try:
            return directory.topic_id_of(partition) in self._node.membership.removed_topics
        except KafkaStorageError:
            return False

    def _tell_vanished(self) -> None:
        """Partitions whose folders were there at the last checkpoint begin anew, as in Kafka, but not in silence."""
        node = self._node
        copied = {partition for directory in node.directories for partition in directory.futures.partitions()}
        for directory in node.usable_directories():
            for partition, offset in directory.vanished():
                topic = node.image.topics.get(partition.topic)
                if (
                    topic is None
                    or partition.partition not in topic.partitions
                    or self._is_held_back(partition, topic.id)
                    or partition in copied
                ):
                    continue
                if self.directory_of(partition) is None:
                    node.log.error(
                        "partition.vanished", partition=partition, folder=f"{directory.path}/{partition}",
                        records_up_to=offset, do="stop the broker and put the folder back; else it begins anew, empty",
                    )  # fmt: skip

    def _is_held_back(self, partition: TopicPartition, topic_id: bytes) -> bool:
        return any(directory.strays.blocking(partition, topic_id) for directory in self._node.directories)

    def _tell_held_back(self) -> None:
        """Why clients get a storage error for partitions whose folders an earlier start has set aside."""
        node = self._node
        for directory in node.usable_directories():
            for name in directory.strays.names:
                partition = parse_stray_folder(name)
                topic = None if partition is None else node.image.topics.get(partition.topic)
                if partition is None or topic is None or self.directory_of(partition) is not None:
                    continue
                if directory.strays.blocking(partition, topic.id) == f"{directory.path}/{name}":
                    node.log.error(
                        "partition.unusable", partition=partition, directory=directory.path,
                        error=_held_back(partition, f"{directory.path}/{name}"),
                    )  # fmt: skip

    def _set_aside(self, directory: LogDirectory, partition: TopicPartition, in_place_of: bytes | None) -> None:
        path = directory.set_aside(partition, in_place_of)
        if path is None:
            self._node.log.info("partition.foreign_folder", folder=f"{directory.path}/{partition}")
            return
        self._node.log.warn(
            "partition.set_aside",
            partition=partition,
            folder=path,
            bytes=directory.strays.size_bytes(path),
            why="the metadata does not know it" if in_place_of is None else "its topic id is not that of the topic",
            help=f"ottla log strays {directory.path}",
        )

    def note_missing(self) -> None:
        """At a start without one of this broker's directories: what may lie there must not begin anew."""
        names = (
            TopicPartition(topic.name, index)
            for topic in self._node.image.topics.values()
            for index, state in topic.partitions.items()
            if self._node.node_id in state.replicas
        )
        self._missing = {name for name in names if self.directory_of(name) is None}
        if self._missing:
            self._node.log.error("partition.missing", partitions=len(self._missing), first=min(self._missing))

    def is_missing(self, partition: TopicPartition) -> bool:
        """It may lie in a directory that is not there."""
        return partition in self._missing

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
                partition = topic.partitions[index] = self._new(TopicPartition(image.name, index), image.id)
            partition.replicas, partition.isr = state.replicas, state.isr
            partition.partition_epoch = state.partition_epoch
            led, epoch = partition.leads, partition.leader_epoch
            partition.set_leader(state.leader, state.leader_epoch, node.node_id)
            if (led, epoch) != (partition.leads, partition.leader_epoch):
                self._coordinate(partition)

    def _new(self, name: TopicPartition, topic_id: Uuid) -> Partition:
        node = self._node
        partition = Partition(name, topic_id, self._open, node.syncing.wanted, node.traffics)
        partition.start_high_watermark = self._checkpointed(name)
        return partition

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
            self.opening.forget(partition.topic_partition)
            self._coordinate(partition)
        node.disks.delete(image.id, [partition.topic_partition for partition in topic.partitions.values()])
        node.membership.removed_topics.pop(image.id, None)
        node.groups.topics_deleted([image.name])
        node.cleaning.topics_deleted([image.id])
        node.traffics.forget(image.name)

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
            if directory.contains(name) and self._is_of(directory, name, partition.topic_id):
                attempt = partial(directory.log, name, settings, now_ms, partition.topic_id)
                return self.opening.open(name, directory, attempt)
        self._check_may_begin(name, partition.topic_id)
        chosen = node.moves.preferred.pop(name, None)
        place = self._roomiest() if chosen is None or chosen.offline else chosen
        return self.opening.open(name, place, partial(self._begin, place, partition, settings, now_ms))

    def _begin(self, place: LogDirectory, partition: Partition, settings: TopicSettings, now_ms: int) -> PartitionLog:
        """A new log in `place`, unless one came into any directory meanwhile: the partition would have two of them."""
        name, topic_id = partition.topic_partition, partition.topic_id
        for directory in self._node.usable_directories():
            if directory is not place:  # which looks itself
                directory.check_none_came(name, topic_id)
        return place.create(name, topic_id, settings, now_ms)

    def _is_of(self, directory: LogDirectory, partition: TopicPartition, topic_id: bytes) -> bool:
        """Whether the folder is that of this topic. If not, it is out of the way when this returns: deleted if the
        metadata log tells that its own topic was removed, else set aside. Raises KafkaStorageError."""
        found = directory.topic_id_of(partition)
        if found in (None, topic_id):
            return True
        if found in self._node.membership.removed_topics:
            directory.delete(partition, self._node.steady.now_ms())
        else:
            self._set_aside(directory, partition, topic_id)
        return False

    def _check_may_begin(self, partition: TopicPartition, topic_id: bytes) -> None:
        """A partition without a folder is empty, unless its folder is known or supposed to be somewhere else."""
        if partition in self._missing:
            raise KafkaStorageError(f"{partition} may lie in a log directory that is offline")
        for directory in self._node.directories:
            stray = directory.strays.blocking(partition, topic_id)
            if stray is not None:
                raise KafkaStorageError(_held_back(partition, stray))

    def _roomiest(self) -> LogDirectory:
        """The usable directory with the fewest partitions, as Kafka places them."""
        usable = self._node.usable_directories()
        if not usable:
            raise KafkaStorageError("no log directory is usable")
        return min(usable, key=lambda directory: directory.partition_count)

    def _checkpointed(self, partition: TopicPartition) -> int:
        return max((directory.high_watermark(partition) for directory in self._node.directories), default=0)


def _held_back(partition: TopicPartition, stray: str) -> str:
    return (
        f"the folder of {partition} was set aside as {stray}; `ottla log strays` gives it back or lets the partition "
        f"begin anew"
    )
