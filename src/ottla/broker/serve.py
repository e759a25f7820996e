"""Runs one broker in this process until it is told to stop: the event loop, the signals, the clear sentences."""

from __future__ import annotations

import asyncio
import errno
import gc
import re
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ottla.broker.addresses import needs_host_name
from ottla.broker.node import Node, StartError
from ottla.common.clock import SystemClock, SystemRandom
from ottla.common.log import Log
from ottla.storage.offload import ThreadOffload
from ottla.storage.os_files import OsFiles

if TYPE_CHECKING:
    from ottla.broker.settings import BrokerSettings

STOPPED, FAILED = 0, 1


def serve(settings: BrokerSettings, *, ready: Callable[[Node], None]) -> int:
    """Blocks until SIGINT or SIGTERM; the exit code. `ready` is called when the broker answers.

    A second signal while stopping ends the process at once.
    """
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    clock = SystemClock()
    log = Log(clock, sys.stderr.write, settings.ottla_log_level, form=settings.ottla_log_format)
    try:
        return loop.run_until_complete(_serve(loop, settings, ready, clock, log))
    except StartError as error:
        print(f"ottla: {error}", file=sys.stderr)  # noqa: T201 - the user's terminal
        return FAILED
    finally:
        loop.close()


async def _serve(
    loop: asyncio.AbstractEventLoop,
    settings: BrokerSettings,
    ready: Callable[[Node], None],
    clock: SystemClock,
    log: Log,
) -> int:
    stop: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if stop.done():
            log.warn("shutdown.forced")
            raise SystemExit(FAILED)
        stop.set_result(None)

    node = Node(
        settings,
        loop=loop,
        files=OsFiles(),
        clock=clock,
        random=SystemRandom(),
        offload=ThreadOffload(),
        log=log,
        host_name=canonical_host_name() if needs_host_name(settings) else "localhost",
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        await node.start()
        warn_of_open_doors(node, log)
        # What lives now lives long: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        ready(node)
        await stop
    except OSError as error:
        raise StartError(sentence(error)) from error
    finally:
        await node.stop()
    return STOPPED


def warn_of_open_doors(node: Node, log: Log) -> None:
    """One line for each listener that other machines can reach: there is no authentication yet."""
    for listener in node.listeners:
        if not listener.bind.is_loopback:
            log.warn(
                "listener.unprotected",
                listener=listener.name,
                address=listener.bind.text,
                advertised=listener.advertised.text,
                meaning="whoever reaches this port may read, write and delete everything: there is no authentication",
            )


def canonical_host_name() -> str:
    """What Java calls the canonical host name of this machine; a name that only means "here" is passed over."""
    own = socket.gethostname()
    full = socket.getfqdn(own)
    return own if full.startswith("localhost") else full


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed; the standard loop is the tested fallback."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


_SENTENCES = {
    errno.ENOSPC: "the disk is full{}; free some space, or choose another folder with --data or log.dirs",
    errno.EDQUOT: "the disk quota is used up{}; free some space, or choose another folder with --data or log.dirs",
    errno.EACCES: "no permission{}; choose a folder or port that you may use",
    errno.EPERM: "no permission{}; choose a folder or port that you may use",
    errno.EROFS: "the file system is read-only{}; choose another folder with --data or log.dirs",
    errno.EEXIST: "this is a file, not a folder{}; choose another with --data or log.dirs",
    errno.ENOTDIR: "this is a file, not a folder{}; choose another with --data or log.dirs",
    errno.EADDRINUSE: "the port is in use{}; choose another with --port or listeners, or stop what holds it",
    errno.EADDRNOTAVAIL: "this machine has no such address{}; check the listeners setting",
}
_ADDRESS = re.compile(r"\('([^']*)', (\d+)")
"""How the event loops name the address that they could not bind."""


def sentence(error: OSError) -> str:
    """What an error of the operating system means for the person who started the broker."""
    address = _ADDRESS.search(str(error))
    where = str(error.filename) if error.filename else f"{address[1]}:{address[2]}" if address else ""
    known = _SENTENCES.get(error.errno or 0)
    if known is not None:
        return known.format(f" ({where})" if where else "")
    return f"{where}: {error.strerror}" if where else str(error)
