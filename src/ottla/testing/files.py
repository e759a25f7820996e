"""`SimFiles`: the `Files` port on a disk in memory that can lose power, fail and fill up.

A `SimFiles` is one process's view of a `Disk`. `kill()` and `crash()` end that process: its view and its open files
raise `Crashed` from then on, so nothing that was left running can still write; the next process continues on the view
that they return.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from ottla.common.clock import Clock
from ottla.testing.clock import SimClock, SimRandom
from ottla.testing.disk import CrashMode, Disk, FileNode, FolderNode, Node
from ottla.testing.errors import Crashed, NotDeterministic
from ottla.testing.open_file import SimFile, SimLock, os_error
from ottla.testing.trace import Trace

__all__ = ["CHANGES", "CrashMode", "Crashed", "SimFile", "SimFiles", "SimLock"]

TOTAL_BYTES = 1 << 40

CHANGES = frozenset(
    ("create", "append", "pwrite", "truncate", "fsync", "make_folder", "rename", "remove", "fsync_folder", "lock")
)
"""The kinds of operation that change the disk or make it durable: the possible kill points."""

_ROOM = frozenset(("create", "append", "pwrite", "make_folder", "rename"))
_DESCRIPTORS = frozenset(("open", "create", "read", "fsync_folder"))
_NEEDS = {
    errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EMFILE: _DESCRIPTORS, errno.ENFILE: _DESCRIPTORS,
    errno.ENOMEM: (CHANGES | frozenset(("open", "read", "pread"))) - frozenset(("fsync", "lock")),
}  # fmt: skip
"""Which kinds of operation an error of the operating system can come from, where something is lacking for a while."""


class SimFiles:
    """One process's files. Paths are text with `/`; absolute and relative ones start at the same root.

    on_operation: called with (kind, path) before every operation; what it raises comes out of the operation, which
        then has not happened. Kinds: those in `CHANGES`, and "pread", "read", "open".
    on_crash: called when a crash planned with `crash_at` happens, before `Crashed` is raised.
    operations: how many operations of the kinds in `CHANGES` have begun; `write_atomically` is made of several.
    full_after_bytes: writes that would exceed what is left raise ENOSPC and change nothing; None is without limit.
    read_only: changes raise EROFS.
    refused: how many operations were, for what is lacking (see `lack`).
    serving: a broker serves on this disk, so that its loop must not do what takes long: fsyncs and removals of whole
        folders raise unless a thread makes them (`in_thread`).
    """

    def __init__(self, clock: Clock | None = None, trace: Trace | None = None, disk: Disk | None = None) -> None:
        self.clock: Clock = clock if clock is not None else SimClock()
        self.trace = trace
        self.disk = disk if disk is not None else Disk()
        self.on_operation: Callable[[str, str], None] | None = None
        self.on_crash: Callable[[], None] | None = None
        self.operations = 0
        self.open_files = 0
        self.full_after_bytes: int | None = None
        self.read_only = False
        self.refused = 0
        self.serving = False
        self.in_thread = False
        self._lacking: tuple[int, int | None] | None = None
        self._failing: dict[int, tuple[int, int | None]] = {}
        self._failing_fsyncs: list[str] = []
        self._dead = False

    # -- the end of a process, and faults ------------------------------------------------------------------------

    def kill(self) -> SimFiles:
        """Ends the process: everything written stays, locks are released. The view of the next process."""
        self._end()
        for path in [path for path, holder in self.disk.locks.items() if holder is self]:
            del self.disk.locks[path]
        return SimFiles(self.clock, self.trace, self.disk)

    def crash(self, random: SimRandom, mode: CrashMode = CrashMode.SCATTERED) -> SimFiles:
        """Cuts the power: the view of the next process on what survived of all that was not fsynced.

        Call it on any one view if several processes share the disk, and use what it returns for all of them.
        """
        self._end()
        if self.trace is not None:
            self.trace.add(f"disk crash {mode.value}")
        return SimFiles(self.clock, self.trace, self.disk.after_power_cut(random, mode))

    def another_process(self) -> SimFiles:
        """The view of a second live process on the same disk."""
        return SimFiles(self.clock, self.trace, self.disk)

    def crash_at(self, operation: int, *, torn_bytes: int | None = None) -> None:
        """The n-th change from now (0 is the next) does not happen: `Crashed`, and this view is dead.

        With `torn_bytes`, a write first leaves that many bytes of itself: a kill in the middle of it.
        """
        self._failing[self.operations + operation] = (0, torn_bytes)

    def fail_at(self, operation: int, error: int = errno.EIO) -> None:
        """The n-th change from now (0 is the next) raises OSError(error) and does not happen."""
        self._failing[self.operations + operation] = (error, None)

    def lack(self, error: int | None, operations: int | None = None) -> None:
        """From now on what ENOSPC, EDQUOT, EMFILE, ENFILE or ENOMEM can refuse is refused, so many times or until
        `lack(None)`. An fsync is never refused so: that would not pass."""
        self._lacking = None if error is None else (error, operations)

    def _refuse(self, kind: str, path: str) -> None:
        assert self._lacking is not None
        error, left = self._lacking
        if kind not in _NEEDS[error]:
            return
        self.refused += 1
        if left is not None:
            self._lacking = (error, left - 1) if left > 1 else None
        raise os_error(error, path)

    def fail_fsync(self, path: str) -> None:
        """The next fsync of the file raises EIO, and what it should have saved is lost at a power cut for ever."""
        self._failing_fsyncs.append(_clean(path))

    def _end(self) -> None:
        self._dead = True

    # -- the port --------------------------------------------------------------------------------------------------

    def open(self, path: str, *, create: bool = False) -> SimFile:
        self.begin("open", path)
        node = self._find(path)
        if isinstance(node, FolderNode):
            raise os_error(errno.EISDIR, path)
        if node is None:
            if not create:
                raise os_error(errno.ENOENT, path)
            self.begin("create", path)
            node = FileNode(modified_ms=self.clock.now_ms())
            folder, name = self._parent(path)
            self.disk.change_names((folder, name, node))
        self.open_files += 1
        return SimFile(self, path, node)

    def read(self, path: str) -> bytes:
        self.begin("read", path)
        return bytes(self._file(path).content)

    def write_atomically(self, path: str, data: bytes) -> None:
        temporary = f"{path}.tmp"
        file = self.open(temporary, create=True)
        try:
            file.truncate(0)
            file.append(data)
            file.fsync()
        finally:
            file.close()
        self.rename(temporary, path)
        self.fsync_folder(path.rpartition("/")[0])

    def exists(self, path: str) -> bool:
        self.check_alive()
        return self._find(path) is not None

    def size(self, path: str) -> int:
        self.check_alive()
        return len(self._file(path).content)

    def modified_ms(self, path: str) -> int:
        self.check_alive()
        return self._file(path).modified_ms

    def list_folder(self, path: str) -> list[str]:
        self.check_alive()
        return sorted(self._folder(path).entries)

    def is_folder(self, path: str) -> bool:
        self.check_alive()
        return isinstance(self._find(path), FolderNode)

    def make_folder(self, path: str) -> None:
        folder = self.disk.root
        for name in _names(path):
            node = folder.entries.get(name)
            if node is None:
                self.begin("make_folder", path)
                node = FolderNode()
                self.disk.change_names((folder, name, node))
            if isinstance(node, FileNode):
                raise os_error(errno.EEXIST if name == _names(path)[-1] else errno.ENOTDIR, path)
            folder = node

    def rename(self, old: str, new: str) -> None:
        self.begin("rename", f"{_clean(old)} to {_clean(new)}")
        node, target = self._find(old), self._find(new)
        if node is None:
            raise os_error(errno.ENOENT, old)
        if isinstance(target, FolderNode) and isinstance(node, FileNode):
            raise os_error(errno.EISDIR, new)
        if isinstance(node, FolderNode) and isinstance(target, FileNode):
            raise os_error(errno.ENOTDIR, new)
        if isinstance(target, FolderNode) and target.entries and target is not node:
            raise os_error(errno.ENOTEMPTY, new)
        old_folder, old_name = self._parent(old)
        new_folder, new_name = self._parent(new)
        if node is not target:
            self.disk.change_names((old_folder, old_name, None), (new_folder, new_name, node))

    def remove(self, path: str) -> None:
        self.begin("remove", path)
        self._file(path)
        folder, name = self._parent(path)
        self.disk.change_names((folder, name, None))

    def remove_folder(self, path: str) -> None:
        self.check_alive()
        if self.serving and not self.in_thread:
            raise NotDeterministic(f"remove_folder {path} on the loop of a broker that serves; use the Offload port")
        node = self._find(path)
        if node is None:
            return
        if isinstance(node, FileNode):
            raise os_error(errno.ENOTDIR, path)
        for name in sorted(node.entries):
            inner = f"{path}/{name}"
            if isinstance(node.entries[name], FolderNode):
                self.remove_folder(inner)
            else:
                self.remove(inner)
        self.begin("remove", path)
        folder, name = self._parent(path)
        self.disk.change_names((folder, name, None))

    def fsync_folder(self, path: str) -> None:
        self.begin("fsync_folder", path)
        self._folder(path).settle()

    def lock(self, path: str) -> SimLock:
        self.begin("lock", path)
        if _clean(path) in self.disk.locks:
            raise os_error(errno.EWOULDBLOCK, path)
        self.open(path, create=True).close()
        self.disk.locks[_clean(path)] = self
        return SimLock(self.disk, _clean(path))

    def usage(self, path: str) -> tuple[int, int]:
        self.check_alive()
        self._existing(path)
        free = TOTAL_BYTES if self.full_after_bytes is None else self.full_after_bytes
        return TOTAL_BYTES, free

    # -- inside ----------------------------------------------------------------------------------------------------

    def check_alive(self) -> None:
        if self._dead:
            raise Crashed("this process has ended; continue on the view that kill() or crash() returned")

    def begin(self, kind: str, path: str, data: bytes = b"", write: Callable[[int], None] | None = None) -> None:
        """Counts and traces an operation, and raises what was planned for it."""
        self.check_alive()
        if self.trace is not None:
            self.trace.add(f"file {kind} {_clean(path)}", data)
        if self.on_operation is not None:
            self.on_operation(kind, _clean(path))
        if self.serving and not self.in_thread and kind in ("fsync", "fsync_folder"):
            raise NotDeterministic(f"{kind} {path} on the loop of a broker that serves; use the Offload port")
        if self._lacking is not None:
            self._refuse(kind, path)
        if kind not in CHANGES:
            return
        error, torn_bytes = self._failing.pop(self.operations, (None, None))
        self.operations += 1
        if error == 0:
            if torn_bytes is not None and write is not None:
                write(torn_bytes)
            self._end()
            if self.on_crash is not None:
                self.on_crash()
            raise Crashed(f"killed before {kind} {path}")
        if error is not None:
            raise os_error(error, path)
        if self.read_only:
            raise os_error(errno.EROFS, path)

    def take_space(self, path: str, size_bytes: int) -> None:
        if self.full_after_bytes is None:
            return
        if size_bytes > self.full_after_bytes:
            raise os_error(errno.ENOSPC, path)
        self.full_after_bytes -= size_bytes

    def fsync_fails(self, path: str) -> bool:
        if _clean(path) not in self._failing_fsyncs:
            return False
        self._failing_fsyncs.remove(_clean(path))
        return True

    def _find(self, path: str) -> Node | None:
        node: Node = self.disk.root
        for name in _names(path):
            if isinstance(node, FileNode):
                return None
            found = node.entries.get(name)
            if found is None:
                return None
            node = found
        return node

    def _existing(self, path: str) -> Node:
        node = self._find(path)
        if node is None:
            raise os_error(errno.ENOENT, path)
        return node

    def _file(self, path: str) -> FileNode:
        node = self._existing(path)
        if isinstance(node, FolderNode):
            raise os_error(errno.EISDIR, path)
        return node

    def _folder(self, path: str) -> FolderNode:
        node = self._existing(path)
        if isinstance(node, FileNode):
            raise os_error(errno.ENOTDIR, path)
        return node

    def _parent(self, path: str) -> tuple[FolderNode, str]:
        *names, last = _names(path)
        return self._folder("/".join(names)), last


def _names(path: str) -> list[str]:
    names = [name for name in path.split("/") if name not in ("", ".")]
    assert ".." not in names, f"{path}: paths must not go up"
    return names


def _clean(path: str) -> str:
    return "/".join(_names(path)) if " to " not in path else path
