"""What serving needs from the world, as values and roles."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import Digest
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.rates import RateLimit, Rates
from passerelle.domain.budgets.reservations import Allowance, Purse
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.grounding.sections import GroundingPolicy
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.identity.keys import ApiKey, KeyRing
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.knowledge.library import Index
from passerelle.domain.ledger.entries import Ledger
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.health import Health
from passerelle.domain.routing.hedging import Hedges
from passerelle.domain.routing.plans import Plan
from passerelle.domain.routing.providers import Provider
from passerelle.domain.usecases.policies import StagePolicy
from passerelle.stories.serve.documents import DocumentScreen
from passerelle.stories.serve.observe import Observer


class ModelNotFound(Refusal):
    """No model of that name exists, or you may not use it."""

    status = 404
    code = "model_not_found"
    kind = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A use case at one stage, ready to serve."""

    model: str
    """The name that clients use: `handbook`, or `handbook@pilot`."""
    usecase: str
    scope: Scope
    stage: Stage
    created: int
    """Unix seconds."""
    release: Digest
    policy: StagePolicy
    guards: Sequence[GuardPolicy]
    documents: DocumentScreen
    grounding: GroundingPolicy
    prompt: PromptVersion
    index: Index | None
    """None for a use case without knowledge."""
    plan: Plan
    budget: Budget
    stage_budget: Budget | None = None
    """What the stage may spend beside that; None where it says nothing."""
    embedding: Plan | None = None
    """None for a use case that embeds nothing."""
    permission: Permission = Permission.EXCHANGE_CREATE
    """What a caller must hold."""


class Catalogue(Protocol):
    """The deployments in force; the answer may change between two calls."""

    def find(self, model: str, scope: Scope) -> Deployment | None:
        """The deployment behind a model name, within the caller's organisation."""
        ...

    def offered(self, scope: Scope) -> Sequence[Deployment]:
        """What a principal of that organisation may ask for, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Draws:
    """What a request draws on. Only what has a limit is named."""

    allowances: tuple[Allowance, ...]
    rates: tuple[RateLimit, ...]
    strict_price: bool
    """Money is limited, so a model without a known price must not be asked."""


class Drawing(Protocol):
    """Which accounts a request draws on."""

    def draws(self, deployment: Deployment, principal: Principal, key: ApiKey | None) -> Draws:
        """No waiting, no query."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that `answer` reads or calls."""

    keys: KeyRing
    pepper: bytes
    catalogue: Catalogue
    accounts: Drawing
    rates: Rates
    purse: Purse
    providers: Mapping[str, Provider]
    ledger: Ledger
    observer: Observer
    prices: PriceBook
    clock: Clock
    health: Health = field(default_factory=Health)
    hedges: Hedges = field(default_factory=Hedges)
    chance: Callable[[], float] = random.random
    """From 0 to 1: which of several targets gets a call."""
