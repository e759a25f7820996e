"""DeleteRecords, OffsetForLeaderEpoch, DescribeProducers, DescribeLogDirs (compared with Kafka 4.3.1)."""

from __future__ import annotations

from ottla.broker.partition import Partition
from ottla.common.names import Offset
from ottla.protocol.messages.delete_records import DeleteRecordsRequest
from ottla.protocol.messages.describe_producers import DescribeProducersRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.log_dirs import DescribeLogDirsRequest
from ottla.protocol.messages.offset_for_leader_epoch import OffsetForLeaderEpochRequest
from ottla.testing.cluster import DATA
from tests.unit.broker.handlers.support import Asking, on_broker

PRODUCER = 777


async def delete(broker: Asking, topic: str, offset: int, index: int = 0) -> tuple[int, int]:
    """(new log start, error code)."""
    partition = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=index, offset=offset)
    request = DeleteRecordsRequest(topics=[DeleteRecordsRequest.DeleteRecordsTopic(name=topic, partitions=[partition])])
    answer = (await broker.ask(request, 2)).topics[0].partitions[0]
    return answer.low_watermark, answer.error_code


def test_records_are_deleted_up_to_an_offset() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for _ in range(3):
            await broker.produce("a")
        assert await delete(broker, "a", 2) == (2, 0)
        assert await delete(broker, "a", 1) == (2, 0)  # below the start: it stays where it is
        assert await delete(broker, "a", 4) == (-1, 1)
        assert await delete(broker, "a", -2) == (-1, 1)
        assert await delete(broker, "a", -1) == (3, 0)  # up to the high watermark
        assert await delete(broker, "a", 0, index=5) == (-1, 3)
        assert await delete(broker, "absent", 0) == (-1, 3)
        assert await broker.produce("a") == 3

    on_broker(scenario)


def test_of_a_partition_that_is_named_twice_the_last_offset_counts() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        for _ in range(3):
            await broker.produce("a")
        rows = [
            DeleteRecordsRequest.DeleteRecordsTopic(
                name="a", partitions=[DeleteRecordsRequest.DeleteRecordsPartition(partition_index=index, offset=offset)]
            )
            for index, offset in ((0, 3), (1, 0), (0, 1))
        ]
        answer = await broker.ask(DeleteRecordsRequest(topics=rows), 2)
        assert [[(one.partition_index, one.low_watermark) for one in row.partitions] for row in answer.topics] == [
            [(0, 1), (1, 0)]
        ]

    on_broker(scenario)


def test_a_replica_that_is_asked_for_twice_is_described_once() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        rows = [DescribeLogDirsRequest.DescribableLogDirTopic(topic="a", partitions=asked) for asked in ([0], [1, 0])]
        described = (await broker.ask(DescribeLogDirsRequest(topics=rows), 4)).results[0].topics
        assert [[one.partition_index for one in row.partitions] for row in described] == [[0, 1]]

    on_broker(scenario)


def test_what_is_not_committed_cannot_be_deleted() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for _ in range(3):
            await broker.produce("a")
        leader = broker.node.replicas.find("a", 0).leader
        assert leader is not None
        leader.high_watermark = Offset(1)  # as if a follower were behind
        assert await delete(broker, "a", 2) == (-1, 1)
        assert await delete(broker, "a", -1) == (1, 0)

    on_broker(scenario)


def test_records_of_compacted_and_of_internal_topics_stay() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("compacted", cleanup_policy="compact")
        await broker.topic("both", cleanup_policy="compact,delete")
        for topic in ("compacted", "both"):
            await broker.produce(topic)
        assert await delete(broker, "compacted", 1) == (-1, 44)
        assert await delete(broker, "compacted", 99) == (-1, 44)
        assert await delete(broker, "both", 1) == (1, 0)
        await broker.ask(FindCoordinatorRequest(coordinator_keys=["g"]), 4)
        assert await delete(broker, "__consumer_offsets", 0) == (-1, 17)

    on_broker(scenario)


def test_deleting_records_wakes_who_watches_the_partition() -> None:
    class Watcher:
        def __init__(self) -> None:
            self.told: list[tuple[int, int]] = []

        def on_changed(self, partition: Partition, size_bytes: int) -> None:
            self.told.append((partition.leader_log().log_start_offset, size_bytes))

    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.produce("a")
        watcher = Watcher()
        broker.node.replicas.find("a", 0).watchers[watcher] = None
        await delete(broker, "a", 1)
        await delete(broker, "a", 1)
        assert watcher.told == [(1, 0)]

    on_broker(scenario)


def test_the_end_of_the_current_epoch_is_the_end_of_the_log() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.produce("a")
        asked = [(0, -1, 0), (0, -1, -1), (0, 0, 0), (0, 1, 0), (0, -1, 5), (7, -1, 0)]
        request = OffsetForLeaderEpochRequest(
            topics=[
                OffsetForLeaderEpochRequest.OffsetForLeaderTopic(
                    topic="a",
                    partitions=[
                        OffsetForLeaderEpochRequest.OffsetForLeaderPartition(
                            partition=index, current_leader_epoch=current, leader_epoch=epoch
                        )
                        for index, current, epoch in asked
                    ],
                )
            ]
        )
        for version in (2, 3, 4):
            answer = await broker.ask(request, version)
            assert [(one.leader_epoch, one.end_offset, one.error_code) for one in answer.topics[0].partitions] == [
                (0, 1, 0), (-1, -1, 0), (0, 1, 0), (-1, -1, 75), (-1, -1, 0), (-1, -1, 3),
            ]  # fmt: skip

    on_broker(scenario)


def test_active_producers_are_shown() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        for sequence in range(3):
            await broker.produce("a", sequence, PRODUCER)
        asked = [("a", [0, 9]), ("absent", [0])]
        request = DescribeProducersRequest(
            topics=[
                DescribeProducersRequest.TopicRequest(name=name, partition_indexes=indexes) for name, indexes in asked
            ]
        )
        answer = await broker.ask(request, 0)
        shown, unknown = answer.topics[0].partitions
        producer = shown.active_producers[0]
        assert (producer.producer_id, producer.producer_epoch, producer.last_sequence) == (PRODUCER, 0, 2)
        assert (producer.last_timestamp, producer.coordinator_epoch) == (1_700_000_000_000, -1)
        assert producer.current_txn_start_offset == -1
        assert [unknown.error_code, answer.topics[1].partitions[0].error_code] == [3, 3]

    on_broker(scenario)


def test_log_directories_show_sizes_and_room() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        await broker.produce("a")
        topic = DescribeLogDirsRequest.DescribableLogDirTopic
        some = DescribeLogDirsRequest(
            topics=[topic(topic="a", partitions=[0, 1, 5]), topic(topic="absent", partitions=[0])]
        )
        for version in range(1, 6):
            for request in (some, DescribeLogDirsRequest(topics=None)):
                answer = await broker.ask(request, version)
                (result,) = answer.results
                assert (result.error_code, result.log_dir) == (0, DATA)
                (shown,) = result.topics
                sizes = [(one.partition_index, one.partition_size, one.offset_lag) for one in shown.partitions]
                assert sizes == [(0, broker.node.replicas.find("a", 0).leader_log().size_bytes, 0), (1, 0, 0)]
                assert (result.total_bytes >= result.usable_bytes > 0) == (version >= 4)
        none = await broker.ask(DescribeLogDirsRequest(topics=[]), 5)
        assert [one.topics for one in none.results] == [[]]

    on_broker(scenario)
