"""A member of a consumer group as its records tell it: a value, replaced as a whole by each record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

from ottla.common.names import Uuid
from ottla.protocol.blobs import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from ottla.protocol.codec import ProtocolError
from ottla.protocol.logs.consumer_offsets import (
    ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataValue,
)

LEFT_FOR_A_WHILE = -2
"""The epoch of a static member that will come back (KIP-345)."""

Owned = Mapping[bytes, Mapping[int, int]]
"""Partitions by topic id, each with the epoch at which the member was given it (KIP-1251)."""
Target = Mapping[bytes, tuple[int, ...]]
"""Partitions by topic id, in order."""


class MemberState(IntEnum):
    """Where a member stands between what it has and what it shall have."""

    STABLE = 0
    UNREVOKED = 1
    """Has been told to give partitions up, and has not said yet that it did."""
    UNRELEASED = 2
    """Waits for partitions that others have not given up yet."""
    UNKNOWN = 127


class ClassicFacts(NamedTuple):
    """What a member of the classic protocol said when it joined."""

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]

    @property
    def protocol(self) -> str:
        return self.protocols[0][0]

    @property
    def subscription_version(self) -> int:
        return blob_version(self.protocols[0][1])


@dataclass(frozen=True, slots=True)
class Member:
    """`topics` are sorted names; `pattern` is its regular expression, or empty. Not to be changed, nor its parts."""

    member_id: str
    epoch: int = 0
    previous_epoch: int = 0
    state: int = MemberState.STABLE
    assigned: Owned = field(default_factory=dict)
    revoking: Owned = field(default_factory=dict)
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topics: tuple[str, ...] = ()
    pattern: str = ""
    rebalance_timeout_ms: int = -1
    assignor: str | None = None
    classic: ClassicFacts | None = None

    def reconciled_to(self, epoch: int) -> bool:
        return self.state == MemberState.STABLE and self.epoch == epoch

    def holds(self, topic_id: bytes, partition: int) -> bool:
        return partition in self.assigned.get(topic_id, ())

    def given_at(self, topic_id: bytes, partition: int) -> int | None:
        """The epoch at which it got a partition that it has or is giving up; None if it is not its own."""
        epoch = self.assigned.get(topic_id, {}).get(partition)
        return self.revoking.get(topic_id, {}).get(partition) if epoch is None else epoch

    def gone_for_a_while(self) -> Member:
        """As it waits for its next life: commits of the last one count no more."""
        held = {topic_id: dict.fromkeys(partitions, 0) for topic_id, partitions in self.assigned.items()}
        return replace(self, epoch=LEFT_FOR_A_WHILE, assigned=held, revoking={})

    # --- records

    def described_by(self, value: ConsumerGroupMemberMetadataValue) -> Member:
        """With what record type 5 says."""
        classic = value.classic_member_metadata
        return replace(
            self,
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            topics=tuple(value.subscribed_topic_names),
            pattern=value.subscribed_topic_regex or "",
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            assignor=value.server_assignor,
            classic=None
            if classic is None
            else ClassicFacts(
                classic.session_timeout_ms,
                tuple((one.name, bytes(one.metadata)) for one in classic.supported_protocols),
            ),
        )

    def assigned_by(self, value: ConsumerGroupCurrentMemberAssignmentValue) -> Member:
        """With what record type 8 says. Records of older brokers tell no epochs: the member's own stands in."""
        return replace(
            self,
            epoch=value.member_epoch,
            previous_epoch=value.previous_member_epoch,
            state=value.state if value.state in _STATES else MemberState.UNKNOWN,
            assigned=_owned(value.assigned_partitions, value.member_epoch),
            revoking=_owned(value.partitions_pending_revocation, value.member_epoch),
        )

    def metadata_value(self) -> ConsumerGroupMemberMetadataValue:
        classic = self.classic
        return ConsumerGroupMemberMetadataValue(
            instance_id=self.instance_id,
            rack_id=self.rack_id,
            client_id=self.client_id,
            client_host=self.client_host,
            subscribed_topic_names=list(self.topics),
            subscribed_topic_regex=self.pattern,
            rebalance_timeout_ms=self.rebalance_timeout_ms,
            server_assignor=self.assignor,
            classic_member_metadata=None
            if classic is None
            else ConsumerGroupMemberMetadataValue.ClassicMemberMetadata(
                session_timeout_ms=classic.session_timeout_ms,
                supported_protocols=[
                    ConsumerGroupMemberMetadataValue.ClassicProtocol(name=name, metadata=metadata)
                    for name, metadata in classic.protocols
                ],
            ),
        )

    def assignment_value(self) -> ConsumerGroupCurrentMemberAssignmentValue:
        return ConsumerGroupCurrentMemberAssignmentValue(
            member_epoch=self.epoch,
            previous_member_epoch=self.previous_epoch,
            state=int(self.state),
            assigned_partitions=_partitions(self.assigned),
            partitions_pending_revocation=_partitions(self.revoking),
        )


_STATES = frozenset(int(state) for state in MemberState)
_Stored = ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions


def _owned(stored: list[_Stored], epoch: int) -> dict[bytes, dict[int, int]]:
    owned: dict[bytes, dict[int, int]] = {}
    for topic in stored:
        epochs = topic.assignment_epochs
        if epochs is None or len(epochs) != len(topic.partitions):
            epochs = [epoch] * len(topic.partitions)
        owned[bytes(topic.topic_id)] = dict(zip(topic.partitions, epochs, strict=True))
    return owned


def _partitions(owned: Owned) -> list[_Stored]:
    return [
        _Stored(topic_id=Uuid(topic_id), partitions=sorted(held), assignment_epochs=[held[one] for one in sorted(held)])
        for topic_id, held in owned.items()
    ]


# --- what classic clients put into their requests


def blob_version(blob: bytes) -> int:
    """The version that a subscription or an assignment begins with; unknown ones are read as the last."""
    return max(min(int.from_bytes(blob[:2], "big", signed=True), 3), 0)


def _checked_version(blob: bytes) -> int:
    """Raises ProtocolError where Kafka's readers of these blobs do: no version, or one below 0."""
    if len(blob) < 2 or blob[0] & 0x80:
        raise ProtocolError("a subscription or an assignment begins with its version, which is not negative")
    return blob_version(blob)


def read_subscription(blob: bytes) -> ConsumerProtocolSubscription:
    """Raises ProtocolError."""
    subscription, _ = ConsumerProtocolSubscription.decode(_checked_version(blob), blob, 2)
    return subscription


def read_assignment(blob: bytes) -> ConsumerProtocolAssignment:
    """Raises ProtocolError. An empty blob is an empty assignment."""
    if not blob:
        return ConsumerProtocolAssignment(assigned_partitions=[])
    assignment, _ = ConsumerProtocolAssignment.decode(_checked_version(blob), blob, 2)
    return assignment
