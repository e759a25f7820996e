"""DeleteTopics: topics go with all their records, by name or by id."""

from __future__ import annotations

from ottla.common.names import ZERO_UUID
from ottla.protocol.declaration import field
from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, String, Uuid


class DeleteTopicsRequest(Message, api=20, versions=(1, 6), flexible=4):
    """Delete topics by name, or from version 6 by id."""

    class DeleteTopicState(Struct):
        name: String | None = field(default=None, since=6)
        topic_id: Uuid = field(default=ZERO_UUID, since=6)

    topics: list[DeleteTopicState] = field(since=6)
    topic_names: list[String] = field(until=5, ignorable=True)
    timeout_ms: Int32 = 0


class DeleteTopicsResponse(Message, api=20, versions=(1, 6), flexible=4):
    """For each topic, whether it is gone."""

    class DeletableTopicResult(Struct):
        name: String | None = field(default="", nullable_since=6)
        topic_id: Uuid = field(default=ZERO_UUID, since=6, ignorable=True)
        error_code: Int16 = 0
        error_message: String | None = field(default=None, since=5, ignorable=True)

    throttle_time_ms: Int32 = 0
    responses: list[DeletableTopicResult] = field()
