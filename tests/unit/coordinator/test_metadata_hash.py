"""The hash in record type 3: values that Kafka 4.3.1 wrote for these topics."""

from __future__ import annotations

from collections.abc import Iterable

from ottla.coordinator.group.topics import Topic, metadata_hash

T1 = Topic("t1", bytes.fromhex("87f17c88f72249aea6ed0cdbbafec85d"), 4)
T2 = Topic("t2", bytes.fromhex("008c25a2b0864bde837b0275f225bf7d"), 3)


class Known:
    version = 0

    def __init__(self, *topics: Topic) -> None:
        self._topics = {topic.name: topic for topic in topics}

    def named(self, name: str) -> Topic | None:
        return self._topics.get(name)

    def with_id(self, topic_id: bytes) -> Topic | None:
        return None

    def names(self) -> Iterable[str]:
        return self._topics


def test_the_hash_is_kafkas() -> None:
    assert metadata_hash(Known(T1, T2), ["t1"]) == -3655193115549104920
    assert metadata_hash(Known(T1, T2), ["t2", "t1"]) == 5413735051583938340


def test_racks_count() -> None:
    topic = Topic("bt1", bytes.fromhex("70a8f448f4324f46ba09724249f86a8c"), 4, (("rack-1",),) * 4)
    assert metadata_hash(Known(topic), ["bt1"]) == 6370047252237138758
    assert metadata_hash(Known(topic._replace(racks=())), ["bt1"]) != 6370047252237138758


def test_topics_that_do_not_exist_do_not_count() -> None:
    assert metadata_hash(Known(T1), ["t1", "missing"]) == metadata_hash(Known(T1), ["t1"])
    assert metadata_hash(Known(), ["missing"]) == 0
