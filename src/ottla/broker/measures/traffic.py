"""What goes in and out, by topic: counted where batches are appended and fetches answered.

Topics get a series of their own with their first traffic, so many of them; the others share one. A name that a client
makes up is never a label: what concerns partitions that are not here is counted together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ottla.common.metrics import COUNTER, Family, labels_text

OTHER, UNSERVED = "(other)", "(unserved)"
"""Labels that no topic can have as its name."""


class TopicTraffic:
    """The counts of one topic since this broker began to count it."""

    __slots__ = ("bytes_in", "bytes_out", "fetches", "fetches_failed", "produces", "produces_failed", "records_in")

    def __init__(self) -> None:
        self.bytes_in = 0
        self.records_in = 0
        """By the offsets that a batch takes, as Kafka counts."""
        self.produces = 0
        """Batches that were appended, or were there already."""
        self.produces_failed = 0
        self.bytes_out = 0
        self.fetches = 0
        """Partitions in answers to fetches."""
        self.fetches_failed = 0

    def __repr__(self) -> str:
        return f"<TopicTraffic in={self.bytes_in} out={self.bytes_out}>"

    def add(self, other: TopicTraffic) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Traffics:
    """The counts of all topics. `limit`: how many get one of their own."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._topics: dict[str, TopicTraffic] = {}
        self._other = TopicTraffic()
        self._gone = TopicTraffic()
        self.unserved = TopicTraffic()
        self.left_out: dict[str, None] = {}
        """Topics that share one series."""

    def __repr__(self) -> str:
        return f"<Traffics {len(self._topics)} topics, {len(self.left_out)} left out>"

    def of(self, topic: str) -> TopicTraffic:
        found = self._topics.get(topic)
        if found is None:
            if len(self._topics) >= self._limit:
                self.left_out[topic] = None
                return self._other
            found = self._topics[topic] = TopicTraffic()
        return found

    def forget(self, topic: str) -> None:
        """The topic was deleted: its series ends, and its place is free. The sums keep what it had."""
        self.left_out.pop(topic, None)
        found = self._topics.pop(topic, None)
        if found is not None:
            self._gone.add(found)

    def sum(self) -> TopicTraffic:
        """Of all topics, those that are deleted included."""
        total = TopicTraffic()
        for one in (*self._topics.values(), self._other, self._gone, self.unserved):
            total.add(one)
        return total

    def rows(self) -> Iterator[tuple[str, TopicTraffic]]:
        """The counts by the label of the topic."""
        yield from tuple(self._topics.items())
        if self.left_out:
            yield OTHER, self._other
        if self.unserved.produces_failed or self.unserved.fetches_failed:
            yield UNSERVED, self.unserved


Count = Callable[[TopicTraffic], int]

COUNTS: tuple[tuple[str, str, Count], ...] = (
    ("bytes_in", "Bytes of batches that were appended", lambda one: one.bytes_in),
    ("bytes_out", "Bytes of batches in answers to fetches", lambda one: one.bytes_out),
    ("records_in", "Records that were appended", lambda one: one.records_in),
    (
        "produce_requests",
        "Batches that clients and coordinators wanted to append",
        lambda one: one.produces + one.produces_failed,
    ),
    ("produce_failures", "Batches that were refused", lambda one: one.produces_failed),
    ("fetch_requests", "Partitions in answers to fetches", lambda one: one.fetches + one.fetches_failed),
    ("fetch_failures", "Partitions in answers to fetches, with an error", lambda one: one.fetches_failed),
)


class TrafficFamilies:
    """A source of metrics."""

    def __init__(self, traffics: Traffics) -> None:
        self._traffics = traffics

    def steps(self) -> Iterator[None]:
        return iter(())

    def families(self) -> Iterator[Family]:
        rows = [(labels_text((("topic", topic),)), counts) for topic, counts in self._traffics.rows()]
        for name, help_text, count in COUNTS:
            samples = [("", labels, count(counts)) for labels, counts in rows]
            yield Family(f"ottla_topic_{name}_total", COUNTER, help_text, samples)
