"""Cases from a seed: requests of any API with values that mean something to a broker, right and wrong ones mixed.

The cases of `cases` are what somebody thought of; these find what nobody did. A value is drawn by the name of its
field, so that topics, groups, members and producers exist most of the time and answers go beyond "unknown".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ottla.common.names import ZERO_UUID, Uuid
from ottla.protocol.api import BY_NAME
from ottla.protocol.declaration import Field
from ottla.protocol.message import Struct
from tests.conformance.differential.requests import produce, subscription
from tests.conformance.differential.steps import FIXED_MS, Answer, Ask, Case, Named, Scope, Topic, TopicId, ask, batch

STEPS = 24
NOWHERE = Uuid(b"0123456789abcdef")

WEIGHTS = {
    "Produce": 8, "Fetch": 8, "ListOffsets": 6, "OffsetForLeaderEpoch": 3, "Metadata": 3, "DeleteRecords": 3,
    "DescribeProducers": 2, "DescribeTopicPartitions": 2, "DescribeLogDirs": 1,
    "OffsetCommit": 6, "OffsetFetch": 6, "OffsetDelete": 2, "Heartbeat": 3, "LeaveGroup": 3, "SyncGroup": 2,
    "JoinGroup": 4, "DescribeGroups": 3, "ListGroups": 2, "DeleteGroups": 2, "FindCoordinator": 2,
    "ConsumerGroupHeartbeat": 6, "ConsumerGroupDescribe": 3,
    "InitProducerId": 5, "AddPartitionsToTxn": 5, "AddOffsetsToTxn": 3, "TxnOffsetCommit": 4, "EndTxn": 5,
    "DescribeTransactions": 2, "ListTransactions": 1,
    "CreateTopics": 4, "CreatePartitions": 3, "IncrementalAlterConfigs": 4, "AlterConfigs": 2,
    "DescribeConfigs": 3, "ElectLeaders": 1,
    "AlterPartitionReassignments": 1, "ListPartitionReassignments": 1, "AlterUserScramCredentials": 1,
    "DescribeUserScramCredentials": 1, "ListConfigResources": 1,
}  # fmt: skip
"""How often an API is asked. Those that change what all runs share, and what takes its time to be seen, are left to the
other cases."""

FAMILIES = (
    tuple(WEIGHTS),
    ("Produce", "Fetch", "ListOffsets", "OffsetForLeaderEpoch", "DeleteRecords", "InitProducerId", "DescribeProducers"),
    (
        "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "OffsetCommit", "OffsetFetch", "ConsumerGroupHeartbeat",
        "ConsumerGroupDescribe", "DescribeGroups", "DeleteGroups", "OffsetDelete",
    ),
    (
        "InitProducerId", "AddPartitionsToTxn", "AddOffsetsToTxn", "Produce", "TxnOffsetCommit", "EndTxn", "Fetch",
        "DescribeTransactions", "DescribeProducers", "OffsetFetch",
    ),
)  # fmt: skip
"""One run asks those of one family, so that it gets somewhere."""

LISTS_ALL = (
    "ListGroups", "ListTransactions", "ListConfigResources", "DescribeLogDirs", "Metadata",
    "DescribeUserScramCredentials", "ListPartitionReassignments", "ElectLeaders", "DescribeTopicPartitions",
)  # fmt: skip

TOPICS = ("t", "t", "t", "k", "k", "none")
CONFIGS = {
    "retention.ms": ("1000", "-1", "-2", "", "x"),
    "cleanup.policy": ("compact", "delete", "compact,delete", "", "nothing"),
    "segment.bytes": ("1048576", "1", "99999999999"),
    "max.message.bytes": ("100000", "-1", "1.5"),
    "min.insync.replicas": ("1", "0", "2"),
    "compression.type": ("producer", "gzip", "snappy", "none", "zip"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime", "createtime"),
    "flush.messages": ("1", "9223372036854775807", "0"),
    "min.cleanable.dirty.ratio": ("0.1", "1.5", "a"),
    "unclean.leader.election.enable": ("true", "TRUE", "maybe"),
    "no.such.setting": ("1",),
    "consumer.session.timeout.ms": ("50000", "1"),
    "interval.ms": ("1000", "0"),
    "": ("1",),
}


@dataclass(frozen=True)
class _Known(Answer):
    """A step that was refused tells nothing; -1 is what it says of a producer or a generation."""

    def value(self, scope: Scope) -> Any:
        found = super().value(scope)
        return self.otherwise if found in (None, -1) else found


class _Maker:
    """Draws the requests of one run."""

    def __init__(self, random: Random, unknown_producer: int) -> None:
        self._random = random
        self._unknown_producer = unknown_producer  # not that of another run
        self.joined = ["met"]
        """Steps whose answers may hold a member's id, and its generation or epoch."""
        self.initialised = ["init"]
        """Steps whose answers may hold a producer's id and epoch."""
        self._join, self._init = "met", "init"

    def _pick(self, *values: Any) -> Any:
        return self._random.choice(values)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    # --- messages

    def fields(self, api: str, version: int) -> dict[str, Any]:
        """What is said of a member, or of a producer, is of one step nearly always."""
        self._join, self._init = self._pick(*self.joined), self._pick(*self.initialised)
        return self._struct(BY_NAME[api].request_class(), version, api, "")

    def _struct(self, kind: type[Struct], version: int, api: str, path: str) -> dict[str, Any]:
        found = {}
        topic = self._topic()  # a name and an id in one struct are of one topic
        for name, field in kind.fields().items():
            if not field.in_version(version) or (field.tagged_in(version) and self._chance(0.6)):
                continue
            found[name] = self._field(name, field, version, api, f"{path}.{name}", topic)
        return found

    def _field(self, name: str, field: Field, version: int, api: str, path: str, topic: Any) -> Any:
        if field.nullable_in(version) and name != "records" and self._chance(0.1):  # Kafka never answers null records
            return None
        if field.array:
            count = 1 if name in _ONE else self._pick(0, 1, 1, 1, 1, 1, 2, 2)
            found: list[Any] = []
            for _ in range(count):
                one = self._one(name, field, version, api, path, topic)
                if not any(_same_thing(one, other) for other in found):
                    found.append(one)
            return found
        return self._one(name, field, version, api, path, topic)

    def _one(self, name: str, field: Field, version: int, api: str, path: str, topic: Any) -> Any:
        if field.struct is not None:
            return self._struct(field.struct, version, api, path)
        assert field.kind is not None
        special = _BY_PATH.get((api, path)) or _BY_NAME.get(name)
        if special is not None:
            value = special(self, topic)
            return self._plain(field.kind.name, field) if value is None and not field.nullable_in(version) else value
        return self._plain(field.kind.name, field)

    def _plain(self, kind: str, field: Field) -> Any:
        if kind == "Bool":
            return self._chance(0.5)
        if kind == "String":
            return self._pick("", "x", "range", "uniform", "consumer")
        if kind == "Uuid":
            return self._pick(ZERO_UUID, NOWHERE)
        if kind == "Float64":
            return self._pick(0.0, 1.0, -1.0, 1e6)
        if kind in ("Bytes", "Records"):
            return self._pick(b"", b"x")
        default = field.default if isinstance(field.default, int) else 0
        return self._pick(default, default, 0, 1, -1, 2)

    # --- values

    def _topic(self) -> str | None:
        return None if self._chance(0.06) else self._pick(*TOPICS)

    def topic_name(self, topic: str | None) -> Any:
        return Named(topic) if topic is not None else self._pick("", "a/b", "..", "x" * 250)

    def topic_id(self, topic: str | None) -> Any:
        return TopicId(topic) if topic not in (None, "none") else NOWHERE

    def new_topic(self, _: Any) -> Any:
        return self._pick(Named("n1"), Named("n2"), Named("n3"), Named("t"), "", "a b", ".")

    def group(self, _: Any) -> Any:
        return Named(self._pick("g", "g", "c", "c", "other", "c2"))

    def member(self, _: Any) -> Any:
        known = _Known(self._join, "member_id", "m")
        return self._pick("", "nobody", "fixed-member-id-00000000", known, known, known)

    def instance(self, _: Any) -> Any:
        return self._pick(None, None, None, "i1", "i2", "")

    def generation(self, _: Any) -> Any:
        known = _Known(self._join, "generation_id" if "JoinGroup" in self._join else "member_epoch", 5)
        return self._pick(-1, 0, 1, 1, 2, known, known, known)

    def transactional(self, _: Any) -> Any:
        return "" if self._chance(0.05) else Named(self._pick("tx", "tx", "ty"))

    def maybe_transactional(self, _: Any) -> Any:
        return self._pick(None, None, None, Named("tx"), "")

    def producer_id(self, _: Any) -> Any:
        known = _Known(self._init, "producer_id", self._unknown_producer)
        return self._pick(-1, known, known, known, known, 1 << 40)

    def producer_epoch(self, _: Any) -> Any:
        known = _Known(self._init, "producer_epoch", 0)
        return self._pick(-1, 0, known, known, known, known, 1, 32767)

    def partition(self, _: Any) -> int:
        return int(self._pick(0, 0, 0, 1, 2, 3, -1))

    def offset(self, _: Any) -> int:
        return int(self._pick(0, 0, 1, 2, 3, 5, 6, 100, -1, -2))

    def epoch(self, _: Any) -> int:
        return int(self._pick(-1, -1, -1, 0, 0, 1, 9, -2))

    def timestamp(self, _: Any) -> int:
        return int(self._pick(-1, -2, -3, -4, -5, -6, -7, 0, FIXED_MS, FIXED_MS + 10, FIXED_MS + 1, FIXED_MS * 2))

    def records(self, _: Any) -> Any:
        codec = self._pick(0, 0, 0, 1, 2, 3, 4)
        key = self._pick(b"key", b"a", b"b", None)
        values = self._pick((b"value",), (b"1", b"2", b"3"), (None,), (b"x" * 200,) * 2)
        timestamp = self._pick(FIXED_MS, FIXED_MS + 5, FIXED_MS - 5, 0, -1)
        if self._chance(0.4):
            return batch(*values, key=key, codec=codec, timestamp=timestamp, step_ms=self._pick(0, 1, -1))
        return batch(
            *values, key=key, codec=codec, timestamp=timestamp,
            producer_id=_Known(self._init, "producer_id", self._unknown_producer),
            producer_epoch=_Known(self._init, "producer_epoch", 0),
            sequence=self._pick(0, 0, 1, 2, 3, 4, 7), transactional=self._chance(0.5),
        )  # fmt: skip

    def config_name(self, _: Any) -> str:
        name: str = self._pick(*CONFIGS)
        return name

    def config_value(self, _: Any) -> Any:
        return self._pick(None, *(value for values in CONFIGS.values() for value in values))

    def resource_type(self, _: Any) -> int:
        return int(self._pick(2, 2, 2, 2, 32, 16, 0, 3, 99))

    def resource_name(self, topic: Any) -> Any:
        return self._pick(self.topic_name(topic), Named("g"), "")


_ONE = ("configs", "transactions", "resources", "upsertions")
"""Of several wrong settings Kafka names the first of a hash table; a request without transactions, or with a resource
twice, it never answers."""
_WHAT = ("name", "topic", "topic_id", "partition", "partition_index", "index", "group_id", "transactional_id")


def _same_thing(one: Any, other: Any) -> bool:
    """Two entries of a list that speak of one topic, partition or group: what a broker makes of those is no rule."""
    if isinstance(one, dict) and isinstance(other, dict):
        return any(key in one and one[key] == other.get(key) for key in _WHAT)
    return bool(one == other)


Special = Callable[[_Maker, Any], Any]


def _of(*values: Any) -> Special:
    return lambda maker, topic: maker._pick(*values)


_BY_NAME: dict[str, Special] = {
    "name": _Maker.topic_name, "topic": _Maker.topic_name, "topic_name": _Maker.topic_name,
    "topic_names": _Maker.topic_name, "topic_id": _Maker.topic_id, "topics": _Maker.topic_name,
    "subscribed_topic_names": _Maker.topic_name,
    "group_id": _Maker.group, "groups": _Maker.group, "groups_names": _Maker.group, "group_ids": _Maker.group,
    "member_id": _Maker.member, "group_instance_id": _Maker.instance, "instance_id": _Maker.instance,
    "generation_id": _Maker.generation, "generation_id_or_member_epoch": _Maker.generation,
    "member_epoch": _Maker.generation,
    "transactional_id": _Maker.transactional, "transactional_ids": _Maker.transactional,
    "producer_id": _Maker.producer_id, "producer_epoch": _Maker.producer_epoch,
    "partition": _Maker.partition, "partition_index": _Maker.partition, "index": _Maker.partition,
    "partition_indexes": _Maker.partition, "partitions": _Maker.partition,
    "fetch_offset": _Maker.offset, "offset": _Maker.offset, "committed_offset": _Maker.offset,
    "log_start_offset": _of(-1, -1, 0, 5),
    "current_leader_epoch": _Maker.epoch, "leader_epoch": _Maker.epoch, "committed_leader_epoch": _Maker.epoch,
    "last_fetched_epoch": _of(-1, -1, 0, 1), "timestamp": _Maker.timestamp,
    "records": _Maker.records, "acks": _of(1, 1, -1, -1, 2, -2), "isolation_level": _of(0, 0, 1, 1, 2, -1),
    "replica_id": _of(-1), "min_bytes": _of(0), "max_wait_ms": _of(0), "max_bytes": _of(1 << 20, 1 << 20, 1, 200, 0),
    "partition_max_bytes": _of(1 << 20, 1 << 20, 1, 150, 0), "session_id": _of(0), "session_epoch": _of(-1),
    "timeout_ms": _of(30_000, 30_000, 30_000, 30_000, 30_000, 0, -1), "rack_id": _of("", "r"),
    "broker_ids": _of(1, 1, 0, 7),
    "session_timeout_ms": _of(30_000, 30_000, 30_000, 1, 0, 10_000_000), "rebalance_timeout_ms": _of(60_000),
    "protocol_type": _of("consumer", "consumer", "connect", ""), "protocol_name": _of("range", "roundrobin", None),
    "metadata": lambda maker, topic: maker._pick(subscription("t"), subscription("t", "k"), b"", b"\0\1"),
    "transaction_timeout_ms": _of(60_000, 60_000, 0, -1, 900_001),
    "resource_type": _Maker.resource_type, "resource_name": _Maker.resource_name,
    "config_operation": _of(0, 0, 1, 2, 3), "num_partitions": _of(1, 2, -1, 0, -2, 3),
    "replication_factor": _of(1, 1, -1, 0, 2), "count": _of(3, 4, 5, 1, 0, -1), "key_type": _of(0, 0, 1, 2, 9),
    "coordinator_keys": _Maker.group, "key": _Maker.group, "election_type": _of(0, 1), "cursor": _of(None),
    "server_assignor": _of(None, "range", "uniform", "none"),
    "subscribed_topic_regex": _of(None, None, "", "(", "zzz.*"),
    "reason": _of(None, "because"), "states_filter": _of("Stable", "Empty", "empty", "Dead", "x"),
    "types_filter": _of("classic", "consumer", "Consumer", "x"), "state_filters": _of("Ongoing", "Empty", "x"),
    "include_documentation": _of(False), "salt": _of(b"salt"), "salted_password": _of(b"password"),
    "user": lambda maker, topic: Named("u"), "mechanism": _of(1, 2, 0), "iterations": _of(4096, 1, 20_000),
    "response_partition_limit": _of(2000, 1, 0), "duration_filter": _of(-1, 0), "verify_only": _of(False, False, True),
    "producer_id_filters": _of(1 << 41), "transactional_id_pattern": _of(None, "", "x.*"),
    "committed_metadata": _of("", "meta", None, "m" * 5000), "retention_time_ms": _of(-1, 1000),
    "assignments": _Maker.partition, "replicas": _of(1, 0, 9), "client_id": _of("c"),
    "committed": _of(True, False), "owned_partitions": _Maker.partition,
}  # fmt: skip

_CONFIG_ROWS = (
    ("CreateTopics", ".topics.configs"), ("AlterConfigs", ".resources.configs"),
    ("IncrementalAlterConfigs", ".resources.configs"),
)  # fmt: skip
_BY_PATH: dict[tuple[str, str], Special] = {
    **{(api, f"{path}.name"): _Maker.config_name for api, path in _CONFIG_ROWS},
    **{(api, f"{path}.value"): _Maker.config_value for api, path in _CONFIG_ROWS},
    ("DescribeConfigs", ".resources.configuration_keys"): _Maker.config_name,
    ("CreateTopics", ".topics.name"): _Maker.new_topic,
    ("JoinGroup", ".protocols.name"): _of("range", "roundrobin"),
    ("Produce", ".transactional_id"): _Maker.maybe_transactional,
    ("InitProducerId", ".transactional_id"): _Maker.maybe_transactional,
    ("InitProducerId", ".producer_id"): _of(-1), ("InitProducerId", ".producer_epoch"): _of(-1),
    ("AlterUserScramCredentials", ".deletions.name"): lambda maker, topic: Named("u"),
    ("AlterUserScramCredentials", ".upsertions.name"): lambda maker, topic: Named("u"),
    ("DescribeUserScramCredentials", ".users.name"): lambda maker, topic: Named("u"),
    ("ElectLeaders", ".topic_partitions.topic"): _Maker.topic_name,
}  # fmt: skip
_PASSING = (14, 15, 16, 19, 51)  # 19: Kafka could not reach itself to verify a transaction


def random_case(seed: int, advertised: dict[str, tuple[int, int]]) -> Case:
    """The same for each seed, as long as nothing changes above and the ranges of versions stay."""
    random = Random(seed)
    maker = _Maker(random, unknown_producer=(1 << 42) + seed)
    names = [api for api in FAMILIES[seed % len(FAMILIES)] if api in advertised]
    steps: list[Ask] = [
        produce("first", records=batch(b"1", b"2", b"3", timestamp=FIXED_MS, step_ms=1)),
        ask("init", "InitProducerId", transactional_id=Named("tx"), transaction_timeout_ms=60_000),
        ask(
            "met", "ConsumerGroupHeartbeat", group_id=Named("c"), member_id="fixed-member-id-00000000", member_epoch=0,
            rebalance_timeout_ms=60_000, subscribed_topic_names=[Named("t")], topic_partitions=[],
        ),
    ]  # fmt: skip
    for number in range(STEPS):
        api = random.choices(names, [WEIGHTS[name] for name in names])[0]
        oldest, newest = max(advertised[api][0], BY_NAME[api].versions[0]), advertised[api][1]
        version = newest if random.random() < 0.4 else random.randint(oldest, newest)
        name = f"{number}-{api}"
        steps.append(
            Ask(
                name, api, maker.fields(api, version), version=version, mine=api in LISTS_ALL,
                retry=_PASSING, timeout_s=4, on=f"{api if api in ('JoinGroup', 'SyncGroup') else 'main'}",
            )
        )  # fmt: skip
        if api in ("JoinGroup", "ConsumerGroupHeartbeat"):
            maker.joined.append(name)
        elif api == "InitProducerId":
            maker.initialised.append(name)
    topics = (Topic("t", 3), Topic("k", 1, {"cleanup.policy": "compact"}))
    # Alone: Kafka asks the coordinator for several producers at once, and answers all in the way of one; and a group
    # that it has forgotten in memory comes back with the next record of another one.
    return Case(f"random-{seed}", tuple(steps), (), topics, alone=True)
