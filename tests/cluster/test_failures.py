"""What the world does to a real broker: a disk that is full, no descriptors left, a log that nobody reads, a stopped
process, a folder full of Python files. Afterwards it serves again, or it has ended with a sentence and a code."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.client.cluster import Cluster
from ottla.common.clock import SystemRandom
from ottla.common.errors import CoordinatorLoadInProgress
from ottla.metadata.stores.sqlite import FILE_NAME
from ottla.protocol.messages.consumer_group import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.messages.metadata import MetadataRequest
from tests.cluster.cli_calls import Cli
from tests.cluster.test_compaction_worker import fill, metric, until
from tests.cluster.test_exactly_once import read_everything
from tests.cluster.test_full_disk import MB, produce, small_disk
from tests.conformance.ottla_broker import ROOT, OttlaBroker

pytestmark = pytest.mark.process

FAR = Cli("127.0.0.1:1")
QUICK = (
    "replica.high.watermark.checkpoint.interval.ms=100",
    "log.flush.offset.checkpoint.interval.ms=100",
    "log.retention.check.interval.ms=500",
)


def create(address: str, name: str, partitions: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(60)


def test_a_full_disk_with_everything_on_it_serves_again_without_a_restart(tmp_path: Path) -> None:
    """Records, checkpoints, the metadata, a topic that was never used: all on one disk that fills up."""
    with small_disk(tmp_path / "disk", 12 * MB) as disk:
        broker = OttlaBroker(tmp_path / "ottla", f"log.dirs={disk / 'data'}", *QUICK)
        with broker:
            for name in ("used", "unused"):
                create(broker.address, name)
            kept, errors = produce(broker.address, "used", ["before"])
            filler = disk / "filler"
            with suppress(OSError), filler.open("wb") as file:
                while True:
                    file.write(bytes(4096))
                    file.flush()
            for name in ("used", "unused"):
                more, errors = produce(broker.address, name, ["x" * 100_000] * 2)
                assert (more, errors) == ([], {"KAFKA_STORAGE_ERROR"})
            refused = metric(broker, "ottla_storage_refusals_total")
            until(lambda: metric(broker, "ottla_storage_refusals_total") >= refused + 5, "refused checkpoints")
            with pytest.raises(Exception):  # noqa: B017 - whatever the client makes of a controller that is away
                create_within(broker.address, "refused", 3)
            filler.unlink()
            for name in ("used", "unused"):
                more, errors = produce(broker.address, name, ["after"])
                assert (more, errors) == (["after"], set())
            until(lambda: metric(broker, "ottla_controller_active") == 1, "a controller")
            create(broker.address, "later")
            assert produce(broker.address, "later", ["x"]) == (["x"], set())
            assert metric(broker, "ottla_log_directories_offline") == 0
            assert "log_directory.refused" in broker.errors() and "errno=ENOSPC" in broker.errors()
            assert "Traceback" not in broker.errors()
        with broker:
            assert read_everything(broker.address, "used", 1) == [*kept, "after"]


def create_within(address: str, name: str, seconds: float) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(name, 1, 1)], operation_timeout=seconds, request_timeout=seconds)[name].result(30)


def test_a_disk_that_goes_away_ends_the_broker_with_a_sentence_and_a_code(tmp_path: Path) -> None:
    broker = OttlaBroker(tmp_path, *QUICK).start()
    create(broker.address, "t")
    produce(broker.address, "t", ["before"])
    (tmp_path / "data").rename(tmp_path / "unplugged")
    process = broker._process
    assert process is not None
    assert process.wait(30) == 1
    assert f"ottla: the log directory {tmp_path / 'data'} failed: ENODEV" in broker.errors()
    assert "it holds the metadata, so the broker ends" in broker.errors()
    assert "log_directory.failed" in broker.errors() and "Traceback" not in broker.errors()
    broker.kill()
    (tmp_path / "unplugged").rename(tmp_path / "data")
    with broker:
        assert read_everything(broker.address, "t", 1) == ["before"]


def limited(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Limited:
    """`ottla up` with limits on descriptors."""

    def __init__(self, folder: Path, soft: int, hard: int) -> None:
        self._errors = (folder / "errors.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ottla", "up", "--port", "0", "--data", str(folder / "data")],
            stdout=subprocess.PIPE, stderr=self._errors, text=True, preexec_fn=limited(soft, hard),
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (folder / "errors.log").read_text()
        self.address = line.split()[1]

    def __enter__(self) -> Limited:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


@pytest.mark.parametrize(("soft", "hard"), [(256, 256), (256, 4096)])
def test_more_partitions_than_descriptors_can_be_written_and_read(tmp_path: Path, soft: int, hard: int) -> None:
    partitions = 600
    with Limited(tmp_path, soft, hard) as broker:
        create(broker.address, "wide", partitions)
        producer = Producer({"bootstrap.servers": broker.address, "retries": 3, "linger.ms": 5})
        failed: list[str] = []
        for index in range(partitions):
            producer.produce(
                "wide", b"x", partition=index,
                on_delivery=lambda error, _: failed.append(error.name()) if error else None,
            )  # fmt: skip
        assert producer.flush(60) == 0
        assert failed == []
        if hard == soft:  # strangers take every connection that there is, and go again
            host, _, port = broker.address.partition(":")
            held = []
            for _ in range(400):
                with suppress(OSError):
                    held.append(socket.create_connection((host, int(port)), timeout=5))
            for one in held:
                one.close()
        assert len(read_everything(broker.address, "wide", partitions)) == partitions
        assert produce(broker.address, "wide", ["again"]) == (["again"], set())
    assert "log_directory.failed" not in (tmp_path / "errors.log").read_text()


def test_a_log_that_nobody_reads_does_not_stop_the_broker(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ottla", "up", "--verbose", "--port", "0", "--data", str(tmp_path / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().split()[1]
        host, _, port = address.partition(":")
        for number in range(600):  # each makes the broker say something, more than a pipe takes
            request = f"GET /{'x' * 200}{number} HTTP/1.1\r\n\r\n".encode()
            with socket.create_connection((host, int(port)), timeout=10) as stranger:
                stranger.sendall(request)
                with suppress(ConnectionError):
                    assert stranger.recv(10) == b""
        create(address, "t")
        assert produce(address, "t", ["x"]) == (["x"], set())
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.communicate()


def test_the_worker_runs_nothing_that_lies_in_the_working_folder(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    names = "queue types random struct pickle signal threading json enum re typing functools asyncio numpy ottla"
    for name in names.split():
        (project / f"{name}.py").write_text(f"open({str(tmp_path / 'EXECUTED')!r}, 'a').write({name!r})\n")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ottla", "up", "--port", "0", "--data", str(tmp_path / "data"),
         "--set", "log.cleaner.backoff.ms=50", "--set", "ottla.http.listener=127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONSTARTUP": str(project / "queue.py")},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        broker = OttlaBroker(tmp_path)
        broker.port = int(process.stdout.readline().split(":")[1])
        fill(broker)
        size = tmp_path / "data" / "kv-0"
        until(lambda: any(path.suffix == ".deleted" for path in size.iterdir()), "a pass")
        assert not (tmp_path / "EXECUTED").exists()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_members_survive_a_broker_that_is_stopped_for_longer_than_their_session(tmp_path: Path) -> None:
    """Its clock for sessions stands still while it cannot hear anybody."""
    settings = (
        "group.consumer.min.session.timeout.ms=1000",
        "group.consumer.session.timeout.ms=3000",
        "group.consumer.min.heartbeat.interval.ms=500",
        "group.consumer.heartbeat.interval.ms=500",
    )
    with OttlaBroker(tmp_path, *settings) as broker:
        create(broker.address, "t")

        async def member() -> int:
            async with Cluster(broker.address, SystemRandom()) as cluster:
                joined = await beat(cluster, 0)
                os.kill(broker.pid, signal.SIGSTOP)
                await asyncio.to_thread(subprocess.run, ["sleep", "4"], check=True)
                os.kill(broker.pid, signal.SIGCONT)
                await cluster.send(MetadataRequest(topics=[]))  # a turn of the loop, in which timers fire
                return (await beat(cluster, joined.member_epoch)).error_code

        assert asyncio.run(member()) == 0
        assert "broker.paused" in broker.errors()
        assert "clock.jumped" not in broker.errors()


async def beat(cluster: Cluster, epoch: int) -> ConsumerGroupHeartbeatResponse:
    request = ConsumerGroupHeartbeatRequest(
        group_id="g", member_id="member", member_epoch=epoch, rebalance_timeout_ms=60_000,
        subscribed_topic_names=["t"] if epoch == 0 else None, topic_partitions=[] if epoch == 0 else None,
    )  # fmt: skip
    for _ in range(100):
        answer: ConsumerGroupHeartbeatResponse = await cluster.send_to_coordinator("g", request, lambda answer: answer)
        if answer.error_code != CoordinatorLoadInProgress.code:
            break
    return answer


def test_a_broker_without_a_standard_error_writes_no_line_into_its_files(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m ottla up --verbose --port 0 --data {tmp_path / 'data'} 2>&- <&-"
    process = subprocess.Popen(
        ["sh", "-c", command], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[1]
        create(address, "t")
        assert produce(address, "t", ["x"]) == (["x"], set())
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.communicate()
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and b"broker.st" in path.read_bytes()]


def test_a_start_on_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MB) as disk:
        with suppress(OSError), (disk / "filler").open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        error = FAR.error("up", "--port", "0", "--data", str(disk / "data"))
    assert error.startswith("the disk is full (") and "free some space" in error and "Traceback" not in error


def test_damaged_metadata_is_named_and_kept(tmp_path: Path) -> None:
    with OttlaBroker(tmp_path) as broker:
        create(broker.address, "t")
        produce(broker.address, "t", ["kept"])
    path = tmp_path / "data" / FILE_NAME
    damaged = bytearray(path.read_bytes())
    damaged[damaged.rindex(b"PLAINTEXT")] ^= 1
    path.write_bytes(damaged)
    error = FAR.error("up", "--port", "0", "--data", str(tmp_path / "data"))
    assert error.startswith(f"{path} is damaged: ") and "Put back a copy" in error and "Traceback" not in error
    assert (tmp_path / "data" / "t-0").is_dir()
    assert path.read_bytes()[: len(damaged)] == damaged


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "data").mkdir(mode=0o500)
    assert FAR.error("up", "--port", "0", "--data", str(tmp_path / "data")).startswith("no permission (")
