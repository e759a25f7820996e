"""What a person decides about a stray, while no broker runs. Each answer is a sentence that says what was done."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ottla.common.clock import Random
from ottla.common.names import TopicPartition
from ottla.metadata.follower import stored_image
from ottla.storage.checkpoints import partition_metadata
from ottla.storage.files import Files
from ottla.storage.identity import LOCK
from ottla.storage.paths import (
    PARTITION_METADATA,
    STRAY_FOLDER,
    doomed_folder_name,
    parse_stray_folder,
)
from ottla.storage.survey import holds_a_log

if TYPE_CHECKING:
    from ottla.metadata.store import MetadataStore


class StrayProblem(Exception):
    """Why it cannot be done, for people."""


async def known_topics(store: MetadataStore) -> frozenset[bytes]:
    """Ids of the topics that the metadata has; none where there is no store. Raises StoreError."""
    try:
        stored = await store.peek()
        if stored is None:
            return frozenset()
        image = await stored_image(store, stored.cluster_id)
        return frozenset(map(bytes, image.topics_by_id))
    finally:
        await store.close()


def restore_stray(files: Files, folder: str, name: str, topics: Container[bytes]) -> str:
    """The stray gets the partition's name again.

    If it was set aside in place of a partition of one of `topics`, it gets that topic's id: a person says that it is
    this topic's. Raises StrayProblem, OSError.
    """
    partition = _partition(name)
    target = f"{folder}/{partition}"
    wanted = _unique(name)
    with _locked(files, folder):
        if files.exists(target):
            _give_way(files, target)
        files.rename(f"{folder}/{name}", target)
        files.fsync_folder(folder)
        if wanted in topics:
            files.write_atomically(f"{target}/{PARTITION_METADATA}", partition_metadata(wanted))
    if wanted in topics:
        return f"{name} is {partition} again"
    return f"{name} is {partition} again; `ottla log adopt {folder}` adds its topic if the metadata does not have it"


def release_stray(files: Files, folder: str, name: str, random: Random) -> str:
    """The stray is kept under another name, under which it stands in nobody's way. Raises StrayProblem, OSError."""
    new = doomed_folder_name(_partition(name), random.bytes(16), STRAY_FOLDER)
    with _locked(files, folder):
        files.rename(f"{folder}/{name}", f"{folder}/{new}")
        files.fsync_folder(folder)
    return f"{name} is called {new} now; its partition may begin anew"


def remove_stray(files: Files, folder: str, name: str) -> str:
    """Raises StrayProblem, OSError."""
    _partition(name)
    with _locked(files, folder):
        files.remove_folder(f"{folder}/{name}")
    return f"{name} is deleted"


def _unique(name: str) -> bytes:
    """The 16 bytes in a stray's name: random, or the id of the topic in place of whose partition it was set aside."""
    return bytes.fromhex(name.removesuffix(STRAY_FOLDER).rpartition(".")[2])


def _partition(name: str) -> TopicPartition:
    partition = parse_stray_folder(name)
    if partition is None:
        raise StrayProblem(f"{name} is not the name of a stray")
    return partition


def _give_way(files: Files, target: str) -> None:
    """Only an empty folder does: what has been written since is not thrown away for what was before."""
    if not files.is_folder(target) or holds_a_log(files, target):
        raise StrayProblem(f"{target} is there and holds records of its own; move it away first")
    files.remove_folder(target)


@contextmanager
def _locked(files: Files, folder: str) -> Iterator[None]:
    try:
        lock = files.lock(f"{folder}/{LOCK}")
    except BlockingIOError:
        raise StrayProblem(f"{folder} is in use by a broker; stop it first") from None
    try:
        yield
    finally:
        lock.release()
