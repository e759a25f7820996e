"""What a broker checks before it appends a producer's batch, in Kafka's order, and what it changes in it.

Ordinary topics: header, CRC and codec id; the records stay closed. They are opened where a rule is about single
records: compacted topics (each needs a key), recompression, topics with a limit of times of their own, headers whose
times lie outside the limits or contradict themselves, and all of them with `validate_records`. A batch that is opened
gets what Kafka derives from its records. Producer epochs and sequences are checked later, by the log that knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from ottla.common.errors import (
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    KafkaError,
    MessageTooLarge,
    RecordListTooLarge,
    UnsupportedCompressionType,
)
from ottla.records.batch import (
    CODEC_MASK,
    CONTROL,
    CRC_FROM,
    HEAD_BYTES,
    HEADER,
    HEADER_BYTES,
    LENGTH_AT,
    LOG_APPEND_TIME,
    MAGIC,
    MINIMUM_LENGTH,
    NO_TIMESTAMP,
    OFFSET_AND_LENGTH,
    TRANSACTIONAL,
    BatchHeader,
    Buffer,
    crc32c,
    sealed_middle,
)
from ottla.records.compression import NONE, ZSTD, compress
from ottla.records.opening import (
    AT_ONCE_BYTES,
    AT_ONCE_RECORDS,
    Steps,
    Survey,
    inflate,
    renumbered,
    run_here,
    sizes,
    survey,
)

_UP_TO_MAGIC = 17
LOW_ATTRIBUTES_AT = 22
"""The low byte of a batch's attributes."""
_LEGACY_MINIMUM_LENGTH = 14
_ZSTD_SINCE_PRODUCE = 7
_SHOWN_ERRORS = 3
SHOWN_RECORD_ERRORS = 1000
"""Kafka names every record that is at fault, up to a million in one answer; the first thousand say as much."""
_INT64_END = 1 << 63
_UNLIMITED_MS = _INT64_END - 1
_AFTER_MAX_MS = 3_600_000
"""Kafka's default: most topics have it, so there only the header is asked."""

Error = TypeVar("Error", bound=KafkaError)

_new = tuple.__new__
_unpack = HEADER.unpack_from


class Rules:
    """The topic's settings, as validation needs them. Sizes are bytes, times ms; made once per change of settings."""

    __slots__ = (
        "after_max_ms", "before_max_ms", "codec", "compacted", "decompressed_max_bytes", "level", "log_append_time",
        "max_bytes", "opens_records", "segment_bytes", "topic_partition", "validate_records",
    )  # fmt: skip

    def __init__(
        self,
        *,
        max_bytes: int = 1048588,
        segment_bytes: int = 1 << 30,
        log_append_time: bool = False,
        before_max_ms: int = _UNLIMITED_MS,
        after_max_ms: int = _AFTER_MAX_MS,
        compacted: bool = False,
        codec: int | None = None,
        level: int | None = None,
        validate_records: bool = False,
        decompressed_max_bytes: int = 1 << 28,
        topic_partition: str = "",
    ) -> None:
        self.max_bytes = max_bytes
        self.segment_bytes = segment_bytes
        self.log_append_time = log_append_time
        self.before_max_ms = before_max_ms
        self.after_max_ms = after_max_ms
        self.compacted = compacted
        self.codec = codec
        """The codec to store with; None keeps the producer's."""
        self.level = level
        self.validate_records = validate_records
        self.decompressed_max_bytes = decompressed_max_bytes
        self.topic_partition = topic_partition
        limits_times = before_max_ms != _UNLIMITED_MS or after_max_ms not in (_AFTER_MAX_MS, _UNLIMITED_MS)
        self.opens_records = compacted or validate_records or (limits_times and not log_append_time)


class Validated(NamedTuple):
    """A batch that may be appended once it has offsets."""

    header: BatchHeader
    """As it will be stored, but for base offset and leader epoch."""
    tail: Sequence[Buffer]
    """The bytes from the 17th on; views of the caller's buffer where nothing had to change."""


class OpensSlowly(Exception):
    """The batch must be opened, and is too large for that to be done in one turn of the loop: see `open_steps`."""


def open_steps(batch: Buffer, rules: Rules, now_ms: int, produce_version: int = 13) -> Steps[Validated]:
    """What `validate` does, in steps, for a batch that it raised OpensSlowly for. `batch` must outlive them."""
    try:
        return validate(batch, rules, now_ms, produce_version)
    except OpensSlowly:
        header = _new(BatchHeader, _unpack(batch))
    return (yield from _closer_steps(memoryview(batch)[: header.size_bytes], header, rules, now_ms))


def validate(batch: Buffer | None, rules: Rules, now_ms: int, produce_version: int = 13) -> Validated:
    """Checks a client's records for one partition: exactly one batch v2.

    Raises InvalidRecord, UnsupportedCompressionType, MessageTooLarge, CorruptMessage, RecordListTooLarge or
    InvalidTimestamp; with `record_errors` where single records are at fault. Never changes `batch`.
    Raises OpensSlowly for a batch that takes too long to open here.
    """
    if batch is None or len(batch) < HEADER_BYTES:
        raise _not_one_batch(b"" if batch is None else batch)
    header = _new(BatchHeader, _unpack(batch))  # `_make` is a call in Python
    _, length, _, magic, crc, attributes, last_delta, base_timestamp, max_timestamp, producer_id, _, sequence, count = (
        header
    )
    end = length + LENGTH_AT
    if magic != MAGIC or length < MINIMUM_LENGTH or end != len(batch):
        _check_single(batch, header)
        if length < MINIMUM_LENGTH:
            raise CorruptMessage(
                f"Record batch is corrupted (the size {end} is smaller than the minimum allowed overhead "
                f"{HEADER_BYTES})"
            )
    codec = attributes & CODEC_MASK
    if codec == ZSTD and produce_version < _ZSTD_SINCE_PRODUCE:
        raise UnsupportedCompressionType(f"Produce requests with version {produce_version} may not use zstd")
    if header[0] != 0:
        raise _lying(header, rules)
    if end > rules.max_bytes:
        raise _too_large(end, rules)
    view = memoryview(batch)
    if crc32c(view[CRC_FROM:end]) != crc:
        raise CorruptMessage(f"Record is corrupt (stored crc = {crc})")
    if end > rules.segment_bytes:
        raise RecordListTooLarge(
            f"Message batch size is {end} bytes in append to partition {rules.topic_partition} which exceeds the "
            f"maximum configured segment size of {rules.segment_bytes} bytes"
        )
    if codec > ZSTD:
        raise CorruptMessage(f"Unknown compression type id: {codec}")
    if count <= 0 or last_delta != count - 1 or attributes & CONTROL or (producer_id != -1 and sequence < 0):
        raise _lying(header, rules)
    if (
        rules.opens_records
        or rules.log_append_time
        or attributes & LOG_APPEND_TIME
        or max_timestamp > now_ms + rules.after_max_ms
        or base_timestamp < now_ms - rules.before_max_ms
        or (base_timestamp != max_timestamp and (base_timestamp > max_timestamp or count == 1))  # contradicts itself
        or (rules.codec is not None and rules.codec != codec)
    ):
        return _look_closer(view[:end], header, rules, now_ms)
    return _new(Validated, (header, (view[HEAD_BYTES:end],)))


def peek_transactional(records: Buffer | None) -> bool:
    """Whether the first batch is part of a transaction; all that a request is asked before anything else.

    Raises CorruptMessage for a length or magic that no batch has: Kafka stumbles over it there. What is no whole batch
    is none.
    """
    if records is None or len(records) < LENGTH_AT:
        return False
    _, length = OFFSET_AND_LENGTH.unpack_from(records)
    if length < _LEGACY_MINIMUM_LENGTH:
        raise _too_short(length)
    if len(records) < _UP_TO_MAGIC:
        return False
    magic = (records[_UP_TO_MAGIC - 1] ^ 0x80) - 0x80  # a signed byte
    if not 0 <= magic <= MAGIC:
        raise CorruptMessage(f"Invalid magic found in record: {magic}")
    if magic < MAGIC or length + LENGTH_AT > len(records):
        return False
    return bool(records[LOW_ATTRIBUTES_AT] & TRANSACTIONAL)


def outline_error(batch: Buffer | None, produce_version: int = 13) -> KafkaError | None:
    """What is wrong before anybody asks which log it is for; None for exactly one batch v2. Kafka finds it first."""
    try:
        if batch is None or len(batch) < HEADER_BYTES:
            raise _not_one_batch(b"" if batch is None else batch)
        header = BatchHeader._make(_unpack(batch))
        if header.magic != MAGIC or header.size_bytes != len(batch):
            _check_single(batch, header)
        if header.codec == ZSTD and produce_version < _ZSTD_SINCE_PRODUCE:
            raise UnsupportedCompressionType
    except KafkaError as error:
        return error
    return None


def _check_single(batch: Buffer, header: BatchHeader) -> None:
    """Something is odd about the outline: the error that Kafka gives, or none for a harmless rest after the batch."""
    size = header.length + LENGTH_AT
    if header.length < _LEGACY_MINIMUM_LENGTH:
        raise _too_short(header.length)
    if not 0 <= header.magic <= MAGIC:
        raise CorruptMessage(f"Invalid magic found in record: {header.magic}")
    if size > len(batch):
        raise _not_one_batch(batch)
    if header.magic != MAGIC:
        raise InvalidRecord("Produce requests may only contain record batches with magic version 2")
    rest = len(batch) - size
    if rest >= _UP_TO_MAGIC:
        _, next_length = OFFSET_AND_LENGTH.unpack_from(batch, size)
        if next_length < _LEGACY_MINIMUM_LENGTH:
            raise _too_short(next_length)
        if rest >= next_length + LENGTH_AT:
            raise InvalidRecord("Produce requests must have exactly one record batch per partition")


def _too_short(length: int) -> CorruptMessage:
    return CorruptMessage(f"Record size {length} is less than the minimum record overhead ({_LEGACY_MINIMUM_LENGTH})")


def _not_one_batch(batch: Buffer) -> KafkaError:
    if len(batch) > _UP_TO_MAGIC - 1:
        magic, length = batch[_UP_TO_MAGIC - 1], OFFSET_AND_LENGTH.unpack_from(batch)[1]
        if magic > MAGIC:
            return CorruptMessage(f"Invalid magic found in record: {magic}")
        if length < _LEGACY_MINIMUM_LENGTH:
            return _too_short(length)
        if length + LENGTH_AT <= len(batch) and magic < MAGIC:
            return InvalidRecord("Produce requests may only contain record batches with magic version 2")
    return InvalidRecord("Produce requests must have exactly one record batch per partition")


def _too_large(size: int, rules: Rules) -> MessageTooLarge:
    return MessageTooLarge(
        f"The record batch size in the append to {rules.topic_partition} is {size} bytes which exceeds the maximum "
        f"configured value of {rules.max_bytes}."
    )


def _lying(header: BatchHeader, rules: Rules) -> InvalidRecord:
    where = f"in the batch for {rules.topic_partition}"
    if header.base_offset != 0:
        return InvalidRecord(
            f"The baseOffset of the record batch in the append to {rules.topic_partition} should be 0, but it is "
            f"{header.base_offset}"
        )
    if header.last_offset_delta < 0:
        return InvalidRecord(f"the range of offsets {where} is negative")
    if header.record_count <= 0:
        return InvalidRecord(f"the record count {header.record_count} {where} is not positive")
    if header.last_offset_delta != header.record_count - 1:
        return InvalidRecord(
            f"{header.record_count} records {where} do not fit its range of {header.last_offset_delta + 1} offsets"
        )
    if header.is_control:
        return InvalidRecord("Clients are not allowed to write control records.")
    return InvalidRecord(
        f"Invalid sequence number {header.base_sequence} in record batch with producerId {header.producer_id}"
    )


def _look_closer(batch: memoryview, header: BatchHeader, rules: Rules, now_ms: int) -> Validated:
    """A small batch is opened at once, as any other is only stamped. Raises OpensSlowly for a large one."""
    if not _opens(header, rules, now_ms):
        return run_here(_closer_steps(batch, header, rules, now_ms))
    if header.record_count > AT_ONCE_RECORDS or len(batch) > AT_ONCE_BYTES:
        raise OpensSlowly
    steps = _closer_steps(batch, header, rules, now_ms)
    try:
        while True:
            if next(steps) is not None:  # it inflates to much, or deflates from it
                raise OpensSlowly
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _opens(header: BatchHeader, rules: Rules, now_ms: int) -> bool:
    if rules.opens_records or _contradicts_itself(header) or _is_stamped(header, rules):
        return True
    return _is_untimely(header, rules, now_ms) or rules.codec not in (None, header.codec)


def _contradicts_itself(header: BatchHeader) -> bool:
    """The largest time is below the first, or one record has two: some clients never set it, so the records say it."""
    base, largest = header.base_timestamp, header.max_timestamp
    return base > largest or (base != largest and header.record_count == 1)


def _is_stamped(header: BatchHeader, rules: Rules) -> bool:
    """By the producer, with a time that the broker should give: Kafka refuses each of the records."""
    if not header.attributes & LOG_APPEND_TIME:
        return False
    return rules.log_append_time or header.max_timestamp == NO_TIMESTAMP


def _is_untimely(header: BatchHeader, rules: Rules, now_ms: int) -> bool:
    late = header.max_timestamp > now_ms + rules.after_max_ms
    early = header.base_timestamp < now_ms - rules.before_max_ms and header.max_timestamp != NO_TIMESTAMP
    return not rules.log_append_time and (late or early)


def _closer_steps(batch: memoryview, header: BatchHeader, rules: Rules, now_ms: int) -> Steps[Validated]:
    """Opens the records where a rule asks for it, and changes codec or time stamps where the topic does."""
    codec = header.attributes & CODEC_MASK
    target = codec if rules.codec is None else rules.codec
    stored: Buffer = batch[HEADER_BYTES:]
    largest = header.max_timestamp
    plain: bytes | None = None
    repacks = target != codec
    if _opens(header, rules, now_ms):
        plain = yield from inflate(codec, stored, rules.decompressed_max_bytes)
        found = yield from _look_at_records(header, plain, rules, now_ms)
        largest = found.largest_timestamp
        if found.misplaced and repacks:
            plain = yield from renumbered(header.record_count, plain)
        elif found.misplaced and codec != NONE:  # Kafka fails on these, and without compression leaves them alone
            raise InvalidRecord("record {} has the offset delta {}".format(*found.misplaced))
    stamped = header
    if rules.log_append_time:
        stamped = header._replace(attributes=header.attributes | LOG_APPEND_TIME, max_timestamp=now_ms)
    elif header.attributes & LOG_APPEND_TIME:  # the topic decides, not the producer
        stamped = header._replace(attributes=header.attributes & ~LOG_APPEND_TIME, max_timestamp=largest)
    elif largest != header.max_timestamp:  # the header said otherwise; whoever looks for times goes by it
        stamped = header._replace(max_timestamp=largest)
    if repacks:
        assert plain is not None
        packed = partial(compress, target, plain, rules.level)
        stored = memoryview((yield packed) if len(plain) > AT_ONCE_BYTES else packed())
        stamped = stamped._replace(
            attributes=stamped.attributes & ~CODEC_MASK | target, length=MINIMUM_LENGTH + len(stored)
        )
        if stamped.size_bytes > rules.max_bytes:
            raise _too_large(stamped.size_bytes, rules)
    if stamped is header:
        return Validated(header, (batch[HEAD_BYTES:],))
    middle, crc = sealed_middle(stamped, stored)
    return Validated(stamped._replace(crc=crc), (middle, stored))


def _look_at_records(header: BatchHeader, plain: bytes, rules: Rules, now_ms: int) -> Steps[Survey]:
    """What the records say. Raises what single records are refused for."""
    earliest, latest = now_ms - rules.before_max_ms, now_ms + rules.after_max_ms
    check_times = not rules.log_append_time
    try:
        found = yield from survey(
            header,
            plain,
            keys=rules.compacted,
            earliest=earliest if check_times else -_INT64_END,
            latest=latest if check_times else _INT64_END,
        )
    except CorruptMessage as error:
        raise InvalidRecord(error.message) from None
    if found.keyless or found.untimely:
        raise _refused_records(found, rules, earliest, latest)
    if _is_stamped(header, rules):
        raise _stamped_records(header, plain)
    return found


def _stamped_records(header: BatchHeader, plain: bytes) -> KafkaError:
    """Names the first 1,000 records, as Kafka prints those whose time the producer had no business to set."""
    opened = header.codec != NONE
    kind = "PartialDefaultRecord" if opened else "DefaultRecord"
    least = -1 if opened else 0
    errors = [
        (
            index,
            f"Invalid timestamp type in message {kind}(offset={header.base_offset + offset}, "
            f"timestamp={header.max_timestamp}, key={max(key_bytes, least)} bytes, "
            f"value={max(value_bytes, least)} bytes). Producer should not set timestamp type to LogAppendTime.",
        )
        for index, (offset, key_bytes, value_bytes) in enumerate(
            sizes(min(header.record_count, SHOWN_RECORD_ERRORS), plain)
        )
    ]
    return _with_records(InvalidTimestamp("One or more records have been rejected due to invalid timestamp"), errors)


def _refused_records(found: Survey, rules: Rules, earliest: int, latest: int) -> KafkaError:
    """Names the first 1,000 records at fault; the message counts all."""
    no_key = f"Compacted topic cannot accept message without key in topic partition {rules.topic_partition}"
    errors = [(index, no_key) for index in found.keyless]
    errors += [
        (
            index,
            f"Timestamp {timestamp} of message with offset {offset} is out of range. "
            f"The timestamp should be within [{earliest}, {latest}]",
        )
        for index, offset, timestamp in found.untimely
    ]
    errors = sorted(errors)[:SHOWN_RECORD_ERRORS]
    if not found.keyless or (found.untimely and found.untimely[0][0] < found.keyless[0]):
        return _with_records(
            InvalidTimestamp("One or more records have been rejected due to invalid timestamp"), errors
        )
    shown = ", ".join(f"RecordError(batchIndex={index}, message='{text}')" for index, text in errors[:_SHOWN_ERRORS])
    count = found.keyless_count + found.untimely_count
    return _with_records(
        InvalidRecord(
            f"One or more records have been rejected due to {count} record errors in total, and only showing "
            f"the first three errors at most: [{shown}]"
        ),
        errors,
    )


def _with_records(error: Error, record_errors: Sequence[tuple[int, str]]) -> Error:
    error.record_errors = record_errors
    return error
