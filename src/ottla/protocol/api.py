"""The table of APIs: what each key stands for, where its messages are declared, and what a server announces."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ottla.protocol.message import Message


class Api(NamedTuple):
    """One row. `versions` are those that can be encoded, the unstable InitProducerId 6 among them.

    `advertised` is what a Kafka 4.3.1 broker lists in ApiVersions on the listener of its clients, None if nothing.
    Produce is listed from 0 although 3 is the first that works: old librdkafka needs it (KAFKA-18659).
    `forwarded`: a broker that is asked passes the request on to the controller in an Envelope.
    """

    key: int
    name: str
    module: str
    versions: tuple[int, int]
    advertised: tuple[int, int] | None
    flexible: int | None
    forwarded: bool

    def request_class(self) -> type[Message]:
        return self._message("Request")

    def response_class(self) -> type[Message]:
        return self._message("Response")

    def _message(self, suffix: str) -> type[Message]:
        module = importlib.import_module(f"ottla.protocol.messages.{self.module}")
        found: type[Message] = getattr(module, self.name + suffix)
        return found


_ROWS = (
    Api(0, "Produce", "produce", (3, 13), (0, 13), 9, False),
    Api(1, "Fetch", "fetch", (4, 18), (4, 18), 12, False),
    Api(2, "ListOffsets", "list_offsets", (1, 11), (1, 11), 6, False),
    Api(3, "Metadata", "metadata", (0, 13), (0, 13), 9, False),
    Api(8, "OffsetCommit", "offset_commit", (2, 10), (2, 10), 8, False),
    Api(9, "OffsetFetch", "offset_fetch", (1, 10), (1, 10), 6, False),
    Api(10, "FindCoordinator", "find_coordinator", (0, 6), (0, 6), 3, False),
    Api(11, "JoinGroup", "join_group", (0, 9), (0, 9), 6, False),
    Api(12, "Heartbeat", "heartbeat", (0, 4), (0, 4), 4, False),
    Api(13, "LeaveGroup", "leave_group", (0, 5), (0, 5), 4, False),
    Api(14, "SyncGroup", "sync_group", (0, 5), (0, 5), 4, False),
    Api(15, "DescribeGroups", "describe_groups", (0, 6), (0, 6), 5, False),
    Api(16, "ListGroups", "list_groups", (0, 5), (0, 5), 3, False),
    Api(17, "SaslHandshake", "sasl", (0, 1), (0, 1), None, False),
    Api(18, "ApiVersions", "api_versions", (0, 4), (0, 4), 3, False),
    Api(19, "CreateTopics", "create_topics", (2, 7), (2, 7), 5, True),
    Api(20, "DeleteTopics", "delete_topics", (1, 6), (1, 6), 4, True),
    Api(21, "DeleteRecords", "delete_records", (0, 2), (0, 2), 2, False),
    Api(22, "InitProducerId", "init_producer_id", (0, 6), (0, 5), 2, False),
    Api(23, "OffsetForLeaderEpoch", "offset_for_leader_epoch", (2, 4), (2, 4), 4, False),
    Api(24, "AddPartitionsToTxn", "transactions", (0, 5), (0, 5), 3, False),
    Api(25, "AddOffsetsToTxn", "transactions", (0, 4), (0, 4), 3, False),
    Api(26, "EndTxn", "transactions", (0, 5), (0, 5), 3, False),
    Api(27, "WriteTxnMarkers", "transactions", (1, 2), (1, 2), 1, False),
    Api(28, "TxnOffsetCommit", "transactions", (0, 5), (0, 5), 3, False),
    Api(29, "DescribeAcls", "acls", (1, 3), (1, 3), 2, False),
    Api(30, "CreateAcls", "acls", (1, 3), (1, 3), 2, True),
    Api(31, "DeleteAcls", "acls", (1, 3), (1, 3), 2, True),
    Api(32, "DescribeConfigs", "configs", (1, 4), (1, 4), 4, False),
    Api(33, "AlterConfigs", "configs", (0, 2), (0, 2), 2, True),
    Api(34, "AlterReplicaLogDirs", "log_dirs", (1, 2), (1, 2), 2, False),
    Api(35, "DescribeLogDirs", "log_dirs", (1, 5), (1, 5), 2, False),
    Api(36, "SaslAuthenticate", "sasl", (0, 2), (0, 2), 2, False),
    Api(37, "CreatePartitions", "create_partitions", (0, 3), (0, 3), 2, True),
    Api(38, "CreateDelegationToken", "delegation_tokens", (1, 3), (1, 3), 2, True),
    Api(39, "RenewDelegationToken", "delegation_tokens", (1, 2), (1, 2), 2, True),
    Api(40, "ExpireDelegationToken", "delegation_tokens", (1, 2), (1, 2), 2, True),
    Api(41, "DescribeDelegationToken", "delegation_tokens", (1, 3), (1, 3), 2, False),
    Api(42, "DeleteGroups", "delete_groups", (0, 2), (0, 2), 2, False),
    Api(43, "ElectLeaders", "elect_leaders", (0, 2), (0, 2), 2, True),
    Api(44, "IncrementalAlterConfigs", "configs", (0, 1), (0, 1), 1, True),
    Api(45, "AlterPartitionReassignments", "reassignments", (0, 1), (0, 1), 0, True),
    Api(46, "ListPartitionReassignments", "reassignments", (0, 0), (0, 0), 0, True),
    Api(47, "OffsetDelete", "offset_delete", (0, 0), (0, 0), None, False),
    Api(48, "DescribeClientQuotas", "client_quotas", (0, 1), (0, 1), 1, False),
    Api(49, "AlterClientQuotas", "client_quotas", (0, 1), (0, 1), 1, True),
    Api(50, "DescribeUserScramCredentials", "scram", (0, 0), (0, 0), 0, False),
    Api(51, "AlterUserScramCredentials", "scram", (0, 0), (0, 0), 0, True),
    Api(55, "DescribeQuorum", "quorum", (0, 2), (0, 2), 0, True),
    Api(56, "AlterPartition", "inter_broker", (2, 3), None, 0, False),
    Api(57, "UpdateFeatures", "features", (0, 2), (0, 2), 0, True),
    Api(58, "Envelope", "inter_broker", (0, 0), None, 0, False),
    Api(60, "DescribeCluster", "cluster", (0, 2), (0, 2), 0, False),
    Api(61, "DescribeProducers", "describe_producers", (0, 0), (0, 0), 0, False),
    Api(62, "BrokerRegistration", "inter_broker", (0, 4), None, 0, False),
    Api(63, "BrokerHeartbeat", "inter_broker", (0, 2), None, 0, False),
    Api(64, "UnregisterBroker", "cluster", (0, 0), (0, 0), 0, True),
    Api(65, "DescribeTransactions", "transactions", (0, 0), (0, 0), 0, False),
    Api(66, "ListTransactions", "transactions", (0, 2), (0, 2), 0, False),
    Api(67, "AllocateProducerIds", "inter_broker", (0, 0), None, 0, True),
    Api(68, "ConsumerGroupHeartbeat", "consumer_group", (0, 1), (0, 1), 0, False),
    Api(69, "ConsumerGroupDescribe", "consumer_group", (0, 1), (0, 1), 0, False),
    Api(70, "ControllerRegistration", "inter_broker", (0, 0), None, 0, False),
    Api(71, "GetTelemetrySubscriptions", "telemetry", (0, 0), None, 0, False),
    Api(72, "PushTelemetry", "telemetry", (0, 0), None, 0, False),
    Api(73, "AssignReplicasToDirs", "inter_broker", (0, 0), None, 0, False),
    Api(74, "ListConfigResources", "configs", (0, 1), (0, 1), 0, False),
    Api(75, "DescribeTopicPartitions", "describe_topic_partitions", (0, 0), (0, 0), 0, False),
    Api(76, "ShareGroupHeartbeat", "share_group", (1, 1), (1, 1), 0, False),
    Api(77, "ShareGroupDescribe", "share_group", (1, 1), (1, 1), 0, False),
    Api(78, "ShareFetch", "share_group", (1, 2), (1, 2), 0, False),
    Api(79, "ShareAcknowledge", "share_group", (1, 2), (1, 2), 0, False),
    Api(80, "AddRaftVoter", "voters", (0, 1), (0, 1), 0, True),
    Api(81, "RemoveRaftVoter", "voters", (0, 0), (0, 0), 0, True),
    Api(83, "InitializeShareGroupState", "share_state", (0, 0), (0, 0), 0, False),
    Api(84, "ReadShareGroupState", "share_state", (0, 0), (0, 0), 0, False),
    Api(85, "WriteShareGroupState", "share_state", (0, 1), (0, 1), 0, False),
    Api(86, "DeleteShareGroupState", "share_state", (0, 0), (0, 0), 0, False),
    Api(87, "ReadShareGroupStateSummary", "share_state", (0, 1), (0, 1), 0, False),
    Api(88, "StreamsGroupHeartbeat", "streams_group", (0, 0), (0, 0), 0, False),
    Api(89, "StreamsGroupDescribe", "streams_group", (0, 0), (0, 0), 0, False),
    Api(90, "DescribeShareGroupOffsets", "share_group", (0, 1), (0, 1), 0, False),
    Api(91, "AlterShareGroupOffsets", "share_group", (0, 0), (0, 0), 0, False),
    Api(92, "DeleteShareGroupOffsets", "share_group", (0, 0), (0, 0), 0, False),
)

APIS: dict[int, Api] = {api.key: api for api in _ROWS}
"""By key, in ascending order, which is the order in which ApiVersions lists them."""

BY_NAME: dict[str, Api] = {api.name: api for api in _ROWS}


def request_class(key: int) -> type[Message]:
    """The request of an API; its module is imported now if it has not been. Raises KeyError for an unknown key."""
    return APIS[key].request_class()


def response_class(key: int) -> type[Message]:
    """The response of an API, as `request_class`."""
    return APIS[key].response_class()
