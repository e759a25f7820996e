"""Quantiles of what a histogram has seen lately, for dashboards that know no histograms.

Kafka keeps a sample that forgets within about five minutes. Here the counts of some minutes ago are taken from those
of now, and a quantile lies somewhere in its bucket: on the line between the bucket's bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from ottla.common.metrics import Histogram

QUANTILES = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)
"""Kafka's."""
_HALF_S = 150.0


class Recent:
    """Two earlier states of one histogram; what came since the older one is recent: 2.5 to 5 minutes."""

    def __init__(self, seen: Histogram) -> None:
        """Everything that was seen so far is recent."""
        self._older = self._newer = [0] * len(seen.counts)
        self._moved_s: float | None = None

    def quantiles(self, seen: Histogram, now_s: float) -> list[float]:
        """NaN for each where nothing was seen lately."""
        if self._moved_s is None:
            self._moved_s = now_s
        elif now_s - self._moved_s >= _HALF_S:
            is_late = now_s - self._moved_s >= 2 * _HALF_S
            self._older = list(seen.counts) if is_late else self._newer
            self._newer = list(seen.counts)
            self._moved_s = now_s
        lately = [now - before for now, before in zip(seen.counts, self._older, strict=True)]
        return [quantile(seen.bounds, lately, one) for one in QUANTILES]


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float:
    """The value that this share of the observations does not exceed. Beyond the last bound: that bound."""
    wanted = share * sum(counts)
    if not wanted:
        return nan
    reached, lower = 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and reached + count >= wanted:
            return lower + (bound - lower) * (wanted - reached) / count
        reached += count
        lower = bound
    return bounds[-1]
