"""What a group machine looks up, for tests: topics that can be made, grown and deleted, and settings of groups."""

from __future__ import annotations

from collections.abc import Iterable

from ottla.coordinator.group.group_configs import ConsumerConfig
from ottla.coordinator.group.topics import Topic


class FakeTopics:
    """Implements `Topics` over a dict. The id of a topic is made of the number of its making."""

    def __init__(self) -> None:
        self.version = 0
        self._topics: dict[str, Topic] = {}

    def put(self, name: str, partitions: int) -> Topic:
        """A new topic, or a known one with more partitions."""
        self.version += 1
        known = self._topics.get(name)
        topic_id = self.version.to_bytes(16, "big") if known is None else known.topic_id
        topic = self._topics[name] = Topic(name, topic_id, partitions)
        return topic

    def delete(self, name: str) -> None:
        self.version += 1
        del self._topics[name]

    def named(self, name: str) -> Topic | None:
        return self._topics.get(name)

    def with_id(self, topic_id: bytes) -> Topic | None:
        return next((topic for topic in self._topics.values() if topic.topic_id == topic_id), None)

    def names(self) -> Iterable[str]:
        return self._topics


class FakeConfigs:
    """The same settings for all groups."""

    def __init__(self, config: ConsumerConfig | None = None) -> None:
        self.config = config or ConsumerConfig()

    def consumer(self, group_id: str) -> ConsumerConfig:
        return self.config
