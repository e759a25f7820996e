"""What a simulation reports about itself, as opposed to what the code under test raises."""

from __future__ import annotations


class SimulationError(Exception):
    """The simulated run cannot go on, or broke a rule of the simulator."""


class NotDeterministic(SimulationError):
    """Code asked the operating system for what it must get from a port."""


class Deadlock(SimulationError):
    """Nothing is ready and no timer is set: nothing can ever happen again."""

    def __init__(self, now_s: float, waiting: list[str]) -> None:
        self.waiting = waiting
        tasks = "".join(f"\n  {task}" for task in waiting) or " none"
        super().__init__(f"nothing can happen any more at {now_s:.6f} s; tasks that wait:{tasks}")


class SimulationStuck(SimulationError):
    """Callbacks follow each other without end while virtual time stands still."""


class VirtualTimeExceeded(SimulationError):
    """The run went on for longer than its limit of virtual time."""


class MemoryRuleBroken(AssertionError):
    """Something handed to a transport was changed before it was delivered."""


class Crashed(BaseException):
    """The simulated process is dead. Not an Exception: no handler of the code under test may swallow it."""
