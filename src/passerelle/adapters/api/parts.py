"""What the control plane reads and calls."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from passerelle.core.values.clock import Clock
from passerelle.core.values.scope import Scope
from passerelle.domain.budgets.views import AccountView
from passerelle.domain.feedback.flags import FlagBox
from passerelle.domain.identity.keys import ApiKey, KeyRing
from passerelle.domain.knowledge.library import Index
from passerelle.domain.ledger.entries import Ledger
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.health import TargetHealth
from passerelle.domain.usecases.charter import Kpi, Roles
from passerelle.stories.govern.audit import Verification
from passerelle.stories.improve.dispatch import DispatchParts
from passerelle.stories.improve.promote import PromotionParts
from passerelle.stories.improve.review import ReviewParts
from passerelle.stories.justify.candidates import ReadinessParts
from passerelle.stories.justify.meter import MeterParts
from passerelle.stories.serve.observe import TrafficMinute


@dataclass(frozen=True, slots=True)
class UseCaseView:
    """A use case at one stage, as far as the control plane shows it."""

    name: str
    title: str
    goal: str
    stage: str
    model: str
    """The name that clients ask for: `handbook`, or `handbook@pilot`."""
    provider: str
    guards: Sequence[str]
    """Names, in the order in which they run."""
    index: Index | None
    """None for a use case without knowledge."""
    kpi: Kpi | None = None
    roles: Roles | None = None
    examples: Sequence[str] = ()
    """Questions to begin with."""
    """Who answers for it."""


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider of the settings and how its targets stand."""

    name: str
    kind: str
    address: str
    has_key: bool
    direct: bool
    models: Sequence[str]
    targets: Sequence[tuple[TargetHealth, tuple[str, ...]]]
    """Each with the deployments that may ask it."""


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Everything behind the endpoints."""

    ring: KeyRing
    ledger: Ledger
    flags: FlagBox
    clock: Clock
    usecases: Callable[[Scope], Sequence[UseCaseView]]
    """Use cases of the scope's organisation; the answer may change between two calls."""
    verify: Callable[[], Awaitable[Verification]]
    """Proves the whole ledger; must not hold up the event loop."""
    review: ReviewParts
    dispatch: DispatchParts
    promotion: PromotionParts
    """Its data set is also the one that evaluations are shown for."""
    metering: MeterParts
    readiness: ReadinessParts
    """Called in a thread beside the event loop."""
    prompts: Callable[[str], Sequence[PromptVersion]]
    """Every version that a use case's files hold, by name; empty for an unknown use case."""
    providers: Callable[[], Sequence[ProviderState]]
    traffic: Callable[[], Sequence[TrafficMinute]]
    """The last hour, oldest first."""
    standing: Callable[[ApiKey], AccountView | None]
    """How a key's account stands; None for a key that nothing limits."""
    limited: Callable[[Scope], Sequence[AccountView]]
    """Use cases, stages, teams and users of the scope's organisation that have a limit."""
    pepper: bytes = field(repr=False)
