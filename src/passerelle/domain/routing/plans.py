"""Where a question goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.sections import Section

_DEADLINE_SECONDS = 60.0
_LONGEST_DEADLINE_SECONDS = 3_600.0
_MOST_RETRIES = 10
_HEAVIEST = 1_000


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one provider."""

    provider: str
    """Name of a provider in the settings, or `extractive`, which is always there."""
    model: str
    """As the provider calls it; providers with a single model ignore it."""
    weight: int = 1
    """Share of the load beside its peers; of no matter for a fallback."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """Ask a second target where the first one is slow, and take the answer that comes first."""

    after_seconds: float
    most_share: float
    """Of all calls, 0 to 1: at most so many are sent twice, which bounds what it costs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The target of a use case, those beside and behind it, and the time they may take."""

    provider: str
    model: str
    deadline_seconds: float
    """For the whole call with all its attempts."""
    attempt_seconds: float | None = None
    """For one attempt, in streams up to the first piece; None: as long as the whole."""
    retries: int = 1
    """Further attempts at the same target."""
    weight: int = 1
    peers: tuple[Target, ...] = ()
    """Share the load with the first, by weight."""
    fallbacks: tuple[Target, ...] = ()
    """Asked in this order once the first and its peers have failed."""
    small: Target | None = None
    """Serves instead where a budget says so."""
    hedge: Hedge | None = None

    target: Target = field(init=False, repr=False, compare=False)
    """The first."""
    targets: tuple[Target, ...] = field(init=False, repr=False, compare=False)
    """All that may be asked, in the order of the file."""

    def __post_init__(self) -> None:
        first = Target(self.provider, self.model, self.weight)
        small = () if self.small is None else (self.small,)
        object.__setattr__(self, "target", first)
        object.__setattr__(self, "targets", (first, *self.peers, *self.fallbacks, *small))

    @property
    def digest(self) -> Digest:
        """The same for plans that say the same, whatever a later version adds with a default."""
        told = {
            each.name: _plain(getattr(self, each.name))
            for each in fields(self)
            if each.init and getattr(self, each.name) != each.default
        }
        return digest_of(told)

    def on(self, target: Target) -> "Plan":
        """The plan with that target alone."""
        return Plan(
            target.provider,
            target.model,
            self.deadline_seconds,
            attempt_seconds=self.attempt_seconds,
            retries=self.retries,
        )


def _plain(value: object) -> JsonValue:
    match value:
        case Target() | Hedge():
            return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        case tuple():
            return [_plain(each) for each in value]
        case bool() | int() | float() | str() | None:
            return value
        case _:
            raise TypeError(type(value).__name__)


def parse_embeddings(table: Mapping[str, JsonValue]) -> tuple[Plan | None, tuple[Fault, ...]]:
    """Reads `[embeddings]`, as `[route]`."""
    return _read(Section(table, "embeddings"))


def parse_route(table: Mapping[str, JsonValue]) -> tuple[Plan | None, tuple[Fault, ...]]:
    """Reads `[route]`: provider, model (default: the provider's name), deadline_seconds (60) …

    … and attempt_seconds, retries, weight, peers, fallbacks, small, hedge.
    """
    return _read(Section(table, "route"))


def _read(section: Section) -> tuple[Plan | None, tuple[Fault, ...]]:
    first = _target(section)
    plan = Plan(
        first.provider,
        first.model,
        _seconds(section, "deadline_seconds", _DEADLINE_SECONDS),
        attempt_seconds=(
            _seconds(section, "attempt_seconds") if "attempt_seconds" in section else None
        ),
        retries=section.integer("retries", 1, minimum=0, maximum=_MOST_RETRIES),
        weight=first.weight,
        peers=tuple(map(_target, section.tables("peers"))) if "peers" in section else (),
        fallbacks=tuple(map(_target, section.tables("fallbacks")))
        if "fallbacks" in section
        else (),
        small=_target(section.table("small")) if "small" in section else None,
        hedge=_hedge(section.table("hedge")) if "hedge" in section else None,
    )
    if plan.hedge is not None and not (plan.peers or plan.fallbacks):
        section.fault("hedge", "needs a peer or a fallback to send the second call to")
    faults = section.done()
    return (None, faults) if faults else (plan, ())


def _target(section: Section) -> Target:
    provider = section.text("provider")
    return Target(
        provider,
        section.text("model", provider),
        section.integer("weight", 1, minimum=1, maximum=_HEAVIEST),
    )


def _hedge(section: Section) -> Hedge:
    return Hedge(
        _seconds(section, "after_seconds"),
        section.number("most_share", 0.05, above=0, maximum=1),
    )


def _seconds(section: Section, key: str, default: float | None = None) -> float:
    return section.number(key, default, above=0, maximum=_LONGEST_DEADLINE_SECONDS)
