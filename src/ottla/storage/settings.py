"""The settings of a topic: Kafka's 33, with the broker settings that give their defaults."""

# A table: one setting is one line, however long its sentence.
# ruff: noqa: E501
from __future__ import annotations

from ottla.common.errors import InvalidConfig
from ottla.common.settings import BOOLEAN, DOUBLE, INT, LIST, LONG, LONG_MAX, STRING, Setting, Settings, Value, setting

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MIB, GIB = 1 << 20, 1 << 30

COMPRESSION_TYPES = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
_REPLICAS_FORM = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."


def _throttled_replicas(name: str, value: tuple[str, ...]) -> str | None:
    if value in ((), ("*",)) or all(_is_replica(item) for item in value):
        return None
    return f"{name} must be the literal '*' or a list of replicas in the following format: {_REPLICAS_FORM}"


def _is_replica(item: str) -> bool:
    partition, colon, broker = item.partition(":")
    return bool(colon) and partition.isdigit() and broker.isdigit()


class TopicSettings(Settings):
    """How one topic keeps its records. An instance is the effective view: overrides over the broker's defaults.

    Sizes are bytes, times are ms. `-1` in a retention means without limit; `-2` in a local one means "as the other".
    """

    noun = "topic config name"

    # fmt: off
    cleanup_policy: tuple[str, ...] = setting("cleanup.policy", LIST, ("delete",), one_of=("compact", "delete"), synonyms=("log.cleanup.policy",), doc="Whether old records are deleted by age and size, compacted by key, both, or neither.")
    compression_gzip_level: int = setting("compression.gzip.level", INT, -1, at_least=1, at_most=9, also=-1, synonyms=("compression.gzip.level",), doc="The gzip level where the broker compresses; -1 is the codec's own default.")
    compression_lz4_level: int = setting("compression.lz4.level", INT, 9, at_least=1, at_most=17, synonyms=("compression.lz4.level",), doc="The lz4 level where the broker compresses.")
    compression_type: str = setting("compression.type", STRING, "producer", one_of=COMPRESSION_TYPES, synonyms=("compression.type",), doc="The codec batches are stored with; 'producer' keeps what the producer chose.")
    compression_zstd_level: int = setting("compression.zstd.level", INT, 3, at_least=-131072, at_most=22, synonyms=("compression.zstd.level",), doc="The zstd level where the broker compresses.")
    delete_retention_ms: int = setting("delete.retention.ms", LONG, DAY_MS, at_least=0, synonyms=("log.cleaner.delete.retention.ms",), doc="How long a compacted topic keeps tombstones and transaction markers, so that slow readers see them.")
    file_delete_delay_ms: int = setting("file.delete.delay.ms", LONG, MINUTE_MS, at_least=0, synonyms=("log.segment.delete.delay.ms",), doc="How long a deleted segment's file stays on disk.")
    flush_messages: int = setting("flush.messages", LONG, LONG_MAX, at_least=1, synonyms=("log.flush.interval.messages",), doc="After how many records the log is synced to disk; 1 makes every acknowledgement durable.")
    flush_ms: int = setting("flush.ms", LONG, LONG_MAX, at_least=0, synonyms=("log.flush.interval.ms", "log.flush.scheduler.interval.ms"), doc="After what time unsynced records are synced to disk.")
    follower_replication_throttled_replicas: tuple[str, ...] = setting("follower.replication.throttled.replicas", LIST, (), check=_throttled_replicas, doc="Follower replicas whose replication is throttled, as partition:broker pairs, or '*'.")
    index_interval_bytes: int = setting("index.interval.bytes", INT, 4096, at_least=0, synonyms=("log.index.interval.bytes",), doc="Bytes of log between two entries of the offset index.")
    leader_replication_throttled_replicas: tuple[str, ...] = setting("leader.replication.throttled.replicas", LIST, (), check=_throttled_replicas, doc="Leader replicas whose replication is throttled, as partition:broker pairs, or '*'.")
    local_retention_bytes: int = setting("local.retention.bytes", LONG, -2, at_least=-2, synonyms=("log.local.retention.bytes",), doc="Bytes of a tiered partition kept on the local disk; -2 follows retention.bytes.")
    local_retention_ms: int = setting("local.retention.ms", LONG, -2, at_least=-2, synonyms=("log.local.retention.ms",), doc="Age up to which a tiered partition stays on the local disk; -2 follows retention.ms.")
    max_compaction_lag_ms: int = setting("max.compaction.lag.ms", LONG, LONG_MAX, at_least=1, synonyms=("log.cleaner.max.compaction.lag.ms",), doc="The longest time a record of a compacted topic may wait for compaction.")
    max_message_bytes: int = setting("max.message.bytes", INT, 1048588, at_least=0, synonyms=("message.max.bytes",), doc="The largest record batch that is accepted.")
    message_timestamp_after_max_ms: int = setting("message.timestamp.after.max.ms", LONG, HOUR_MS, at_least=0, synonyms=("log.message.timestamp.after.max.ms",), doc="How far a record's own timestamp may lie ahead of the broker's clock.")
    message_timestamp_before_max_ms: int = setting("message.timestamp.before.max.ms", LONG, LONG_MAX, at_least=0, synonyms=("log.message.timestamp.before.max.ms",), doc="How far a record's own timestamp may lie behind the broker's clock.")
    message_timestamp_type: str = setting("message.timestamp.type", STRING, "CreateTime", one_of=("CreateTime", "LogAppendTime"), synonyms=("log.message.timestamp.type",), doc="Whether a record carries the producer's time or the time of the append.")
    min_cleanable_dirty_ratio: float = setting("min.cleanable.dirty.ratio", DOUBLE, 0.5, at_least=0, at_most=1, synonyms=("log.cleaner.min.cleanable.ratio",), doc="The share of uncompacted bytes from which a log is worth compacting.")
    min_compaction_lag_ms: int = setting("min.compaction.lag.ms", LONG, 0, at_least=0, synonyms=("log.cleaner.min.compaction.lag.ms",), doc="The time for which a record is safe from compaction.")
    min_insync_replicas: int = setting("min.insync.replicas", INT, 1, at_least=1, synonyms=("min.insync.replicas",), doc="How many replicas must hold a record before acks=all is answered.")
    preallocate: bool = setting("preallocate", BOOLEAN, False, synonyms=("log.preallocate",), doc="Whether a new segment's file gets its full size at once.")
    remote_log_copy_disable: bool = setting("remote.log.copy.disable", BOOLEAN, False, doc="Whether a tiered topic stops copying segments to remote storage.")
    remote_log_delete_on_disable: bool = setting("remote.log.delete.on.disable", BOOLEAN, False, doc="Whether switching tiering off deletes what is in remote storage.")
    remote_storage_enable: bool = setting("remote.storage.enable", BOOLEAN, False, doc="Whether closed segments are copied to remote storage.")
    retention_bytes: int = setting("retention.bytes", LONG, -1, synonyms=("log.retention.bytes",), doc="How large a partition may grow before its oldest segments are deleted; -1 is without limit.")
    retention_ms: int = setting("retention.ms", LONG, 7 * DAY_MS, at_least=-1, synonyms=("log.retention.ms", "log.retention.minutes", "log.retention.hours"), doc="The age at which records are deleted; -1 keeps them for ever.")
    segment_bytes: int = setting("segment.bytes", INT, GIB, at_least=MIB, synonyms=("log.segment.bytes",), doc="The size at which a segment is rolled.")
    segment_index_bytes: int = setting("segment.index.bytes", INT, 10 * MIB, at_least=4, synonyms=("log.index.size.max.bytes",), doc="The largest size of an index file; a full index rolls the segment.")
    segment_jitter_ms: int = setting("segment.jitter.ms", LONG, 0, at_least=0, synonyms=("log.roll.jitter.ms", "log.roll.jitter.hours"), doc="At most by how much the roll time is shortened at random, so that segments do not roll together.")
    segment_ms: int = setting("segment.ms", LONG, 7 * DAY_MS, at_least=1, synonyms=("log.roll.ms", "log.roll.hours"), doc="The age at which a segment is rolled even if it is small.")
    unclean_leader_election_enable: bool = setting("unclean.leader.election.enable", BOOLEAN, False, synonyms=("unclean.leader.election.enable",), doc="Whether a replica that may miss acknowledged records can become leader when no other is left.")
    internal_segment_bytes: int | None = setting("internal.segment.bytes", INT, None, internal=True, doc="Overrides segment.bytes below its minimum, for tests.")
    # fmt: on

    @property
    def deletes(self) -> bool:
        """Old segments are deleted by age and size."""
        return "delete" in self.cleanup_policy

    @property
    def compacts(self) -> bool:
        """Old values of a key are removed."""
        return "compact" in self.cleanup_policy

    @property
    def roll_bytes(self) -> int:
        """The size at which a segment is rolled, the hidden test override included."""
        return self.segment_bytes if self.internal_segment_bytes is None else self.internal_segment_bytes

    def check_together(self) -> None:
        if self.min_compaction_lag_ms > self.max_compaction_lag_ms:
            raise InvalidConfig(
                f"conflict topic config setting min.compaction.lag.ms ({self.min_compaction_lag_ms}) > "
                f"max.compaction.lag.ms ({self.max_compaction_lag_ms})"
            )


_UNIT_MS = {".hours": HOUR_MS, ".minutes": MINUTE_MS}


def topic_value(setting_: Setting, broker_name: str, broker_value: Value) -> Value:
    """A broker setting's value in the unit of the topic setting `setting_` that it is a synonym of (hours to ms)."""
    unit = _UNIT_MS.get(broker_name[broker_name.rfind(".") :], 1) if setting_.name.endswith(".ms") else 1
    if unit == 1 or not isinstance(broker_value, int):
        return broker_value
    return broker_value * unit if broker_value >= 0 else broker_value
