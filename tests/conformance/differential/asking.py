"""Runs cases against one broker: the steps of a run in order, many runs at a time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ottla.common.names import Uuid, parse_uuid, uuid_text
from ottla.protocol.api import APIS, BY_NAME
from ottla.protocol.codec import ProtocolError
from ottla.protocol.headers import read_response_header, request_frame
from tests.conformance.differential.steps import Ask, Case, Scope, Send, Step, Take, resolve
from tests.conformance.differential.trees import Tree, build, tree
from tests.conformance.differential.wire import ANSWER_TIMEOUT_S, Ended, Wire

AT_A_TIME = 24
RETRY_S = 0.02
PATIENCE_S = 8
"""How long a passing answer may last before it counts."""
CLOSING_S = 0.3
"""A connection that is closed instead of an answer is closed by then; a probe sent before would make it a reset."""
SILENCE_S = 6
"""How long a frame that is no message is given: Kafka either answers or closes at once, unless the machine is busy."""


@dataclass(frozen=True)
class Run:
    """One case in one set of versions."""

    case: Case
    index: int
    versions: dict[str, int]

    @property
    def name(self) -> str:
        return f"{self.case.name}/{self.index}"

    @property
    def prefix(self) -> str:
        return f"{self.case.name}-{self.index}-"


@dataclass
class Told:
    """What one step brought: an answer's tree, or the word for its absence."""

    step: str
    api: str
    version: int
    answer: Tree
    sent: dict[str, Any] = field(default_factory=dict)
    compare: bool = True
    mine: bool = False


def runs_of(case: Case, advertised: dict[str, tuple[int, int]]) -> list[Run]:
    """All runs; none if an API is missing. Every version of every varying API is in one of them."""
    if not case.apis() <= set(advertised):
        return []
    ranges = {}
    for place, api in enumerate(case.varying):
        oldest, newest = advertised[api]
        oldest = max(oldest, BY_NAME[api].versions[0])
        if not place:
            oldest, newest = max(oldest, case.since), min(newest, case.until)
        ranges[api] = (oldest, newest)
    count = max((newest - oldest + 1 for oldest, newest in ranges.values()), default=1)
    return [
        Run(case, index, {api: max(oldest, newest - index) for api, (oldest, newest) in ranges.items()})
        for index in range(count)
    ]


class Asker:
    """One broker, as the cases see it."""

    def __init__(
        self, host: str, port: int, doors: Mapping[str, int] | None = None, timeout_s: float | None = None
    ) -> None:
        self.host = host
        self.port = port
        self.doors = doors or {}
        self.timeout_s = timeout_s
        self.advertised: dict[str, tuple[int, int]] = {}
        self.requests: dict[tuple[str, int], int] = {}
        self.seconds: dict[str, float] = {}
        self.topic_ids: dict[str, Uuid] = {}

    async def learn(self) -> None:
        """What the broker advertises."""
        answer = await self.once("ApiVersions", 3, {"client_software_name": "a", "client_software_version": "1"})
        self.advertised = {
            APIS[row["api_key"]].name: (row["min_version"], row["max_version"])
            for row in answer["api_keys"]
            if row["api_key"] in APIS
        }

    async def once(self, api: str, version: int | None = None, fields: dict[str, Any] | None = None) -> Tree:
        """One request on a connection of its own."""
        wire = await Wire.open(self.host, self.port)
        try:
            newest = self.advertised[api][1] if version is None else version
            wire.send(_frame(Ask("once", api, fields or {}), fields or {}, newest, 1))
            found = await wire.answer()
            assert isinstance(found, bytes), f"{api}: {found}"
            return _decoded(api, newest, found, 1)
        finally:
            wire.close()

    async def run_all(self, runs: Sequence[Run]) -> dict[str, list[Told]]:
        """What every run brought, by its name. Those that want to be alone come first, one after the other."""
        ids = self.topic_ids = await self._make_topics(runs)
        room = asyncio.Semaphore(AT_A_TIME)
        told: dict[str, list[Told]] = {}

        async def one(run: Run) -> None:
            async with room:
                started = asyncio.get_running_loop().time()
                told[run.name] = await _Running(self, run, ids).all()
                self.seconds[run.name] = asyncio.get_running_loop().time() - started

        for run in runs:
            if run.case.alone:
                await one(run)
        async with asyncio.TaskGroup() as group:
            for run in runs:
                if not run.case.alone:
                    group.create_task(one(run))
        return told

    async def _make_topics(self, runs: Iterable[Run]) -> dict[str, Uuid]:
        wanted = [
            {
                "name": run.prefix + topic.name,
                "num_partitions": topic.partitions,
                "replication_factor": 1,
                "configs": [{"name": name, "value": value} for name, value in topic.configs.items()],
            }
            for run in runs
            for topic in run.case.topics
        ]
        ids: dict[str, Uuid] = {}
        for start in range(0, len(wanted), 200):
            part = wanted[start : start + 200]
            made = await self.once("CreateTopics", None, {"topics": part, "timeout_ms": 30_000})
            for topic in made["topics"]:
                assert topic["error_code"] == 0, topic
                ids[topic["name"]] = parse_uuid(topic["topic_id"])
            await self._until_led([topic["name"] for topic in part])
        return ids

    async def _until_led(self, names: list[str]) -> None:
        for _ in range(500):
            found = await self.once("Metadata", 12, {"topics": [{"name": name} for name in names]})
            if all(
                topic["error_code"] == 0 and all(one["leader_id"] >= 0 for one in topic["partitions"])
                for topic in found["topics"]
            ) and not has_error(await self._ends(names), (3, 6)):
                return
            await asyncio.sleep(RETRY_S)
        raise AssertionError("topics without a leader")

    async def _ends(self, names: list[str]) -> Tree:
        """Answered once the broker has the log: Kafka's metadata are ahead of that."""
        rows = [{"name": name, "partitions": [{"partition_index": 0, "timestamp": -1}]} for name in names]
        return await self.once("ListOffsets", 6, {"replica_id": -1, "topics": rows})

    async def warm_up(self) -> None:
        """Until coordinators, producer ids and the internal topics are there: they are made at first use."""
        for key_type in (0, 1) if "EndTxn" in self.advertised else (0,):
            await self._until("FindCoordinator", {"key_type": key_type, "coordinator_keys": ["warm-up"]})
        await self._until("InitProducerId", {"transactional_id": None, "transaction_timeout_ms": 1000})
        for number in range(12):
            fields = {"groups": [{"group_id": f"warm-up-{number}", "topics": []}]}
            await self._until("OffsetFetch", fields, version=9)
            if "DescribeTransactions" in self.advertised:
                fields = {"transactional_ids": [f"warm-up-{number}"]}
                await self._until("DescribeTransactions", fields, passing=(14, 15, 16))

    async def _until(
        self, api: str, fields: dict[str, Any], version: int | None = None, passing: tuple[int, ...] = (14, 15, 16, 3)
    ) -> None:
        for _ in range(500):
            if not has_error(await self.once(api, version, fields), passing):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{api} does not come to work")


class _Running:
    """One run under way."""

    def __init__(self, asker: Asker, run: Run, ids: dict[str, Uuid]) -> None:
        self._asker = asker
        self._run = run
        mine = {name: one for name, one in ids.items() if name.startswith(run.prefix)}
        self._scope = Scope(run.prefix, mine)
        self._wires: dict[str, Wire] = {}
        self._later: dict[str, tuple[Ask, asyncio.Task[Told]]] = {}
        self._correlation = 0

    async def all(self) -> list[Told]:
        found: list[Told] = []
        try:
            for step in self._run.case.steps:
                told = await self._step(step)
                if told is not None:
                    self._scope.answers[told.step] = told.answer
                    self._learn(told.answer)
                    found.append(told)
            return found
        except Exception as error:
            raise RuntimeError(f"{self._run.name}: {error}") from error
        finally:
            for _, task in self._later.values():
                task.cancel()
            for wire in self._wires.values():
                wire.close()

    async def _step(self, step: Step) -> Told | None:
        if isinstance(step, Take):
            if step.name not in self._later:
                return None
            _, task = self._later.pop(step.name)
            return await task
        if isinstance(step, Send):
            return await self._send(step)
        version = step.version if step.version is not None else self._version(step.api)
        if not step.since <= version < step.before:
            return None
        if step.later:
            wire = await self._wire(step.on)
            self._later[step.name] = step, asyncio.ensure_future(self._ask(step, version, wire))
            await asyncio.sleep(0)
            await self._settled(step)
            return None
        return await self._ask(step, version, await self._wire(step.on))

    async def _settled(self, step: Ask) -> None:
        """What was sent on one connection has reached the broker before the next step asks on another."""
        await asyncio.sleep(0.4)

    def _version(self, api: str) -> int:
        known = self._run.versions.get(api)
        return self._asker.advertised[api][1] if known is None else known

    async def _wire(self, name: str) -> Wire:
        if name not in self._wires or self._wires[name].is_silent:
            port = self._asker.doors.get(self._run.case.name, self._asker.port)
            self._wires[name] = await Wire.open(self._asker.host, port)
        return self._wires[name]

    async def _ask(self, step: Ask, version: int, wire: Wire) -> Told:
        fields = resolve(step.fields, self._scope)
        answer: Tree = None
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            answer = await self._answer(step, version, fields, wire)
            if not _is_passing(step, answer) or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(RETRY_S)
        return Told(step.name, step.api, version, answer, literals(step.fields), step.compare, step.mine)

    async def _answer(self, step: Ask, version: int, fields: dict[str, Any], wire: Wire) -> Tree:
        self._correlation += 1
        number = self._correlation
        counted = (step.api, version)
        self._asker.requests[counted] = self._asker.requests.get(counted, 0) + 1
        wire.send(_frame(step, fields, version, number))
        if step.no_answer:
            return await self._nothing(wire)
        found = await wire.answer(self._asker.timeout_s or step.timeout_s)
        return _decoded(step.api, version, found, number)

    async def _nothing(self, wire: Wire) -> Tree:
        """The request that gets no answer: the next one on the connection gets the next answer, or it is closed."""
        await wire.closed_within(CLOSING_S)
        self._correlation += 1
        wire.send(_frame(Ask("probe", "ApiVersions", {}), {}, 0, self._correlation))
        found = await wire.answer()
        if isinstance(found, Ended):
            return f"closed ({found.how})"
        correlation = int.from_bytes(found[:4], "big")
        return "no answer" if correlation == self._correlation else "an answer where none is due"

    async def _send(self, step: Send) -> Told:
        wire = await self._wire(step.on)
        wire.send(resolve(step.data, self._scope))
        found = await wire.answer(SILENCE_S)
        if isinstance(found, Ended):
            answer: Tree = _ending(found)
        elif step.answer is not None:
            answer = _decoded(step.answer[0], step.answer[1], found, None)
        else:
            answer = {"frame": found}
        api, version = step.answer or (step.api, 0)
        return Told(step.name, api, version, answer)

    def _learn(self, answer: Tree) -> None:
        """Topic ids, from any answer that pairs them with names."""
        if not isinstance(answer, dict):
            return
        for topic in answer.get("topics") or ():
            if isinstance(topic, dict) and topic.get("name") and "topic_id" in topic:
                value = parse_uuid(topic["topic_id"])
                if any(value) and topic["name"].startswith(self._run.prefix):
                    self._scope.topic_ids[topic["name"]] = value


def _frame(step: Ask, fields: dict[str, Any], version: int, number: int) -> bytes:
    if step.raw is not None:
        head = struct.pack(">hhi", BY_NAME[step.api].key, version, number) + b"\0\6client"
        body = head + step.raw
        return len(body).to_bytes(4, "big") + body
    message = build(BY_NAME[step.api].request_class(), fields, version)
    return b"".join(request_frame(message, version, number, step.client_id))


def _decoded(api: str, version: int, found: bytes | Ended, number: int | None) -> Tree:
    if isinstance(found, Ended):
        return _ending(found)
    try:
        correlation, position = read_response_header(BY_NAME[api].key, version, found)
        if number is not None and correlation != number:
            return f"the answer to another request ({correlation - number:+d})"
        if api == "ApiVersions" and version > 0 and found[position : position + 2] == b"\0\x23":
            version = 0
        message, end = BY_NAME[api].response_class().decode(version, found, position)
    except ProtocolError as error:
        return f"does not parse: {error}"
    answer = tree(message, version)
    if end != len(found):
        answer["bytes_after_the_answer"] = len(found) - end
    return answer


def _is_passing(step: Ask, answer: Tree) -> bool:
    """Whether this is an answer of a moment, and the one that counts is still to come."""
    if step.until or step.unless:
        present = set(_settings(answer))
        if not present.issuperset(step.until) or present.intersection(step.unless):
            return True
    if step.until_error is not None and not has_error(answer, (step.until_error,)):
        return True
    return has_error(answer, step.retry)


def _settings(answer: Tree) -> Iterator[str]:
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key == "configs" and isinstance(value, list):
                yield from (one["value"] for one in value)
            elif key == "finalized_features":
                yield from (f"{one['name']}={one['max_version_level']}" for one in value)
            elif key in ("value", "iterations"):
                yield str(value)
            else:
                yield from _settings(value)
    elif isinstance(answer, list):
        for one in answer:
            yield from _settings(one)


def _ending(found: Ended) -> str:
    return "silence" if found.how == "silence" else f"closed ({found.how})"


def has_error(answer: Tree, codes: tuple[int, ...]) -> bool:
    if isinstance(answer, dict):
        return any(
            (key.endswith("error_code") and value in codes) or has_error(value, codes) for key, value in answer.items()
        )
    return isinstance(answer, list) and any(has_error(one, codes) for one in answer)


def literals(fields: Any, name: str = "") -> dict[str, Any]:
    """The plain values that a case itself writes into a request, by field: those are not generated."""
    found: dict[str, Any] = {}
    if isinstance(fields, dict):
        for key, value in fields.items():
            for inner, values in literals(value, key).items():
                found.setdefault(inner, []).extend(values)
    elif isinstance(fields, (list, tuple)):
        for value in fields:
            for inner, values in literals(value, name).items():
                found.setdefault(inner, []).extend(values)
    elif isinstance(fields, (str, int)) and not isinstance(fields, bool):
        found[name] = [fields]
    return found


__all__ = ["ANSWER_TIMEOUT_S", "Asker", "Run", "Told", "runs_of", "uuid_text"]
