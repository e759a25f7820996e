"""The order in which Kafka lists what it keeps in a timeline table.

No client may depend on it, but answers that list the same things in the same order can be compared as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ottla.common.names import java_string_hash

_SMALLEST = 2
_FILLED = 0.75
_GOLDEN = 11400714819323198485  # 2 ** 64 divided by the golden ratio
_64_BITS = (1 << 64) - 1

Entry = TypeVar("Entry")


def in_table_order(entries: Iterable[Entry], key: Callable[[Entry], str | int]) -> list[Entry]:
    """Entries, in the order of insertion, of a table that has only grown. Of one slot the last comes first."""
    listed = list(entries)
    listed.reverse()
    bits = 1
    while (_SMALLEST << bits - 1) < len(listed) * _FILLED:
        bits += 1
    return sorted(listed, key=lambda one: _slot(key(one), bits))


def _slot(key: str | int, bits: int) -> int:
    """The highest bits of Knuth's multiplicative hash; an integer is its own Java hash."""
    hashed = java_string_hash(key) if isinstance(key, str) else key
    return (hashed * _GOLDEN & _64_BITS) >> 64 - bits
