"""What an assignor knows of a member, and the order in which Kafka's assignors see members and topics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ottla.common.names import java_string_hash
from ottla.coordinator.group.consumer_member import Target


class Wants(NamedTuple):
    """`topics`: ids of the topics that exist and that the member subscribes to. `target`: what it shall have so far."""

    member_id: str
    instance_id: str | None
    topics: frozenset[bytes]
    target: Target


def in_java_order(members: Iterable[Wants]) -> list[Wants]:
    """As Kafka's assignors meet them: in the order of a Java HashMap with default capacity."""
    listed = list(members)
    size = _table_size(len(listed))
    return sorted(listed, key=lambda one: _bucket(java_string_hash(one.member_id), size))


def topics_in_java_order(topic_ids: Iterable[bytes]) -> list[bytes]:
    """Likewise; ids that fall together keep their order."""
    listed = list(topic_ids)
    size = _table_size(len(listed))
    return sorted(listed, key=lambda one: _bucket(_uuid_hash(one), size))


def names_in_java_order(names: Iterable[str]) -> list[str]:
    """Of equal ones the order does not matter: names are sorted first."""
    listed = sorted(names)
    size = _table_size(len(listed))
    return sorted(listed, key=lambda one: _bucket(java_string_hash(one), size))


def partitions_in_java_order(partitions: Sequence[int]) -> list[int]:
    """As a HashSet made of a list of them: which ones are kept, where not all can be, depends on it."""
    size = 16
    while size < len(partitions) * 4 // 3 + 1:
        size *= 2
    return sorted(partitions, key=lambda one: (one & (size - 1), one))


def _table_size(count: int) -> int:
    size = 16
    while count > size * 3 // 4:
        size *= 2
    return size


def _bucket(code: int, size: int) -> int:
    code &= 0xFFFFFFFF
    return (code ^ code >> 16) & (size - 1)


def _uuid_hash(topic_id: bytes) -> int:
    halves = int.from_bytes(topic_id[:8], "big") ^ int.from_bytes(topic_id[8:], "big")
    return halves >> 32 ^ halves & 0xFFFFFFFF
