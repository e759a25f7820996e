"""All rules by which two right answers may differ, each with its reason. Nothing else is left out of the comparison.

Generated ids become symbols in the order in which a run first sees them, on each side for itself: equal ids stay equal,
different ones stay different. A value that the case itself wrote into the request is no generated id and stays.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from ottla.common.names import ZERO_UUID, uuid_text
from tests.conformance.differential.trees import Tree

IDS = {
    "topic_id": "topic id",  # random uuid, given by the controller
    "member_id": "member id",  # "<client id>-<random uuid>", given by the coordinator
    "leader": "member id",  # JoinGroup: the member id of the leader
    "producer_id": "producer id",  # from a block that the controller gives to the broker
    "ongoing_txn_producer_id": "producer id",
    "session_id": "session id",  # Fetch: a random number (KIP-227)
    "cluster_id": "cluster id",  # given when the storage is formatted
    "subscription_id": "subscription id",
    "client_instance_id": "client instance id",
    "replica_directory_id": "directory id",  # random uuid of a log directory
}
"""Field name to the kind of id that it holds."""

NO_ID = ("", -1, 0, None, uuid_text(ZERO_UUID))
"""What stands in such a field when there is no id. The broker's first producer id, 0, is taken before a case begins."""

TIMES = (
    "log_append_time_ms", "timestamp", "base_timestamp", "max_timestamp", "last_timestamp", "transaction_start_time_ms",
    "last_fetch_timestamp", "last_caught_up_timestamp", "issue_timestamp_ms", "expiry_timestamp_ms",
    "max_timestamp_ms",
)  # fmt: skip
"""Fields that hold the time of the broker's clock. A time of this hour is "now"; others, such as the fixed ones in the
records of the cases, and -1, stay."""
NOW_MS = 3_600_000
"""Within two of these, since the cases ask for limits an hour away."""

HOSTS, PORTS = ("host",), ("port",)
"""The broker's own address; where it appears in a text as well."""
CONTROLLER_LISTENER = re.compile(r"(?<=the default listener ListenerName\()\w+")
"""Where a controller is reached is set up: Kafka needs a listener for it alone, with a name and port of its own."""

SIZES = ("total_bytes", "usable_bytes", "finalized_features_epoch")
"""Of the disk, to which other processes write, and of the metadata log, which grows with whatever happens. The sizes of
partitions are compared."""
QUORUM_SIZES = ("high_watermark", "log_end_offset", "leader_epoch")
"""DescribeQuorum: the end of the metadata log as well, and how often a controller was elected: Kafka elects itself
again where the machine is slow."""

PATHS = ("log_dir",)

UNORDERED: dict[tuple[str, str], str] = {
    ("Produce", "responses"): "hash order of a map of partitions",
    ("Produce", "responses[].partition_responses"): "hash order of a map of partitions",
    ("ListOffsets", "topics"): "hash order of a map of partitions",
    ("ListOffsets", "topics[].partitions"): "hash order of a map of partitions",
    ("DeleteRecords", "topics"): "hash order of a map of partitions",
    ("DeleteRecords", "topics[].partitions"): "hash order of a map of partitions",
    ("DeleteTopics", "responses"): "hash order of a map by generated topic id",
    ("Metadata", "topics"): "Kafka answers topics that it lists by itself, and unknown ones, in hash order",
    ("DescribeLogDirs", "results[].topics"): "hash order of a map by topic",
    ("DescribeLogDirs", "results[].topics[].partitions"): "hash order of a map of partitions",
    ("DescribeGroups", "groups"): "by coordinator: hash order of the partitions of the offsets topic",
    ("DeleteGroups", "results"): "by coordinator: hash order of the partitions of the offsets topic",
    ("CreatePartitions", "results"): "hash order of a map by topic",
    ("DescribeGroups", "groups[].members"): "hash order of a map by generated member id",
    ("JoinGroup", "members"): "hash order of a map by generated member id",
    ("ListGroups", "groups"): "hash order of a map by group, over the partitions of the offsets topic",
    ("DescribeConfigs", "results[].configs"): "hash order of a map by name",
    ("ConsumerGroupDescribe", "groups"): "by coordinator: hash order of the partitions of the offsets topic",
    ("ConsumerGroupDescribe", "groups[].members"): "hash order of a map by generated member id",
    ("ConsumerGroupDescribe", "groups[].members[].assignment.topic_partitions"): "hash order of a map by topic id",
    ("ConsumerGroupDescribe", "groups[].members[].target_assignment.topic_partitions"): "hash order, by topic id",
    ("ConsumerGroupDescribe", "groups[].members[].subscribed_topic_names"): "hash order of a set of names",
    ("ConsumerGroupHeartbeat", "assignment.topic_partitions"): "hash order of a map by topic id",
    ("AddPartitionsToTxn", "results_by_topic_v3_and_below"): "hash order of a map by topic",
    ("AddPartitionsToTxn", "results_by_topic_v3_and_below[].results_by_partition"): "hash order of a map of partitions",
    ("AddPartitionsToTxn", "results_by_transaction[].topic_results"): "hash order of a map by topic",
    ("AddPartitionsToTxn", "results_by_transaction[].topic_results[].results_by_partition"): "hash order of partitions",
    ("DescribeTransactions", "transaction_states[].topics"): "hash order of a set of partitions",
    ("DescribeTransactions", "transaction_states[].topics[].partitions"): "hash order of a set of partitions",
    ("WriteTxnMarkers", "markers[].topics"): "hash order of a map of partitions",
    ("WriteTxnMarkers", "markers[].topics[].partitions"): "hash order of a map of partitions",
    ("ListTransactions", "transaction_states"): "hash order, over the partitions of the transaction topic",
    ("DescribeProducers", "topics[].partitions[].active_producers"): "hash order of a map by producer id",
    ("ListConfigResources", "config_resources"): "hash order of a map of resources",
    ("AlterClientQuotas", "entries"): "hash order of a map by entity",
    ("AlterClientQuotas", "entries[].entity"): "hash order of a map by kind",
    ("DescribeClientQuotas", "entries"): "hash order of a map by entity",
    ("DescribeClientQuotas", "entries[].entity"): "hash order of a map by kind",
    ("DescribeClientQuotas", "entries[].values"): "hash order of a map by key",
    ("AlterUserScramCredentials", "results"): "hash order of a map by user",
    ("DescribeUserScramCredentials", "results"): "hash order of a map by user",
    ("DescribeUserScramCredentials", "results[].credential_infos"): "hash order of a map by mechanism",
    ("AlterReplicaLogDirs", "results"): "hash order of a map of partitions",
    ("AlterReplicaLogDirs", "results[].partitions"): "hash order of a map of partitions",
    ("ElectLeaders", "replica_election_results"): "hash order of a map by topic",
    ("ApiVersions", "supported_features"): "hash order of a map by name",
    ("ApiVersions", "finalized_features"): "hash order of a map by name",
}
"""Lists that Kafka fills from a hash table: compared as sets. By API and path."""

MINE = ("name", "user", "topic", "group_id", "transactional_id", "resource_name", "topic_name")
"""In an answer that lists everything the broker has, an entry counts if one of these begins with the run's prefix: runs
share their broker."""


@dataclass
class Normaliser:
    """The answers of one run from one broker, in their order."""

    prefix: str
    host: str
    port: int
    folder: str
    literals: dict[str, list[Any]] = field(default_factory=dict)
    _symbols: dict[tuple[str, Any], str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def normalise(self, api: str, answer: Tree, sent: dict[str, list[Any]], mine: bool) -> Tree:
        for name, values in sent.items():
            self.literals.setdefault(name, []).extend(values)
        if mine:
            answer = self._only_mine(answer)
        if api == "DescribeQuorum" and isinstance(answer, dict):
            answer = _quorum(answer)
        return self._tree(api, answer, "", "")

    def know(self, kind: str, value: Any, name: str) -> None:
        """An id that belongs to something with a name, whichever answer shows it first."""
        self._symbols[kind, value] = f"<{kind} of {name}>"

    def _only_mine(self, answer: Tree) -> Tree:
        if isinstance(answer, dict):
            return {key: self._only_mine(value) for key, value in answer.items()}
        if isinstance(answer, list):
            return [self._only_mine(one) for one in answer if self._is_mine(one)]
        return answer

    def _is_mine(self, entry: Tree) -> bool:
        if not isinstance(entry, dict):
            return True
        names = [entry[key] for key in MINE if isinstance(entry.get(key), str)]
        return not names or any(self.prefix in name for name in names)

    def _tree(self, api: str, value: Tree, path: str, name: str) -> Tree:
        if isinstance(value, dict):
            return {key: self._tree(api, one, f"{path}.{key}" if path else key, key) for key, one in value.items()}
        if isinstance(value, list):
            if (api, path) in UNORDERED:
                value = sorted(value, key=lambda entry: json.dumps(self._plain(api, entry, f"{path}[]", name)))
            return [self._tree(api, one, f"{path}[]", name) for one in value]
        return self._value(name, value)

    def _plain(self, api: str, value: Tree, path: str, name: str) -> Tree:
        """What an entry is ordered by: all that is the same on both sides. An id counts once it is known."""
        if isinstance(value, dict):
            return {key: self._plain(api, one, f"{path}.{key}", key) for key, one in value.items()}
        if isinstance(value, list):
            entries = [self._plain(api, one, f"{path}[]", name) for one in value]
            return sorted(entries, key=json.dumps) if (api, path) in UNORDERED else entries
        if self._is_id(name, value):
            return self._symbols.get((IDS[name], value), "")
        return self._value(name, value)

    def _is_id(self, name: str, value: Any) -> bool:
        return name in IDS and value not in NO_ID and value not in self.literals.get(name, ())

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, bytes):
            return self._text(value.decode()) if value.isascii() and value.decode().isprintable() else value.hex()
        if self._is_id(name, value):
            return self._symbol(IDS[name], value)
        if name in TIMES and isinstance(value, int) and _is_now(value):
            return "<now>"
        if name in HOSTS and value == self.host:
            return "<host>"
        if name in PORTS and value == self.port:
            return "<port>"
        if name in SIZES and isinstance(value, int) and value > 0:
            return "<size>"
        return self._text(value) if isinstance(value, str) else value

    def _symbol(self, kind: str, value: Any) -> str:
        known = self._symbols.get((kind, value))
        if known is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            known = self._symbols[kind, value] = f"<{kind} {self._counts[kind]}>"
        return known

    def _text(self, text: str) -> str:
        """Addresses, folders and generated ids inside a text."""
        text = text.replace(self.folder, "<folder>")
        text = _ADDRESS.sub(r"\1:<port>", text)
        text = CONTROLLER_LISTENER.sub("<listener>", text)
        for (_, value), symbol in self._symbols.items():
            if isinstance(value, str) and len(value) > 8:
                text = text.replace(value, symbol)
        text = _TIME.sub(_time, _TIME_RANGE.sub("within [<earliest>, ", text))
        return _UUID.sub("<uuid>", text)


def _quorum(answer: dict[str, Tree]) -> dict[str, Tree]:
    """The end of the metadata log and the listener of the controller; that they are there is still compared."""

    def changed(value: Tree, name: str) -> Tree:
        if isinstance(value, dict):
            if set(value) == {"name", "host", "port"}:
                return {**value, "name": "<listener>", "port": "<port>" if value["port"] else value["port"]}
            return {key: changed(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [changed(one, name) for one in value]
        return "<size>" if name in QUORUM_SIZES and isinstance(value, int) and value > 0 else value

    return {key: changed(value, key) for key, value in answer.items()}


def _is_now(value_ms: int) -> bool:
    return abs(value_ms - time.time() * 1000) < 2 * NOW_MS


_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost):\d+")
"""A port of the broker; a Kafka that is its own controller has two."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""A random uuid that a text mentions, such as that of a member or of a request."""

_TIME_RANGE = re.compile(r"within \[\d{12}, ")
"""The range of a limit of decades, such as `message.timestamp.before.max.ms=10^12`: counted from now as well."""
_TIME = re.compile(r"-?\b\d{13,19}\b")


def _time(found: re.Match[str]) -> str:
    """A limit that is counted from now, also one that is as far as the type allows."""
    value = int(found[0])
    return "<now>" if _is_now(value) or _is_now(value + 2**63 - 1) else found[0]
