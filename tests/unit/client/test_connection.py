"""One connection: versions, order, limits, timeouts and its end, against a broker that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ottla.broker.eager import spawn
from ottla.client.connection import Connection, ConnectionOptions, open_connection
from ottla.common.errors import NetworkException, RequestTimedOut, UnsupportedVersion
from ottla.protocol.codec import EncodeError
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.fetch import FetchRequest
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import ProduceRequest
from ottla.testing.simulation import Simulation, run_simulation
from tests.unit.client.scripted import ScriptedBroker, versions

METADATA, API_VERSIONS = 3, 18


def answer_in_order(broker: ScriptedBroker) -> None:
    """Metadata is answered with the number of the answer as the controller."""
    counter = iter(range(1000))
    broker.handlers[METADATA] = lambda _request, _version: MetadataResponse(controller_id=next(counter))


def with_broker(body: Callable[[ScriptedBroker], Awaitable[None]], seed: int = 1) -> None:
    async def main(simulation: Simulation) -> None:
        broker = await ScriptedBroker(simulation).start()
        answer_in_order(broker)
        await body(broker)

    run_simulation(seed, main)


async def connect(options: ConnectionOptions | None = None) -> Connection:
    return await open_connection("127.0.0.1", 9092, options)


def test_it_introduces_itself_and_learns_what_the_broker_offers() -> None:
    async def body(broker: ScriptedBroker) -> None:
        connection = await connect()
        request, version = broker.received[0]
        assert (version, request.client_software_name) == (4, "ottla")
        assert connection.versions == {18: (0, 4), 3: (0, 13)}

    with_broker(body)


@pytest.mark.parametrize(
    ("offered", "used"), [({"api_18": (0, 3)}, [4, 3]), ({"api_18": (0, 2)}, [4, 2]), ({}, [4, 0])]
)
def test_it_falls_back_to_what_an_older_broker_has(offered: dict[str, tuple[int, int]], used: list[int]) -> None:
    async def body(broker: ScriptedBroker) -> None:
        def answer(_request: Any, version: int) -> ApiVersionsResponse:
            if version == used[-1]:
                return versions(api_18=(0, version), api_3=(0, 1))
            refusal = versions(**offered)
            refusal.error_code = UnsupportedVersion.code
            return refusal

        broker.handlers[API_VERSIONS] = answer
        connection = await connect()
        assert [version for _, version in broker.received] == used
        assert connection.version_for(MetadataRequest) == 1

    with_broker(body)


def test_the_highest_version_that_both_have_is_used_unless_one_is_given() -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[API_VERSIONS] = lambda _request, _version: versions(api_3=(2, 7), api_1=(19, 20))
        connection = await connect()
        await connection.send(MetadataRequest(topics=[]))
        await connection.send(MetadataRequest(topics=[]), version=3)
        assert [version for request, version in broker.received if isinstance(request, MetadataRequest)] == [7, 3]
        with pytest.raises(UnsupportedVersion, match="has versions 19 to 20, this client 4 to 18"):
            await connection.send(FetchRequest())
        with pytest.raises(UnsupportedVersion, match=r"does not offer Produce \(API key 0\)"):
            await connection.send(ProduceRequest())

    with_broker(body)


@pytest.mark.parametrize("seed", range(5))
def test_answers_reach_their_requests_when_many_are_under_way(seed: int) -> None:
    async def body(broker: ScriptedBroker) -> None:
        connection = await connect(ConnectionOptions(max_in_flight=7))
        futures = [connection.submit(MetadataRequest(topics=[])) for _ in range(50)]
        assert connection.in_flight == 7
        assert [(await future).controller_id for future in futures] == list(range(50))
        assert connection.in_flight == 0

    with_broker(body, seed)


def test_no_more_than_the_limit_is_under_way() -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[METADATA] = lambda _request, _version: None
        connection = await connect(ConnectionOptions(max_in_flight=3))
        futures = [connection.submit(MetadataRequest(topics=[])) for _ in range(10)]
        await asyncio.sleep(5)
        assert len(broker.requests(MetadataRequest)) == 3
        connection.close()
        for future in futures:
            with pytest.raises(NetworkException):
                await future

    with_broker(body)


def test_a_produce_without_acks_waits_for_no_answer_and_disturbs_no_other() -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[API_VERSIONS] = lambda _request, _version: versions(api_0=(3, 13), api_3=(0, 13))
        broker.handlers[0] = lambda _request, _version: None
        connection = await connect()
        assert await connection.send(ProduceRequest(acks=0)) is None
        assert (await connection.send(MetadataRequest(topics=[]))).controller_id == 0
        assert len(broker.requests(ProduceRequest)) == 1

    with_broker(body)


def test_a_request_without_an_answer_times_out_and_ends_the_connection() -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[METADATA] = lambda _request, _version: None
        connection = await connect()
        loop = broker.simulation.loop
        begin = loop.time()
        patient = connection.submit(MetadataRequest(topics=[]), timeout_ms=60_000)
        hasty = connection.submit(MetadataRequest(topics=[]), timeout_ms=2_000)
        with pytest.raises(RequestTimedOut, match="MetadataRequest v13 in time"):
            await hasty
        assert loop.time() - begin == pytest.approx(2)
        with pytest.raises(NetworkException, match="did not answer"):
            await patient
        assert not connection.is_open
        with pytest.raises(NetworkException):
            await connection.send(MetadataRequest(topics=[]))

    with_broker(body)


def test_each_answer_moves_the_next_deadline() -> None:
    async def body(broker: ScriptedBroker) -> None:
        connection = await connect(ConnectionOptions(request_timeout_ms=1_000))
        for _ in range(20):
            await connection.send(MetadataRequest(topics=[]))
            await asyncio.sleep(0.7)
        assert connection.is_open

    with_broker(body)


def test_a_broker_that_goes_fails_what_is_pending() -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[METADATA] = lambda _request, _version: None
        connection = await connect()
        futures = [connection.submit(MetadataRequest(topics=[])) for _ in range(3)]
        await asyncio.sleep(1)
        broker.stop()
        for future in futures:
            with pytest.raises(NetworkException, match=r"127\.0\.0\.1:9092 closed the connection"):
                await future
        await connection.wait_closed()

    with_broker(body)


def test_a_wrong_correlation_id_ends_the_connection() -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[METADATA] = lambda _request, _version: None
        connection = await connect()
        future = connection.submit(MetadataRequest(topics=[]))
        await asyncio.sleep(1)
        broker.connections[0].send(MetadataResponse(), 13, 999)
        with pytest.raises(NetworkException, match="request 999 where 2 is due"):
            await future

    with_broker(body)


@pytest.mark.parametrize("junk", [b"HTTP/1.1 400 Bad Request\r\n", b"\0\0\0\x01x", b"\0\0\0\x06\0\0\0\x02\0\xff"])
def test_what_does_not_parse_ends_the_connection(junk: bytes) -> None:
    async def body(broker: ScriptedBroker) -> None:
        broker.handlers[METADATA] = lambda _request, _version: None
        connection = await connect()
        future = connection.submit(MetadataRequest(topics=[]))
        await asyncio.sleep(1)
        broker.connections[0].transport.write(junk)
        with pytest.raises(NetworkException, match="does not parse"):
            await future

    with_broker(body)


def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    async def body(broker: ScriptedBroker) -> None:
        connection = await connect()
        connection.submit(MetadataRequest(topics=[])).cancel()
        assert (await connection.send(MetadataRequest(topics=[]))).controller_id == 1

    with_broker(body)


def test_values_that_do_not_fit_a_version_fail_their_own_request_only() -> None:
    async def body(broker: ScriptedBroker) -> None:
        connection = await connect(ConnectionOptions(max_in_flight=1))
        first = connection.submit(MetadataRequest(topics=[]))
        bad = connection.submit(MetadataRequest(topics=None), version=0)
        last = connection.submit(MetadataRequest(topics=[]))
        assert (await first).controller_id == 0
        with pytest.raises(EncodeError):
            await bad
        assert (await last).controller_id == 1

    with_broker(body)


def test_a_broker_that_never_accepts_is_given_up_after_the_connect_timeout() -> None:
    async def main(simulation: Simulation) -> None:
        simulation.network.partition("localhost", "far")
        with pytest.raises(NetworkException, match="did not accept within 3000 ms"):
            await open_connection("far", 9092, ConnectionOptions(connect_timeout_ms=3_000))
        assert simulation.loop.time() == pytest.approx(3)
        with pytest.raises(NetworkException, match="cannot connect to near:9092"):
            await open_connection("near", 9092)

    run_simulation(1, main)


def test_requests_can_be_sent_without_a_task() -> None:
    async def body(broker: ScriptedBroker) -> None:
        done: asyncio.Future[Any] = broker.simulation.loop.create_future()

        async def ask() -> int:
            connection = await connect()
            response = await connection.send(MetadataRequest(topics=[]))
            return int(response.controller_id)

        spawn(ask(), lambda result, error: done.set_result((result, error)))
        assert await done == (0, None)

    with_broker(body)


def test_authentication_happens_before_the_connection_is_handed_out() -> None:
    async def body(broker: ScriptedBroker) -> None:
        async def authenticate(connection: Connection) -> None:
            await connection.send(ApiVersionsRequest(client_software_name="a", client_software_version="1"))
            raise NetworkException("not you")

        with pytest.raises(NetworkException, match="not you"):
            await connect(ConnectionOptions(authenticate=authenticate))
        await asyncio.sleep(1)
        assert broker.connections[0].transport.is_closing()

    with_broker(body)
