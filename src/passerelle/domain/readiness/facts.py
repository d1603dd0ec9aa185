"""What checks decide on: plain findings about one use case, each known or with a reason why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias, TypeVar

from passerelle.core.values.estimates import Estimate
from passerelle.core.values.evidence import Evidence
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage

Topic = TypeVar("Topic")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing was found out, and why."""

    reason: str
    broken: bool = False
    """Looking failed; otherwise there is nothing to see yet."""


Known: TypeAlias = Topic | Unknown


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why the use case exists; the figures are in the KPI's own unit."""

    goal: str
    kpi: str
    unit: str
    baseline: float
    target: float
    kill_value: float
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The newest finished evaluation."""

    at_ms: int
    same_release: bool
    """It asked what would go live; only the strictness of the stage may differ."""
    right: Estimate
    """Share of cases answered rightly."""
    unsupported: Estimate
    """Share of judged answers that the passages do not support."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Live exchanges of the last days."""

    days: int
    exchanges: int
    unsupported: Estimate
    """Share of judged answers that the passages do not support."""
    not_scanned: Estimate
    """Share of texts that a guard could not check."""


@dataclass(frozen=True, slots=True)
class Guarding:
    """Guards that do something: by surface, those that redact or block."""

    acting: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that are accepted now, by public id."""

    alive: tuple[str, ...]
    development: tuple[str, ...]
    unending: tuple[str, ...]
    """Without an end, or with one more than a year away."""
    unused: tuple[str, ...]
    """Older than a month, and nothing was asked with them in that time."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can connect, and how."""

    host: str
    loopback: bool
    tls: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What verifying the whole ledger found."""

    ok: bool
    entries: int
    fault: str = ""
    """The first thing wrong."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What holds the cost."""

    route: str
    """Provider and model, for people."""
    price_known: bool
    limited: bool
    """There is a limit in money for a day or a month."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Flags and what became of them."""

    flags: int
    reviewed: int
    oldest_open_ms: int | None
    """When the oldest flag without a review was given; None when all have one."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The knowledge behind the answers."""

    searchable: int
    quarantined: tuple[str, ...]
    """Paths."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of what people say."""

    data_class: str
    sensitive: bool
    """The class asks for an end to what is kept."""
    keeps_content: bool


@dataclass(frozen=True, slots=True)
class Course:
    """The way to the target stage."""

    due: date | None
    """When the use case should enter it."""
    today: date
    prepared: bool
    """The file says how the stage is set up."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody answers for going on without a check."""

    reason: str
    by: str
    until_ms: int
    """First millisecond at which it no longer holds."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a use case that should enter a stage."""

    target: Stage
    now_ms: int
    releases: frozenset[Digest]
    """What would go live, and what differs from it in the strictness of the stage alone."""
    purpose: Purpose
    people: Mapping[str, str]
    """Role to its holder; empty for nobody."""
    guarding: Guarding
    retention: Retention
    course: Course
    spending: Known[Spending]
    evaluated: Known[Evaluated]
    traffic: Known[Traffic]
    keys: Known[Keys]
    reach: Known[Reach]
    proof: Known[Proof]
    projection: Known[Evidence]
    load: Known[Evidence]
    feedback: Known[Feedback]
    documents: Known[Documents] | None
    """None for a use case without knowledge."""
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    """By the id of a check."""
