"""The segments of a log, in order. The last is the active one; there is always one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from ottla.storage.segment import Segment


class Segments:
    """Found by offset in logarithmic time. `active` is kept at hand for appends and for reads near the end."""

    __slots__ = ("_all", "_bases", "active")

    def __init__(self, segments: list[Segment]) -> None:
        assert segments, "a log has a segment"
        self._all = segments
        self._bases = [segment.base_offset for segment in segments]
        self.active = segments[-1]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._all)

    def __contains__(self, segment: Segment) -> bool:
        return self._all[self.index_of(segment.base_offset)] is segment

    @property
    def first(self) -> Segment:
        return self._all[0]

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self._all)

    def index_of(self, offset: int) -> int:
        """Of the segment that holds `offset`, or would."""
        return max(bisect_right(self._bases, offset) - 1, 0)

    def at(self, index: int) -> Segment:
        return self._all[index]

    def from_offset(self, offset: int) -> list[Segment]:
        """The segment that holds `offset`, and all after it."""
        return self._all[self.index_of(offset) :]

    def end_of(self, index: int, log_end: int) -> int:
        """The base of the next segment, or the log's end."""
        return self._bases[index + 1] if index + 1 < len(self._bases) else log_end

    def add(self, segment: Segment) -> None:
        assert segment.base_offset > self._bases[-1]
        self._all.append(segment)
        self._bases.append(segment.base_offset)
        self.active = segment

    def drop_first(self) -> Segment:
        assert len(self._all) > 1
        del self._bases[0]
        return self._all.pop(0)

    def drop_last(self) -> Segment:
        assert len(self._all) > 1
        self._bases.pop()
        dropped = self._all.pop()
        self.active = self._all[-1]
        return dropped

    def replace(self, old: list[Segment], new: Segment) -> None:
        """`new` takes the place of these neighbours, and the base of the first; none of them is active."""
        start = self.index_of(old[0].base_offset)
        end = start + len(old)
        assert self._all[start:end] == old and end < len(self._all) and new.base_offset == old[0].base_offset
        self._all[start:end] = [new]
        self._bases[start:end] = [new.base_offset]

    def replace_all(self, segment: Segment) -> list[Segment]:
        dropped, self._all = self._all, [segment]
        self._bases = [segment.base_offset]
        self.active = segment
        return dropped
