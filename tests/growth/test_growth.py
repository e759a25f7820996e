"""Nothing is superlinear: every array of every request with n and with 4n elements, and stores of n and 4n things.

Lines of Python are counted, not time. What C does with a list in one line is not seen so: `test_lists.py` forbids that.
`python -m tests.growth` measures both by time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import groupby

import pytest

from ottla.protocol.api import APIS
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.metadata import MetadataRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest
from tests.growth.questions import GROUP, KNOWN, Question, questions
from tests.growth.world import World, in_world

FEW = 100
MANY = 4 * FEW
MOST_GROWTH = 8
BY_API = [(APIS[key].name, list(found)) for key, found in groupby(questions(), lambda one: one.key)]


@pytest.mark.parametrize(("name", "asked"), BY_API, ids=[name for name, _ in BY_API])
def test_four_times_as_many_elements_are_not_eight_times_the_work(name: str, asked: list[Question]) -> None:
    async def scenario(world: World) -> list[str]:
        found = []
        for question in asked:
            await world.serve(question.request(1), question.version)  # what is compiled or loaded once does not count
            few, many = [await world.lines(question.request(count), question.version) for count in (FEW, MANY)]
            if many > MOST_GROWTH * few:
                found.append(f"{question}: {few} and {many} lines")
        return found

    assert in_world(scenario, MANY) == []


def test_every_api_with_an_array_is_asked() -> None:
    assert len(BY_API) >= 45


Store = Callable[[World, int], Awaitable[None]]


async def topics(world: World, count: int) -> None:
    for start in range(0, count, 500):
        wanted = [
            CreateTopicsRequest.CreatableTopic(name=f"more-{number}", num_partitions=1, replication_factor=1)
            for number in range(start, min(start + 500, count))
        ]
        await world.serve(CreateTopicsRequest(topics=wanted, timeout_ms=1000), 7)


async def offsets(world: World, count: int) -> None:
    """Of one group, so many."""
    partitions = [
        OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=index, committed_offset=1)
        for index in range(count)
    ]
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=f"{KNOWN}-0", partitions=partitions)
    await world.serve(OffsetCommitRequest(group_id=f"{GROUP}-0", generation_id_or_member_epoch=-1, topics=[topic]), 8)


async def groups(world: World, count: int) -> None:
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=1)
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name=f"{KNOWN}-0", partitions=[partition])
    for number in range(count):
        request = OffsetCommitRequest(group_id=f"{GROUP}-{number}", generation_id_or_member_epoch=-1, topics=[topic])
        await world.serve(request, 8)


def deletion(count: int) -> Message:
    partitions = [OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=index) for index in range(count)]
    topic = OffsetDeleteRequest.OffsetDeleteRequestTopic(name=f"{KNOWN}-0", partitions=partitions)
    return OffsetDeleteRequest(group_id=f"{GROUP}-0", topics=[topic])


STORED: list[tuple[str, Store, Callable[[int], Message], int]] = [
    ("topics, all described", topics, lambda _: MetadataRequest(topics=None), 12),
    ("topics, one page", topics, lambda _: DescribeTopicPartitionsRequest(topics=[], response_partition_limit=9), 0),
    ("offsets, all read", offsets, lambda _: OffsetFetchRequest(group_id=f"{GROUP}-0", topics=None), 7),
    ("offsets, all deleted", offsets, deletion, 0),
    ("groups, listed", groups, lambda _: ListGroupsRequest(), 4),
]


@pytest.mark.parametrize(("what", "store", "request_of", "version"), STORED, ids=[one[0] for one in STORED])
def test_four_times_as_many_stored_things_are_not_eight_times_the_work(
    what: str, store: Store, request_of: Callable[[int], Message], version: int
) -> None:
    def work(count: int) -> int:
        async def scenario(world: World) -> int:
            await store(world, count)
            return await world.lines(request_of(count), version)

        return in_world(scenario, MANY)

    assert work(MANY) <= MOST_GROWTH * work(FEW)
