"""The last offset of each key, in memory of a fixed size."""

from __future__ import annotations

import struct
from hashlib import md5

SLOT_BYTES = 24
"""A 16-byte hash of the key and an offset, as in Kafka, so that the same setting holds the same number of keys."""
_FULLEST = 0.9
"""Fuller, and a search for a free slot becomes long."""
_WORDS = struct.Struct("=QQ")


class OffsetMap:
    """An open hash table of key hashes. Two keys with one hash would be one key: with 128 bits, that does not happen.

    `latest_offset` is up to where the log has been put into it.
    """

    __slots__ = ("_first", "_offsets", "_second", "_slots", "capacity", "latest_offset", "size")

    def __init__(self, memory_bytes: int, load_factor: float, most: int) -> None:
        """`most`: more keys than this cannot come, so that a small log needs little memory."""
        self.capacity = max(min(int(memory_bytes // SLOT_BYTES * load_factor), most), 1)
        slots = self._slots = int(self.capacity / _FULLEST) + 2
        # `bytearray` is zeroed memory that the system provides page by page, when it is first touched.
        self._first = memoryview(bytearray(8 * slots)).cast("Q")
        self._second = memoryview(bytearray(8 * slots)).cast("Q")
        self._offsets = memoryview(bytearray(8 * slots)).cast("q")
        self.size = 0
        self.latest_offset = -1

    @property
    def is_full(self) -> bool:
        return self.size >= self.capacity

    @property
    def utilisation(self) -> float:
        return self.size / self._slots

    def put(self, key: bytes, offset: int) -> None:
        """There must be room. Offsets come in rising order."""
        first, second = _WORDS.unpack(md5(key, usedforsecurity=False).digest())
        firsts, seconds, slots = self._first, self._second, self._slots
        slot = first % slots
        while True:
            known = firsts[slot]
            if known == first and seconds[slot] == second:
                break
            if not known and not seconds[slot]:
                assert self.size < self.capacity, "an offset map that is full got another key"
                firsts[slot], seconds[slot] = first, second
                self.size += 1
                break
            slot = slot + 1 if slot + 1 < slots else 0
        self._offsets[slot] = offset
        self.latest_offset = offset

    def get(self, key: bytes) -> int:
        """-1 for a key that it does not have."""
        first, second = _WORDS.unpack(md5(key, usedforsecurity=False).digest())
        firsts, seconds, slots = self._first, self._second, self._slots
        slot = first % slots
        while True:
            known = firsts[slot]
            if known == first and seconds[slot] == second:
                found: int = self._offsets[slot]
                return found
            if not known and not seconds[slot]:
                return -1
            slot = slot + 1 if slot + 1 < slots else 0
