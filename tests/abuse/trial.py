"""One attack against one broker process: its start, the neighbour, and the judgement."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.abuse.attacks import TOPIC, Attack
from tests.abuse.neighbour import ROOT, Neighbour
from tests.abuse.wire import Wire, batch, create, fetch, produce

WORST_MS, MOST_MIB = 1000, 1024
WAITED = "the neighbour waited"
_AFTER = "afterwards"


class Outcome(NamedTuple):
    """faults: why it did not hold. told: what the attack says of its answers."""

    worst_ms: float
    peak_mib: float
    faults: list[str]
    told: str

    @property
    def held(self) -> bool:
        return not self.faults


def try_attack(attack: Attack, folder: Path, size: float) -> Outcome:
    broker, port = _start(attack, folder)
    neighbour = Neighbour(port)
    faults = []
    try:
        try:
            told = attack.run(port, size)
        except (AssertionError, OSError, AttributeError) as error:
            told = repr(error)
            faults.append("the attack got an answer that it should not")
        rounds, worst_ms = neighbour.ask()
        if not rounds:
            faults.append("the neighbour was cut off")
        elif worst_ms > WORST_MS:
            faults.append(f"{WAITED} {worst_ms:.0f} ms")
        peak_mib = _peak_mib(broker.pid)
        if peak_mib > MOST_MIB:
            faults.append(f"the broker took {peak_mib:.0f} MiB")
        if not _recovered(port):
            faults.append("the attacker's topic does not serve")
        return Outcome(worst_ms, peak_mib, faults, told)
    finally:
        neighbour.end()
        broker.kill()
        broker.wait()


def _start(attack: Attack, folder: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "ottla", "up", "--port", "0", "--data", str(folder / "data")]
    for pair in attack.settings:
        command += ["--set", pair]

    def limit() -> None:
        if attack.open_files is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (attack.open_files, hard))

    with (folder / "errors.log").open("w") as errors:
        broker = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE if attack.unread_log else errors, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, preexec_fn=limit,
        )  # fmt: skip
    assert broker.stdout is not None
    line = broker.stdout.readline()
    found = re.search(r":(\d+)", line)
    if not line.startswith("ready ") or found is None:
        broker.send_signal(signal.SIGKILL)
        raise RuntimeError(f"the broker said {line!r}: {(folder / 'errors.log').read_text()}")
    return broker, int(found[1])


def _peak_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else 0.0


def _recovered(port: int) -> bool:
    """Whoever attacked may go on as anybody: the topic where it still is, and a new one."""
    try:
        wire = Wire(port, 10)
        for topic in (TOPIC, _AFTER):
            create(wire, topic)
            answer = produce(wire, topic, batch())
            if answer is None or answer.error_code or not fetch(wire, topic, answer.base_offset):
                return False
    except OSError:
        return False
    return True
