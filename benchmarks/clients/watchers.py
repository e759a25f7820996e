"""Many consumers wait on one partition, each with a long poll of its own; a record comes, and all must have it."""

from __future__ import annotations

import select
import time

from benchmarks.clients.harness import Params, Result, measured, percentile, run
from benchmarks.wire import Wire, fetch_frame, greeted, one_record_batch, produce_frame

_WAIT_MS = 30_000
_VERSION = 10
_RECORD_BYTES = 100


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, consumers, records. Result: all_s, from the ack until the last one has it."""
    address, topic = params["address"], params["topic"]
    waiting = greeted(address, params["consumers"])
    poll = select.epoll()
    by_number = {wire.socket.fileno(): wire for wire in waiting}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    record = produce_frame(_VERSION, topic, b"", 0, one_record_batch(_RECORD_BYTES))
    times = []
    result: Result = {}
    with Wire(address) as producer, measured(params, result):
        for _ in range(params["records"]):
            offset = producer.end_offsets(topic, 1)[0]
            frame = fetch_frame(topic, {0: offset}, max_bytes=1 << 20, max_wait_ms=_WAIT_MS)
            for wire in waiting:
                wire.socket.sendall(frame)
            producer.end_offsets(topic, 1)  # by the time of this answer most polls are parked
            producer.produce(record, _VERSION)
            start = time.perf_counter()
            drain(poll, by_number)
            times.append(time.perf_counter() - start)
    return {**result, "all_s": percentile(times, 0.5)}


def drain(poll: select.epoll, by_number: dict[int, Wire]) -> None:
    """Reads one answer from each."""
    parts: dict[int, bytes] = {}
    left = len(by_number)
    while left:
        events = poll.poll(60)
        assert events, f"{left} consumers got nothing in 60 s"
        for number, _ in events:
            data = by_number[number].socket.recv(65_536)
            if number in parts:
                data = parts.pop(number) + data
            if len(data) < 4 + int.from_bytes(data[:4], "big"):
                parts[number] = data
                continue
            assert len(data) > _RECORD_BYTES, "an answer without the record"
            left -= 1


if __name__ == "__main__":
    run(main)
