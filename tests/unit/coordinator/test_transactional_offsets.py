"""Offsets within a transaction: pending until the marker, then the group's or nobody's."""

from __future__ import annotations

from ottla.common.errors import KafkaError
from ottla.common.names import TopicPartition
from ottla.coordinator.group.formats import GROUP_FORMATS
from ottla.coordinator.group.limits import GroupLimits
from ottla.coordinator.group.machine import CommitRequest
from ottla.coordinator.group.offsets import Committed
from ottla.coordinator.outcome import Author, Outcome
from tests.unit.coordinator.harness import GROUP, Bench

ORDERS, BILLS = TopicPartition("orders", 0), TopicPartition("bills", 3)
P, Q = 7, 8
WEEK_MS = 7 * 24 * 3_600_000


class TransactionalBench(Bench):
    """`history` is the whole log: (pair, producer id), or (producer id, committed) for a marker."""

    def __init__(self, limits: GroupLimits | None = None) -> None:
        super().__init__(limits)
        self.history: list[tuple[object, object]] = []

    def run(self, outcome: Outcome) -> None:
        producer_id = -1 if outcome.author is None else outcome.author.producer_id
        for key, value in outcome.records:
            self.history.append((GROUP_FORMATS.encode(key, value), producer_id))
            self.machine.replay(key, value, self.now_ms, producer_id)
        outcome.records.clear()
        super().run(outcome)

    def end(self, producer_id: int, *, commit: bool) -> None:
        self.history.append((producer_id, commit))
        self.machine.replay_marker(producer_id, commit)

    def reloaded(self) -> TransactionalBench:
        again = TransactionalBench(self.limits)
        again.now_ms = self.now_ms
        for first, second in self.history:
            again.history.append((first, second))
            if isinstance(first, int):
                again.machine.replay_marker(first, bool(second))
                continue
            decoded = GROUP_FORMATS.decode(first)  # type: ignore[arg-type]
            assert decoded is not None and isinstance(second, int)
            again.machine.replay(*decoded, again.now_ms, second)
        again.run(again.machine.loaded(again.now_ms))
        return again

    def commit_in(
        self,
        producer_id: int,
        offset: int,
        partition: TopicPartition = ORDERS,
        *,
        group: str = GROUP,
        member_id: str = "",
        generation: int = -1,
    ) -> int:
        token = self.token()
        offsets = {partition: Committed(offset, -1, "", self.now_ms)}
        request = CommitRequest(group, member_id, None, generation, offsets)
        self.run(self.machine.commit_transactional(token, request, Author(producer_id, 0), self.now_ms))
        codes: dict[TopicPartition, int] = self.answers[token]
        return codes[partition]

    def offset_delete(self, partition: TopicPartition) -> int:
        token = self.token()
        self.run(self.machine.delete_offsets(token, GROUP, [partition], self.now_ms))
        code: int = self.answers[token][partition]
        return code

    def pending(self, group: str = GROUP) -> list[TopicPartition]:
        return list(self.machine.pending.of(group))

    def offset(self, partition: TopicPartition = ORDERS, group: str = GROUP) -> int | None:
        """As the group sees it, and as a coordinator that has just read the log sees it."""
        found = self.machine.offsets.of(group).get(partition)
        assert self.reloaded().machine.offsets.of(group).get(partition) == found
        assert self.reloaded().pending(group) == self.pending(group)
        return None if found is None else found.offset


def test_an_offset_waits_for_its_marker() -> None:
    bench = TransactionalBench()
    assert bench.commit(1) == 0
    assert bench.commit_in(P, 5) == 0
    assert (bench.offset(), bench.pending()) == (1, [ORDERS])
    bench.end(P, commit=True)
    assert (bench.offset(), bench.pending()) == (5, [])


def test_an_abort_drops_it() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    bench.end(P, commit=False)
    assert (bench.offset(), bench.pending()) == (None, [])


def test_a_marker_decides_for_its_producer_alone() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    bench.commit_in(Q, 6, BILLS)
    bench.end(P, commit=True)
    assert (bench.offset(), bench.offset(BILLS), bench.pending()) == (5, None, [BILLS])
    bench.end(99, commit=True)
    assert bench.pending() == [BILLS]


def test_a_later_offset_counts_over_one_that_waited_longer() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    assert bench.commit(50) == 0
    assert (bench.offset(), bench.pending()) == (50, [ORDERS])
    bench.end(P, commit=True)
    assert bench.offset() == 50
    bench.commit_in(P, 60)
    bench.commit_in(Q, 61)
    bench.end(Q, commit=True)
    bench.end(P, commit=True)
    assert bench.offset() == 61
    bench.commit_in(Q, 70)
    bench.commit_in(P, 71)
    bench.end(Q, commit=True)
    assert bench.offset() == 70
    bench.end(P, commit=True)
    assert bench.offset() == 71


def test_the_last_of_several_offsets_of_a_transaction_counts() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    bench.commit(50)
    bench.commit_in(P, 6)
    bench.end(P, commit=True)
    assert bench.offset() == 6


def test_a_tombstone_deletes_what_waits() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    assert bench.offset_delete(ORDERS) == 0
    assert bench.pending() == []
    bench.end(P, commit=True)
    assert bench.offset() is None


def test_a_deleted_group_takes_what_waits_with_it() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    bench.run(bench.machine.delete(bench.token(), GROUP, bench.now_ms))
    bench.end(P, commit=True)
    assert (bench.offset(), bench.machine.group_ids()) == (None, [])


def test_a_deleted_topic_takes_what_waits_with_it() -> None:
    bench = TransactionalBench()
    bench.commit_in(P, 5)
    bench.commit_in(P, 6, BILLS)
    bench.run(bench.machine.forget_topics(["orders"], bench.machine.groups_with_offsets(), 1 << 62))
    bench.end(P, commit=True)
    assert (bench.offset(), bench.offset(BILLS)) == (None, 6)


def test_offsets_and_groups_do_not_expire_while_a_transaction_decides() -> None:
    bench = TransactionalBench()
    bench.commit(1)
    bench.commit_in(P, 5)
    bench.now_ms += 2 * WEEK_MS
    bench.run(bench.machine.expire(bench.now_ms))
    assert (bench.offset(), bench.machine.group_ids()) == (1, [GROUP])
    bench.end(P, commit=False)
    bench.run(bench.machine.expire(bench.now_ms))
    assert (bench.offset(), bench.machine.group_ids()) == (None, [])


def test_members_are_checked_where_one_is_named() -> None:
    """KIP-447: a zombie of the group is refused, whatever its producer says; who names nobody is not checked."""
    bench = TransactionalBench()
    (leader,) = bench.stable()
    assert bench.commit_in(P, 5, member_id=leader, generation=1) == 0
    assert bench.commit_in(P, 6, member_id=leader, generation=0) == 22
    assert bench.commit_in(P, 7, member_id="stranger", generation=1) == 25
    assert bench.commit_in(P, 8) == 0
    assert bench.commit_in(P, 9, group="nobody", member_id="x", generation=3) == 22
    assert bench.commit_in(P, 10, group="nobody", member_id="x") == 0
    bench.end(P, commit=True)
    assert (bench.offset(), bench.offset(group="nobody")) == (8, 10)


def test_a_rebalance_is_no_obstacle() -> None:
    bench = TransactionalBench()
    (leader,) = bench.stable()
    newcomer, _ = bench.new_member()
    bench.join(leader)
    assert bench.answers[newcomer].generation_id == 2
    assert bench.commit(2, member_id=leader, generation=2) == 27
    assert bench.commit_in(P, 2, member_id=leader, generation=2) == 0


def test_long_metadata_is_refused() -> None:
    bench = TransactionalBench(GroupLimits(offset_metadata_max_bytes=4))
    offsets = {ORDERS: Committed(1, -1, "12345", bench.now_ms), BILLS: Committed(2, -1, "1234", bench.now_ms)}
    request = CommitRequest(GROUP, "", None, -1, offsets)
    bench.run(bench.machine.commit_transactional(1000, request, Author(P, 0), bench.now_ms))
    assert bench.answers[1000] == {ORDERS: 12, BILLS: 0}
    assert not isinstance(bench.answers[1000], KafkaError)
    assert bench.pending() == [BILLS]
