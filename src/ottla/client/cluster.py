"""A small view of a cluster: who leads, who coordinates, and requests that are repeated where Kafka allows it.

It is what tests, simulations and the command line use. It knows no batches and keeps no state of its own beyond a cache
of metadata, which every error that says so refreshes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ottla.client.bootstrap import Address, parse_bootstrap
from ottla.client.connection import ConnectionOptions
from ottla.client.node import Backoff, Node
from ottla.common.clock import Random
from ottla.common.errors import (
    BrokerNotAvailable,
    KafkaError,
    LeaderNotAvailable,
    NetworkException,
    RequestTimedOut,
    UnknownTopicOrPartition,
    error_for,
)
from ottla.protocol.message import Message
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse

Result = TypeVar("Result")

GROUP, TRANSACTION, SHARE = 0, 1, 2
"""Types of coordinator."""

API_TIMEOUT_MS = 60_000
"""default.api.timeout.ms of Kafka's clients."""


class Cluster:
    """See the module's text. Every method but `close` may be called by many at once.

    brokers, controller, topics: as of the last `refresh`; `topics` maps a name to its part of the metadata answer.
    """

    def __init__(
        self,
        bootstrap: str | Sequence[Address],
        random: Random,
        options: ConnectionOptions | None = None,
        *,
        timeout_ms: int = API_TIMEOUT_MS,
        retry: Backoff | None = None,
    ) -> None:
        addresses = parse_bootstrap(bootstrap) if isinstance(bootstrap, str) else list(bootstrap)
        self.timeout_ms = timeout_ms
        self.brokers: dict[int, Address] = {}
        self.controller = -1
        self.cluster_id: str | None = None
        self.topics: dict[str, MetadataResponse.MetadataResponseTopic] = {}
        self._random = random
        self._options = options if options is not None else ConnectionOptions()
        self._retry = retry if retry is not None else Backoff(first_ms=100, most_ms=1000)
        self._seeds = addresses
        self._nodes: dict[Address, Node] = {}
        self._coordinators: dict[tuple[int, str], int] = {}
        self._turn = 0

    async def close(self) -> None:
        for node in self._nodes.values():
            await node.close()

    async def __aenter__(self) -> Cluster:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    # -- one request, once -------------------------------------------------------------------------------------------

    async def send(self, message: Message, *, broker: int | None = None, version: int | None = None) -> Any:
        """To one broker by id, or to any that can be reached; the whole answer, its errors unread.

        Raises NetworkException, RequestTimedOut, UnsupportedVersion, and BrokerNotAvailable for an unknown id.
        """
        if broker is not None:
            return await self._node(self._address(broker)).send(message, version=version)
        last: KafkaError = NetworkException("there is no broker to ask")
        for address in self._candidates():
            try:
                connection = await self._node(address).connection()
            except (NetworkException, RequestTimedOut) as error:
                last = error
                continue
            return await connection.send(message, version=version)
        raise last

    def _candidates(self) -> list[Address]:
        """Known brokers, each time another first, then where we began."""
        known = list(self.brokers.values())
        self._turn += 1
        first = self._turn % len(known) if known else 0
        return list(dict.fromkeys([*known[first:], *known[:first], *self._seeds]))

    def _address(self, broker: int) -> Address:
        if broker not in self.brokers:
            raise BrokerNotAvailable(f"broker {broker} is not in the metadata; known are {sorted(self.brokers)}")
        return self.brokers[broker]

    def _node(self, address: Address) -> Node:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = Node(address, self._random, self._options)
        return node

    # -- requests that are repeated ------------------------------------------------------------------------------------

    async def retrying(
        self, attempt: Callable[[], Awaitable[Result]], topics: Sequence[str] = (), timeout_ms: int | None = None
    ) -> Result:
        """The result of `attempt`, repeated after every retriable KafkaError until the time is over.

        Errors that ask for it refresh the metadata of `topics` first. When time is over, raises the last error.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + (self.timeout_ms if timeout_ms is None else timeout_ms) / 1000
        failures = 0
        while True:
            try:
                return await attempt()
            except KafkaError as error:
                failures += 1
                pause = self._retry.delay_s(failures, self._random)
                if not error.retriable or loop.time() + pause > end:
                    raise
                await asyncio.sleep(pause)
                if error.refreshes_metadata:
                    await self._try_refresh(topics)

    async def _try_refresh(self, topics: Sequence[str]) -> None:
        """A failure here is not the caller's: the next attempt shows whether it matters."""
        try:
            await self.refresh(topics)
        except KafkaError as error:
            if not error.retriable:
                raise

    async def refresh(self, topics: Sequence[str] | None = ()) -> MetadataResponse:
        """Asks any broker for the brokers and for some topics (None: all), which are not created by asking."""
        wanted = None
        if topics is not None:
            wanted = [MetadataRequest.MetadataRequestTopic(name=name) for name in topics]
        response: MetadataResponse = await self.send(MetadataRequest(topics=wanted, allow_auto_topic_creation=False))
        raise_error(response)
        self.brokers = {broker.node_id: Address(broker.host, broker.port) for broker in response.brokers}
        self.controller = response.controller_id
        self.cluster_id = response.cluster_id
        for topic in response.topics:
            if topic.name is not None and topic.error_code:
                self.topics.pop(topic.name, None)
            elif topic.name is not None:
                self.topics[topic.name] = topic
        return response

    async def leader(self, topic: str, partition: int) -> int:
        """The broker that leads. Repeats while there is none or the topic is not known."""
        return await self.retrying(lambda: self._leader(topic, partition), [topic])

    async def _leader(self, topic: str, partition: int) -> int:
        if topic not in self.topics:
            await self.refresh([topic])
        known = self.topics.get(topic)
        if known is None:
            raise UnknownTopicOrPartition(f"topic {topic} does not exist")
        for row in known.partitions:
            if row.partition_index == partition:
                if row.leader_id < 0 or row.leader_id not in self.brokers:
                    raise LeaderNotAvailable(f"{topic}-{partition} has no leader at present")
                return row.leader_id
        raise UnknownTopicOrPartition(f"topic {topic} has {len(known.partitions)} partitions, not {partition}")

    async def send_to_leader(
        self, topic: str, partition: int, message: Message | Callable[[], Message], check: Callable[[Any], Result]
    ) -> Result:
        """`check(answer)` of the leader's answer; it reads the answer's error codes and raises them, to be repeated.

        message: or a function that makes it, called when `topics` holds the topic and its id. None is the answer to a
        Produce with acks=0.
        """

        async def attempt() -> Result:
            leader = await self._leader(topic, partition)
            return check(await self.send(message() if callable(message) else message, broker=leader))

        return await self.retrying(attempt, [topic])

    async def send_to_controller(
        self, message: Message | Callable[[], Message], check: Callable[[Any], Result]
    ) -> Result:
        """As `send_to_leader`. Any broker accepts these requests and passes them on."""

        async def attempt() -> Result:
            if not self.brokers:
                await self.refresh()
            target = self.controller if self.controller in self.brokers else None
            return check(await self.send(message() if callable(message) else message, broker=target))

        return await self.retrying(attempt)

    async def send_to_coordinator(
        self, key: str, message: Message, check: Callable[[Any], Result], kind: int = GROUP
    ) -> Result:
        """As `send_to_leader`, to the coordinator of a group, a transactional id or a share partition."""

        async def attempt() -> Result:
            coordinator = await self._coordinator(key, kind)
            try:
                return check(await self.send(message, broker=coordinator))
            except KafkaError:
                self._coordinators.pop((kind, key), None)
                raise

        return await self.retrying(attempt)

    async def coordinator(self, key: str, kind: int = GROUP) -> int:
        """The broker that coordinates `key`. Repeats while there is none."""
        return await self.retrying(lambda: self._coordinator(key, kind))

    async def _coordinator(self, key: str, kind: int) -> int:
        known = self._coordinators.get((kind, key))
        if known is not None:
            return known
        request = FindCoordinatorRequest(key_type=kind, coordinator_keys=[key])  # version 4, which Kafka has since 3.0
        response: FindCoordinatorResponse = await self.send(request)
        found = response.coordinators[0]
        if found.error_code:
            raise error_for(found.error_code, found.error_message)
        self.brokers[found.node_id] = Address(found.host, found.port)
        self._coordinators[kind, key] = found.node_id
        return found.node_id


def raise_error(answer: Any) -> None:
    """Raises the KafkaError that an answer's own error_code stands for, if any."""
    if answer.error_code:
        raise error_for(answer.error_code, getattr(answer, "error_message", None))
