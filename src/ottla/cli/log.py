"""`ottla log`: look into the files of a partition, check a folder of them, take one over, see what was kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ottla.cli.adopt import adopt_command
from ottla.cli.damaged import damaged_command
from ottla.cli.nouns import SuggestingGroup
from ottla.cli.options import json_option
from ottla.cli.strays import strays_command
from ottla.cli.terminal import count_text, dim, print_json, print_table, red, size_text, time_text


@click.group(cls=SuggestingGroup)
def log() -> None:
    """The files of partitions, ours or Kafka's.

    dump and check change nothing; a broker may be running, as it may for damaged. adopt and strays are for a broker
    that is stopped.
    """


log.add_command(adopt_command)
log.add_command(damaged_command)
log.add_command(strays_command)


@log.command("dump")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("-r", "--records", is_flag=True, help="The records in the batches; internal topics are decoded.")
@click.option("-t", "--topic", "topic", metavar="TOPIC", help="Decode as this internal topic.  [default: the folder's]")
@json_option
def dump_command(files: tuple[Path, ...], records: bool, topic: str | None, as_json: bool) -> None:
    """Print segments, indexes, producer snapshots, checkpoints.

    A folder stands for all of these in it. What was cut out of a log (`.damaged`) is printed as a segment is, if it is
    named. --json prints an object a line.
    """
    from ottla.storage.kept import parse_kept_name

    paths = [path for file in files for path in _expanded(file)]
    for path in paths:
        if not as_json and len(paths) > 1:
            print(dim(f"== {path}"))
        if path.suffix == ".log" or parse_kept_name(path.name) is not None:
            _dump_segment(path, records, topic, as_json)
        else:
            _dump_entries(path, as_json)


def _expanded(path: Path) -> list[Path]:
    from ottla.storage.paths import LEADER_EPOCHS, PARTITION_METADATA, SEGMENT_SUFFIXES, SNAPSHOT

    if not path.exists():
        raise click.ClickException(f"there is no file {path}")
    if not path.is_dir():
        return [path]
    return [
        file
        for file in sorted(path.iterdir())
        if file.suffix in (*SEGMENT_SUFFIXES, SNAPSHOT) or file.name in (LEADER_EPOCHS, PARTITION_METADATA)
    ]


def _dump_segment(path: Path, records: bool, topic: str | None, as_json: bool) -> None:
    from ottla.cli.files.inside import shape_for
    from ottla.cli.files.segment import StoredBatch, Trailing, read_segment
    from ottla.common.errors import KafkaError
    from ottla.records.record import read_records
    from ottla.storage.paths import parse_partition_folder

    def inside(batch: StoredBatch) -> list[dict[str, Any]]:
        if batch.header.is_control:
            return [_marker(batch)]
        return [shape(record) for record in read_records(batch.data)]

    folder = parse_partition_folder(path.absolute().parent.name)
    shape = shape_for(topic or (folder.topic if folder else None))
    for batch in read_segment(path):
        if isinstance(batch, Trailing):
            _print_trailing(path, batch, as_json)
            continue
        rows: list[dict[str, Any]] = []
        problem = None
        if records:
            try:
                rows = inside(batch)
            except KafkaError as error:
                problem = error.message
        if as_json:
            print_line(
                {**batch.shape(), **({"records": rows} if records else {}), **({"problem": problem} if problem else {})}
            )
        else:
            _print_batch(batch, rows, problem)


def _marker(batch: Any) -> dict[str, Any]:
    from ottla.records.control import read_marker

    marker = read_marker(batch.data)
    base = {"offset": batch.header.base_offset, "timestamp": batch.header.base_timestamp}
    if marker is None:
        return {**base, "marker": None}
    return {**base, "marker": "COMMIT" if marker.committed else "ABORT", "coordinator_epoch": marker.coordinator_epoch}


def print_line(value: Any) -> None:
    """One JSON object on one line."""
    import json

    print(json.dumps(value, ensure_ascii=False))


def _print_batch(batch: Any, rows: list[dict[str, Any]], problem: str | None) -> None:
    from ottla.cli.files.segment import codec_name

    header = batch.header
    facts = [
        f"{header.base_offset}..{header.last_offset}",
        count_text(header.record_count, "record"),
        f"{header.size_bytes} B at {batch.position}",
        codec_name(header.codec),
        time_text(header.max_timestamp),
        f"epoch {header.leader_epoch}",
    ]
    if header.producer_id >= 0:
        facts.append(f"producer {header.producer_id}/{header.producer_epoch} sequence {header.base_sequence}")
    facts += ["transactional"] * header.is_transactional + ["control"] * header.is_control
    facts.append("crc ok" if batch.crc_is_right else red("CRC WRONG"))
    print("  ".join(facts))
    for row in rows:
        offset = row.pop("offset")
        row.pop("timestamp")
        shown = {key: value for key, value in row.items() if value not in ([], None) or key == "value"}
        print(f"  {offset}  {_one_line(shown)}")
    if problem is not None:
        print(f"  {red(problem)}")


def _one_line(row: dict[str, Any]) -> str:
    import json

    return "  ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in row.items())


def _print_trailing(path: Path, rest: Any, as_json: bool) -> None:
    if as_json:
        print_line({"position": rest.position, "size_bytes": rest.size_bytes, "problem": rest.reason})
    else:
        print(red(f"{rest.size_bytes} bytes at {rest.position} are no batch: {rest.reason}"))


def _dump_entries(path: Path, as_json: bool) -> None:
    from ottla.cli.files.small import Unreadable, entries

    try:
        rows = list(entries(path))
    except Unreadable as error:
        raise click.ClickException(f"{path}: {error}") from None
    if as_json:
        for row in rows:
            print_line(row)
    elif rows:
        print_table([key.replace("_", " ").upper() for key in rows[0]], [list(row.values()) for row in rows])
    else:
        print(dim("no entries"))


@log.command("check")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER...")
@json_option
@click.pass_context
def check_command(context: click.Context, folders: tuple[Path, ...], as_json: bool) -> None:
    """Check partition folders.

    Batches, CRCs, offsets, records, indexes, leader epochs and producer snapshots. Exit code 1 if anything is wrong.
    A log directory stands for all partitions in it.
    """
    from ottla.cli.files.check import check_folder

    checked = [(folder, check_folder(folder)) for given in folders for folder in _partitions(given)]
    if as_json:
        print_json([{"folder": str(folder), **report._asdict()} for folder, report in checked])
    for folder, report in checked if not as_json else ():
        verdict = red(count_text(len(report.findings), "thing") + " wrong") if report.findings else "ok"
        print(
            f"{folder}: {verdict}  start {report.first_offset}, end {report.end_offset}, "
            f"{count_text(report.records, 'record')} in {count_text(report.batches, 'batch')}, "
            f"{count_text(report.segments, 'segment')}, {size_text(report.size_bytes)}"
        )
        for file, sentence in report.findings:
            print(red(f"  {file} {sentence}"))
        for file, sentence in report.notes:
            print(dim(f"  note: {file} {sentence}"))
    if any(report.findings for _, report in checked):
        context.exit(1)


def _partitions(folder: Path) -> list[Path]:
    """The folder itself, or the partitions in a log directory."""
    from ottla.storage.paths import parse_partition_folder

    if not folder.is_dir():
        raise click.ClickException(f"there is no folder {folder}")
    if any(folder.glob("*.log")):
        return [folder]
    found = [path for path in sorted(folder.iterdir()) if path.is_dir() and parse_partition_folder(path.name)]
    if not found:
        raise click.ClickException(f"{folder} holds neither a segment nor partition folders")
    return [path for path in found if any(path.glob("*.log"))]
