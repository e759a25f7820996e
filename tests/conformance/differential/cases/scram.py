"""DescribeUserScramCredentials, AlterUserScramCredentials."""

from __future__ import annotations

from typing import Any

from tests.conformance.differential.steps import Ask, Named, ask, case

SHA_256, SHA_512 = 1, 2
SALT, PASSWORD = b"salt of the test", bytes(range(32))
U, V = Named("u"), Named("v")


def put(user: Any, mechanism: int = SHA_256, iterations: int = 4096, **fields: Any) -> dict[str, Any]:
    row = {"name": user, "mechanism": mechanism, "iterations": iterations, "salt": SALT, "salted_password": PASSWORD}
    return {**row, **fields}


def drop(user: Any, mechanism: int = SHA_256) -> dict[str, Any]:
    return {"name": user, "mechanism": mechanism}


def alter(name: str, *rows: dict[str, Any]) -> Ask:
    return ask(
        name,
        "AlterUserScramCredentials",
        deletions=[row for row in rows if "salt" not in row],
        upsertions=[row for row in rows if "salt" in row],
    )


def describe(name: str, *users: Any, **options: Any) -> Ask:
    return ask(name, "DescribeUserScramCredentials", _=options, users=[{"name": user} for user in users])


CASES = [
    case(
        "scram-kept",
        describe("nobody", U),
        alter("one", put(U)),
        describe("one", U, retry=(91,)),
        alter("the other mechanism", put(U, SHA_512, 8192)),
        describe("both", U, until=("4096", "8192")),
        alter("two users", put(V), put(U, SHA_256, 5000)),
        describe("two", V, U, until=("5000", "4096")),
        describe("one of them unknown", V, Named("nobody")),
        describe("twice", U, U),
        describe("all", mine=True),
        ask("null", "DescribeUserScramCredentials", _={"mine": True}, users=None),
        alter("deleted", drop(U)),
        alter("deleted again", drop(U)),
        alter("the other deleted", drop(U, SHA_512)),
        describe("gone", U, until_error=91),
        alter("no such user", drop(Named("nobody"))),
        alter("put and drop", put(V, SHA_512), drop(V)),
        describe("one left", V),
    ),
    case(
        "scram-badly",
        alter("unknown mechanism", put(U, 7)),
        alter("mechanism 0", put(U, 0)),
        alter("drop of an unknown mechanism", drop(U, 9)),
        alter("empty name", put("")),
        alter("drop of an empty name", drop("")),
        alter("too few iterations", put(U, SHA_256, 4095)),
        alter("too many iterations", put(U, SHA_256, 16385)),
        alter("negative", put(U, SHA_256, -1)),
        alter("no salt", put(U, salt=b"")),
        alter("no password", put(U, salted_password=b"")),
        alter("short password", put(U, salted_password=b"abc")),
        alter("twice", put(U), put(U)),
        alter("both at once", put(U), drop(U)),
        alter("drop twice", drop(U), drop(U)),
        alter("good and bad", put(V), put(U, SHA_256, 1)),
        alter("good and bad of one user", put(V, SHA_512), put(V, SHA_256, 1)),
        alter("nothing"),
        describe("what came of it", V, U, retry=(91,)),
        describe("empty name", ""),
    ),
]
