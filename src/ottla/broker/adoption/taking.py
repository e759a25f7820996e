"""Takes folders over: looks at them under their locks, asks `plan`, and writes the metadata store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.broker.adoption.holdings import Holdings, look
from ottla.broker.adoption.kafka_log import UnreadableMetadata, read_kafka_image
from ottla.broker.adoption.plan import CannotAdopt, Consent, Plan, plan
from ottla.common.clock import Random, random_uuid
from ottla.metadata.follower import stored_image
from ottla.metadata.image import ClusterImage
from ottla.metadata.records import encode_records
from ottla.metadata.store import StoreError
from ottla.storage.identity import LOCK, DirectoryUnusable
from ottla.storage.seen import SEEN, Seen
from ottla.storage.survey import KAFKA_METADATA

if TYPE_CHECKING:
    from ottla.metadata.store import MetadataStore
    from ottla.storage.files import Files


async def adopt(
    files: Files, paths: list[str], store: MetadataStore, random: Random, consent: Consent, *, dry_run: bool
) -> Plan:
    """Takes the folders of one broker over, which does not run; `store` is the one in the first of them.

    A store that is there already is kept, and what it does not know is added. With `dry_run` nothing changes.
    Raises CannotAdopt, OSError.
    """
    try:
        with _locked(files, paths):
            return await _adopt(files, paths, store, random, consent, dry_run)
    except (DirectoryUnusable, UnreadableMetadata, StoreError) as error:
        raise CannotAdopt(str(error)) from error
    finally:
        await store.close()


async def _adopt(
    files: Files, paths: list[str], store: MetadataStore, random: Random, consent: Consent, dry_run: bool
) -> Plan:
    stored = await store.peek()
    kafka = [path for path in paths if files.is_folder(f"{path}/{KAFKA_METADATA}")]
    lost = stored is not None or not kafka
    holdings = look(files, paths, producers=lost)
    if not holdings.partitions and not kafka:
        raise CannotAdopt(f"there is nothing to take over: no partition in {', '.join(paths)}")
    if stored is not None:
        image = await stored_image(store, stored.cluster_id)
    else:
        image = read_kafka_image(files, f"{kafka[0]}/{KAFKA_METADATA}") if kafka else ClusterImage()
    offset = image.end_offset if stored is not None else 0
    made = plan(image, holdings, consent, lost=lost, new_id=random_uuid(random))
    if not dry_run:
        await _write(files, store, holdings, made, offset)
    return made


async def _write(files: Files, store: MetadataStore, holdings: Holdings, made: Plan, offset: int) -> None:
    """One snapshot, which is there as a whole or not at all; then what the folders remember of it."""
    stored = await store.open(made.cluster_id)
    if stored != made.cluster_id:
        raise CannotAdopt(f"the metadata there is of cluster {stored}, the folders are of {made.cluster_id}")
    values = encode_records(made.records)
    end = offset + len(values)
    await store.snapshot(end, values)
    directories = {identity.directory_id: path for path, identity in holdings.identities.items()}
    for path in holdings.identities:
        files.write_atomically(f"{path}/{SEEN}", Seen(made.cluster_id, end, directories).encode())


@contextlib.contextmanager
def _locked(files: Files, paths: list[str]) -> Iterator[None]:
    locks = []
    try:
        for path in paths:
            if not files.is_folder(path):
                raise CannotAdopt(f"there is no folder {path}")
            try:
                locks.append(files.lock(f"{path}/{LOCK}"))
            except BlockingIOError:
                raise CannotAdopt(f"{path} is in use by another process; stop that broker first") from None
        yield
    finally:
        for lock in locks:
            lock.release()
