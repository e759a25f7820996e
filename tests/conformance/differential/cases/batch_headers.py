"""Each field of a batch's header set too low, too high, unset: what Kafka refuses, corrects, stores, and finds by time.

The records inside are right. For each codec and each type of timestamp; and in the retry of an idempotent producer.
"""

from __future__ import annotations

from typing import Any

from ottla.records.batch import assemble, parse_header
from ottla.records.compression import compress
from ottla.records.record import encode_record
from tests.conformance.differential.requests import fetch, list_offsets, produce
from tests.conformance.differential.steps import FIXED_MS, Batch, Case, Topic, batch, case, header_patch

THREE = (b"a", b"b", b"c")
STEP_MS = 1000
LAST = FIXED_MS + 2 * STEP_MS
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
LOG_APPEND = Topic("t", configs={"message.timestamp.type": "LogAppendTime"})
LIMITED = Topic("t", configs={"message.timestamp.before.max.ms": str(10**12), "message.timestamp.after.max.ms": "1000"})
HOUR_MS = 3_600_000

FIELDS: dict[str, tuple[int, ...]] = {
    "max_timestamp": (-1, 0, FIXED_MS - 1, FIXED_MS, LAST - 1, LAST + 1, LAST + HOUR_MS, -(2**63), 2**63 - 1),
    "base_timestamp": (-1, 0, FIXED_MS - 5, FIXED_MS + 5),
    "base_offset": (-1, 1, 2**62),
    "leader_epoch": (-1, 0, 7, 2**31 - 1),
    "record_count": (-1, 0, 2, 4),
    "last_offset_delta": (-1, 0, 1, 3),
    "producer_epoch": (0, 5),
    "base_sequence": (0, 5),
}


def _named(name: str, value: int) -> str:
    return f"{name.replace('_', '-')}-{value}"


def three(codec: int = 0, **changes: int) -> Batch:
    return batch(*THREE, step_ms=STEP_MS, codec=codec, change=header_patch(**changes) if changes else None)


def _by_time() -> list[Any]:
    """What a look for times finds, in the order of times."""
    at = {"before": FIXED_MS - 1, "first": FIXED_MS, "between": FIXED_MS + 500, "last": LAST, "after": LAST + 1}
    return [
        *(list_offsets(f"at {name}", time) for name, time in at.items()),
        list_offsets("largest", -3, _={"since": 7}),
        list_offsets("end", -1),
    ]


def _one(name: str, value: int) -> Case:
    return case(
        f"header-{_named(name, value)}",
        produce("produce", records=three(**{name: value})),
        fetch("read"),
        *_by_time(),
        vary=(),
        topics=["t"],
    )


def _per_codec(codec: int) -> Case:
    """The fields that say of times and counts, under a codec; each batch in a partition of its own."""
    chosen = [
        (name, value) for name in ("max_timestamp", "record_count", "last_offset_delta") for value in FIELDS[name]
    ]
    steps: list[Any] = []
    for place, (name, value) in enumerate(chosen):
        steps += [
            produce(_named(name, value), records=three(codec, **{name: value}), partition=place),
            fetch(f"read {_named(name, value)}", partition=place),
            list_offsets(f"at {_named(name, value)}", FIXED_MS + 500, partition=place),
            list_offsets(f"largest {_named(name, value)}", -3, partition=place),
        ]
    return case(f"header-under-{CODECS[codec]}", *steps, vary=(), topics=[Topic("t", len(chosen))])


def _per_type(label: str, topic: Topic) -> Case:
    steps: list[Any] = []
    chosen = [("max_timestamp", value) for value in FIELDS["max_timestamp"]] + [("attributes", 0x08), ("attributes", 0)]
    for place, (name, value) in enumerate(chosen):
        steps += [
            produce(_named(name, value), records=three(**{name: value}), partition=place),
            list_offsets(f"end {_named(name, value)}", -1, partition=place),
        ]
    return case(f"header-with-{label}", *steps, vary=(), topics=[Topic("t", len(chosen), topic.configs)])


def _times(label: str, configs: dict[str, str], *steps: int) -> Case:
    """Records whose times go up and down: which of them a limit looks at."""
    return case(
        f"header-times-{label}",
        *(produce(f"step {step}", records=batch(*THREE, step_ms=step)) for step in steps),
        list_offsets("end", -1),
        fetch("read"),
        vary=(),
        topics=[Topic("t", configs=configs)],
    )


def _retried(name: str, value: int) -> Case:
    """A retry whose header differs is a duplicate, or is not."""
    mine = {"producer_id": 90, "producer_epoch": 0, "sequence": 0}
    first = batch(*THREE, step_ms=STEP_MS, **mine)
    again = batch(*THREE, step_ms=STEP_MS, change=header_patch(**{name: value}), **mine)
    return case(
        f"header-retried-{_named(name, value)}",
        produce("first", records=first),
        produce("again", records=again),
        produce("as it was", records=first),
        list_offsets("end", -1),
        vary=(),
        topics=["t"],
    )


def _alone(codec: int) -> Case:
    """One record: its time is the largest, whatever the header says."""
    chosen = [("max_timestamp", value) for value in FIELDS["max_timestamp"]]
    chosen += [("base_timestamp", value) for value in FIELDS["base_timestamp"]]
    steps: list[Any] = []
    for place, (name, value) in enumerate(chosen):
        label = _named(name, value)
        records = batch(b"a", codec=codec, change=header_patch(**{name: value}))
        steps += [
            produce(label, records=records, partition=place),
            fetch(f"read {label}", partition=place),
            list_offsets(f"at {label}", FIXED_MS, partition=place),
            list_offsets(f"largest {label}", -3, partition=place),
        ]
    return case(f"header-of-one-under-{CODECS[codec]}", *steps, vary=(), topics=[Topic("t", len(chosen))])


STAMPED: dict[str, Batch] = {
    "three": batch(*THREE, attributes=0x08),
    "three of gzip": batch(*THREE, codec=1, attributes=0x08),
    "without keys and values": batch(None, b"x", key=None, attributes=0x08),
    "without keys and values of lz4": batch(None, b"x", key=None, codec=3, attributes=0x08),
    "without a time": batch(*THREE, timestamp=-1, attributes=0x08),
    "without a time in the header": batch(*THREE, change=header_patch(attributes=0x08, max_timestamp=-1)),
}
FAR_MS = 10**12
"""Back from the fixed time: 1992, beyond a limit of as much from now."""


def _stamped(label: str, configs: dict[str, str]) -> Case:
    """Batches whose producer says that the broker has given their time."""
    return case(
        f"header-stamped-for-{label}",
        *(produce(name, records=records) for name, records in STAMPED.items()),
        list_offsets("end", -1),
        vary=(),
        topics=[Topic("t", configs=configs)],
    )


def _beyond(label: str, codec: int) -> Case:
    """A limit of times looks at each record, not at the first and the largest alone."""
    back = {"message.timestamp.before.max.ms": str(FAR_MS)}
    return case(
        f"header-times-beyond-{label}",
        produce("the second", records=batch(*THREE, step_ms=-FAR_MS, codec=codec)),
        produce("the first", records=batch(*THREE, timestamp=FIXED_MS - FAR_MS, step_ms=FAR_MS, codec=codec)),
        produce("good", records=batch(*THREE, step_ms=-STEP_MS, codec=codec)),
        list_offsets("end", -1),
        vary=(),
        topics=[Topic("t", configs=back)],
    )


def _deltas(*deltas: int, codec: int = 0) -> Batch:
    """Records whose offsets in the batch are these."""
    payload = b"".join(encode_record(0, delta, b"key", b"%d" % place) for place, delta in enumerate(deltas))

    def change(data: bytes) -> bytes:
        return assemble(parse_header(data), compress(codec, payload))

    return batch(*(b"x" for _ in deltas), codec=codec, change=change)


def _misplaced(codec: int) -> Case:
    """On a compacted topic: its batches are opened on both. Kafka stores what it does not decompress as it came."""
    orders = ((1, 0), (0, 0, 1), (0, 5), (2, 1, 0), (-1, 0))
    return case(
        f"header-deltas-under-{CODECS[codec]}",
        *(produce(f"deltas {order}", records=_deltas(*order, codec=codec)) for order in orders),
        list_offsets("end", -1),
        *(fetch(f"read from {offset}", offset=offset) for offset in (0, 2, 5)),
        vary=(),
        topics=[Topic("t", configs={"cleanup.policy": "compact"})],
    )


CASES = [
    *map(_alone, range(len(CODECS))),
    _stamped("log-append-time", LOG_APPEND.configs),
    _stamped("create-time", {}),
    _stamped("compacted", {"cleanup.policy": "compact", **LOG_APPEND.configs}),
    _beyond("plain", 0),
    _beyond("gzip", 1),
    *map(_misplaced, (0, 1, 3)),
    *(_one(name, value) for name, values in FIELDS.items() for value in values),
    *map(_per_codec, range(len(CODECS))),
    _per_type("log-append-time", LOG_APPEND),
    _per_type("limits", LIMITED),
    _times("before", {"message.timestamp.before.max.ms": str(10**13)}, STEP_MS, -STEP_MS, 0),
    _times("after", {"message.timestamp.after.max.ms": str(10**13)}, STEP_MS, -STEP_MS, HOUR_MS),
    *(
        _retried(name, value)
        for name, value in (
            ("max_timestamp", -1), ("max_timestamp", LAST + 5), ("base_timestamp", FIXED_MS + 5), ("leader_epoch", 7),
            ("base_offset", 3), ("attributes", 0x08), ("record_count", 2), ("last_offset_delta", 1),
        )
    ),
]  # fmt: skip
