"""Fetch: file ranges of whole batches, long polls, incremental sessions (KIP-74, KIP-227, KIP-320, KIP-516).

Versions 4 to 18. With or without a session the work is the same: look at what the client wants or at what was marked;
while too few bytes are there, wait for a mark and look at the marked ones again; answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.fetch_look import Look
from ottla.broker.fetch_sessions import FINAL_EPOCH, INITIAL_EPOCH, NO_SESSION, FetchSession, Interest, Subscription
from ottla.broker.waits import until
from ottla.common.errors import KafkaError
from ottla.common.names import Uuid
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse

if TYPE_CHECKING:
    from ottla.broker.context import Context

_BY_ID = 13
_LEADER_HINT = 16

PartitionData = FetchResponse.PartitionData


async def fetch(ctx: Context, request: FetchRequest) -> FetchResponse:
    """Answers when min_bytes are there, max_wait_ms is over, or a partition has an error or diverges."""
    by_id = ctx.version >= _BY_ID
    try:
        session, incremental = _session(ctx, request, by_id)
    except KafkaError as error:  # session errors come at the top, with session id 0
        return FetchResponse(error_code=ctx.count_error(error), responses=[])
    subscription: Subscription = Subscription() if session is None else session
    for topic in request.topics:
        key: str | bytes = topic.topic_id if by_id else topic.topic
        for want in topic.partitions:
            subscription.put((key, want.partition), want)
    look = Look(ctx, request, by_id)
    deadline = ctx.node.loop.time() + max(request.max_wait_ms, 0) / 1000
    todo = tuple(subscription.dirty)
    while True:
        for interest in todo:
            look.at(interest)
        wanted = request.min_bytes - look.read_bytes
        if wanted <= 0 or look.failed or not subscription.interests:
            break
        left_s = deadline - ctx.node.loop.time()
        if left_s <= 0 or not await _marked(ctx, subscription, todo, wanted, left_s):
            break
        todo = tuple(subscription.dirty)
    answers = look.answers
    if session is not None and session.closed:
        session = None  # evicted while it waited; the client opens another
    if session is None:
        subscription.close()
    else:
        answers = _remember(session, answers, incremental)
    response = FetchResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        session_id=NO_SESSION if session is None else session.session_id,
        responses=_by_topic(answers),
    )
    if look.failed and ctx.version >= _LEADER_HINT:
        _add_leader_hints(ctx, response)
    return response


def _session(ctx: Context, request: FetchRequest, by_id: bool) -> tuple[FetchSession | None, bool]:
    """The session that this fetch runs in, if any, and whether it answers only what changed. Raises session errors."""
    sessions = ctx.node.fetch_sessions
    if request.session_epoch in (FINAL_EPOCH, INITIAL_EPOCH):
        if request.session_id != NO_SESSION:
            sessions.close(request.session_id)
        return (sessions.open(by_id, ctx.now_ms) if request.session_epoch == INITIAL_EPOCH else None), False
    session = sessions.use(request.session_id, request.session_epoch, by_id, ctx.now_ms)
    for topic in request.forgotten_topics_data:
        key: str | bytes = topic.topic_id if by_id else topic.topic
        for index in topic.partitions:
            session.forget((key, index))
    return session, True


async def _marked(
    ctx: Context, subscription: Subscription, looked_at: tuple[Interest, ...], wanted_bytes: int, left_s: float
) -> bool:
    """Waits until a watched partition has changed enough to look again. False when the time is up."""
    for interest in looked_at:
        subscription.dirty.pop(interest, None)
        subscription.watch(interest)
    subscription.missing_bytes = wanted_bytes
    subscription.wake = ctx.node.loop.create_future()
    woken = await until(ctx.node.loop, subscription.wake, left_s)
    subscription.wake = None
    return woken


def _remember(
    session: FetchSession, answers: dict[Interest, PartitionData], incremental: bool
) -> dict[Interest, PartitionData]:
    """Marks what must be looked at again, and drops from an incremental answer what says nothing new."""
    told: dict[Interest, PartitionData] = {}
    for interest, answer in answers.items():
        session.watch(interest)
        # Data and errors are looked at again, and after the others: no partition starves behind a busy one.
        session.dirty.pop(interest, None)
        if answer.records or answer.error_code or answer.diverging_epoch is not None:
            session.dirty[interest] = None
        elif (
            incremental
            and answer.high_watermark == interest.sent_high_watermark
            and answer.log_start_offset == interest.sent_log_start
            and not interest.sent_error
        ):
            continue
        interest.sent_high_watermark = answer.high_watermark
        interest.sent_log_start = answer.log_start_offset
        interest.sent_error = answer.error_code
        told[interest] = answer
    return told


def _by_topic(answers: dict[Interest, PartitionData]) -> list[FetchResponse.FetchableTopicResponse]:
    """Groups neighbours of one topic, keeping the order."""
    topics: list[FetchResponse.FetchableTopicResponse] = []
    last: str | bytes | None = None
    for interest, answer in answers.items():
        topic = interest.key[0]
        if topic != last:
            last = topic
            group = FetchResponse.FetchableTopicResponse(partitions=[answer])
            if isinstance(topic, str):
                group.topic = topic
            else:
                group.topic_id = Uuid(topic)
            topics.append(group)
        else:
            topics[-1].partitions.append(answer)
    return topics


def _add_leader_hints(ctx: Context, response: FetchResponse) -> None:
    """The addresses of the leaders named in the answers (KIP-951)."""
    named = {
        answer.current_leader.leader_id
        for topic in response.responses
        for answer in topic.partitions
        if answer.current_leader is not None
    }
    response.node_endpoints = [
        FetchResponse.NodeEndpoint(node_id=node.node_id, host=node.host, port=node.port, rack=node.rack)
        for node in ctx.node.endpoints(ctx.session.listener.name)
        if node.node_id in named
    ]
