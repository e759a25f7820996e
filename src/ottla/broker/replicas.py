"""The partitions that this broker hosts, by topic name and by topic id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.common.errors import UnknownTopicOrPartition

if TYPE_CHECKING:
    from ottla.broker.partition import Partition
    from ottla.storage.settings import TopicSettings


class HostedTopic:
    """One topic with at least one partition here."""

    __slots__ = ("name", "partitions", "settings", "topic_id")

    def __init__(self, name: str, topic_id: bytes, settings: TopicSettings) -> None:
        self.name = name
        self.topic_id = topic_id
        self.settings = settings
        self.partitions: dict[int, Partition] = {}


class Replicas:
    """Look-ups only; who creates, leads and deletes partitions is `broker.hosting`."""

    def __init__(self) -> None:
        self.by_name: dict[str, HostedTopic] = {}
        self.by_id: dict[bytes, HostedTopic] = {}

    def find(self, topic: str, index: int) -> Partition:
        """Raises UnknownTopicOrPartition."""
        known = self.by_name.get(topic)
        partition = None if known is None else known.partitions.get(index)
        if partition is None:
            raise UnknownTopicOrPartition
        return partition

    def add(self, topic: HostedTopic) -> None:
        self.by_name[topic.name] = topic
        self.by_id[topic.topic_id] = topic

    def remove(self, topic: HostedTopic) -> None:
        self.by_id.pop(topic.topic_id, None)
        if self.by_name.get(topic.name) is topic:
            del self.by_name[topic.name]

    def __iter__(self) -> Iterator[Partition]:
        for topic in self.by_name.values():
            yield from topic.partitions.values()

    def __len__(self) -> int:
        return sum(len(topic.partitions) for topic in self.by_name.values())
