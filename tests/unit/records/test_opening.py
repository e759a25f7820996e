"""Opening batches within a budget: bounds on records and bytes, and steps between which others run."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ottla.common import errors
from ottla.records.batch import HEADER_BYTES, BatchHeader, assemble, parse_header
from ottla.records.compression import ZSTD
from ottla.records.opening import (
    AT_ONCE_BYTES,
    MOST_RECORDS,
    SLICE_RECORDS,
    Steps,
    first_since,
    inflate,
    limit_bytes,
    run_here,
    survey,
)
from ottla.records.record import BatchBuilder, decode_records, encode_record
from ottla.records.validation import SHOWN_RECORD_ERRORS, OpensSlowly, Rules, open_steps, validate

NOW_MS = 1_700_000_000_000
INT64 = 1 << 63


def dense(count: int, record: bytes | None = None) -> bytes:
    """A batch of many records in a few bytes; more than 100,000 are all equal, their offsets too."""
    if record is None and count <= 100_000:
        plain = b"".join(encode_record(0, index, b"k", b"v") for index in range(count))
    else:
        plain = (record or encode_record(0, 0, b"k", b"v")) * count
    packed = zstandard.ZstdCompressor().compress(plain)
    return assemble(BatchHeader(0, 0, -1, 2, 0, ZSTD, count - 1, NOW_MS, NOW_MS, -1, -1, -1, count), packed)


def pauses(steps: Steps[object]) -> int:
    """How often others may run before it is done."""
    count, answer = 0, None
    try:
        while True:
            call = steps.send(answer)
            answer = None if call is None else call()
            count += 1
    except StopIteration:
        return count


@given(
    st.lists(
        st.tuples(
            st.integers(-1000, 1000),
            st.none() | st.binary(max_size=80),
            st.none() | st.binary(max_size=80),
            st.lists(st.tuples(st.text(max_size=3), st.none() | st.binary(max_size=70)), max_size=3),
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(-1000, 1000),
)
def test_a_survey_and_a_look_for_a_time_say_what_the_records_say(records: list[tuple], since: int) -> None:  # type: ignore[type-arg]
    builder = BatchBuilder(base_offset=7)
    for timestamp, key, value, headers in records:
        builder.append(NOW_MS + timestamp, key, value, headers)
    data = builder.build()
    header, plain = parse_header(data), data[HEADER_BYTES:]
    twin = decode_records(header, plain)
    found = run_here(survey(header, plain, keys=True, earliest=NOW_MS - 500, latest=NOW_MS + 500))
    assert found.largest_timestamp == max(one.timestamp for one in twin)
    assert found.keyless == [index for index, one in enumerate(twin) if one.key is None]
    assert [index for index, _, _ in found.untimely] == [
        index for index, one in enumerate(twin) if one.key is not None and abs(one.timestamp - NOW_MS) > 500
    ]
    first = next(((one.offset, one.timestamp) for one in twin if one.timestamp >= NOW_MS + since), None)
    assert run_here(first_since(header, plain, NOW_MS + since, 0)) == first


@pytest.mark.parametrize("cut", [1, 2, 5, 9])
def test_a_survey_refuses_what_decoding_refuses(cut: int) -> None:
    builder = BatchBuilder()
    builder.append(NOW_MS, b"key", b"value", [("h", b"1")])
    data = builder.build()
    header = parse_header(data)
    for broken in (data[HEADER_BYTES:-cut], data[HEADER_BYTES:] + b"x" * cut):
        with pytest.raises(errors.CorruptMessage):
            decode_records(header, broken)
        with pytest.raises(errors.CorruptMessage):
            run_here(survey(header, broken, keys=False, earliest=-INT64, latest=INT64))


def test_what_a_batch_may_inflate_to_is_in_proportion_to_the_largest_message() -> None:
    assert limit_bytes(1_048_588) == 64 * 1_048_588
    assert limit_bytes(1000) == 1 << 24
    assert limit_bytes(100_000_000) == 1 << 28
    assert limit_bytes(1 << 30) == 1 << 30


def test_a_batch_with_too_many_records_is_refused_where_it_would_be_opened_and_tells_clients_to_split_it() -> None:
    data = dense(MOST_RECORDS + 1)
    validate(data, Rules(), NOW_MS)
    for rules in (Rules(compacted=True), Rules(validate_records=True)):
        with pytest.raises(errors.MessageTooLarge, match="send smaller batches"):
            run_here(open_steps(data, rules, NOW_MS))


def test_a_large_batch_is_opened_in_steps_and_a_small_one_at_once() -> None:
    validate(dense(1000), Rules(compacted=True), NOW_MS)
    data = dense(50_000)
    with pytest.raises(OpensSlowly):
        validate(data, Rules(compacted=True), NOW_MS)
    assert pauses(open_steps(data, Rules(compacted=True), NOW_MS)) >= 50_000 // SLICE_RECORDS


def test_few_records_of_many_bytes_are_inflated_and_deflated_outside_the_turn() -> None:
    data = dense(2, encode_record(0, 0, b"k", bytes(AT_ONCE_BYTES)))
    for rules in (Rules(compacted=True), Rules(codec=1)):
        with pytest.raises(OpensSlowly):
            validate(data, rules, NOW_MS)
    calls = 0
    steps = open_steps(data, Rules(codec=1), NOW_MS)
    answer = None
    with pytest.raises(StopIteration):
        while True:
            call = steps.send(answer)
            answer = None if call is None else call()
            calls += call is not None
    assert calls == 2


def test_one_record_of_many_headers_is_looked_at_in_steps_as_well() -> None:
    builder = BatchBuilder()
    builder.append(NOW_MS, b"k", b"v", [("", None)] * 100_000)
    data = builder.build()
    steps = survey(parse_header(data), data[HEADER_BYTES:], keys=True, earliest=-INT64, latest=INT64)
    assert pauses(steps) >= 100_000 // SLICE_RECORDS


def test_an_answer_names_the_first_thousand_records_at_fault_and_counts_all() -> None:
    data = dense(20_000, encode_record(0, 0, None, b"v"))
    with pytest.raises(errors.InvalidRecord) as caught:
        run_here(open_steps(data, Rules(compacted=True), NOW_MS))
    assert len(caught.value.record_errors) == SHOWN_RECORD_ERRORS
    assert "20000 record errors in total" in caught.value.message


def test_a_bomb_is_not_inflated_past_the_limit() -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(1 << 22))
    with pytest.raises(errors.MessageTooLarge):
        run_here(inflate(ZSTD, packed, (1 << 22) - 1))
    assert len(run_here(inflate(ZSTD, packed, 1 << 22))) == 1 << 22


def test_a_look_for_a_time_stops_at_the_first_record_that_fits() -> None:
    data = dense(500_000)
    header = parse_header(data)
    plain = run_here(inflate(ZSTD, data[HEADER_BYTES:], 1 << 26))
    assert pauses(first_since(header, plain, 5, 0)) == 0
    assert pauses(first_since(header, plain, NOW_MS + 1, 0)) >= 500_000 // SLICE_RECORDS - 1
