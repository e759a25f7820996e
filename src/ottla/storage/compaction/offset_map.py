"""The last offset of each key, in memory of a fixed size."""

from __future__ import annotations

import struct
from collections.abc import Callable
from hashlib import md5

SLOT_BYTES = 24
"""A 16-byte hash of the key and an offset, as in Kafka, so that the same setting holds the same number of keys."""
_FULLEST = 0.9
"""Fuller, and a search for a free slot becomes long."""
_WORDS = struct.Struct("=QQ")


_ENTRY_BYTES = 190
"""What an entry of a dictionary costs besides its key: two objects and, as it grows, up to three slots."""


class OffsetMap:
    """Keys and their last offsets; of so many keys that a dictionary would become large, only hashes, in an open hash
    table. Two keys with one hash would be one key: with 128 bits, that does not happen.

    `latest_offset` is up to where the log has been put into it.
    """

    __slots__ = ("_few", "_few_bytes", "_memory_bytes", "_table", "capacity", "latest_offset", "size")

    def __init__(self, memory_bytes: int, load_factor: float, most: int) -> None:
        """`most`: more keys than this cannot come, so that a small log needs little memory."""
        self.capacity = max(min(int(memory_bytes // SLOT_BYTES * load_factor), most), 1)
        self._memory_bytes = memory_bytes
        self._few: dict[bytes, int] = {}
        self._few_bytes = 0
        self._table: _Table | None = None
        self.size = 0
        self.latest_offset = -1

    @property
    def is_full(self) -> bool:
        return self.size >= self.capacity

    @property
    def room(self) -> int:
        """How many more keys it takes."""
        return self.capacity - self.size

    @property
    def utilisation(self) -> float:
        return self.size / self.capacity

    def put(self, key: bytes, offset: int) -> None:
        """There must be room. Offsets come in rising order."""
        assert self.size < self.capacity, "an offset map that is full got another key"
        self.latest_offset = offset
        if self._table is not None:
            self.size += self._table.put(key, offset)
            return
        few = self._few
        few[key] = offset
        if len(few) != self.size:
            self.size += 1
            self._few_bytes += len(key) + _ENTRY_BYTES
            if self._few_bytes > self._memory_bytes // 4:
                self._become_table()

    def put_all(self, offsets: dict[bytes, int]) -> None:
        """Keys with their last offsets, in a third of the time of so many `put`. There must be room for all."""
        assert len(offsets) <= self.capacity - self.size, "an offset map got more keys than it has room for"
        if self._table is not None:
            self.size += sum(self._table.put(key, offset) for key, offset in offsets.items())
            return
        few = self._few
        few.update(offsets)
        new = len(few) - self.size
        if new:
            self.size += new
            self._few_bytes += new * (max(map(len, offsets)) + _ENTRY_BYTES)  # at most
            if self._few_bytes > self._memory_bytes // 4:
                self._become_table()

    def _become_table(self) -> None:
        """A quarter of the memory is left to the dictionary, and is given back with it."""
        table = self._table = _Table(self.capacity)
        few = self._few
        while few:
            table.put(*few.popitem())

    def get(self, key: bytes) -> int:
        """-1 for a key that it does not have."""
        return self.lookup(key, -1)

    @property
    def lookup(self) -> Callable[[bytes, int], int]:
        """(key, default) -> offset, without a detour; only while nothing is put in."""
        return self._few.get if self._table is None else self._table.get


class _Table:
    """Hash, hash, offset: 24 bytes a slot. Nothing is ever removed."""

    __slots__ = ("_first", "_offsets", "_second", "_slots")

    def __init__(self, capacity: int) -> None:
        slots = self._slots = int(capacity / _FULLEST) + 2
        # `bytearray` is zeroed memory that the system provides page by page, when it is first touched.
        self._first = memoryview(bytearray(8 * slots)).cast("Q")
        self._second = memoryview(bytearray(8 * slots)).cast("Q")
        self._offsets = memoryview(bytearray(8 * slots)).cast("q")

    def put(self, key: bytes, offset: int) -> bool:
        """True if the key is new."""
        first, second = _WORDS.unpack(md5(key, usedforsecurity=False).digest())
        firsts, seconds, slots = self._first, self._second, self._slots
        slot = first % slots
        while True:
            known = firsts[slot]
            if known == first and seconds[slot] == second:
                self._offsets[slot] = offset
                return False
            if not known and not seconds[slot]:
                firsts[slot], seconds[slot], self._offsets[slot] = first, second, offset
                return True
            slot = slot + 1 if slot + 1 < slots else 0

    def get(self, key: bytes, default: int) -> int:
        first, second = _WORDS.unpack(md5(key, usedforsecurity=False).digest())
        firsts, seconds, slots = self._first, self._second, self._slots
        slot = first % slots
        while True:
            known = firsts[slot]
            if known == first and seconds[slot] == second:
                found: int = self._offsets[slot]
                return found
            if not known and not seconds[slot]:
                return default
            slot = slot + 1 if slot + 1 < slots else 0
