"""Transactions where things go another way: older transaction versions, timeouts, topics and groups that go away."""

from __future__ import annotations

from tests.conformance.differential.cases.features import SAFE, UPGRADE, T, told, update
from tests.conformance.differential.cases.offsets_of_logs import delete_records
from tests.conformance.differential.cases.topics import delete
from tests.conformance.differential.cases.transactions import (
    add,
    commit,
    committed,
    end,
    init,
    offsets,
    offsets_added,
    send,
    settled,
    state,
)
from tests.conformance.differential.requests import fetch, list_offsets, named, produce, until_gone
from tests.conformance.differential.steps import (
    FIXED_MS,
    Answer,
    Ask,
    Case,
    Named,
    Topic,
    ask,
    batch,
    case,
    with_options,
)


def _level(name: str, level: int, kind: int) -> tuple[Ask, Ask]:
    return update(name, (T, level, kind), version=1), told(f"{name}: heard", f"{T}={level}")


def _continued(name: str, before: str) -> Ask:
    return init(
        name,
        producer_id=Answer(before, "producer_id", -1),
        producer_epoch=Answer(before, "producer_epoch", -1),
    )


def _producers(name: str, *partitions: int) -> Ask:
    return ask(name, "DescribeProducers", topics=[{"name": Named("t"), "partition_indexes": list(partitions)}])


def _at_level(level: int) -> Case:
    return case(
        f"transaction-version-{level}",
        *_level("lowered", level, SAFE),
        init("start"),
        add("add", "start", 0, 1, version=3),
        send("first", "start", version=11),
        send("not added", "start", 0, 2, version=11),
        state("ongoing"),
        init("newcomer"),
        state("fenced"),
        send("old one sends", "start", 1, version=11),
        end("old one commits", "start", True, version=4),
        end("old one aborts", "start", False, version=4),
        end("commit nothing", "newcomer", True, version=4),
        add("add again", "newcomer", 0, version=3),
        send("second", "newcomer", version=11),
        send("gap", "newcomer", 7, version=11),
        _continued("continued", "newcomer"),
        _continued("continued again", "newcomer"),
        state("after that"),
        add("add once more", "continued", 0, version=3),
        send("third", "continued", version=11),
        end("commit", "continued", True, version=4),
        settled("settled"),
        offsets_added("offsets", "settled"),
        commit("pending", "settled", (0, 5)),
        end("commit offsets", "settled", True, version=4),
        settled("settled again"),
        offsets("committed", 0, stable=True, retry=(88,)),
        committed("read"),
        _producers("producers", 0, 1, 2),
        *_level("raised", 2, UPGRADE),
        send("after that", "settled again", version=12),
        end("the new way", "settled again", True, version=5),
        settled("at last"),
        state("in the end"),
        vary="TxnOffsetCommit",
        since=4,
        until=4,
        topics=[Topic("t", 3)],
        alone=True,
    )


def _written(name: str, *rows: tuple[str, int, int, bool], transactional_id: object = Named("x")) -> Ask:
    """Producer, partition, sequence, and whether the batch is transactional; "" is a batch of no producer."""
    data = [
        {
            "index": index,
            "records": batch(
                producer_id=Answer(started, "producer_id", -1) if started else -1,
                producer_epoch=Answer(started, "producer_epoch", -1) if started else -1,
                sequence=sequence,
                transactional=transactional,
            ),
        }
        for started, index, sequence, transactional in rows
    ]
    return ask(
        name,
        "Produce",
        acks=-1,
        timeout_ms=10_000,
        topic_data=[named("t", partition_data=data)],
        transactional_id=transactional_id,
    )


CASES = [
    _at_level(0),
    _at_level(1),
    case(
        "transaction-version-raised-meanwhile",
        *_level("lowered", 1, SAFE),
        init("start"),
        add("add", "start", 0, version=3),
        send("first", "start", version=11),
        *_level("raised", 2, UPGRADE),
        end("end", "start", True, version=5),
        settled("settled"),
        send("next", "settled", version=12),
        *_level("lowered again", 1, SAFE),
        end("the old way", "settled", True, version=4),
        settled("settled again"),
        send("the new way", "settled again", version=12),
        end("the new way ends", "settled again", True, version=5),
        settled("at last"),
        state("state"),
        committed("read"),
        _producers("producers", 0),
        *_level("raised again", 2, UPGRADE),
        vary="TxnOffsetCommit",
        since=4,
        until=4,
        topics=["t"],
        alone=True,
    ),
    case(
        "transaction-of-several-producers",
        init("start"),
        init("other", "y"),
        _written("two", ("start", 0, 0, True), ("other", 1, 0, True)),
        _written("one, and none", ("start", 0, 0, True), ("", 1, -1, False)),
        _written("none", ("", 1, -1, False)),
        _written("idempotent of another", ("other", 1, 0, False)),
        _written("idempotent in the transaction", ("start", 0, 1, False)),
        _written("the same without an id", ("start", 0, 1, False), transactional_id=None),
        _written("transactional without an id", ("start", 0, 1, True), transactional_id=None),
        _written("empty id", ("start", 0, 1, True), transactional_id=""),
        _written("one partition is not there", ("start", 0, 1, True), ("start", 7, 0, True)),
        _written("twice", ("start", 0, 2, True), ("start", 0, 3, True)),
        vary="Produce",
        topics=[Topic("t", 2)],
        alone=True,
    ),
    case(
        "transaction-open-and-deleted-into",
        produce("before", records=batch(b"a", timestamp=FIXED_MS - 100), _={"compare": False}),
        init("start"),
        add("add", "start", 0, version=3),
        send("first", "start", version=11),
        produce("after", records=batch(b"b", b"c", timestamp=FIXED_MS + 100), _={"compare": False}),
        *(
            list_offsets(f"{time} at {level}", time, isolation_level=level)
            for level in (0, 1, 2)
            for time in (-1, -2, -3, FIXED_MS - 100, FIXED_MS, FIXED_MS + 50)
        ),
        *(committed(f"from {offset}", offset=offset) for offset in (0, 1, 2, 4, 9)),
        delete_records("into it", "t", (0, 2)),
        list_offsets("stable end", -1, isolation_level=1),
        list_offsets("start", -2, isolation_level=1),
        *(committed(f"then from {offset}", offset=offset) for offset in (0, 2, 3)),
        _producers("producers", 0),
        delete_records("all", "t", (0, -1)),
        list_offsets("stable end of nothing", -1, isolation_level=1),
        committed("at the end", offset=4),
        end("abort", "start", False, version=4),
        settled("settled"),
        list_offsets("stable end at last", -1, isolation_level=1),
        committed("at last", offset=4),
        vary=["ListOffsets", "DeleteRecords"],
        topics=["t"],
    ),
    case(
        "transaction-timed-out",
        init("start", transaction_timeout_ms=1),
        offsets_added("add", "start"),
        commit("pending", "start", (0, 5)),
        add("add more", "start", 0, version=3),
        send("first", "start", version=11),
        with_options(offsets("a while", 0, stable=True, retry=(88,)), compare=False),
        with_options(offsets("a while more", 0, stable=True, retry=(88,)), compare=False),
        offsets("aborted", 0, stable=True, retry=(88,)),
        send("late", "start", 1, version=11),
        add("added late", "start", 0, version=3),
        end("committed late", "start", True),
        end("aborted late", "start", False),
        commit("offset late", "start", (0, 5)),
        _continued("continued", "start"),
        init("again"),
        state("state"),
        committed("read"),
        vary="EndTxn",
        topics=["t"],
    ),
    case(
        "transaction-of-a-deleted-topic",
        init("start"),
        add("add", "start", 0, version=3),
        send("first", "start", version=11),
        delete("delete", "t"),
        until_gone(),
        state("open"),
        end("commit", "start", True),
        settled("settled"),
        state("after"),
        add("gone too", "settled", 0, version=3),
        vary="EndTxn",
        topics=["t"],
        alone=True,  # among the other runs Kafka was seen to list the topic for half a minute
    ),
    case(
        "transaction-initialised-while-open",
        init("start"),
        init("second"),
        add("add", "second", 0, version=3),
        with_options(_continued("with the old epoch", "start"), retry=()),
        settled("settled"),
        state("state"),
        add("add again", "settled", 0, version=3),
        with_options(_continued("with the current epoch", "settled"), retry=()),
        _continued("with the same", "settled"),
        _continued("and once more", "settled"),
        init("shorter", transaction_timeout_ms=5),
        state("shorter state"),
        vary="InitProducerId",
        topics=["t"],
    ),
    case(
        "transaction-of-a-deleted-group",
        init("start"),
        offsets_added("add", "start"),
        commit("pending", "start", (0, 5), (1, 7)),
        ask(
            "delete offsets",
            "OffsetDelete",
            group_id=Named("g"),
            topics=[{"name": Named("t"), "partitions": [{"partition_index": 0}, {"partition_index": 1}]}],
        ),
        offsets("pending yet", 0, 1),
        offsets("stable", 0, 1, stable=True),
        ask("described", "DescribeGroups", groups=[Named("g")]),
        ask("deleted", "DeleteGroups", groups_names=[Named("g")]),
        ask("described again", "DescribeGroups", groups=[Named("g")]),
        offsets("stable again", 0, 1, stable=True),
        end("commit", "start", True, version=4),
        settled("settled"),
        offsets("at last", 0, 1, stable=True, retry=(88,)),
        vary="TxnOffsetCommit",
        since=3,
        topics=[Topic("t", 2)],
    ),
    case(
        "transactions-aborted-one-in-another",
        init("start"),
        add("add", "start", 0, version=3),
        send("first", "start", version=11),
        init("other", "y"),
        add("add other", "other", 0, version=3, tx="y"),
        send("other sends", "other", version=11, tx="y"),
        end("abort", "start", False, version=4),
        settled("settled"),
        committed("the other is open"),
        end("abort other", "other", False, version=4, tx="y"),
        init("other settled", "y"),
        produce("plain", _={"compare": False}),
        *(
            fetch(f"from {offset} at {level}", offset=offset, isolation_level=level)
            for level in (0, 1)
            for offset in range(5)
        ),
        vary="Fetch",
        topics=["t"],
    ),
]
