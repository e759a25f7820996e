"""The directories of log.dirs at a start: looked at first, opened only if the start may go on.

What may go on is decided by `storage.survey`. A refused start has changed nothing, so the right one works afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import normpath
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.membership import StartError
from ottla.broker.setting_forms import forgotten_directories
from ottla.metadata.store import SQLITE_FILE
from ottla.storage.directory import DirectoryUnusable, LogDirectory
from ottla.storage.duplicates import check_no_partition_is_in_two
from ottla.storage.seen import SEEN
from ottla.storage.survey import Found, Known, Question, Verdict, decide, missing_sentence, survey

if TYPE_CHECKING:
    from ottla.broker.settings import BrokerSettings
    from ottla.common.clock import Clock, Random
    from ottla.common.log import Log
    from ottla.metadata.store import StoredCluster
    from ottla.storage.files import Files


class Opened(NamedTuple):
    """`directories` in the order of log.dirs, those that cannot be used offline. `lost`: ids of directories of this
    broker that are not there, with the path where each lay last."""

    directories: list[LogDirectory]
    cluster_id: str
    lost: Mapping[bytes, str]


class Opening:
    """Opens the directories of one broker."""

    def __init__(
        self, settings: BrokerSettings, files: Files, random: Random, clock: Clock, log: Log, open_files: int
    ) -> None:
        """`open_files`: how many files of cold segments each directory may keep open."""
        self._settings = settings
        self._open_files = open_files
        self._files = files
        self._random = random
        self._clock = clock
        self._log = log
        self._paths = [path.rstrip("/") or "/" for path in settings.directories]
        self._refused: dict[str, OSError] = {}

    def open(self, stored: StoredCluster | None, *, volatile: bool) -> Opened:
        """`stored` is what the metadata store holds; `volatile`: it is a new one in memory.

        Where there are several directories, one that the operating system refuses is offline, and the others serve; but
        not without the first, if the metadata lies in it. Raises StartError, OSError.
        """
        self._check_paths()
        try:
            found = self._survey(look_inside=stored is None)
            known = None if stored is None else Known(stored.cluster_id, stored.end)
            verdict = decide(found, known, self._question(volatile))
            check_no_partition_is_in_two(self._files, {one.path: one.partitions for one in found})
            directories, cluster_id = self._open(verdict)
        except DirectoryUnusable as error:
            raise StartError(str(error)) from error
        if verdict.missing:
            self._log.error("log_directory.missing", directories=missing_sentence(verdict.missing))
        return Opened(directories, cluster_id, verdict.missing)

    def _check_paths(self) -> None:
        """Raises StartError, as Kafka does."""
        known: set[str] = set()
        for path in map(normpath, self._paths):
            if path in known:
                raise StartError(f"Duplicate log directory found: {path}; name each folder once in log.dirs")
            known.add(path)

    def _question(self, volatile: bool) -> Question:
        settings = self._settings
        folder = settings.ottla_metadata_folder or self._paths[0]
        return Question(settings.node_id, folder.rstrip("/") or "/", volatile, forgotten_directories(settings))

    def _survey(self, *, look_inside: bool) -> list[Found]:
        found: list[Found] = []
        for path in self._paths:
            try:
                found.append(survey(self._files, path, SQLITE_FILE, look_inside=look_inside))
            except OSError as error:
                self._refuse(path, error)
                continue
            if found[-1].seen is None and self._files.exists(f"{path}/{SEEN}"):
                why = f"{path}/{SEEN}: the checksum is not that of its content"
                self._log.warn("log_directory.checkpoint_distrusted", folder=path, error=why)
        return found

    def _open(self, verdict: Verdict) -> tuple[list[LogDirectory], str]:
        cluster_id = verdict.cluster_id
        opened: dict[str, LogDirectory] = {}
        for path in self._paths:
            if path in self._refused or path in verdict.unbegun:
                continue
            try:
                opened[path] = self._open_one(path, cluster_id, verdict.identities.get(path))
            except OSError as error:
                self._refuse(path, error)
                continue
            except BaseException:
                for directory in opened.values():
                    directory.release()
                raise
            cluster_id = opened[path].cluster_id
        if cluster_id is None or not opened:
            raise StartError(
                f"none of the directories {', '.join(self._paths)} can be used: {missing_sentence(verdict.missing)}"
            )
        for path, directory in opened.items():
            for sentence in directory.distrusted:
                self._log.warn("log_directory.checkpoint_distrusted", folder=path, error=sentence)
        ids = {path: one for one, path in (verdict.seen.directories if verdict.seen else {}).items()}
        return [
            opened.get(path)
            or LogDirectory.unusable(
                self._files, path, cluster_id, self._settings.node_id, self._random, ids.get(path, bytes(16))
            )
            for path in self._paths
        ], cluster_id

    def _open_one(self, path: str, cluster_id: str | None, directory_id: bytes | None) -> LogDirectory:
        settings = self._settings
        if directory_id is not None:
            self._log.warn("log_directory.identity_restored", folder=path)
        return LogDirectory.open(
            self._files,
            path,
            cluster_id=cluster_id,
            node_id=settings.node_id,
            random=self._random,
            now_ms=self._clock.now_ms(),
            max_open_files=self._open_files,
            directory_id=directory_id,
        )

    def _refuse(self, path: str, error: OSError) -> None:
        first_matters = path == self._paths[0] and not self._settings.ottla_metadata_folder
        if first_matters or len(self._refused) == len(self._paths) - 1:
            raise error
        self._log.error("log_directory.failed", folder=path, error=str(error))
        self._refused[path] = error
