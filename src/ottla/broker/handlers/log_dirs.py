"""DescribeLogDirs (1 to 5): what each log directory of this broker holds, and its room. AlterReplicaLogDirs (1 to 2):
moves replicas between them (KIP-113)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.common.errors import ClusterAuthorizationFailed, KafkaError, KafkaStorageError
from ottla.protocol.messages.log_dirs import (
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)
from ottla.security.operations import CLUSTER_NAME, Operation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition
    from ottla.storage.directory import LogDirectory

Result = DescribeLogDirsResponse.DescribeLogDirsResult
Topic = DescribeLogDirsResponse.DescribeLogDirsTopic
Replica = DescribeLogDirsResponse.DescribeLogDirsPartition
MovedTopic = AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult
Moved = AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult


async def describe_log_dirs(ctx: Context, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
    """Needs DESCRIBE on the cluster. Replicas that nothing was written to have no folder yet, and size 0."""
    response = DescribeLogDirsResponse(throttle_time_ms=ctx.throttle_time_ms)
    if not ctx.allows(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME):
        response.error_code = ctx.count_error(ClusterAuthorizationFailed())
        return response
    contents: dict[str, dict[str, list[Replica]]] = {directory.path: {} for directory in ctx.node.directories}
    pace = ctx.pace(only_reads=True)
    for partition in _asked(ctx, request):
        directory = _directory_of(ctx, partition)
        if directory is not None and not directory.offline:
            name = partition.topic_partition
            replica = Replica(partition_index=name.partition, partition_size=_size_bytes(directory, partition))
            contents[directory.path].setdefault(name.topic, []).append(replica)
        _add_copies(ctx, partition, contents)
        if pace.due():
            await pace.rest()
    response.results = [_result(ctx, one, contents.get(one.path, {})) for one in ctx.node.directories]
    return response


def _add_copies(ctx: Context, partition: Partition, contents: dict[str, dict[str, list[Replica]]]) -> None:
    """A replica on the move is shown where it goes to as well, with what it lacks."""
    name = partition.topic_partition
    for directory in ctx.node.directories:
        copy = directory.futures.get(name)
        if copy is not None and partition.log is not None and not directory.offline:
            replica = Replica(
                partition_index=name.partition,
                partition_size=copy.size_bytes,
                offset_lag=max(partition.log.log_end_offset - copy.log_end_offset, 0),
                is_future_key=True,
            )
            contents[directory.path].setdefault(name.topic, []).append(replica)


def _asked(ctx: Context, request: DescribeLogDirsRequest) -> list[Partition]:
    """Those that are hosted here among the partitions asked for."""
    if request.topics is None:
        return list(ctx.node.replicas)
    found: dict[Partition, None] = {}
    for topic in request.topics:
        hosted = ctx.node.replicas.by_name.get(topic.topic)
        if hosted is not None:
            found.update((hosted.partitions[one], None) for one in topic.partitions if one in hosted.partitions)
    return list(found)


def _directory_of(ctx: Context, partition: Partition) -> LogDirectory | None:
    """Where it lies; one without a folder is shown in the first directory."""
    directories = ctx.node.directories
    for directory in directories:
        if directory.contains(partition.topic_partition):
            return directory
    return directories[0] if directories else None


def _size_bytes(directory: LogDirectory, partition: Partition) -> int:
    """Opens the log if need be, which after a clean stop reads none of its data. -1 where that fails."""
    log = partition.log
    if log is None and partition.leads and directory.contains(partition.topic_partition):
        try:
            log = partition.leader_log()
        except KafkaStorageError:
            return -1
    return 0 if log is None else log.size_bytes


def _result(ctx: Context, directory: LogDirectory, topics: dict[str, list[Replica]]) -> Result:
    try:
        if directory.offline:
            raise KafkaStorageError
        total_bytes, usable_bytes = directory.usage()
    except KafkaError as error:
        return Result(error_code=ctx.count_error(error), log_dir=directory.path)
    return Result(
        log_dir=directory.path,
        topics=[Topic(name=name, partitions=replicas) for name, replicas in topics.items()],
        total_bytes=total_bytes,
        usable_bytes=usable_bytes,
    )


# --- moving


async def alter_replica_log_dirs(ctx: Context, request: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse:
    """Needs ALTER on the cluster. Answers when the moves have begun; DescribeLogDirs tells how far they are.

    A partition that is named for several directories goes to the last of them.
    """
    wanted: dict[str, dict[int, str]] = {}
    for one in request.dirs:
        for topic in one.topics:
            wanted.setdefault(topic.name, {}).update(dict.fromkeys(topic.partitions, one.path))
    results = []
    pace = ctx.pace()
    for name, paths in wanted.items():
        if paths:
            moved = []
            for index, path in paths.items():
                moved.append(_move(ctx, name, index, path))
                if pace.due():
                    await pace.rest()
            results.append(MovedTopic(topic_name=name, partitions=moved))
    return AlterReplicaLogDirsResponse(throttle_time_ms=ctx.throttle_time_ms, results=results)


def _move(ctx: Context, topic: str, index: int, path: str) -> Moved:
    try:
        ctx.authorize(Operation.ALTER, ResourceType.CLUSTER)
        directory = ctx.node.moves.directory(path)  # looked at first, as Kafka does
        ctx.node.moves.request(ctx.node.replicas.find(topic, index), directory)
    except KafkaError as error:
        return Moved(partition_index=index, error_code=ctx.count_error(error))
    return Moved(partition_index=index)
