"""`SimMachine`: one simulated computer, on which a program is started, killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ottla.testing.clock import SimClock, SimRandom
from ottla.testing.files import CrashMode, SimFiles
from ottla.testing.offload import SimOffload
from ottla.testing.process import SimProcess
from ottla.testing.simulation import Simulation


class SimMachine:
    """A host on the network with a disk, a clock and randomness of its own, and at most one program at a time.

    files: the view of the present process; after each end it is another object. clock: `skew_ms` may be moved.
    """

    def __init__(self, simulation: Simulation, host: str) -> None:
        self.simulation = simulation
        self.host = host
        self.random: SimRandom = simulation.random.fork(host)
        self.clock = SimClock(simulation.loop.time)
        self.files = SimFiles(self.clock, simulation.trace)
        self.offload = SimOffload(simulation.loop, self.random.fork("offload", traced=False))
        self.process: SimProcess | None = None
        self._crash_random = self.random.fork("crash", traced=False)
        self._adopt(self.files)

    @property
    def running(self) -> bool:
        return self.process is not None

    def start(self, main: Callable[[SimMachine], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """Runs `main(self)` as a new process. When it returns the process lives on, for its timers and connections."""
        assert self.process is None, f"{self.host} runs a program already"
        self.process = self.simulation.loop.start_process(self.host)
        return self.process.run(self.simulation.loop.create_task, main(self))

    def kill(self) -> None:
        """As `kill -9`: not one more line of the program runs; what it had written stays."""
        self._end(reset=True)
        self._adopt(self.files.kill())

    def cut_power(self, mode: CrashMode = CrashMode.SCATTERED) -> None:
        """The program is gone, so is what was not fsynced, by chance or wholly, and the host answers nobody."""
        self.simulation.network.power_off(self.host)
        self._end(reset=False)
        self._adopt(self.files.crash(self._crash_random, mode))

    def restore_power(self) -> None:
        self.simulation.network.power_on(self.host)

    def _end(self, *, reset: bool) -> None:
        process, self.process = self.process, None
        if process is not None and process.alive:
            self.simulation.network.kill(process, reset=reset)

    def _adopt(self, files: SimFiles) -> None:
        """A crash planned on the files (`crash_at`) kills this machine's program."""
        self.files = self.offload.files = files
        files.on_crash = self.kill

    def __repr__(self) -> str:
        return f"<SimMachine {self.host} {'runs' if self.running else 'is idle'}>"
