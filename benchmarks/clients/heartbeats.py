"""Many classic groups with one member each, whose heartbeats come as fast as the broker takes them."""

from __future__ import annotations

import select

from benchmarks.clients.harness import Params, Result, measured, run
from benchmarks.wire import CLIENT_ID, Wire, refuse, until
from ottla.protocol.headers import read_response_header, request_frame
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

_VERSION = 4
_SESSION_MS = 60_000


class Members:
    """The members of some groups on one connection, one heartbeat in flight for each connection."""

    def __init__(self, address: str, groups: list[str]) -> None:
        self.wire = Wire(address)
        self.frames = [self._frame(group) for group in groups]
        self.answer_bytes = 0
        self.sent = 0
        for frame in self.frames:
            answer = self.wire.exchange(frame)
            position = read_response_header(12, _VERSION, answer)[1]
            refuse(HeartbeatResponse.decode(_VERSION, answer, position)[0].error_code)
            self.answer_bytes = len(answer) + 4

    def _frame(self, group: str) -> bytes:
        until(lambda: self._found(group))
        protocols = [JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"\0\1\0\0\0\0\0\0\0\0")]

        def join(member: str) -> JoinGroupResponse:
            request = JoinGroupRequest(
                group_id=group, session_timeout_ms=_SESSION_MS, rebalance_timeout_ms=_SESSION_MS, member_id=member,
                protocol_type="consumer", protocols=protocols,
            )  # fmt: skip
            return self.wire.ask(request, 5, JoinGroupResponse)

        joined = join(until(lambda: join("").member_id or None))
        refuse(joined.error_code)
        assignment = SyncGroupRequest.SyncGroupRequestAssignment(member_id=joined.member_id, assignment=b"")
        synced = self.wire.ask(
            SyncGroupRequest(
                group_id=group, generation_id=joined.generation_id, member_id=joined.member_id,
                assignments=[assignment],
            ),
            3, SyncGroupResponse,
        )  # fmt: skip
        refuse(synced.error_code)
        beat = HeartbeatRequest(group_id=group, generation_id=joined.generation_id, member_id=joined.member_id)
        return b"".join(request_frame(beat, _VERSION, 7, CLIENT_ID))

    def _found(self, group: str) -> bool:
        answer = self.wire.ask(FindCoordinatorRequest(coordinator_keys=[group]), 4, FindCoordinatorResponse)
        refuse(answer.coordinators[0].error_code)
        return True

    def send(self) -> None:
        self.wire.socket.sendall(self.frames[self.sent % len(self.frames)])
        self.sent += 1


def main(params: Params) -> Result:
    """Params: address, broker_pid, group (a prefix), groups, connections, count."""
    names = [f"{params['group']}-{number}" for number in range(params["groups"])]
    every = [Members(params["address"], names[one :: params["connections"]]) for one in range(params["connections"])]
    result: Result = {}
    with measured(params, result):
        pump(every, params["count"])
    return result


def pump(every: list[Members], count: int) -> None:
    """Exactly `count` heartbeats, whose answers all have the size of one that was well."""
    poll = select.epoll()
    by_number = {one.wire.socket.fileno(): one for one in every}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    for one in every:
        one.send()
    to_send, done = count - len(every), 0
    while done < count:
        for number, _ in poll.poll():
            one = by_number[number]
            one.wire.socket.recv(one.answer_bytes)
            done += 1
            if to_send > 0:
                one.send()
                to_send -= 1


if __name__ == "__main__":
    run(main)
