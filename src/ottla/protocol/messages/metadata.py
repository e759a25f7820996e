"""Metadata: which brokers there are, and who leads what."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, String, Uuid


class MetadataRequest(Message, api=3, versions=(0, 13), flexible=9):
    """Ask for the brokers and for some or all topics; every client sends it.

    All topics: an empty list in version 0, null later.
    """

    class MetadataRequestTopic(Struct):
        topic_id: Uuid = field(default=ZERO_UUID, since=10, ignorable=True)
        name: String | None = field(default="", nullable_since=10)

    topics: list[MetadataRequestTopic] | None = field(nullable_since=1)
    allow_auto_topic_creation: Bool = field(default=True, since=4)
    include_cluster_authorized_operations: Bool = field(default=False, since=8, until=10)
    include_topic_authorized_operations: Bool = field(default=False, since=8)


class MetadataResponse(Message, api=3, versions=(0, 13), flexible=9):
    """The brokers, the controller, and leader and replicas of each partition."""

    class MetadataResponseBroker(Struct):
        node_id: Int32 = 0
        host: String = ""
        port: Int32 = 0
        rack: String | None = field(default=None, since=1, ignorable=True)

    class MetadataResponsePartition(Struct):
        error_code: Int16 = 0
        partition_index: Int32 = 0
        leader_id: Int32 = 0
        leader_epoch: Int32 = field(default=-1, since=7, ignorable=True)
        replica_nodes: list[Int32] = field()
        isr_nodes: list[Int32] = field()
        offline_replicas: list[Int32] = field(since=5, ignorable=True)

    class MetadataResponseTopic(Struct):
        error_code: Int16 = 0
        name: String | None = field(default="", nullable_since=12)
        topic_id: Uuid = field(default=ZERO_UUID, since=10, ignorable=True)
        is_internal: Bool = field(default=False, since=1, ignorable=True)
        partitions: list[MetadataResponse.MetadataResponsePartition] = field()
        topic_authorized_operations: Int32 = field(default=-(2**31), since=8)

    throttle_time_ms: Int32 = field(default=0, since=3, ignorable=True)
    brokers: list[MetadataResponseBroker] = field()
    cluster_id: String | None = field(default=None, since=2, ignorable=True)
    controller_id: Int32 = field(default=-1, since=1, ignorable=True)
    topics: list[MetadataResponseTopic] = field()
    cluster_authorized_operations: Int32 = field(default=-(2**31), since=8, until=10)
    error_code: Int16 = field(default=0, since=13, ignorable=True)
