"""Groups: who is in them, what they have read, and changes to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.cli.options import missing
from ottla.client.cluster import Cluster, raise_error
from ottla.common.names import TopicPartition
from ottla.protocol.blobs import ConsumerProtocolAssignment
from ottla.protocol.codec import ProtocolError
from ottla.protocol.messages.consumer_group import ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse

_BY_NAME = 8
"""The newest version of OffsetFetch and OffsetCommit that names topics and needs no member."""


class Listed(NamedTuple):
    """A group as ListGroups tells it. type: Classic, Consumer, Share or Streams."""

    group: str
    type: str
    protocol: str
    state: str


class Member(NamedTuple):
    """One member; what it has is empty for a protocol that is not `consumer`."""

    member: str
    instance: str | None
    client: str
    host: str
    assigned: tuple[TopicPartition, ...]


class Described(NamedTuple):
    """A group with its members. epoch: None for the classic protocol, whose assignor is what its leader used."""

    group: str
    type: str
    state: str
    assignor: str
    epoch: int | None
    coordinator: int
    members: tuple[Member, ...]


async def all_groups(cluster: Cluster) -> list[Listed]:
    """Of every coordinator, by name."""
    await cluster.refresh([])
    found = []
    for broker in sorted(cluster.brokers):
        response: ListGroupsResponse = await cluster.send(ListGroupsRequest(), broker=broker)
        raise_error(response)
        for row in response.groups:
            kind = (row.group_type or "classic").capitalize()
            found.append(Listed(row.group_id, kind, row.protocol_type, row.group_state))
    return sorted(found)


async def group_named(cluster: Cluster, name: str) -> Listed:
    """Raises ClickException for a group that does not exist, with the nearest that does."""
    groups = await all_groups(cluster)
    for listed in groups:
        if listed.group == name:
            return listed
    raise missing("group", name, [listed.group for listed in groups])


async def describe(cluster: Cluster, name: str) -> Described:
    """Raises ClickException for a group that does not exist."""
    listed = await group_named(cluster, name)
    coordinator = await cluster.coordinator(name)
    if listed.type == "Consumer":
        return await _describe_consumer(cluster, name, coordinator)
    if listed.type == "Classic":
        return await _describe_classic(cluster, name, coordinator)
    return Described(name, listed.type, listed.state, "", None, coordinator, ())


async def _describe_classic(cluster: Cluster, name: str, coordinator: int) -> Described:
    def check(response: DescribeGroupsResponse) -> DescribeGroupsResponse.DescribedGroup:
        raise_error(response.groups[0])
        return response.groups[0]

    group = await cluster.send_to_coordinator(name, DescribeGroupsRequest(groups=[name]), check)
    members = tuple(
        Member(
            row.member_id, row.group_instance_id, row.client_id, row.client_host,
            _assigned(row.member_assignment) if group.protocol_type == "consumer" else (),
        )
        for row in group.members
    )  # fmt: skip
    return Described(name, "Classic", group.group_state, group.protocol_data, None, coordinator, members)


def _assigned(blob: bytes) -> tuple[TopicPartition, ...]:
    """What a leader has assigned to a member, which only clients understand: nothing if it does not parse."""
    if len(blob) < 2:
        return ()
    version = int.from_bytes(blob[:2], "big", signed=True)
    newest = ConsumerProtocolAssignment.versions[1]
    try:
        assignment, _ = ConsumerProtocolAssignment.decode(max(0, min(version, newest)), blob, 2)
    except ProtocolError:
        return ()
    return tuple(
        sorted(
            TopicPartition(topic.topic, number)
            for topic in assignment.assigned_partitions
            for number in topic.partitions
        )
    )


async def _describe_consumer(cluster: Cluster, name: str, coordinator: int) -> Described:
    def check(response: ConsumerGroupDescribeResponse) -> ConsumerGroupDescribeResponse.DescribedGroup:
        raise_error(response.groups[0])
        return response.groups[0]

    group = await cluster.send_to_coordinator(name, ConsumerGroupDescribeRequest(group_ids=[name]), check)
    members = tuple(
        Member(
            row.member_id,
            row.instance_id,
            row.client_id,
            row.client_host,
            tuple(
                sorted(
                    TopicPartition(topic.topic_name, number)
                    for topic in row.assignment.topic_partitions
                    for number in topic.partitions
                )
            ),
        )
        for row in group.members
    )
    return Described(name, "Consumer", group.group_state, group.assignor_name, group.group_epoch, coordinator, members)


async def committed(cluster: Cluster, name: str) -> dict[TopicPartition, int]:
    """What the group has committed, in order."""
    rows = [OffsetFetchRequest.OffsetFetchRequestGroup(group_id=name, topics=None)]
    request = OffsetFetchRequest(groups=rows)

    async def attempt() -> dict[TopicPartition, int]:
        coordinator = await cluster.coordinator(name)
        response: OffsetFetchResponse = await cluster.send(request, broker=coordinator, version=_BY_NAME)
        raise_error(response.groups[0])
        found = {}
        for topic in response.groups[0].topics:
            for row in topic.partitions:
                raise_error(row)
                if row.committed_offset >= 0:
                    found[TopicPartition(topic.name, row.partition_index)] = row.committed_offset
        return dict(sorted(found.items()))

    return await cluster.retrying(attempt)


async def commit(cluster: Cluster, name: str, offsets: Mapping[TopicPartition, int]) -> None:
    """As a tool commits for a group without members. Raises what the coordinator answers for any partition."""
    topics: dict[str, OffsetCommitRequest.OffsetCommitRequestTopic] = {}
    for (topic, number), offset in offsets.items():
        row = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=number, committed_offset=offset)
        topics.setdefault(topic, OffsetCommitRequest.OffsetCommitRequestTopic(name=topic)).partitions.append(row)
    request = OffsetCommitRequest(group_id=name, topics=list(topics.values()))

    async def attempt() -> None:
        coordinator = await cluster.coordinator(name)
        response: OffsetCommitResponse = await cluster.send(request, broker=coordinator, version=_BY_NAME)
        for topic in response.topics:
            for row in topic.partitions:
                raise_error(row)

    await cluster.retrying(attempt)


async def delete(cluster: Cluster, name: str) -> None:
    """Raises NonEmptyGroup for one with members."""

    def check(response: DeleteGroupsResponse) -> None:
        raise_error(response.results[0])

    await cluster.send_to_coordinator(name, DeleteGroupsRequest(groups_names=[name]), check)


async def delete_offsets(cluster: Cluster, name: str, partitions: Iterable[TopicPartition]) -> None:
    """Raises GroupSubscribedToTopic where members read the topic."""
    topics: dict[str, OffsetDeleteRequest.OffsetDeleteRequestTopic] = {}
    for topic, number in partitions:
        row = OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=number)
        topics.setdefault(topic, OffsetDeleteRequest.OffsetDeleteRequestTopic(name=topic)).partitions.append(row)

    def check(response: OffsetDeleteResponse) -> None:
        raise_error(response)
        for topic in response.topics:
            for row in topic.partitions:
                raise_error(row)

    await cluster.send_to_coordinator(name, OffsetDeleteRequest(group_id=name, topics=list(topics.values())), check)
