"""DescribeLogDirs and AlterReplicaLogDirs: what lies on which disk of a broker."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, Int64, String


class DescribeLogDirsRequest(Message, api=35, versions=(1, 5), flexible=2):
    """Ask a broker what its log directories hold; null topics mean all."""

    class DescribableLogDirTopic(Struct):
        topic: String = ""
        partitions: list[Int32] = field()

    topics: list[DescribableLogDirTopic] | None = field()


class DescribeLogDirsResponse(Message, api=35, versions=(1, 5), flexible=2):
    """For each directory, its space and the size of each replica."""

    class DescribeLogDirsPartition(Struct):
        partition_index: Int32 = 0
        partition_size: Int64 = 0
        offset_lag: Int64 = 0
        is_future_key: Bool = False

    class DescribeLogDirsTopic(Struct):
        name: String = ""
        partitions: list[DescribeLogDirsResponse.DescribeLogDirsPartition] = field()

    class DescribeLogDirsResult(Struct):
        error_code: Int16 = 0
        log_dir: String = ""
        topics: list[DescribeLogDirsResponse.DescribeLogDirsTopic] = field()
        total_bytes: Int64 = field(default=-1, since=4, ignorable=True)
        usable_bytes: Int64 = field(default=-1, since=4, ignorable=True)
        is_cordoned: Bool = field(default=False, since=5, ignorable=True)

    throttle_time_ms: Int32 = 0
    error_code: Int16 = field(default=0, since=3, ignorable=True)
    results: list[DescribeLogDirsResult] = field()


class AlterReplicaLogDirsRequest(Message, api=34, versions=(1, 2), flexible=2):
    """Move replicas of this broker to other directories of it."""

    class AlterReplicaLogDirTopic(Struct):
        name: String = ""
        partitions: list[Int32] = field()

    class AlterReplicaLogDir(Struct):
        path: String = ""
        topics: list[AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic] = field()

    dirs: list[AlterReplicaLogDir] = field()


class AlterReplicaLogDirsResponse(Message, api=34, versions=(1, 2), flexible=2):
    """For each partition, whether the move has begun."""

    class AlterReplicaLogDirPartitionResult(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0

    class AlterReplicaLogDirTopicResult(Struct):
        topic_name: String = ""
        partitions: list[AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult] = field()

    throttle_time_ms: Int32 = 0
    results: list[AlterReplicaLogDirTopicResult] = field()
