"""`run_simulation`: one seed, one run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ottla.testing.clock import SimClock, SimRandom
from ottla.testing.files import SimFiles
from ottla.testing.guard import only_deterministic
from ottla.testing.loop import SimLoop
from ottla.testing.network import Link, SimNetwork
from ottla.testing.offload import SimOffload
from ottla.testing.trace import Trace

Result = TypeVar("Result")


class Simulation:
    """Everything a run is made of. `random` is for the workload; network and disk draw from streams of their own."""

    def __init__(
        self, seed: int, *, limit_s: float = 7 * 86_400.0, keep_trace: bool = False, link: Link | None = None
    ) -> None:
        self.seed = seed
        self.trace = Trace(keep_lines=keep_trace)
        self.random = SimRandom(seed, self.trace)
        self.network = SimNetwork(self.random.fork("network", traced=False), self.trace, link)
        self.loop = SimLoop(self.network, self.trace, limit_s)  # type: ignore[abstract]
        self.clock = SimClock(self.loop.time)
        self.files = SimFiles(self.clock, self.trace)
        self.offload = SimOffload(self.loop, self.random.fork("offload", traced=False))


@dataclass(frozen=True, slots=True)
class Run(Generic[Result]):
    """How a run ended. `digest` is equal for equal runs, in any process."""

    seed: int
    value: Result
    digest: str
    lines: list[str] | None
    virtual_s: float
    steps: int


def run_simulation(
    seed: int,
    main: Callable[[Simulation], Awaitable[Result]],
    *,
    limit_s: float = 7 * 86_400.0,
    keep_trace: bool = False,
    link: Link | None = None,
    guard: bool = True,
) -> Run[Result]:
    """Runs `main` on virtual time to its end; what it raises comes out.

    limit_s: virtual seconds. keep_trace: keep the lines, for diffing two runs. guard: real time, randomness, threads,
    sockets and files raise NotDeterministic meanwhile. Raises Deadlock, SimulationStuck, VirtualTimeExceeded, and at
    the end the first failure that nobody handled.
    """
    simulation = Simulation(seed, limit_s=limit_s, keep_trace=keep_trace, link=link)
    loop, trace = simulation.loop, simulation.trace
    with loop:
        if guard:
            with only_deterministic():
                value = loop.run_until_complete(_call(main, simulation))
        else:
            value = loop.run_until_complete(_call(main, simulation))
        digest = trace.digest()
    if loop.failures and loop.on_failure is None:
        raise loop.failures[0]
    return Run(seed, value, digest, trace.lines, loop.time(), loop.steps)


async def _call(main: Callable[[Simulation], Awaitable[Result]], simulation: Simulation) -> Result:
    return await main(simulation)
