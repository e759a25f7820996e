"""The inside of a simulated disk: folders and files that remember what is durable and what is only written.

A file holds its current content and, for every change since the last fsync, what undoes it. A power cut undoes them all
and then replays those that happened to reach the platter: some, none, a part of one. Names work the same way: a folder
holds its entries as the process sees them, the durable ones, and the operations between the two.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from ottla.testing.clock import SimRandom


class CrashMode(enum.Enum):
    """What a power cut does to that which was not fsynced."""

    LOSE = "lose"
    """Everything is lost."""
    KEEP = "keep"
    """Everything survives, as after a lucky flush."""
    TORN = "torn"
    """In each file the changes survive up to a random one, and that one is torn. Names survive up to a random one."""
    SCATTERED = "scattered"
    """Each change survives, tears or is lost by itself: a later one may survive an earlier one that did not."""


class ChangeState(enum.Enum):
    PENDING = "pending"
    DURABLE = "durable"
    DOOMED = "doomed"
    """Its fsync failed: the page is clean for the system, but was never written. No later fsync saves it."""


@dataclass(slots=True)
class Change:
    """One change of a file's content, and what undoes it. Positions and sizes are bytes."""

    position: int
    size: int | None
    """Bytes written at `position`; None if the file was truncated or extended to `position`."""
    before: bytes
    """What the change overwrote or cut off."""
    size_before: int
    state: ChangeState = ChangeState.PENDING


class FileNode:
    """A file without its name."""

    def __init__(self, content: bytes | bytearray = b"", modified_ms: int = 0) -> None:
        self.content = bytearray(content)
        self.modified_ms = modified_ms
        self.changes: list[Change] = []

    def write(self, position: int, data: bytes, now_ms: int) -> None:
        if not data:
            return
        end, size_before = position + len(data), len(self.content)
        self.changes.append(Change(position, len(data), bytes(self.content[position:end]), size_before))
        if position > size_before:
            self.content.extend(bytes(position - size_before))
        self.content[position:end] = data
        self.modified_ms = now_ms

    def truncate(self, size: int, now_ms: int) -> None:
        size_before = len(self.content)
        self.changes.append(Change(size, None, bytes(self.content[size:]), size_before))
        if size < size_before:
            del self.content[size:]
        else:
            self.content.extend(bytes(size - size_before))
        self.modified_ms = now_ms

    def settle(self) -> None:
        """fsync has returned: what is pending is durable now."""
        if all(change.state is not ChangeState.DOOMED for change in self.changes):
            self.changes.clear()
        for change in self.changes:
            if change.state is ChangeState.PENDING:
                change.state = ChangeState.DURABLE

    def doom(self) -> None:
        """fsync has failed: what is pending can no longer become durable, though it stays readable until a crash."""
        for change in self.changes:
            if change.state is ChangeState.PENDING:
                change.state = ChangeState.DOOMED

    def durable_content(self) -> bytes:
        """What survives any power cut."""
        return bytes(self.after_power_cut(SimRandom(0), CrashMode.LOSE).content)

    def after_power_cut(self, random: SimRandom, mode: CrashMode) -> FileNode:
        """The file as it is found afterwards; this one is left as it was."""
        content = bytearray(self.content)
        replay: list[tuple[Change, bytes]] = []
        for change in reversed(self.changes):
            written = b"" if change.size is None else bytes(content[change.position : change.position + change.size])
            replay.append((change, written))
            del content[change.size_before :]
            content[change.position : change.position + len(change.before)] = change.before
        replay.reverse()
        pending = sum(change.state is ChangeState.PENDING for change, _ in replay)
        cut = random.below(pending + 1) if mode is CrashMode.TORN else 0
        index = 0
        for change, written in replay:
            if change.state is ChangeState.DURABLE:
                _apply(content, change, written)
            elif change.state is ChangeState.PENDING:
                _survive(content, change, written, _fate(random, mode, index, cut), random)
                index += 1
        return FileNode(content, self.modified_ms)


def _fate(random: SimRandom, mode: CrashMode, index: int, cut: int) -> str:
    if mode is CrashMode.LOSE:
        return "lost"
    if mode is CrashMode.KEEP:
        return "kept"
    if mode is CrashMode.TORN:
        return "kept" if index < cut else "torn" if index == cut else "lost"
    return random.choice(("lost", "kept", "torn"))


def _apply(content: bytearray, change: Change, written: bytes) -> None:
    if len(content) < change.position:
        content.extend(bytes(change.position - len(content)))
    if change.size is None:
        del content[change.position :]
    else:
        content[change.position : change.position + len(written)] = written


def _survive(content: bytearray, change: Change, written: bytes, fate: str, random: SimRandom) -> None:
    if fate == "kept":
        _apply(content, change, written)
    if fate != "torn" or change.size is None:
        return
    kept = random.below(len(written) + 1)
    rest = len(written) - kept
    _apply(content, change, written[:kept])
    grows = change.position + len(written) - max(len(content), change.position + kept)
    fill = random.choice(("nothing", "nothing", "zeros", "garbage"))
    if fill != "nothing" and grows == rest:  # the size reached the disk before the data did
        content.extend(bytes(rest) if fill == "zeros" else random.bytes(rest))


@dataclass(eq=False, slots=True)
class NameOperation:
    """One atomic change of names: a create, a removal or a rename, perhaps across folders."""

    sequence: int
    changes: list[tuple[FolderNode, str, Node | None, Node | None]]
    """(folder, name, node before, node after)."""
    certain: bool = False
    """One of its folders was fsynced, so the whole of it survives."""


class FolderNode:
    """A folder without its name."""

    def __init__(self) -> None:
        self.entries: dict[str, Node] = {}
        self.durable: dict[str, Node] = {}
        self.pending: list[NameOperation] = []

    def settle(self) -> None:
        """The folder was fsynced: its names are durable."""
        self.durable = dict(self.entries)
        for operation in self.pending:
            operation.certain = True
        self.pending.clear()


Node = FileNode | FolderNode


@dataclass(slots=True)
class Disk:
    """One machine's disk: it outlives the processes that use it."""

    root: FolderNode = field(default_factory=FolderNode)
    locks: dict[str, object] = field(default_factory=dict)
    """Lock file to the process that holds it."""
    sequence: int = 0

    def change_names(self, *changes: tuple[FolderNode, str, Node | None]) -> None:
        """One atomic operation: in each folder, `name` now means the node, or nothing."""
        self.sequence += 1
        operation = NameOperation(self.sequence, [])
        for folder, name, after in changes:
            operation.changes.append((folder, name, folder.entries.get(name), after))
            if after is None:
                folder.entries.pop(name, None)
            else:
                folder.entries[name] = after
            if operation not in folder.pending:
                folder.pending.append(operation)

    def after_power_cut(self, random: SimRandom, mode: CrashMode) -> Disk:
        """A new disk with what survived; everything that did is durable. Locks are gone."""
        folders = {folder: dict(folder.durable) for folder in self._folders(self.root)}
        pending = {operation.sequence: operation for folder in folders for operation in folder.pending}
        operations = [pending[sequence] for sequence in sorted(pending)]
        cut = random.below(len(operations) + 1) if mode is CrashMode.TORN else 0
        for index, operation in enumerate(operations):
            kept = mode is CrashMode.KEEP or (mode is CrashMode.TORN and index < cut)
            if operation.certain or kept or (mode is CrashMode.SCATTERED and random.chance(0.5)):
                _rename_survivor(folders, operation)
        return Disk(_rebuilt(self.root, folders, random, mode), sequence=self.sequence)

    def _folders(self, folder: FolderNode) -> Iterator[FolderNode]:
        """Every folder that is reachable now or was when names were last made durable; may repeat one."""
        yield folder
        for entries in (folder.entries, folder.durable):
            for node in entries.values():
                if isinstance(node, FolderNode):
                    yield from self._folders(node)


def _rename_survivor(folders: dict[FolderNode, dict[str, Node]], operation: NameOperation) -> None:
    """Applies what a surviving operation did, unless what it removes never came to be: no file gets two names."""
    changes = [change for change in operation.changes if operation in change[0].pending]
    if not operation.certain and any(
        after is None and folders[folder].get(name) is not before for folder, name, before, after in changes
    ):
        return
    for folder, name, _, after in changes:
        if after is None:
            folders[folder].pop(name, None)
        else:
            folders[folder][name] = after


def _rebuilt(
    folder: FolderNode, folders: dict[FolderNode, dict[str, Node]], random: SimRandom, mode: CrashMode
) -> FolderNode:
    result = FolderNode()
    for name, node in sorted(folders[folder].items()):
        if isinstance(node, FileNode):
            result.entries[name] = node.after_power_cut(random, mode)
        else:
            result.entries[name] = _rebuilt(node, folders, random, mode)
    result.durable = dict(result.entries)
    return result
