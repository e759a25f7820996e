"""The metrics that are read rather than counted: what the broker holds now, and how near it is to its limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import ottla
from ottla.broker.measures.groups import GroupSurvey
from ottla.broker.measures.kafka_names import ClusterFacts, KafkaNames, TopicPartitionsFamily
from ottla.broker.measures.partitions import PartitionSurvey
from ottla.broker.measures.process import Process, ProcessFamilies
from ottla.broker.measures.traffic import TrafficFamilies
from ottla.common.metrics import Source

if TYPE_CHECKING:
    from ottla.broker.listeners import Listener
    from ottla.broker.node import Node


def publish(node: Node) -> None:
    """Names and meanings; each limit stands beside what it limits."""
    node.metrics.gauge(
        "ottla_metadata_offset", "End of the metadata log as replayed here", lambda: node.image.end_offset
    )
    _of_files(node)
    _of_fetch_sessions(node)
    _of_memory(node)
    _of_connections(node)
    for listener in node.listeners:
        _of_listener(node, listener)
    _of_producers(node)
    _of_groups(node)


def _of_files(node: Node) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    gauge(
        "ottla_log_directories_offline", "Log directories that failed", lambda: sum(d.offline for d in node.directories)
    )
    gauge("ottla_descriptors_limit", "File descriptors that this process may have", lambda: node.descriptors.limit)
    gauge(
        "ottla_open_files", "Files of segments that are open", lambda: sum(len(d.open_files) for d in node.directories)
    )
    gauge("ottla_open_files_limit", "Most files of segments that stay open", lambda: node.descriptors.open_files)
    total(
        "ottla_log_lines_omitted_total",
        "Log lines left out because their event came too often",
        lambda: node.log.omitted,
    )


def _of_fetch_sessions(node: Node) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    gauge("ottla_fetch_sessions", "Incremental fetch sessions", lambda: len(node.fetch_sessions))
    gauge(
        "ottla_fetch_sessions_limit",
        "Most incremental fetch sessions: max.incremental.fetch.session.cache.slots",
        lambda: node.fetch_sessions.slots,
    )
    total(
        "ottla_fetch_session_evictions_total",
        "Fetch sessions evicted for others",
        lambda: node.fetch_sessions.evictions,
    )
    gauge("ottla_fetch_session_partitions", "Partitions in fetch sessions", lambda: node.fetch_sessions.partitions)
    gauge(
        "ottla_fetch_session_partitions_limit",
        "Most partitions in fetch sessions: ottla.max.fetch.session.partitions",
        lambda: node.fetch_sessions.most_partitions,
    )


def _of_memory(node: Node) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    gauge("ottla_received_bytes", "Bytes received and not handled", lambda: node.budget.used_bytes)
    gauge("ottla_received_bytes_limit", "Most bytes received and not handled", lambda: node.budget.limit_bytes)
    total(
        "ottla_stalled_connections_closed_total",
        "Connections closed because their requests did not come on while others waited for memory",
        lambda: node.stalled.closed,
    )
    gauge("ottla_unsent_bytes", "Bytes of answers that clients have not taken yet", lambda: node.unsent.used_bytes)
    gauge(
        "ottla_unsent_bytes_limit",
        "Most bytes of answers not taken: ottla.max.unsent.bytes",
        lambda: node.unsent.limit_bytes,
    )
    total(
        "ottla_unsent_connections_closed_total",
        "Connections closed because too many bytes of answers were not taken",
        lambda: node.unsent.closed,
    )
    elements = node.elements
    gauge("ottla_request_elements", "Elements of the large requests at work", lambda: elements.used)
    gauge(
        "ottla_request_elements_limit",
        "Most elements of the large requests at work: twice ottla.max.request.elements",
        lambda: elements.limit_of_all,
    )
    total("ottla_request_elements_refused_total", "Requests refused for too many elements", lambda: elements.refused)
    total("ottla_turns_taken_total", "Slices of long work done so far", lambda: node.turns.paused)
    gauge("ottla_connections_held", "Connections that wait for receive memory", lambda: node.budget.waiting)
    gauge("ottla_requests_waiting", "Requests whose handler waits", lambda: node.budget.handling)
    gauge(
        "ottla_request_bytes_limit",
        "Largest request that is taken: socket.request.max.bytes",
        lambda: node.settings.socket_request_max_bytes,
    )


def _of_connections(node: Node) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    gauge(
        "ottla_connections_limit",
        "Most connections: max.connections, or what the file descriptors allow",
        lambda: min(node.settings.max_connections, node.descriptors.connections),
    )
    total("ottla_connections_refused_total", "Connections closed for a limit", lambda: node.crowd.refused)
    http = node.http_limits
    gauge("ottla_http_connections", "Open connections of the HTTP endpoint", lambda: http.open)
    total(
        "ottla_http_connections_refused_total",
        "Connections of the HTTP endpoint refused: 64 are allowed",
        lambda: http.refused,
    )
    total(
        "ottla_http_connections_timed_out_total",
        "Connections of the HTTP endpoint closed after 10 s",
        lambda: http.timed_out,
    )


def _of_producers(node: Node) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    limit = node.producer_limit
    gauge("ottla_producer_ids", "Producer ids that partitions remember", limit.count)
    gauge("ottla_producer_ids_limit", "Most producer ids: ottla.max.producer.ids", lambda: limit.tally.limit)
    total(
        "ottla_producer_ids_forgotten_total",
        "Producer ids forgotten early because there are too many",
        lambda: limit.tally.forgotten,
    )
    transactions = node.transactions
    gauge(
        "ottla_transactional_ids",
        "Transactional ids coordinated here",
        lambda: sum(len(one.machine) for one in transactions.runtime.shards()),
    )
    room = transactions.room
    gauge("ottla_transactional_id_bytes", "Bytes of transactional ids", lambda: room.used_bytes)
    gauge(
        "ottla_transactional_id_bytes_limit",
        "Most bytes of transactional ids: ottla.max.transactional.id.bytes",
        lambda: room.limit_bytes,
    )
    total("ottla_transactional_ids_refused_total", "Transactional ids refused for that limit", lambda: room.refused)
    gauge(
        "ottla_transactions_completing",
        "Transactions whose markers are under way",
        lambda: transactions.markers.completing,
    )


def _of_groups(node: Node) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    runtime = node.groups.runtime
    gauge("ottla_coordinator_machines", "Group coordinator partitions loaded", lambda: len(runtime.shards()))
    gauge("ottla_groups_limit", "Most groups: ottla.max.groups", lambda: node.groups.room.limit)
    total("ottla_groups_refused_total", "Groups not made because there are too many", lambda: node.groups.room.refused)
    offsets = node.groups.room.offsets
    gauge("ottla_offset_bytes", "Bytes of committed offsets", lambda: offsets.used_bytes)
    gauge(
        "ottla_offset_bytes_limit",
        "Most bytes of committed offsets: ottla.max.offset.bytes",
        lambda: offsets.limit_bytes,
    )
    total("ottla_offset_commits_refused_total", "Offsets not committed for that limit", lambda: offsets.refused)
    gauge(
        "ottla_group_member_bytes_limit",
        "Most bytes of members: ottla.max.group.bytes",
        lambda: node.groups.member_room.limit_bytes,
    )
    total(
        "ottla_group_joins_refused_total",
        "Joins refused because members have sent too much",
        lambda: node.groups.member_room.refused,
    )


def _of_listener(node: Node, listener: Listener) -> None:
    gauge, total = node.metrics.gauge, node.metrics.total
    gauge("ottla_connections", "Open connections", lambda: len(listener.connections), listener=listener.name)
    total("ottla_connections_accepted_total", "Connections accepted", lambda: listener.accepted, listener=listener.name)


def sources(node: Node, process: Process | None) -> Sequence[Source]:
    """Everything that the page `/metrics` shows, in its order. A simulated broker has no process."""
    settings, limit = node.settings, node.settings.ottla_metrics_max_rows
    partitions = PartitionSurvey(node.replicas, limit)
    groups = GroupSurvey(node.groups, node.replicas, limit)
    left_out = partial(
        node.metrics.gauge, "ottla_metrics_left_out", "What has no series of its own here: see ottla.metrics.max.rows"
    )
    left_out(lambda: len(node.traffics.left_out), of="topics")
    left_out(lambda: partitions.left_out, of="partitions")
    left_out(lambda: groups.groups_left_out, of="groups")
    left_out(lambda: groups.counts.offsets_left_out, of="committed_offsets")
    found: list[Source] = [partitions, groups, node.metrics, TrafficFamilies(node.traffics), node.latencies]
    if process is not None:
        found.append(ProcessFamilies(process, ottla.__version__))
    if settings.ottla_metrics_kafka_names:
        names = KafkaNames(
            node.metrics, node.traffics, node.latencies, partitions, groups,
            partial(_facts, node), node.clock.monotonic,
        )  # fmt: skip
        found += [names, TopicPartitionsFamily(node.replicas, limit)]
    return found


def _facts(node: Node) -> ClusterFacts:
    brokers = node.image.brokers.values()
    listener = node.listeners[0].name
    return ClusterFacts(
        brokers=[(one.node_id, f"{one.host}:{one.port}") for one in node.endpoints(listener)],
        fenced=sum(one.fenced for one in brokers),
        controls=node.membership.leads,
        topics=len(node.image.topics),
        offline_directories=sum(directory.offline for directory in node.directories),
        connections=[(one.name, len(one.connections)) for one in node.listeners],
    )
