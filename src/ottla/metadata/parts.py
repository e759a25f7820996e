"""The nouns of the cluster image: a topic, a partition, a broker. Partitions and brokers are values, never changed."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.names import Uuid
from ottla.protocol.logs.cluster_metadata import (
    BrokerRegistrationChangeRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
)

NO_LEADER = -1
_LEADER_UNCHANGED = -2


class PartitionImage(NamedTuple):
    """One partition: who has a replica, who is in sync, who leads.

    `leader_epoch` rises with each change of leader, `partition_epoch` with each change at all. Both begin at 0.
    """

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int
    partition_epoch: int
    removing_replicas: tuple[int, ...] = ()
    adding_replicas: tuple[int, ...] = ()
    leader_recovery_state: int = 0
    directories: tuple[Uuid, ...] = ()
    eligible_leader_replicas: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()

    @classmethod
    def of(cls, record: PartitionRecord) -> PartitionImage:
        return cls(
            tuple(record.replicas),
            tuple(record.isr),
            record.leader,
            record.leader_epoch,
            record.partition_epoch,
            tuple(record.removing_replicas),
            tuple(record.adding_replicas),
            record.leader_recovery_state,
            tuple(record.directories),
            tuple(record.eligible_leader_replicas or ()),
            tuple(record.last_known_elr or ()),
        )

    def changed(self, record: PartitionChangeRecord) -> PartitionImage:
        """The partition after a change. A leader named in it, even the present one, begins a new leader epoch."""
        elects = record.leader != _LEADER_UNCHANGED
        return PartitionImage(
            _or(record.replicas, self.replicas),
            _or(record.isr, self.isr),
            record.leader if elects else self.leader,
            self.leader_epoch + elects,
            self.partition_epoch + 1,
            _or(record.removing_replicas, self.removing_replicas),
            _or(record.adding_replicas, self.adding_replicas),
            self.leader_recovery_state if record.leader_recovery_state == -1 else record.leader_recovery_state,
            self.directories if record.directories is None else tuple(record.directories),
            _or(record.eligible_leader_replicas, self.eligible_leader_replicas),
            _or(record.last_known_elr, self.last_known_elr),
        )

    def without_elr(self) -> PartitionImage:
        return self._replace(eligible_leader_replicas=(), last_known_elr=(), partition_epoch=self.partition_epoch + 1)

    def record(self, topic_id: Uuid, index: int) -> PartitionRecord:
        """The record that makes this partition anew, for a snapshot."""
        return PartitionRecord(
            partition_id=index,
            topic_id=topic_id,
            replicas=list(self.replicas),
            isr=list(self.isr),
            removing_replicas=list(self.removing_replicas),
            adding_replicas=list(self.adding_replicas),
            leader=self.leader,
            leader_recovery_state=self.leader_recovery_state,
            leader_epoch=self.leader_epoch,
            partition_epoch=self.partition_epoch,
            directories=list(self.directories),
            eligible_leader_replicas=list(self.eligible_leader_replicas) or None,
            last_known_elr=list(self.last_known_elr) or None,
        )


def _or(changed: list[int] | None, present: tuple[int, ...]) -> tuple[int, ...]:
    return present if changed is None else tuple(changed)


class TopicImage:
    """A topic: its name, its id, its partitions by index."""

    __slots__ = ("id", "name", "partitions")

    def __init__(self, name: str, topic_id: Uuid) -> None:
        self.name = name
        self.id = topic_id
        self.partitions: dict[int, PartitionImage] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TopicImage):
            return NotImplemented
        return (self.name, self.id, self.partitions) == (other.name, other.id, other.partitions)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"TopicImage({self.name!r}, partitions={len(self.partitions)})"

    @property
    def replication_factor(self) -> int:
        """Replicas of partition 0, which is what Kafka reports for the topic."""
        return len(self.partitions[0].replicas) if 0 in self.partitions else -1


class Endpoint(NamedTuple):
    """Where a broker is reached through one listener."""

    listener: str
    host: str
    port: int
    security_protocol: int


class BrokerImage(NamedTuple):
    """A registered broker. `epoch` is that of its registration; `fenced` ones neither lead nor get replicas."""

    id: int
    epoch: int
    incarnation: Uuid
    endpoints: tuple[Endpoint, ...]
    features: tuple[tuple[str, int, int], ...]
    rack: str | None
    fenced: bool
    in_controlled_shutdown: bool
    log_dirs: tuple[Uuid, ...]
    cordoned_log_dirs: tuple[Uuid, ...]

    @classmethod
    def of(cls, record: RegisterBrokerRecord) -> BrokerImage:
        return cls(
            record.broker_id,
            record.broker_epoch,
            record.incarnation_id,
            tuple(Endpoint(end.name, end.host, end.port, end.security_protocol) for end in record.end_points),
            tuple((each.name, each.min_supported_version, each.max_supported_version) for each in record.features),
            record.rack,
            record.fenced,
            record.in_controlled_shutdown,
            tuple(record.log_dirs),
            tuple(record.cordoned_log_dirs or ()),
        )

    def endpoint(self, listener: str) -> Endpoint | None:
        for each in self.endpoints:
            if each.listener == listener:
                return each
        return None

    def with_fencing(self, *, fenced: bool) -> BrokerImage:
        return self._replace(fenced=fenced)

    def changed(self, record: BrokerRegistrationChangeRecord) -> BrokerImage:
        """After a change, whose numbers mean: -1 becomes false, 0 no change, 1 becomes true."""
        return self._replace(
            fenced=self.fenced if record.fenced == 0 else record.fenced > 0,
            in_controlled_shutdown=self.in_controlled_shutdown
            if record.in_controlled_shutdown == 0
            else record.in_controlled_shutdown > 0,
            log_dirs=tuple(record.log_dirs) or self.log_dirs,
            cordoned_log_dirs=self.cordoned_log_dirs
            if record.cordoned_log_dirs is None
            else tuple(record.cordoned_log_dirs),
        )

    def record(self) -> RegisterBrokerRecord:
        """The record that registers this broker anew, for a snapshot."""
        return RegisterBrokerRecord(
            broker_id=self.id,
            incarnation_id=self.incarnation,
            broker_epoch=self.epoch,
            end_points=[
                RegisterBrokerRecord.BrokerEndpoint(
                    name=end.listener, host=end.host, port=end.port, security_protocol=end.security_protocol
                )
                for end in self.endpoints
            ],
            features=[
                RegisterBrokerRecord.BrokerFeature(name=name, min_supported_version=low, max_supported_version=high)
                for name, low, high in self.features
            ],
            rack=self.rack,
            fenced=self.fenced,
            in_controlled_shutdown=self.in_controlled_shutdown,
            log_dirs=list(self.log_dirs),
            cordoned_log_dirs=list(self.cordoned_log_dirs) or None,
        )
