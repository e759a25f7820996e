"""Which simulated process a piece of code runs in, carried by the context that asyncio hands from callback to callback.

So code need not know: a task, a timer or a protocol made by a process belongs to it. When the process is killed, the
loop drops whatever belongs to it, without running one more line of it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class SimProcess:
    """One run of a program on a machine. `host` names the machine on the network."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.alive = True
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    def run(self, call: Callable[..., Result], *args: object) -> Result:
        """Calls it as code of this process: what it starts belongs to the process."""
        return self.context.copy().run(call, *args)

    def __repr__(self) -> str:
        return f"<SimProcess {self.host}{'' if self.alive else ' dead'}>"


PROCESS: contextvars.ContextVar[SimProcess] = contextvars.ContextVar("ottla_sim_process")


def current_process(default: SimProcess) -> SimProcess:
    return PROCESS.get(default)
