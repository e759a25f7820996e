"""Kafka's answers in a file, for where there is no Kafka."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.conformance.differential.compare import Recorded
from tests.conformance.differential.session import Session

RECORDED = Path(__file__).with_name("recorded.json.gz")


def write(session: Session, tools: dict[str, str], path: Path = RECORDED) -> None:
    """The same answers make the same file."""
    content = {
        "advertised": dict(session.advertised),
        "runs": {
            run: [[one.step, one.api, one.version, one.answer] for one in told]
            for run, told in sorted(session.answers.items())
        },
        "tools": tools,
    }
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode()
    path.write_bytes(gzip.compress(data, 9, mtime=0))


def read(path: Path = RECORDED) -> tuple[Session, dict[str, str]]:
    content = json.loads(gzip.decompress(path.read_bytes()))
    answers = {run: [Recorded(*one) for one in told] for run, told in content["runs"].items()}
    advertised = {api: (oldest, newest) for api, (oldest, newest) in content["advertised"].items()}
    return Session(answers, {}, advertised), content["tools"]
