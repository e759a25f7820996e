"""DescribeQuorum: who votes and who observes in the metadata quorum (KIP-595)."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Int64, String, UInt16, Uuid


class DescribeQuorumRequest(Message, api=55, versions=(0, 2), flexible=0):
    """Ask for the state of the metadata quorum."""

    class PartitionData(Struct):
        partition_index: Int32 = 0

    class TopicData(Struct):
        topic_name: String = ""
        partitions: list[DescribeQuorumRequest.PartitionData] = field()

    topics: list[TopicData] = field()


class DescribeQuorumResponse(Message, api=55, versions=(0, 2), flexible=0):
    """Leader, voters and observers, and how far each has got."""

    class ReplicaState(Struct):
        replica_id: Int32 = 0
        replica_directory_id: Uuid = field(default=ZERO_UUID, since=2)
        log_end_offset: Int64 = 0
        last_fetch_timestamp: Int64 = field(default=-1, since=1, ignorable=True)
        last_caught_up_timestamp: Int64 = field(default=-1, since=1, ignorable=True)

    class PartitionData(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = field(default="", since=2, ignorable=True)
        leader_id: Int32 = 0
        leader_epoch: Int32 = 0
        high_watermark: Int64 = 0
        current_voters: list[DescribeQuorumResponse.ReplicaState] = field()
        observers: list[DescribeQuorumResponse.ReplicaState] = field()

    class TopicData(Struct):
        topic_name: String = ""
        partitions: list[DescribeQuorumResponse.PartitionData] = field()

    class Listener(Struct):
        name: String = field(default="", since=2)
        host: String = field(default="", since=2)
        port: UInt16 = field(default=0, since=2)

    class Node(Struct):
        node_id: Int32 = field(default=0, since=2)
        listeners: list[DescribeQuorumResponse.Listener] = field(since=2)

    error_code: Int16 = 0
    error_message: String | None = field(default="", since=2, ignorable=True)
    topics: list[TopicData] = field()
    nodes: list[Node] = field(since=2)
