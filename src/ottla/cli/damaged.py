"""`ottla log damaged`: bytes that logs lost and that are kept beside them, and their removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from ottla.cli.options import confirm, json_option, yes_option
from ottla.cli.terminal import dim, print_json, print_table, size_text


class Damaged(NamedTuple):
    """A kept file of one log directory."""

    name: str
    """`<partition>/<file>`: what `--remove` takes."""
    folder: str
    partition: str
    first_offset: int
    """The first offset that the log lost with these bytes."""
    size_bytes: int


@click.command("damaged")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER...")
@click.option("--remove", metavar="NAME", help="Delete this one and what may still be read in it for good.")
@yes_option
@json_option
def damaged_command(folders: tuple[Path, ...], remove: str | None, yes: bool, as_json: bool) -> None:
    """List what was cut out of logs and kept, or delete a file of it.

    FOLDER is a log directory. A broker says `logs.cut` when it keeps such a file, and never uses it again, so one may
    be removed while a broker runs. They go with their partition.
    """
    found = [one for folder in folders for one in _damaged(folder)]
    if remove is None:
        _print(found, as_json)
        return
    one = _named(found, remove)
    confirm(f"Delete {one.name} with {size_text(one.size_bytes)} for good?", yes)
    _remove(one)
    print(f"{one.name} is deleted")


def _damaged(folder: Path) -> Iterator[Damaged]:
    from ottla.storage.kept import parse_kept_name
    from ottla.storage.paths import parse_partition_folder

    if not folder.is_dir():
        raise click.ClickException(f"there is no folder {folder}")
    partitions = [(one, path) for path in folder.iterdir() if (one := parse_partition_folder(path.name)) is not None]
    for partition, path in sorted(partitions):
        for file in sorted(path.iterdir()) if path.is_dir() else ():
            offset = parse_kept_name(file.name)
            if offset is not None and file.is_file():
                name, place = f"{partition}/{file.name}", str(folder.absolute())
                yield Damaged(name, place, str(partition), offset, file.stat().st_size)


def _named(found: list[Damaged], name: str) -> Damaged:
    same = [one for one in found if name in (one.name, f"{one.folder}/{one.name}")]
    if not same:
        raise click.ClickException(f"there is no kept file {name}; the command without options lists them")
    if len(same) > 1:
        paths = " or ".join(f"{one.folder}/{one.name}" for one in same)
        raise click.ClickException(f"there are several files {name}; name one by its path: {paths}")
    return same[0]


def _remove(one: Damaged) -> None:
    from ottla.storage.os_files import OsFiles

    files = OsFiles()
    files.remove(f"{one.folder}/{one.name}")
    files.fsync_folder(f"{one.folder}/{one.partition}")


def _print(found: list[Damaged], as_json: bool) -> None:
    if as_json:
        print_json([one._asdict() for one in found])
    elif not found:
        print(dim("nothing was cut out of these logs and kept"))
    else:
        rows = [[one.partition, one.first_offset, size_text(one.size_bytes), one.name] for one in found]
        print_table(["PARTITION", "FIRST OFFSET", "SIZE", "NAME"], rows)
