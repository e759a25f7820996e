"""CreateTopics: new topics, with counts or with an assignment of replicas."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Bool, Int8, Int16, Int32, String, Uuid


class CreateTopicsRequest(Message, api=19, versions=(2, 7), flexible=5):
    """Create topics, given counts or an assignment of replicas."""

    class CreatableReplicaAssignment(Struct):
        partition_index: Int32 = 0
        broker_ids: list[Int32] = field()

    class CreatableTopicConfig(Struct):
        name: String = ""
        value: String | None = ""

    class CreatableTopic(Struct):
        name: String = ""
        num_partitions: Int32 = 0
        replication_factor: Int16 = 0
        assignments: list[CreateTopicsRequest.CreatableReplicaAssignment] = field()
        configs: list[CreateTopicsRequest.CreatableTopicConfig] = field()

    topics: list[CreatableTopic] = field()
    timeout_ms: Int32 = 60000
    validate_only: Bool = False


class CreateTopicsResponse(Message, api=19, versions=(2, 7), flexible=5):
    """For each topic, its id and shape, or why it was not created."""

    class CreatableTopicConfigs(Struct):
        name: String = field(default="", since=5)
        value: String | None = field(default="", since=5)
        read_only: Bool = field(default=False, since=5)
        config_source: Int8 = field(default=-1, since=5, ignorable=True)
        is_sensitive: Bool = field(default=False, since=5)

    class CreatableTopicResult(Struct):
        name: String = ""
        topic_id: Uuid = field(default=ZERO_UUID, since=7, ignorable=True)
        error_code: Int16 = 0
        error_message: String | None = ""
        topic_config_error_code: Int16 = field(default=0, since=5, tag=0, ignorable=True)
        num_partitions: Int32 = field(default=-1, since=5, ignorable=True)
        replication_factor: Int16 = field(default=-1, since=5, ignorable=True)
        configs: list[CreateTopicsResponse.CreatableTopicConfigs] | None = field(since=5, ignorable=True)

    throttle_time_ms: Int32 = 0
    topics: list[CreatableTopicResult] = field()
