"""Settings as Kafka defines them: a name, a type, a default, bounds and one sentence, in one line each.

```python
class TopicSettings(Settings):
    retention_ms: int = setting("retention.ms", LONG, 7 * DAY_MS, at_least=-1, doc="Age in ms; -1 keeps for ever.")

TopicSettings.parse({"retention.ms": "1000"}).retention_ms  # 1000
```

A class attribute holds the default, and an instance holds only what was given, so a thousand topics with defaults
share one set of values. The texts of errors are Kafka's, since scripts match them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from ottla.common.errors import InvalidConfig

BOOLEAN, STRING, INT, SHORT, LONG, DOUBLE, LIST, CLASS, PASSWORD = range(1, 10)
"""The types, with the codes that DescribeConfigs 3+ gives them."""

READ_ONLY, PER_BROKER, CLUSTER = "read-only", "per-broker", "cluster-wide"
"""Kafka's three update modes of a broker setting: at start only, for one broker, for one or for all."""

Value = bool | int | float | str | tuple[str, ...] | None
"""A parsed value; a LIST is a tuple. None is null."""

_TYPE_NAMES = ("", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD")
_WIDTHS = {INT: 1 << 31, SHORT: 1 << 15, LONG: 1 << 63}
INT_MAX, LONG_MAX = (1 << 31) - 1, (1 << 63) - 1
DOUBLE_MAX = 1.7976931348623157e308


class Setting:
    """One declared setting. `synonyms` are broker settings that give the default, first the strongest."""

    __slots__ = (
        "also",
        "at_least",
        "at_most",
        "attribute",
        "check",
        "default",
        "doc",
        "dynamic",
        "filled",
        "internal",
        "kind",
        "name",
        "one_of",
        "synonyms",
    )

    def __init__(
        self,
        name: str,
        kind: int,
        default: Value,
        at_least: float | None,
        at_most: float | None,
        also: int | None,
        one_of: tuple[str, ...] | None,
        check: Callable[[str, Any], str | None] | None,
        doc: str,
        dynamic: str,
        synonyms: tuple[str, ...],
        internal: bool,
        filled: bool,
    ) -> None:
        self.name = name
        self.attribute = ""
        self.kind = kind
        self.default = default
        self.at_least = at_least
        self.at_most = at_most
        self.also = also
        self.one_of = one_of
        self.check = check
        self.doc = doc
        self.dynamic = dynamic
        self.synonyms = synonyms
        self.internal = internal
        self.filled = filled

    def __repr__(self) -> str:
        return f"<setting {self.name} {self.kind_name}>"

    @property
    def kind_name(self) -> str:
        return _TYPE_NAMES[self.kind]

    @property
    def sensitive(self) -> bool:
        """Its value never leaves the broker."""
        return self.kind == PASSWORD

    def parse(self, text: str | None) -> Value:
        """The value of `text`, checked. Raises InvalidConfig with Kafka's sentence."""
        if text is None:
            if self.default is None:
                return None
            raise InvalidConfig(f"Invalid value null for configuration {self.name}: must not be null")
        value = self._convert(text)
        self._check_bounds(value)
        return value

    def render(self, value: Value) -> str | None:
        """The text that Kafka shows; `parse` of it gives the value back."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            return ",".join(value)
        return _java_double(value) if self.kind == DOUBLE else str(value)

    def _convert(self, text: str) -> Value:
        kind = self.kind
        if kind == PASSWORD:
            return text
        text = text.strip()
        if kind in _WIDTHS:
            return self._integer(text)
        if kind == BOOLEAN:
            word = text.lower()
            if word not in ("true", "false"):
                raise self._invalid(text, "Expected value to be either true or false")
            return word == "true"
        if kind == DOUBLE:
            try:
                return float(text)
            except ValueError:
                raise self._invalid(text, "Not a number of type DOUBLE") from None
        if kind == LIST:
            items = [item.strip() for item in text.split(",")] if text else []
            return tuple(dict.fromkeys(items)) if self.one_of is not None else tuple(items)
        return text

    def _integer(self, text: str) -> int:
        digits = text[1:] if text[:1] in ("-", "+") else text
        if digits.isascii() and digits.isdigit() and len(digits) < 40:
            value = int(text)
            if -_WIDTHS[self.kind] <= value < _WIDTHS[self.kind]:
                return value
        raise self._invalid(text, f"Not a number of type {self.kind_name}")

    def _check_bounds(self, value: Value) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.also is not None:
                if value != self.also and not (self.at_least or 0) <= value <= (self.at_most or 0):
                    raise self._invalid(
                        value, f"Value must be between {self.at_least} and {self.at_most} or equal to {self.also}"
                    )
            elif self.at_least is not None and not value >= self.at_least:
                raise self._invalid(value, f"Value must be at least {self.at_least}")
            elif self.at_most is not None and value > self.at_most:
                raise self._invalid(value, f"Value must be no more than {self.at_most}")
        problem = None if self.check is None else self.check(self.name, value)
        if problem is not None:
            shown = f"[{', '.join(value)}]" if isinstance(value, tuple) else value
            raise self._invalid(shown, problem)
        if isinstance(value, tuple):
            self._check_elements(value)
        if self.one_of is not None:
            self._check_choice(value)

    def _check_elements(self, values: tuple[str, ...]) -> None:
        """Kafka 4.3.1 refuses an empty element in every list, and some lists that are empty (KIP-1161)."""
        if "" in values:
            raise InvalidConfig(f"Configuration '{self.name}' values must not be empty.")
        if self.filled and not values:
            valid = "any non-empty value" if self.one_of is None else f"[{', '.join(self.one_of)}]"
            raise InvalidConfig(f"Configuration '{self.name}' must not be empty. Valid values include: {valid}")

    def _check_choice(self, value: Value) -> None:
        assert self.one_of is not None
        for word in value if isinstance(value, tuple) else (value,):
            if word not in self.one_of:
                raise self._invalid(word, f"String must be one of: {', '.join(self.one_of)}")

    def _invalid(self, value: object, reason: str) -> InvalidConfig:
        shown = _java_double(value) if isinstance(value, float) else value
        return InvalidConfig(f"Invalid value {shown} for configuration {self.name}: {reason}")


def setting(
    name: str,
    kind: int,
    default: Value = None,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    also: int | None = None,
    one_of: tuple[str, ...] | None = None,
    check: Callable[[str, Any], str | None] | None = None,
    doc: str,
    dynamic: str = READ_ONLY,
    synonyms: tuple[str, ...] = (),
    internal: bool = False,
    filled: bool = False,
) -> Any:
    """Declares an attribute of a `Settings` class. A default of None makes the setting nullable.

    `also` is one value allowed outside the bounds; `check(name, value)` gives the reason of a refusal, or None;
    `internal` hides it from listings; `filled`: an empty LIST is refused.
    """
    return Setting(
        name, kind, default, at_least, at_most, also, one_of, check, doc, dynamic, synonyms, internal, filled
    )


Self = TypeVar("Self", bound="Settings")


class Settings:
    """Base of a class of settings; see the module's example."""

    definitions: ClassVar[dict[str, Setting]] = {}
    """By Kafka's name, in the order of declaration, those of base classes included."""
    noun: ClassVar[str] = "setting"
    """What an error calls an unknown name: "Unknown topic config name: x" has "topic config name"."""

    def __init_subclass__(cls) -> None:
        definitions = {name: each for base in cls.__bases__ for name, each in getattr(base, "definitions", {}).items()}
        for attribute, value in list(vars(cls).items()):
            if isinstance(value, Setting):
                value.attribute = attribute
                definitions[value.name] = value
                setattr(cls, attribute, value.default)
        cls.definitions = definitions

    @classmethod
    def parse(cls: type[Self], texts: Mapping[str, str | None]) -> Self:
        """Settings with the values given, defaults elsewhere.

        Raises InvalidConfig at the first unknown name or wrong value, and where two values contradict each other.
        """
        result = cls()
        for name, text in texts.items():
            definition = cls.definitions.get(name)
            if definition is None:
                raise InvalidConfig(cls.unknown(name))
            setattr(result, definition.attribute, definition.parse(text))
        result.check_together()
        return result

    @classmethod
    def of(cls: type[Self], values: Mapping[str, Value]) -> Self:
        """Settings of parsed values by name, checked already."""
        result = cls()
        for name, value in values.items():
            setattr(result, cls.definitions[name].attribute, value)
        return result

    @classmethod
    def unknown(cls, name: str) -> str:
        """The sentence that refuses an unknown name, exactly as Kafka's."""
        return f"Unknown {cls.noun}: {name}"

    def check_together(self) -> None:
        """Raises InvalidConfig where values contradict each other. For subclasses with such rules."""

    def value(self, name: str) -> Value:
        """The present value of the setting with Kafka's name `name`. Raises KeyError."""
        result: Value = getattr(self, self.definitions[name].attribute)
        return result

    def given(self) -> dict[str, Value]:
        """Only what differs from the class: name to value, in the order it was given."""
        names = {definition.attribute: name for name, definition in self.definitions.items()}
        return {names[attribute]: value for attribute, value in vars(self).items() if attribute in names}


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, or None."""
    import difflib  # loaded only when somebody mistyped

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return found[0] if found else None


def _java_double(value: float) -> str:
    """Java's Double.toString: `0.5`, `1.0E10`, `1.7976931348623157E308`."""
    text = repr(float(value))
    if "inf" in text or "nan" in text:
        return text.replace("inf", "Infinity").replace("nan", "NaN")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(value, "f").rstrip("0") + "0" if "e" in text else text
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    scale = int(exponent or 0) + len(whole.lstrip("0"))
    if not whole.lstrip("0"):
        scale = int(exponent or 0) - (len(fraction) - len(fraction.lstrip("0")))
    digits = digits.rstrip("0") or "0"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{scale - 1}"
