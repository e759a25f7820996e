"""The physical limit: bytes from one process over TCP into a file of another, with nothing in between."""

from __future__ import annotations

import os
import socket
import tempfile
import time

from benchmarks.clients.harness import Params, Result, run

_CHUNK_BYTES = 256 * 1024


def main(params: Params) -> Result:
    """Params: folder, size_bytes, receiver_core (or None). Result: elapsed_s."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        start = time.perf_counter()
        child = os.fork()
        if not child:
            if params["receiver_core"] is not None:
                os.sched_setaffinity(0, {params["receiver_core"]})
            with server.accept()[0] as connection:
                receive(connection, params["folder"])
            os._exit(0)
        with socket.create_connection(server.getsockname()) as sender:
            chunk = bytes(_CHUNK_BYTES)
            for _ in range(params["size_bytes"] // _CHUNK_BYTES):
                sender.sendall(chunk)
        _, status = os.waitpid(child, 0)
        assert status == 0
        return {"elapsed_s": time.perf_counter() - start}


def receive(connection: socket.socket, folder: str) -> None:
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        while count := connection.recv_into(buffer):
            file.write(buffer[:count])


if __name__ == "__main__":
    run(main)
