"""Which handler serves which API, in which versions. ApiVersions answers from this table; nothing else says so.

A row: key, the handler as `module:function` (imported at first use), the versions with a complete handler. A broker
that starts loads none of them, and one that only produces and fetches never loads the others.
"""

from __future__ import annotations

from typing import NamedTuple

_HANDLERS = "ottla.broker.handlers."


class Row(NamedTuple):
    key: int
    handler: str
    oldest: int
    newest: int
    advertised: bool = True
    """False: inter-broker APIs, served to this cluster's own brokers only."""


CLIENT_ROWS = (
    Row(0, "produce:produce", 3, 13),
    Row(1, "fetch:fetch", 4, 18),
    Row(2, "list_offsets:list_offsets", 1, 11),
    Row(3, "metadata:metadata", 0, 13),
    Row(8, "offset_commit:offset_commit", 2, 10),
    Row(9, "offset_fetch:offset_fetch", 1, 10),
    Row(10, "find_coordinator:find_coordinator", 0, 6),
    Row(11, "group_members:join_group", 0, 9),
    Row(12, "group_members:heartbeat", 0, 4),
    Row(13, "group_members:leave_group", 0, 5),
    Row(14, "group_members:sync_group", 0, 5),
    Row(15, "groups:describe_groups", 0, 6),
    Row(16, "groups:list_groups", 0, 5),
    Row(17, "sasl:sasl_handshake", 0, 1),
    Row(18, "api_versions:api_versions", 0, 4),
    Row(19, "topics:create_topics", 2, 7),
    Row(20, "topics:delete_topics", 1, 6),
    Row(21, "delete_records:delete_records", 0, 2),
    Row(22, "init_producer_id:init_producer_id", 0, 5),
    Row(23, "offset_for_leader_epoch:offset_for_leader_epoch", 2, 4),
    Row(24, "transactions:add_partitions_to_txn", 0, 5),
    Row(25, "transactions:add_offsets_to_txn", 0, 4),
    Row(26, "transactions:end_txn", 0, 5),
    Row(27, "write_txn_markers:write_txn_markers", 1, 2),
    Row(28, "txn_offset_commit:txn_offset_commit", 0, 5),
    Row(29, "acls:describe_acls", 1, 3),
    Row(30, "acls:create_acls", 1, 3),
    Row(31, "acls:delete_acls", 1, 3),
    Row(32, "configs:describe_configs", 1, 4),
    Row(33, "alter_configs:alter_configs", 0, 2),
    Row(34, "log_dirs:alter_replica_log_dirs", 1, 2),
    Row(35, "log_dirs:describe_log_dirs", 1, 5),
    Row(36, "sasl:sasl_authenticate", 0, 2),
    Row(37, "topics:create_partitions", 0, 3),
    Row(38, "delegation_tokens:create_delegation_token", 1, 3),
    Row(39, "delegation_tokens:renew_delegation_token", 1, 2),
    Row(40, "delegation_tokens:expire_delegation_token", 1, 2),
    Row(41, "delegation_tokens:describe_delegation_token", 1, 3),
    Row(42, "groups:delete_groups", 0, 2),
    Row(43, "elect_leaders:elect_leaders", 0, 2),
    Row(44, "alter_configs:incremental_alter_configs", 0, 1),
    Row(45, "reassignments:alter_partition_reassignments", 0, 1),
    Row(46, "reassignments:list_partition_reassignments", 0, 0),
    Row(47, "offset_delete:offset_delete", 0, 0),
    Row(48, "client_quotas:describe_client_quotas", 0, 1),
    Row(49, "client_quotas:alter_client_quotas", 0, 1),
    Row(50, "scram:describe_user_scram_credentials", 0, 0),
    Row(51, "scram:alter_user_scram_credentials", 0, 0),
    Row(55, "quorum:describe_quorum", 0, 2),
    Row(57, "features:update_features", 0, 2),
    Row(60, "cluster:describe_cluster", 0, 2),
    Row(61, "describe_producers:describe_producers", 0, 0),
    Row(64, "cluster:unregister_broker", 0, 0),
    Row(65, "transactions:describe_transactions", 0, 0),
    Row(66, "list_transactions:list_transactions", 0, 2),
    Row(68, "consumer_groups:consumer_group_heartbeat", 0, 1),
    Row(69, "consumer_groups:consumer_group_describe", 0, 1),
    Row(74, "configs:list_config_resources", 0, 1),
    Row(75, "describe_topic_partitions:describe_topic_partitions", 0, 0),
    Row(80, "quorum:add_raft_voter", 0, 1),
    Row(81, "quorum:remove_raft_voter", 0, 0),
)
TELEMETRY_ROWS = (
    Row(71, "telemetry:get_telemetry_subscriptions", 0, 0),
    Row(72, "telemetry:push_telemetry", 0, 0),
)
"""For clients as well, but only where a receiver of client metrics is configured: else they would push for nobody."""

INTER_BROKER_ROWS = (
    Row(56, "inter_broker:alter_partition", 2, 3, advertised=False),
    Row(58, "envelope:envelope", 0, 0, advertised=False),
    Row(62, "inter_broker:broker_registration", 0, 4, advertised=False),
    Row(63, "inter_broker:broker_heartbeat", 0, 2, advertised=False),
    Row(67, "inter_broker:allocate_producer_ids", 0, 0, advertised=False),
)

ROWS: dict[int, Row] = {row.key: row for row in (*CLIENT_ROWS, *TELEMETRY_ROWS, *INTER_BROKER_ROWS)}

PRODUCE = 0
PRODUCE_ADVERTISED_FROM = 0
"""Kafka advertises Produce from 0 though it serves 3: old librdkafka drops compression otherwise (KAFKA-18659)."""


def handler_of(row: Row) -> str:
    return _HANDLERS + row.handler
