"""From a topic's settings to what validation needs of them."""

from __future__ import annotations

from ottla.records.compression import GZIP, LZ4, NAMES, ZSTD
from ottla.records.opening import limit_bytes
from ottla.records.validation import Rules
from ottla.storage.settings import TopicSettings


def rules_of(settings: TopicSettings, topic_partition: str, validate_records: bool) -> Rules:
    codec = None if settings.compression_type == "producer" else NAMES[settings.compression_type]
    levels = {
        GZIP: settings.compression_gzip_level,
        LZ4: settings.compression_lz4_level,
        ZSTD: settings.compression_zstd_level,
    }
    return Rules(
        max_bytes=settings.max_message_bytes,
        segment_bytes=settings.roll_bytes,
        log_append_time=settings.message_timestamp_type == "LogAppendTime",
        before_max_ms=settings.message_timestamp_before_max_ms,
        after_max_ms=settings.message_timestamp_after_max_ms,
        compacted=settings.compacts,
        codec=codec,
        level=None if codec is None else levels.get(codec),
        validate_records=validate_records,
        decompressed_max_bytes=limit_bytes(settings.max_message_bytes),
        topic_partition=topic_partition,
    )
