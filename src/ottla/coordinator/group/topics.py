"""Topics as groups see them: values, looked up through a port, and a hash that changes when they do."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from xxhash import xxh3_64_intdigest


class Topic(NamedTuple):
    """`racks`: for each partition the racks of its replicas, sorted; empty where no broker names one."""

    name: str
    topic_id: bytes
    partitions: int
    racks: tuple[tuple[str, ...], ...] = ()


class Topics(Protocol):
    """The topics of the cluster at this moment."""

    @property
    def version(self) -> int:
        """The metadata offset at which they stand."""
        ...

    def named(self, name: str) -> Topic | None: ...

    def with_id(self, topic_id: bytes) -> Topic | None: ...

    def names(self) -> Iterable[str]: ...


_MAGIC = b"\0"


def topic_hash(topic: Topic) -> int:
    """As Kafka 4.3.1 computes it: id, name, count, and each partition with its racks."""
    high, low = struct.unpack(">QQ", topic.topic_id)
    parts = [_MAGIC, struct.pack("<QQ", high, low), _text(topic.name), struct.pack("<i", topic.partitions)]
    for index in range(topic.partitions):
        parts.append(struct.pack("<i", index))
        parts += [struct.pack("<i", len(rack)) + _text(rack) for rack in (topic.racks[index] if topic.racks else ())]
    return xxh3_64_intdigest(b"".join(parts))


def metadata_hash(topics: Topics, names: Iterable[str]) -> int:
    """Of all that a group subscribes to and that exists; 0 for nothing. Signed, as the record holds it."""
    hashes = [topic_hash(topic) for name in sorted(names) if (topic := topics.named(name)) is not None]
    if not hashes:
        return 0
    value = xxh3_64_intdigest(struct.pack(f"<{len(hashes)}Q", *hashes))
    return value - (1 << 64) if value >> 63 else value


def _text(text: str) -> bytes:
    units = text.encode("utf-16-le", "surrogatepass")
    return units + struct.pack("<i", len(units) // 2)
