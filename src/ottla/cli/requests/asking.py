"""Runs one command's questions on a cluster, and says clearly when no broker answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Container
from typing import TypeVar

import click

from ottla.cli.waiting import NOTICE_S, telling
from ottla.cli.who_answers import HTTP, SSH, TLS, Other, who_answers
from ottla.client.bootstrap import parse_bootstrap
from ottla.client.cluster import Cluster
from ottla.client.connection import ConnectionOptions
from ottla.common.clock import SystemRandom
from ottla.common.errors import InvalidConfig, KafkaError, NetworkException, RequestTimedOut

Result = TypeVar("Result")

TIMEOUT_MS = 20_000
"""How long a request is repeated where Kafka allows it; a person waits."""
CONNECT_TIMEOUT_MS = 5_000


def ask(bootstrap: str, work: Callable[[Cluster], Awaitable[Result]]) -> Result:
    """What `work` returns; it gets a cluster that knows its brokers.

    Raises ClickException when no broker answers, and what `work` raises.
    """
    return asyncio.run(_ask(bootstrap, work))


async def _ask(bootstrap: str, work: Callable[[Cluster], Awaitable[Result]]) -> Result:
    options = ConnectionOptions(client_id="ottla-cli", connect_timeout_ms=CONNECT_TIMEOUT_MS)
    try:
        cluster = Cluster(bootstrap, SystemRandom(), options, timeout_ms=TIMEOUT_MS)
    except InvalidConfig as error:
        raise click.UsageError(error.message) from None
    async with cluster:
        with telling(lambda: f"waiting for an answer of {bootstrap}"):
            try:
                await _first_answer(cluster, bootstrap)
            except (NetworkException, RequestTimedOut) as error:
                raise no_broker(bootstrap, _reason(error)) from None
            try:
                return await work(cluster)
            except (NetworkException, RequestTimedOut) as error:
                raise click.ClickException(
                    f"the broker at {bootstrap} stopped answering ({_reason(error)}); what was asked may have been done"
                ) from None


async def _first_answer(cluster: Cluster, bootstrap: str) -> None:
    """Raises ClickException as soon as it is clear that another protocol is spoken there: a wait would not help."""
    answer = asyncio.ensure_future(cluster.refresh([]))
    if not (await asyncio.wait({answer}, timeout=NOTICE_S))[0]:
        foreign = await asyncio.to_thread(_foreign, bootstrap, (HTTP, SSH, TLS))
        if foreign is not None and not answer.done():
            answer.cancel()
            raise foreign
    await answer


def _foreign(bootstrap: str, kinds: Container[Other] | None = None) -> click.ClickException | None:
    """What to say of the first address at which something else than Kafka answers, if it is of these kinds."""
    for address in parse_bootstrap(bootstrap):
        other = who_answers(*address)
        if other is not None and (kinds is None or other in kinds):
            return click.ClickException(f"no Kafka broker answers at {address}: {other.sentence}")
    return None


def _reason(error: KafkaError) -> str:
    """`Connection refused` says more to a person than a failed call and its arguments."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return error.message


def no_broker(bootstrap: str, reason: str) -> click.ClickException:
    """One sentence, and what to do about it: by what answers there, if anything does."""
    foreign = _foreign(bootstrap)
    if foreign is not None:
        return foreign
    return click.ClickException(
        f"no Kafka broker answers at {bootstrap} ({reason}); start one with `ottla up`, or name another with -b"
    )
