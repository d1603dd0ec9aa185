"""One table of a configuration file, read key by key."""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from typing import TypeVar

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault

Choice = TypeVar("Choice", bound=str)
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "an integer"),
    (float, "a number"),
    (str, "a text in quotes"),
    (list, "a list"),
    (Mapping, "a table"),
    ((date, time), "a date or time"),
)


class Section:
    """Reads a table by key, and collects what is wrong with it instead of raising.

    Every reader returns a value of the right type even after a fault, so a
    parser reads all keys in a row and asks once at the end:

        def parse_route(table):
            section = Section(table, "route")
            provider = section.text("provider")                      # required
            deadline = section.number("deadline_seconds", 60, above=0)  # with a default
            faults = section.done()                                  # unknown keys included
            return (None, faults) if faults else (Plan(provider, deadline), ())

    A key without a default is required; ask `"key" in section` for a truly
    optional one. Tables inside (`table`, `tables`, `named`) report to the section
    they come from: call `done` on the outermost only. Fault paths start at the top
    of the document; the reader of the file adds file and line.
    """

    def __init__(self, table: Mapping[str, JsonValue], *where: str | int) -> None:
        self.where = where
        self._table = table
        self._known: dict[str, None] = {}
        self._faults: list[Fault] = []
        self._inner: list[Section] = []
        self._open = False

    def __contains__(self, key: str) -> bool:
        self._known[key] = None
        return key in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def text(self, key: str, default: str | None = None, *, empty: bool = False) -> str:
        """A text; blank ones are a fault unless `empty` allows them."""
        value = self._value(key, default)
        if not isinstance(value, str):
            return self._expect(key, value, "a text in quotes", "")
        if key in self._table and not empty and not value.strip():
            self.fault(key, "must not be empty")
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        *,
        minimum: float = -math.inf,
        maximum: float = math.inf,
        above: float = -math.inf,
    ) -> float:
        """A finite number with inclusive bounds; `above` is an exclusive one."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._expect(key, value, "a number", 0.0)
        if not math.isfinite(value):
            self.fault(key, "must be a finite number")
        self._bound(key, value, minimum=minimum, maximum=maximum, above=above)
        return float(value)

    def integer(
        self,
        key: str,
        default: int | None = None,
        *,
        minimum: float = -math.inf,
        maximum: float = math.inf,
    ) -> int:
        """An integer with inclusive bounds."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._expect(key, value, "an integer", 0)
        self._bound(key, value, minimum=minimum, maximum=maximum, above=-math.inf)
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:  # noqa: FBT001 - reads as the others
        """True or false."""
        value = self._value(key, default)
        return (
            value if isinstance(value, bool) else self._expect(key, value, "true or false", False)
        )

    def choice(self, key: str, choices: Iterable[Choice], default: Choice | None = None) -> Choice:
        """One of the choices; give a StrEnum class to get its member."""
        options = tuple(choices)
        value = self._value(key, default)
        if not isinstance(value, str):
            return self._expect(key, value, "a text in quotes", options[0])
        for option in options:
            if option == value:
                return option
        allowed = ", ".join(f'"{option}"' for option in options)
        self.fault(key, f'"{value}" is not one of {allowed}{_guess(value, options)}')
        return options[0]

    def strings(
        self, key: str, default: tuple[str, ...] | None = None, *, minimum: int = 0
    ) -> tuple[str, ...]:
        """A list of texts, at least `minimum` of them."""
        fallback = None if default is None else list[JsonValue](default)
        value = self._value(key, fallback)
        if not isinstance(value, list):
            return self._expect(key, value, "a list of texts", ())
        texts = tuple(item for item in value if isinstance(item, str) and item.strip())
        if len(texts) < len(value):
            self.fault(key, "must hold only texts in quotes, none of them empty")
        elif len(texts) < minimum:
            self.fault(key, f"needs at least {minimum} of them")
        return texts

    def table(self, key: str, *, required: bool = False) -> "Section":
        """A table inside; an empty one when it is absent and not required."""
        value = self._value(key, None if required else {})
        inner = value if isinstance(value, Mapping) else self._expect(key, value, "a table", {})
        return self._adopt(Section(inner, *self.where, key))

    def unread(self, key: str) -> Mapping[str, JsonValue]:
        """A table that another parser reads, as it stands; empty when absent."""
        value = self._value(key, {})
        return value if isinstance(value, Mapping) else self._expect(key, value, "a table", {})

    def tables(self, key: str) -> tuple["Section", ...]:
        """An array of tables (`[[key]]`), possibly absent."""
        value = self._value(key, [])
        if not isinstance(value, list):
            return self._expect(key, value, "an array of tables", ())
        found: list[Section] = []
        for place, item in enumerate(value):
            if isinstance(item, Mapping):
                found.append(self._adopt(Section(item, *self.where, key, place)))
            else:
                self.fault(key, f"item {place + 1} must be a table, not {_kind(item)}")
        return tuple(found)

    def named(self) -> dict[str, "Section"]:
        """All tables inside by name, for sections whose keys are the user's own names."""
        self._open = True
        return {key: self.table(key, required=True) for key in self._table}

    def fault(self, key: str, message: str) -> None:
        """Adds a fault at the key; "" is the section itself."""
        self._faults.append(Fault((*self.where, key) if key else self.where, message))

    def faults_of(self, key: str, faults: Iterable[Fault]) -> None:
        """Adds those of the parser of a table at the key, which named it in its own way."""
        self._faults += [
            Fault((*self.where, key, *fault.where[1:]), fault.message) for fault in faults
        ]

    def done(self) -> tuple[Fault, ...]:
        """All faults of this section and of those inside, unknown keys included."""
        faults = [*self._faults]
        if not self._open:
            faults += [self._unknown(key) for key in self._table if key not in self._known]
        for inner in self._inner:
            faults += inner.done()
        return tuple(faults)

    def _value(self, key: str, default: JsonValue) -> JsonValue:
        self._known[key] = None
        if key in self._table:
            return self._table[key]
        if default is None:
            self.fault(key, "is missing")
        return default

    def _expect(self, key: str, value: JsonValue, wanted: str, instead: "Fallback") -> "Fallback":
        if key in self._table:
            self.fault(key, f"must be {wanted}, not {_kind(value)}")
        return instead

    def _bound(
        self, key: str, value: float, *, minimum: float, maximum: float, above: float
    ) -> None:
        if value < minimum:
            self.fault(key, f"must be at least {minimum:g}")
        if value > maximum:
            self.fault(key, f"must be at most {maximum:g}")
        if value <= above and math.isfinite(above):
            self.fault(key, f"must be above {above:g}")

    def _adopt(self, inner: "Section") -> "Section":
        self._inner.append(inner)
        return inner

    def _unknown(self, key: str) -> Fault:
        guess = _guess(key, self._known)
        known = f"; known here: {', '.join(self._known)}" if not guess and self._known else ""
        return Fault((*self.where, key), f"unknown key{guess or known}")


Fallback = TypeVar("Fallback")


def _guess(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _kind(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "nothing")
