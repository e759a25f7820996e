"""What lies in the directories of log.dirs before a start changes anything, and whether the start may go on.

A start that goes on although its metadata does not know the partitions would serve them as empty, and whatever it then
did with their folders would be a guess. So `decide` refuses, with a sentence that says what was found and which ways
lead out; a refused start has written nothing. See decision 6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ottla.common.names import METADATA_TOPIC, TopicPartition, uuid_text
from ottla.storage.files import Files
from ottla.storage.identity import META_PROPERTIES, DirectoryUnusable, Identity, parse_identity
from ottla.storage.paths import LOG, is_ours, parse_partition_folder
from ottla.storage.seen import SEEN, Seen, joined, parse_seen

KAFKA_METADATA = f"{METADATA_TOPIC}-0"
_SHOWN = 3
_NOTHING_CHANGED = "Nothing was changed."


class Found(NamedTuple):
    """One directory as it is. `partitions` have a folder here; `store`: a metadata store with content lies here;
    `kafka`: so does the metadata log of an Apache Kafka."""

    path: str
    identity: Identity | None
    partitions: tuple[TopicPartition, ...]
    store: bool
    kafka: bool
    seen: Seen | None


class Known(NamedTuple):
    """What the metadata store that the start is about to use holds: a cluster's id, and the end of its log."""

    cluster_id: str
    end_offset: int


class Question(NamedTuple):
    """What the start wants. `metadata_folder`: where it looks for the store. `volatile`: the store is memory, and new.
    `forgotten`: ids of directories that a person has declared lost."""

    node_id: int
    metadata_folder: str
    volatile: bool
    forgotten: Collection[bytes]


class Verdict(NamedTuple):
    """The start may go on. `cluster_id` None: a new cluster. `missing`: directories of this broker that are not there,
    by id, with the path where each lay last. `unbegun`: empty folders that stay as they are while something is missing.
    `identities`: whose `meta.properties` was lost, with the directory id to write again."""

    cluster_id: str | None
    missing: Mapping[bytes, str]
    unbegun: frozenset[str]
    identities: Mapping[str, bytes]
    seen: Seen | None


def survey(files: Files, path: str, store_name: str, *, look_inside: bool) -> Found:
    """Looks into a directory and changes nothing. Raises OSError, DirectoryUnusable for a wrong `meta.properties`.

    `look_inside`: a folder counts as a partition if it holds files of one, and not by its name; that costs a listing
    for each, so a start whose metadata is there does without.
    """
    path = path.rstrip("/") or "/"
    if not files.exists(path):
        return Found(path, None, (), store=False, kafka=False, seen=None)
    names = files.list_folder(path)
    partitions = [
        one for name in names if (one := parse_partition_folder(name)) is not None and one.topic != METADATA_TOPIC
    ]
    return Found(
        path,
        parse_identity(files.read(f"{path}/{META_PROPERTIES}"), path, bytes(16)) if META_PROPERTIES in names else None,
        tuple(one for one in partitions if not look_inside or holds_a_log(files, f"{path}/{one}")),
        store_name in names and files.size(f"{path}/{store_name}") > 0,
        KAFKA_METADATA in names and _has_records(files, f"{path}/{KAFKA_METADATA}"),
        parse_seen(files.read(f"{path}/{SEEN}")) if SEEN in names else None,
    )


def _has_records(files: Files, folder: str) -> bool:
    """Whether a segment in the folder has content: Kafka's tool that formats a folder leaves only a snapshot there."""
    return files.is_folder(folder) and any(
        name.endswith(LOG) and files.size(f"{folder}/{name}") > 0 for name in files.list_folder(folder)
    )


def holds_a_log(files: Files, folder: str) -> bool:
    """Whether this is a folder with at least one file of a partition's log in it, whatever its name."""
    return files.is_folder(folder) and any(is_ours(name) for name in files.list_folder(folder))


def decide(found: Sequence[Found], known: Known | None, question: Question) -> Verdict:
    """Whether a start on these directories may go on, and how. Raises DirectoryUnusable.

    `found` are the directories that could be read, in the order of log.dirs; `known` is None where there is no store,
    or an empty one.
    """
    _check_identities(found, known, question)
    check_ids_differ({one.path: one.identity for one in found if one.identity is not None})
    if known is None:
        _check_nothing_is_unknown(found, question)
    seen = joined(one.seen for one in found if one.seen is not None)
    if known is not None and seen is not None and known.end_offset < seen.metadata_offset:
        raise DirectoryUnusable(
            f"the metadata in {question.metadata_folder} ends at offset {known.end_offset}, but {found[0].path} has "
            f"seen offset {seen.metadata_offset}: it is an older copy. Put the newer one back, or let "
            f"`ottla log adopt {_paths(found)}` add to it what it does not know. {_NOTHING_CHANGED}"
        )
    remembered = {} if seen is None else seen.directories
    identities = _lost_identities(found, remembered)
    present = {one.identity.directory_id for one in found if one.identity is not None} | set(identities.values())
    missing = {one: path for one, path in remembered.items() if one not in present and one not in question.forgotten}
    fresh = [one.path for one in found if one.identity is None and one.path not in identities]
    cluster_id = known.cluster_id if known is not None else _first_cluster(found)
    return Verdict(cluster_id, missing, frozenset(fresh if missing else ()), identities, seen)


def _check_identities(found: Sequence[Found], known: Known | None, question: Question) -> None:
    first = next((one for one in found if one.identity is not None), None)
    for one in found:
        if one.identity is None or first is None or first.identity is None:
            continue
        if one.identity.node_id != question.node_id:
            raise DirectoryUnusable(
                f"{one.path} belongs to the broker {one.identity.node_id}, not to {question.node_id}; "
                f"start it with node.id={one.identity.node_id}, or use another folder"
            )
        if one.identity.cluster_id != first.identity.cluster_id:
            raise DirectoryUnusable(
                f"{one.path} belongs to the cluster {one.identity.cluster_id}, not to {first.identity.cluster_id} as "
                f"{first.path} does; take one of them out of log.dirs"
            )
    if known is not None and first is not None and first.identity is not None:
        _check_store_is_of(known, first, first.identity, question)


def check_ids_differ(identities: Mapping[str, Identity]) -> None:
    """By path. Two directories with one id are one and its copy, and by its id the copy would stand for a directory
    that is not there. Raises DirectoryUnusable."""
    paths: dict[bytes, str] = {}
    for path, identity in identities.items():
        one = identity.directory_id
        if any(one) and one in paths:  # zeros: an old Kafka has given it none
            raise DirectoryUnusable(
                f"{paths[one]} and {path} have the same directory.id={uuid_text(one)} in their {META_PROPERTIES}: one "
                f"is a copy of the other, or leads to it. Take the copy out of log.dirs; if its disk is to be used as "
                f"well, name an empty folder on it. {_NOTHING_CHANGED}"
            )
        paths[one] = path


def _check_store_is_of(known: Known, one: Found, identity: Identity, question: Question) -> None:
    if identity.cluster_id != known.cluster_id:
        raise DirectoryUnusable(
            f"the folder {one.path} belongs to cluster {identity.cluster_id}, but the metadata in "
            f"{question.metadata_folder} to {known.cluster_id}; was a file copied from elsewhere? Put the right one "
            f"back. {_NOTHING_CHANGED}"
        )


def _check_nothing_is_unknown(found: Sequence[Found], question: Question) -> None:
    """There is no metadata here. Then there must be nothing that needs some."""
    with_logs = [one for one in found if one.partitions]
    if question.volatile:
        for one in with_logs:
            raise DirectoryUnusable(
                f"ottla.metadata.store=memory knows nothing of the {_partitions(one, f' in {one.path}')}; leave that "
                f"setting out, or choose an empty folder. {_NOTHING_CHANGED}"
            )
        return
    for one in found:
        if one.store and one.path != question.metadata_folder:
            raise DirectoryUnusable(
                f"the metadata of this cluster lies in {one.path}, but this start looks for it in "
                f"{question.metadata_folder}; name {one.path} first in log.dirs, or set "
                f"ottla.metadata.folder={one.path}. {_NOTHING_CHANGED}"
            )
    for one in found:
        if one.kafka:
            raise DirectoryUnusable(
                f"{one.path} is the data folder of an Apache Kafka: its metadata is in {one.path}/{KAFKA_METADATA}. "
                f"`ottla log adopt {_paths(found)}` takes it over once that Kafka is stopped (--dry-run says what it "
                f"would take); or choose another folder with --data or log.dirs. {_NOTHING_CHANGED}"
            )
    for one in found:
        if one.partitions or one.seen is not None:
            held = f"holds {_partitions(one)}" if one.partitions else "was in use"
            raise DirectoryUnusable(
                f"{one.path} {held}, but there is no metadata that knows of it in {question.metadata_folder}. Put the "
                f"metadata back from a copy, mount the disk that holds it, or let `ottla log adopt {_paths(found)}` "
                f"make it anew from the partitions; or choose another folder with --data or log.dirs. "
                f"{_NOTHING_CHANGED}"
            )


def _lost_identities(found: Sequence[Found], remembered: Mapping[bytes, str]) -> dict[str, bytes]:
    """Directories that lost their `meta.properties`, by path, with the id that each had."""
    taken = {one.identity.directory_id for one in found if one.identity is not None}
    by_path = {path: one for one, path in remembered.items() if one not in taken}
    return {
        one.path: by_path[one.path]
        for one in found
        if one.identity is None and (one.partitions or one.seen is not None) and one.path in by_path
    }


def _first_cluster(found: Sequence[Found]) -> str | None:
    return next((one.identity.cluster_id for one in found if one.identity is not None), None)


def _partitions(one: Found, where: str = "") -> str:
    shown = ", ".join(str(name) for name in one.partitions[:_SHOWN])
    more = ", ..." if len(one.partitions) > _SHOWN else ""
    noun = "partition" if len(one.partitions) == 1 else "partitions"
    return f"{len(one.partitions)} {noun}{where} ({shown}{more})"


def _paths(found: Sequence[Found]) -> str:
    return " ".join(one.path for one in found)


def missing_sentence(missing: Mapping[bytes, str]) -> str:
    """What is missing, and what to do, for the log."""
    named = ", ".join(f"{uuid_text(one)} (last at {path})" for one, path in missing.items())
    return f"{named}: is the disk mounted? If it is lost for good, name the id in ottla.forget.directories"
