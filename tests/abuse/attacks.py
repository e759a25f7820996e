"""The attacks, by name. Each gets the port of a broker that is fresh but for a neighbour, and how large to be.

`size` is 1.0 for the full attack, less for a short run. An attack ends when the broker has answered or closed; what it
returns is shown.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from ottla.protocol.codec import uvarint
from ottla.protocol.messages.configs import DescribeConfigsRequest
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from ottla.protocol.messages.transactions import AddPartitionsToTxnRequest
from ottla.records.compression import GZIP
from tests.abuse.wire import Wire, batch, create, dense, now_ms, produce

TOPIC = "attacked"
_MOST_S = 20
"""A larger request may wait so long beside those who hold the memory for it."""


class Attack(NamedTuple):
    """settings: of the broker. open_files: its soft limit, None for that of this shell."""

    name: str
    run: Callable[[int, float], str]
    text: str
    settings: tuple[str, ...] = ()
    open_files: int | None = None
    unread_log: bool = False


ATTACKS: dict[str, Attack] = {}


def attack(
    *settings: str, open_files: int | None = None, unread_log: bool = False
) -> Callable[[Callable[[int, float], str]], Callable[[int, float], str]]:
    def register(run: Callable[[int, float], str]) -> Callable[[int, float], str]:
        name = run.__name__.replace("_", "-")
        text = (run.__doc__ or "").splitlines()[0]
        ATTACKS[name] = Attack(name, run, text, settings, open_files, unread_log)
        return run

    return register


# --- opening batches (6, reports 9)


@attack()
def time_in_a_dense_batch(port: int, size: float) -> str:
    """10,000,000 records in 6 kB, and look-ups by time, by the first record and by one that is not there."""
    wire = Wire(port)
    create(wire, TOPIC)
    count = int(10_000_000 * size)
    code = produce(wire, TOPIC, dense(count, None)).error_code
    for timestamp in (5, now_ms() + 1000, -3):
        asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=timestamp)
        topic = ListOffsetsRequest.ListOffsetsTopic(name=TOPIC, partitions=[asked])
        wire.ask(ListOffsetsRequest(replica_id=-1, topics=[topic]), 7)
    return f"{count} records, produce answered {code}"


@attack()
def keyed_records_to_a_compacted_topic(port: int, size: float) -> str:
    """1,000,000 keyed records in less than 1 kB to a compacted topic."""
    return _to_compacted(port, [dense(int(1_000_000 * size))])


@attack()
def records_without_keys_to_a_compacted_topic(port: int, size: float) -> str:
    """1,000,000 records without a key, each of them at fault."""
    return _to_compacted(port, [dense(int(1_000_000 * size), None)])


@attack()
def a_gzip_batch_to_a_compacted_topic(port: int, size: float) -> str:
    """700,000 records in one gzip batch, five times, on five connections at once."""
    data = dense(int(700_000 * size), codec=GZIP)
    wires = [Wire(port) for _ in range(5)]
    create(wires[0], TOPIC, cleanup_policy="compact")
    for wire in wires:
        wire.send(_produce_request(data), 9)
    answers = [wire.answer() for wire in wires]
    return f"answered {[one and one.responses[0].partition_responses[0].error_code for one in answers]}"


@attack("ottla.validate.records=true")
def validated_records(port: int, size: float) -> str:
    """10,000,000 records to a broker that checks each."""
    wire = Wire(port)
    create(wire, TOPIC)
    return f"answered {produce(wire, TOPIC, dense(int(10_000_000 * size))).error_code}"


def _to_compacted(port: int, batches: list[bytes]) -> str:
    wire = Wire(port)
    create(wire, TOPIC, cleanup_policy="compact")
    return f"answered {[produce(wire, TOPIC, data).error_code for data in batches]}"


def _produce_request(data: bytes) -> ProduceRequest:
    part = ProduceRequest.PartitionProduceData(index=0, records=data)
    return ProduceRequest(
        acks=-1, timeout_ms=30_000, topic_data=[ProduceRequest.TopicProduceData(name=TOPIC, partition_data=[part])]
    )


# --- decoding (7)


@attack()
def elect_leaders_of_empty_topics(port: int, size: float) -> str:
    """7,000,000 topics of three bytes in 20 MB."""
    return _dense_body(port, 43, 2, b"\0", int(7_000_000 * size), b"\1\1\0")


@attack()
def quotas_of_nothing(port: int, size: float) -> str:
    """AlterClientQuotas of 100 MB: 33,000,000 entries of three bytes."""
    return _dense_body(port, 49, 1, b"", int(33_000_000 * size), b"\1\1\0")


@attack()
def as_many_elements_as_are_allowed(port: int, size: float) -> str:
    """300,000 topics in a Metadata request, on four connections at once."""
    topics = [MetadataRequest.MetadataRequestTopic(name=f"{index}") for index in range(int(300_000 * size))]
    body = MetadataRequest(topics=topics, allow_auto_topic_creation=False).encode(12)
    wires = [Wire(port) for _ in range(4)]
    for wire in wires:
        wire.send_body(3, 12, body)
    return f"bytes answered: {[wire.skip_answer() for wire in wires]}"


@attack()
def tagged_fields_of_a_header(port: int, size: float) -> str:
    """A header with 20,000,000 tagged fields in 100 MB."""
    count = int(20_000_000 * size)
    wire = Wire(port)
    with contextlib.suppress(OSError):
        wire.send_body(3, 12, MetadataRequest(topics=[]).encode(12), tags=uvarint(count) + b"\x64\0" * count)
        return f"answered {wire.skip_answer()}"
    return "closed"


@attack()
def partitions_without_records(port: int, size: float) -> str:
    """Produce of 20 MB: millions of partitions with null records."""
    part = struct.pack(">i", 1) + b"\0\0"
    count = int(3_000_000 * size)
    body = b"\0" + struct.pack(">hi", -1, 1000) + b"\2" + b"\2t" + uvarint(count + 1) + part * count + b"\0\0"
    wire = Wire(port)
    with contextlib.suppress(OSError):
        wire.send_body(0, 9, body)
        return f"answered {wire.skip_answer()}"
    return "closed"


def _dense_body(port: int, key: int, version: int, before: bytes, count: int, element: bytes) -> str:
    wire = Wire(port)
    with contextlib.suppress(OSError):
        wire.send_body(key, version, before + uvarint(count + 1) + element * count + struct.pack(">i", 1000) + b"\0\0")
        return f"answered {wire.skip_answer()}"
    return "closed"


# --- answers (8, 9)


@attack()
def one_resource_20_000_times(port: int, size: float) -> str:
    """DescribeConfigs of the broker, 20,000 times in 100 kB."""
    resource = DescribeConfigsRequest.DescribeConfigsResource(
        resource_type=4, resource_name="1", configuration_keys=None
    )
    wire = Wire(port)
    wire.send(
        DescribeConfigsRequest(
            resources=[resource] * int(20_000 * size), include_synonyms=True, include_documentation=True
        ),
        4,
    )
    return f"{wire.skip_answer()} bytes"


@attack()
def groups_that_need_not_exist(port: int, size: float) -> str:
    """DescribeConfigs of 100,000 groups that do not exist: each has all its defaults."""
    resources = [
        DescribeConfigsRequest.DescribeConfigsResource(
            resource_type=32, resource_name=f"g{index}", configuration_keys=None
        )
        for index in range(int(100_000 * size))
    ]
    wire = Wire(port)
    wire.send(DescribeConfigsRequest(resources=resources, include_synonyms=True, include_documentation=True), 4)
    return f"{wire.skip_answer()} bytes"


@attack()
def one_group_many_times(port: int, size: float) -> str:
    """DescribeGroups of a group with 900 kB of metadata, 50,000 times."""
    wire = Wire(port)
    _member(wire, "g", 900_000)
    wire.send(DescribeGroupsRequest(groups=["g"] * int(50_000 * size)), 5)
    return f"{wire.skip_answer()} bytes"


@attack()
def a_partition_that_comes_twice(port: int, size: float) -> str:
    """ListOffsets of 64,000 partitions, one of them twice."""
    rows = [
        ListOffsetsRequest.ListOffsetsPartition(partition_index=index, timestamp=-1)
        for index in (0, *range(int(64_000 * size)))
    ]
    wire = Wire(port)
    wire.send(
        ListOffsetsRequest(replica_id=-1, topics=[ListOffsetsRequest.ListOffsetsTopic(name=TOPIC, partitions=rows)]), 7
    )
    return f"{wire.skip_answer()} bytes"


@attack()
def answers_that_nobody_reads(port: int, size: float) -> str:
    """Forty clients ask for 10 MB each and read nothing."""
    keys = [f"group-{index:06}" for index in range(int(100_000 * size))]
    body = FindCoordinatorRequest(coordinator_keys=keys).encode(4)
    wires = [Wire(port) for _ in range(40)]
    for wire in wires:
        with contextlib.suppress(OSError):
            wire.send_body(10, 4, body)
    wires[-1].skip_answer()
    for wire in wires:
        wire.close()
    return "closed"


# --- descriptors (10)


@attack(open_files=1024)
def a_topic_of_more_partitions_than_descriptors(port: int, size: float) -> str:
    """1,200 partitions, a record to each, with a soft limit of 1,024 open files."""
    wire = Wire(port)
    count = int(1200 * max(size, 0.9))
    create(wire, TOPIC, count)
    failed = sum(produce(wire, TOPIC, batch(), index).error_code != 0 for index in range(count))
    assert not failed, f"{failed} of {count} appends were refused"
    return f"{count} appends"


@attack(open_files=256)
def more_connections_than_descriptors(port: int, size: float) -> str:
    """400 connections of a stranger, with a soft limit of 256 open files."""
    held = []
    for _ in range(400):
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=5))
    for one in held:
        one.close()
    return f"{len(held)} connections"


# --- chores (11)


@attack("log.segment.delete.delay.ms=500")
def deleting_a_large_topic(port: int, size: float) -> str:
    """A topic of 9,900 partitions with one record each is deleted."""
    count = int(9_900 * size)
    wire = Wire(port)
    create(wire, TOPIC, count)
    for start in range(0, count, 500):
        parts = [
            ProduceRequest.PartitionProduceData(index=index, records=batch())
            for index in range(start, min(start + 500, count))
        ]
        topic = ProduceRequest.TopicProduceData(name=TOPIC, partition_data=parts)
        wire.ask(ProduceRequest(acks=1, timeout_ms=30_000, topic_data=[topic]), 9)
    wire.ask(DeleteTopicsRequest(topics=[DeleteTopicsRequest.DeleteTopicState(name=TOPIC)], timeout_ms=30_000), 6)
    return f"{count} partitions"


@attack()
def a_produce_to_5_000_new_partitions(port: int, size: float) -> str:
    """One Produce that touches 5,000 partitions for the first time."""
    count = int(5000 * size)
    wire = Wire(port)
    create(wire, TOPIC, count)
    parts = [ProduceRequest.PartitionProduceData(index=index, records=batch()) for index in range(count)]
    topic = ProduceRequest.TopicProduceData(name=TOPIC, partition_data=parts)
    answer = wire.ask(ProduceRequest(acks=1, timeout_ms=30_000, topic_data=[topic]), 9)
    codes = {one.error_code for one in answer.responses[0].partition_responses}
    return f"{count} partitions, answered {sorted(codes)}"


# --- what outlives a client (13, 15)


@attack()
def polls_of_closed_connections(port: int, size: float) -> str:
    """5,000 long polls of 24 days on the neighbour's topic, each connection closed."""
    wanted = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    poll = FetchRequest(
        max_wait_ms=2**31 - 1,
        min_bytes=2**31 - 1,
        topics=[FetchRequest.FetchTopic(topic="neighbour", partitions=[wanted])],
    )
    count = int(5000 * size)
    for _ in range(count):
        wire = Wire(port)
        wire.send(poll, 12)
        wire.close()
    return f"{count} polls"


@attack("offsets.topic.num.partitions=1")
def a_member_of_60_mb(port: int, size: float) -> str:
    """A member with 60 MB of metadata and an assignment as large, three times."""
    codes = []
    for number in range(3):
        wire = Wire(port)
        codes.append(_member(wire, f"large-{number}", int(60_000_000 * size)))
    return f"answered {codes}"


@attack("offsets.topic.num.partitions=1")
def many_members_with_much_metadata(port: int, size: float) -> str:
    """2,000 groups with a member of 900 kB each."""
    wire = Wire(port)
    _coordinator(wire, "g")
    codes: dict[int, int] = {}
    for number in range(int(2000 * size)):
        wire.send(_join(f"g{number}", 900_000), 3)
        code = wire.answer().error_code
        codes[code] = codes.get(code, 0) + 1
    return f"answered {codes}"


@attack("offsets.topic.num.partitions=1")
def offsets_with_much_metadata(port: int, size: float) -> str:
    """60 groups without members commit 4,000 characters for each of 2,000 partitions."""
    wire = Wire(port)
    create(wire, TOPIC, 2000)
    _coordinator(wire, "g")
    codes: dict[int, int] = {}
    for group in range(int(60 * max(size, 0.1))):
        for first in range(0, 2000, 200):
            rows = [
                OffsetCommitRequest.OffsetCommitRequestPartition(
                    partition_index=index, committed_offset=1, committed_metadata=f"{group}-{index}".ljust(4000, "m")
                )
                for index in range(first, first + 200)
            ]
            topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=TOPIC, partitions=rows)
            request = OffsetCommitRequest(group_id=f"g{group}", generation_id_or_member_epoch=-1, topics=[topic])
            for one in wire.ask(request, 8).topics[0].partitions:
                codes[one.error_code] = codes.get(one.error_code, 0) + 1
    return f"answered {codes}"


@attack()
def many_fetch_sessions(port: int, size: float) -> str:
    """1,000 fetch sessions of 5,000 partitions each."""
    wanted = [FetchRequest.FetchPartition(partition=index) for index in range(5000)]
    request = FetchRequest(
        session_epoch=0, max_wait_ms=0, topics=[FetchRequest.FetchTopic(topic=TOPIC, partitions=wanted)]
    )
    body = request.encode(12)
    wire = Wire(port)
    for _ in range(int(1000 * size)):
        wire.send_body(1, 12, body)
        wire.skip_answer()
    return "done"


@attack()
def fetch_sessions_with_long_names(port: int, size: float) -> str:
    """20 fetch sessions of 2,500 topics each that do not exist, with names of 32,000 characters."""
    wanted = FetchRequest.FetchPartition(partition=0)
    names = [str(index).ljust(32_000, "x") for index in range(int(2500 * max(size, 0.2)))]
    topics = [FetchRequest.FetchTopic(topic=name, partitions=[wanted]) for name in names]
    body = FetchRequest(session_epoch=0, max_wait_ms=0, topics=topics).encode(12)
    wire = Wire(port)
    for _ in range(20):
        wire.send_body(1, 12, body)
        wire.skip_answer()
    return "done"


@attack("transaction.state.log.num.partitions=1")
def long_transactional_ids(port: int, size: float) -> str:
    """8,000 transactional ids of 32,000 characters."""
    wire = Wire(port)
    codes: dict[int, int] = {}
    wire.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=["x"]), 4)
    for number in range(int(8000 * max(size, 0.05))):
        name = str(number).ljust(32_000, "x")
        code = wire.ask(InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=60_000), 4).error_code
        codes[code] = codes.get(code, 0) + 1
    return f"answered {codes}"


@attack()
def a_transaction_over_many_partitions(port: int, size: float) -> str:
    """AddPartitionsToTxn of 9,000 partitions, and again."""
    wire = Wire(port)
    count = int(9000 * size)
    create(wire, TOPIC, count)
    wire.ask(FindCoordinatorRequest(key_type=1, coordinator_keys=["x"]), 4)
    given = wire.ask(InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=60_000), 4)
    topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=TOPIC, partitions=list(range(count)))
    for _ in range(3):
        wire.ask(
            AddPartitionsToTxnRequest(
                v3_and_below_transactional_id="x",
                v3_and_below_producer_id=given.producer_id,
                v3_and_below_producer_epoch=given.producer_epoch,
                v3_and_below_topics=[topic],
            ),
            3,
        )
    return f"{count} partitions"


def _coordinator(wire: Wire, group: str) -> None:
    for _ in range(50):
        wire.ask(FindCoordinatorRequest(coordinator_keys=[group]), 4)
        if wire.ask(DescribeGroupsRequest(groups=[group]), 5).groups[0].error_code not in (14, 15, 16):
            return


def _join(group: str, size_bytes: int) -> JoinGroupRequest:
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=bytes(size_bytes))
    return JoinGroupRequest(
        group_id=group, session_timeout_ms=30_000, rebalance_timeout_ms=1000, protocol_type="connect",
        protocols=[protocol],
    )  # fmt: skip


def _member(wire: Wire, group: str, size_bytes: int) -> list[int]:
    """Joins and syncs; the two codes."""
    _coordinator(wire, group)
    joined = wire.ask(_join(group, size_bytes), 3)
    if joined.error_code:
        return [joined.error_code]
    given = SyncGroupRequest.SyncGroupRequestAssignment(member_id=joined.member_id, assignment=bytes(size_bytes))
    synced = wire.ask(
        SyncGroupRequest(
            group_id=group, generation_id=joined.generation_id, member_id=joined.member_id, assignments=[given]
        ),
        3,
    )
    return [0, synced.error_code]


# --- crowds, and senders that do not finish (10, 23)


@attack()
def half_frames(port: int, size: float) -> str:
    """500 connections that announce 100 MB and send 1 MB of it."""
    held = []
    for _ in range(int(500 * size)):
        with contextlib.suppress(OSError):
            one = socket.create_connection(("127.0.0.1", port), timeout=5)
            one.settimeout(0.2)
            held.append(one)
            one.sendall(struct.pack(">i", 100_000_000) + bytes(1_000_000))
    for one in held:
        one.close()
    return f"{len(held)} connections"


@attack()
def frames_that_lack_their_end(port: int, size: float) -> str:
    """Four frames of 94 of 100 MB and 330 of 880 of 900 KB beside a long poll: two larger requests wait seconds."""
    wire, poll = Wire(port), Wire(port)
    create(wire, TOPIC)
    create(wire, "quiet")
    wanted = FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)
    quiet = FetchRequest.FetchTopic(topic="quiet", partitions=[wanted])
    poll.send(FetchRequest(max_wait_ms=300_000, min_bytes=1, topics=[quiet]), 12)
    waits = []
    for count, whole, sent in ((4, 100_000_000, int(94_000_000 * max(size, 0.9))), (330, 900_000, 880_000)):
        held = [_half_frame(port, whole, sent) for _ in range(count)]
        started = time.monotonic()
        answer = produce(Wire(port), TOPIC, batch(bytes(900_000)))
        waits.append(round(time.monotonic() - started, 1))
        assert answer is not None and answer.error_code == 0
        for one in held:
            one.close()
    assert max(waits) < _MOST_S, f"larger requests waited for {waits} s"
    return f"larger requests waited for {waits} s"


def _half_frame(port: int, whole: int, sent: int) -> socket.socket:
    """Sends so much of a frame; less where nobody reads it any more."""
    one = socket.create_connection(("127.0.0.1", port), timeout=5)
    one.settimeout(max(0.2, sent / 20e6))
    with contextlib.suppress(OSError):
        one.sendall(struct.pack(">i", whole) + bytes(sent))
    return one


@attack()
def requests_that_wait_with_large_frames(port: int, size: float) -> str:
    """Four long polls of 86 MB each, nearly all of it topics to forget; a larger request beside them."""
    create(Wire(port), TOPIC)
    wanted = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    names = [str(index).ljust(32_000, "x") for index in range(int(2600 * max(size, 0.5)))]
    poll = FetchRequest(
        max_wait_ms=300_000, min_bytes=1 << 20,
        topics=[FetchRequest.FetchTopic(topic=TOPIC, partitions=[wanted])],
        forgotten_topics_data=[FetchRequest.ForgottenTopic(topic=name, partitions=[]) for name in names],
    )  # fmt: skip
    body = poll.encode(12)
    polls = [Wire(port) for _ in range(4)]
    for wire in polls:
        wire.send_body(1, 12, body)
    started = time.monotonic()
    answer = produce(Wire(port), TOPIC, batch(bytes(900_000)))
    took_s = time.monotonic() - started
    assert answer is not None and answer.error_code == 0 and took_s < _MOST_S, f"{took_s:.1f} s"
    return f"a larger request waited for {took_s:.1f} s"


@attack()
def churn_with_garbage(port: int, size: float) -> str:
    """5,000 connections that send what is no request, and go."""
    for number in range(int(5000 * size)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n" if number % 2 else bytes([number % 256]) * 50)
    return "done"


@attack("auto.create.topics.enable=true")
def a_metadata_storm(port: int, size: float) -> str:
    """Metadata that creates 4,000 topics, then 200 times all topics on ten connections."""
    wires = [Wire(port) for _ in range(10)]
    names = [MetadataRequest.MetadataRequestTopic(name=f"made-{index}") for index in range(int(4000 * size))]
    wires[0].ask(MetadataRequest(topics=names, allow_auto_topic_creation=True), 12)
    for _ in range(20):
        for wire in wires:
            wire.send(MetadataRequest(topics=None), 12)
        for wire in wires:
            wire.skip_answer()
    return "done"


@attack("ottla.log.level=debug", unread_log=True)
def a_log_that_nobody_reads(port: int, size: float) -> str:
    """1,500 connections that send a line of HTTP, while nobody reads what the broker logs."""
    for _ in range(int(1500 * max(size, 0.5))):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n")
    return "done"
