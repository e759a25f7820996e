"""`ottla log strays`: folders of partitions that a start set aside, and what a person decides about each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from ottla.cli.options import confirm, json_option, yes_option
from ottla.cli.terminal import dim, print_json, print_table, size_text


class Stray(NamedTuple):
    """A stray of one directory; the partition's topic may be cut in its name."""

    name: str
    folder: str
    partition: str
    topic_id: str | None
    size_bytes: int


@click.command("strays")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER...")
@click.option("--restore", metavar="NAME", help="Give this one back: it becomes the partition's folder again.")
@click.option("--release", metavar="NAME", help="Keep this one, and let its partition begin anew, empty.")
@click.option("--remove", metavar="NAME", help="Delete this one and the records in it for good.")
@yes_option
@json_option
def strays_command(
    folders: tuple[Path, ...],
    restore: str | None,
    release: str | None,
    remove: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """List folders that a start set aside, and decide about one.

    The metadata did not know them, or knew another topic of that name. FOLDER is a log directory.
    A broker never touches a stray again; with one of the options you decide about one, while the broker is stopped.
    """
    found = [stray for folder in folders for stray in _strays(folder)]
    wishes = [wish for wish in (restore, release, remove) if wish is not None]
    if len(wishes) > 1:
        raise click.UsageError("give one of --restore, --release and --remove")
    if not wishes:
        _print(found, as_json)
        return
    stray = _named(found, wishes[0])
    if remove is not None:
        confirm(f"Delete {stray.name} with {size_text(stray.size_bytes)} for good?", yes)
    print(_decide(stray, folders, restore=restore is not None, remove=remove is not None))


def _decide(stray: Stray, folders: tuple[Path, ...], *, restore: bool, remove: bool) -> str:
    from ottla.broker.adoption.strays import StrayProblem, release_stray, remove_stray, restore_stray
    from ottla.common.clock import SystemRandom
    from ottla.storage.os_files import OsFiles

    files = OsFiles()
    try:
        if restore:
            return restore_stray(files, stray.folder, stray.name, _known_topics(folders))
        if remove:
            return remove_stray(files, stray.folder, stray.name)
        return release_stray(files, stray.folder, stray.name, SystemRandom())
    except StrayProblem as error:
        raise click.ClickException(str(error)) from None


def _known_topics(folders: tuple[Path, ...]) -> frozenset[bytes]:
    import asyncio

    from ottla.broker.adoption.strays import known_topics
    from ottla.common.clock import SystemClock
    from ottla.metadata.store import SQLITE_FILE
    from ottla.metadata.stores.sqlite import SqliteStore

    for folder in folders:
        if (folder / SQLITE_FILE).exists():
            return asyncio.run(known_topics(SqliteStore(str(folder), SystemClock())))
    return frozenset()


def _strays(folder: Path) -> Iterator[Stray]:
    from ottla.common.names import uuid_text
    from ottla.storage.checkpoints import parse_partition_metadata
    from ottla.storage.paths import PARTITION_METADATA, parse_stray_folder

    if not folder.is_dir():
        raise click.ClickException(f"there is no folder {folder}")
    for path in sorted(folder.iterdir()):
        partition = parse_stray_folder(path.name)
        if partition is not None and path.is_dir():
            metadata = path / PARTITION_METADATA
            topic_id = parse_partition_metadata(metadata.read_bytes()) if metadata.exists() else None
            size_bytes = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
            text = None if topic_id is None else uuid_text(topic_id)
            yield Stray(path.name, str(folder.absolute()), str(partition), text, size_bytes)


def _named(found: list[Stray], name: str) -> Stray:
    for stray in found:
        if name in (stray.name, f"{stray.folder}/{stray.name}"):
            return stray
    raise click.ClickException(f"there is no stray {name}; the command without options lists them")


def _print(found: list[Stray], as_json: bool) -> None:
    if as_json:
        print_json([stray._asdict() for stray in found])
    elif not found:
        print(dim("no strays"))
    else:
        rows = [[stray.partition, size_text(stray.size_bytes), stray.topic_id, stray.name] for stray in found]
        print_table(["PARTITION", "SIZE", "TOPIC ID", "NAME"], rows)
