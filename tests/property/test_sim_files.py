"""`SimFiles` against a dumb twin: bytes and names before a power cut, what is durable after it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.testing.clock import SimRandom
from ottla.testing.disk import CrashMode
from ottla.testing.files import SimFiles

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), NAMES, st.binary(max_size=9)),
        st.tuples(st.just("pwrite"), NAMES, st.integers(0, 20), st.binary(max_size=9)),
        st.tuples(st.just("truncate"), NAMES, st.integers(0, 20)),
        st.tuples(st.just("fsync"), NAMES),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("remove"), NAMES),
        st.tuples(st.just("fsync_folder")),
    ),
    max_size=30,
)


class Twin:
    """The same disk, slow and obvious: whole copies of everything at every fsync."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.durable_names: dict[str, int] = {}
        self.contents: list[bytearray] = []
        self.durable_contents: list[bytes] = []

    def file(self, name: str) -> bytearray:
        if name not in self.names:
            self.names[name] = len(self.contents)
            self.contents.append(bytearray())
            self.durable_contents.append(b"")
        return self.contents[self.names[name]]

    def apply(self, step: tuple[object, ...]) -> None:
        match step:
            case ("append", str(name), bytes(data)):
                self.file(name).extend(data)
            case ("pwrite", str(name), int(position), bytes(data)):
                content = self.file(name)
                if data:
                    content.extend(bytes(max(0, position - len(content))))
                    content[position : position + len(data)] = data
            case ("truncate", str(name), int(size)):
                content = self.file(name)
                content.extend(bytes(max(0, size - len(content))))
                del content[size:]
            case ("fsync", str(name)):
                content = self.file(name)
                self.durable_contents[self.names[name]] = bytes(content)
            case ("rename", str(old), str(new)) if old in self.names and old != new:
                self.names[new] = self.names.pop(old)
            case ("remove", str(name)):
                self.names.pop(name, None)
            case ("fsync_folder",):
                self.durable_names = dict(self.names)


def apply(files: SimFiles, step: tuple[object, ...]) -> None:
    match step:
        case ("append", str(name), bytes(data)):
            files.open(name, create=True).append(data)
        case ("pwrite", str(name), int(position), bytes(data)):
            files.open(name, create=True).pwrite(position, data)
        case ("truncate", str(name), int(size)):
            files.open(name, create=True).truncate(size)
        case ("fsync", str(name)):
            files.open(name, create=True).fsync()
        case ("rename", str(old), str(new)) if files.exists(old):
            files.rename(old, new)
        case ("remove", str(name)) if files.exists(name):
            files.remove(name)
        case ("fsync_folder",):
            files.fsync_folder("")


@given(STEPS, st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_the_disk_equals_its_twin_before_and_after_power_cuts(steps: list[tuple[object, ...]], seed: int) -> None:
    files, twin = SimFiles(), Twin()
    for step in steps:
        apply(files, step)
        twin.apply(step)
    now = {name: bytes(twin.contents[index]) for name, index in sorted(twin.names.items())}
    assert {name: files.read(name) for name in files.list_folder("")} == now
    kept = files.another_process().crash(SimRandom(seed), CrashMode.KEEP)
    assert {name: kept.read(name) for name in kept.list_folder("")} == now
    lost = files.another_process().crash(SimRandom(seed), CrashMode.LOSE)
    durable = {name: twin.durable_contents[index] for name, index in sorted(twin.durable_names.items())}
    assert {name: lost.read(name) for name in lost.list_folder("")} == durable
    torn = files.another_process().crash(SimRandom(seed), CrashMode.SCATTERED)
    found = {name: torn.read(name) for name in torn.list_folder("")}
    again = torn.crash(SimRandom(seed + 1), CrashMode.LOSE)
    assert {name: again.read(name) for name in again.list_folder("")} == found  # what survived a cut is durable
