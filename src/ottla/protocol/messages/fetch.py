"""Fetch: consumers and followers read record batches from a replica."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, Int64, Records, String, Uuid


class FetchRequest(Message, api=1, versions=(4, 18), flexible=12):
    """Read batches from partitions, waiting until there is enough; sent by consumers and followers.

    From version 7 it may continue a session and name only what changed (KIP-227). Topics go by id from 13.
    """

    class ReplicaState(Struct):
        replica_id: Int32 = field(default=-1, since=15)
        replica_epoch: Int64 = field(default=-1, since=15)

    class FetchPartition(Struct):
        partition: Int32 = 0
        current_leader_epoch: Int32 = field(default=-1, since=9, ignorable=True)
        fetch_offset: Int64 = 0
        last_fetched_epoch: Int32 = field(default=-1, since=12)
        log_start_offset: Int64 = field(default=-1, since=5, ignorable=True)
        partition_max_bytes: Int32 = 0
        replica_directory_id: Uuid = field(default=ZERO_UUID, since=17, tag=0, ignorable=True)
        high_watermark: Int64 = field(default=2**63 - 1, since=18, tag=1, ignorable=True)

    class FetchTopic(Struct):
        topic: String = field(default="", until=12, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=13, ignorable=True)
        partitions: list[FetchRequest.FetchPartition] = field()

    class ForgottenTopic(Struct):
        topic: String = field(default="", since=7, until=12, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=13, ignorable=True)
        partitions: list[Int32] = field(since=7)

    cluster_id: String | None = field(default=None, since=12, tag=0, ignorable=True)
    replica_id: Int32 = field(default=-1, until=14)
    replica_state: ReplicaState | None = field(since=15, tag=1, optional=True)
    max_wait_ms: Int32 = 0
    min_bytes: Int32 = 0
    max_bytes: Int32 = 2**31 - 1
    isolation_level: Int8 = 0
    session_id: Int32 = field(default=0, since=7, ignorable=True)
    session_epoch: Int32 = field(default=-1, since=7, ignorable=True)
    topics: list[FetchTopic] = field()
    forgotten_topics_data: list[ForgottenTopic] = field(since=7)
    rack_id: String = field(default="", since=11, ignorable=True)


class FetchResponse(Message, api=1, versions=(4, 18), flexible=12):
    """For each partition that has news, its offsets and its batches."""

    class EpochEndOffset(Struct):
        epoch: Int32 = field(default=-1, since=12)
        end_offset: Int64 = field(default=-1, since=12)

    class LeaderIdAndEpoch(Struct):
        leader_id: Int32 = field(default=-1, since=12)
        leader_epoch: Int32 = field(default=-1, since=12)

    class SnapshotId(Struct):
        end_offset: Int64 = -1
        epoch: Int32 = -1

    class AbortedTransaction(Struct):
        producer_id: Int64 = 0
        first_offset: Int64 = 0

    class PartitionData(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        high_watermark: Int64 = 0
        last_stable_offset: Int64 = -1
        log_start_offset: Int64 = field(default=-1, since=5, ignorable=True)
        diverging_epoch: FetchResponse.EpochEndOffset | None = field(since=12, tag=0, optional=True)
        current_leader: FetchResponse.LeaderIdAndEpoch | None = field(since=12, tag=1, optional=True)
        snapshot_id: FetchResponse.SnapshotId | None = field(since=12, tag=2, optional=True)
        aborted_transactions: list[FetchResponse.AbortedTransaction] | None = field()
        preferred_read_replica: Int32 = field(default=-1, since=11)
        records: Records | None = None

    class FetchableTopicResponse(Struct):
        topic: String = field(default="", until=12, ignorable=True)
        topic_id: Uuid = field(default=ZERO_UUID, since=13, ignorable=True)
        partitions: list[FetchResponse.PartitionData] = field()

    class NodeEndpoint(Struct):
        node_id: Int32 = field(default=0, since=16)
        host: String = field(default="", since=16)
        port: Int32 = field(default=0, since=16)
        rack: String | None = field(default=None, since=16)

    throttle_time_ms: Int32 = 0
    error_code: Int16 = field(default=0, since=7, ignorable=True)
    session_id: Int32 = field(default=0, since=7)
    responses: list[FetchableTopicResponse] = field()
    node_endpoints: list[NodeEndpoint] = field(since=16, tag=0)
