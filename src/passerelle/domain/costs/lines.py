"""Where the money went: each recorded cost taken apart by use case, route, day and token class."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from passerelle.core.values.chat import Usage
from passerelle.domain.costs.price_book import Price

LIVE = "live"
"""Purpose of what people and services ask; all else, such as a rehearsal, is our own doing."""
_MILLION = 1_000_000


class TokenClass(StrEnum):
    """What was paid for. Each token is in one class only."""

    INPUT = "input"
    CACHED_INPUT = "cached_input"
    CACHE_WRITE = "cache_write"
    OUTPUT = "output"
    REASONING = "reasoning"
    REQUEST = "request"
    """A fee for the request itself; it has no tokens."""
    UNSPLIT = "unsplit"
    """A recorded cost that today's prices do not explain; its tokens stand in their own classes."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What happened at one place, or at several put together."""

    requests: int = 0
    answered: int = 0
    accepted: int = 0
    unknown_prices: int = 0
    """Requests whose cost nobody knows; `cost_nano` leaves them out."""
    cost_nano: int = 0

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(
            self.requests + other.requests,
            self.answered + other.answered,
            self.accepted + other.accepted,
            self.unknown_prices + other.unknown_prices,
            self.cost_nano + other.cost_nano,
        )


@dataclass(frozen=True, slots=True)
class Metered:
    """What one exchange used, as the ledger has it."""

    usecase: str
    route: str
    """`provider/model`; empty when no model was chosen."""
    day: str
    """ISO date in the time zone of the report."""
    user: str
    """Principal, or principal and pseudonym of its end user."""
    usage: Usage
    cost_nano: int | None
    """None when the price was not known."""
    purpose: str = LIVE
    answered: bool = True
    accepted: bool = False
    """Answered, backed by the documents, and flagged by nobody."""

    @property
    def volume(self) -> Volume:
        """The exchange as a volume of one."""
        unknown = self.cost_nano is None
        return Volume(1, int(self.answered), int(self.accepted), int(unknown), self.cost_nano or 0)


Axis: TypeAlias = Literal["usecase", "route", "day", "purpose"]


class Place(NamedTuple):
    """What lines are grouped by before token classes."""

    usecase: str
    route: str
    day: str
    purpose: str


@dataclass(frozen=True, slots=True)
class CostLine:
    """Cost of one token class at one place."""

    place: Place
    token_class: TokenClass
    requests: int
    """Requests that used the class; one request uses several, so these do not add up."""
    tokens: int
    cost_nano: int | None
    """None: the price was not known when these tokens were used."""


@dataclass(slots=True)
class _Sum:
    requests: int = 0
    tokens: int = 0
    nano: int = 0


_Key: TypeAlias = tuple[Place, TokenClass, bool]
"""The last part: is the price known?"""


@dataclass(slots=True)
class Meter:
    """Adds exchanges up as they are read; holds sums only, however many they are."""

    _volumes: dict[Place, Volume] = field(default_factory=dict)
    _sums: dict[_Key, _Sum] = field(default_factory=dict)

    def add(self, exchange: Metered, price: Price | None) -> None:
        """`price` is what the route costs by today's book: it only shares the recorded cost out."""
        known = exchange.cost_nano is not None
        place = Place(exchange.usecase, exchange.route, exchange.day, exchange.purpose)
        self._volumes[place] = self._volumes.get(place, Volume()) + exchange.volume
        tokens = tokens_by_class(exchange.usage)
        shares = split_cost(exchange.cost_nano or 0, exchange.usage, price)
        for each in TokenClass:
            if tokens.get(each) or shares.get(each):
                total = self._sums.setdefault((place, each, known), _Sum())
                total.requests += 1
                total.tokens += tokens.get(each, 0)
                total.nano += shares.get(each, 0)

    def volumes(self) -> Iterator[tuple[Place, Volume]]:
        """By place, in order."""
        yield from sorted(self._volumes.items())

    def lines(self) -> tuple[CostLine, ...]:
        """By place, then token class; what has no price stands in lines of its own."""
        order = {each: number for number, each in enumerate(TokenClass)}
        keys = sorted(self._sums, key=lambda key: (key[0], order[key[1]], not key[2]))
        return tuple(_line(key, self._sums[key]) for key in keys)


def tokens_by_class(usage: Usage) -> dict[TokenClass, int]:
    """Finer classes taken out of the totals that include them, as pricing does."""
    fine = usage.cached_input_tokens + usage.cache_write_tokens
    return {
        TokenClass.INPUT: max(0, usage.input_tokens - fine),
        TokenClass.CACHED_INPUT: usage.cached_input_tokens,
        TokenClass.CACHE_WRITE: usage.cache_write_tokens,
        TokenClass.OUTPUT: max(0, usage.output_tokens - usage.reasoning_tokens),
        TokenClass.REASONING: usage.reasoning_tokens,
    }


def split_cost(cost_nano: int, usage: Usage, price: Price | None) -> dict[TokenClass, int]:
    """Shares of a recorded cost by token class; they add up to it exactly.

    Each class gets what its tokens weigh at the price, rounded down; the nano-dollars
    left over go to the largest remainders, among equals in the order of the classes.
    Where the price has changed since, the recorded total stays and is shared out in
    today's proportions; without a price, or where the price weighs nothing, it stays whole.
    """
    weights = _weights(usage, price) if price is not None else {}
    whole = sum(weights.values())
    if not whole:
        return {TokenClass.UNSPLIT: cost_nano} if cost_nano else {}
    parts = {each: divmod(cost_nano * weight, whole) for each, weight in weights.items()}
    shares = {each: share for each, (share, _) in parts.items()}
    left = cost_nano - sum(shares.values())
    for each in sorted(parts, key=lambda each: -parts[each][1])[:left]:
        shares[each] += 1
    return {each: share for each, share in shares.items() if share}


def group(volumes: Iterable[tuple[Place, Volume]], by: Axis) -> tuple[tuple[str, Volume], ...]:
    """Volumes put together by one field of their place, dearest first, then by name."""
    at = Place._fields.index(by)
    found: dict[str, Volume] = {}
    for place, volume in volumes:
        found[place[at]] = found.get(place[at], Volume()) + volume
    return tuple(sorted(found.items(), key=lambda item: (-item[1].cost_nano, item[0])))


def total_nano(lines: Sequence[CostLine]) -> int:
    """Sum of what is known."""
    return sum(line.cost_nano or 0 for line in lines)


def _line(key: _Key, total: _Sum) -> CostLine:
    place, token_class, known = key
    nano = total.nano if known else None
    return CostLine(place, token_class, total.requests, total.tokens, nano)


def _weights(usage: Usage, price: Price) -> dict[TokenClass, int]:
    size = usage.input_tokens
    rates = {
        TokenClass.INPUT: price.input,
        TokenClass.CACHED_INPUT: price.cached_input or price.input,
        TokenClass.CACHE_WRITE: price.cache_write or price.input,
        TokenClass.OUTPUT: price.output,
        TokenClass.REASONING: price.reasoning or price.output,
    }
    weights = {each: count * rates[each].at(size) for each, count in tokens_by_class(usage).items()}
    return weights | {TokenClass.REQUEST: price.request_nano * _MILLION}
