"""A question for each array of each request: n elements, distinct or equal, known or not, or one that comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ottla.broker.apis import CLIENT_ROWS
from ottla.common.names import ZERO_UUID
from ottla.protocol.api import APIS
from ottla.protocol.declaration import Field
from ottla.protocol.message import Message, Struct

VARIANTS = ("distinct", "equal", "known", "one twice")
KNOWN, GROUP, TRANSACTION = "known", "group", "transaction"
"""What names of things begin with that the broker has: `known-0`, ..."""
_NUMBERS = {
    "acks": -1, "timeout_ms": 1000, "transaction_timeout_ms": 60_000, "max_bytes": 1 << 20, "session_epoch": -1,
    "rebalance_timeout_ms": 1000, "session_timeout_ms": 10_000, "resource_type": 2, "config_operation": 0,
    "replication_factor": 1, "num_partitions": 1, "count": 3, "timestamp": -1, "replica_id": -1,
    "partition_max_bytes": 1 << 20, "response_partition_limit": 2000, "duration_filter": -1, "match_type": 0,
    "current_leader_epoch": -1, "generation_id_or_member_epoch": -1, "member_epoch": -1, "resource_pattern_type": 3,
    "operation": 3, "permission_type": 3, "pattern_type_filter": 3, "resource_type_filter": 2,
}  # fmt: skip
_INDEXES = ("partition_index", "partition", "index", "partitions", "partition_indexes", "broker_ids")
_WRITES = ("DeleteTopics", "DeleteGroups", "DeleteRecords", "CreatePartitions", "ElectLeaders")


class Question(NamedTuple):
    """The array at `path` of a request gets many elements; every other array has one."""

    key: int
    version: int
    path: tuple[str, ...]
    variant: str

    def __str__(self) -> str:
        return f"{APIS[self.key].name} v{self.version} {'.'.join(self.path)}, {self.variant}"

    def request(self, count: int) -> Message:
        return _build(APIS[self.key].request_class(), self.version, (), self, count, 0)  # type: ignore[no-any-return]


def questions() -> Iterator[Question]:
    """In the oldest and the newest version of each API: names became ids on the way."""
    for row in CLIENT_ROWS:
        kind = APIS[row.key].request_class()
        for version in dict.fromkeys((row.oldest, row.newest)):
            for path in _arrays(kind, version, ()):
                for variant in VARIANTS:
                    if not (variant in ("known", "equal") and APIS[row.key].name in _WRITES):
                        yield Question(row.key, version, path, variant)


def _arrays(struct: type[Struct], version: int, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in struct.fields().items():
        if field.in_version(version) or field.tagged_in(version):
            path = (*at, name)
            if field.array:
                yield path
            if field.struct is not None:
                yield from _arrays(field.struct, version, path)


def _build(struct: type[Struct], version: int, at: tuple[str, ...], question: Question, count: int, number: int) -> Any:
    values = {}
    for name, field in struct.fields().items():
        if not field.in_version(version) or field.tagged_in(version):
            continue
        path = (*at, name)
        if field.array:
            many = count if path == question.path else 1
            values[name] = [
                _element(field, version, path, question, count, number if many == 1 else one) for one in range(many)
            ]
            if path == question.path and question.variant == "one twice":
                values[name].append(_element(field, version, path, question, count, 0))
        else:
            values[name] = _element(field, version, path, question, count, number)
    return struct(**values)


def _element(field: Field, version: int, path: tuple[str, ...], question: Question, count: int, number: int) -> Any:
    if field.struct is not None:
        return _build(field.struct, version, path, question, count, number)
    assert field.kind is not None
    return _plain(path[-1], field.kind.name, question.variant, number)


def _plain(name: str, kind: str, variant: str, number: int) -> Any:
    if variant == "equal":
        number = 0
    if kind == "String":
        if "group" in name:
            return f"{GROUP}-{number}"
        if "transaction" in name:
            return f"{TRANSACTION}-{number}"
        if name in ("value", "metadata", "committed_metadata"):
            return "1"
        return f"{KNOWN if variant in ('known', 'equal') else 'unknown'}-{number}"
    if kind == "Uuid":
        return ZERO_UUID
    if kind in ("Bytes", "Records"):
        return b""
    if kind == "Bool":
        return name == "allow_auto_topic_creation"
    if name in _INDEXES:
        return number
    return _NUMBERS.get(name, 0)
