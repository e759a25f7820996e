"""Elements of requests: how many one may have, and how many all that are at work have together.

An element is a struct or a string of an array, or a tagged field; four numbers count as one. It takes 60 to 250 bytes
of memory and 1 to 10 microseconds before any handler has seen it, whatever few bytes it was sent in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ottla.protocol.codec import TooManyElements

if TYPE_CHECKING:
    from collections.abc import Generator

    from ottla.broker.turns import Turns
    from ottla.protocol.message import Message

M = TypeVar("M", bound="Message")
Result = TypeVar("Result")
_UNCOUNTED = 1 << 60
MOST_ADMIN_ELEMENTS = 20_000
"""Of a request that the controller decides on in one turn. Kafka's takes operations of 10,000 records."""
REQUESTS_OF_ALL = 2
"""All requests at work may have as many elements as so many of the largest."""


class Elements:
    """Reads and writes large messages in slices, within these limits."""

    def __init__(self, limit: int, turns: Turns) -> None:
        self.limit = limit
        self._turns = turns
        self.used = 0
        self.refused = 0

    @property
    def limit_of_all(self) -> int:
        return REQUESTS_OF_ALL * self.limit

    async def read(
        self, kind: type[M], version: int, data: bytes | memoryview, position: int, *, admin: bool = False
    ) -> tuple[M, int]:
        """The message, and its elements, which `give` takes back. Raises ProtocolError."""
        limit = min(self.limit, MOST_ADMIN_ELEMENTS) if admin else self.limit
        steps = kind.decode_in_slices(version, data, position, limit)
        left, held = limit, 0
        try:
            while True:
                last, left = left, next(steps)
                held += last - left
                self.used += last - left
                if self.used > self.limit_of_all:
                    raise TooManyElements(
                        f"requests at work have more than {self.limit_of_all} elements together "
                        f"({REQUESTS_OF_ALL} times ottla.max.request.elements); try again later"
                    )
                if held:
                    await self._turns.next()
        except StopIteration as stop:
            message, _, after = stop.value
            self.used += left - after
            return message, limit - after
        except Exception as error:
            self.used -= held
            self.refused += isinstance(error, TooManyElements)
            raise

    async def read_own(self, kind: type[M], version: int, data: bytes | memoryview, position: int) -> M:
        """A message of this broker to itself, which nobody counts. Raises ProtocolError."""
        message, _, _ = await self._run(kind.decode_in_slices(version, data, position, _UNCOUNTED))
        return message

    async def write(self, message: Message, version: int) -> list[Any]:
        """The parts of a message. Raises EncodeError."""
        return await self._run(message.encode_in_slices(version))

    async def _run(self, slices: Generator[object, None, Result]) -> Result:
        """One slice in a turn; the first pause, before there was any work, is passed over."""
        try:
            next(slices)
            while True:
                next(slices)
                await self._turns.next()
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def give(self, held: int) -> None:
        """The request with so many elements was answered."""
        self.used -= held
        assert self.used >= 0
