"""Produce: all the appends, then one wait. Versions 3 to 13 (13: topic ids; KIP-98, KIP-360, KIP-951)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.handlers.produce_admission import Admission, admit
from ottla.broker.handlers.produce_opening import Opened, open_batch, rest
from ottla.common.errors import (
    CorruptMessage,
    InvalidProducerIdMapping,
    InvalidRequiredAcks,
    InvalidTopicException,
    InvalidTxnState,
    KafkaError,
    KafkaStorageError,
    MessageTooLarge,
    NotEnoughReplicas,
    NotLeaderOrFollower,
    RecordListTooLarge,
    RequestTimedOut,
    TopicAuthorizationFailed,
    TransactionalIdAuthorizationFailed,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from ottla.common.names import INTERNAL_TOPICS, Uuid
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.records.batch import TRANSACTIONAL
from ottla.records.validation import LOW_ATTRIBUTES_AT, OpensSlowly, outline_error, peek_transactional
from ottla.security.operations import Operation, ResourceType
from ottla.storage.log import Origin

if TYPE_CHECKING:
    from ottla.broker.context import Context
    from ottla.broker.partition import Partition

ALL, NONE = -1, 0
_BY_ID = 13
_NEW_LOGS_OF_A_TURN = 8
_LEADER_HINT = 10
_ADMIN_CLIENT = "__admin_client"  # Kafka's own escape hatch: this client id may write to internal topics
_EXPLAINED = (InvalidProducerIdMapping, InvalidTxnState, NotEnoughReplicas)
"""What Kafka says of the verification of a transaction comes with its sentence."""
_BEFORE_THE_LOG = (CorruptMessage, MessageTooLarge, RecordListTooLarge, NotLeaderOrFollower, KafkaStorageError)
"""Kafka answers these without the start of the log."""
_WRITE, _TOPIC, _CLIENT = Operation.WRITE, ResourceType.TOPIC, Origin.CLIENT  # each lookup in an enum is a call

TopicAnswer = ProduceResponse.TopicProduceResponse
Answer = ProduceResponse.PartitionProduceResponse


async def produce(ctx: Context, request: ProduceRequest) -> ProduceResponse | None:
    """Appends each batch; acks=0 gets no answer, and closes the connection if anything failed."""
    acks = request.acks
    refused = _refused_whole(ctx, request)
    admission: Admission | None = None
    if request.transactional_id is not None and refused is None:
        admission = await admit(ctx, request, request.transactional_id)
        refused = admission.refused
    pace = ctx.pace() if ctx.long is not None and ctx.is_large and admission is None else None
    pending: list[tuple[Partition, int, Answer]] = []
    failed = False
    new_logs = 0
    topics: list[TopicAnswer] = []
    for topic in request.topic_data if len(request.topic_data) == 1 else _joined(request.topic_data):
        answers: list[Answer] = []
        parts = topic.partition_data
        for data in parts if len(parts) == 1 else {part.index: part for part in parts}.values():
            answer = Answer(index=data.index, base_offset=-1, log_append_time_ms=-1, log_start_offset=-1)
            answers.append(answer)
            if pace is not None and pace.due():
                await pace.rest()
            partition: Partition | None = None
            try:
                if refused is not None:
                    raise refused
                partition = _partition(ctx, topic, data.index)
                if partition.log is None:  # its first use opens or makes it, which takes milliseconds
                    new_logs += 1
                    if new_logs % _NEW_LOGS_OF_A_TURN == 0:
                        fresh = await rest(ctx, request)
                        admission = None if admission is None else fresh
                        partition = _partition(ctx, topic, data.index)
                if admission is not None:
                    admission.check(partition)
                if not -1 <= acks <= 1:
                    raise InvalidRequiredAcks
                opened: Opened | None = None
                while True:
                    try:
                        end = _append(ctx, partition, data.records, acks, answer, opened)
                        break
                    except OpensSlowly:
                        opened = await open_batch(ctx, request, partition, data)
                        partition = _partition(ctx, topic, data.index)  # it may be another by now
                        if admission is not None:
                            admission = opened.admission
                            admission.check(partition)
                if acks != NONE and partition.high_watermark < end and (acks == ALL or _waits_for_disk(partition)):
                    pending.append((partition, end, answer))
            except KafkaError as error:
                failed = True
                if refused is None and (partition is None or isinstance(error, InvalidRequiredAcks)):
                    error = _first_fault(request, data, ctx.version, error)
                _fail(ctx, answer, error, partition)
                if isinstance(error, CorruptMessage) and (error is refused or _stumbles(data)):
                    answer.error_message = error.message
        if answers:
            topics.append(TopicAnswer(name=topic.name, topic_id=topic.topic_id, partition_responses=answers))
    if pending:
        _drop_records(request)
        opened = None
        await _committed(ctx, pending, request.timeout_ms)
    if acks == NONE:
        if failed:
            ctx.close_connection("a produce request with acks=0 failed")
        return None
    response = ProduceResponse(responses=topics, throttle_time_ms=ctx.throttle_time_ms)
    if failed and ctx.version >= _LEADER_HINT:
        _add_leader_hints(ctx, response)
    return response


def _drop_records(request: ProduceRequest) -> None:
    """They are appended: whoever waits for replicas or the disk does not hold them."""
    for topic in request.topic_data:
        for data in topic.partition_data:
            data.records = None


def _joined(topics: list[ProduceRequest.TopicProduceData]) -> list[ProduceRequest.TopicProduceData]:
    """Rows of one topic count as one row."""
    rows: dict[tuple[str, Uuid], ProduceRequest.TopicProduceData] = {}
    for topic in topics:
        row = rows.setdefault((topic.name, topic.topic_id), topic)
        if row is not topic:
            row.partition_data.extend(topic.partition_data)
    return topics if len(rows) == len(topics) else list(rows.values())


def _refused_whole(ctx: Context, request: ProduceRequest) -> KafkaError | None:
    """An error that every partition of the request gets, so that nothing is appended.

    What is wrong with a single batch alone is left to its append, where it costs nothing to look.
    """
    topics = request.topic_data
    if len(topics) == 1 and len(topics[0].partition_data) == 1:
        records = topics[0].partition_data[0].records
        if records is None or len(records) <= LOW_ATTRIBUTES_AT or not records[LOW_ATTRIBUTES_AT] & TRANSACTIONAL:
            return None
    try:
        if not _has_transactional(request):
            return None
    except CorruptMessage as error:
        return error
    transactional_id = request.transactional_id
    if transactional_id is None or not ctx.allows(_WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id):
        return TransactionalIdAuthorizationFailed()
    return None


def _has_transactional(request: ProduceRequest) -> bool:
    """As Kafka does: looks no further than the first that is, or that raises CorruptMessage."""
    return any(peek_transactional(data.records) for topic in request.topic_data for data in topic.partition_data)


def _first_fault(
    request: ProduceRequest, data: ProduceRequest.PartitionProduceData, version: int, error: KafkaError
) -> KafkaError:
    """Which fault a batch is refused for that reached no log, because of `error`: Kafka looks at the outline first."""
    try:
        peek_transactional(data.records)
    except CorruptMessage as corrupt:
        return corrupt
    if isinstance(error, InvalidTopicException) and not -1 <= request.acks <= 1:
        error = InvalidRequiredAcks()
    if isinstance(error, (InvalidTopicException, InvalidRequiredAcks)):
        return outline_error(data.records, version) or error
    return error


def _stumbles(data: ProduceRequest.PartitionProduceData) -> bool:
    """Over a length or magic that no batch has."""
    try:
        peek_transactional(data.records)
    except CorruptMessage:
        return True
    return False


def _partition(ctx: Context, topic: ProduceRequest.TopicProduceData, index: int) -> Partition:
    """Authorises and finds. Order of checks: behaviour rows 3, 4 and 8."""
    hosted = ctx.node.replicas
    if ctx.version >= _BY_ID:
        known = hosted.by_id.get(topic.topic_id)
        if known is None:
            raise UnknownTopicId
        name = known.name
    else:
        name = topic.name
        known = hosted.by_name.get(name)
    if not ctx.allows(_WRITE, _TOPIC, name):
        raise TopicAuthorizationFailed
    partition = None if known is None else known.partitions.get(index)
    if partition is None:
        raise UnknownTopicOrPartition
    if name in INTERNAL_TOPICS and ctx.client_id != _ADMIN_CLIENT:
        raise InvalidTopicException(f"{name} is an internal topic; clients may not produce to it")
    return partition


def _waits_for_disk(partition: Partition) -> bool:
    """With flush.messages=1 every ack waits for the durable end, which the high watermark follows."""
    return partition.log is not None and partition.log.synced_appends


def _append(
    ctx: Context,
    partition: Partition,
    records: memoryview | bytes | None,
    acks: int,
    answer: Answer,
    opened: Opened | None,
) -> int:
    """Appends one batch and fills the answer; the offset that the high watermark must reach for acks=all.

    Raises OpensSlowly for a batch that must be `opened` before.
    """
    log = partition.leader_log()
    if acks == ALL and len(partition.isr) < min(log.settings.min_insync_replicas, len(partition.replicas)):
        raise NotEnoughReplicas
    try:
        validated = None if opened is None else opened.for_rules(log.rules)
        appended = partition.append(log, records, ctx.now_ms, _CLIENT, ctx.version, validated)
    except KafkaError as error:
        outline = outline_error(records, ctx.version)
        if outline is None and not isinstance(error, _BEFORE_THE_LOG):
            answer.log_start_offset = log.log_start_offset
        if error.record_errors:
            answer.error_message = error.message
        raise
    answer.base_offset = appended.base_offset
    answer.log_append_time_ms = appended.log_append_time_ms
    answer.log_start_offset = appended.log_start_offset
    return appended.last_offset + 1


def _fail(ctx: Context, answer: Answer, error: KafkaError, partition: Partition | None) -> None:
    answer.error_code = ctx.count_error(error)
    traffic = ctx.node.traffics.unserved if partition is None else partition.traffic or partition.counted()
    traffic.produces_failed += 1
    if isinstance(error, _EXPLAINED) and error.message != error.sentence:
        answer.error_message = error.message
    answer.base_offset = -1
    answer.record_errors = [
        ProduceResponse.BatchIndexAndErrorMessage(batch_index=index, batch_index_error_message=text)
        for index, text in error.record_errors
    ]
    if isinstance(error, NotLeaderOrFollower) and partition is not None and ctx.version >= _LEADER_HINT:
        answer.current_leader = ProduceResponse.LeaderIdAndEpoch(
            leader_id=partition.leader_id, leader_epoch=partition.leader_epoch
        )


async def _committed(ctx: Context, pending: list[tuple[Partition, int, Answer]], timeout_ms: int) -> None:
    """Waits until every high watermark has passed its batch; those that have not by then answer REQUEST_TIMED_OUT."""
    loop = ctx.node.loop
    deadline = loop.time() + timeout_ms / 1000
    for partition, end, answer in pending:
        future = loop.create_future()
        partition.commit_future(end, future)
        if not await ctx.wait(future, deadline - loop.time()):
            _fail(ctx, answer, _uncommitted(partition), partition)


def _uncommitted(partition: Partition) -> KafkaError:
    """Why an append was not committed in its time: the directory failed, another leads, or it took too long."""
    if partition.leader is None:
        return NotLeaderOrFollower()
    if partition.log is not None and partition.log.offline:
        return KafkaStorageError()
    return RequestTimedOut()


def _add_leader_hints(ctx: Context, response: ProduceResponse) -> None:
    """The addresses of the leaders named in the answers (KIP-951)."""
    named = {
        answer.current_leader.leader_id
        for topic in response.responses
        for answer in topic.partition_responses
        if answer.current_leader is not None
    }
    response.node_endpoints = [
        ProduceResponse.NodeEndpoint(node_id=node.node_id, host=node.host, port=node.port, rack=node.rack)
        for node in ctx.node.endpoints(ctx.session.listener.name)
        if node.node_id in named
    ]
