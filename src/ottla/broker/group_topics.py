"""What the group machines look up: topics and group settings, from the image of this broker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.coordinator.group.group_configs import ConsumerConfig
from ottla.coordinator.group.settings import GroupSettings
from ottla.coordinator.group.topics import Topic
from ottla.metadata.image import GROUP_CONFIG

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.metadata.delta import Delta
    from ottla.metadata.parts import TopicImage


class ImageTopics:
    """Implements `coordinator.group.topics.Topics`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def version(self) -> int:
        return self._node.image.end_offset - 1

    def named(self, name: str) -> Topic | None:
        image = self._node.image.topics.get(name)
        return None if image is None else self._topic(image)

    def with_id(self, topic_id: bytes) -> Topic | None:
        image = self._node.image.topics_by_id.get(topic_id)
        return None if image is None else self._topic(image)

    def names(self) -> Iterable[str]:
        return self._node.image.topics

    def _topic(self, image: TopicImage) -> Topic:
        brokers = self._node.image.brokers
        racks: tuple[tuple[str, ...], ...] = ()
        if any(broker.rack for broker in brokers.values()):
            racks = tuple(
                tuple(sorted(filter(None, (brokers[one].rack for one in partition.replicas if one in brokers))))
                for _, partition in sorted(image.partitions.items())
            )
        return Topic(image.name, image.id, len(image.partitions), racks)


class ImageGroupConfigs:
    """Implements `coordinator.group.group_configs.GroupConfigs`: a group's own settings over the broker's."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._known: dict[str, ConsumerConfig] = {}

    def consumer(self, group_id: str) -> ConsumerConfig:
        texts = self._node.image.config(GROUP_CONFIG, group_id)
        key = group_id if texts else ""
        known = self._known.get(key)
        if known is None:
            settings = GroupSettings.in_force(texts, self._node.settings)
            known = self._known[key] = ConsumerConfig(
                settings.consumer_session_timeout_ms,
                settings.consumer_heartbeat_interval_ms,
                settings.consumer_assignment_interval_ms,
            )
        return known

    def forget(self, delta: Delta) -> None:
        """Settings changed: the next question works them out anew."""
        if delta.changed_configs:
            self._known.clear()
