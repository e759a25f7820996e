"""Transactions: both ways to add a partition, commit and abort, fencing, offsets, what tools and readers see."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.requests import fetch, list_offsets, produce
from tests.conformance.differential.steps import Answer, Ask, Named, Topic, ask, batch, case

ENDING = {"retry": (51,)}
"""CONCURRENT_TRANSACTIONS: the transaction before is not complete yet. It passes."""

ALL = ("InitProducerId", "AddPartitionsToTxn", "AddOffsetsToTxn", "EndTxn", "TxnOffsetCommit", "Produce")


def init(name: str, tx: str = "x", _: Any = None, **fields: Any) -> Ask:
    return ask(
        name,
        "InitProducerId",
        _=ENDING if _ is None else _,
        **{"transactional_id": Named(tx), "transaction_timeout_ms": 60_000, **fields},
    )


def producer(step: str) -> tuple[Answer, Answer]:
    return Answer(step, "producer_id", -1), Answer(step, "producer_epoch", -1)


def add(
    name: str, started: str, *partitions: int, topic: str = "t", epoch: int = 0, tx: str = "x", **options: Any
) -> Ask:
    """As clients do it: the versions from 4 are for brokers."""
    producer_id, _ = producer(started)
    return ask(
        name,
        "AddPartitionsToTxn",
        _={**ENDING, "before": 4, **options},
        v3_and_below_transactional_id=Named(tx),
        v3_and_below_producer_id=producer_id,
        v3_and_below_producer_epoch=Answer(started, "producer_epoch", -1, epoch),
        v3_and_below_topics=[{"name": Named(topic), "partitions": list(partitions)}],
    )


def add_as_broker(
    name: str, started: str, *partitions: int, verify: bool = False, tx: str = "x", epoch: int = 0
) -> Ask:
    return ask(
        name,
        "AddPartitionsToTxn",
        _={**ENDING, "since": 4},
        transactions=[
            {
                "transactional_id": Named(tx),
                "producer_id": Answer(started, "producer_id", -1),
                "producer_epoch": Answer(started, "producer_epoch", -1, epoch),
                "verify_only": verify,
                "topics": [{"name": Named("t"), "partitions": list(partitions)}],
            }
        ],
    )


def send(name: str, started: str, sequence: int = 0, partition: int = 0, epoch: int = 0, **options: Any) -> Ask:
    """Newer versions of Produce add the partition on the way."""
    records = batch(
        b"in " + name.encode(),
        producer_id=Answer(started, "producer_id", -1),
        producer_epoch=Answer(started, "producer_epoch", -1, epoch),
        sequence=sequence,
        transactional=True,
    )
    return produce(
        name, "t", records, partition, acks=-1, transactional_id=Named(options.pop("tx", "x")), _={**ENDING, **options}
    )


def end(name: str, started: str, committed: bool, epoch: int = 0, tx: str = "x", **options: Any) -> Ask:
    return ask(
        name,
        "EndTxn",
        _={**ENDING, **options},
        transactional_id=Named(tx),
        producer_id=Answer(started, "producer_id", -1),
        producer_epoch=Answer(started, "producer_epoch", -1, epoch),
        committed=committed,
    )


def offsets_added(name: str, started: str, group: str = "g") -> Ask:
    producer_id, epoch = producer(started)
    return ask(
        name,
        "AddOffsetsToTxn",
        _=ENDING,
        transactional_id=Named("x"),
        producer_id=producer_id,
        producer_epoch=epoch,
        group_id=Named(group),
    )


def commit(name: str, started: str, *offsets: tuple[int, int], **fields: Any) -> Ask:
    producer_id, epoch = producer(started)
    rows = [{"partition_index": partition, "committed_offset": offset} for partition, offset in offsets]
    return ask(
        name,
        "TxnOffsetCommit",
        _=ENDING,
        **{
            "transactional_id": Named("x"),
            "group_id": Named("g"),
            "producer_id": producer_id,
            "producer_epoch": epoch,
            "topics": [{"name": Named("t"), "partitions": rows}],
            **fields,
        },
    )


def offsets(name: str, *partitions: int, stable: bool = False, retry: tuple[int, ...] = ()) -> Ask:
    asked = [{"name": Named("t"), "partition_indexes": list(partitions)}]
    return ask(
        name,
        "OffsetFetch",
        _={"version": 9, "retry": retry},
        groups=[{"group_id": Named("g"), "topics": asked}],
        require_stable=stable,
    )


def state(name: str, *ids: str, ending: bool = False) -> Ask:
    return ask(name, "DescribeTransactions", transactional_ids=[Named(one) for one in ids or ("x",)])


def settled(name: str) -> Ask:
    """Waits for the markers: initialising is refused until they are written."""
    return init(name)


def committed(name: str, **fields: Any) -> Ask:
    return fetch(name, isolation_level=1, _={"version": 12}, **fields)


CASES = [
    case(
        "transaction-unknown",
        produce(
            "unknown id",
            records=batch(transactional=True, producer_id=5, producer_epoch=0, sequence=0),
            transactional_id=Named("tx"),
        ),
        produce("not transactional batch", transactional_id=Named("tx")),
        state("after"),
        topics=["t"],
    ),
    case(
        "transaction-coordinator",
        ask("find", "FindCoordinator", key=Named("x"), key_type=1, coordinator_keys=[Named("x")], _={"since": 1}),
        state("none"),
    ),
    case(
        "transaction-state-topic",
        ask("metadata", "Metadata", topics=[{"name": "__transaction_state"}]),
        state("none"),
    ),
    case(
        "transaction-old-way",
        init("start"),
        add("add", "start", 0, 1),
        state("ongoing"),
        send("first", "start", version=11),
        send("second", "start", 1, version=11),
        send("other partition", "start", 0, 1, version=11),
        committed("nothing stable"),
        list_offsets("stable end", -1, isolation_level=1),
        end("commit", "start", True, before=5),
        settled("again"),
        state("after"),
        committed("committed"),
        add("add again", "again", 0),
        send("third", "again", version=11),
        end("abort", "again", False, before=5),
        settled("once more"),
        committed("aborted too"),
        fetch("uncommitted", _={"version": 12}),
        list_offsets("stable end after", -1, isolation_level=1),
        vary=("AddPartitionsToTxn", "EndTxn", "InitProducerId"),
        topics=[Topic("t", 2)],
        until=3,
    ),
    case(
        "transaction-new-way",
        init("start"),
        send("first", "start", version=12),
        state("ongoing"),
        send("second", "start", 1, version=12),
        send("other partition", "start", 0, 1, version=12),
        ask("producers", "DescribeProducers", topics=[{"name": Named("t"), "partition_indexes": [0]}]),
        end("commit", "start", True),
        end("commit again", "start", True),
        end("abort the committed", "start", False),
        send("late", "start", 2, version=12),
        send("next", "start", 0, epoch=1, version=12),
        end("abort", "start", False, epoch=1),
        end("abort again", "start", False, epoch=1),
        end("commit nothing", "start", True, epoch=2),
        end("abort nothing", "start", False, epoch=2),
        settled("again"),
        committed("read"),
        fetch("read all", _={"version": 12}),
        state("after"),
        vary="EndTxn",
        topics=[Topic("t", 2)],
        since=5,
    ),
    case(
        "transaction-init",
        init("first"),
        init("second"),
        init(
            "with the current epoch",
            producer_id=Answer("second", "producer_id", -1),
            producer_epoch=Answer("second", "producer_epoch", -1),
        ),
        init(
            "with an old epoch",
            producer_id=Answer("first", "producer_id", -1),
            producer_epoch=Answer("first", "producer_epoch", -1),
        ),
        init("with another id", producer_id=987654, producer_epoch=0),
        init("id without epoch", producer_id=5),
        init("epoch without id", producer_epoch=5),
        init("timeout 0", "y", transaction_timeout_ms=0),
        init("timeout negative", "y", transaction_timeout_ms=-1),
        init("timeout too long", "y", transaction_timeout_ms=1_000_000_000),
        init("empty id", transactional_id=""),
        init("unknown id with a producer", "z", producer_id=1234, producer_epoch=1),
        state("states", "x", "y", "z"),
    ),
    case(
        "transaction-add-badly",
        init("start"),
        add("unknown partition", "start", 0, 9),
        add("unknown topic", "start", 0, topic="nosuch"),
        ask(
            "one known, one not",
            "AddPartitionsToTxn",
            _={"before": 4},
            v3_and_below_transactional_id=Named("x"),
            v3_and_below_producer_id=Answer("start", "producer_id"),
            v3_and_below_producer_epoch=Answer("start", "producer_epoch"),
            v3_and_below_topics=[{"name": Named("t"), "partitions": [0]}, {"name": Named("nosuch"), "partitions": [0]}],
        ),
        add("epoch too high", "start", 0, epoch=1),
        add("epoch too low", "start", 0, epoch=-1),
        add("unknown transaction", "start", 0, tx="nobody"),
        add("empty transaction", "start", 0, tx=""),
        add("nothing", "start"),
        add_as_broker("verify what is not there", "start", 0, verify=True),
        add_as_broker("add", "start", 0),
        add_as_broker("verify", "start", 0, 1, verify=True),
        add_as_broker("verify with another epoch", "start", 0, verify=True, epoch=1),
        add_as_broker("verify an unknown transaction", "start", 0, verify=True, tx="nobody"),
        add_as_broker("add to an unknown transaction", "start", 0, tx="nobody"),
        ask("no transactions", "AddPartitionsToTxn", _={"since": 4, "timeout_s": 2}, transactions=[]),
        state("after"),
        vary="AddPartitionsToTxn",
        topics=[Topic("t", 2)],
    ),
    case(
        "transaction-end-badly",
        init("start"),
        end("nothing ongoing", "start", True),
        end("nothing to abort", "start", False),
        end("epoch too high", "start", True, epoch=1),
        end("epoch too low", "start", True, epoch=-1),
        end("unknown", "start", True, tx="nobody"),
        init("again"),
        add("add", "again", 0, version=3),
        end("fenced", "start", True),
        end("commit", "again", True),
        settled("settled"),
        vary="EndTxn",
        topics=["t"],
    ),
    case(
        "transaction-end-twice",
        init("start"),
        add("add", "start", 0, version=3),
        end("commit", "start", True),
        end("commit again", "start", True),
        end("abort it", "start", False),
        vary="EndTxn",
        topics=["t"],
        until=4,
    ),
    case(
        "transaction-produce-badly",
        init("start"),
        send("not added", "start"),
        send("epoch too high", "start", epoch=1),
        send("unknown transaction", "start", tx="nobody"),
        produce(
            "unknown producer",
            "t",
            batch(producer_id=424242, producer_epoch=0, sequence=0, transactional=True),
            acks=-1,
            transactional_id=Named("x"),
        ),
        add("add", "start", 0, version=3),
        send("added", "start"),
        init("fences", "x"),
        send("fenced", "start", 1),
        end("settle", "fences", False),
        vary="Produce",
        topics=["t"],
        alone=True,  # Kafka asks the coordinator for several producers at once, and answers all in the way of one
    ),
    case(
        "transaction-offsets",
        init("start"),
        offsets_added("add", "start"),
        commit("pending", "start", (0, 5), (1, 6)),
        offsets("before", 0, 1),
        offsets("not stable", 0, 1, stable=True),
        end("commit", "start", True, version=4),
        settled("again"),
        offsets("committed", 0, 1, stable=True, retry=(88,)),
        offsets_added("add again", "again"),
        commit("pending again", "again", (0, 50)),
        end("abort", "again", False, version=4),
        settled("once more"),
        offsets("unchanged", 0, 1, stable=True, retry=(88,)),
        vary=("TxnOffsetCommit", "AddOffsetsToTxn"),
        topics=[Topic("t", 2)],
    ),
    case(
        "transaction-offsets-badly",
        init("start"),
        commit("not added", "start", (0, 5)),
        offsets_added("add", "start"),
        commit("unknown partition", "start", (9, 5)),
        commit(
            "unknown topic",
            "start",
            topics=[{"name": Named("nosuch"), "partitions": [{"partition_index": 0, "committed_offset": 5}]}],
        ),
        commit("unknown member", "start", (0, 5), member_id="nobody", generation_id=1),
        commit("generation without member", "start", (0, 5), generation_id=3),
        commit(
            "metadata too long",
            "start",
            topics=[
                {
                    "name": Named("t"),
                    "partitions": [{"partition_index": 0, "committed_offset": 5, "committed_metadata": "x" * 5000}],
                }
            ],
        ),
        commit("another generation of nobody", "start", (0, 5), generation_id=-2),
        commit("empty group", "start", (0, 5), group_id=""),
        commit("other epoch", "start", (0, 5), producer_epoch=9),
        commit("other producer", "start", (0, 5), producer_id=999999),
        offsets_added("empty group added", "start", ""),
        ask(
            "unknown transaction",
            "AddOffsetsToTxn",
            transactional_id=Named("nobody"),
            producer_id=1,
            producer_epoch=0,
            group_id=Named("g"),
        ),
        ask(
            "wrong epoch",
            "AddOffsetsToTxn",
            transactional_id=Named("x"),
            producer_id=Answer("start", "producer_id"),
            producer_epoch=9,
            group_id=Named("g"),
        ),
        end("abort", "start", False, version=4),
        vary=("TxnOffsetCommit", "AddOffsetsToTxn"),
        topics=["t"],
        alone=True,  # Kafka asks the coordinator for several producers at once, and answers all in the way of one
    ),
    case(
        "transaction-fenced-while-open",
        init("start"),
        add("add", "start", 0, version=3),
        send("first", "start", version=11),
        init("newcomer"),
        end("old one commits", "start", True),
        committed("aborted"),
        list_offsets("end", -1, isolation_level=1),
        add("old one adds", "start", 0, version=3),
        add("newcomer adds", "newcomer", 0, version=3),
        send("newcomer sends", "newcomer", version=11),
        end("newcomer commits", "newcomer", True, version=4),
        settled("settled"),
        committed("at last"),
        vary="InitProducerId",
        topics=["t"],
    ),
    case(
        "transactions-described",
        init("start"),
        init("other", "y"),
        add("add", "start", 0, version=3),
        state("two and one unknown", "x", "y", "nobody"),
        ask("none", "DescribeTransactions", transactional_ids=[]),
        ask("empty", "DescribeTransactions", transactional_ids=[""]),
        ask("twice", "DescribeTransactions", transactional_ids=[Named("x"), Named("x")]),
        end("end", "start", False, version=4),
        vary="DescribeTransactions",
        topics=["t"],
    ),
    case(
        "transactions-listed",
        init("start"),
        init("other", "y"),
        add("add", "start", 0, version=3),
        ask("all", "ListTransactions", _={"mine": True}),
        *(
            ask(f"states {number}", "ListTransactions", state_filters=states, _={"mine": True})
            for number, states in enumerate(
                (["Ongoing"], ["Empty", "Ongoing"], ["ongoing"], ["Nonsense"], ["Nonsense", "Empty"], ["Dead"])
            )
        ),
        ask("producer", "ListTransactions", producer_id_filters=[Answer("start", "producer_id")], _={"mine": True}),
        ask("no such producer", "ListTransactions", producer_id_filters=[99999999], _={"mine": True}),
        ask("long ones", "ListTransactions", duration_filter=3_600_000, _={"mine": True, "since": 1}),
        ask("any length", "ListTransactions", duration_filter=0, _={"mine": True, "since": 1}),
        ask(
            "pattern",
            "ListTransactions",
            transactional_id_pattern="transactions-listed.*y",
            _={"mine": True, "since": 2},
        ),
        ask("empty pattern", "ListTransactions", transactional_id_pattern="", _={"mine": True, "since": 2}),
        ask("bad pattern", "ListTransactions", transactional_id_pattern="(", _={"mine": True, "since": 2}),
        end("end", "start", False, version=4),
        vary="ListTransactions",
        topics=["t"],
    ),
    case(
        "transaction-markers",
        init("start"),
        add("add", "start", 0, version=3),
        send("first", "start", version=11),
        *(
            ask(
                name,
                "WriteTxnMarkers",
                markers=[
                    {
                        "producer_id": Answer("start", "producer_id"),
                        "producer_epoch": Answer("start", "producer_epoch", -1, plus),
                        "transaction_result": result,
                        "coordinator_epoch": epoch,
                        "topics": [{"name": Named(topic), "partition_indexes": partitions}],
                    }
                ],
            )
            for name, topic, partitions, plus, epoch, result in (
                ("unknown topic", "nosuch", [0], 0, 0, True),
                ("unknown partition", "t", [7], 0, 0, True),
                ("epoch too low", "t", [0], -1, 0, False),
                ("abort", "t", [0], 0, 0, False),
                ("again", "t", [0], 0, 0, False),
                ("two partitions", "t", [0, 1], 0, 5, True),
                ("older coordinator", "t", [0], 0, 1, True),
            )
        ),
        ask("none", "WriteTxnMarkers", markers=[]),
        fetch("read", _={"version": 12}),
        committed("committed"),
        vary="WriteTxnMarkers",
        topics=[Topic("t", 2)],
    ),
]
