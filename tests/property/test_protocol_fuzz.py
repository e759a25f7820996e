"""Whatever arrives, decoding ends in a message or a ProtocolError, and takes memory in proportion to what arrived."""

from __future__ import annotations

import contextlib
import tracemalloc
from random import Random

import pytest

from ottla.protocol.api import APIS
from ottla.protocol.codec import EncodeError, ProtocolError
from ottla.protocol.headers import read_request_header
from ottla.protocol.message import Message
from tests.conformance.declared_messages import declared_messages, declared_versions
from tests.conformance.protocol_values import random_message

MUTANTS_PER_VERSION = 30
LIES = (b"\xff\xff\xff\xff\x07", b"\x7f\xff\xff\xff", b"\xff" * 10, b"\x80\x80\x80\x80\x08", b"\xfe\xff\x03", b"\x80\0")
"""Lengths and counts that promise more than there is, in both encodings."""


def mutate(data: bytes, random: Random) -> bytes:
    """The data with a few bytes changed, a lie put in, a piece cut out or doubled, or the end cut off."""
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(result) + 1)
        choice = random.randrange(6)
        if choice == 0 and at < len(result):
            result[at] ^= 1 << random.randrange(8)
        elif choice == 1 and at < len(result):
            result[at] = random.choice((0, 1, 2, 127, 128, 254, 255))
        elif choice == 2:
            lie = random.choice(LIES)
            result[at : at + len(lie)] = lie
        elif choice == 3:
            del result[at : at + random.randrange(1, 9)]
        elif choice == 4:
            result[at:at] = result[at : at + random.randrange(1, 20)]
        else:
            del result[at:]
    return bytes(result)


def decodes(message: type[Message], version: int, data: bytes) -> bool:
    """Whether the data is a message; if so, writing and reading it again must give the same bytes."""
    try:
        decoded, end = message.decode(version, data)
    except ProtocolError:
        return False
    assert 0 <= end <= len(data)
    written = decoded.encode(version)
    again, _ = message.decode(version, written)
    assert again.encode(version) == written
    return True


@pytest.mark.parametrize("name", sorted(declared_messages()))
def test_mutated_and_random_bytes_give_a_message_or_a_protocol_error(name: str, scale: float) -> None:
    message, random = declared_messages()[name], Random(f"mutants of {name}")
    ran = accepted = 0
    for version in range(message.versions[0], message.versions[1] + 1):
        for number in range(round(MUTANTS_PER_VERSION * scale)):
            if number % 5 == 0:
                data = random.randbytes(random.choice((0, 1, 5, 40, 300)))
            else:
                data = mutate(random_message(message, version, random).encode(version), random)
            accepted += decodes(message, version, data)
            ran += 1
    print(f"{name}: {ran} inputs, {accepted} of them messages")
    assert ran >= message.versions[1] - message.versions[0]


@pytest.mark.parametrize("name", sorted(declared_messages()))
def test_every_truncation_is_a_protocol_error(name: str) -> None:
    message, random = declared_messages()[name], Random(f"truncations of {name}")
    ran = 0
    for version in range(message.versions[0], message.versions[1] + 1):
        data = random_message(message, version, random).encode(version)
        cuts = range(len(data)) if len(data) < 200 else sorted(random.sample(range(len(data)), 200))
        for cut in cuts:
            with pytest.raises(ProtocolError):
                message.decode(version, memoryview(data)[:cut])
            ran += 1
    print(f"{name}: {ran} truncations refused")


def peak_bytes(message: type[Message], version: int, data: bytes) -> int:
    """The most memory that was in use while decoding."""
    with contextlib.suppress(ProtocolError):
        message.decode(version, data)  # what is compiled now is there for ever
    tracemalloc.start()
    try:
        message.decode(version, data)
    except ProtocolError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def test_a_lying_length_or_count_allocates_next_to_nothing(scale: float) -> None:
    random = Random("lies")
    pairs = declared_versions()
    worst, ran = 0, 0
    for message, version in random.sample(pairs, min(len(pairs), max(1, round(150 * scale)))):
        for _ in range(4):
            data = random_message(message, version, random).encode(version)
            at = random.randrange(len(data) + 1)
            lie = random.choice(LIES)
            data = data[:at] + lie + data[at + len(lie) :] + bytes(2000)
            peak = peak_bytes(message, version, data)
            worst = max(worst, peak)
            ran += 1
            assert peak < 20 * len(data) + 10_000, f"{message.__name__} v{version}: {peak} bytes for {len(data)}"
    print(f"{ran} lies, at worst {worst} bytes allocated")


def test_the_densest_arrays_allocate_a_bounded_multiple_of_their_bytes() -> None:
    worst, ran = 0.0, 0
    for message, version in declared_versions():
        for name, field in message.fields().items():
            if field.array and field.struct is not None and field.in_version(version):
                data = message(**{name: [field.struct() for _ in range(100)]}).encode(version)
                factor = peak_bytes(message, version, data) / len(data)
                worst = max(worst, factor)
                ran += 1
                assert factor < 100, f"{message.__name__} v{version} {name}"
    print(f"{ran} arrays of the smallest elements, at worst {worst:.1f} bytes allocated for a byte of input")
    assert ran


def test_request_headers_parse_or_give_a_protocol_error(scale: float) -> None:
    random = Random("headers")
    keys = [*APIS, -1, 4, 999]
    for _ in range(round(5000 * scale)):
        start = b"".join(n.to_bytes(2, "big", signed=True) for n in (random.choice(keys), random.randrange(-2, 15)))
        data = mutate(start + bytes(4) + b"\0\x05probe\0" + random.randbytes(random.randrange(20)), random)
        try:
            header = read_request_header(data)
        except ProtocolError:
            continue
        assert 10 <= header.body <= len(data)


def test_a_message_is_written_in_another_version_or_a_local_error_says_why() -> None:
    random = Random("other versions")
    refused = written = 0
    for message, version in declared_versions():
        for other in {message.versions[0], message.versions[1]} - {version}:
            value = random_message(message, version, random)
            try:
                value.encode(other)
                written += 1
            except EncodeError as error:
                assert str(error)
                refused += 1
    print(f"{written} written in another version, {refused} refused")
    assert refused
    assert written
