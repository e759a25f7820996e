"""What is no request: lengths, headers, versions and bodies that Kafka refuses by closing, and what it forgives."""

from __future__ import annotations

import struct

from ottla.protocol.api import APIS
from tests.conformance.differential.steps import Case, Send, Step, case


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def header(key: int, version: int, client: bytes | None = b"test") -> bytes:
    size = -1 if client is None else len(client)
    return struct.pack(">hhih", key, version, 5, size) + (client or b"")


FRAMES = {
    "negative length": struct.pack(">i", -1),
    "length zero": struct.pack(">i", 0),
    "length above the limit": struct.pack(">i", 104_857_601),
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tls hello": bytes.fromhex("16030100f8010000f40303") + bytes(240),
    "short header": frame(b"\x00\x12\x00"),
    "unknown api": frame(header(999, 0)),
    "negative api": frame(header(-1, 0)),
    "removed api": frame(header(4, 0)),
    "negative version": frame(header(3, -1) + b"\0" * 20),
    "body ends early": frame(header(3, 1) + b"\0\0\0\5\0\3ab"),
    "array longer than the frame": frame(header(3, 1) + b"\x7f\xff\xff\xff"),
    "negative array": frame(header(12, 0) + b"\0\1g\0\0\0\1\xff\xfe"),
    "random bytes": frame(header(0, 9) + bytes(range(1, 200))),
    "api versions cut short": frame(header(18, 3) + b"\0\x0aabc"),
    "null string": frame(header(12, 0) + b"\xff\xff\0\0\0\1\0\1m"),
    "null group": frame(header(15, 0) + b"\0\0\0\1\xff\xff"),
    "bad utf-8": frame(header(3, 1) + b"\0\0\0\1\0\2\xff\xfe"),
    "null array of names": frame(header(15, 0) + b"\xff\xff\xff\xff"),
    "tagged section of the header": frame(header(18, 3) + b"\1\x63\2ab" + b"\2a\2b\0"),
    "tagged section cut short": frame(header(18, 3) + b"\1\x63\x7fab"),
    "duplicate tags": frame(header(18, 3) + b"\0\2a\2b\2\x05\0\x05\0"),
    "tags in the wrong order": frame(header(18, 3) + b"\0\2a\2b\2\x06\0\x05\0"),
    "bytes after the body": frame(header(12, 0) + b"\0\1g\0\0\0\1\0\1m" + b"extra"),
    "bytes after a flexible body": frame(header(12, 4) + b"\0\2g\0\0\0\1\2m\0\0" + b"extra"),
    "no client id": frame(header(12, 0, None) + b"\0\1g\0\0\0\1\0\1m"),
    "empty client id": frame(header(12, 0, b"") + b"\0\1g\0\0\0\1\0\1m"),
    "client id too long": frame(struct.pack(">hhih", 12, 0, 5, 400) + b"abc"),
    "varint too long": frame(header(18, 3) + b"\0\xff\xff\xff\xff\xff\xff\1"),
}


def _beyond() -> list[Step]:
    """Each API in the version after the last and before the first."""
    found: list[Step] = []
    for api in APIS.values():
        if api.advertised is not None and api.name != "ApiVersions":
            found.append(
                Send(f"{api.name} newer", frame(header(api.key, api.versions[1] + 1) + bytes(20)), on=f"{api.name} new")
            )
            if api.versions[0]:
                found.append(
                    Send(
                        f"{api.name} older",
                        frame(header(api.key, api.versions[0] - 1) + bytes(20)),
                        on=f"{api.name} old",
                    )
                )
    return found


ANSWERED = {
    "bad utf-8": ("Metadata", 1),
    "tagged section of the header": ("ApiVersions", 3),
    "tags in the wrong order": ("ApiVersions", 3),
    "duplicate tags": ("ApiVersions", 3),
    "varint too long": ("ApiVersions", 3),
}
"""In what form an answer is read, if one comes; others are compared as bytes."""

CASES: list[Case] = [
    case("frames", *(Send(name, data, on=name, answer=ANSWERED.get(name)) for name, data in FRAMES.items()), vary=()),
    case("frames-of-other-versions", *_beyond(), vary=()),
    case(
        "frames-api-versions",
        *(
            Send(
                f"version {version}",
                frame(header(18, version) + b"\0anything"),
                on=str(version),
                answer=("ApiVersions", 0),
            )
            for version in (5, 99, -1)
        ),
        vary=(),
    ),
    case(
        "frames-between-brokers",
        *(
            Send(api.name, frame(header(api.key, api.versions[1]) + bytes(20)), on=api.name)
            for api in APIS.values()
            if api.advertised is None and api.key not in (71, 72)
        ),
        vary=(),
    ),
]
