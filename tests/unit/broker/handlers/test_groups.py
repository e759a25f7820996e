"""ListGroups, DescribeGroups, DeleteGroups as tools use them (compared with Kafka 4.3.1)."""

from __future__ import annotations

from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.join_group import JoinGroupRequest
from ottla.protocol.messages.leave_group import LeaveGroupRequest
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.offset_commit import OffsetCommitRequest
from ottla.protocol.messages.sync_group import SyncGroupRequest
from ottla.security.operations import Operation, ResourceType
from ottla.testing.authorizers import Check, DenyOnly, guard
from tests.unit.broker.handlers.support import Asking, on_coordinator

METADATA = b"\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"


async def with_a_member(broker: Asking, group: str) -> str:
    """A stable group of one member; its id."""
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=METADATA)
    join = JoinGroupRequest(
        group_id=group, session_timeout_ms=10_000, rebalance_timeout_ms=10_000, member_id="",
        protocol_type="consumer", protocols=[protocol],
    )  # fmt: skip
    joined = await broker.ask(join, 3)
    assigned = SyncGroupRequest.SyncGroupRequestAssignment(member_id=joined.member_id, assignment=b"abc")
    sync = SyncGroupRequest(
        group_id=group, generation_id=joined.generation_id, member_id=joined.member_id, assignments=[assigned]
    )
    assert (await broker.ask(sync, 3)).error_code == 0
    member_id: str = joined.member_id
    return member_id


async def with_an_offset(broker: Asking, group: str) -> None:
    """A group without members that has committed something."""
    await broker.topic("a")
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=1)
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="a", partitions=[partition])
    answer = await broker.ask(OffsetCommitRequest(group_id=group, topics=[topic]), 9)
    assert answer.topics[0].partitions[0].error_code == 0


def test_groups_are_listed_by_state_and_type() -> None:
    async def scenario(broker: Asking) -> None:
        assert (await broker.ask(ListGroupsRequest(), 5)).groups == []
        await with_a_member(broker, "members")
        await with_an_offset(broker, "offsets")
        for states, types, expected in (
            ([], [], ["members", "offsets"]),
            (["stable"], [], ["members"]),
            (["EMPTY", "Bogus"], ["Classic"], ["offsets"]),
            ([], ["consumer"], []),
        ):
            answer = await broker.ask(ListGroupsRequest(states_filter=states, types_filter=types), 5)
            assert sorted(group.group_id for group in answer.groups) == expected
        everything = await broker.ask(ListGroupsRequest(), 5)
        shown = {
            group.group_id: (group.protocol_type, group.group_state, group.group_type) for group in everything.groups
        }
        assert shown == {"members": ("consumer", "Stable", "classic"), "offsets": ("", "Empty", "classic")}

    on_coordinator(scenario)


def test_groups_that_may_not_be_described_are_left_out_of_the_list() -> None:
    async def scenario(broker: Asking) -> None:
        await with_a_member(broker, "mine")
        await with_a_member(broker, "theirs")
        no_cluster = Check(Operation.DESCRIBE, ResourceType.CLUSTER)
        guard(broker.node, DenyOnly(no_cluster, Check(Operation.DESCRIBE, ResourceType.GROUP, "theirs")))
        answer = await broker.ask(ListGroupsRequest(), 5)
        assert [group.group_id for group in answer.groups] == ["mine"]

    on_coordinator(scenario)


def test_a_group_is_described_with_its_members() -> None:
    async def scenario(broker: Asking) -> None:
        member_id = await with_a_member(broker, "g")
        asked = DescribeGroupsRequest(groups=["g", "absent"], include_authorized_operations=True)
        for version, code, message in ((3, 0, None), (6, 69, "Group absent not found.")):
            found, absent = (await broker.ask(asked, version)).groups
            assert (found.group_state, found.protocol_type, found.protocol_data) == ("Stable", "consumer", "range")
            assert found.authorized_operations == 3400
            (member,) = found.members
            assert (member.member_id, member.client_id) == (member_id, "ottla")
            assert member.client_host.startswith("/")
            assert (member.member_metadata, member.member_assignment) == (METADATA, b"abc")
            assert (absent.error_code, absent.group_state) == (code, "Dead")
            assert absent.error_message == message
            assert absent.authorized_operations == (3400 if code == 0 else -(1 << 31))

    on_coordinator(scenario)


def test_only_empty_groups_are_deleted() -> None:
    async def scenario(broker: Asking) -> None:
        member_id = await with_a_member(broker, "members")
        await with_an_offset(broker, "offsets")
        request = DeleteGroupsRequest(groups_names=["members", "offsets", "absent", "offsets"])
        answer = await broker.ask(request, 2)
        assert [(one.group_id, one.error_code) for one in answer.results] == [
            ("members", 68), ("offsets", 0), ("absent", 69),
        ]  # fmt: skip
        leave = LeaveGroupRequest(group_id="members", members=[LeaveGroupRequest.MemberIdentity(member_id=member_id)])
        assert (await broker.ask(leave, 4)).error_code == 0
        again = await broker.ask(request, 0)
        assert [one.error_code for one in again.results] == [0, 69, 69]
        assert (await broker.ask(ListGroupsRequest(), 5)).groups == []

    on_coordinator(scenario)
