"""Records survive every codec, and no bytes make the decoder do anything but read or refuse."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from ottla.common.errors import KafkaError
from ottla.records.batch import crc_is_right, parse_header
from ottla.records.record import BatchBuilder, Record, read_records
from ottla.records.validation import Rules, validate

texts = st.none() | st.binary(max_size=200)
headers = st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=20)), max_size=3)
times = st.integers(-1, 1 << 45)


@settings(deadline=None)
@given(
    st.lists(st.tuples(times, texts, texts, headers), min_size=1, max_size=8),
    st.integers(0, 4),
    st.integers(0, 1 << 40),
)
def test_records_come_back_as_they_were(records: list, codec: int, base_offset: int) -> None:  # type: ignore[type-arg]
    builder = BatchBuilder(codec=codec, base_offset=base_offset)
    for record in records:
        builder.append(*record)
    batch = builder.build()
    header = parse_header(batch)
    assert crc_is_right(batch, header.crc)
    assert header.max_timestamp == max(record[0] for record in records)
    got = [record._replace(headers=list(record.headers)) for record in read_records(batch)]
    assert got == [Record(base_offset + index, *record) for index, record in enumerate(records)]


@settings(deadline=None, max_examples=300)
@given(st.data(), st.integers(0, 4))
def test_mutated_batches_are_read_or_refused(data: st.DataObject, codec: int) -> None:
    builder = BatchBuilder(codec=codec)
    for index in range(3):
        builder.append(index, b"key", b"value" * index, [("h", b"x")])
    raw = bytearray(builder.build())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    for read in (
        lambda: read_records(raw, limit_bytes=1 << 20),
        lambda: validate(raw, Rules(compacted=True, decompressed_max_bytes=1 << 20), 1),
    ):
        try:
            read()
        except KafkaError as error:
            assert error.message
