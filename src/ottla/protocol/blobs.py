"""Versioned structs that travel as bytes inside other messages and records, or as control records.

Their version comes with them or is known; group protocol blobs begin with it as an int16.
"""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Bytes, Int16, Int32, Int64, String, UInt16, Uuid


class ConsumerProtocolSubscription(Message, versions=(0, 3)):
    """What a consumer tells the leader of its classic group: topics, and what it owns now."""

    class TopicPartition(Struct):
        topic: String = field(default="", since=1)
        partitions: list[Int32] = field(since=1)

    topics: list[String] = field()
    user_data: Bytes | None = None
    owned_partitions: list[TopicPartition] = field(since=1, ignorable=True)
    generation_id: Int32 = field(default=-1, since=2, ignorable=True)
    rack_id: String | None = field(default=None, since=3, ignorable=True)


class ConsumerProtocolAssignment(Message, versions=(0, 3)):
    """What the leader of a classic group gives a consumer."""

    class TopicPartition(Struct):
        topic: String = ""
        partitions: list[Int32] = field()

    assigned_partitions: list[TopicPartition] = field()
    user_data: Bytes | None = None


class DefaultPrincipalData(Message, versions=(0, 0), flexible=0):
    """A principal inside an Envelope, and in delegation tokens."""

    type: String = ""
    name: String = ""
    token_authenticated: Bool = False


class EndTxnMarker(Message, versions=(0, 0)):
    """The value of a commit or abort marker in a partition."""

    coordinator_epoch: Int32 = 0


class ControlRecordTypeSchema(Message, versions=(0, 0)):
    """The key of a control record."""

    type: Int16 = 0


class LeaderChangeMessage(Message, versions=(0, 1), flexible=0):
    """The value of the control record that begins an epoch in the metadata log."""

    class Voter(Struct):
        voter_id: Int32 = 0
        voter_directory_id: Uuid = field(default=ZERO_UUID, since=1)

    version: Int16 = 0
    leader_id: Int32 = 0
    voters: list[Voter] = field()
    granting_voters: list[Voter] = field()


class SnapshotHeaderRecord(Message, versions=(0, 0), flexible=0):
    """The first control record of a metadata snapshot."""

    version: Int16 = 0
    last_contained_log_timestamp: Int64 = 0


class SnapshotFooterRecord(Message, versions=(0, 0), flexible=0):
    """The last control record of a metadata snapshot."""

    version: Int16 = 0


class KRaftVersionRecord(Message, versions=(0, 0), flexible=0):
    """The control record that sets the level of kraft.version."""

    version: Int16 = 0
    kraft_version: Int16 = 0


class VotersRecord(Message, versions=(0, 0), flexible=0):
    """The control record that lists the voters of the metadata quorum (KIP-853)."""

    class Endpoint(Struct):
        name: String = ""
        host: String = ""
        port: UInt16 = 0

    class KRaftVersionFeature(Struct):
        min_supported_version: Int16 = 0
        max_supported_version: Int16 = 0

    class Voter(Struct):
        voter_id: Int32 = 0
        voter_directory_id: Uuid = ZERO_UUID
        endpoints: list[VotersRecord.Endpoint] = field()
        kraft_version_feature: VotersRecord.KRaftVersionFeature = field()

    version: Int16 = 0
    voters: list[Voter] = field()
