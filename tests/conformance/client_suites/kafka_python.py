"""kafka-python's integration tests, from its source distribution."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.conformance.client_suites.suite import FAILED, PASSED, SKIPPED, Outcomes

VERSION = "3.0.12"
_NEEDS = ("pytest", "pytest-mock", "pytest-timeout", "lz4", "python-snappy", "zstandard", "crc32c")
_TEST_TIMEOUT_S = 90
_SUITE_TIMEOUT_S = 1200

_STAND_IN = '''"""The distribution lacks this module; for a broker that runs already this much of it is used."""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self): ...
    def close(self): ...
    def stop(self): ...
    def dump_logs(self): ...


class SpawnedService:
    def __init__(self, *_):
        raise AssertionError("only for brokers that run already")
'''


class KafkaPython:
    """Tests that start brokers of their own (SASL, TLS) skip themselves or fail the same everywhere."""

    name = f"kafka-python {VERSION}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "kafka-python"
        self._source = self._folder / f"kafka_python-{VERSION}"
        self._python = self._folder / "venv" / "bin" / "python"

    def prepare(self) -> None:
        if not self._python.exists():
            subprocess.run([sys.executable, "-m", "venv", self._folder / "venv"], check=True)
            self._pip("install", f"kafka-python=={VERSION}", *_NEEDS)
        if not self._source.exists():
            self._pip(
                "download", "--no-deps", "--no-binary", ":all:", "-d", str(self._folder), f"kafka-python=={VERSION}"
            )
            with tarfile.open(self._folder / f"kafka_python-{VERSION}.tar.gz") as archive:
                archive.extractall(self._folder, filter="data")
            (self._source / "test" / "__init__.py").touch()
            (self._source / "test" / "service.py").write_text(_STAND_IN)

    def _pip(self, *words: str) -> None:
        subprocess.run([self._python, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True)

    def run(self, address: str, round_number: int) -> Outcomes:
        report = self._folder / f"report-{address.rpartition(':')[2]}-{round_number}.xml"
        report.unlink(missing_ok=True)
        environment = {
            **os.environ, "KAFKA_URI": f"kafka://{address}", "KAFKA_VERSION": "4.2.0", "KAFKA_ROOT": str(self._folder),
        }  # fmt: skip
        environment.pop("CI", None)
        with report.with_suffix(".log").open("wb") as log:
            subprocess.run(
                [
                    self._python, "-m", "pytest", "test/integration", "-q", "-p", "no:cacheprovider",
                    f"--timeout={_TEST_TIMEOUT_S}", "--timeout-method=signal", f"--junitxml={report}",
                ],
                cwd=self._source, env=environment, stdout=log, stderr=log, check=False, timeout=_SUITE_TIMEOUT_S,
            )  # fmt: skip
        return {_name(case): _outcome(case) for case in ElementTree.parse(report).iter("testcase")}


def _name(case: ElementTree.Element) -> str:
    module = case.get("classname", "").removeprefix("test.integration.")
    return f"{module}::{case.get('name')}"


def _outcome(case: ElementTree.Element) -> str:
    if case.find("skipped") is not None:
        return SKIPPED
    return FAILED if case.find("failure") is not None or case.find("error") is not None else PASSED
