"""The operating system's files behind the `Files` port. Linux and macOS; the only module of the storage with `os`."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from ottla.storage.failures import SyncError
from ottla.storage.files import Buffer

_BUFFERS_MAX = 512
"""Buffers handed to one writev; POSIX promises 1024."""
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
"""Records, keys and passwords are for the broker's own user. A folder that somebody made before keeps its mode."""


_pwritev = os.pwritev


def _in_list(data: Buffer | Sequence[Buffer]) -> Sequence[Buffer]:
    return (data,) if isinstance(data, bytes | bytearray | memoryview) else data


def _open(path: str, flags: int) -> int:
    """Without O_NONBLOCK, a pipe under the name of a file would wait for its other end. Files know nothing of it."""
    try:
        return os.open(path, flags | os.O_NONBLOCK, _FILE_MODE)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, a device that is not there, a pipe that nobody reads
            raise _no_file(path) from error
        raise


def _check_regular(status: os.stat_result, path: str) -> None:
    """Raises OSError for a pipe or a device under the name of a file: no fault of the disk."""
    if not stat.S_ISREG(status.st_mode):
        raise _no_file(path)


def _no_file(path: str) -> OSError:
    return OSError(errno.EBADMSG, "it is no regular file", path)


class OsFile:
    """An open file. Appends go to the position that this object remembers: a log has one writer."""

    __slots__ = ("_end", "_fd", "path")

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd
        status = os.fstat(fd)
        _check_regular(status, path)
        self._end = status.st_size

    def append(self, data: Buffer | Sequence[Buffer]) -> int:
        position = self._end
        # `isinstance` with a union is asked once for each batch appended: 0.3 us that a list does not pay.
        buffers: Sequence[Buffer] = data if type(data) is list else _in_list(data)
        size = 0
        for buffer in buffers:
            size += len(buffer)
        try:
            written = _pwritev(self._fd, buffers, position)
            if written != size:
                self._write_rest(buffers, written, size)
        except OSError as error:
            error.filename = self.path  # calls on a descriptor name none
            self._undo(position)
            raise
        self._end = position + size
        return position

    def _write_rest(self, buffers: Sequence[Buffer], written: int, size: int) -> None:
        """A short write is no error by itself (2 GiB at once, a signal); a write that gets no further is."""
        rest = memoryview(b"".join(buffers))
        while written < size:
            more = os.pwrite(self._fd, rest[written:], self._end + written)
            if more == 0:
                raise OSError(errno.EIO, "a write came to a halt", self.path)
            written += more

    def _undo(self, position: int) -> None:
        """Only what lies past `position` may differ from what was; if this fails too, the first error counts."""
        try:
            os.ftruncate(self._fd, position)
        except OSError as error:
            raise OSError(error.errno, "a short write could not be undone", self.path) from error

    def pread(self, position: int, size_bytes: int) -> bytes:
        data = os.pread(self._fd, size_bytes, position)
        if len(data) == size_bytes or not data:
            return data
        parts, got = [data], len(data)
        while got < size_bytes and (more := os.pread(self._fd, size_bytes - got, position + got)):
            parts.append(more)
            got += len(more)
        return b"".join(parts)

    def send_to(self, socket_fd: int, position: int, size_bytes: int) -> int:
        try:
            return os.sendfile(socket_fd, self._fd, position, size_bytes)
        except OSError:
            return 0

    def pwrite(self, position: int, data: Buffer) -> None:
        view = memoryview(data)
        while len(view):
            written = os.pwrite(self._fd, view, position)
            view, position = view[written:], position + written
        self._end = max(self._end, position)

    def truncate(self, size_bytes: int) -> None:
        os.ftruncate(self._fd, size_bytes)
        self._end = size_bytes

    def reserve(self, size_bytes: int) -> None:
        if size_bytes > self._end:
            os.ftruncate(self._fd, size_bytes)

    def fsync(self) -> None:
        try:
            _sync(self._fd)
        except OSError as error:
            raise SyncError(error.errno, error.strerror, self.path) from error

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class OsLock:
    """Ends with the process, however that ends. flock excludes another holder in this process, too; lockf is what the
    JVM takes, so an Apache Kafka on the same folder is kept out as well."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class OsFiles:
    """This machine's files."""

    def open(self, path: str, *, create: bool = False) -> OsFile:
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        fd = _open(path, flags)
        try:
            return OsFile(path, fd)
        except OSError:
            os.close(fd)
            raise

    def read(self, path: str) -> bytes:
        fd = _open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            if not stat.S_ISDIR(status.st_mode):  # reading it says so
                _check_regular(status, path)
            size = status.st_size
            parts = [os.read(fd, size + 1)]
            while more := os.read(fd, 1 << 20):
                parts.append(more)
            return b"".join(parts)
        except OSError as error:
            error.filename = path  # a folder can be opened, and reading its descriptor names nothing
            raise
        finally:
            os.close(fd)

    def write_atomically(self, path: str, data: bytes) -> None:
        temporary = path + ".tmp"
        try:
            fd = _open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
            try:
                _check_regular(os.fstat(fd), temporary)
                view = memoryview(data)
                while len(view):
                    view = view[os.write(fd, view) :]
                _sync(fd)  # where this fails the old content is still there, and the next try writes a new file
            finally:
                os.close(fd)
            os.replace(temporary, path)  # noqa: PTH105 - paths are text here
        except OSError as error:
            error.filename = path
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - a full disk has no room for a half
            raise
        self.fsync_folder(path.rpartition("/")[0] or ".")

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def size(self, path: str) -> int:
        return os.stat(path).st_size  # noqa: PTH116

    def modified_ms(self, path: str) -> int:
        return os.stat(path).st_mtime_ns // 1_000_000  # noqa: PTH116

    def list_folder(self, path: str) -> list[str]:
        return sorted(os.listdir(path))  # noqa: PTH208

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(path)  # noqa: PTH112 - asked for each name of a folder that is opened: 5 us less

    def make_folder(self, path: str) -> None:
        folder = Path(path)
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):  # `parents=True` would give the parents the umask's mode
            one.mkdir(_FOLDER_MODE, exist_ok=True)
        if not missing:
            folder.mkdir(exist_ok=True)  # raises where it is a file

    def rename(self, old: str, new: str) -> None:
        os.replace(old, new)  # noqa: PTH105

    def remove(self, path: str) -> None:
        os.unlink(path)  # noqa: PTH108

    def remove_folder(self, path: str) -> None:
        folder = Path(path)
        if folder.is_symlink():
            folder.unlink()  # what it leads to is somebody's own, as for Kafka
        elif folder.is_dir():
            shutil.rmtree(path)

    def fsync_folder(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            raise SyncError(error.errno, error.strerror, path) from error
        finally:
            os.close(fd)

    def lock(self, path: str) -> OsLock:
        fd = _open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            _check_regular(os.fstat(fd), path)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return OsLock(fd)

    def usage(self, path: str) -> tuple[int, int]:
        volume = os.statvfs(path)
        return volume.f_blocks * volume.f_frsize, volume.f_bavail * volume.f_frsize


def _sync(fd: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # macOS: fsync leaves data in the drive's cache
    else:
        os.fsync(fd)
