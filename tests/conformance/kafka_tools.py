"""Apache Kafka's own Java classes, run from its released jars.

The jars lie in $KAFKA_JARS (default ~/.cache/apache-kafka-jars) and are fetched with Maven once. A JVM takes a second
to start: hand a tool many files at once.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent / "kafka"
DUMP_LOG = "org.apache.kafka.tools.DumpLogSegments"


def jars() -> Path:
    """The folder with the jars, fetched now unless they are there."""
    folder = Path(os.environ.get("KAFKA_JARS", "~/.cache/apache-kafka-jars")).expanduser()
    complete = folder / ".complete"
    if complete.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            subprocess.run(
                [
                    "mvn",
                    "-q",
                    "-B",
                    "-f",
                    HERE / "pom.xml",
                    "dependency:copy-dependencies",
                    f"-DoutputDirectory={folder}",
                ],
                check=True,
            )
            complete.touch()
    return folder


def java_command(*arguments: str, heap: str = "512M") -> list[str]:
    """`arguments`: options for the JVM, a class, its arguments."""
    logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    return ["java", f"-Xmx{heap}", logging, "-cp", f"{jars()}/*", *arguments]


def run_tool(tool: str, *arguments: str, timeout_s: float = 120) -> str:
    """What the tool printed. Fails the test when it ends with an error."""
    done = subprocess.run(
        java_command("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", tool, *arguments),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{tool} {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def dump_log(files: Sequence[Path], *options: str) -> str:
    """DumpLogSegments over all the files in one JVM."""
    return run_tool(DUMP_LOG, "--files", ",".join(str(file) for file in files), *options)


_COMPLAINTS = (
    "Mismatches in", "Index offset:", "Found timestamp mismatch", "Found out of order", "invalid bytes",
    "isvalid: false", "Error", "Exception", "Indexed offset:", "corrupt", "WARN", " is followed by ",
)  # fmt: skip


def complaints(output: str) -> list[str]:
    """The lines in which the dump tool found something wrong.

    "-1 is followed by N" is left out: the tool's deep iteration says so of any file whose base offset is not 0.
    """
    return [
        line
        for line in output.splitlines()
        if any(word in line for word in _COMPLAINTS) and not line.startswith("  -1 is followed by ")
    ]
