"""Reads RE2's syntax, as Kafka's coordinator does (KIP-848): Perl's, without what needs backtracking.

Which text matched is of no interest, only whether: groups, their names and lazy repetition are read and forgotten.
"""

from __future__ import annotations

from ottla.common.errors import InvalidRegularExpression
from ottla.coordinator.group.pattern_nodes import (
    ALL,
    DIGITS,
    LETTERS,
    LOWER,
    NEWLINE,
    SPACE,
    UPPER,
    WORD,
    Char,
    Choice,
    Edge,
    Node,
    Repeat,
    Sequence,
    chars,
    either_case,
    span,
)

_MOST_REPEATS = 1000
_DEEPEST = 150

_PUNCTUATION = span(33, 47) | span(58, 64) | span(91, 96) | span(123, 126)
_POSIX = {
    "alnum": DIGITS | LETTERS, "alpha": LETTERS, "ascii": ALL, "blank": chars("\t "),
    "cntrl": span(0, 31) | span(127, 127),
    "digit": DIGITS, "graph": span(33, 126), "lower": LOWER, "print": span(32, 126), "punct": _PUNCTUATION,
    "space": SPACE | chars("\v"), "upper": UPPER, "word": WORD, "xdigit": DIGITS | span(65, 70) | span(97, 102),
}  # fmt: skip
_PERL = {"d": DIGITS, "w": WORD, "s": SPACE}
_UNICODE = {
    "L": LETTERS, "Lu": UPPER, "Ll": LOWER, "N": DIGITS, "Nd": DIGITS, "Latin": LETTERS, "Any": ALL,
    "P": _PUNCTUATION & ~chars("$+<=>^`|~"), "S": chars("$+<=>^`|~"), "Z": chars(" "), "Zs": chars(" "),
    "Pd": chars("-"), "Pc": chars("_"), "C": span(0, 31) | span(127, 127), "Cc": span(0, 31) | span(127, 127),
}  # fmt: skip
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_EDGES = {"A": "start", "z": "end", "b": "word", "B": "inside"}


def parse(text: str) -> Node:
    """Raises InvalidRegularExpression, with RE2's description of what is wrong."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._fold = False
        self._dot_is_all = False
        self._depth = 0
        self._names: set[str] = set()

    def whole(self) -> Node:
        node = self._choice()
        if self._at < len(self._text):
            raise self._wrong("regexp/syntax: internal error")  # what Kafka says of a `)` too many
        return node

    def _wrong(self, why: str) -> InvalidRegularExpression:
        return InvalidRegularExpression(
            f"SubscribedTopicRegex `{self._text}` is not a valid regular expression: {why}."
        )

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self, text: str) -> bool:
        if not self._peek(text):
            return False
        self._at += len(text)
        return True

    # --- structure

    def _choice(self) -> Node:
        fold, dot = self._fold, self._dot_is_all
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        self._fold, self._dot_is_all = fold, dot  # flags hold to the end of their group
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._take("\\Q"):
                end = self._text.find("\\E", self._at)
                end = len(self._text) if end < 0 else end
                parts += [self._literal(one) for one in self._text[self._at : end]]
                self._at = end + 2
                continue
            if self._peek("(?") and not self._peek("(?P<") and not self._peek("(?<") and self._flags_alone():
                continue
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, node: Node) -> Node:
        before = ""
        while True:
            start = self._at
            bounds = self._bounds()
            if bounds is None:
                return node
            self._take("?")
            if before:
                raise self._wrong("invalid nested repetition operator")
            before = self._text[start : self._at]
            node = Repeat(node, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        return self._counts() if self._peek("{") else None

    def _counts(self) -> tuple[int, int | None] | None:
        """`{n}`, `{n,}` or `{n,m}`; anything else is the character itself."""
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : max(end, 0)].partition(",")
        if not _is_number(low) or (high and not _is_number(high)):
            return None
        self._at = end + 1
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if least > _MOST_REPEATS or (most is not None and (most > _MOST_REPEATS or most < least)):
            raise self._wrong("invalid repeat count")
        return least, most

    def _atom(self) -> Node:
        text, at = self._text, self._at
        one = text[at]
        if one in "*+?":
            raise self._wrong("missing argument to repetition operator")
        if one == "{" and self._counts() is not None:
            raise self._wrong("missing argument to repetition operator")
        self._at = at + 1
        if one == "(":
            return self._group()
        if one == "[":
            return Char(self._class())
        if one == ".":
            return Char(ALL if self._dot_is_all else ALL & ~NEWLINE)
        if one in "^$":
            return Edge("start" if one == "^" else "end")
        if one == "\\":
            return self._escape()
        return self._literal(one)

    def _literal(self, one: str) -> Node:
        mask = chars(one)
        return Char(either_case(mask) if self._fold else mask)

    # --- groups

    def _group(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("expression nests too deeply")
        fold, dot = self._fold, self._dot_is_all
        if self._take("?"):
            self._group_kind()
        node = self._choice()
        if not self._take(")"):
            raise self._wrong("missing closing )")
        self._fold, self._dot_is_all = fold, dot
        self._depth -= 1
        return node

    def _group_kind(self) -> None:
        """Behind `(?`: a name, or flags and a colon."""
        if self._take("P<") or self._take("<"):
            end = self._text.find(">", self._at)
            name = self._text[self._at : max(end, 0)]
            if end < 0 or not name or not name.isascii() or not name.replace("_", "a").isalnum():
                raise self._wrong("invalid named capture")
            if name in self._names:
                raise self._wrong("duplicate capture group name")
            self._names.add(name)
            self._at = end + 1
            return
        if not self._flags(":"):
            raise self._wrong("invalid or unsupported Perl syntax")

    def _flags_alone(self) -> bool:
        """`(?i)`: flags for the rest of the group."""
        start = self._at
        self._at += 2
        if self._flags(")"):
            return True
        self._at = start
        return False

    def _flags(self, end: str) -> bool:
        """Sets the flags up to `end`; False if something else stands here."""
        stop = self._text.find(end, self._at)
        flags = self._text[self._at : max(stop, self._at)]
        on, minus, off = flags.partition("-")
        if stop < 0 or not set(on + off) <= set("imsU") or (minus and not off):
            return False
        self._at = stop + 1
        for names, value in ((on, True), (off, False)):
            self._fold = value if "i" in names else self._fold
            self._dot_is_all = value if "s" in names else self._dot_is_all
        return True

    # --- escapes and classes

    def _escape(self) -> Node:
        if self._at == len(self._text):
            raise self._wrong("trailing backslash at end of expression")
        one = self._text[self._at]
        if one in _EDGES:
            self._at += 1
            return Edge(_EDGES[one])
        mask = self._named_class()
        if mask is None:
            return self._literal(chr(self._escaped()))
        return Char(mask)

    def _named_class(self) -> int | None:
        """Behind a backslash: `d`, `W`, `pL`, `p{Lu}`, ...; None if it is none of them."""
        one = self._text[self._at]
        if one.lower() in _PERL:
            self._at += 1
            mask = _PERL[one.lower()]
            return mask if one.islower() else ALL & ~mask
        if one not in "pP":
            return None
        self._at += 1
        if self._take("{"):
            end = self._text.find("}", self._at)
            name = self._text[self._at : max(end, 0)]
            self._at = end + 1
        else:
            name = self._text[self._at : self._at + 1]
            self._at += 1
        negative = (one == "P") != name.startswith("^")
        known = _UNICODE.get(name.removeprefix("^"))
        if known is None:
            raise self._wrong("invalid character class range")
        known = either_case(known) if self._fold else known
        return ALL & ~known if negative else known

    def _escaped(self) -> int:
        """Behind a backslash: one character's code."""
        one = self._text[self._at]
        self._at += 1
        if one in _CONTROL:
            return _CONTROL[one]
        if one == "x":
            return self._hexadecimal()
        if one in "01234567" and (one == "0" or self._text[self._at : self._at + 1].isdigit()):
            digits = one
            while len(digits) < 3 and self._text[self._at : self._at + 1] in tuple("01234567"):
                digits += self._text[self._at]
                self._at += 1
            return int(digits, 8)
        if not (one.isascii() and one.isalnum()):
            return ord(one)
        raise self._wrong("invalid escape sequence")

    def _hexadecimal(self) -> int:
        if self._take("{"):
            end = self._text.find("}", self._at)
            digits = self._text[self._at : max(end, 0)]
            self._at = end + 1
        else:
            digits = self._text[self._at : self._at + 2]
            self._at += 2
            if len(digits) < 2:
                raise self._wrong("invalid escape sequence")
        if not digits or not set(digits) <= set("0123456789abcdefABCDEF") or int(digits, 16) > 0x10FFFF:
            raise self._wrong("invalid escape sequence")
        return int(digits, 16)

    def _class(self) -> int:
        """Behind `[`."""
        negative = self._take("^")
        mask = 0
        first = True
        while first or not self._peek("]"):
            if self._at >= len(self._text):
                raise self._wrong("missing closing ]")
            first = False
            mask |= self._class_item()
        self._at += 1
        if self._fold:
            mask = either_case(mask)
        return ALL & ~mask if negative else mask

    def _class_item(self) -> int:
        if self._peek("[:"):
            end = self._text.find(":]", self._at)
            if end > 0:
                name = self._text[self._at + 2 : end]
                known = _POSIX.get(name.removeprefix("^"))
                if known is None:
                    raise self._wrong("invalid character class range")
                self._at = end + 2
                return ALL & ~known if name.startswith("^") else known
        if self._peek("\\"):
            self._at += 1
            if self._at >= len(self._text):
                raise self._wrong("missing closing ]")
            named = self._named_class()
            if named is not None:
                return named
            low = self._escaped()
        else:
            low = ord(self._text[self._at])
            self._at += 1
        high = low
        if self._peek("-") and not self._peek("-]") and self._at + 1 < len(self._text):
            self._at += 1
            if self._take("\\"):
                high = self._escaped() if self._at < len(self._text) else low
            else:
                high = ord(self._text[self._at])
                self._at += 1
            if high < low:
                raise self._wrong("invalid character class range")
        return span(low, high)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
