"""Broker settings about coordinators: groups, offsets, transactions, shares."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable

from ottla.common.settings import BOOLEAN, CLUSTER, INT, INT_MAX, LIST, LONG, SHORT, STRING, Settings, setting


def _any_case(*choices: str) -> Callable[[str, str | None], str | None]:
    """A check: one of these words, in capitals or not."""

    def check(_: str, value: str | None) -> str | None:
        if value is not None and value.upper() in choices:
            return None
        return f"String must be one of (case insensitive): {', '.join(choices)}"

    return check


class GroupBrokerSettings(Settings):
    """What the coordinators obey."""

    # fmt: off
    add_partitions_to_txn_retry_backoff_max_ms: int = setting("add.partitions.to.txn.retry.backoff.max.ms", INT, 100, at_least=0, doc="The longest pause before the server asks the transaction coordinator again to add a partition.")
    add_partitions_to_txn_retry_backoff_ms: int = setting("add.partitions.to.txn.retry.backoff.ms", INT, 20, at_least=1, doc="The first pause before the server asks the transaction coordinator again to add a partition.")
    group_consumer_assignment_interval_ms: int = setting("group.consumer.assignment.interval.ms", INT, 1000, at_least=0, dynamic=CLUSTER, doc="The shortest time between two assignments of a consumer group.")
    group_consumer_assignors: tuple[str, ...] = setting("group.consumer.assignors", LIST, ("uniform", "range"), filled=True, doc="The server's assignors of consumer groups, the default first.")
    group_consumer_heartbeat_interval_ms: int = setting("group.consumer.heartbeat.interval.ms", INT, 5000, at_least=1, doc="How often a member of a consumer group sends a heartbeat.")
    group_consumer_max_assignment_interval_ms: int = setting("group.consumer.max.assignment.interval.ms", INT, 15000, at_least=0, doc="The longest time between assignments that a consumer group may set.")
    group_consumer_max_heartbeat_interval_ms: int = setting("group.consumer.max.heartbeat.interval.ms", INT, 15000, at_least=1, doc="The longest heartbeat interval that a consumer group may set.")
    group_consumer_max_session_timeout_ms: int = setting("group.consumer.max.session.timeout.ms", INT, 60000, at_least=1, doc="The longest session timeout that a consumer group may set.")
    group_consumer_max_size: int = setting("group.consumer.max.size", INT, INT_MAX, at_least=1, doc="The most members of a consumer group.")
    group_consumer_migration_policy: str = setting("group.consumer.migration.policy", STRING, "bidirectional", check=_any_case("DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"), doc="Whether groups may change between the classic and the consumer protocol.")
    group_consumer_min_assignment_interval_ms: int = setting("group.consumer.min.assignment.interval.ms", INT, 0, at_least=0, doc="The shortest time between assignments that a consumer group may set.")
    group_consumer_min_heartbeat_interval_ms: int = setting("group.consumer.min.heartbeat.interval.ms", INT, 5000, at_least=1, doc="The shortest heartbeat interval that a consumer group may set.")
    group_consumer_min_session_timeout_ms: int = setting("group.consumer.min.session.timeout.ms", INT, 45000, at_least=1, doc="The shortest session timeout that a consumer group may set.")
    group_consumer_regex_refresh_interval_ms: int = setting("group.consumer.regex.refresh.interval.ms", INT, 600000, at_least=10000, internal=True, doc="How often the topics that match a group's pattern are looked up again.")
    group_consumer_session_timeout_ms: int = setting("group.consumer.session.timeout.ms", INT, 45000, at_least=1, doc="After how long without a heartbeat a member of a consumer group is removed.")
    group_coordinator_append_linger_ms: int = setting("group.coordinator.append.linger.ms", INT, -1, at_least=-1, doc="How long the group coordinator collects writes; -1 adapts to the load.")
    group_coordinator_background_threads: int = setting("group.coordinator.background.threads", INT, 2, at_least=1, doc="Background threads of Kafka's group coordinator; Ottla has one event loop.")
    group_coordinator_cached_buffer_max_bytes: int = setting("group.coordinator.cached.buffer.max.bytes", INT, 1048588, at_least=524288, dynamic=CLUSTER, doc="The largest write buffer that the group coordinator keeps.")
    group_coordinator_rebalance_protocols: tuple[str, ...] = setting("group.coordinator.rebalance.protocols", LIST, ("classic", "consumer", "streams"), one_of=("consumer", "classic", "share", "streams"), filled=True, doc="The group protocols that clients may use.")
    group_coordinator_threads: int = setting("group.coordinator.threads", INT, 4, at_least=1, doc="Threads of Kafka's group coordinator; Ottla has one event loop.")
    group_initial_rebalance_delay_ms: int = setting("group.initial.rebalance.delay.ms", INT, 3000, doc="How long a new group waits for more members before its first rebalance.")
    group_max_session_timeout_ms: int = setting("group.max.session.timeout.ms", INT, 1800000, doc="The longest session timeout of a classic member.")
    group_max_size: int = setting("group.max.size", INT, INT_MAX, at_least=1, doc="The most members of a classic group.")
    group_min_session_timeout_ms: int = setting("group.min.session.timeout.ms", INT, 6000, doc="The shortest session timeout of a classic member.")
    group_share_assignment_interval_ms: int = setting("group.share.assignment.interval.ms", INT, 1000, at_least=0, dynamic=CLUSTER, doc="The shortest time between two assignments of a share group.")
    group_share_assignors: tuple[str, ...] = setting("group.share.assignors", LIST, ("simple",), filled=True, doc="The server's assignors of share groups, the default first.")
    group_share_delivery_count_limit: int = setting("group.share.delivery.count.limit", INT, 5, at_least=2, at_most=10, doc="How often a record is delivered to a share group before it is given up.")
    group_share_heartbeat_interval_ms: int = setting("group.share.heartbeat.interval.ms", INT, 5000, at_least=1, doc="How often a member of a share group sends a heartbeat.")
    group_share_initialize_retry_interval_ms: int = setting("group.share.initialize.retry.interval.ms", INT, 30000, at_least=1, internal=True, doc="How often the initialisation of a share partition is tried again.")
    group_share_max_assignment_interval_ms: int = setting("group.share.max.assignment.interval.ms", INT, 15000, at_least=0, doc="The longest time between assignments that a share group may set.")
    group_share_max_delivery_count_limit: int = setting("group.share.max.delivery.count.limit", INT, 10, at_least=5, at_most=25, doc="The highest delivery count limit that a group may set.")
    group_share_max_heartbeat_interval_ms: int = setting("group.share.max.heartbeat.interval.ms", INT, 15000, at_least=1, doc="The longest heartbeat interval that a share group may set.")
    group_share_max_partition_max_record_locks: int = setting("group.share.max.partition.max.record.locks", INT, 4000, at_least=2000, at_most=10000, doc="The highest limit on records in flight that a group may set.")
    group_share_max_record_lock_duration_ms: int = setting("group.share.max.record.lock.duration.ms", INT, 60000, at_least=30000, at_most=3600000, doc="The longest lock on a record that a group may set.")
    group_share_max_session_timeout_ms: int = setting("group.share.max.session.timeout.ms", INT, 60000, at_least=1, doc="The longest session timeout that a share group may set.")
    group_share_max_share_sessions: int = setting("group.share.max.share.sessions", INT, 2000, at_least=1, doc="How many share sessions the broker keeps.")
    group_share_max_size: int = setting("group.share.max.size", INT, 200, at_least=1, at_most=1000, doc="The most members of a share group.")
    group_share_min_assignment_interval_ms: int = setting("group.share.min.assignment.interval.ms", INT, 0, at_least=0, doc="The shortest time between assignments that a share group may set.")
    group_share_min_delivery_count_limit: int = setting("group.share.min.delivery.count.limit", INT, 2, at_least=2, at_most=5, doc="The lowest delivery count limit that a group may set.")
    group_share_min_heartbeat_interval_ms: int = setting("group.share.min.heartbeat.interval.ms", INT, 5000, at_least=1, doc="The shortest heartbeat interval that a share group may set.")
    group_share_min_partition_max_record_locks: int = setting("group.share.min.partition.max.record.locks", INT, 100, at_least=100, at_most=2000, doc="The lowest limit on records in flight that a group may set.")
    group_share_min_record_lock_duration_ms: int = setting("group.share.min.record.lock.duration.ms", INT, 15000, at_least=1000, at_most=30000, doc="The shortest lock on a record that a group may set.")
    group_share_min_session_timeout_ms: int = setting("group.share.min.session.timeout.ms", INT, 45000, at_least=1, doc="The shortest session timeout that a share group may set.")
    group_share_partition_max_record_locks: int = setting("group.share.partition.max.record.locks", INT, 2000, at_least=100, at_most=10000, doc="How many records of a partition may be in flight in a share group.")
    group_share_persister_class_name: str = setting("group.share.persister.class.name", STRING, "org.apache.kafka.server.share.persister.DefaultStatePersister", internal=True, doc="The Java class that keeps share state.")
    group_share_record_lock_duration_ms: int = setting("group.share.record.lock.duration.ms", INT, 30000, at_least=1000, at_most=3600000, doc="How long a member of a share group holds a record.")
    group_share_session_timeout_ms: int = setting("group.share.session.timeout.ms", INT, 45000, at_least=1, doc="After how long without a heartbeat a member of a share group is removed.")
    group_streams_assignment_interval_ms: int = setting("group.streams.assignment.interval.ms", INT, 1000, at_least=0, dynamic=CLUSTER, doc="The shortest time between two assignments of a streams group.")
    group_streams_heartbeat_interval_ms: int = setting("group.streams.heartbeat.interval.ms", INT, 5000, at_least=1, doc="How often a member of a streams group sends a heartbeat.")
    group_streams_initial_rebalance_delay_ms: int = setting("group.streams.initial.rebalance.delay.ms", INT, 3000, at_least=0, doc="How long a new streams group waits for more members.")
    group_streams_max_assignment_interval_ms: int = setting("group.streams.max.assignment.interval.ms", INT, 15000, at_least=0, doc="The longest time between assignments that a streams group may set.")
    group_streams_max_heartbeat_interval_ms: int = setting("group.streams.max.heartbeat.interval.ms", INT, 15000, at_least=1, doc="The longest heartbeat interval that a streams group may set.")
    group_streams_max_session_timeout_ms: int = setting("group.streams.max.session.timeout.ms", INT, 60000, at_least=1, doc="The longest session timeout that a streams group may set.")
    group_streams_max_size: int = setting("group.streams.max.size", INT, INT_MAX, at_least=1, doc="The most members of a streams group.")
    group_streams_max_standby_replicas: int = setting("group.streams.max.standby.replicas", INT, 2, at_least=0, doc="The most standby replicas that a streams group may ask for.")
    group_streams_min_assignment_interval_ms: int = setting("group.streams.min.assignment.interval.ms", INT, 0, at_least=0, doc="The shortest time between assignments that a streams group may set.")
    group_streams_min_heartbeat_interval_ms: int = setting("group.streams.min.heartbeat.interval.ms", INT, 5000, at_least=1, doc="The shortest heartbeat interval that a streams group may set.")
    group_streams_min_session_timeout_ms: int = setting("group.streams.min.session.timeout.ms", INT, 45000, at_least=1, doc="The shortest session timeout that a streams group may set.")
    group_streams_num_standby_replicas: int = setting("group.streams.num.standby.replicas", INT, 0, at_least=0, doc="The standby replicas of each task of a streams group.")
    group_streams_session_timeout_ms: int = setting("group.streams.session.timeout.ms", INT, 45000, at_least=1, doc="After how long without a heartbeat a member of a streams group is removed.")
    offset_metadata_max_bytes: int = setting("offset.metadata.max.bytes", INT, 4096, doc="The largest text that may go with a committed offset.")
    offsets_commit_timeout_ms: int = setting("offsets.commit.timeout.ms", INT, 5000, at_least=1, doc="How long an offset commit waits for the replicas.")
    offsets_load_buffer_size: int = setting("offsets.load.buffer.size", INT, 5242880, at_least=1, doc="Bytes that are read at once when offsets are loaded.")
    offsets_retention_check_interval_ms: int = setting("offsets.retention.check.interval.ms", LONG, 600000, at_least=1, doc="How often expired offsets are looked for.")
    offsets_retention_minutes: int = setting("offsets.retention.minutes", INT, 10080, at_least=1, doc="How long the offsets of an empty group are kept.")
    offsets_topic_compression_codec: int = setting("offsets.topic.compression.codec", INT, 0, doc="The codec of the topic of offsets, by its number.")
    offsets_topic_num_partitions: int = setting("offsets.topic.num.partitions", INT, 50, at_least=1, doc="The number of partitions of the topic of offsets; never change it later.")
    offsets_topic_replication_factor: int = setting("offsets.topic.replication.factor", SHORT, 3, at_least=1, doc="The number of replicas of the topic of offsets.")
    offsets_topic_segment_bytes: int = setting("offsets.topic.segment.bytes", INT, 104857600, at_least=1, doc="The size of a segment of the topic of offsets.")
    share_coordinator_append_linger_ms: int = setting("share.coordinator.append.linger.ms", INT, -1, at_least=-1, doc="How long the share coordinator collects writes; -1 adapts to the load.")
    share_coordinator_cached_buffer_max_bytes: int = setting("share.coordinator.cached.buffer.max.bytes", INT, 1048588, at_least=524288, dynamic=CLUSTER, doc="The largest write buffer that the share coordinator keeps.")
    share_coordinator_cold_partition_snapshot_interval_ms: int = setting("share.coordinator.cold.partition.snapshot.interval.ms", INT, 300000, at_least=1, internal=True, doc="How often the state of a quiet share partition is written whole.")
    share_coordinator_load_buffer_size: int = setting("share.coordinator.load.buffer.size", INT, 5242880, at_least=1, doc="Bytes that are read at once when share state is loaded.")
    share_coordinator_snapshot_update_records_per_snapshot: int = setting("share.coordinator.snapshot.update.records.per.snapshot", INT, 500, at_least=0, at_most=500, doc="After how many changes the share coordinator writes a whole state.")
    share_coordinator_state_topic_compression_codec: int = setting("share.coordinator.state.topic.compression.codec", INT, 0, doc="The codec of the topic of share state, by its number.")
    share_coordinator_state_topic_min_isr: int = setting("share.coordinator.state.topic.min.isr", SHORT, 2, at_least=1, doc="The min.insync.replicas of the topic of share state.")
    share_coordinator_state_topic_num_partitions: int = setting("share.coordinator.state.topic.num.partitions", INT, 50, at_least=1, doc="The number of partitions of the topic of share state; never change it later.")
    share_coordinator_state_topic_prune_interval_ms: int = setting("share.coordinator.state.topic.prune.interval.ms", INT, 300000, at_least=1, internal=True, doc="How often the topic of share state is cut.")
    share_coordinator_state_topic_replication_factor: int = setting("share.coordinator.state.topic.replication.factor", SHORT, 3, at_least=1, doc="The number of replicas of the topic of share state.")
    share_coordinator_state_topic_segment_bytes: int = setting("share.coordinator.state.topic.segment.bytes", INT, 104857600, at_least=1, doc="The size of a segment of the topic of share state.")
    share_coordinator_threads: int = setting("share.coordinator.threads", INT, 1, at_least=1, doc="Threads of Kafka's share coordinator; Ottla has one event loop.")
    share_coordinator_write_timeout_ms: int = setting("share.coordinator.write.timeout.ms", INT, 5000, at_least=1, doc="How long a write of share state waits for the replicas.")
    share_fetch_purgatory_purge_interval_requests: int = setting("share.fetch.purgatory.purge.interval.requests", INT, 1000, doc="After how many finished requests waiting share fetches are tidied up in Kafka.")
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = setting("transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, 10000, at_least=1, doc="How often transactions past their time are aborted.")
    transaction_max_timeout_ms: int = setting("transaction.max.timeout.ms", INT, 900000, at_least=1, doc="The longest transaction timeout that a producer may ask for.")
    transaction_partition_verification_enable: bool = setting("transaction.partition.verification.enable", BOOLEAN, True, dynamic=CLUSTER, doc="Whether a leader asks the coordinator if a partition belongs to the transaction.")
    transaction_remove_expired_transaction_cleanup_interval_ms: int = setting("transaction.remove.expired.transaction.cleanup.interval.ms", INT, 3600000, at_least=1, doc="How often forgotten transactional ids are removed.")
    transaction_state_log_load_buffer_size: int = setting("transaction.state.log.load.buffer.size", INT, 5242880, at_least=1, doc="Bytes that are read at once when transactions are loaded.")
    transaction_state_log_min_isr: int = setting("transaction.state.log.min.isr", INT, 2, at_least=1, doc="The min.insync.replicas of the topic of transactions.")
    transaction_state_log_num_partitions: int = setting("transaction.state.log.num.partitions", INT, 50, at_least=1, doc="The number of partitions of the topic of transactions; never change it later.")
    transaction_state_log_replication_factor: int = setting("transaction.state.log.replication.factor", SHORT, 3, at_least=1, doc="The number of replicas of the topic of transactions.")
    transaction_state_log_segment_bytes: int = setting("transaction.state.log.segment.bytes", INT, 104857600, at_least=1, doc="The size of a segment of the topic of transactions.")
    transaction_two_phase_commit_enable: bool = setting("transaction.two.phase.commit.enable", BOOLEAN, False, doc="Whether producers may take part in two-phase commits.")
    transactional_id_expiration_ms: int = setting("transactional.id.expiration.ms", INT, 604800000, at_least=1, doc="How long a transactional id without a transaction is remembered.")
    # fmt: on
