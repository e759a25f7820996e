"""DescribeCluster and UnregisterBroker."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, String


class DescribeClusterRequest(Message, api=60, versions=(0, 2), flexible=0):
    """Ask for the cluster id, the controller and the brokers, or from version 1 the controllers (KIP-919)."""

    include_cluster_authorized_operations: Bool = False
    endpoint_type: Int8 = field(default=1, since=1)
    include_fenced_brokers: Bool = field(default=False, since=2)


class DescribeClusterResponse(Message, api=60, versions=(0, 2), flexible=0):
    """The nodes of the kind asked for."""

    class DescribeClusterBroker(Struct):
        broker_id: Int32 = 0
        host: String = ""
        port: Int32 = 0
        rack: String | None = None
        is_fenced: Bool = field(default=False, since=2)

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    endpoint_type: Int8 = field(default=1, since=1)
    cluster_id: String = ""
    controller_id: Int32 = -1
    brokers: list[DescribeClusterBroker] = field()
    cluster_authorized_operations: Int32 = -(2**31)


class UnregisterBrokerRequest(Message, api=64, versions=(0, 0), flexible=0):
    """Forget a broker that will not return."""

    broker_id: Int32 = 0


class UnregisterBrokerResponse(Message, api=64, versions=(0, 0), flexible=0):
    """Whether it was forgotten."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
