"""What a produced batch is refused for, in Kafka's order, and what the broker changes in it."""

from __future__ import annotations

import struct

import pytest

from ottla.common import errors
from ottla.records.batch import (
    CONTROL,
    HEADER_BYTES,
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    Buffer,
    assemble,
    crc32c,
    crc_is_right,
    parse_header,
)
from ottla.records.compression import compress
from ottla.records.record import BatchBuilder, encode_record, read_records
from ottla.records.validation import Rules, Validated, outline_error, peek_transactional, validate

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def batch(*timestamps: int, key: bytes | None = b"k", **fields: int) -> bytes:
    builder = BatchBuilder(**fields)  # type: ignore[arg-type]
    for timestamp in timestamps or (NOW_MS,):
        builder.append(timestamp, key, b"value")
    return builder.build()


def changed(original: bytes, at: int, layout: str, value: int, *, sealed: bool = True) -> bytes:
    """With one field changed, and the CRC made right again if `sealed`."""
    result = bytearray(original)
    struct.pack_into(layout, result, at, value)
    if sealed:
        struct.pack_into(">I", result, 17, crc32c(result[21:]))
    return bytes(result)


def check(data: Buffer | None, *, version: int = 13, **rules: object) -> Validated:
    return validate(data, Rules(**rules), NOW_MS, version)  # type: ignore[arg-type]


def stored(result: Validated) -> bytes:
    """The batch as it would be in the log."""
    return struct.pack(">qii", 0, result.header.length, 0) + b"".join(result.tail)


GOOD = batch(NOW_MS, NOW_MS + 1)


def test_an_ordinary_batch_is_stored_as_it_came() -> None:
    data = bytearray(GOOD)
    result = check(data)
    assert stored(result)[16:] == GOOD[16:]
    assert isinstance(result.tail[0], memoryview) and result.tail[0].obj is data, "the body was copied"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, errors.InvalidRecord),
        (b"", errors.InvalidRecord),
        (GOOD[:40], errors.InvalidRecord),
        (GOOD[:-1], errors.InvalidRecord),
        (GOOD + GOOD, errors.InvalidRecord),
        (changed(GOOD, 16, ">b", 1), errors.InvalidRecord),
        (changed(GOOD, 16, ">b", 3), errors.CorruptMessage),
        (changed(GOOD, 8, ">i", 13), errors.CorruptMessage),
        (changed(GOOD, 8, ">i", 48), errors.CorruptMessage),
        (changed(GOOD, 8, ">i", -5), errors.CorruptMessage),
        (changed(GOOD, 17, ">I", 1, sealed=False), errors.CorruptMessage),
        (changed(GOOD, len(GOOD) - 1, ">b", 7, sealed=False), errors.CorruptMessage),
        (changed(GOOD, 0, ">q", 5), errors.InvalidRecord),
        (changed(GOOD, 23, ">i", 5), errors.InvalidRecord),
        (changed(GOOD, 57, ">i", 0), errors.InvalidRecord),
        (changed(GOOD, 57, ">i", -1), errors.InvalidRecord),
        (changed(GOOD, 21, ">h", CONTROL), errors.InvalidRecord),
        (changed(GOOD, 43, ">q", 7), errors.InvalidRecord),
        (changed(GOOD, 21, ">h", 5), errors.CorruptMessage),
    ],
    ids=[
        "null", "empty", "short header", "cut off", "two batches", "magic 1", "magic 3", "length 13", "length 48",
        "negative length", "CRC", "content", "base offset", "last offset delta", "no records", "negative count",
        "control bit", "no sequence", "codec 5",
    ],
)  # fmt: skip
def test_a_batch_that_is_not_right_is_refused(data: bytes | None, error: type[errors.KafkaError]) -> None:
    with pytest.raises(error) as caught:
        check(data)
    assert type(caught.value) is error


def test_a_rest_smaller_than_a_header_is_ignored() -> None:
    assert stored(check(GOOD + b"rest of 16 bytes"))[16:] == GOOD[16:]
    assert stored(check(GOOD + GOOD[:-1]))[16:] == GOOD[16:]


def test_size_counts_before_the_crc_and_the_segment_after_it() -> None:
    broken = changed(GOOD, 17, ">I", 1, sealed=False)
    with pytest.raises(errors.MessageTooLarge):
        check(broken, max_bytes=len(GOOD) - 1)
    with pytest.raises(errors.CorruptMessage):
        check(broken, segment_bytes=10)
    with pytest.raises(errors.RecordListTooLarge):
        check(GOOD, segment_bytes=len(GOOD) - 1)
    check(GOOD, max_bytes=len(GOOD), segment_bytes=len(GOOD))


def test_zstd_needs_produce_7() -> None:
    data = batch(codec=4)
    check(data, version=7)
    with pytest.raises(errors.UnsupportedCompressionType):
        check(data, version=6)


def test_the_topic_decides_on_the_kind_of_its_times_not_the_producer() -> None:
    stored = check(changed(GOOD, 21, ">h", LOG_APPEND_TIME)).header
    assert not stored.attributes & LOG_APPEND_TIME
    assert stored.max_timestamp == parse_header(GOOD).max_timestamp


@pytest.mark.parametrize("codec", range(5))
def test_a_compacted_topic_needs_keys_and_says_which_lack_one(codec: int) -> None:
    builder = BatchBuilder(codec=codec)
    for key in (b"a", None, b"", None):
        builder.append(NOW_MS, key, b"v")
    with pytest.raises(errors.InvalidRecord) as caught:
        check(builder.build(), compacted=True, topic_partition="t-0")
    text = "Compacted topic cannot accept message without key in topic partition t-0"
    assert list(caught.value.record_errors) == [(1, text), (3, text)]
    shown = ", ".join(f"RecordError(batchIndex={index}, message='{text}')" for index in (1, 3))
    assert caught.value.message.endswith(f": [{shown}]")
    check(batch(codec=codec), compacted=True)


def test_timestamps_have_limits_and_the_answer_names_the_records() -> None:
    late = batch(NOW_MS, NOW_MS + HOUR_MS + 1, NOW_MS + HOUR_MS)
    with pytest.raises(errors.InvalidTimestamp) as caught:
        check(late)
    assert [index for index, _ in caught.value.record_errors] == [1]
    with pytest.raises(errors.InvalidTimestamp) as caught:
        check(batch(NOW_MS - 101, NOW_MS - 100), before_max_ms=100)
    assert [index for index, _ in caught.value.record_errors] == [0]
    for accepted in (-1, 0, -5, NOW_MS + HOUR_MS):
        check(batch(accepted))
    check(batch(-1), before_max_ms=100)  # no timestamp
    check(late, log_append_time=True)


def test_a_largest_timestamp_that_no_record_has_is_put_right() -> None:
    after = stored(check(changed(GOOD, 35, ">q", NOW_MS + 2 * HOUR_MS)))
    assert after[16:] == GOOD[16:]


def test_log_append_time_stamps_the_batch_and_seals_it_again() -> None:
    data = batch(5, 6, codec=1)
    result = check(data, log_append_time=True)
    after = stored(result)
    assert result.header.max_timestamp == NOW_MS and result.header.attributes & LOG_APPEND_TIME
    assert crc_is_right(after, parse_header(after).crc)
    assert after[HEADER_BYTES:] == data[HEADER_BYTES:]
    assert [record.timestamp for record in read_records(after)] == [NOW_MS, NOW_MS]


@pytest.mark.parametrize("source", range(5))
@pytest.mark.parametrize("target", range(5))
def test_a_topic_with_a_codec_recompresses(source: int, target: int) -> None:
    data = batch(NOW_MS, NOW_MS + 5, codec=source, producer_id=9, producer_epoch=1, base_sequence=3)
    after = stored(check(data, codec=target))
    header = parse_header(after)
    assert (header.codec, header.size_bytes) == (target, len(after))
    assert crc_is_right(after, header.crc)
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (9, 1, 3)
    assert read_records(after) == read_records(data)
    assert source != target or after[16:] == data[16:]


def test_a_batch_may_not_grow_past_the_limit_by_recompression() -> None:
    builder = BatchBuilder(codec=4)
    builder.append(NOW_MS, b"k", bytes(10_000))
    with pytest.raises(errors.MessageTooLarge):
        check(builder.build(), codec=0, max_bytes=5000)


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    builder = BatchBuilder(codec=1)
    builder.append(NOW_MS, b"k", bytes(1_000_000))
    with pytest.raises(errors.MessageTooLarge):
        check(builder.build(), codec=0, max_bytes=2_000_000, decompressed_max_bytes=100_000)


def test_a_batch_whose_inside_lies_is_refused_only_where_records_are_looked_into() -> None:
    lying = changed(changed(GOOD, 57, ">i", 3), 23, ">i", 2)
    check(lying)
    for rules in ({"validate_records": True}, {"compacted": True}):
        with pytest.raises(errors.InvalidRecord):
            check(lying, **rules)


@pytest.mark.parametrize("codec", range(5))
@pytest.mark.parametrize("limit", [{"before_max_ms": 100}, {"after_max_ms": 100}])
def test_a_topic_with_a_limit_of_times_looks_at_each_record(limit: dict[str, int], codec: int) -> None:
    """An honest header: the record that is too early, or too late, is neither the first nor the largest it tells."""
    for bad in (NOW_MS - 101,) if "before_max_ms" in limit else (NOW_MS + 101,):
        data = batch(NOW_MS, bad, NOW_MS + 50, codec=codec)
        lying = changed(data, 35, ">q", NOW_MS + 50)
        with pytest.raises(errors.InvalidTimestamp) as caught:
            check(lying, **limit)
        assert [index for index, _ in caught.value.record_errors] == [1]
        check(lying, log_append_time=True, **limit)


@pytest.mark.parametrize("limit", [{}, {"before_max_ms": (1 << 63) - 1}, {"after_max_ms": (1 << 63) - 1}])
def test_a_topic_without_a_limit_of_its_own_keeps_batches_closed(limit: dict[str, int]) -> None:
    assert not Rules(**limit).opens_records


@pytest.mark.parametrize("largest_ms", [-1, 0, NOW_MS - 1, NOW_MS + 1, NOW_MS + HOUR_MS])
def test_the_time_of_a_single_record_is_the_largest_whatever_the_header_says(largest_ms: int) -> None:
    assert check(changed(batch(NOW_MS), 35, ">q", largest_ms)).header.max_timestamp == NOW_MS


@pytest.mark.parametrize("largest_ms", [-(1 << 63), -1, 0, NOW_MS - 1])
def test_a_largest_time_below_the_first_is_taken_from_the_records(largest_ms: int) -> None:
    assert check(changed(GOOD, 35, ">q", largest_ms)).header.max_timestamp == NOW_MS + 1


@pytest.mark.parametrize("codec", range(5))
def test_a_batch_that_is_opened_for_another_reason_gets_its_largest_time_as_well(codec: int) -> None:
    lying = changed(batch(NOW_MS, NOW_MS + 9, codec=codec), 35, ">q", NOW_MS + 5)
    for rules in ({"compacted": True}, {"validate_records": True}, {"codec": (codec + 1) % 5}, {"before_max_ms": 99}):
        assert check(lying, **rules).header.max_timestamp == NOW_MS + 9, rules
    assert check(lying).header.max_timestamp == NOW_MS + 5, "a plausible header is believed: the records stay closed"


def stamped(data: bytes) -> bytes:
    attributes = parse_header(data).attributes | LOG_APPEND_TIME
    return changed(data, 21, ">h", attributes)


@pytest.mark.parametrize("codec", range(5))
def test_a_producer_may_not_stamp_what_the_topic_stamps(codec: int) -> None:
    builder = BatchBuilder(codec=codec)
    builder.append(NOW_MS, b"key", b"v")
    builder.append(NOW_MS, None, None)
    data = stamped(builder.build())
    kind, none = ("PartialDefaultRecord", -1) if codec else ("DefaultRecord", 0)
    with pytest.raises(errors.InvalidTimestamp) as caught:
        check(data, log_append_time=True)
    ending = "Producer should not set timestamp type to LogAppendTime."
    assert list(caught.value.record_errors) == [
        (index, f"Invalid timestamp type in message {kind}(offset={index}, timestamp={NOW_MS}, {size}). {ending}")
        for index, size in enumerate(("key=3 bytes, value=1 bytes", f"key={none} bytes, value={none} bytes"))
    ]
    check(data)  # a topic of the producer's times takes the bit off


def test_a_producer_may_not_stamp_records_without_a_time() -> None:
    with pytest.raises(errors.InvalidTimestamp):
        check(stamped(batch(-1)))


def misplaced(codec: int, *deltas: int) -> bytes:
    payload = b"".join(encode_record(0, delta, b"k", b"%d" % place) for place, delta in enumerate(deltas))
    header = parse_header(batch(*(NOW_MS for _ in deltas), codec=codec))
    return assemble(header, compress(codec, payload))


@pytest.mark.parametrize("rules", [{"compacted": True}, {"validate_records": True}])
@pytest.mark.parametrize("deltas", [(1, 0), (0, 0), (0, 5), (-1, 0)])
def test_offsets_within_a_batch_stay_as_they_came_without_compression_and_are_refused_with_it(
    deltas: tuple[int, ...], rules: dict[str, bool]
) -> None:
    data = misplaced(0, *deltas)
    assert stored(check(data, **rules))[16:] == data[16:]
    for codec in (1, 2, 3, 4):
        with pytest.raises(errors.InvalidRecord, match="has the offset delta"):
            check(misplaced(codec, *deltas), **rules)


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0), (3, 4), (4, 2)])
def test_offsets_within_a_batch_are_counted_anew_where_it_is_recompressed(source: int, target: int) -> None:
    after = stored(check(misplaced(source, 3, 3, 200), codec=target))
    found = read_records(after)
    assert [(record.offset, record.value) for record in found] == [(0, b"0"), (1, b"1"), (2, b"2")]


def test_the_first_look_at_a_request_stumbles_over_lengths_and_magics_that_no_batch_has() -> None:
    for at, layout, value in ((8, ">i", -1), (8, ">i", 13), (16, ">b", 3), (16, ">b", -1)):
        with pytest.raises(errors.CorruptMessage):
            peek_transactional(changed(GOOD, at, layout, value, sealed=False))
    transactional = changed(GOOD, 21, ">h", TRANSACTIONAL)
    assert peek_transactional(transactional) and not peek_transactional(GOOD)
    for whole in (None, b"", GOOD[:10], transactional[:30], changed(transactional, 16, ">b", 1)):
        assert not peek_transactional(whole)
    assert peek_transactional(changed(transactional, 8, ">i", 14)), "its outline is looked at later"


def test_a_header_that_is_shorter_than_a_header_is_no_matter_of_the_outline() -> None:
    short = changed(GOOD, 8, ">i", len(GOOD) - 12 - 5)
    assert outline_error(short) is None
    base_and_crc = changed(changed(GOOD, 0, ">q", 5), 17, ">I", 7, sealed=False)
    with pytest.raises(errors.InvalidRecord):
        check(base_and_crc, max_bytes=len(GOOD) - 1)  # before its size and its CRC
    with pytest.raises(errors.CorruptMessage, match="compression"):
        check(changed(changed(GOOD, 57, ">i", 9), 21, ">h", 6))
