"""How long requests take, by API.

A request that never waits costs two looks at the clock, a compare and two additions (0.2 to 0.3 us). One that
waits for data or replicas is counted twice, with its wait and without: a long poll of half a second says nothing about
how fast a broker is.
"""

from __future__ import annotations

from collections.abc import Iterator

from ottla.common.metrics import HISTOGRAM, Family, Histogram

BOUNDS_S = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip


class RequestTimes:
    """Of one API, in all of its versions."""

    __slots__ = ("_waited", "_without_waits", "at_once")

    def __init__(self) -> None:
        self.at_once = Histogram(BOUNDS_S)
        """Requests that did not wait."""
        self._waited = Histogram(BOUNDS_S)
        self._without_waits = Histogram(BOUNDS_S)

    def observe_wait(self, took_s: float, waited_s: float) -> None:
        """A request that took so long, of which it waited for data or replicas so long."""
        self._waited.observe(took_s)
        self._without_waits.observe(max(took_s - waited_s, 0.0))

    @property
    def total(self) -> Histogram:
        return self.at_once.plus(self._waited)

    @property
    def local(self) -> Histogram:
        return self.at_once.plus(self._without_waits)


class Latencies:
    """The times of all APIs that were ever asked, by name; a source of metrics."""

    def __init__(self) -> None:
        self.apis: dict[str, RequestTimes] = {}

    def of(self, api: str) -> RequestTimes:
        found = self.apis.get(api)
        if found is None:
            found = self.apis[api] = RequestTimes()
        return found

    def steps(self) -> Iterator[None]:
        return iter(())

    def families(self) -> Iterator[Family]:
        apis = sorted(self.apis.items())
        yield Family(
            "ottla_request_seconds",
            HISTOGRAM,
            "Time from a request's arrival to its answer",
            [sample for api, times in apis for sample in times.total.samples((("api", api),))],
        )
        yield Family(
            "ottla_request_local_seconds",
            HISTOGRAM,
            "Time from a request's arrival to its answer without waits for data (long polls) and for replicas",
            [sample for api, times in apis for sample in times.local.samples((("api", api),))],
        )
