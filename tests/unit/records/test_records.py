"""Records and control batches in Kafka's bytes."""

from __future__ import annotations

import pytest

from ottla.common.errors import CorruptMessage
from ottla.records.batch import batches, last_sequence, parse_header, with_place
from ottla.records.control import Marker, end_marker, read_marker
from ottla.records.record import BatchBuilder, read_all, read_records
from ottla.records.varint import decode_varint, encode_varint


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (-1, "01"),
        (1, "02"),
        (63, "7e"),
        (-64, "7f"),
        (64, "8001"),
        (300, "d804"),
        (-(1 << 63), "ff" * 9 + "01"),
    ],
)
def test_varints_are_zigzag(value: int, encoded: str) -> None:
    assert encode_varint(value).hex() == encoded
    assert decode_varint(bytes.fromhex(encoded), 0) == (value, len(encoded) // 2)


def test_a_varint_without_an_end_is_refused() -> None:
    with pytest.raises(CorruptMessage):
        decode_varint(b"\xff" * 12, 0)


def test_a_marker_has_78_bytes_and_says_what_it_ends() -> None:
    for committed in (True, False):
        marker = end_marker(producer_id=7, producer_epoch=2, committed=committed, coordinator_epoch=5, timestamp=9)
        header = parse_header(marker)
        assert len(marker) == header.size_bytes == 78
        assert (header.producer_id, header.producer_epoch, header.base_sequence) == (7, 2, -1)
        assert header.is_control and header.is_transactional
        assert read_marker(marker) == Marker(committed, 5, 9)


def test_control_batches_are_not_records_for_a_consumer() -> None:
    builder = BatchBuilder(base_offset=5)
    builder.append(1, None, b"a")
    marker = end_marker(producer_id=1, producer_epoch=0, committed=True, coordinator_epoch=0, timestamp=1)
    assert [record.offset for record in read_all(builder.build() + marker)] == [5]


def test_a_partial_batch_at_the_end_is_left_out() -> None:
    builder = BatchBuilder()
    builder.append(1, None, b"a")
    data = builder.build()
    for rest in (b"", data[:5], data[:-1]):
        assert [position for position, _ in batches(data + with_place(data, 1, 0) + rest)] == [0, len(data)]


def test_sequences_wrap_to_zero() -> None:
    assert last_sequence(0x7FFFFFFF, 0) == 0x7FFFFFFF
    assert last_sequence(0x7FFFFFFF, 1) == 0
    assert last_sequence(-1, 5) == -1


def test_records_that_do_not_fill_their_batch_are_refused() -> None:
    builder = BatchBuilder()
    builder.append(1, b"k", b"v", [("h", b"x")])
    data = builder.build()
    for broken in (
        data[:57] + (2).to_bytes(4, "big") + data[61:],  # one record less than announced
        data[:61] + b"\x7e" + data[62:],  # a record longer than the batch
        data[:-2],
    ):
        with pytest.raises(CorruptMessage):
            read_records(broken)
