"""What a command of the controller comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ottla.protocol.message import Message


class Outcome(NamedTuple):
    """`records` go to the log in one piece, or not at all; only then is `answer` sent.

    Without records the answer stands on the present image, which is committed, and may be sent at once.
    """

    records: list[Message]
    answer: Message


Command = Callable[[Message], Outcome]
