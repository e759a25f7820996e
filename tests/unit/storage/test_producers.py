"""Sequences, epochs and transactions of producers, as Kafka decides them."""

from __future__ import annotations

import pytest

from ottla.common.errors import InvalidProducerEpoch, InvalidTxnState, OutOfOrderSequenceNumber
from ottla.common.errors import TransactionCoordinatorFenced as CoordinatorFenced
from ottla.records.batch import TRANSACTIONAL, BatchHeader, parse_header
from ottla.records.control import Marker, end_marker
from ottla.storage.producer_tally import ProducerTally
from ottla.storage.producers import Producers
from ottla.storage.snapshots import CorruptSnapshot, decode_snapshot, encode_snapshot
from ottla.storage.verifications import MOST


def header(
    sequence: int, count: int = 1, *, epoch: int = 0, producer_id: int = 1, transactional: bool = False
) -> BatchHeader:
    attributes = TRANSACTIONAL if transactional else 0
    return BatchHeader(0, 49, 0, 2, 0, attributes, count - 1, 7, 7, producer_id, epoch, sequence, count)


class Sequence:
    """Appends one batch after the other."""

    def __init__(self) -> None:
        self.producers = Producers()
        self.end = 0

    def append(self, one: BatchHeader) -> int | None:
        """The base offset if it is a retry, None if it was added."""
        duplicate = self.producers.check(one)
        if duplicate is not None:
            return duplicate.base_offset
        self.producers.add(one, self.end)
        self.end += one.record_count
        return None

    def mark(self, *, committed: bool = True, epoch: int = 0, producer_id: int = 1, coordinator_epoch: int = 0) -> None:
        marker = parse_header(
            end_marker(
                producer_id=producer_id, producer_epoch=epoch, committed=committed,
                coordinator_epoch=coordinator_epoch, timestamp=9,
            )
        )  # fmt: skip
        said = Marker(committed, coordinator_epoch, 9)
        self.producers.check_marker(marker, said)
        self.producers.complete(marker, said, self.end)
        self.end += 1


def test_a_retry_of_one_of_the_last_five_batches_gets_its_offset() -> None:
    log = Sequence()
    for number in range(7):
        assert log.append(header(number * 2, 2)) is None
    for number in range(2, 7):
        assert log.append(header(number * 2, 2)) == number * 2
    with pytest.raises(OutOfOrderSequenceNumber):
        log.append(header(2, 2))


@pytest.mark.parametrize("one", [header(9), header(3), header(0, 3), header(4, 1), header(2, 5)], ids=str)
def test_gaps_and_overlaps_are_out_of_order(one: BatchHeader) -> None:
    log = Sequence()
    log.append(header(0, 5))
    with pytest.raises(OutOfOrderSequenceNumber):
        log.append(one)


def test_sequences_wrap_to_zero() -> None:
    log = Sequence()
    log.append(header(0x7FFFFFFE, 2))
    assert log.append(header(0)) is None
    log = Sequence()
    log.append(header(0x7FFFFFFF, 3))
    assert log.append(header(2)) is None


def test_an_unknown_producer_may_begin_anywhere() -> None:
    assert Sequence().append(header(5, epoch=3)) is None


def test_a_higher_epoch_begins_at_zero_and_a_lower_one_is_over() -> None:
    log = Sequence()
    log.append(header(0, 3, epoch=1))
    with pytest.raises(OutOfOrderSequenceNumber):
        log.append(header(3, epoch=2))
    assert log.append(header(0, epoch=2)) is None
    with pytest.raises(InvalidProducerEpoch):
        log.append(header(3, epoch=1))


def test_after_a_marker_with_a_bumped_epoch_sequences_begin_at_zero() -> None:
    log = Sequence()
    log.append(header(0, 3, transactional=True))
    log.mark(epoch=1)
    with pytest.raises(OutOfOrderSequenceNumber):
        log.append(header(3, epoch=1, transactional=True))
    with pytest.raises(InvalidProducerEpoch):
        log.append(header(3, epoch=0, transactional=True))
    assert log.append(header(0, epoch=1, transactional=True)) is None


def test_after_a_marker_of_the_same_epoch_sequences_go_on() -> None:
    log = Sequence()
    log.append(header(0, 3, transactional=True))
    log.mark()
    assert log.append(header(3, transactional=True)) is None


def test_no_producer_begins_below_the_epoch_that_stands_for_none() -> None:
    log = Sequence()
    with pytest.raises(InvalidProducerEpoch):
        log.append(header(0, epoch=-2))
    assert log.append(header(0, epoch=-1)) is None


def test_a_transaction_takes_transactional_batches_only() -> None:
    log = Sequence()
    log.append(header(0, transactional=True))
    with pytest.raises(InvalidTxnState, match=f"^{InvalidTxnState.sentence}$"):  # clients are told no other
        log.append(header(1))


def test_the_first_unstable_offset_is_that_of_the_earliest_open_transaction() -> None:
    log = Sequence()
    log.append(header(0, producer_id=1, transactional=True))
    log.append(header(0, producer_id=2, transactional=True))
    assert log.producers.first_open == 0
    log.mark(producer_id=1)
    assert log.producers.first_open == 1
    log.mark(producer_id=2)
    assert log.producers.first_open is None


def test_a_marker_counts_once_the_high_watermark_has_passed_it() -> None:
    log = Sequence()
    log.append(header(0, transactional=True))
    log.mark()
    assert log.producers.first_unstable(1) == 0
    assert log.producers.first_unstable(2) is None


def test_markers_of_old_coordinators_and_producers_are_fenced() -> None:
    log = Sequence()
    log.append(header(0, epoch=5, transactional=True))
    log.mark(epoch=5, coordinator_epoch=3)
    with pytest.raises(CoordinatorFenced):
        log.mark(epoch=5, coordinator_epoch=2)
    with pytest.raises(InvalidProducerEpoch):
        log.mark(epoch=4, coordinator_epoch=3)


def test_a_marker_of_tv2_ends_no_transaction_of_its_own_epoch_but_may_be_repeated() -> None:
    log = Sequence()
    log.append(header(0, epoch=5, transactional=True))
    same, bumped = (
        parse_header(end_marker(producer_id=1, producer_epoch=epoch, committed=True, coordinator_epoch=3, timestamp=1))
        for epoch in (5, 6)
    )
    with pytest.raises(InvalidProducerEpoch):
        log.producers.check_marker(same, Marker(True, 3, 1), transaction_version=2)
    log.producers.check_marker(same, Marker(True, 3, 1), transaction_version=1)
    log.mark(epoch=6, coordinator_epoch=3)
    log.producers.check_marker(bumped, Marker(True, 3, 1), transaction_version=2)


def test_idle_producers_are_forgotten_but_not_in_a_transaction() -> None:
    log = Sequence()
    log.append(header(0, producer_id=1))
    log.append(header(0, producer_id=2, transactional=True))
    assert log.producers.expire(7 + 999, 1000) == 0
    assert log.producers.expire(7 + 1000, 1000) == 1
    assert [producer.producer_id for producer in log.producers] == [2]


def test_an_open_transaction_is_not_forgotten_for_room() -> None:
    log = Sequence()
    log.append(header(0, producer_id=1))
    log.append(header(0, producer_id=2, transactional=True))
    assert log.producers.idle_since(1_000) == [7]
    assert log.producers.idle_since(5) == [5]
    assert log.producers.forget_idle(6, 10, 1_000) == 0
    assert log.producers.forget_idle(1_000, 10, 1_000) == 1
    assert [producer.producer_id for producer in log.producers] == [2]


def test_a_tally_asks_once_to_be_counted() -> None:
    asked: list[int] = []
    tally = ProducerTally(100, lambda: asked.append(1))
    tally.add(100)
    assert not asked
    tally.add(1)
    tally.add(50)
    assert len(asked) == 1
    tally.counted(120)  # all with open transactions: nothing could be done
    tally.add(10)
    assert len(asked) == 1
    tally.add(1)
    assert len(asked) == 2
    tally.counted(90)
    tally.add(11)
    assert len(asked) == 3


def test_snapshots_have_the_size_and_bytes_of_kafka() -> None:
    assert encode_snapshot(Producers()).hex() == "000148674bc700000000"
    log = Sequence()
    log.append(header(0, 3, producer_id=4000, epoch=1))
    log.append(header(0, 2, producer_id=5, transactional=True))
    raw = encode_snapshot(log.producers)
    assert len(raw) == 102
    fields = ("0000000000000fa0", "0001", "00000002", "0000000000000002", "00000002", "0000000000000007", "ff" * 12)
    assert raw[10:56].hex() == "".join(fields)


def test_a_snapshot_brings_back_the_last_batch_and_the_open_transaction() -> None:
    log = Sequence()
    log.append(header(0, 3))
    log.append(header(3, 2))
    log.append(header(0, producer_id=2, transactional=True))
    again = Sequence()
    again.producers, again.end = decode_snapshot(encode_snapshot(log.producers)), log.end
    assert again.append(header(3, 2)) == 3
    with pytest.raises(OutOfOrderSequenceNumber):
        again.append(header(0, 3))
    assert again.producers.first_open == 5
    assert again.append(header(5)) is None


def test_a_torn_snapshot_is_refused() -> None:
    raw = encode_snapshot(Producers())
    for broken in (b"", raw[:-1], raw + b"x", b"\x00\x02" + raw[2:], raw[:-1] + b"\x01"):
        with pytest.raises(CorruptSnapshot):
            decode_snapshot(broken)


def test_a_batch_behind_one_that_is_being_verified_may_not_come_first() -> None:
    """The lower one was refused with an error that passes, and the client will repeat it (KIP-890)."""
    log = Sequence()
    first, second = (header(sequence, transactional=True) for sequence in (0, 1))
    log.producers.verifications.begin(first, 100)
    log.producers.verifications.begin(second, 101)
    with pytest.raises(OutOfOrderSequenceNumber, match=r"1 \(incoming seq. number\), 0 \(earliest seen sequence"):
        log.append(second)
    assert log.append(header(5, producer_id=2)) is None, "another producer"
    assert log.append(first) is None
    assert log.append(second) is None
    assert not log.producers.verifications


def test_a_producer_whose_transactions_begin_at_zero_begins_there_whatever_it_writes() -> None:
    """Kafka looks at what was asked of its coordinator last, also for a batch that is in no transaction."""
    log = Sequence()
    log.producers.verifications.begin(header(4, transactional=True), 100, at_zero=True)
    for transactional in (True, False):
        with pytest.raises(OutOfOrderSequenceNumber, match=r"4 \(incoming seq. number\), 0"):
            log.append(header(4, transactional=transactional))
    assert log.append(header(0)) is None
    assert log.append(header(1, transactional=True)) is None
    assert not log.producers.verifications


def test_a_new_epoch_begins_with_a_sequence_of_its_own() -> None:
    log = Sequence()
    log.producers.verifications.begin(header(7, transactional=True), 100)
    log.producers.verifications.begin(header(3, transactional=True), 100)
    with pytest.raises(OutOfOrderSequenceNumber):
        log.producers.check(header(4, transactional=True))
    log.producers.verifications.begin(header(9, epoch=1, transactional=True), 100)
    assert log.producers.check(header(9, epoch=1, transactional=True)) is None


def test_what_is_being_verified_is_forgotten_with_a_marker_with_time_and_for_room() -> None:
    log = Sequence()
    verifications = log.producers.verifications
    verifications.begin(header(0, transactional=True), 100)
    log.mark()
    assert not verifications
    verifications.begin(header(0, transactional=True), 100)
    log.producers.expire(149, 50)
    assert verifications
    log.producers.expire(150, 50)
    assert not verifications
    for producer_id in range(MOST + 1):
        verifications.begin(header(0, producer_id=producer_id, transactional=True), 100)
    verifications.check(header(1, producer_id=0), first=False)
    with pytest.raises(OutOfOrderSequenceNumber):
        verifications.check(header(1, producer_id=1), first=False)
