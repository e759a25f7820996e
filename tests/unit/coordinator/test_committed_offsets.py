"""Committed offsets: who may commit, what survives, what expires."""

from __future__ import annotations

import struct

import pytest

from ottla.common.errors import KafkaError
from ottla.common.names import TopicPartition
from ottla.coordinator.group.limits import GroupLimits
from ottla.protocol.blobs import ConsumerProtocolSubscription
from tests.unit.coordinator.harness import GROUP, Bench

WEEK_MS = 7 * 24 * 3_600_000


def test_offsets_survive_a_reload() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    assert bench.commit(42, member_id=leader, generation=1, metadata="half-way") == 0
    again = bench.reloaded()
    assert again.committed() == 42
    assert again.machine.offsets.of(GROUP)[TopicPartition("orders", 0)].metadata == "half-way"


def test_a_stale_generation_may_not_commit() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    assert bench.commit(42, member_id=leader, generation=0) == 22
    assert bench.commit(42, member_id="stranger", generation=1) == 25
    assert bench.commit(42) == 25
    assert bench.committed() is None


def test_a_client_without_a_group_may_commit_while_there_are_no_members() -> None:
    bench = Bench()
    assert bench.commit(7) == 0
    assert bench.reloaded().committed() == 7


def test_a_commit_with_a_generation_needs_a_group() -> None:
    bench = Bench()
    assert bench.commit(7, member_id="x", generation=1, version=9) == 69
    assert bench.commit(7, member_id="x", generation=1, version=8) == 22


def test_commits_wait_for_the_new_assignment() -> None:
    bench = Bench()
    (leader,) = bench.stable()
    newcomer, _ = bench.new_member()
    assert bench.commit(1, member_id=leader, generation=1) == 0  # the old generation may finish its work
    bench.join(leader)
    assert bench.answers[newcomer].generation_id == 2
    assert bench.commit(2, member_id=leader, generation=2) == 27


def test_long_metadata_is_refused_for_its_partition_alone() -> None:
    bench = Bench(GroupLimits(offset_metadata_max_bytes=4))
    assert bench.commit(7, metadata="12345") == 12
    assert bench.commit(7, metadata="1234") == 0
    assert bench.commit(7, metadata="ääää") == 0, "letters count, not bytes"
    assert bench.commit(7, metadata="\U0001f600" * 2) == 0
    assert bench.commit(7, metadata="\U0001f600" * 3) == 12, "as Java counts them: two each"


def test_offsets_of_a_client_without_a_group_expire_a_week_after_their_commit() -> None:
    bench = Bench()
    bench.commit(7)
    bench.advance(WEEK_MS - 1)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed() == 7
    bench.advance(1)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed() is None
    assert bench.reloaded().state() == "Dead"


def test_a_client_may_say_how_long_its_offset_is_kept() -> None:
    """OffsetCommit 2 to 4. Kafka 4.3.1 writes version 1 of the record then, the only one with an expiry."""
    bench = Bench()
    bench.commit(7, metadata="m", expire_ms=bench.now_ms + 60_000)
    (_, value) = bench.log[-1]
    assert value == struct.pack(">hqh1sqq", 1, 7, 1, b"m", bench.now_ms, bench.now_ms + 60_000)
    again = bench.reloaded()
    again.advance(59_999)
    again.run(again.machine.expire(again.now_ms))
    assert again.committed() == 7
    again.advance(1)
    again.run(again.machine.expire(again.now_ms))
    assert again.committed() is None


def test_offsets_of_a_group_expire_a_week_after_it_became_empty() -> None:
    bench = Bench()
    (leader,) = bench.stable(protocols={"range": subscription("orders")})
    bench.commit(7, member_id=leader, generation=1)
    for _ in range(10):
        bench.advance(9_000)
        bench.heartbeat(leader, 1)
    bench.leave(leader)
    bench.advance(WEEK_MS - 1)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed() == 7
    bench.advance(1)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed() is None


def test_offsets_of_a_subscribed_topic_never_expire() -> None:
    bench = Bench()
    (leader,) = bench.stable(session_ms=1_800_000, protocols={"range": subscription("orders")})
    bench.commit(7, member_id=leader, generation=1)
    bench.commit(8, member_id=leader, generation=1, topic="gone")
    for _ in range(7 * 24 * 2 + 1):
        bench.advance(1_800_000 - 1)
        assert bench.heartbeat(leader, 1) == 0
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.committed() == 7
    assert bench.committed("gone") is None


def test_while_a_group_rebalances_none_of_its_offsets_expires() -> None:
    bench = Bench()
    (leader,) = bench.stable(session_ms=1_800_000, protocols={"range": subscription("orders")})
    bench.commit(8, member_id=leader, generation=1, topic="gone")
    for _ in range(7 * 24 * 2 + 1):
        bench.advance(1_800_000 - 1)
        assert bench.heartbeat(leader, 1) == 0
    bench.join(version=3, session_ms=1_800_000, protocols={"range": subscription("orders")})
    bench.run(bench.machine.expire(bench.now_ms))
    assert (bench.state(), bench.committed("gone")) == ("PreparingRebalance", 8)


@pytest.mark.parametrize(
    ("metadata", "codes"),
    [
        (b"", (86, 86)),  # nobody knows what they read
        (bytes.fromhex("0001 00000001 0006") + b"orders", (86, 86)),  # the user data is missing
        (
            bytes.fromhex("0003 00000001 0006") + b"orders" + bytes.fromhex("ffffffff"),
            (86, 0),
        ),  # only what version 0 has
        (bytes.fromhex("0000 00000000 ffffffff"), (0, 0)),
    ],
)
def test_members_whose_subscription_cannot_be_read_are_taken_to_read_every_topic(
    metadata: bytes, codes: tuple[int, int]
) -> None:
    bench = Bench()
    bench.stable(protocols={"range": metadata})
    partitions = [TopicPartition("orders", 0), TopicPartition("other", 0)]
    token = bench.token()
    bench.run(bench.machine.delete_offsets(token, GROUP, partitions, bench.now_ms))
    assert bench.answers[token] == dict(zip(partitions, codes, strict=True))


def test_offsets_of_a_deleted_topic_go_with_it() -> None:
    bench = Bench()
    bench.commit(7)
    bench.commit(8, topic="other")
    bench.run(bench.machine.forget_topics(["orders"], bench.machine.groups_with_offsets(), 1 << 62))
    assert (bench.committed(), bench.committed("other")) == (None, 8)
    assert bench.reloaded().committed() is None


def test_offsets_of_a_subscribed_topic_cannot_be_deleted() -> None:
    bench = Bench()
    (leader,) = bench.stable(protocols={"range": subscription("orders")})
    bench.commit(7, member_id=leader, generation=1)
    bench.commit(8, member_id=leader, generation=1, topic="other")

    def delete(group: str) -> object:
        token = bench.token()
        partitions = [TopicPartition("orders", 0), TopicPartition("other", 0)]
        bench.run(bench.machine.delete_offsets(token, group, partitions, bench.now_ms))
        return bench.answers[token]

    assert delete(GROUP) == {TopicPartition("orders", 0): 86, TopicPartition("other", 0): 0}
    assert (bench.committed(), bench.committed("other")) == (7, None)
    refused = delete("nobody")
    assert isinstance(refused, KafkaError)
    assert refused.code == 69


def subscription(*topics: str) -> bytes:
    return (0).to_bytes(2, "big") + ConsumerProtocolSubscription(topics=list(topics)).encode(0)
