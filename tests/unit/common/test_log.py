"""The structured log: one line an event, from the level of its subject on."""

from __future__ import annotations

import re
from pathlib import Path

from ottla.common.log import SUBJECTS, Log
from ottla.testing.clock import SimClock

SOURCE = Path(__file__).resolve().parents[3] / "src" / "ottla"


def log_to(lines: list[str]) -> Log:
    return Log(SimClock(), lines.append)


def test_a_subject_has_a_level_of_its_own_or_the_roots() -> None:
    lines: list[str] = []
    log = log_to(lines)
    log.set_level_of("connection", "error")
    log.warn("connection.closed")
    log.info("partition.moved")
    log.level = "warn"
    log.info("partition.moved")
    assert [line.split()[2] for line in lines] == ["partition.moved"]
    assert (log.level_of("connection"), log.level_of("partition")) == ("error", "warn")
    log.set_level_of("connection", None)
    assert log.level_of("connection") == "warn"


def test_every_event_is_about_a_known_subject() -> None:
    written = re.compile(
        r'(?:\b_?log\.(?:debug|info|warn|error)|log_failure|\bsay|chronicle|\.note)\(\s*f?"([a-z_]+)\.[a-z_]+[" ]'
    )
    found = {
        subject
        for part in ("broker", "controller", "coordinator", "storage", "metadata")
        for path in (SOURCE / part).rglob("*.py")
        for subject in written.findall(path.read_text(encoding="utf-8"))
    }
    audit = (SOURCE / "broker" / "audit.py").read_text(encoding="utf-8")
    found |= set(re.findall(r'yield \(?\s*"([a-z]+)\.[a-z_]+"', audit))
    assert found | {"log"} == set(SUBJECTS)  # that is said by the process, see broker/serve.py
