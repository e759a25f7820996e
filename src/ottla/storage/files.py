"""The disk as a port: what the storage asks of it, and in which order things become durable.

Rules that every implementation keeps, and that the simulated disk uses to lose and tear data:

- `append`, `pwrite` and `truncate` reach the page cache at once: every later `pread` of this process sees them, and
  they survive a kill of the process. They survive a power cut only after `File.fsync` returned.
- A new name (create, rename, remove, make_folder) survives a power cut only after `Files.fsync_folder` of its parent.
- An error of the operating system comes out as OSError, and `ottla.storage.failures` says how far it reaches. After a
  failed fsync (SyncError) the file's state is unknown: never retry it (the log directory goes offline instead).

All calls are synchronous. Their callers hand those that may take long (fsync, reads of cold data) to `Offload`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

Buffer = bytes | bytearray | memoryview
Result = TypeVar("Result")


class File(Protocol):
    """An open file. Positions and sizes are bytes."""

    path: str

    def append(self, data: Buffer | Sequence[Buffer]) -> int:
        """Writes everything at the end, 1024 buffers at most; the position where it began. A short write is undone and
        raised as OSError."""
        ...

    def pread(self, position: int, size_bytes: int) -> bytes:
        """At most `size_bytes`; fewer only at the end of the file."""
        ...

    def send_to(self, socket_fd: int, position: int, size_bytes: int) -> int:
        """Sends to a socket that does not block, without a copy in this process; the number of bytes that it took.

        0 when the socket is full, at the end of the file, and after an error: `pread` and the transport tell which.
        """
        ...

    def pwrite(self, position: int, data: Buffer) -> None:
        """Overwrites in place; may extend the file."""
        ...

    def truncate(self, size_bytes: int) -> None: ...

    def reserve(self, size_bytes: int) -> None:
        """Makes the file at least so large, with zeros; this object goes on appending where it was. `truncate` gives
        back what was not used."""
        ...

    def fsync(self) -> None: ...

    def size(self) -> int: ...

    def close(self) -> None:
        """Idempotent. Does not fsync."""
        ...


class Lock(Protocol):
    """A lock on a folder, held until released or the process ends."""

    def release(self) -> None: ...


class Files(Protocol):
    """The folders and names of one machine. Paths are text with `/`."""

    def open(self, path: str, *, create: bool = False) -> File:
        """For reading and appending. Raises FileNotFoundError unless `create`; an existing file is kept as it is."""
        ...

    def read(self, path: str) -> bytes:
        """The whole file. Raises FileNotFoundError."""
        ...

    def write_atomically(self, path: str, data: bytes) -> None:
        """Temporary file, fsync, rename over `path`, fsync of the folder: a crash leaves the old or the new content."""
        ...

    def exists(self, path: str) -> bool: ...

    def size(self, path: str) -> int: ...

    def modified_ms(self, path: str) -> int:
        """Last change of the content, wall clock in ms (for segments without a timestamp)."""
        ...

    def list_folder(self, path: str) -> list[str]:
        """Sorted names. Raises FileNotFoundError."""
        ...

    def is_folder(self, path: str) -> bool: ...

    def make_folder(self, path: str) -> None:
        """With parents; an existing folder is fine."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Atomic; replaces an existing file."""
        ...

    def remove(self, path: str) -> None:
        """A file that is absent is an error (FileNotFoundError)."""
        ...

    def remove_folder(self, path: str) -> None:
        """With everything in it; absent is fine."""
        ...

    def fsync_folder(self, path: str) -> None: ...

    def lock(self, path: str) -> Lock:
        """Takes the lock file (created if needed) or raises BlockingIOError when another process holds it."""
        ...

    def usage(self, path: str) -> tuple[int, int]:
        """(total, usable) bytes of the volume that holds `path`."""
        ...


class Step(NamedTuple):
    """A piece of a job that is done: the bytes that it read and wrote, and what it has to report, if anything."""

    size_bytes: int
    report: Any = None


class Job(Protocol):
    """Work for a worker process: a value, so that it can be sent there, and so can what it reports."""

    @property
    def max_bytes_per_second(self) -> float:
        """The work rests between steps so as to keep below it."""
        ...

    def steps(self, files: Files) -> Iterator[Step]:
        """Does the work, a small part in each step."""
        ...


class WorkerDied(Exception):
    """The worker process ended in the middle of a job. The next job gets a new one."""


class WorkerStarved(Exception):
    """The worker process got no processor time, and gave the job up. The next job's worker competes for it."""


class Offload(Protocol):
    """Work off the event loop: calls that free the GIL nearly all their time, and jobs for a worker process."""

    async def run(self, call: Callable[[], Result]) -> Result:
        """The result of `call`, or its exception. The simulator runs it as a step of its own, after other events."""
        ...

    def run_worker(self, job: Job) -> AsyncGenerator[Any, None]:
        """What the job reports, as it does. Raises what the job raises (OSError, KafkaError), WorkerDied and
        WorkerStarved. Close it when you break off.

        One job at a time. The simulator runs each step with other events in between.
        """
        ...

    async def end_worker(self) -> None:
        """Ends the worker process, if there is one, whatever it does. The next job starts another."""
        ...
