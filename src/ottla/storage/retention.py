"""Which segments are too old or too many (KIP-405 apart: nothing is tiered)."""

from __future__ import annotations

from ottla.storage.segment import Segment
from ottla.storage.segments import Segments
from ottla.storage.settings import TopicSettings


def deletable(
    segments: Segments, settings: TopicSettings, now_ms: int, high_watermark: int, log_start: int, log_end: int
) -> tuple[int, bool]:
    """How many of the first segments may go, and whether a new one must be begun first because all of them may.

    Only what is wholly below the high watermark goes; an empty active segment never does.
    """
    excess = sum(segment.size_bytes for segment in segments) - settings.retention_bytes
    by_size = settings.deletes and settings.retention_bytes >= 0
    by_age = settings.deletes and settings.retention_ms >= 0
    count = 0
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        end = segments.end_of(index, log_end)
        if end > high_watermark or (last and segment.size_bytes == 0):
            break
        too_much = by_size and excess - segment.size_bytes >= 0
        gone = not last and end <= log_start
        if not (gone or too_much or (by_age and _is_old(segment, settings, now_ms))):
            break
        excess -= segment.size_bytes
        count += 1
    return count, count == len(segments)


def _is_old(segment: Segment, settings: TopicSettings, now_ms: int) -> bool:
    return now_ms - segment.newest_ms() > settings.retention_ms
