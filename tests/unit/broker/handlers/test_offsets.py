"""OffsetCommit, OffsetFetch, OffsetDelete: names, ids and errors (compared with Kafka 4.3.1)."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID, TopicPartition, Uuid
from ottla.coordinator.group.offsets import Committed
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check, DenyOnly, guard
from tests.unit.broker.handlers.support import Asking, on_coordinator

STRANGE_ID = Uuid(bytes(15) + b"\x07")
Group = OffsetFetchRequest.OffsetFetchRequestGroup
Named = OffsetFetchRequest.OffsetFetchRequestTopics


def commit(
    *offsets: tuple[int, int], topic: str = "", topic_id: Uuid = ZERO_UUID, metadata: str | None = "m", group: str = "g"
) -> OffsetCommitRequest:
    partitions = [
        OffsetCommitRequest.OffsetCommitRequestPartition(
            partition_index=index, committed_offset=offset, committed_metadata=metadata
        )
        for index, offset in offsets
    ]
    named = OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, topic_id=topic_id, partitions=partitions)
    return OffsetCommitRequest(group_id=group, topics=[named])


def codes(answer: OffsetCommitResponse) -> list[tuple[int, int]]:
    return [(one.partition_index, one.error_code) for topic in answer.topics for one in topic.partitions]


def test_unknown_partitions_do_not_stop_the_rest() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a", 2)
        assert codes(await broker.ask(commit((7, 1), (0, 5), topic="a"), 9)) == [(7, 3), (0, 0)]
        assert codes(await broker.ask(commit((0, 1), topic="absent"), 2)) == [(0, 3)]
        by_id = await broker.ask(commit((1, 6), (9, 1), topic_id=topic_id), 10)
        assert (codes(by_id), by_id.topics[0].topic_id) == ([(9, 3), (1, 0)], topic_id)
        assert codes(await broker.ask(commit((0, 1), topic_id=STRANGE_ID), 10)) == [(0, 100)]
        assert codes(await broker.ask(commit((0, 1), topic_id=ZERO_UUID), 10)) == [(0, 100)]
        assert (await broker.ask(OffsetCommitRequest(group_id="g"), 10)).topics == []
        stored = broker.node.groups.machine("g").offsets.of("g")
        assert {partition: (one.offset, one.topic_id) for partition, one in stored.items()} == {
            TopicPartition("a", 0): (5, topic_id),
            TopicPartition("a", 1): (6, topic_id),
        }

    on_coordinator(scenario)


def test_the_last_of_two_offsets_for_one_partition_counts() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        assert codes(await broker.ask(commit((0, 5), (0, 6), topic="a"), 9)) == [(0, 0), (0, 0)]
        assert broker.node.groups.machine("g").offsets.of("g")[TopicPartition("a", 0)].offset == 6

    on_coordinator(scenario)


def test_metadata_may_be_null_but_not_too_long() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        assert codes(await broker.ask(commit((0, 5), topic="a", metadata=None), 9)) == [(0, 0)]
        assert codes(await broker.ask(commit((0, 6), topic="a", metadata="x" * 5000), 9)) == [(0, 12)]
        asked = OffsetFetchRequest.OffsetFetchRequestTopic(name="a", partition_indexes=[0])
        fetched = await broker.ask(OffsetFetchRequest(group_id="g", topics=[asked]), 5)
        one = fetched.topics[0].partitions[0]
        assert (one.committed_offset, one.metadata) == (5, "")

    on_coordinator(scenario)


def test_an_absent_group_with_a_generation_is_refused_by_version() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        request = commit((0, 5), topic="a", group="absent")
        request.generation_id_or_member_epoch, request.member_id = 3, "m"
        assert codes(await broker.ask(request, 8)) == [(0, 22)]
        assert codes(await broker.ask(request, 9)) == [(0, 69)]

    on_coordinator(scenario)


def test_a_single_group_is_fetched_by_name() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a", 2)
        await broker.ask(commit((0, 5), topic="a"), 9)
        asked = [
            OffsetFetchRequest.OffsetFetchRequestTopic(name="a", partition_indexes=[0, 1, 7]),
            OffsetFetchRequest.OffsetFetchRequestTopic(name="absent", partition_indexes=[0]),
        ]
        for version in (1, 5, 7):
            answer = await broker.ask(OffsetFetchRequest(group_id="g", topics=asked), version)
            assert [
                (topic.name, one.partition_index, one.committed_offset, one.metadata, one.error_code)
                for topic in answer.topics
                for one in topic.partitions
            ] == [("a", 0, 5, "m", 0), ("a", 1, -1, "", 0), ("a", 7, -1, "", 0), ("absent", 0, -1, "", 0)]
        everything = await broker.ask(OffsetFetchRequest(group_id="g", topics=None), 2)
        assert [(topic.name, len(topic.partitions)) for topic in everything.topics] == [("a", 1)]
        nothing = await broker.ask(OffsetFetchRequest(group_id="g", topics=[]), 7)
        assert (nothing.topics, nothing.error_code) == ([], 0)

    on_coordinator(scenario)


def test_several_groups_are_fetched_by_id() -> None:
    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.ask(commit((0, 5), topic="a"), 9)
        named = [Named(topic_id=topic_id, partition_indexes=[0]), Named(topic_id=STRANGE_ID, partition_indexes=[0, 2])]
        groups = [
            Group(group_id="g", topics=named),
            Group(group_id="absent", topics=None),
            Group(group_id="g", topics=None),
        ]
        answer = await broker.ask(OffsetFetchRequest(groups=groups), 10)
        assert [group.group_id for group in answer.groups] == ["g", "absent", "g"]
        assert [
            (topic.topic_id, one.committed_offset, one.error_code)
            for topic in answer.groups[0].topics
            for one in topic.partitions
        ] == [(topic_id, 5, 0), (STRANGE_ID, -1, 100), (STRANGE_ID, -1, 100)]
        assert answer.groups[1].topics == []
        assert [topic.topic_id for topic in answer.groups[2].topics] == [topic_id]

    on_coordinator(scenario)


def test_offsets_of_a_deleted_topic_are_gone() -> None:
    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.ask(commit((0, 5), topic="a"), 9)
        await broker.ask(DeleteTopicsRequest(timeout_ms=1000, topic_names=["a"]), 3)
        new_id = await broker.topic("a")
        for version in (9, 10):
            named = [Named(name="a", topic_id=new_id, partition_indexes=[0])]
            answer = await broker.ask(OffsetFetchRequest(groups=[Group(group_id="g", topics=named)]), version)
            assert answer.groups[0].topics[0].partitions[0].committed_offset == -1

    on_coordinator(scenario)


def test_an_offset_of_an_older_topic_with_the_same_name_is_not_shown_by_id() -> None:
    """Left behind where the coordinator did not see the deletion."""

    async def scenario(broker: Asking) -> None:
        topic_id = await broker.topic("a")
        await broker.ask(commit((0, 5), topic="a"), 9)
        offsets = broker.node.groups.machine("g").offsets
        named = [Named(topic_id=topic_id, partition_indexes=[0])]
        for written_by, shown in ((topic_id, 5), (ZERO_UUID, 5), (STRANGE_ID, -1)):  # zero: written before KIP-848
            offsets.replay("g", TopicPartition("a", 0), Committed(5, -1, "", 0, topic_id=written_by))
            answer = await broker.ask(OffsetFetchRequest(groups=[Group(group_id="g", topics=named)]), 10)
            assert answer.groups[0].topics[0].partitions[0].committed_offset == shown

    on_coordinator(scenario)


def test_version_1_tells_a_forbidden_group_in_each_partition() -> None:
    async def scenario(broker: Asking) -> None:
        guard(broker.node, DenyOnly(Check(Operation.DESCRIBE, ResourceType.GROUP)))
        asked = OffsetFetchRequest.OffsetFetchRequestTopic(name="a", partition_indexes=[0, 1])
        old = await broker.ask(OffsetFetchRequest(group_id="g", topics=[asked]), 1)
        assert [(one.committed_offset, one.error_code) for one in old.topics[0].partitions] == [(-1, 30), (-1, 30)]
        newer = await broker.ask(OffsetFetchRequest(group_id="g", topics=[asked]), 2)
        assert (newer.error_code, newer.topics) == (30, [])

    on_coordinator(scenario)


def test_offsets_are_deleted_one_by_one() -> None:
    def delete(group: str, *topics: tuple[str, list[int]]) -> OffsetDeleteRequest:
        partition = OffsetDeleteRequest.OffsetDeleteRequestPartition
        return OffsetDeleteRequest(
            group_id=group,
            topics=[
                OffsetDeleteRequest.OffsetDeleteRequestTopic(
                    name=name, partitions=[partition(partition_index=index) for index in indexes]
                )
                for name, indexes in topics
            ],
        )

    async def scenario(broker: Asking) -> None:
        await broker.topic("a")
        await broker.ask(commit((0, 5), topic="a"), 9)
        for group, code in (("absent", 69), ("", 24)):
            refused = await broker.ask(delete(group, ("a", [0])), 0)
            assert (refused.error_code, refused.topics) == (code, [])
        answer = await broker.ask(delete("g", ("a", [0, 7]), ("absent", [0])), 0)
        assert [
            (topic.name, one.partition_index, one.error_code) for topic in answer.topics for one in topic.partitions
        ] == [("a", 7, 3), ("a", 0, 0), ("absent", 0, 3)]
        assert not broker.node.groups.machine("g").offsets.of("g")

    on_coordinator(scenario)
