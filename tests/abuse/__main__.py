"""`bin/abuse [--quick] [NAME ...]`: every attack against a fresh broker, with a neighbour beside it, and what it cost.

A verdict is "held" where the neighbour never waited for a second, the broker stayed below 1 GiB, and both recovered.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.abuse.attacks import ATTACKS
from tests.abuse.trial import Outcome, try_attack

QUICK = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/abuse", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"attacks, or parts of their names: {', '.join(ATTACKS)}")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size")
    options = parser.parse_args()
    chosen = [one for one in ATTACKS.values() if not options.names or any(name in one.name for name in options.names)]
    if not chosen:
        parser.error(f"no attack is called so; there are {', '.join(ATTACKS)}")
    held = True
    print(f"{'attack':45} {'worst ms':>9} {'peak MiB':>9}  verdict", flush=True)
    for attack in chosen:
        with tempfile.TemporaryDirectory(prefix="ottla-abuse-") as folder:
            outcome = try_attack(attack, Path(folder), QUICK if options.quick else 1.0)
        held = held and outcome.held
        print(f"{attack.name:45} {outcome.worst_ms:9.0f} {outcome.peak_mib:9.0f}  {_verdict(outcome)}", flush=True)
    return 0 if held else 1


def _verdict(outcome: Outcome) -> str:
    return f"{'held' if outcome.held else 'FAILED: ' + ', '.join(outcome.faults)}  ({outcome.told})"


if __name__ == "__main__":
    sys.exit(main())
