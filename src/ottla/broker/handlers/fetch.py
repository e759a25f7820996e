"""Fetch: file ranges of whole batches, long polls, incremental sessions (KIP-74, KIP-227, KIP-320, KIP-516).

Versions 4 to 18. With or without a session the work is the same: look at what the client wants or at what was marked;
while too few bytes are there, wait for a mark and look at the marked ones again; answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.broker.context import MAX_WAIT_S
from ottla.broker.fetch_look import EMPTY, Look, release
from ottla.broker.fetch_sessions import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    NO_SESSION,
    FetchSession,
    Interest,
    Subscription,
    weight_of,
)
from ottla.broker.isolation import ISOLATION_LEVELS
from ottla.broker.turns import SLICE_ITEMS, Pace
from ottla.common.errors import KafkaError, UnknownServerError, UnknownTopicId
from ottla.common.names import MOST_TOPIC_CHARACTERS, Uuid
from ottla.protocol.messages.fetch import FetchRequest, FetchResponse

if TYPE_CHECKING:
    from ottla.broker.context import Context

_BY_ID = 13
_LOOKS_OF_A_TURN = 50
"""Partitions that are looked at in one turn: the first use of each opens its log."""
_TOP_ERROR_SINCE = 7
_LEADER_HINT = 16

PartitionData = FetchResponse.PartitionData


async def fetch(ctx: Context, request: FetchRequest) -> FetchResponse:
    """Answers when min_bytes are there, max_wait_ms is over, or reading a partition brings an error or diverges.

    Partitions that are refused before anything is read (no such topic, partition or id, not authorised) do not end the
    wait of the others: a client with old metadata would go round in a tight loop.
    """
    by_id = ctx.version >= _BY_ID
    try:
        session, incremental = _session(ctx, request, by_id)
    except KafkaError as error:  # session errors come at the top, with session id 0
        return FetchResponse(error_code=ctx.count_error(error), responses=[])
    subscription: Subscription = Subscription() if session is None else session
    longest = await _take_wishes(ctx, subscription, request, by_id, incremental)
    if incremental and not subscription.interests:  # it has lost its last partition, and ends, as in Kafka
        ctx.node.fetch_sessions.close(request.session_id)
        session, incremental, subscription = None, False, Subscription()
        await _take_wishes(ctx, subscription, request, by_id, incremental)  # named and forgotten at once
    look = Look(ctx, request, by_id)
    enough = request.min_bytes if request.min_bytes < look.most_bytes else look.most_bytes  # more can never come
    deadline = ctx.node.loop.time() + min(max(request.max_wait_ms, 0) / 1000, MAX_WAIT_S)
    todo = tuple(subscription.dirty)
    while True:
        unsettled = todo
        if len(todo) <= _LOOKS_OF_A_TURN:
            for interest in todo:
                look.at(interest)
        else:
            unsettled = await _look_in_slices(ctx.pace(), subscription, look, todo)
        if request.isolation_level not in ISOLATION_LEVELS and look.found_any:
            if session is None:
                subscription.close()
            elif not incremental:
                ctx.node.fetch_sessions.close(session.session_id)
            else:
                session.dirty.update(dict.fromkeys(look.answers))  # it goes on, and was told nothing
            return _refused(ctx, request, look, UnknownServerError())
        wanted = enough - look.read_bytes
        left_s = deadline - ctx.node.loop.time()
        if wanted <= 0 or look.failed or left_s <= 0 or ctx.unheard:
            break
        if len(look.refused) >= len(subscription.interests):
            break  # there is nothing to wait for
        if ctx.is_large:
            if session is None and longest > MOST_TOPIC_CHARACTERS:
                break  # it would keep megabytes of names that no topic has while it waits
            _drop_wishes(request)
        await _marked(ctx, subscription, unsettled, wanted, left_s)
        todo = tuple(subscription.dirty)  # when the time is up as well: too few bytes are still to be told
    look.count()
    answers = look.answers
    if session is not None and session.closed:
        session = None  # evicted while it waited; the client opens another
    if session is None:
        subscription.close()
    else:
        answers = _remember(session, look, incremental, None if unsettled is todo else frozenset(unsettled))
    response = FetchResponse(
        throttle_time_ms=ctx.throttle_time_ms,
        session_id=NO_SESSION if session is None else session.session_id,
        responses=_by_topic(_refused_last(answers, look) if look.refused else answers),
    )
    if look.failed and ctx.version >= _LEADER_HINT:
        _add_leader_hints(ctx, response)
    return response


def _session(ctx: Context, request: FetchRequest, by_id: bool) -> tuple[FetchSession | None, bool]:
    """The session that this fetch runs in, if any, and whether it answers only what changed. Raises session errors."""
    sessions = ctx.node.fetch_sessions
    if request.session_epoch == FINAL_EPOCH and request.session_id == NO_SESSION:  # most fetches without a session
        return None, False
    named = sum(len(topic.partitions) * weight_of(topic.topic) for topic in request.topics) if request.topics else 0
    if request.session_epoch in (FINAL_EPOCH, INITIAL_EPOCH):
        if request.session_id != NO_SESSION:
            sessions.close(request.session_id)
        now_ms = ctx.node.steady.now_ms()
        return (sessions.open(by_id, named, now_ms) if request.session_epoch == INITIAL_EPOCH else None), False
    return sessions.use(request.session_id, request.session_epoch, by_id, named, ctx.node.steady.now_ms()), True


async def _marked(
    ctx: Context, subscription: Subscription, looked_at: tuple[Interest, ...], wanted_bytes: int, left_s: float
) -> None:
    """Waits until watched partitions have changed enough to look again, or the time is up."""
    _settle(subscription, looked_at)
    if subscription.dirty:
        return  # changed between two slices of the looks
    subscription.missing_bytes = wanted_bytes
    subscription.wake = ctx.node.loop.create_future()
    await ctx.wait(subscription.wake, left_s, polls=True)
    subscription.wake = None


async def _take_wishes(
    ctx: Context, subscription: Subscription, request: FetchRequest, by_id: bool, incremental: bool
) -> int:
    """What the request adds and forgets. Nothing is looked at yet, so others may run while a large one is taken.

    The characters of the longest name in a large request.
    """
    pace = ctx.pace() if ctx.is_large else None
    longest = 0
    for topic in request.topics:
        key: str | bytes = topic.topic_id if by_id else topic.topic
        if pace is not None:
            longest = max(longest, len(key))
        for want in topic.partitions:
            subscription.put((key, want.partition), want)
            if pace is not None and pace.due():
                await pace.rest()
    for forgotten in request.forgotten_topics_data if incremental else ():
        key = forgotten.topic_id if by_id else forgotten.topic
        for index in forgotten.partitions:
            subscription.forget((key, index))  # also what the same request has added
            if pace is not None and pace.due():
                await pace.rest()
    return longest


def _drop_wishes(request: FetchRequest) -> None:
    """They are in the subscription. A request with an isolation level that does not exist is answered with its own."""
    request.forgotten_topics_data = []
    if request.isolation_level in ISOLATION_LEVELS:
        request.topics = []


async def _look_in_slices(
    pace: Pace, subscription: Subscription, look: Look, todo: tuple[Interest, ...]
) -> tuple[Interest, ...]:
    """Looks at many partitions. Those that the last slice has looked at, and nobody has settled yet, come back.

    What was looked at is watched before others run, so that no change between the look and the answer is lost.
    """
    looked: list[Interest] = []
    for interest in todo:
        look.at(interest)
        looked.append(interest)
        if pace.due(SLICE_ITEMS // _LOOKS_OF_A_TURN):
            _settle(subscription, looked)
            looked.clear()
            await pace.rest()
    return tuple(looked)


def _settle(subscription: Subscription, looked_at: Iterable[Interest]) -> None:
    """From now on, changes mark what was looked at."""
    if subscription.closed:
        return
    for interest in looked_at:
        subscription.dirty.pop(interest, None)
        subscription.watch(interest)


def _remember(
    session: FetchSession, look: Look, incremental: bool, unsettled: frozenset[Interest] | None
) -> dict[Interest, PartitionData]:
    """Marks what must be looked at again, and drops from an incremental answer what says nothing new.

    `unsettled`: what nobody watched since the last look; None is all. Marks of the others came after their looks.
    """
    told: dict[Interest, PartitionData] = {}
    served: dict[Interest, None] = {}
    for interest, answer in look.answers.items():
        if unsettled is None or interest in unsettled:
            session.watch(interest)
            session.dirty.pop(interest, None)
        if answer.records or answer.error_code or answer.diverging_epoch is not None:
            served[interest] = None
        elif look.is_unread(interest, answer):
            session.dirty[interest] = None  # there was no room for it
        if (
            incremental
            and interest not in served
            and answer.high_watermark == interest.sent_high_watermark
            and answer.log_start_offset == interest.sent_log_start
            and not interest.sent_error
        ):
            continue
        interest.sent_high_watermark = answer.high_watermark
        interest.sent_log_start = answer.log_start_offset
        interest.sent_error = answer.error_code
        told[interest] = answer
    session.dirty.update(served)  # after those that there was no room for: no partition starves behind a busy one
    return told


def _refused(ctx: Context, request: FetchRequest, look: Look, error: KafkaError) -> FetchResponse:
    """A whole request that makes no sense; up to version 12 each partition says so as well."""
    for answer in look.answers.values():
        release(answer)
    code = ctx.count_error(error)
    topics = []
    for topic in request.topics if ctx.version < _BY_ID else ():
        answers = [
            PartitionData(
                partition_index=one.partition, error_code=code, high_watermark=-1, last_stable_offset=-1,
                log_start_offset=-1, aborted_transactions=[], records=EMPTY,
            )
            for one in topic.partitions
        ]  # fmt: skip
        topics.append(FetchResponse.FetchableTopicResponse(topic=topic.topic, partitions=answers))
    response = FetchResponse(session_id=request.session_id, responses=topics)
    if ctx.version >= _TOP_ERROR_SINCE:
        response.error_code = code
    return response


def _refused_last(answers: dict[Interest, PartitionData], look: Look) -> dict[Interest, PartitionData]:
    """As in Kafka: partitions that were not looked into come after all others, those of unknown topic ids first."""

    def place(item: tuple[Interest, PartitionData]) -> int:
        interest, answer = item
        return 0 if interest not in look.refused else 1 if answer.error_code == UnknownTopicId.code else 2

    return dict(sorted(answers.items(), key=place))


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
        if node.node_id in named and node.node_id != ctx.node.node_id  # the client has this address
    ]
