"""Which log is worth compacting, and which part of it may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ottla.common.settings import LONG_MAX
from ottla.storage.settings import TopicSettings


class SegmentFacts(NamedTuple):
    """A segment as the policy sees it. The two times are asked for only where a setting needs them, else -1."""

    base_offset: int
    size_bytes: int
    first_timestamp: int
    max_timestamp: int


class LogFacts(NamedTuple):
    """A log as the policy sees it; `segments` are all, the last is the active one."""

    segments: Sequence[SegmentFacts]
    start_offset: int
    end_offset: int
    last_stable_offset: int
    """At most the high watermark."""


class Dirt(NamedTuple):
    """What there is to clean: records from `first_dirty` up to `end`, the base of the first segment left alone."""

    first_dirty: int
    end: int
    clean_bytes: int
    dirty_bytes: int
    overdue_ms: int
    """How long the oldest dirty segment has been waiting beyond max.compaction.lag.ms; 0 if it has not."""

    @property
    def ratio(self) -> float:
        total = self.clean_bytes + self.dirty_bytes
        return self.dirty_bytes / total if total else 0.0

    def is_worth(self, min_ratio: float) -> bool:
        return self.dirty_bytes > 0 and (self.overdue_ms > 0 or self.ratio > min_ratio)


def first_dirty_offset(log: LogFacts, checkpoint: int | None) -> int:
    """Up to where the log was cleaned; its start where the checkpoint cannot be true, so that all is cleaned again."""
    if checkpoint is None or not log.start_offset <= checkpoint <= log.end_offset:
        return log.start_offset
    return checkpoint


def dirt(log: LogFacts, checkpoint: int | None, settings: TopicSettings, now_ms: int) -> Dirt:
    """Cleanable is what lies below the active segment, below the last stable offset (so below the high watermark) and
    out of reach of min.compaction.lag.ms; in whole segments."""
    first_dirty = first_dirty_offset(log, checkpoint)
    active = log.segments[-1].base_offset
    holding = _index_of(log.segments, first_dirty)
    dirty = log.segments[holding:-1]
    limit = min(log.last_stable_offset, active)
    if settings.min_compaction_lag_ms > 0:
        young = now_ms - settings.min_compaction_lag_ms
        limit = min([limit, *(one.base_offset for one in dirty if one.max_timestamp > young)])
    limit = max(limit, first_dirty)
    end = min(log.segments[_index_of(log.segments, limit)].base_offset, active)
    return Dirt(
        first_dirty,
        end,
        sum(one.size_bytes for one in log.segments if one.base_offset < first_dirty),
        sum(one.size_bytes for one in dirty if one.base_offset < end),
        _overdue_ms(dirty, settings, now_ms),
    )


def _index_of(segments: Sequence[SegmentFacts], offset: int) -> int:
    return max(sum(one.base_offset <= offset for one in segments) - 1, 0)


def _overdue_ms(dirty: Sequence[SegmentFacts], settings: TopicSettings, now_ms: int) -> int:
    if settings.max_compaction_lag_ms == LONG_MAX:
        return 0
    oldest = min((one.first_timestamp for one in dirty if one.first_timestamp > 0), default=LONG_MAX)
    return max(now_ms - settings.max_compaction_lag_ms - oldest, 0)


class SourceSegment(NamedTuple):
    """A closed segment to be cleaned, with the sizes of its files."""

    base_offset: int
    size_bytes: int
    index_bytes: int
    time_index_bytes: int


def groups(
    segments: Sequence[SourceSegment], max_bytes: int, max_index_bytes: int, end: int
) -> list[list[SourceSegment]]:
    """Neighbours that become one segment, which is within all limits even if nothing can be dropped. `end` is the base
    of the segment behind the last one."""
    result: list[list[SourceSegment]] = []
    for index, segment in enumerate(segments):
        after = segments[index + 1].base_offset if index + 1 < len(segments) else end
        if result and _fits(result[-1], segment, after, max_bytes, max_index_bytes):
            result[-1].append(segment)
        else:
            result.append([segment])
    return result


def _fits(group: list[SourceSegment], one: SourceSegment, after: int, max_bytes: int, max_index_bytes: int) -> bool:
    return (
        sum(each.size_bytes for each in group) + one.size_bytes <= max_bytes
        and sum(each.index_bytes for each in group) + one.index_bytes <= max_index_bytes
        and sum(each.time_index_bytes for each in group) + one.time_index_bytes <= max_index_bytes
        and (one.size_bytes == 0 or after - 1 - group[0].base_offset <= (1 << 31) - 1)
    )
