"""Small produce requests over several connections, several in flight on each: frames are encoded once."""

from __future__ import annotations

import select

from benchmarks.clients.harness import Params, Result, measured, run
from benchmarks.wire import Wire, check_produced, one_record_batch, produce_frame


class Pipe:
    """One connection and how many bytes of answers it has had."""

    def __init__(self, address: str, frame: bytes, version: int) -> None:
        self.wire = Wire(address)
        self.frame = frame
        answer = self.wire.exchange(frame)
        check_produced(answer, version)
        self.answer_bytes = len(answer) + 4
        self.received = 0

    def answered(self) -> int:
        """How many requests the bytes that are there now complete."""
        self.received += len(self.wire.socket.recv(262_144))
        count, self.received = divmod(self.received, self.answer_bytes)
        return count


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, partitions, version, count, size_bytes, connections, in_flight."""
    address, version, count, topic = params["address"], params["version"], params["count"], params["topic"]
    partitions, batch = params["partitions"], one_record_batch(params["size_bytes"])
    with Wire(address) as wire:
        topic_id = wire.topic(topic).topic_id
        before = sum(wire.end_offsets(topic, partitions))
    pipes = [
        Pipe(address, produce_frame(version, topic, topic_id, index % partitions, batch), version)
        for index in range(params["connections"])
    ]
    result: Result = {}
    with measured(params, result):
        pump(pipes, count, params["in_flight"])
    with Wire(address) as wire:
        arrived = sum(wire.end_offsets(topic, partitions)) - before - len(pipes)
    assert arrived == count, f"{arrived} of {count} requests arrived"
    return result


def pump(pipes: list[Pipe], count: int, in_flight: int) -> None:
    """Exactly `count` requests over all the pipes."""
    poll = select.epoll()
    by_number = {}
    to_send = count
    for pipe in pipes:
        poll.register(pipe.wire.socket.fileno(), select.EPOLLIN)
        by_number[pipe.wire.socket.fileno()] = pipe
        first = min(in_flight, to_send)
        pipe.wire.socket.sendall(pipe.frame * first)
        to_send -= first
    done = 0
    while done < count:
        for number, _ in poll.poll():
            pipe = by_number[number]
            answered = pipe.answered()
            done += answered
            more = min(answered, to_send)
            if more:
                pipe.wire.socket.sendall(pipe.frame * more)
                to_send -= more


if __name__ == "__main__":
    run(main)
