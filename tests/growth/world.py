"""A broker that is asked without a network, and how much work each answer was."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, TypeVar

from ottla.broker.connection import CloseConnection
from ottla.broker.listeners import Address, Listener
from ottla.broker.node import Node
from ottla.broker.session import Session
from ottla.protocol.headers import request_frame
from ottla.protocol.message import Message
from ottla.protocol.messages.create_topics import CreateTopicsRequest
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.security.principal import ANONYMOUS
from ottla.testing.cluster import SimCluster
from ottla.testing.simulation import Simulation, run_simulation
from tests.growth.questions import GROUP, KNOWN, TRANSACTION

Result = TypeVar("Result")


class World:
    """`serve` asks, `lines` counts the lines of Python that an answer took, `cpu_s` its time."""

    def __init__(self, node: Node) -> None:
        self.node = node
        nowhere = Address("PLAINTEXT", "127.0.0.1", 0)
        self._listener = Listener(nowhere, nowhere)

    async def serve(self, request: Message, version: int) -> Any:
        """The parts of the answer; what closes the connection counts as one."""
        session = Session(self._listener, ANONYMOUS, "test")
        frame = b"".join(map(bytes, request_frame(request, version, 1, "growth")))[4:]
        try:
            parts = await self.node.router.serve(session, memoryview(frame))
        except CloseConnection as error:
            return error
        for part in parts or ():
            if not isinstance(part, (bytes, bytearray, memoryview)):
                part.release()
        return parts

    async def topics(self, count: int) -> None:
        """So many, and as many partitions of the first."""
        wanted = [
            CreateTopicsRequest.CreatableTopic(
                name=f"{KNOWN}-{number}", num_partitions=1 if number else count, replication_factor=1
            )
            for number in range(count)
        ]
        for start in (0, 1, *range(1001, count, 1000)):
            end = {0: 1, 1: 1001}.get(start, start + 1000)
            await self.serve(CreateTopicsRequest(topics=wanted[start:end], timeout_ms=60_000), 7)
        assert len(self.node.image.topics) >= count

    async def lines(self, request: Message, version: int) -> int:
        count = 0

        def on_line(frame: FrameType, event: str, _arg: Any) -> Any:
            nonlocal count
            count += 1
            return on_line

        before = sys.gettrace()
        sys.settrace(on_line)
        try:
            await self.serve(request, version)
        finally:
            sys.settrace(before)
        return count

    async def cpu_s(self, request: Message, version: int) -> float:
        started = time.process_time()
        await self.serve(request, version)
        return time.process_time() - started


def in_world(scenario: Callable[[World], Awaitable[Result]], topics: int) -> Result:
    async def main(simulation: Simulation) -> Result:
        node = await SimCluster(simulation, {"max.incremental.fetch.session.cache.slots": "10"}).start()
        world = World(node)
        await world.topics(topics)
        for key_type, key in ((0, f"{GROUP}-0"), (1, f"{TRANSACTION}-0")):
            await world.serve(FindCoordinatorRequest(key_type=key_type, coordinator_keys=[key]), 4)
        await asyncio.sleep(1)
        return await scenario(world)

    return run_simulation(1, main).value
