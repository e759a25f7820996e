"""A classic group as it is at one moment: its members, their protocols, its state. Changed by `classic.py` alone.

Everything here is volatile. What survives is the last GroupMetadata record, from which `restore` makes the group again;
members that were joining, deadlines and parked requests are lost by design when the coordinator moves.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

from ottla.common.errors import FencedInstanceId, UnknownMemberId
from ottla.coordinator.group.assignors.member import names_in_java_order
from ottla.coordinator.outcome import Token
from ottla.protocol.blobs import ConsumerProtocolSubscription
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.consumer_offsets import GroupMetadataValue

CONSUMER_PROTOCOL = "consumer"

Protocols = list[tuple[str, bytes]]
"""Name and metadata, in the order of the member's preference."""


class State(Enum):
    """See `classic.py` for what leads from one to another."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


class Member:
    """One member; `awaiting_join` and `awaiting_sync` are its parked requests."""

    __slots__ = (
        "_names", "assignment", "awaiting_join", "awaiting_sync", "client_host", "client_id", "deadline_ms",
        "instance_id", "is_new", "join_version", "member_id", "protocols", "rebalance_timeout_ms", "sent_bytes",
        "session_timeout_ms",
    )  # fmt: skip

    def __init__(
        self,
        member_id: str,
        instance_id: str | None,
        client_id: str,
        client_host: str,
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        protocols: Protocols,
    ) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.client_id = client_id
        self.client_host = client_host
        self.rebalance_timeout_ms = rebalance_timeout_ms
        self.session_timeout_ms = session_timeout_ms
        self.use_protocols(protocols)
        self.assignment = b""
        self.is_new = False
        self.join_version = 0
        self.awaiting_join: Token = None
        self.awaiting_sync: Token = None
        self.deadline_ms = 0

    def use_protocols(self, protocols: Protocols) -> None:
        """Of a name that comes twice the first counts."""
        self.protocols = protocols
        self._names = dict(reversed(protocols))
        self.sent_bytes = sum(len(name) + len(metadata) for name, metadata in protocols)

    def metadata(self, protocol: str | None) -> bytes:
        """What the member sent for `protocol`; empty if it does not support it."""
        return b"" if protocol is None else self._names.get(protocol, b"")

    def supports(self, protocol: str) -> bool:
        return protocol in self._names

    def expired(self, now_ms: int) -> bool:
        """No sign of life in time. Who waits for an answer of ours is alive, but a new member may wait for ever."""
        if not self.is_new and (self.awaiting_join is not None or self.awaiting_sync is not None):
            return False
        return now_ms >= self.deadline_ms


class ClassicGroup:
    """Invariants: the leader is a member or None when there is none; `static` maps onto members; votes are derived."""

    __slots__ = (
        "generation", "group_id", "initial_left_ms", "leader", "members", "new_member_added", "pending_joins",
        "pending_syncs", "previous_state", "protocol", "protocol_type", "state", "state_since_ms", "static",
    )  # fmt: skip

    def __init__(self, group_id: str, now_ms: int) -> None:
        self.group_id = group_id
        self.state = State.EMPTY
        self.previous_state = State.EMPTY
        self.state_since_ms = now_ms
        self.generation = 0
        self.protocol_type: str | None = None
        self.protocol: str | None = None
        self.leader: str | None = None
        self.members: dict[str, Member] = {}
        self.static: dict[str, str] = {}
        self.pending_joins: dict[str, None] = {}  # ids given with MEMBER_ID_REQUIRED, not yet joined (KIP-394)
        self.pending_syncs: dict[str, None] = {}
        self.new_member_added = False
        self.initial_left_ms = 0

    @classmethod
    def restore(cls, group_id: str, value: GroupMetadataValue, now_ms: int) -> ClassicGroup:
        """The group as its last record tells it: Stable with its members, or Empty."""
        group = cls(group_id, value.current_state_timestamp if value.current_state_timestamp >= 0 else now_ms)
        group.generation = value.generation
        group.protocol_type = value.protocol_type or None
        group.protocol = value.protocol
        group.leader = value.leader
        for stored in value.members:
            member = Member(
                stored.member_id,
                stored.group_instance_id,
                stored.client_id,
                stored.client_host,
                stored.rebalance_timeout if stored.rebalance_timeout >= 0 else stored.session_timeout,
                stored.session_timeout,
                [(value.protocol or "", bytes(stored.subscription))],
            )
            member.assignment = bytes(stored.assignment)
            member.deadline_ms = now_ms + member.session_timeout_ms
            group.add(member)
        group.state = group.previous_state = State.STABLE if group.members else State.EMPTY
        return group

    def snapshot(self) -> GroupMetadataValue:
        """The record that `restore` reads."""
        return GroupMetadataValue(
            protocol_type=self.protocol_type or "",
            generation=self.generation,
            protocol=self.protocol,
            leader=self.leader,
            current_state_timestamp=self.state_since_ms,
            members=[
                GroupMetadataValue.MemberMetadata(
                    member_id=member.member_id,
                    group_instance_id=member.instance_id,
                    client_id=member.client_id,
                    client_host=member.client_host,
                    rebalance_timeout=member.rebalance_timeout_ms,
                    session_timeout=member.session_timeout_ms,
                    subscription=member.metadata(self.protocol),
                    assignment=member.assignment,
                )
                for member in self.members.values()
            ],
        )

    def snapshot_empty(self) -> GroupMetadataValue:
        """The first record of a group, before its first generation."""
        return GroupMetadataValue(protocol=None, leader=None, current_state_timestamp=self.state_since_ms, members=[])

    # --- members

    def add(self, member: Member) -> None:
        if self.leader is None:
            self.leader = member.member_id
        self.members[member.member_id] = member
        self.pending_joins.pop(member.member_id, None)
        if member.instance_id is not None:
            self.static[member.instance_id] = member.member_id

    def remove(self, member_id: str) -> None:
        member = self.members.pop(member_id, None)
        self.pending_joins.pop(member_id, None)
        self.pending_syncs.pop(member_id, None)
        if member is not None and member.instance_id is not None and self.static.get(member.instance_id) == member_id:
            del self.static[member.instance_id]
        if self.leader == member_id:
            self.leader = next(iter(self.members), None)

    def replace_static(self, instance_id: str, new_id: str) -> Member:
        """The same member under a new id, at the same place in the order."""
        old_id = self.static[instance_id]
        member = self.members[old_id]
        self.members = {(new_id if key == old_id else key): value for key, value in self.members.items()}
        member.member_id = new_id
        self.static[instance_id] = new_id
        if old_id in self.pending_syncs:
            del self.pending_syncs[old_id]
            self.pending_syncs[new_id] = None
        if self.leader == old_id:
            self.leader = new_id
        return member

    def check_member(self, member_id: str, instance_id: str | None) -> Member:
        """Raises UnknownMemberId, and FencedInstanceId when another member took the instance id over (KIP-345)."""
        if instance_id is not None:
            current = self.static.get(instance_id)
            if current is None:
                raise UnknownMemberId
            if current != member_id:
                raise FencedInstanceId
        member = self.members.get(member_id)
        if member is None:
            raise UnknownMemberId
        return member

    # --- queries

    @property
    def rebalance_timeout_ms(self) -> int:
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    @property
    def all_joined(self) -> bool:
        return not self.pending_joins and all(member.awaiting_join is not None for member in self.members.values())

    def supports(self, protocol_type: str, protocols: Protocols) -> bool:
        """Could a member with these protocols be in this group?"""
        if self.state is State.EMPTY or not self.members:
            return bool(protocol_type) and bool(protocols)
        if protocol_type != self.protocol_type:
            return False
        common = self.common_protocols()
        return any(name in common for name, _ in protocols)

    def common_protocols(self) -> dict[str, None]:
        """Names that every member supports, in the order of the first member."""
        first, *others = self.members.values()
        return {name: None for name, _ in first.protocols if all(other.supports(name) for other in others)}

    def select_protocol(self) -> str:
        """Most votes, each member's for the first of its protocols that all support. Between equals, Kafka's order."""
        common = self.common_protocols() if self.members else None
        assert common, f"group {self.group_id} has no protocol that all members support"
        votes = Counter(
            next(name for name, _ in member.protocols if name in common) for member in self.members.values()
        )
        return max(names_in_java_order(votes), key=lambda name: votes[name])

    def subscribed_topics(self) -> list[str] | None:
        """The topics that members subscribe to; None when that cannot be known (another protocol, odd bytes).

        Of whatever version the bytes are, the fields of version 0 are read: members that leave out later ones, or put
        something else there, are understood, as in Kafka.
        """
        if self.protocol_type != CONSUMER_PROTOCOL or not self.members or self.protocol is None:
            return None if self.members else []
        topics: dict[str, None] = {}
        for member in self.members.values():
            metadata = member.metadata(self.protocol)
            try:
                subscription, _ = ConsumerProtocolSubscription.decode(0, metadata, 2)
            except ProtocolError:
                return None
            topics.update(dict.fromkeys(subscription.topics))
        return list(topics)

    def move_to(self, state: State, now_ms: int) -> None:
        self.previous_state = self.state
        self.state = state
        self.state_since_ms = now_ms
