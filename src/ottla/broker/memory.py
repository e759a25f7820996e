"""What this broker's directories remember of the cluster's metadata and of each other, and when it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottla.broker.setting_forms import forgotten_directories
from ottla.storage.seen import SEEN, Seen

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.storage.directory import LogDirectory


class Memory:
    """Keeps `ottla-checkpoint` in each directory (`storage.seen`): from the start on, as the metadata grows.

    A directory that is not there stays in it, so that the next start misses it as well.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lost: dict[bytes, str] = {}
        self._written: Seen | None = None

    def begin(self, lost: Mapping[bytes, str]) -> None:
        """The directories are open and the image is loaded. `lost`: directories that are remembered and not there.

        Those of the last registration count too: an earlier version remembered nothing.
        """
        node = self._node
        self._lost = dict(lost)
        registered = node.image.brokers.get(node.node_id)
        present = {directory.directory_id for directory in node.directories}
        for one in registered.log_dirs if registered is not None else ():
            if one not in present and one not in forgotten_directories(node.settings):
                self._lost.setdefault(one, "")

    @property
    def incomplete(self) -> bool:
        """A directory that this broker once had is not there, or cannot be used."""
        return bool(self._lost) or any(directory.offline for directory in self._node.directories)

    async def write(self) -> None:
        """Writes it down if it has changed since."""
        seen = self._present()
        if seen == self._written:
            return
        for directory in self._node.usable_directories():
            await self._write_one(directory, seen)
        self._written = seen

    async def _write_one(self, directory: LogDirectory, seen: Seen) -> None:
        node = self._node
        try:
            await node.offload.run(lambda: node.files.write_atomically(f"{directory.path}/{SEEN}", seen.encode()))
        except OSError as error:  # it only spares a later start from an older copy of the metadata
            node.log.warn("log_directory.memory_not_written", folder=directory.path, error=str(error))

    def _present(self) -> Seen:
        node = self._node
        here = {one.directory_id: one.path for one in node.directories if any(one.directory_id)}
        return Seen(node.cluster_id, node.image.end_offset, {**self._lost, **here})
