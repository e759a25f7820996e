"""Produce: requests with two faults at once. Which one is answered, and what was appended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.differential.requests import fetch, list_offsets, named, produce
from tests.conformance.differential.steps import Batch, Case, Named, Topic, ask, batch, case, header_patch

TRANSACTIONAL = {"transactional": True, "producer_id": 5, "producer_epoch": 0, "sequence": 0}
BOTH = header_patch

FAULTS: dict[str, Any] = {
    "good": batch(),
    "nothing": None,
    "empty": b"",
    "length -1": batch(change=header_patch(length=-1)),
    "length 5": batch(change=header_patch(length=5)),
    "length 13": batch(change=header_patch(length=13)),
    "length 14": batch(change=header_patch(length=14)),
    "length too large": batch(change=header_patch(length=10_000)),
    "26 bytes of magic 1": batch(change=lambda data: header_patch(length=14, magic=1)(data)[:26]),
    "cut": batch(change=lambda data: data[:30]),
    "cut to ten": batch(change=lambda data: data[:10]),
    "magic 1": batch(change=header_patch(magic=1)),
    "magic 3": batch(change=header_patch(magic=3)),
    "magic -1": batch(change=header_patch(magic=-1)),
    "count 2": batch(change=header_patch(record_count=2)),
    "count -1": batch(change=header_patch(record_count=-1)),
    "crc": batch(change=header_patch(crc=7)),
    "transactional": batch(**TRANSACTIONAL),
    "transactional length 5": batch(**TRANSACTIONAL, change=header_patch(length=5)),
    "transactional length -1": batch(**TRANSACTIONAL, change=header_patch(length=-1)),
    "transactional magic 1": batch(**TRANSACTIONAL, change=header_patch(magic=1)),
    "transactional crc": batch(**TRANSACTIONAL, change=header_patch(crc=7)),
    "transactional control": batch(**TRANSACTIONAL, attributes=0x20),
    "control": batch(attributes=0x20),
    "unknown codec": batch(change=header_patch(attributes=6)),
    "two batches": batch(change=lambda data: data * 2),
    "two, the second short": batch(change=lambda data: data + header_patch(length=5)(data)),
    "two, the second transactional": batch(change=lambda data: data + Batch(**TRANSACTIONAL).value(None)),  # type: ignore[arg-type]
    "a tail of ten": batch(change=lambda data: data + data[:10]),
}


def _pair(first: Any, second: Any, **fields: Any) -> dict[str, Any]:
    data = [{"index": 0, "records": first}, {"index": 1, "records": second}]
    return {"acks": 1, "timeout_ms": 1000, "topic_data": [named("t", partition_data=data)], **fields}


def _beside_others(name: str) -> Case:
    """One fault in t-0 beside every other in t-1; then what was appended."""
    return case(
        f"produce-pairs-{name.replace(' ', '-').replace(',', '')}",
        *(
            ask(f"beside {other}", "Produce", **_pair(FAULTS[name], FAULTS[other]))
            for other in FAULTS
            if other != "nothing"
        ),
        list_offsets("end of the first", -1),
        list_offsets("end of the second", -1, partition=1),
        topics=[Topic("t", 2)],
        vary=(),
    )


def _nothing() -> Case:
    """Kafka never answers where the records of a partition are null: it is not given long."""
    alone = {"topic_data": [named("t", partition_data=[{"index": 0, "records": None}])]}
    return case(
        "produce-records-of-nothing",
        ask("alone", "Produce", _={"timeout_s": 2}, acks=1, timeout_ms=1000, **alone),
        ask("first", "Produce", _={"timeout_s": 2}, **_pair(None, FAULTS["good"])),
        ask("second", "Produce", _={"timeout_s": 2}, **_pair(FAULTS["crc"], None)),
        ask("behind a short one", "Produce", **_pair(FAULTS["length 5"], None)),
        topics=[Topic("t", 2)],
        vary=(),
    )


def _places(name: str, records: Any) -> Case:
    """A fault beside faults that are the request's own, or the partition's."""
    return case(
        f"produce-places-{name.replace(' ', '-').replace(',', '')}",
        produce("unknown topic", "nosuch", records=records),
        produce("unknown partition", records=records, partition=9),
        produce("acks 2", records=records, acks=2),
        produce("acks all", records=records, acks=-1),
        produce("with a transactional id", records=records, transactional_id=Named("x")),
        ask(
            "two topics",
            "Produce",
            acks=1,
            timeout_ms=1000,
            topic_data=[
                named("nosuch", partition_data=[{"index": 0, "records": records}]),
                named("t", partition_data=[{"index": 0, "records": batch()}]),
            ],
        ),
        list_offsets("end", -1),
        topics=[Topic("t", 2)],
        vary="Produce",
    )


def _internal(name: str, records: Any) -> Case:
    data = [{"index": 0, "records": records}]
    return case(
        f"produce-internal-{name.replace(' ', '-').replace(',', '')}",
        *(
            ask(
                f"as {client}",
                "Produce",
                _={"client_id": client},
                acks=1,
                timeout_ms=1000,
                topic_data=[
                    {"name": "__consumer_offsets", "partition_data": data},
                    named("t", partition_data=[{"index": 0, "records": batch()}]),
                ],
            )
            for client in ("client", "__admin_client")
        ),
        ask(
            "acks 2",
            "Produce",
            acks=2,
            timeout_ms=1000,
            topic_data=[{"name": "__consumer_offsets", "partition_data": data}],
        ),
        list_offsets("end", -1),
        topics=["t"],
        until=12,
    )


def _silently(name: str, records: Any) -> Case:
    """With acks=0 an error closes the connection."""
    return case(
        f"produce-silent-{name.replace(' ', '-').replace(',', '')}",
        ask("silent", "Produce", _={"no_answer": True}, **_pair(records, batch(), acks=0)),
        list_offsets("end", -1, partition=1),
        topics=[Topic("t", 2)],
        vary=(),
    )


Patch = Callable[[bytes], bytes]

CHANGES: dict[str, dict[str, int]] = {
    "magic": {"magic": 1},
    "crc": {"crc": 7},
    "base offset": {"base_offset": 5},
    "count": {"record_count": 2},
    "no count": {"record_count": 0},
    "last delta": {"last_offset_delta": 3},
    "codec": {"attributes": 7},
    "control": {"attributes": 0x20},
    "log append time": {"attributes": 0x08},
    "no sequence": {"producer_id": 5, "producer_epoch": 0},
    "times": {"max_timestamp": 5},
}


def _two_in_one() -> Case:
    """Two faults in one header; the CRC is right unless it is one of them."""
    names = list(CHANGES)
    pairs = [(first, second) for place, first in enumerate(names) for second in names[place + 1 :]]
    return case(
        "produce-two-faults-in-one-batch",
        *(
            produce(
                f"{first} and {second}", records=batch(change=header_patch(**{**CHANGES[first], **CHANGES[second]}))
            )
            for first, second in pairs
            if not CHANGES[first].keys() & CHANGES[second].keys()
        ),
        list_offsets("end", -1),
        fetch("read"),
        topics=["t"],
        vary=(),
    )


SMALL = (
    "length -1",
    "length 5",
    "length 14",
    "magic 1",
    "crc",
    "count 2",
    "two batches",
    "two, the second short",
    "transactional",
    "transactional length 5",
    "cut",
)

CASES = [
    *(_beside_others(name) for name in FAULTS if name != "nothing"),
    _nothing(),
    case(
        "produce-header-cut-short",
        produce("whole", records=batch(change=lambda data: header_patch(length=14)(data)[:26])),
        list_offsets("end", -1),
        topics=["t"],
        vary=(),
    ),
    *(_places(name, FAULTS[name]) for name in SMALL),
    *(_internal(name, FAULTS[name]) for name in SMALL),
    *(_silently(name, FAULTS[name]) for name in SMALL),
    _two_in_one(),
]
