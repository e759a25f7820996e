"""The same numbers under the names by which dashboards for Apache Kafka look for them.

Two exporters have made these names common: the JMX exporter with its example rules for Kafka (`kafka_server_...`,
`kafka_network_...`, `kafka_controller_...`, from Kafka's own MBeans), and danielqsj/kafka_exporter (`kafka_topic_...`,
`kafka_consumergroup_...`). What only several brokers have (ISR changes, fetchers, elections) is absent rather than 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.measures.groups import GroupSurvey, committed_offsets, lags
from ottla.broker.measures.latency import Latencies, RequestTimes
from ottla.broker.measures.partitions import NO_LEADER, PartitionRow, PartitionSurvey
from ottla.broker.measures.quantiles import QUANTILES, Recent
from ottla.broker.measures.traffic import COUNTS, Traffics
from ottla.common.metrics import COUNTER, GAUGE, SUMMARY, Counter, Family, Histogram, Registry, Sample, labels_text

if TYPE_CHECKING:
    from ottla.broker.replicas import Replicas

_TOPIC_COUNTS = {
    "messagesin": "records_in",
    "bytesin": "bytes_in",
    "bytesout": "bytes_out",
    "totalproducerequests": "produce_requests",
    "failedproducerequests": "produce_failures",
    "totalfetchrequests": "fetch_requests",
    "failedfetchrequests": "fetch_failures",
}
"""Kafka's BrokerTopicMetrics, by our name."""
_GROUP_STATES = ("PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty")
_FETCH, _CONSUMERS_FETCH = "Fetch", "FetchConsumer"
_MS = 1000
_RUNNING = 3
"""Kafka's BrokerState."""


class ClusterFacts(NamedTuple):
    """What the metadata say when a page is made."""

    brokers: list[tuple[int, str]]
    """Ids and addresses of those that are alive."""
    fenced: int
    controls: bool
    """Whether this broker is the controller."""
    topics: int
    offline_directories: int
    connections: list[tuple[str, int]]
    """By listener."""


class KafkaNames:
    """A source of metrics. It looks at nothing itself: the surveys have looked before."""

    def __init__(
        self,
        registry: Registry,
        traffics: Traffics,
        latencies: Latencies,
        partitions: PartitionSurvey,
        groups: GroupSurvey,
        facts: Callable[[], ClusterFacts],
        now_s: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._traffics = traffics
        self._latencies = latencies
        self._partitions = partitions
        self._groups = groups
        self._facts = facts
        self._now_s = now_s
        self._recent: dict[tuple[str, str], Recent] = {}

    def steps(self) -> Iterator[None]:
        return iter(())

    def families(self) -> Iterator[Family]:
        facts = self._facts()
        yield from self._of_topics()
        yield from self._of_requests()
        yield from self._of_the_broker(facts)
        if facts.controls:
            yield from self._of_the_controller(facts)
        yield from self._of_partitions()
        yield from self._of_the_exporter(facts)
        yield from self._of_groups()

    # --- Kafka's own MBeans, as the JMX exporter names them

    def _of_topics(self) -> Iterator[Family]:
        """Without a topic: the sum."""
        rows = [("", self._traffics.sum())]
        rows += [(labels_text((("topic", topic),)), counts) for topic, counts in self._traffics.rows()]
        counts_by_name = {name: (help_text, count) for name, help_text, count in COUNTS}
        for theirs, ours in _TOPIC_COUNTS.items():
            help_text, count = counts_by_name[ours]
            samples = [("", labels, count(counts)) for labels, counts in rows]
            yield Family(f"kafka_server_brokertopicmetrics_{theirs}_total", COUNTER, help_text, samples)

    def _of_requests(self) -> Iterator[Family]:
        yield Family(
            "kafka_network_requestmetrics_requests_total", COUNTER, "Requests received",
            self._by_request("ottla_requests_total"),
        )  # fmt: skip
        yield Family(
            "kafka_network_requestmetrics_errors_total", COUNTER, "Errors in answers",
            self._by_request("ottla_request_errors_total"),
        )  # fmt: skip
        for name, help_text, times in _TIMES:
            yield Family(
                f"kafka_network_requestmetrics_{name}", SUMMARY,
                f"{help_text}, in milliseconds; quantiles of the last 2.5 to 5 minutes",
                self._summaries(name, times),
            )  # fmt: skip

    def _by_request(self, family: str) -> Iterator[Sample]:
        for labels, metric in self._registry.of(family):
            assert isinstance(metric, Counter)
            for api in _names_of(dict(labels)["api"]):
                changed = (("request", api), *(one for one in labels if one[0] != "api"))
                yield "", labels_text(changed), metric.value

    def _summaries(self, name: str, times: Callable[[RequestTimes], Histogram]) -> Iterator[Sample]:
        for api, of_api in sorted(self._latencies.apis.items()):
            seen = times(of_api)
            recent = self._recent.get((name, api))
            if recent is None:
                recent = self._recent[name, api] = Recent(seen)
            quantiles = recent.quantiles(seen, self._now_s())
            for request in _names_of(api):
                label = ("request", request)
                for quantile, value_s in zip(QUANTILES, quantiles, strict=True):
                    yield "", labels_text((label, ("quantile", f"{quantile:g}"))), value_s * _MS
                yield "_sum", labels_text((label,)), seen.total * _MS
                yield "_count", labels_text((label,)), sum(seen.counts)

    def _of_the_broker(self, facts: ClusterFacts) -> Iterator[Family]:
        counts, groups = self._partitions.counts, self._groups.counts
        manager = "kafka_server_replicamanager_"
        yield from _gauges(
            (f"{manager}partitioncount", "Partitions hosted here", counts.hosted),
            (f"{manager}leadercount", "Partitions led here", counts.led),
            (f"{manager}offlinereplicacount", "Partitions whose log is offline", counts.offline),
            (f"{manager}underreplicatedpartitions", "Led here, replicas not in sync", counts.under_replicated),
            (f"{manager}underminisrpartitioncount", "Led here, too few replicas in sync", counts.under_min_isr),
            (f"{manager}atminisrpartitioncount", "Led here, no replica to spare", counts.at_min_isr),
            ("kafka_server_kafkaserver_brokerstate", "3 while the broker runs", _RUNNING),
            ("kafka_log_logmanager_offlinelogdirectorycount", "Log directories that failed", facts.offline_directories),
            ("kafka_coordinator_group_groupmetadatamanager_numgroups", "Groups coordinated here", groups.groups),
            ("kafka_coordinator_group_groupmetadatamanager_numoffsets", "Committed offsets", groups.offsets),
            *(
                (
                    f"kafka_coordinator_group_groupmetadatamanager_numgroups{state.lower()}",
                    f"Groups in the state {state}", groups.states.get(state, 0),
                )
                for state in _GROUP_STATES
            ),
        )  # fmt: skip
        yield Family(
            "kafka_server_socket_server_metrics_connection_count", GAUGE, "Open connections",
            [
                ("", labels_text((("listener", listener), ("networkprocessor", "0"))), count)
                for listener, count in facts.connections
            ],
        )  # fmt: skip

    def _of_the_controller(self, facts: ClusterFacts) -> Iterator[Family]:
        counts, controller = self._partitions.counts, "kafka_controller_kafkacontroller_"
        yield from _gauges(
            (f"{controller}activecontrollercount", "1 where the controller is", 1),
            (f"{controller}offlinepartitionscount", "Partitions that nobody leads", counts.leaderless),
            (f"{controller}globaltopiccount", "Topics of the cluster", facts.topics),
            (f"{controller}globalpartitioncount", "Partitions of the cluster", counts.hosted),
            (f"{controller}activebrokercount", "Brokers that are alive", len(facts.brokers)),
            (f"{controller}fencedbrokercount", "Brokers that are not alive", facts.fenced),
        )

    def _of_partitions(self) -> Iterator[Family]:
        for name, help_text, value in _LOGS:
            yield Family(f"kafka_log_log_{name}", GAUGE, help_text, _known(self._partitions.rows, value))

    # --- kafka_exporter

    def _of_the_exporter(self, facts: ClusterFacts) -> Iterator[Family]:
        yield Family("kafka_brokers", GAUGE, "Brokers that are alive", [("", "", len(facts.brokers))])
        yield Family(
            "kafka_broker_info", GAUGE, "1; the labels say where the broker is",
            [("", labels_text((("id", str(node)), ("address", address))), 1) for node, address in facts.brokers],
        )  # fmt: skip
        for name, help_text, value in _LED:
            samples = _known((row for row in self._partitions.rows if row.leads), value)
            yield Family(f"kafka_topic_partition_{name}", GAUGE, help_text, samples)

    def _of_groups(self) -> Iterator[Family]:
        rows = self._groups.rows
        yield Family(
            "kafka_consumergroup_members", GAUGE, "Members of the group",
            (("", labels_text((("consumergroup", row.group_id),)), row.glance.members) for row in rows),
        )  # fmt: skip
        yield Family(
            "kafka_consumergroup_current_offset", GAUGE, "The offset that the group has committed",
            committed_offsets("consumergroup", rows),
        )  # fmt: skip
        yield Family(
            "kafka_consumergroup_lag", GAUGE, "Records between the committed offset and the high watermark",
            lags("consumergroup", rows),
        )  # fmt: skip
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for row in rows:
            for offset in row.offsets:
                committed, lag = sums.get((row.group_id, offset.topic), (0, 0))
                sums[row.group_id, offset.topic] = (committed + offset.committed, lag + (offset.lag or 0))
        for place, (name, help_text) in enumerate((("current_offset_sum", "committed offsets"), ("lag_sum", "lags"))):
            yield Family(
                f"kafka_consumergroup_{name}", GAUGE, f"The {help_text} of the group over all partitions of the topic",
                [
                    ("", labels_text((("consumergroup", group), ("topic", topic))), both[place])
                    for (group, topic), both in sums.items()
                ],
            )  # fmt: skip


class TopicPartitionsFamily:
    """kafka_exporter's number of partitions by topic; `limit`: of so many topics."""

    def __init__(self, replicas: Replicas, limit: int) -> None:
        self._replicas = replicas
        self._limit = limit

    def steps(self) -> Iterator[None]:
        return iter(())

    def families(self) -> Iterator[Family]:
        topics = list(self._replicas.by_name.values())[: self._limit]
        yield Family(
            "kafka_topic_partitions", GAUGE, "Partitions of the topic",
            (("", labels_text((("topic", topic.name),)), len(topic.partitions)) for topic in topics),
        )  # fmt: skip


Value = Callable[[PartitionRow], int | None]

_LOGS: tuple[tuple[str, str, Value], ...] = (
    ("size", "Size of the log, in bytes", lambda row: row.size_bytes),
    ("logstartoffset", "The first offset that is there", lambda row: row.log_start),
    ("logendoffset", "The offset of the next record", lambda row: row.log_end),
)
_LED: tuple[tuple[str, str, Value], ...] = (
    ("current_offset", "The offset up to which consumers may read", lambda row: row.high_watermark),
    ("oldest_offset", "The first offset that is there", lambda row: row.log_start),
    ("leader", "The id of the leader", lambda row: row.leader),
    ("replicas", "Replicas of the partition", lambda row: len(row.replicas)),
    ("in_sync_replica", "Replicas that are in sync", lambda row: len(row.isr)),
    ("leader_is_preferred", "1 where the first replica leads", lambda row: int(row.leader == _preferred(row))),
    ("under_replicated_partition", "1 with replicas not in sync", lambda row: int(len(row.isr) < len(row.replicas))),
)
_TIMES: tuple[tuple[str, str, Callable[[RequestTimes], Histogram]], ...] = (
    ("totaltimems", "Time from a request's arrival to its answer", lambda times: times.total),
    ("localtimems", "Time without waits for data and for replicas", lambda times: times.local),
)


def _preferred(row: PartitionRow) -> int:
    return row.replicas[0] if row.replicas else NO_LEADER


def _known(rows: Iterable[PartitionRow], value: Value) -> Iterator[Sample]:
    for row in rows:
        known = value(row)
        if known is not None:
            yield "", row.labels, known


def _names_of(api: str) -> tuple[str, ...]:
    """Kafka counts a consumer's fetch under both names."""
    return (api, _CONSUMERS_FETCH) if api == _FETCH else (api,)


def _gauges(*rows: tuple[str, str, float]) -> Iterator[Family]:
    for name, help_text, value in rows:
        yield Family(name, GAUGE, help_text, [("", "", value)])
