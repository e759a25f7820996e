"""franz-go's own tests of `kgo`, from its module."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.conformance.client_suites.suite import FAILED, NOT_OFFERED, PASSED, SKIPPED, Outcomes

VERSION = "v1.22.3"
_MODULE = "github.com/twmb/franz-go"
_TIMEOUT_S = 1500

_LINE = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)
_WITHOUT_SHARE_GROUPS = re.compile(r"broker does not support share groups.*\n\s*--- SKIP: (\S+)")
_OUTCOMES = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}


class FranzGo:
    """`records`: how many each of the large tests sends; the suite's own default is 500,000."""

    name = f"franz-go kgo {VERSION}"

    def __init__(self, folder: Path, records: int) -> None:
        self._folder = folder / "franz-go"
        self._records = records
        self._program = self._folder / "kgo.test"
        self._package = self._folder / "source" / "pkg" / "kgo"

    def prepare(self) -> None:
        if self._program.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "go.mod").write_text("module suites\n\ngo 1.25\n")
        told = subprocess.run(
            ["go", "mod", "download", "-json", f"{_MODULE}@{VERSION}"],
            cwd=self._folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        source = self._folder / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(json.loads(told.stdout)["Dir"], source)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        subprocess.run(["go", "test", "-c", "-o", self._program, "./pkg/kgo"], cwd=source, check=True)

    def run(self, address: str, round_number: int) -> Outcomes:
        environment = {
            **os.environ, "KGO_SEEDS": address, "KGO_TEST_RF": "1", "KGO_TEST_RECORDS": str(self._records),
            "KGO_LOG_LEVEL": "none",
        }  # fmt: skip
        log = self._folder / f"report-{address.rpartition(':')[2]}-{round_number}.log"
        with log.open("wb") as output:
            subprocess.run(
                [self._program, "-test.v", f"-test.timeout={_TIMEOUT_S}s"],
                cwd=self._package, env=environment, stdout=output, stderr=output, check=False, timeout=_TIMEOUT_S + 60,
            )  # fmt: skip
        return parse(log.read_text(errors="replace"))


def parse(text: str) -> Outcomes:
    """What the tests said; one that never ended failed."""
    outcomes = dict.fromkeys(re.findall(r"^=== RUN\s+(\S+)", text, re.MULTILINE), FAILED)
    outcomes.update((name, _OUTCOMES[word]) for word, name in _LINE.findall(text))
    outcomes.update(dict.fromkeys(_WITHOUT_SHARE_GROUPS.findall(text), NOT_OFFERED))
    return outcomes
