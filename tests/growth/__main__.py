"""CPU time of every question with n and 4n elements: `python -m tests.growth [n] [-v]`; what grew more than 6 times."""

from __future__ import annotations

import sys

from tests.growth.questions import questions
from tests.growth.world import World, in_world


async def main(world: World, count: int) -> None:
    for question in questions():
        times = []
        for many in (count, 4 * count):
            request = question.request(many)
            times.append(min([await world.cpu_s(request, question.version) for _ in range(2)]))
        small, large = times
        mark = "!" if large > 0.03 and large > 6 * small else " "
        if mark == "!" or large > 1 or "-v" in sys.argv:
            print(f"{mark} {small * 1000:9.1f} {large * 1000:9.1f} ms {large / max(small, 1e-6):6.1f}  {question}")


if __name__ == "__main__":
    number = next((int(one) for one in sys.argv[1:] if one.isdigit()), 500)
    in_world(lambda world: main(world, number), min(4 * number, 4000))
