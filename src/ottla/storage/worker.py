"""The worker process: a second Python for per-record work, which would hold up the event loop in a thread.

Messages in both directions are pickled values behind their length. It is our own code on both ends of a pipe that
nobody else has. The worker ends when its input does, so with the broker, however that ends.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

from ottla.common.errors import KafkaError
from ottla.storage.files import Job, WorkerDied, WorkerStarved
from ottla.storage.os_files import OsFiles
from ottla.storage.patience import Starvation, be_nice, be_patient, hurry, waited_s

_LENGTH = struct.Struct(">I")
_REPORT, _DONE, _FAILED = range(3)
_PATIENT = "patient"
_ISOLATED = ("-I", "-X", "utf8")
"""Nothing that lies in the working folder or in a user's own packages is imported: many projects have a queue.py."""
_BOOT = "import sys; sys.path[:] = {paths!r}; from ottla.storage.worker import main; main()"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What the worker sees of the environment: nothing that tells Python what to import or to run."""


def _paths() -> list[str]:
    """Ours, then Python's own and its packages as this process found them. What PYTHONPATH names comes last, where it
    hides no module; the working folder does not come at all."""
    source = str(Path(__file__).resolve().parents[2])
    named = [str(Path(one).resolve()) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    try:
        surroundings = {*named, source, str(Path.cwd())}
    except FileNotFoundError:  # it was removed
        surroundings = {*named, source}
    own = [one for one in sys.path if Path(one).is_absolute() and str(Path(one).resolve()) not in surroundings]
    return [source, *own, *(one for one in named if one != source)]


class WorkerProcess:
    """The broker's end of it. One job at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls, *, patient: bool) -> WorkerProcess:
        """`patient`: it runs when nothing else does, and ends a job with `WorkerStarved` if that is never."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, *_ISOLATED, "-c", _BOOT.format(paths=_paths()), *([_PATIENT] if patient else []),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )  # fmt: skip
        return cls(process)

    async def run(self, job: Job) -> AsyncIterator[Any]:
        """What the job reports. Raises what it raises, WorkerDied and WorkerStarved."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(_packed(job))
            await stdin.drain()
            while True:
                (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
                kind, value = pickle.loads(await stdout.readexactly(length))
                if kind == _DONE:
                    return
                if kind == _FAILED:
                    raise value
                yield value
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerDied(f"the worker process {self._process.pid} ended") from error

    async def end(self) -> None:
        """Kills it; what it was at is worth nothing."""
        if self._process.returncode is None:
            hurry(self._process.pid)
            try:
                self._process.kill()
            except ProcessLookupError:
                pass
        await self._process.wait()


def _packed(value: object) -> bytes:
    data = pickle.dumps(value)
    return _LENGTH.pack(len(data)) + data


# --- inside the worker


class Throttle:
    """How long to rest, so that a job stays below its bytes per second."""

    def __init__(self, bytes_per_second: float, now_s: float) -> None:
        self._bytes_per_second = max(bytes_per_second, 1.0)
        self._started_s = now_s
        self._bytes = 0

    def rest_s(self, size_bytes: int, now_s: float) -> float:
        self._bytes += size_bytes
        return max(self._bytes / self._bytes_per_second - (now_s - self._started_s), 0.0)


def _work(job: Job, output: BinaryIO, patient: bool) -> None:
    now_s = time.monotonic()
    throttle, starvation = Throttle(job.max_bytes_per_second, now_s), Starvation(now_s, waited_s())
    for step in job.steps(OsFiles()):
        if step.report is not None:
            _send(output, (_REPORT, step.report))
        now_s = time.monotonic()
        if patient and starvation.is_due(now_s) and starvation.is_starving(now_s, waited_s()):
            raise WorkerStarved("the machine has no idle time")
        rest_s = throttle.rest_s(step.size_bytes, now_s)
        if rest_s > 0:
            time.sleep(rest_s)


def _send(output: BinaryIO, message: tuple[int, object]) -> None:
    output.write(_packed(message))
    output.flush()


def _receive(source: BinaryIO, jobs: queue.SimpleQueue[Job]) -> None:
    """In a thread, so that the end of the broker is seen at once, in the middle of a job as well."""
    while True:
        head = source.read(_LENGTH.size)
        body = source.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
        if not body:
            os._exit(0)
        jobs.put(pickle.loads(body))


def _portable(error: BaseException) -> Exception:
    """An exception that the other side can be sent."""
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror, error.filename)
    if isinstance(error, KafkaError):
        return type(error)(error.message)
    if isinstance(error, WorkerStarved):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def main() -> None:
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the broker, which then ends this process
    patient = _PATIENT in sys.argv[1:] and be_patient()
    if not patient:
        be_nice()
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        job = jobs.get()
        try:
            _work(job, output, patient)
        except Exception as error:
            _send(output, (_FAILED, _portable(error)))
        else:
            _send(output, (_DONE, None))


if __name__ == "__main__":
    main()
