"""Runs one broker in this process until it is told to stop: the event loop, the signals, the clear sentences."""

from __future__ import annotations

import asyncio
import errno
import gc
import re
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ottla.broker.addresses import needs_host_name
from ottla.broker.descriptors import STDERR, open_standard_descriptors, raise_limit
from ottla.broker.measures.process import SystemProcess
from ottla.broker.node import Node, StartError
from ottla.common.clock import SystemClock, SystemRandom
from ottla.common.errors import InvalidConfig
from ottla.common.log import JSON, TEXT, Form, Log
from ottla.common.log_output import LogOutput, LogStream
from ottla.storage.offload import ThreadOffload
from ottla.storage.os_files import OsFiles

if TYPE_CHECKING:
    from ottla.broker.settings import BrokerSettings

STOPPED, FAILED = 0, 1
"""Exit codes. FAILED: the start was refused, the disk with the metadata or the last log directory failed (Kafka halts
with 1 there as well), or a second signal came."""


def serve(settings: BrokerSettings, *, ready: Callable[[Node], None]) -> int:
    """Blocks until SIGINT or SIGTERM; the exit code. `ready` is called when the broker answers.

    A second signal while stopping ends the process at once. Whatever this process or Python itself writes to the
    standard error meanwhile goes through a buffer, so that no reader can hold up the broker.
    """
    open_standard_descriptors()
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    clock = SystemClock()
    form: Form = JSON if settings.ottla_log_format == JSON else TEXT
    descriptor, before = STDERR, sys.stderr
    output = LogOutput(descriptor, lambda lines: log.line("warn", "log.dropped", {"lines": lines}))
    log = Log(clock, output.write, settings.ottla_log_level, form)
    sys.stderr = LogStream(output, descriptor)
    loop.set_exception_handler(lambda _, context: _unhandled(log, context))
    try:
        return loop.run_until_complete(_serve(loop, settings, ready, clock, log, output))
    except StartError as error:
        output.write(f"ottla: {error}\n")
        return FAILED
    except Exception as error:
        log.error("broker.failed", error=repr(error), trace=_trace(error))
        output.write(f"ottla: the broker ended by a fault of its own ({error!r}); its trace is in the log above\n")
        return FAILED
    finally:
        loop.close()
        output.close()
        sys.stderr = before


async def _serve(
    loop: asyncio.AbstractEventLoop,
    settings: BrokerSettings,
    ready: Callable[[Node], None],
    clock: SystemClock,
    log: Log,
    output: LogOutput,
) -> int:
    stop: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if stop.done():
            log.warn("shutdown.forced")
            raise SystemExit(FAILED)
        stop.set_result(None)

    def on_ended(_: object) -> None:
        if not stop.done():
            stop.set_result(None)

    try:
        node = Node(
            settings,
            loop=loop,
            files=OsFiles(),
            clock=clock,
            random=SystemRandom(),
            offload=ThreadOffload(),
            log=log,
            host_name=canonical_host_name() if needs_host_name(settings) else "localhost",
            descriptors=raise_limit(),
            process=SystemProcess(),
            resolve=addresses_of_host,
        )
    except InvalidConfig as error:  # what the network or the machine says of a setting
        raise StartError(error.message) from error
    node.metrics.total("ottla_log_lines_dropped_total", "Log lines that could not be written", lambda: output.dropped)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        await node.start()
        warn_of_open_doors(node, log)
        # What lives now lives long: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        ready(node)
        node.ended.add_done_callback(on_ended)
        await stop
    except OSError as error:
        raise StartError(sentence(error)) from error
    finally:
        await _stop(node, log)
    if node.ended.done():
        raise StartError(node.ended.result())
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


def addresses_of_host(name: str) -> list[str]:
    """All addresses of a host, once each. Waits for the network. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(name, None)))


async def _stop(node: Node, log: Log) -> None:
    """What goes wrong now must not hide why the broker ends."""
    try:
        await node.stop()
    except Exception as error:
        log.error("shutdown.failed", error=repr(error), trace=_trace(error))


def _unhandled(log: Log, context: dict[str, Any]) -> None:
    """What nobody awaited has failed. Said as a line: the standard handler would write a trace of its own form."""
    error = context.get("exception")
    log.error("loop.failed", message=context.get("message", ""), error=repr(error), trace=_trace(error))


def _trace(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(error)).rstrip() if error is not None else ""


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
    errno.EMFILE: "there are no file descriptors left{}; raise the limit of open files (ulimit -n)",
    errno.ENFILE: "the system has no file descriptors left{}; raise its limit (fs.file-max)",
    errno.ENOMEM: "there is no memory left{}; free some",
    errno.EIO: "the disk failed{}; look at it (dmesg), or choose another folder with --data or log.dirs",
    errno.EISDIR: "this is a folder, where a file should be{}; move it away",
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
