"""Fetches as subscriptions (KIP-227): what changed is marked when it changes, not looked for.

A subscription watches its partitions. A change marks the partition once, on the way from clean to dirty; the next look
is at the marked ones alone. A partition stays marked until it was read to its end and everything that an answer reports
of it was sent. So 1,000 idle partitions cost nothing. A fetch without a session subscribes only while it waits.
"""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING

from ottla.common.errors import FetchSessionIdNotFound, FetchSessionTopicIdError, InvalidFetchSessionEpoch
from ottla.common.names import MOST_TOPIC_CHARACTERS

if TYPE_CHECKING:
    from ottla.broker.partition import Partition
    from ottla.common.clock import Random
    from ottla.protocol.messages.fetch import FetchRequest

Key = tuple[str | bytes, int]
"""Topic name or topic id, and partition index."""

NO_SESSION, INITIAL_EPOCH, FINAL_EPOCH = 0, 0, -1
_CHARACTERS_OF_ONE = 128
"""So many characters of a name take half a kilobyte at most, as a partition does."""
_EVICTABLE_AFTER_MS = 120_000  # Kafka's min.incremental.fetch.session.eviction.ms


def weight_of(topic: str | bytes) -> int:
    """How many partitions one of this topic counts as. A name that no topic can have may be 32,000 characters long:
    Kafka keeps it in the session, and tells its error each time."""
    return 1 + max(len(topic) - MOST_TOPIC_CHARACTERS, 0) // _CHARACTERS_OF_ONE


class Interest:
    """What a client wants of one partition, and what it was told last."""

    __slots__ = (
        "key",
        "name",
        "partition",
        "sent_error",
        "sent_high_watermark",
        "sent_log_start",
        "want",
        "watched",
    )

    def __init__(self, key: Key, want: FetchRequest.FetchPartition) -> None:
        self.key = key
        self.want = want
        self.partition: Partition | None = None  # what the key stood for at the last look
        self.watched: Partition | None = None
        self.name: str | None = None
        """What the topic id stood for when it was found; with topic ids alone."""
        self.sent_high_watermark = -1
        self.sent_log_start = -1
        self.sent_error = 0


class Subscription:
    """Some partitions, by key, and which of them may have news. A `Watcher` of its partitions."""

    __slots__ = ("by_partition", "closed", "dirty", "interests", "missing_bytes", "wake")

    def __init__(self) -> None:
        self.interests: dict[Key, Interest] = {}
        self.by_partition: dict[Partition, Interest] = {}
        self.dirty: dict[Interest, None] = {}
        self.wake: Future[bool] | None = None
        self.missing_bytes = 0
        self.closed = False

    def on_changed(self, partition: Partition, size_bytes: int) -> None:
        interest = self.by_partition.get(partition)
        if interest is None:
            return
        self.dirty[interest] = None
        wake = self.wake
        if wake is not None:
            self.missing_bytes -= size_bytes
            if (self.missing_bytes <= 0 or not size_bytes) and not wake.done():
                wake.set_result(True)

    def put(self, key: Key, want: FetchRequest.FetchPartition) -> None:
        """Adds or replaces; it is looked at next."""
        interest = self.interests.get(key)
        if interest is None:
            interest = self.interests[key] = Interest(key, want)
        else:
            interest.want = want
        self.dirty[interest] = None

    def watch(self, interest: Interest) -> None:
        """From now on changes of the partition that the last look found mark the interest."""
        partition, old = interest.partition, interest.watched
        if partition is old:
            return
        if old is not None:
            del self.by_partition[old]
            old.watchers.pop(self, None)
        interest.watched = partition
        if partition is not None:
            self.by_partition[partition] = interest
            partition.watchers[self] = None

    def forget(self, key: Key) -> None:
        interest = self.interests.pop(key, None)
        if interest is not None:
            self.dirty.pop(interest, None)
            interest.partition = None
            self.watch(interest)

    def close(self) -> None:
        self.closed = True
        for partition in self.by_partition:
            partition.watchers.pop(self, None)
        self.by_partition.clear()
        self.interests.clear()
        self.dirty.clear()
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(True)


class FetchSession(Subscription):
    """A subscription that lives from request to request, with the id and the epoch that the client repeats."""

    __slots__ = ("by_id", "epoch", "session_id", "used_ms", "weight")

    def __init__(self, session_id: int, by_id: bool, now_ms: int) -> None:
        super().__init__()
        self.session_id = session_id
        self.by_id = by_id
        self.epoch = INITIAL_EPOCH
        self.used_ms = now_ms
        self.weight = 0
        """Its partitions; one with an overlong name counts as several."""

    def put(self, key: Key, want: FetchRequest.FetchPartition) -> None:
        if key not in self.interests:
            self.weight += weight_of(key[0])
        super().put(key, want)

    def forget(self, key: Key) -> None:
        if key in self.interests:
            self.weight -= weight_of(key[0])
        super().forget(key)


class FetchSessions:
    """All sessions of a broker, bounded by max.incremental.fetch.session.cache.slots, least recently used first."""

    def __init__(self, random: Random, slots: int, most_partitions: int = 500_000) -> None:
        self._random = random
        self.slots = slots
        self.most_partitions = most_partitions
        """Of all sessions together: each takes half a kilobyte for as long as its session lives, names included."""
        self._sessions: dict[int, FetchSession] = {}
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def partitions(self) -> int:
        return sum(session.weight for session in self._sessions.values())

    def open(self, by_id: bool, partitions: int, now_ms: int) -> FetchSession | None:
        """A new session, or None when all slots, or all partitions, are taken by sessions in use: the client goes on
        without one."""
        if len(self._sessions) >= self.slots and not self._evict(now_ms):
            return None
        if not self._has_room(partitions, now_ms):
            return None
        session_id = 0
        while not session_id or session_id in self._sessions:
            session_id = int.from_bytes(self._random.bytes(4), "big") & 0x7FFFFFFF
        session = self._sessions[session_id] = FetchSession(session_id, by_id, now_ms)
        return session

    def _has_room(self, partitions: int, now_ms: int) -> bool:
        while self.partitions + partitions > self.most_partitions:
            if not self._evict(now_ms):
                return False
        return True

    def use(self, session_id: int, epoch: int, by_id: bool, added: int, now_ms: int) -> FetchSession:
        """The session of an incremental fetch, its epoch moved on. Raises the three session errors.

        A session that adds more partitions than there is room for ends: its client begins anew.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise FetchSessionIdNotFound
        if epoch != next_epoch(session.epoch):
            raise InvalidFetchSessionEpoch
        if by_id != session.by_id:
            raise FetchSessionTopicIdError
        if added and self.partitions + added > self.most_partitions:
            self.close(session_id)
            self.evictions += 1
            raise FetchSessionIdNotFound
        session.epoch = epoch
        session.used_ms = now_ms
        self._sessions[session_id] = self._sessions.pop(session_id)  # to the end: used last
        return session

    def close(self, session_id: int) -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            session.close()

    def _evict(self, now_ms: int) -> bool:
        oldest = next(iter(self._sessions.values()), None)
        if oldest is None or oldest.used_ms > now_ms - _EVICTABLE_AFTER_MS:
            return False
        self.close(oldest.session_id)
        self.evictions += 1
        return True


def next_epoch(epoch: int) -> int:
    """1, 2, ... 2^31-1, 1: 0 means a new session and is never reached again."""
    return 1 if epoch >= 0x7FFFFFFF else epoch + 1
