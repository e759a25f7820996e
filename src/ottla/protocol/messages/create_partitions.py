"""CreatePartitions: more partitions for a topic; there is no way back to fewer."""

from __future__ import annotations

from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int16, Int32, String


class CreatePartitionsRequest(Message, api=37, versions=(0, 3), flexible=2):
    """Raise the number of partitions of topics."""

    class CreatePartitionsAssignment(Struct):
        broker_ids: list[Int32] = field()

    class CreatePartitionsTopic(Struct):
        name: String = ""
        count: Int32 = 0
        assignments: list[CreatePartitionsRequest.CreatePartitionsAssignment] | None = field()

    topics: list[CreatePartitionsTopic] = field()
    timeout_ms: Int32 = 0
    validate_only: Bool = False


class CreatePartitionsResponse(Message, api=37, versions=(0, 3), flexible=2):
    """For each topic, whether it was done."""

    class CreatePartitionsTopicResult(Struct):
        name: String = ""
        error_code: Int16 = 0
        error_message: String | None = None

    throttle_time_ms: Int32 = 0
    results: list[CreatePartitionsTopicResult] = field()
