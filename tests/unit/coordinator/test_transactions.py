"""The transaction coordinator: every row of Kafka's rules about transactional ids, partitions and outcomes."""

from __future__ import annotations

import pytest

from ottla.coordinator.transaction.transaction import COMPLETE, IDLE, NEXT, PREPARED, State
from ottla.protocol.logs.transaction_state import TransactionLogValue
from tests.unit.coordinator.transaction_bench import FIRST_ID, ID, A, B, Bench

CONCURRENT, FENCED, NO_MAPPING, BAD_STATE, ABORTABLE = 51, 90, 49, 48, 120
LAST = 32766
"""The last epoch that a producer may have."""


# --- InitProducerId


def test_a_new_id_begins_at_epoch_0_and_each_init_bumps_it() -> None:
    bench = Bench()
    assert [bench.init() for _ in range(3)] == [(FIRST_ID, 0), (FIRST_ID, 1), (FIRST_ID, 2)]
    assert bench.init("other") == (FIRST_ID + 1, 0)


def test_a_producer_that_goes_on_after_an_error_gets_the_next_epoch_and_a_repetition_the_same() -> None:
    bench = Bench()
    first = bench.init()
    assert bench.init(known=first) == (FIRST_ID, 1)
    assert bench.init(known=first) == (FIRST_ID, 1), "the answer to the first try was lost"
    assert bench.init(known=(FIRST_ID, 1)) == (FIRST_ID, 2)
    assert bench.init(known=first) == FENCED
    assert bench.init(known=(FIRST_ID, 3)) == FENCED
    assert bench.init(known=(77, 2)) == FENCED


def test_who_comes_without_a_past_fences_whoever_continues() -> None:
    bench = Bench()
    first = bench.init()
    assert bench.init() == (FIRST_ID, 1)
    assert bench.init(known=first) == FENCED


def test_an_open_transaction_is_aborted_first_and_the_producer_comes_again() -> None:
    bench = Bench()
    first = bench.init()
    bench.add(first, A)
    assert bench.init() == CONCURRENT
    assert bench.state() is State.PREPARE_ABORT
    assert bench.init() == CONCURRENT, "the markers are not written yet"
    (marker,) = bench.deliver()
    assert (marker.committed, marker.epoch, marker.partitions) == (False, 1, (A,))
    assert bench.init() == (FIRST_ID, 2)


@pytest.mark.parametrize(("level", "answer"), [(2, (FIRST_ID, 1)), (1, FENCED)])
def test_the_fenced_producer_itself_may_go_on_where_tv2_knows_its_epoch(level: int, answer: object) -> None:
    bench = Bench(level)
    first = bench.init()
    bench.add(first, A, tv=0)
    assert bench.init(known=first) == CONCURRENT
    (marker,) = bench.deliver()
    assert (marker.epoch, marker.transaction_version) == (1, 2 if level == 2 else 0)
    assert bench.init(known=first) == answer


def test_an_exhausted_epoch_gives_a_new_producer_id() -> None:
    bench = Bench()
    last = bench.at_epoch(LAST)
    assert bench.init() == (FIRST_ID + 1, 0)
    assert bench.value().previous_producer_id == last[0]
    assert bench.init() == (FIRST_ID + 1, 1)


def test_the_repetition_of_an_init_that_changed_the_producer_id_gets_the_new_one() -> None:
    bench = Bench()
    last = bench.at_epoch(LAST)
    assert bench.init(known=last) == (FIRST_ID + 1, 0)
    assert bench.init(known=last) == (FIRST_ID + 1, 0)


@pytest.mark.parametrize(("level", "after"), [(1, (FIRST_ID, LAST + 1)), (2, (FIRST_ID + 1, 0))])
def test_a_fence_uses_the_one_epoch_that_no_producer_may_have(level: int, after: tuple[int, int]) -> None:
    bench = Bench(level)
    last = bench.at_epoch(LAST)
    bench.add(last, A)
    assert bench.init() == CONCURRENT
    (marker,) = bench.deliver()
    assert (marker.producer_id, marker.epoch) == (FIRST_ID, LAST + 1)
    assert bench.value().identity == after
    assert bench.init() == ((FIRST_ID + 1, 0) if level == 1 else (FIRST_ID + 1, 1))


def test_a_timeout_at_the_last_epoch_leaves_the_new_id_to_the_next_init() -> None:
    bench = Bench()
    bench.add(bench.at_epoch(LAST), A)
    bench.now_ms += 60_001
    bench.run(bench.machine.abort_timed_out(bench.now_ms))
    bench.deliver()
    assert bench.value().identity == (FIRST_ID, LAST + 1)
    assert bench.init() == (FIRST_ID + 1, 0)


# --- partitions


def test_the_first_partitions_begin_a_transaction_and_known_ones_write_nothing() -> None:
    bench = Bench()
    who = bench.init()
    assert bench.add(who, A) == 0
    assert (bench.state(), bench.value().start_ms) == (State.ONGOING, bench.now_ms)
    started, written = bench.now_ms, len(bench.log)
    bench.now_ms += 5
    assert bench.add(who, A) == 0
    assert len(bench.log) == written
    assert bench.add(who, A, B) == 0
    assert (bench.value().partitions, bench.value().start_ms) == ((A, B), started)
    assert bench.value().updated_ms == bench.now_ms


@pytest.mark.parametrize(
    ("who", "code"),
    [((FIRST_ID, 1), FENCED), ((FIRST_ID, -1), FENCED), ((77, 0), NO_MAPPING)],
    ids=["newer-epoch", "older-epoch", "another-id"],
)
def test_only_the_present_producer_may_add_verify_or_end(who: tuple[int, int], code: int) -> None:
    bench = Bench()
    bench.add(bench.init(), A)
    assert bench.add(who, B) == code
    assert bench.verify(who, A) == code
    assert bench.end(who) == code
    assert bench.end(who, tv=0) == code
    assert (bench.state(), bench.value().partitions) == (State.ONGOING, (A,))


def test_nobody_knows_a_stranger() -> None:
    bench = Bench()
    for ask in (bench.add, bench.verify, bench.end):
        assert ask((5, 0), transactional_id="stranger") == NO_MAPPING


def test_nothing_is_added_while_the_last_transaction_completes() -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A)
    bench.end(who, tv=0)
    assert bench.add(who, B) == CONCURRENT
    assert bench.verify(who, A) == CONCURRENT
    bench.deliver()
    assert bench.add(who, B) == 0
    assert bench.value().partitions == (B,)


def test_verification_tells_partitions_apart_and_changes_nothing() -> None:
    bench = Bench()
    who = bench.init()
    assert bench.verify(who, A) == {A: ABORTABLE}
    bench.add(who, A)
    written = len(bench.log)
    assert bench.verify(who, A, B) == {A: 0, B: ABORTABLE}
    assert len(bench.log) == written


# --- EndTxn


@pytest.mark.parametrize("tv", [0, 1, 2])
@pytest.mark.parametrize("commit", [True, False])
def test_an_outcome_is_decided_sent_and_completed(tv: int, commit: bool) -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A, B, tv=tv)
    after = bench.end(who, commit=commit, tv=tv)
    epoch = 1 if tv == 2 else 0
    assert after == (FIRST_ID, epoch)
    assert bench.state() is (State.PREPARE_COMMIT if commit else State.PREPARE_ABORT)
    (marker,) = bench.deliver()
    assert (marker.producer_id, marker.epoch, marker.committed) == (FIRST_ID, epoch, commit)
    assert (marker.partitions, marker.transaction_version) == ((A, B), tv)
    assert bench.state() is (State.COMPLETE_COMMIT if commit else State.COMPLETE_ABORT)
    assert (bench.value().identity, bench.value().partitions) == (after, ())


@pytest.mark.parametrize("commit", [True, False])
def test_tv1_ends_twice_alike_and_never_otherwise(commit: bool) -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A, tv=0)
    assert bench.end(who, commit=commit, tv=0) == who
    assert bench.end(who, commit=commit, tv=0) == CONCURRENT
    assert bench.end(who, commit=not commit, tv=0) == BAD_STATE
    assert len(bench.deliver()) == 1
    written = len(bench.log)
    assert bench.end(who, commit=commit, tv=0) == who
    assert bench.end(who, commit=not commit, tv=0) == BAD_STATE
    assert (bench.markers, len(bench.log)) == ([], written), "a repetition sends no marker"


@pytest.mark.parametrize("commit", [True, False])
def test_tv2_knows_a_repetition_by_the_old_epoch(commit: bool) -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A)
    after = bench.end(who, commit=commit)
    assert bench.end(who, commit=commit) == CONCURRENT
    assert bench.end(who, commit=not commit) == BAD_STATE
    assert bench.end(after, commit=commit) == FENCED, "that would be the end of the next transaction"
    assert len(bench.deliver()) == 1
    written = len(bench.log)
    assert bench.end(who, commit=commit) == after
    assert bench.end(who, commit=not commit) == BAD_STATE
    assert (bench.markers, len(bench.log)) == ([], written), "a repetition sends no marker"
    assert bench.end((FIRST_ID, 5), commit=commit) == FENCED


@pytest.mark.parametrize("tv", [0, 2])
def test_there_is_nothing_to_commit_without_a_transaction(tv: int) -> None:
    bench = Bench()
    who = bench.init()
    assert bench.end(who, commit=True, tv=tv) == BAD_STATE
    if tv == 0:
        assert bench.end(who, commit=False, tv=tv) == BAD_STATE


def test_a_tv2_abort_of_nothing_bumps_the_epoch_from_every_idle_state() -> None:
    bench = Bench()
    who = bench.init()
    for _ in range(3):
        after = bench.end(who, commit=False)
        assert after == (FIRST_ID, who[1] + 1)
        (marker,) = bench.deliver()
        assert marker.partitions == ()
        assert bench.state() is State.COMPLETE_ABORT
        assert bench.end(who, commit=False) == after
        assert bench.end(who, commit=True) == BAD_STATE
        assert bench.end(after, commit=True) == BAD_STATE
        who = after
    committed = bench.transaction(A)
    assert bench.end(committed, commit=False) == (FIRST_ID, committed[1] + 1)


def test_the_data_of_a_tv2_transaction_is_late_once_it_has_ended() -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A)
    after = bench.end(who)
    bench.deliver()
    assert bench.add(who, A) == FENCED
    assert bench.add(after, A) == 0


def test_tv1_and_tv2_may_take_turns_on_one_id() -> None:
    bench = Bench()
    assert bench.transaction(A, tv=0) == (FIRST_ID, 0)
    assert bench.transaction(A, tv=2) == (FIRST_ID, 1)
    assert bench.end((FIRST_ID, 1), commit=True, tv=0) == (FIRST_ID, 1), "TV1 sees the completed commit"
    assert bench.transaction(B, tv=0) == (FIRST_ID, 1)
    assert bench.end((FIRST_ID, 1), commit=True) == BAD_STATE
    assert bench.end((FIRST_ID, 1), commit=False) == (FIRST_ID, 2)


@pytest.mark.parametrize("commit", [True, False])
def test_the_last_epoch_ends_with_a_new_producer_id(commit: bool) -> None:
    bench = Bench()
    last = bench.at_epoch(LAST)
    bench.add(last, A)
    after = bench.end(last, commit=commit)
    assert after == (FIRST_ID + 1, 0)
    assert bench.end(last, commit=commit) == CONCURRENT
    again = bench.reloaded()
    (marker,) = again.deliver()
    assert (marker.producer_id, marker.epoch) == (FIRST_ID, LAST + 1), "the marker ends what the old id wrote"
    assert again.value().identity == after
    assert again.end(last, commit=commit) == after
    assert again.end(last, commit=not commit) == BAD_STATE
    assert again.add(after, A) == 0


# --- the clock


def test_a_transaction_past_its_time_is_aborted_and_its_producer_fenced() -> None:
    bench = Bench()
    who = bench.init(timeout_ms=1000)
    bench.add(who, A)
    bench.now_ms += 1000
    bench.run(bench.machine.abort_timed_out(bench.now_ms))
    assert bench.state() is State.ONGOING
    bench.now_ms += 1
    bench.run(bench.machine.abort_timed_out(bench.now_ms))
    (marker,) = bench.deliver()
    assert (marker.committed, marker.epoch, marker.partitions) == (False, 1, (A,))
    assert bench.state() is State.COMPLETE_ABORT
    assert bench.add(who, A) == FENCED
    assert bench.end(who, tv=0) == FENCED
    assert bench.init(known=who) == (FIRST_ID, 1), "with TV2 the producer goes on where the abort left it"


def test_partitions_added_later_do_not_give_more_time() -> None:
    bench = Bench()
    who = bench.init(timeout_ms=1000)
    bench.add(who, A)
    bench.now_ms += 900
    bench.add(who, B)
    bench.now_ms += 101
    bench.run(bench.machine.abort_timed_out(bench.now_ms))
    assert bench.state() is State.PREPARE_ABORT


def test_what_is_decided_does_not_time_out() -> None:
    bench = Bench()
    who = bench.init(timeout_ms=1000)
    bench.add(who, A)
    bench.end(who)
    bench.now_ms += 5000
    bench.run(bench.machine.abort_timed_out(bench.now_ms))
    assert bench.state() is State.PREPARE_COMMIT


def test_idle_ids_are_forgotten_and_those_with_a_transaction_are_not() -> None:
    bench = Bench()
    bench.init("idle")
    bench.transaction(A)
    bench.add(bench.init("open"), A, transactional_id="open")
    decided = bench.init("decided")
    bench.add(decided, A, transactional_id="decided")
    bench.end(decided, transactional_id="decided")
    bench.run(bench.machine.expire(bench.now_ms + 999, 1000))
    assert len(bench.machine) == 4
    bench.run(bench.machine.expire(bench.now_ms + 1000, 1000))
    assert sorted(name for name, _ in bench.machine.all()) == ["decided", "open"]
    assert sorted(name for name, _ in bench.reloaded().machine.all()) == ["decided", "open"]
    assert bench.init() == (bench.next_id - 1, 0), "an id that was forgotten begins anew"


# --- failover


def test_decided_outcomes_are_sent_again_after_a_reload() -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A, B)
    bench.end(who)
    again = bench.reloaded()
    assert again.markers == bench.markers
    assert again.init() == CONCURRENT
    again.deliver()
    assert again.state() is State.COMPLETE_COMMIT


def test_an_open_transaction_goes_on_after_a_reload() -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A)
    again = bench.reloaded()
    assert again.markers == []
    assert again.add(who, B) == 0
    assert again.end(who) == (FIRST_ID, 1)
    assert again.value().partitions == (A, B)


def test_markers_that_are_reported_late_complete_nothing_else() -> None:
    bench = Bench()
    who = bench.init()
    bench.add(who, A)
    who = bench.end(who)
    (sent,) = bench.deliver()
    bench.add(who, B)
    bench.end(who, commit=False)
    written = len(bench.log)
    bench.run(bench.machine.complete(sent, bench.now_ms))
    assert (len(bench.log), bench.state()) == (written, State.PREPARE_ABORT)


@pytest.mark.parametrize(("level", "version"), [(0, 0), (1, 1), (2, 1)])
def test_values_are_written_in_the_version_that_the_feature_allows(level: int, version: int) -> None:
    bench = Bench(level)
    bench.transaction(A, tv=0)
    versions = {int.from_bytes(value[:2], "big") for _, value in bench.log if value is not None}
    assert versions == {version}
    assert bench.reloaded().value()._replace(previous_producer_id=0) == bench.value()._replace(previous_producer_id=0)


def test_values_are_those_of_kafka() -> None:
    """Bytes that DumpLogSegments of 4.3.1 showed: an id without a transaction has null partitions, a completed one
    none, and the id before is the id itself."""
    bench = Bench()
    bench.transaction(A)
    shown = []
    for _, value in bench.log:
        assert value is not None
        decoded, _ = TransactionLogValue.decode(1, value, 2)
        partitions = decoded.transaction_partitions
        shown.append((decoded.transaction_status, decoded.producer_epoch, partitions and len(partitions)))
        assert decoded.previous_producer_id == decoded.producer_id == FIRST_ID
    assert shown == [(0, 0, None), (1, 0, 1), (2, 1, 1), (4, 1, [])]


def test_the_table_of_states_is_closed() -> None:
    assert set(NEXT) == {State.EMPTY, State.ONGOING, *PREPARED, *COMPLETE}
    assert {after for states in NEXT.values() for after in states} <= set(NEXT)
    assert all(State.ONGOING in NEXT[state] for state in IDLE)
    assert State.PREPARE_ABORT.title == "PrepareAbort"


def test_two_ids_do_not_disturb_each_other() -> None:
    bench = Bench()
    mine, yours = bench.init(), bench.init("other")
    bench.add(mine, A)
    bench.add(yours, A, transactional_id="other")
    bench.end(mine, commit=False)
    assert (bench.state(ID), bench.state("other")) == (State.PREPARE_ABORT, State.ONGOING)
    bench.deliver()
    assert bench.end(yours, transactional_id="other") == (FIRST_ID + 1, 1)
