"""The metrics that are read rather than counted: what the broker holds now, and how near it is to its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.broker.listeners import Listener
    from ottla.broker.node import Node


def publish(node: Node) -> None:
    """Names and meanings; each limit stands beside what it limits."""
    gauge = node.metrics.gauge
    settings = node.settings
    gauge("ottla_partitions", "Partitions hosted here", lambda: len(node.replicas))
    gauge("ottla_partitions_led", "Partitions led here", lambda: sum(one.leads for one in node.replicas))
    gauge(
        "ottla_partitions_offline",
        "Partitions whose log is offline",
        lambda: sum(one.log is not None and one.log.offline for one in node.replicas),
    )
    gauge(
        "ottla_log_directories_offline", "Log directories that failed", lambda: sum(d.offline for d in node.directories)
    )
    gauge("ottla_descriptors_limit", "File descriptors that this process may have", lambda: node.descriptors.limit)
    gauge(
        "ottla_open_files", "Files of segments that are open", lambda: sum(len(d.open_files) for d in node.directories)
    )
    gauge("ottla_open_files_limit", "Their limit", lambda: node.descriptors.open_files)
    gauge("ottla_log_lines_omitted", "Log lines left out because their event came too often", lambda: node.log.omitted)
    gauge("ottla_fetch_sessions", "Incremental fetch sessions", lambda: len(node.fetch_sessions))
    gauge("ottla_fetch_sessions_limit", "Slots for sessions", lambda: node.fetch_sessions.slots)
    gauge("ottla_fetch_session_evictions", "Sessions evicted so far", lambda: node.fetch_sessions.evictions)
    gauge("ottla_fetch_session_partitions", "Partitions in sessions", lambda: node.fetch_sessions.partitions)
    gauge(
        "ottla_fetch_session_partitions_limit",
        "ottla.max.fetch.session.partitions",
        lambda: node.fetch_sessions.most_partitions,
    )
    gauge("ottla_received_bytes", "Bytes received and not handled", lambda: node.budget.used_bytes)
    gauge("ottla_received_bytes_limit", "Their limit", lambda: node.budget.limit_bytes)
    gauge("ottla_unsent_bytes", "Bytes of answers that clients have not taken yet", lambda: node.unsent.used_bytes)
    gauge("ottla_unsent_bytes_limit", "ottla.max.unsent.bytes", lambda: node.unsent.limit_bytes)
    gauge("ottla_unsent_connections_closed", "Connections closed for it", lambda: node.unsent.closed)
    elements = node.elements
    gauge("ottla_request_elements", "Elements of the large requests at work", lambda: elements.used)
    gauge("ottla_request_elements_limit", "Twice ottla.max.request.elements", lambda: elements.limit_of_all)
    gauge("ottla_request_elements_refused", "Requests refused for too many elements", lambda: elements.refused)
    gauge("ottla_turns_taken", "Slices of long work done so far", lambda: node.turns.paused)
    gauge("ottla_connections_held", "Connections that wait for receive memory", lambda: node.budget.waiting)
    gauge("ottla_requests_waiting", "Requests whose handler waits", lambda: node.budget.handling)
    gauge("ottla_request_bytes_limit", "Largest request", lambda: settings.socket_request_max_bytes)
    gauge(
        "ottla_connections_limit",
        "max.connections, or what the file descriptors allow",
        lambda: min(settings.max_connections, node.descriptors.connections),
    )
    gauge("ottla_connections_refused", "Connections closed for a limit", lambda: node.crowd.refused)
    http = node.http_limits
    gauge("ottla_http_connections", "Open connections of the HTTP endpoint", lambda: http.open)
    gauge("ottla_http_connections_refused", "Of these refused: 64 are allowed", lambda: http.refused)
    gauge("ottla_http_connections_timed_out", "Of these closed after 10 s", lambda: http.timed_out)
    limit = node.producer_limit
    gauge("ottla_producer_ids", "Producer ids that partitions remember", limit.count)
    gauge("ottla_producer_ids_limit", "ottla.max.producer.ids", lambda: limit.tally.limit)
    gauge("ottla_producer_ids_forgotten", "Producer ids forgotten early for it", lambda: limit.tally.forgotten)
    gauge("ottla_metadata_offset", "End of the metadata log as replayed here", lambda: node.image.end_offset)
    for listener in node.listeners:
        _of_listener(node, listener)
    runtime = node.groups.runtime
    gauge("ottla_coordinator_machines", "Group coordinator partitions loaded", lambda: len(runtime.shards()))
    gauge("ottla_groups", "Groups coordinated here", node.groups.count)
    gauge("ottla_groups_limit", "ottla.max.groups", lambda: node.groups.room.limit)
    gauge("ottla_groups_refused", "Groups not made because of it", lambda: node.groups.room.refused)
    gauge("ottla_group_member_bytes", "What members of groups have sent in joining", node.groups.member_bytes)
    gauge("ottla_group_member_bytes_limit", "ottla.max.group.bytes", lambda: node.groups.member_room.limit_bytes)
    gauge("ottla_group_joins_refused", "Joins refused because of it", lambda: node.groups.member_room.refused)
    gauge(
        "ottla_group_members",
        "Members of the groups coordinated here",
        lambda: sum(one.machine.member_count() for one in runtime.shards()),
    )
    gauge(
        "ottla_committed_offsets",
        "Committed offsets held here",
        lambda: sum(one.machine.offsets.count() for one in runtime.shards()),
    )
    transactions = node.transactions
    gauge(
        "ottla_transactional_ids",
        "Transactional ids coordinated here",
        lambda: sum(len(one.machine) for one in transactions.runtime.shards()),
    )
    gauge(
        "ottla_transactions_completing",
        "Transactions whose markers are under way",
        lambda: transactions.markers.completing,
    )


def _of_listener(node: Node, listener: Listener) -> None:
    gauge = node.metrics.gauge
    gauge("ottla_connections", "Open connections", lambda: len(listener.connections), listener=listener.name)
    gauge("ottla_connections_accepted", "Connections so far", lambda: listener.accepted, listener=listener.name)
