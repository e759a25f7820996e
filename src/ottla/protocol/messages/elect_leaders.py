"""ElectLeaders: preferred or unclean election on demand (KIP-460)."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, String


class ElectLeadersRequest(Message, api=43, versions=(0, 2), flexible=2):
    """Ask for elections: of the preferred replica, or of any replica that lives."""

    class TopicPartitions(Struct):
        topic: String = ""
        partitions: list[Int32] = field()

    election_type: Int8 = field(default=0, since=1)
    topic_partitions: list[TopicPartitions] | None = field()
    timeout_ms: Int32 = 60000


class ElectLeadersResponse(Message, api=43, versions=(0, 2), flexible=2):
    """For each partition, how the election went."""

    class PartitionResult(Struct):
        partition_id: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = ""

    class ReplicaElectionResult(Struct):
        topic: String = ""
        partition_result: list[ElectLeadersResponse.PartitionResult] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = field(default=0, since=1)
    replica_election_results: list[ReplicaElectionResult] = field()
