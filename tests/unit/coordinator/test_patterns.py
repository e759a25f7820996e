"""RE2's syntax as Kafka's coordinator reads it; what is wrong is said in its words. All observed on 4.3.1."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.common.errors import InvalidRegularExpression
from ottla.coordinator.group.patterns import Pattern, compile_pattern

WRONG = {
    "t(": "missing closing )", "t)": "regexp/syntax: internal error", "[a": "missing closing ]",
    "a[]": "missing closing ]",
    "*a": "missing argument to repetition operator", "(*)": "missing argument to repetition operator",
    "{2}": "missing argument to repetition operator", "a**": "invalid nested repetition operator",
    "a{2}{3}": "invalid nested repetition operator", "a{1001}": "invalid repeat count",
    "a{2,1}": "invalid repeat count",
    "a\\": "trailing backslash at end of expression", "\\8": "invalid escape sequence",
    "\\1": "invalid escape sequence",
    "(?P<>a)": "invalid named capture",
    "(?P<n": "invalid named capture", "(?=a)": "invalid or unsupported Perl syntax",
    "(?!a)": "invalid or unsupported Perl syntax", "(?i": "invalid or unsupported Perl syntax",
    "(?>a)": "invalid or unsupported Perl syntax", "(?z)a": "invalid or unsupported Perl syntax",
    "[z-a]": "invalid character class range", "[[:foo:]]": "invalid character class range",
    "\\p{Foo}": "invalid character class range", "\\x": "invalid escape sequence", "\\xZZ": "invalid escape sequence",
    "\\x{110000}": "invalid escape sequence", "\\Z": "invalid escape sequence",
    "(?:": "missing closing )", "\\cA": "invalid escape sequence",
}  # fmt: skip


@pytest.mark.parametrize(("text", "why"), WRONG.items())
def test_a_wrong_pattern_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidRegularExpression) as caught:
        compile_pattern(text)
    assert caught.value.message == f"SubscribedTopicRegex `{text}` is not a valid regular expression: {why}."


@pytest.mark.parametrize(
    ("text", "name", "matches"),
    [
        ("", "", True), ("", "a", False), ("a|b", "b", True), ("a|", "", True), (".*", "x.y-z_1", True),
        ("\\Qa.b\\E.", "a.bc", True), ("\\Qa.b\\E.", "axbc", False), ("(?i)ORDERS", "orders", True),
        ("(?i:A)b", "aB", False), ("(?P<name>a)+", "aaa", True), ("(?<name>a)", "a", True),
        ("[[:digit:]]{2}", "42", True),
        ("[^[:alpha:]]", "a", False), ("\\d+\\.\\w", "12.z", True), ("\\pL\\p{Nd}\\PL", "a1_", True),
        ("[]a]", "a", True),
        ("x{2", "x{2", True), ("x{,2}", "x{,2}", True), ("\\x61\\x{62}\\07", "ab\x07", True), ("^a$", "a", True),
        ("a^", "a", False), ("(?:a$)b", "ab", False), ("a\\b-\\Bb", "a-b", False), ("a\\b-\\bb", "a-b", True),
        ("\\Aa\\z", "a", True), ("a{0}b", "b", True), ("a{2,}", "aaa", True), ("a??b", "b", True), ("(?)a", "a", True),
        ("é", "e", False), ("(?s-i).", "a", True),
    ],
)  # fmt: skip
def test_what_matches(text: str, name: str, matches: bool) -> None:
    assert Pattern(text).matches(name) is matches


def test_no_pattern_takes_long() -> None:
    """Backtracking would take 2**249 steps here."""
    assert not Pattern("(a*)*(a*)*b").matches("a" * 249)
    assert not Pattern("(a|aa)+" * 5 + "b").matches("a" * 249)


@pytest.mark.parametrize("text", ["((a{100}){100}){100}", "\\pL{1000}", "a" * 1_000_000])
def test_no_pattern_takes_much_memory(text: str) -> None:
    with pytest.raises(InvalidRegularExpression):
        Pattern(text)


def test_a_name_of_a_group_may_come_twice_and_a_byte_may_be_asked_for() -> None:
    """RE2 itself allows both, its Java port neither (docs/compatibility.md)."""
    assert Pattern("(?P<n>a)(?P<n>b)").matches("ab")
    assert Pattern("\\C").matches("a")


ATOMS = st.sampled_from(["a", "b", "-", ".", "[ab]", "[^a]", "[a-c_]", "\\d", "\\w", "\\W"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("({0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"])).map("(?:{0[0]}){0[1]}".format),
        inner.map("^{}".format),
        inner.map("{}$".format),
        inner.map("\\b{}".format),
        inner.map("(?i:{})".format),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.text("abcAB1-_.", max_size=6))
def test_patterns_match_what_pythons_match(text: str, name: str) -> None:
    """Where the two syntaxes agree, Python's engine is the twin."""
    assert Pattern(text).matches(name) == (re.compile(text, re.ASCII).fullmatch(name) is not None)
