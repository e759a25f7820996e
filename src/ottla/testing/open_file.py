"""An open file and a held lock of the simulated disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ottla.storage.failures import SyncError
from ottla.storage.files import Buffer
from ottla.testing.disk import Disk, FileNode

if TYPE_CHECKING:
    from ottla.testing.files import SimFiles

IOV_MAX = 1024
"""Buffers that one call takes, on Linux and macOS."""


def os_error(code: int, path: str) -> OSError:
    """As the operating system raises it: FileNotFoundError for ENOENT, and so on."""
    return OSError(code, os.strerror(code), path)


class SimFile:
    """An open file. It stays usable after its name was renamed or removed, as on Linux."""

    def __init__(self, files: SimFiles, path: str, node: FileNode) -> None:
        self.path = path
        self._files = files
        self._node: FileNode | None = node
        self._end: int | None = None
        """Where appends go while a reserved rest lies behind it."""

    def append(self, data: Buffer | Sequence[Buffer]) -> int:
        if not isinstance(data, bytes | bytearray | memoryview) and len(data) > IOV_MAX:
            raise os_error(errno.EINVAL, self.path)  # as the operating system does
        joined = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b"".join(data)
        position = len(self._open_node().content) if self._end is None else self._end
        self._write("append", position, joined)
        if self._end is not None:
            self._end += len(joined)
        return position

    def pread(self, position: int, size_bytes: int) -> bytes:
        self._files.begin("pread", self.path)
        with memoryview(self._open_node().content) as view:
            return bytes(view[position : position + size_bytes])

    def send_to(self, socket_fd: int, position: int, size_bytes: int) -> int:
        return 0  # a simulated connection has no file descriptor

    def pwrite(self, position: int, data: Buffer) -> None:
        self._write("pwrite", position, bytes(data))

    def _write(self, kind: str, position: int, data: bytes) -> None:
        node, files = self._open_node(), self._files
        now_ms = files.clock.now_ms()
        files.begin(kind, self.path, data, lambda torn: node.write(position, data[:torn], now_ms))
        files.take_space(self.path, len(data))
        node.write(position, data, now_ms)

    def truncate(self, size_bytes: int) -> None:
        node = self._open_node()
        self._files.begin("truncate", self.path)
        node.truncate(size_bytes, self._files.clock.now_ms())
        self._end = None

    def reserve(self, size_bytes: int) -> None:
        node = self._open_node()
        end = len(node.content) if self._end is None else self._end
        if size_bytes > end:
            self.truncate(size_bytes)
            self._end = end

    def fsync(self) -> None:
        node = self._open_node()
        try:
            self._files.begin("fsync", self.path)
        except OSError as error:
            node.doom()
            raise SyncError(error.errno, error.strerror, self.path) from error
        if self._files.fsync_fails(self.path):
            node.doom()
            raise SyncError(errno.EIO, os.strerror(errno.EIO), self.path)
        node.settle()

    def size(self) -> int:
        self._files.check_alive()
        return len(self._open_node().content)

    def close(self) -> None:
        if self._node is not None:
            self._files.open_files -= 1
            self._node = None

    def _open_node(self) -> FileNode:
        if self._node is None:
            raise os_error(errno.EBADF, self.path)
        return self._node


class SimLock:
    """A held lock file."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path: str | None = path

    def release(self) -> None:
        if self._path is not None:
            self._disk.locks.pop(self._path, None)
            self._path = None
