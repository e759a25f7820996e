"""Produce: every check of a partition, in every version."""

from __future__ import annotations

from ottla.common.names import Uuid
from tests.conformance.differential.requests import fetch, list_offsets, named, produce
from tests.conformance.differential.steps import FIXED_MS, Answer, Case, Named, Topic, ask, batch, case, header_patch

COMPACTED = Topic("t", configs={"cleanup.policy": "compact"})
OLD_MAGIC = bytes(8) + (22).to_bytes(4, "big") + bytes(4) + b"\x01\x00" + bytes(16)
HOUR_MS = 3_600_000


def _refused(name: str, records: object, **options: object) -> Case:
    """A batch that is refused, and what is in the log after it."""
    topics = options.pop("topics", ("t",))
    return case(
        f"produce-{name}",
        produce("produce", records=records, **options),  # type: ignore[arg-type]
        list_offsets("end", -1),
        fetch("read"),
        topics=topics,  # type: ignore[arg-type]
    )


def _two(*records: object) -> dict[str, object]:
    return named("t", partition_data=[{"index": index, "records": one} for index, one in enumerate(records)])


CASES = [
    case("produce-leader-ack", produce("first"), produce("second"), fetch("read"), topics=["t"]),
    case("produce-all-ack", produce("first", acks=-1), produce("second", acks=-1), fetch("read"), topics=["t"]),
    case(
        "produce-no-ack",
        produce("silent", acks=0, _={"no_answer": True}),
        produce("after"),
        fetch("read"),
        topics=["t"],
    ),
    case("produce-no-ack-unknown-topic", produce("silent", "nosuch", acks=0, _={"no_answer": True})),
    case(
        "produce-no-ack-corrupt",
        produce("silent", acks=0, records=batch(change=header_patch(crc=7)), _={"no_answer": True}),
        topics=["t"],
    ),
    case("produce-acks-2", produce("produce", acks=2), produce("another", "nosuch", acks=-2), topics=["t"]),
    case("produce-unknown-topic", produce("by name", "nosuch"), produce("all", "nosuch", acks=-1)),
    case("produce-unknown-partition", produce("produce", partition=7), produce("negative", partition=-1), topics=["t"]),
    case(
        "produce-unknown-id",
        ask(
            "produce",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[
                {
                    "name": "x y",
                    "topic_id": Uuid(b"0123456789abcdef"),
                    "partition_data": [{"index": 0, "records": batch()}, {"index": 3, "records": batch()}],
                }
            ],
        ),
    ),
    case(
        "produce-zero-id",
        ask(
            "produce",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[{"name": "", "partition_data": [{"index": 0, "records": batch()}]}],
        ),
    ),
    case(
        "produce-several",
        ask("good", "Produce", acks=-1, timeout_ms=1000, topic_data=[_two(batch(), batch(b"a", b"b"))]),
        ask(
            "mixed",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[
                _two(batch(), b"", batch(change=header_patch(crc=1)), batch()),
                named("nosuch", partition_data=[{"index": 0, "records": batch()}]),
            ],
        ),
        ask(
            "two topics",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[named("u", partition_data=[{"index": 0, "records": batch()}]), _two(batch())],
        ),
        topics=[Topic("t", 3), "u"],
    ),
    case(
        "produce-nothing",
        ask("no topic", "Produce", acks=1, timeout_ms=1000, topic_data=[]),
        ask("no partition", "Produce", acks=1, timeout_ms=1000, topic_data=[named("t", partition_data=[])]),
        topics=["t"],
    ),
    case(
        "produce-same-partition-twice",
        ask(
            "produce",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[
                named(
                    "t", partition_data=[{"index": 0, "records": batch(b"one")}, {"index": 0, "records": batch(b"two")}]
                )
            ],
        ),
        list_offsets("end", -1),
        fetch("read"),
        topics=["t"],
    ),
    _refused("null-records", None),
    _refused("empty", b""),
    _refused("truncated", batch(change=lambda data: data[:40])),
    _refused("cut-by-one", batch(change=lambda data: data[:-1])),
    _refused("two-batches", batch(change=lambda data: data * 2)),
    _refused("bytes-after", batch(change=lambda data: data + b"tail")),
    _refused("old-magic", OLD_MAGIC),
    _refused("magic-3", batch(change=header_patch(magic=3))),
    _refused("magic-1", batch(change=header_patch(magic=1))),
    _refused("wrong-crc", batch(change=header_patch(crc=12345))),
    _refused("length-too-small", batch(change=header_patch(length=10))),
    _refused("length-too-large", batch(change=header_patch(length=10_000))),
    _refused("length-negative", batch(change=header_patch(length=-5))),
    _refused("base-offset-5", batch(change=lambda data: (5).to_bytes(8, "big") + data[8:])),
    _refused("count-too-large", batch(change=header_patch(record_count=2))),
    _refused("count-zero", batch(change=header_patch(record_count=0))),
    _refused("count-negative", batch(change=header_patch(record_count=-1))),
    _refused("last-delta-wrong", batch(change=header_patch(last_offset_delta=3))),
    _refused("last-delta-negative", batch(change=header_patch(last_offset_delta=-1))),
    _refused("both-counts-wrong", batch(change=header_patch(last_offset_delta=3, record_count=4))),
    _refused("control", batch(attributes=0x20)),
    _refused("log-append-time-bit", batch(attributes=0x08)),
    _refused("transactional-without-id", batch(transactional=True, producer_id=5, producer_epoch=0, sequence=0)),
    _refused("no-sequence", batch(producer_id=5, producer_epoch=0)),
    _refused("producer-epoch-missing", batch(producer_id=5, producer_epoch=-1, sequence=0)),
    _refused("sequence-without-producer", batch(sequence=3)),
    _refused("unknown-codec", batch(change=header_patch(attributes=7))),
    _refused("wrong-codec", batch(change=header_patch(attributes=1))),
    _refused("compacted-without-key", batch(key=None), topics=[COMPACTED]),
    _refused("compacted-with-key", batch(), topics=[COMPACTED]),
    _refused("future", batch(timestamp=FIXED_MS * 2)),
    _refused("no-timestamp", batch(timestamp=-1)),
    _refused("negative-timestamp", batch(timestamp=-5)),
    _refused("timestamp-zero", batch(timestamp=0)),
    _refused("too-old", batch(), topics=[Topic("t", configs={"message.timestamp.before.max.ms": "1000"})]),
    _refused("max-timestamp-wrong", batch(change=header_patch(max_timestamp=5))),
    _refused("too-large", batch(b"x" * 2000), topics=[Topic("t", configs={"max.message.bytes": "1000"})]),
    _refused("just-fits", batch(b"x" * 900), topics=[Topic("t", configs={"max.message.bytes": "1000"})]),
    _refused(
        "larger-than-a-segment",
        batch(b"x" * 1_100_000),
        topics=[Topic("t", configs={"segment.bytes": "1048576", "max.message.bytes": "2000000"})],
    ),
    _refused("min-isr-2", batch(), topics=[Topic("t", configs={"min.insync.replicas": "2"})], acks=-1),
    _refused("trailing-garbage-record", batch(change=lambda data: header_patch()(data + b"xx"))),
    *(
        case(
            f"produce-codec-{name}",
            produce("produce", records=batch(*(b"abc" * 50,) * 5, codec=codec)),
            fetch("read"),
            fetch("read old", _={"version": 9}),
            topics=["t"],
        )
        for codec, name in enumerate(("none", "gzip", "snappy", "lz4", "zstd"))
    ),
    *(
        case(
            f"produce-to-{name}-topic",
            produce("produce", records=batch(b"a" * 400)),
            fetch("read"),
            topics=[Topic("t", configs={"compression.type": name})],
        )
        for name in ("uncompressed", "producer", "gzip")
    ),
    case(
        "produce-log-append-time",
        produce("produce", records=batch(b"a", b"b")),
        produce("all", acks=-1),
        fetch("read"),
        topics=[Topic("t", configs={"message.timestamp.type": "LogAppendTime"})],
    ),
    case(
        "produce-headers-and-nulls",
        produce("produce", records=batch(None, b"", key=None, headers=[("h", b"1"), ("h", None), ("", b"")])),
        fetch("read"),
        topics=["t"],
    ),
    case(
        "produce-internal-topic",
        ask(
            "offsets",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[{"name": "__consumer_offsets", "partition_data": [{"index": 0, "records": batch()}]}],
        ),
        ask(
            "as an admin",  # passes the check of the topic, and must not be appended
            "Produce",
            _={"client_id": "__admin_client"},
            acks=1,
            timeout_ms=1000,
            topic_data=[
                {
                    "name": "__consumer_offsets",
                    "partition_data": [{"index": 0, "records": batch(change=header_patch(crc=1))}],
                }
            ],
        ),
        until=12,
    ),
    case(
        "produce-invalid-name",
        ask(
            "produce",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[{"name": "a b/c", "partition_data": [{"index": 0, "records": batch()}]}],
        ),
        until=12,
    ),
    case(
        "produce-idempotent",
        ask("init", "InitProducerId", transactional_id=None, transaction_timeout_ms=1000),
        *(
            produce(
                name,
                records=batch(*values, producer_id=Answer("init", "producer_id"), producer_epoch=epoch, sequence=first),
                acks=-1,
            )
            for name, epoch, first, values in (
                ("0", 0, 0, (b"a",)),
                ("1 to 2", 0, 1, (b"b", b"c")),
                ("1 to 2 again", 0, 1, (b"b", b"c")),
                ("0 again", 0, 0, (b"a",)),
                ("gap", 0, 9, (b"d",)),
                ("overlap", 0, 1, (b"b",)),
                ("overlap longer", 0, 1, (b"b", b"c", b"d")),
                ("3", 0, 3, (b"d",)),
                ("4", 0, 4, (b"e",)),
                ("5", 0, 5, (b"f",)),
                ("6", 0, 6, (b"g",)),
                ("7", 0, 7, (b"g",)),
                ("8", 0, 8, (b"g",)),
                ("too old", 0, 0, (b"a",)),
                ("9", 0, 9, (b"g",)),
                ("new epoch, wrong", 1, 5, (b"h",)),
                ("new epoch", 1, 0, (b"h",)),
                ("old epoch", 0, 10, (b"i",)),
                ("new epoch again", 1, 0, (b"h",)),
                ("wrong again", 1, 0, (b"h", b"i")),
            )
        ),
        fetch("read"),
        ask(
            "producers",
            "DescribeProducers",
            topics=[
                {"name": Named("t"), "partition_indexes": [0, 5]},
                {"name": Named("nosuch"), "partition_indexes": [0]},
            ],
        ),
        vary=["Produce", "InitProducerId"],
        topics=["t"],
    ),
    case(
        "produce-duplicate-of-other-time",
        *(
            produce(name, records=batch(b"a", producer_id=77, producer_epoch=3, sequence=5, timestamp=FIXED_MS + plus))
            for name, plus in (("unknown producer", 0), ("again", 0), ("same with another time", 1))
        ),
        topics=["t"],
    ),
    case(
        "produce-strange-producers",
        *(
            produce(name, records=batch(producer_id=producer, producer_epoch=epoch, sequence=sequence))
            for name, producer, epoch, sequence in (
                ("epoch -2", 8, -2, 0),
                ("epoch -1", 81, -1, 0),
                ("producer -2", -2, 0, 0),
                ("sequence -2", 82, 0, -2),
                ("largest epoch", 83, 32767, 0),
                ("a lower one", 83, 32766, 0),
            )
        ),
        list_offsets("end", -1),
        vary="Produce",
        topics=["t"],
    ),
    case(
        "produce-sequence-wraps",
        produce("last", records=batch(producer_id=78, producer_epoch=0, sequence=2**31 - 1)),
        produce("first", records=batch(producer_id=78, producer_epoch=0, sequence=0)),
        produce("across", records=batch(b"a", b"b", producer_id=79, producer_epoch=0, sequence=2**31 - 1)),
        produce("behind", records=batch(b"a", producer_id=79, producer_epoch=0, sequence=1)),
        topics=["t"],
    ),
]
