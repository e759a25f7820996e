"""What a run of records changed in the image: the list of things a broker has to react to."""

from __future__ import annotations

from ottla.metadata.parts import TopicImage
from ottla.protocol.logs.cluster_metadata import AccessControlEntryRecord


class Delta:
    """Changed things by their keys, in the order of their first change. Values are looked up in the image afterwards.

    A topic that was made and deleted within one delta is in neither list.
    """

    __slots__ = (
        "changed_acls",
        "changed_brokers",
        "changed_configs",
        "changed_features",
        "changed_partitions",
        "changed_quotas",
        "changed_scram",
        "created_topics",
        "deleted_topics",
    )

    def __init__(self) -> None:
        self.created_topics: dict[bytes, TopicImage] = {}
        self.deleted_topics: dict[bytes, TopicImage] = {}
        """As they were, by id."""
        self.changed_partitions: dict[bytes, dict[int, None]] = {}
        """Indexes of new and changed partitions by topic id."""
        self.changed_configs: dict[tuple[int, str], dict[str, str | None]] = {}
        """By resource type and name: the new text of each changed key, None for a removed one."""
        self.changed_brokers: dict[int, None] = {}
        self.changed_features: dict[str, int] = {}
        self.changed_quotas: dict[tuple[tuple[str, str | None], ...], None] = {}
        self.changed_acls: dict[bytes, AccessControlEntryRecord | None] = {}
        self.changed_scram: dict[tuple[str, int], None] = {}

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def changed_partition(self, topic: TopicImage, index: int) -> None:
        self.changed_partitions.setdefault(topic.id, {})[index] = None

    def forget_topic(self, topic: TopicImage) -> None:
        self.changed_partitions.pop(topic.id, None)
        if self.created_topics.pop(topic.id, None) is None:
            self.deleted_topics[topic.id] = topic
