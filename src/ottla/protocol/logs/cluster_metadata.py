"""The records of the metadata log: everything that a cluster knows about itself.

They have no key; type and version stand in front of the value (`ottla.protocol.logs.framing`).
"""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Bytes, Float64, Int8, Int16, Int32, Int64, String, UInt16, Uuid


class RegisterBrokerRecord(Message, record=0, versions=(0, 4), flexible=0):
    """A broker has started, with its endpoints, features and directories."""

    class BrokerEndpoint(Struct):
        name: String = ""
        host: String = ""
        port: UInt16 = 0
        security_protocol: Int16 = 0

    class BrokerFeature(Struct):
        name: String = ""
        min_supported_version: Int16 = 0
        max_supported_version: Int16 = 0

    broker_id: Int32 = 0
    is_migrating_zk_broker: Bool = field(default=False, since=2)
    incarnation_id: Uuid = ZERO_UUID
    broker_epoch: Int64 = 0
    end_points: list[BrokerEndpoint] = field()
    features: list[BrokerFeature] = field()
    rack: String | None = ""
    fenced: Bool = True
    in_controlled_shutdown: Bool = field(default=False, since=1)
    log_dirs: list[Uuid] = field(since=3, tag=0)
    cordoned_log_dirs: list[Uuid] | None = field(default=None, since=4, tag=1)


class UnregisterBrokerRecord(Message, record=1, versions=(0, 0), flexible=0):
    """A broker is forgotten."""

    broker_id: Int32 = 0
    broker_epoch: Int64 = 0


class TopicRecord(Message, record=2, versions=(0, 0), flexible=0):
    """A topic exists; its partitions follow."""

    name: String = ""
    topic_id: Uuid = ZERO_UUID


class PartitionRecord(Message, record=3, versions=(0, 2), flexible=0):
    """A partition with its replicas, ISR, leader and epochs."""

    partition_id: Int32 = -1
    topic_id: Uuid = ZERO_UUID
    replicas: list[Int32] = field()
    isr: list[Int32] = field()
    removing_replicas: list[Int32] = field()
    adding_replicas: list[Int32] = field()
    leader: Int32 = -1
    leader_recovery_state: Int8 = field(default=0, tag=0)
    leader_epoch: Int32 = -1
    partition_epoch: Int32 = -1
    directories: list[Uuid] = field(since=1)
    eligible_leader_replicas: list[Int32] | None = field(default=None, since=2, tag=1)
    last_known_elr: list[Int32] | None = field(default=None, since=2, tag=2)


class ConfigRecord(Message, record=4, versions=(0, 0), flexible=0):
    """A setting of a resource; null takes it back."""

    resource_type: Int8 = 0
    resource_name: String = ""
    name: String = ""
    value: String | None = ""


class PartitionChangeRecord(Message, record=5, versions=(0, 2), flexible=0):
    """What changed in a partition; a field that is left out did not change. Leader -2 is no change, -1 no leader."""

    partition_id: Int32 = -1
    topic_id: Uuid = ZERO_UUID
    isr: list[Int32] | None = field(default=None, tag=0)
    leader: Int32 = field(default=-2, tag=1)
    replicas: list[Int32] | None = field(default=None, tag=2)
    removing_replicas: list[Int32] | None = field(default=None, tag=3)
    adding_replicas: list[Int32] | None = field(default=None, tag=4)
    leader_recovery_state: Int8 = field(default=-1, tag=5)
    directories: list[Uuid] | None = field(default=None, since=1, tag=8)
    eligible_leader_replicas: list[Int32] | None = field(default=None, since=2, tag=6)
    last_known_elr: list[Int32] | None = field(default=None, since=2, tag=7)


class FenceBrokerRecord(Message, record=7, versions=(0, 0), flexible=0):
    """A broker no longer takes part."""

    id: Int32 = 0
    epoch: Int64 = 0


class UnfenceBrokerRecord(Message, record=8, versions=(0, 0), flexible=0):
    """A broker takes part again."""

    id: Int32 = 0
    epoch: Int64 = 0


class RemoveTopicRecord(Message, record=9, versions=(0, 0), flexible=0):
    """A topic is deleted."""

    topic_id: Uuid = ZERO_UUID


class DelegationTokenRecord(Message, record=10, versions=(0, 0), flexible=0):
    """A delegation token was created or renewed."""

    owner: String = ""
    requester: String = ""
    renewers: list[String] = field()
    issue_timestamp: Int64 = 0
    max_timestamp: Int64 = 0
    expiration_timestamp: Int64 = 0
    token_id: String = ""


class UserScramCredentialRecord(Message, record=11, versions=(0, 0), flexible=0):
    """A SCRAM credential of a user."""

    name: String = ""
    mechanism: Int8 = 0
    salt: Bytes = b""
    stored_key: Bytes = b""
    server_key: Bytes = b""
    iterations: Int32 = 0


class FeatureLevelRecord(Message, record=12, versions=(0, 0), flexible=0):
    """The finalised level of a feature; level 0 removes it."""

    name: String = ""
    feature_level: Int16 = 0


class ClientQuotaRecord(Message, record=14, versions=(0, 0), flexible=0):
    """A quota of an entity is set or removed."""

    class EntityData(Struct):
        entity_type: String = ""
        entity_name: String | None = ""

    entity: list[EntityData] = field()
    key: String = ""
    value: Float64 = 0.0
    remove: Bool = False


class ProducerIdsRecord(Message, record=15, versions=(0, 0), flexible=0):
    """A block of producer ids went to a broker; the next block begins here."""

    broker_id: Int32 = 0
    broker_epoch: Int64 = -1
    next_producer_id: Int64 = 0


class BrokerRegistrationChangeRecord(Message, record=17, versions=(0, 3), flexible=0):
    """What changed in the registration of a broker."""

    broker_id: Int32 = 0
    broker_epoch: Int64 = 0
    fenced: Int8 = field(default=0, tag=0)
    in_controlled_shutdown: Int8 = field(default=0, since=1, tag=1)
    log_dirs: list[Uuid] = field(since=2, tag=2)
    cordoned_log_dirs: list[Uuid] | None = field(default=None, since=3, tag=3)


class AccessControlEntryRecord(Message, record=18, versions=(0, 0), flexible=0):
    """An access rule."""

    id: Uuid = ZERO_UUID
    resource_type: Int8 = 0
    resource_name: String = ""
    pattern_type: Int8 = 0
    principal: String = ""
    host: String = ""
    operation: Int8 = 0
    permission_type: Int8 = 0


class RemoveAccessControlEntryRecord(Message, record=19, versions=(0, 0), flexible=0):
    """An access rule is deleted."""

    id: Uuid = ZERO_UUID


class NoOpRecord(Message, record=20, versions=(0, 0), flexible=0):
    """Nothing; moves the log forward while the cluster is idle."""


class ZkMigrationStateRecord(Message, record=21, versions=(0, 0), flexible=0):
    """How far a move away from ZooKeeper has got."""

    zk_migration_state: Int8 = 0


class RemoveUserScramCredentialRecord(Message, record=22, versions=(0, 0), flexible=0):
    """A SCRAM credential is deleted."""

    name: String = ""
    mechanism: Int8 = 0


class BeginTransactionRecord(Message, record=23, versions=(0, 0), flexible=0):
    """What follows applies at the end record, all or nothing (KIP-868)."""

    name: String | None = field(default=None, tag=0)


class EndTransactionRecord(Message, record=24, versions=(0, 0), flexible=0):
    """What came since the begin record applies."""


class AbortTransactionRecord(Message, record=25, versions=(0, 0), flexible=0):
    """What came since the begin record is void."""

    reason: String | None = field(default=None, tag=0)


class RemoveDelegationTokenRecord(Message, record=26, versions=(0, 0), flexible=0):
    """A delegation token has ended."""

    token_id: String = ""


class RegisterControllerRecord(Message, record=27, versions=(0, 0), flexible=0):
    """A controller has started, with its endpoints and features."""

    class ControllerEndpoint(Struct):
        name: String = ""
        host: String = ""
        port: UInt16 = 0
        security_protocol: Int16 = 0

    class ControllerFeature(Struct):
        name: String = ""
        min_supported_version: Int16 = 0
        max_supported_version: Int16 = 0

    controller_id: Int32 = 0
    incarnation_id: Uuid = ZERO_UUID
    zk_migration_ready: Bool = False
    end_points: list[ControllerEndpoint] = field()
    features: list[ControllerFeature] = field()


class ClearElrRecord(Message, record=28, versions=(0, 0), flexible=0):
    """The eligible leader replicas of one topic, or of all, are forgotten."""

    topic_name: String = ""


RECORDS: dict[int, type[Message]] = {
    0: RegisterBrokerRecord,
    1: UnregisterBrokerRecord,
    2: TopicRecord,
    3: PartitionRecord,
    4: ConfigRecord,
    5: PartitionChangeRecord,
    7: FenceBrokerRecord,
    8: UnfenceBrokerRecord,
    9: RemoveTopicRecord,
    10: DelegationTokenRecord,
    11: UserScramCredentialRecord,
    12: FeatureLevelRecord,
    14: ClientQuotaRecord,
    15: ProducerIdsRecord,
    17: BrokerRegistrationChangeRecord,
    18: AccessControlEntryRecord,
    19: RemoveAccessControlEntryRecord,
    20: NoOpRecord,
    21: ZkMigrationStateRecord,
    22: RemoveUserScramCredentialRecord,
    23: BeginTransactionRecord,
    24: EndTransactionRecord,
    25: AbortTransactionRecord,
    26: RemoveDelegationTokenRecord,
    27: RegisterControllerRecord,
    28: ClearElrRecord,
}
"""The class of each record type."""
