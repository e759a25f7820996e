"""Broker settings about topics and their logs: Kafka's, with its defaults."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

from ottla.common.settings import (
    BOOLEAN,
    CLASS,
    CLUSTER,
    DOUBLE,
    DOUBLE_MAX,
    INT,
    LIST,
    LONG,
    LONG_MAX,
    PER_BROKER,
    STRING,
    Settings,
    setting,
)


def not_empty(_: str, value: str | None) -> str | None:
    """A check: the text may be absent, not empty."""
    return "String must be non-empty" if value is not None and not value.strip() else None


class LogBrokerSettings(Settings):
    """Defaults of topics, and how logs are looked after."""

    # fmt: off
    alter_config_policy_class_name: str | None = setting("alter.config.policy.class.name", CLASS, None, doc="A Java policy class for config changes; kept for compatibility, without effect.")
    auto_create_topics_enable: bool = setting("auto.create.topics.enable", BOOLEAN, True, doc="Whether a metadata request for an unknown topic creates it.")
    compression_gzip_level: int = setting("compression.gzip.level", INT, -1, at_least=1, at_most=9, also=-1, dynamic=CLUSTER, doc="The gzip level where the broker compresses; -1 is the codec's own default.")
    compression_lz4_level: int = setting("compression.lz4.level", INT, 9, at_least=1, at_most=17, dynamic=CLUSTER, doc="The lz4 level where the broker compresses.")
    compression_type: str = setting("compression.type", STRING, "producer", one_of=("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), dynamic=CLUSTER, doc="The codec of topics that choose none; 'producer' keeps what the producer chose.")
    compression_zstd_level: int = setting("compression.zstd.level", INT, 3, at_least=-131072, at_most=22, dynamic=CLUSTER, doc="The zstd level where the broker compresses.")
    cordoned_log_dirs: tuple[str, ...] = setting("cordoned.log.dirs", LIST, (), dynamic=PER_BROKER, doc="Log directories that get no new replicas; * is all of them.")
    create_topic_policy_class_name: str | None = setting("create.topic.policy.class.name", CLASS, None, doc="A Java policy class for new topics; kept for compatibility, without effect.")
    default_replication_factor: int = setting("default.replication.factor", INT, 1, doc="The number of replicas of topics that are created without one.")
    delete_topic_enable: bool = setting("delete.topic.enable", BOOLEAN, True, doc="Whether topics can be deleted.")
    log_cleaner_backoff_ms: int = setting("log.cleaner.backoff.ms", LONG, 15000, at_least=0, dynamic=CLUSTER, doc="The pause of compaction when there is nothing to compact.")
    log_cleaner_dedupe_buffer_size: int = setting("log.cleaner.dedupe.buffer.size", LONG, 134217728, dynamic=CLUSTER, doc="Memory of compaction for the newest offset of each key, in bytes.")
    log_cleaner_delete_retention_ms: int = setting("log.cleaner.delete.retention.ms", LONG, 86400000, at_least=0, dynamic=CLUSTER, doc="How long compacted topics keep tombstones and transaction markers.")
    log_cleaner_enable: bool = setting("log.cleaner.enable", BOOLEAN, True, doc="Whether compaction runs; switching it off is obsolete.")
    log_cleaner_io_buffer_load_factor: float = setting("log.cleaner.io.buffer.load.factor", DOUBLE, 0.9, dynamic=CLUSTER, doc="How full compaction's memory may get.")
    log_cleaner_io_buffer_size: int = setting("log.cleaner.io.buffer.size", INT, 524288, at_least=0, dynamic=CLUSTER, doc="Bytes of input and output buffers of compaction.")
    log_cleaner_io_max_bytes_per_second: float = setting("log.cleaner.io.max.bytes.per.second", DOUBLE, DOUBLE_MAX, dynamic=CLUSTER, doc="The most that compaction reads and writes in a second.")
    log_cleaner_max_compaction_lag_ms: int = setting("log.cleaner.max.compaction.lag.ms", LONG, LONG_MAX, at_least=1, dynamic=CLUSTER, doc="The longest time a record of a compacted topic may wait for compaction.")
    log_cleaner_min_cleanable_ratio: float = setting("log.cleaner.min.cleanable.ratio", DOUBLE, 0.5, at_least=0, at_most=1, dynamic=CLUSTER, doc="The share of uncompacted bytes from which a log is worth compacting.")
    log_cleaner_min_compaction_lag_ms: int = setting("log.cleaner.min.compaction.lag.ms", LONG, 0, at_least=0, dynamic=CLUSTER, doc="The time for which a record is safe from compaction.")
    log_cleaner_threads: int = setting("log.cleaner.threads", INT, 1, at_least=0, dynamic=CLUSTER, doc="How many compactions run side by side.")
    log_cleanup_policy: tuple[str, ...] = setting("log.cleanup.policy", LIST, ("delete",), one_of=("compact", "delete"), dynamic=CLUSTER, doc="Whether old records are deleted, compacted by key, both, or neither.")
    log_dir: tuple[str, ...] = setting("log.dir", LIST, ("/tmp/kafka-logs",), filled=True, doc="The directory of the data, if log.dirs is not set.")
    log_dir_failure_timeout_ms: int = setting("log.dir.failure.timeout.ms", LONG, 30000, at_least=1, doc="How long a broker with a failed directory may wait for the controller before it stops.")
    log_dirs: tuple[str, ...] | None = setting("log.dirs", LIST, None, filled=True, doc="The directories of the data.")
    log_flush_interval_messages: int = setting("log.flush.interval.messages", LONG, LONG_MAX, at_least=1, dynamic=CLUSTER, doc="After how many records a log is synced to disk; 1 makes every acknowledgement durable.")
    log_flush_interval_ms: int | None = setting("log.flush.interval.ms", LONG, None, dynamic=CLUSTER, doc="After what time unsynced records are synced to disk.")
    log_flush_offset_checkpoint_interval_ms: int = setting("log.flush.offset.checkpoint.interval.ms", INT, 60000, at_least=0, doc="How often the recovery points are written down.")
    log_flush_scheduler_interval_ms: int = setting("log.flush.scheduler.interval.ms", LONG, LONG_MAX, doc="How often it is checked whether a log has to be synced.")
    log_flush_start_offset_checkpoint_interval_ms: int = setting("log.flush.start.offset.checkpoint.interval.ms", INT, 60000, at_least=0, doc="How often the start offsets of logs are written down.")
    log_index_interval_bytes: int = setting("log.index.interval.bytes", INT, 4096, at_least=0, dynamic=CLUSTER, doc="Bytes of log between two entries of the offset index.")
    log_index_size_max_bytes: int = setting("log.index.size.max.bytes", INT, 10485760, at_least=4, dynamic=CLUSTER, doc="The largest size of an index file.")
    log_initial_task_delay_ms: int = setting("log.initial.task.delay.ms", LONG, 30000, at_least=0, internal=True, doc="How long after the start the periodic work on logs begins.")
    log_local_retention_bytes: int = setting("log.local.retention.bytes", LONG, -2, at_least=-2, dynamic=CLUSTER, doc="Bytes of a tiered partition kept on the local disk; -2 follows log.retention.bytes.")
    log_local_retention_ms: int = setting("log.local.retention.ms", LONG, -2, at_least=-2, dynamic=CLUSTER, doc="Age up to which a tiered partition stays on the local disk; -2 follows log.retention.ms.")
    log_message_timestamp_after_max_ms: int = setting("log.message.timestamp.after.max.ms", LONG, 3600000, at_least=0, dynamic=CLUSTER, doc="How far a record's own timestamp may lie ahead of the broker's clock.")
    log_message_timestamp_before_max_ms: int = setting("log.message.timestamp.before.max.ms", LONG, LONG_MAX, at_least=0, dynamic=CLUSTER, doc="How far a record's own timestamp may lie behind the broker's clock.")
    log_message_timestamp_type: str = setting("log.message.timestamp.type", STRING, "CreateTime", one_of=("CreateTime", "LogAppendTime"), dynamic=CLUSTER, doc="Whether a record carries the producer's time or the time of the append.")
    log_preallocate: bool = setting("log.preallocate", BOOLEAN, False, dynamic=CLUSTER, doc="Whether a new segment's file gets its full size at once.")
    log_retention_bytes: int = setting("log.retention.bytes", LONG, -1, dynamic=CLUSTER, doc="How large a partition may grow before its oldest segments are deleted; -1 is without limit.")
    log_retention_check_interval_ms: int = setting("log.retention.check.interval.ms", LONG, 300000, at_least=1, doc="How often it is checked whether segments have to be deleted.")
    log_retention_hours: int = setting("log.retention.hours", INT, 168, doc="The age at which records are deleted, in hours.")
    log_retention_minutes: int | None = setting("log.retention.minutes", INT, None, doc="The age at which records are deleted, in minutes; stronger than hours.")
    log_retention_ms: int | None = setting("log.retention.ms", LONG, None, dynamic=CLUSTER, doc="The age at which records are deleted; stronger than minutes and hours; -1 keeps them for ever.")
    log_roll_hours: int = setting("log.roll.hours", INT, 168, at_least=1, doc="The age at which a segment is rolled, in hours.")
    log_roll_jitter_hours: int = setting("log.roll.jitter.hours", INT, 0, at_least=0, doc="At most by how many hours the roll time is shortened at random.")
    log_roll_jitter_ms: int | None = setting("log.roll.jitter.ms", LONG, None, dynamic=CLUSTER, doc="At most by how much the roll time is shortened at random; stronger than hours.")
    log_roll_ms: int | None = setting("log.roll.ms", LONG, None, dynamic=CLUSTER, doc="The age at which a segment is rolled; stronger than hours.")
    log_segment_bytes: int = setting("log.segment.bytes", INT, 1073741824, at_least=1048576, dynamic=CLUSTER, doc="The size at which a segment is rolled.")
    log_segment_delete_delay_ms: int = setting("log.segment.delete.delay.ms", LONG, 60000, at_least=0, dynamic=CLUSTER, doc="How long a deleted segment's file stays on disk.")
    message_max_bytes: int = setting("message.max.bytes", INT, 1048588, at_least=0, dynamic=CLUSTER, doc="The largest record batch that is accepted.")
    min_insync_replicas: int = setting("min.insync.replicas", INT, 1, at_least=1, dynamic=CLUSTER, doc="How many replicas must hold a record before acks=all is answered.")
    num_partitions: int = setting("num.partitions", INT, 1, at_least=1, doc="The number of partitions of topics that are created without one.")
    num_recovery_threads_per_data_dir: int = setting("num.recovery.threads.per.data.dir", INT, 2, at_least=1, dynamic=CLUSTER, doc="How many logs of a directory are recovered side by side.")
    producer_id_expiration_check_interval_ms: int = setting("producer.id.expiration.check.interval.ms", INT, 600000, at_least=1, internal=True, doc="How often silent producers are looked for.")
    producer_id_expiration_ms: int = setting("producer.id.expiration.ms", INT, 86400000, at_least=1, dynamic=CLUSTER, doc="How long a partition remembers a producer that has become silent.")
    remote_fetch_max_wait_ms: int = setting("remote.fetch.max.wait.ms", INT, 500, at_least=1, dynamic=CLUSTER, doc="How long a fetch waits for remote storage.")
    remote_list_offsets_request_timeout_ms: int = setting("remote.list.offsets.request.timeout.ms", LONG, 30000, at_least=1, dynamic=CLUSTER, doc="How long ListOffsets waits for remote storage.")
    remote_log_index_file_cache_total_size_bytes: int = setting("remote.log.index.file.cache.total.size.bytes", LONG, 1073741824, at_least=1, dynamic=CLUSTER, doc="Bytes of remote indexes kept on the local disk.")
    remote_log_index_file_cache_ttl_ms: int = setting("remote.log.index.file.cache.ttl.ms", LONG, 900000, at_least=-1, internal=True, doc="How long a remote index that nobody uses stays on the local disk.")
    remote_log_manager_copier_thread_pool_size: int = setting("remote.log.manager.copier.thread.pool.size", INT, 10, at_least=1, dynamic=CLUSTER, doc="How many copies to remote storage run side by side.")
    remote_log_manager_copy_max_bytes_per_second: int = setting("remote.log.manager.copy.max.bytes.per.second", LONG, LONG_MAX, at_least=1, dynamic=CLUSTER, doc="The most that is copied to remote storage in a second.")
    remote_log_manager_copy_quota_window_num: int = setting("remote.log.manager.copy.quota.window.num", INT, 11, at_least=1, doc="How many samples the quota on copies to remote storage remembers.")
    remote_log_manager_copy_quota_window_size_seconds: int = setting("remote.log.manager.copy.quota.window.size.seconds", INT, 1, at_least=1, doc="The length of one sample of the quota on copies to remote storage.")
    remote_log_manager_expiration_thread_pool_size: int = setting("remote.log.manager.expiration.thread.pool.size", INT, 10, at_least=1, dynamic=CLUSTER, doc="How many deletions in remote storage run side by side.")
    remote_log_manager_fetch_max_bytes_per_second: int = setting("remote.log.manager.fetch.max.bytes.per.second", LONG, LONG_MAX, at_least=1, dynamic=CLUSTER, doc="The most that is fetched from remote storage in a second.")
    remote_log_manager_fetch_quota_window_num: int = setting("remote.log.manager.fetch.quota.window.num", INT, 11, at_least=1, doc="How many samples the quota on remote fetches remembers.")
    remote_log_manager_fetch_quota_window_size_seconds: int = setting("remote.log.manager.fetch.quota.window.size.seconds", INT, 1, at_least=1, doc="The length of one sample of the quota on remote fetches.")
    remote_log_manager_follower_thread_pool_size: int = setting("remote.log.manager.follower.thread.pool.size", INT, 2, at_least=1, dynamic=CLUSTER, doc="How many followers look after remote storage side by side.")
    remote_log_manager_task_interval_ms: int = setting("remote.log.manager.task.interval.ms", LONG, 30000, at_least=1, doc="How often remote storage is looked after.")
    remote_log_manager_task_retry_backoff_max_ms: int = setting("remote.log.manager.task.retry.backoff.max.ms", LONG, 30000, at_least=1, internal=True, doc="The longest pause before work on remote storage is tried again.")
    remote_log_manager_task_retry_backoff_ms: int = setting("remote.log.manager.task.retry.backoff.ms", LONG, 500, at_least=1, internal=True, doc="The first pause before work on remote storage is tried again.")
    remote_log_manager_task_retry_jitter: float = setting("remote.log.manager.task.retry.jitter", DOUBLE, 0.2, at_least=0, at_most=0.5, internal=True, doc="By which share that pause varies at random.")
    remote_log_manager_thread_pool_size: int = setting("remote.log.manager.thread.pool.size", INT, 2, at_least=1, doc="How many tasks of remote storage run side by side.")
    remote_log_metadata_custom_metadata_max_bytes: int = setting("remote.log.metadata.custom.metadata.max.bytes", INT, 128, at_least=0, doc="The largest metadata that a remote storage plug-in may add to a segment.")
    remote_log_metadata_manager_class_name: str = setting("remote.log.metadata.manager.class.name", STRING, "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", check=not_empty, doc="The Java class that keeps the metadata of remote segments.")
    remote_log_metadata_manager_class_path: str | None = setting("remote.log.metadata.manager.class.path", STRING, None, doc="Where that class is found.")
    remote_log_metadata_manager_impl_prefix: str = setting("remote.log.metadata.manager.impl.prefix", STRING, "rlmm.config.", check=not_empty, doc="What the names of its own settings begin with.")
    remote_log_metadata_manager_listener_name: str | None = setting("remote.log.metadata.manager.listener.name", STRING, None, check=not_empty, doc="The listener it uses to reach the brokers.")
    remote_log_reader_max_pending_tasks: int = setting("remote.log.reader.max.pending.tasks", INT, 100, at_least=1, doc="How many reads of remote storage may wait.")
    remote_log_reader_threads: int = setting("remote.log.reader.threads", INT, 10, at_least=1, dynamic=CLUSTER, doc="How many reads of remote storage run side by side.")
    remote_log_storage_manager_class_name: str | None = setting("remote.log.storage.manager.class.name", STRING, None, check=not_empty, doc="The Java class that talks to remote storage.")
    remote_log_storage_manager_class_path: str | None = setting("remote.log.storage.manager.class.path", STRING, None, doc="Where that class is found.")
    remote_log_storage_manager_impl_prefix: str = setting("remote.log.storage.manager.impl.prefix", STRING, "rsm.config.", check=not_empty, doc="What the names of its own settings begin with.")
    remote_log_storage_system_enable: bool = setting("remote.log.storage.system.enable", BOOLEAN, False, doc="Whether topics may use remote storage.")
    unclean_leader_election_enable: bool = setting("unclean.leader.election.enable", BOOLEAN, False, dynamic=CLUSTER, doc="Whether a replica that may miss acknowledged records can become leader.")
    # fmt: on
