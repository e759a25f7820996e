"""What brokers and controllers ask of the active controller."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Bytes, Int8, Int16, Int32, Int64, String, UInt16, Uuid


class AlterPartitionRequest(Message, api=56, versions=(2, 3), flexible=0):
    """A leader proposes a new ISR; brokers send it to the controller."""

    class BrokerState(Struct):
        broker_id: Int32 = field(default=0, since=3)
        broker_epoch: Int64 = field(default=-1, since=3)

    class PartitionData(Struct):
        partition_index: Int32 = 0
        leader_epoch: Int32 = 0
        new_isr: list[Int32] = field(until=2)
        new_isr_with_epochs: list[AlterPartitionRequest.BrokerState] = field(since=3)
        leader_recovery_state: Int8 = 0
        partition_epoch: Int32 = 0

    class TopicData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[AlterPartitionRequest.PartitionData] = field()

    broker_id: Int32 = 0
    broker_epoch: Int64 = -1
    topics: list[TopicData] = field()


class AlterPartitionResponse(Message, api=56, versions=(2, 3), flexible=0):
    """For each partition, the state that holds now."""

    class PartitionData(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0
        leader_id: Int32 = 0
        leader_epoch: Int32 = 0
        isr: list[Int32] = field()
        leader_recovery_state: Int8 = 0
        partition_epoch: Int32 = 0

    class TopicData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[AlterPartitionResponse.PartitionData] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    topics: list[TopicData] = field()


class EnvelopeRequest(Message, api=58, versions=(0, 0), flexible=0):
    """A broker forwards a client's request, with the principal and the address that it came from (KIP-590)."""

    request_data: Bytes = b""
    request_principal: Bytes | None = b""
    client_host_address: Bytes = b""


class EnvelopeResponse(Message, api=58, versions=(0, 0), flexible=0):
    """The response to the request inside, or why the envelope was refused."""

    response_data: Bytes | None = None
    error_code: Int16 = 0


class BrokerRegistrationRequest(Message, api=62, versions=(0, 4), flexible=0):
    """A broker makes itself known when it starts."""

    class Listener(Struct):
        name: String = ""
        host: String = ""
        port: UInt16 = 0
        security_protocol: Int16 = 0

    class Feature(Struct):
        name: String = ""
        min_supported_version: Int16 = 0
        max_supported_version: Int16 = 0

    broker_id: Int32 = 0
    cluster_id: String = ""
    incarnation_id: Uuid = ZERO_UUID
    listeners: list[Listener] = field()
    features: list[Feature] = field()
    rack: String | None = ""
    is_migrating_zk_broker: Bool = field(default=False, since=1)
    log_dirs: list[Uuid] = field(since=2, ignorable=True)
    previous_broker_epoch: Int64 = field(default=-1, since=3, ignorable=True)


class BrokerRegistrationResponse(Message, api=62, versions=(0, 4), flexible=0):
    """The epoch under which it is registered."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    broker_epoch: Int64 = -1


class BrokerHeartbeatRequest(Message, api=63, versions=(0, 2), flexible=0):
    """A broker keeps its lease, says how far it has replayed, and asks to be unfenced or to stop."""

    broker_id: Int32 = 0
    broker_epoch: Int64 = -1
    current_metadata_offset: Int64 = 0
    want_fence: Bool = False
    want_shut_down: Bool = False
    offline_log_dirs: list[Uuid] = field(since=1, tag=0)
    cordoned_log_dirs: list[Uuid] | None = field(default=None, since=2, tag=1)


class BrokerHeartbeatResponse(Message, api=63, versions=(0, 2), flexible=0):
    """Whether it is caught up, fenced, and may stop."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    is_caught_up: Bool = False
    is_fenced: Bool = True
    should_shut_down: Bool = False


class AllocateProducerIdsRequest(Message, api=67, versions=(0, 0), flexible=0):
    """A broker asks for a block of producer ids."""

    broker_id: Int32 = 0
    broker_epoch: Int64 = -1


class AllocateProducerIdsResponse(Message, api=67, versions=(0, 0), flexible=0):
    """The first id of the block, and its length."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    producer_id_start: Int64 = 0
    producer_id_len: Int32 = 0


class AssignReplicasToDirsRequest(Message, api=73, versions=(0, 0), flexible=0):
    """A broker tells which log directory holds which replica (KIP-858)."""

    class PartitionData(Struct):
        partition_index: Int32 = 0

    class TopicData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[AssignReplicasToDirsRequest.PartitionData] = field()

    class DirectoryData(Struct):
        id: Uuid = ZERO_UUID
        topics: list[AssignReplicasToDirsRequest.TopicData] = field()

    broker_id: Int32 = 0
    broker_epoch: Int64 = -1
    directories: list[DirectoryData] = field()


class AssignReplicasToDirsResponse(Message, api=73, versions=(0, 0), flexible=0):
    """For each partition, whether the controller knows it now."""

    class PartitionData(Struct):
        partition_index: Int32 = 0
        error_code: Int16 = 0

    class TopicData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[AssignReplicasToDirsResponse.PartitionData] = field()

    class DirectoryData(Struct):
        id: Uuid = ZERO_UUID
        topics: list[AssignReplicasToDirsResponse.TopicData] = field()

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    directories: list[DirectoryData] = field()


class ControllerRegistrationRequest(Message, api=70, versions=(0, 0), flexible=0):
    """A controller makes itself known to the active one."""

    class Listener(Struct):
        name: String = ""
        host: String = ""
        port: UInt16 = 0
        security_protocol: Int16 = 0

    class Feature(Struct):
        name: String = ""
        min_supported_version: Int16 = 0
        max_supported_version: Int16 = 0

    controller_id: Int32 = 0
    incarnation_id: Uuid = ZERO_UUID
    zk_migration_ready: Bool = False
    listeners: list[Listener] = field()
    features: list[Feature] = field()


class ControllerRegistrationResponse(Message, api=70, versions=(0, 0), flexible=0):
    """Whether it is registered."""

    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = ""
