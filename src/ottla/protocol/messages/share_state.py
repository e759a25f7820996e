"""The stored state of share partitions: what brokers ask of the share coordinator (KIP-932)."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int8, Int16, Int32, Int64, String, Uuid


class InitializeShareGroupStateRequest(Message, api=83, versions=(0, 0), flexible=0):
    """Begin the state of share partitions; sent by the group coordinator."""

    class PartitionData(Struct):
        partition: Int32 = 0
        state_epoch: Int32 = 0
        start_offset: Int64 = 0

    class InitializeStateData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[InitializeShareGroupStateRequest.PartitionData] = field()

    group_id: String = ""
    topics: list[InitializeStateData] = field()


class InitializeShareGroupStateResponse(Message, api=83, versions=(0, 0), flexible=0):
    """For each partition, whether it is initialised."""

    class PartitionResult(Struct):
        partition: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None

    class InitializeStateResult(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[InitializeShareGroupStateResponse.PartitionResult] = field()

    results: list[InitializeStateResult] = field()


class ReadShareGroupStateRequest(Message, api=84, versions=(0, 0), flexible=0):
    """Read the whole state of share partitions; sent by the leader that takes them over."""

    class PartitionData(Struct):
        partition: Int32 = 0
        leader_epoch: Int32 = 0

    class ReadStateData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ReadShareGroupStateRequest.PartitionData] = field()

    group_id: String = ""
    topics: list[ReadStateData] = field()


class ReadShareGroupStateResponse(Message, api=84, versions=(0, 0), flexible=0):
    """Epoch, start offset and the state of batches."""

    class StateBatch(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        delivery_state: Int8 = 0
        delivery_count: Int16 = 0

    class PartitionResult(Struct):
        partition: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None
        state_epoch: Int32 = 0
        start_offset: Int64 = 0
        state_batches: list[ReadShareGroupStateResponse.StateBatch] = field()

    class ReadStateResult(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ReadShareGroupStateResponse.PartitionResult] = field()

    results: list[ReadStateResult] = field()


class WriteShareGroupStateRequest(Message, api=85, versions=(0, 1), flexible=0):
    """Store changed state of share partitions; sent by their leader."""

    class StateBatch(Struct):
        first_offset: Int64 = 0
        last_offset: Int64 = 0
        delivery_state: Int8 = 0
        delivery_count: Int16 = 0

    class PartitionData(Struct):
        partition: Int32 = 0
        state_epoch: Int32 = 0
        leader_epoch: Int32 = 0
        start_offset: Int64 = 0
        delivery_complete_count: Int32 = field(default=-1, since=1, ignorable=True)
        state_batches: list[WriteShareGroupStateRequest.StateBatch] = field()

    class WriteStateData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[WriteShareGroupStateRequest.PartitionData] = field()

    group_id: String = ""
    topics: list[WriteStateData] = field()


class WriteShareGroupStateResponse(Message, api=85, versions=(0, 1), flexible=0):
    """For each partition, whether it is stored."""

    class PartitionResult(Struct):
        partition: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None

    class WriteStateResult(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[WriteShareGroupStateResponse.PartitionResult] = field()

    results: list[WriteStateResult] = field()


class DeleteShareGroupStateRequest(Message, api=86, versions=(0, 0), flexible=0):
    """Delete the state of share partitions; sent by the group coordinator."""

    class PartitionData(Struct):
        partition: Int32 = 0

    class DeleteStateData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[DeleteShareGroupStateRequest.PartitionData] = field()

    group_id: String = ""
    topics: list[DeleteStateData] = field()


class DeleteShareGroupStateResponse(Message, api=86, versions=(0, 0), flexible=0):
    """For each partition, whether it is gone."""

    class PartitionResult(Struct):
        partition: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None

    class DeleteStateResult(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[DeleteShareGroupStateResponse.PartitionResult] = field()

    results: list[DeleteStateResult] = field()


class ReadShareGroupStateSummaryRequest(Message, api=87, versions=(0, 1), flexible=0):
    """Read epochs and start offsets without the batches; for tools and lag."""

    class PartitionData(Struct):
        partition: Int32 = 0
        leader_epoch: Int32 = 0

    class ReadStateSummaryData(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ReadShareGroupStateSummaryRequest.PartitionData] = field()

    group_id: String = ""
    topics: list[ReadStateSummaryData] = field()


class ReadShareGroupStateSummaryResponse(Message, api=87, versions=(0, 1), flexible=0):
    """The summary of each partition."""

    class PartitionResult(Struct):
        partition: Int32 = 0
        error_code: Int16 = 0
        error_message: String | None = None
        state_epoch: Int32 = 0
        leader_epoch: Int32 = 0
        start_offset: Int64 = 0
        delivery_complete_count: Int32 = field(default=-1, since=1, ignorable=True)

    class ReadStateSummaryResult(Struct):
        topic_id: Uuid = ZERO_UUID
        partitions: list[ReadShareGroupStateSummaryResponse.PartitionResult] = field()

    results: list[ReadStateSummaryResult] = field()
