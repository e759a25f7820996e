"""A soak of one broker on a small disk: produce, consume in both group protocols, transactions, compaction, retention.

bin/soak                       # thirty minutes
bin/soak --minutes 5           # a short one
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from tests.conformance.ottla_broker import ROOT, OttlaBroker
from tests.soak import work
from tests.soak.watch import MB, Sample, line, problems, sample
from tests.soak.work import COPIES, EVENTS, PARTITIONS, STATE, Shared, guarded

DISK_MB = 512
_SAMPLE_S, _SHOWN_EVERY = 5, 12
_RETAINED = {"segment.bytes": str(4 * MB), "retention.bytes": str(16 * MB), "file.delete.delay.ms": "1000"}
_COMPACTED = {
    "cleanup.policy": "compact", "segment.bytes": str(4 * MB), "min.cleanable.dirty.ratio": "0.3",
    "file.delete.delay.ms": "1000",
}  # fmt: skip
_BROKER = (
    "log.retention.check.interval.ms=2000", "log.initial.task.delay.ms=2000", "log.cleaner.backoff.ms=1000",
    "offsets.topic.num.partitions=4", "offsets.topic.segment.bytes=1048576",
    "transaction.state.log.num.partitions=4", "transaction.state.log.segment.bytes=1048576",
)  # fmt: skip


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own where that may be mounted; otherwise a folder whose size is only watched."""
    with tempfile.TemporaryDirectory(prefix="ottla-soak-") as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name], check=False, capture_output=True
        )
        print(f"the data lies in {name}" + ("" if mounted.returncode else f", a disk of {megabytes} MB"))
        try:
            yield Path(name)
        finally:
            if not mounted.returncode:
                subprocess.run(["umount", "-l", name], check=False)


def create_topics(address: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    wanted = {EVENTS: _RETAINED, COPIES: _RETAINED, STATE: _COMPACTED}
    topics = [NewTopic(name, PARTITIONS, config=config) for name, config in wanted.items()]
    for future in admin.create_topics(topics).values():
        future.result(30)


def clients(shared: Shared, rate: int) -> list[threading.Thread]:
    jobs = [
        lambda: work.produce_events(shared, rate),
        lambda: work.read_events(shared, "classic"),
        lambda: work.read_events(shared, "consumer"),
        lambda: work.copy_in_transactions(shared),
        lambda: work.read_copies(shared),
        lambda: work.write_state(shared, rate),
        lambda: work.read_state(shared),
    ]
    return [threading.Thread(target=guarded(shared, job), daemon=True) for job in jobs]


def soak(broker: OttlaBroker, folder: Path, minutes: float, rate: int) -> tuple[list[Sample], Shared]:
    create_topics(broker.address)
    shared = Shared(broker.address)
    threads = clients(shared, rate)
    for thread in threads:
        thread.start()
    began = time.monotonic()
    samples: list[Sample] = []
    while time.monotonic() - began < minutes * 60 and not shared.anomalies:
        time.sleep(_SAMPLE_S)
        samples.append(sample(time.monotonic() - began, broker.pid, folder, broker.metrics()))
        if len(samples) % _SHOWN_EVERY == 1:
            print(line(samples[-1]), flush=True)
    shared.stop.set()
    for thread in threads:
        thread.join(90)
        if thread.is_alive():
            shared.anomaly(f"the client {thread.name} did not end")
    return samples, shared


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=1000, help="events, and values, a second")
    chosen = parser.parse_args(words)
    with small_disk(DISK_MB) as folder, OttlaBroker(folder, *_BROKER) as broker:
        samples, shared = soak(broker, folder, chosen.minutes, chosen.rate)
        errors = [one for one in broker.errors().splitlines() if " error " in one]
    found = [*shared.anomalies, *problems(samples, DISK_MB * MB), *errors[:20]]
    results = ROOT / "build" / "soak"
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(
        json.dumps({"samples": samples, "counts": shared.counts, "problems": found}, indent=1)
    )
    print("\n".join(f"{what:24} {count:12,}" for what, count in sorted(shared.counts.items())))
    print("\n".join(found) if found else "no anomaly; memory, files and disk stayed flat")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
