"""Everything at once on a disk that lacks something for a while, again and again: room, descriptors, memory.

What was refused is repeated by the clients. Nothing goes offline, nothing needs a restart, nothing acknowledged is
lost, and a kill and a start afterwards find a log that is whole.

python -m tests.simulation.lacking 17          # replays a seed
python -m tests.simulation.lacking 0-300       # a soak
"""

from __future__ import annotations

import asyncio
import errno
import sys
from collections import Counter

from ottla.testing.network import Link
from ottla.testing.simulation import Run, run_simulation
from tests.simulation.exactly_once import ROUGH, World
from tests.simulation.mixed import main, mixed

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class LackingWorld(World):
    """The faults are windows in which the disk refuses: some operations, or all for a time."""

    refused = 0

    async def faults(self) -> None:
        files = self.cluster.machines[1].files
        for _ in range(4 + self.random.below(8)):
            await asyncio.sleep(self.random.between(0.1, 1.5))
            error = self.random.choice(ERRORS)
            if self.random.chance(0.6):
                files.lack(error, 1 + self.random.below(6))
                await asyncio.sleep(self.random.between(0.0, 1.0))
            else:
                files.lack(error)
                await asyncio.sleep(self.random.between(0.05, 2.0))
            files.lack(None)
        LackingWorld.refused += files.refused
        node = self.cluster.nodes[1]
        failed = [line for line in self.cluster.log if "log_directory.failed" in line or "unusable" in line]
        assert not failed, failed
        assert not any(directory.offline for directory in node.directories)
        assert not any(one.log is not None and one.log.offline for one in node.replicas)
        if self.random.chance(0.5):
            self.cluster.kill()
            await self.cluster.start()


def run(seed: int, *, keep_trace: bool = False) -> Run[Counter[str]]:
    return run_simulation(
        seed,
        lambda simulation: mixed(simulation, LackingWorld),
        keep_trace=keep_trace,
        link=ROUGH if seed % 2 else Link(),
    )


if __name__ == "__main__":
    main(sys.argv[1:], run)
