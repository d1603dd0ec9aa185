"""What would go live: a use case as it is configured now, and everything one can look at."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest, NotFound
from passerelle.core.values.evidence import EvidenceBox
from passerelle.core.values.ids import Digest, digest_of
from passerelle.core.values.scope import Stage
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.evaluation.cases import Case, CaseBox
from passerelle.domain.evaluation.runs import RunBox
from passerelle.domain.feedback.reviews import ReviewBox
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.identity.keys import KeyRing
from passerelle.domain.knowledge.library import Index
from passerelle.domain.ledger.entries import Ledger
from passerelle.domain.readiness.facts import Proof
from passerelle.domain.readiness.signoffs import SignoffBook
from passerelle.domain.routing.plans import Plan
from passerelle.domain.usecases.charter import Charter
from passerelle.domain.usecases.policies import DEFAULTS, StagePolicy
from passerelle.domain.usecases.profiles import Profile
from passerelle.domain.usecases.releases import ReleaseParts
from passerelle.domain.usecases.stages import NEXT, StageBook
from passerelle.domain.usecases.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Setup:
    """What serves a use case at one stage."""

    policy: StagePolicy
    plan: Plan
    parts: ReleaseParts
    """As serving has them: with the knowledge in force and the edition of the prices."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A use case as it is configured now."""

    profile: Profile
    charter: Charter
    budget: Budget
    timetable: Timetable
    guards: tuple[GuardPolicy, ...]
    setups: Mapping[Stage, Setup]
    """The stages that the file sets up; never empty but for a retired use case."""
    index: Index | None
    """None when it answers without documents."""
    cases: tuple[Case, ...]
    """Those of its file; what came from flags is in the store."""

    @property
    def name(self) -> str:
        return self.profile.name

    def at(self, stage: Stage) -> Setup:
        """As the stage would serve it; where the file says nothing, with the stage's defaults.

        Raises `NotFound` when the file sets up no stage at all.
        """
        if stage in self.setups:
            return self.setups[stage]
        if not self.setups:
            raise NotFound(f"{self.name} is set up for no stage.")
        usual = next(iter(self.setups.values()))
        policy = DEFAULTS.get(stage, usual.policy)
        parts = replace(usual.parts, policy=digest_of(asdict(policy)))
        return replace(usual, policy=policy, parts=parts)

    def release(self, stage: Stage) -> Digest:
        """What would answer at that stage."""
        return self.at(stage).parts.digest

    def kin(self, stage: Stage) -> frozenset[Digest]:
        """Releases that differ from that of the stage in the strictness of their stage alone."""
        wanted = self.at(stage).parts
        return frozenset(
            setup.parts.digest
            for setup in (*self.setups.values(), self.at(stage))
            if replace(setup.parts, policy=wanted.policy) == wanted
        )


class Candidates(Protocol):
    """The use cases of an installation."""

    def find(self, usecase: str) -> Candidate | None:
        """As it is configured now."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the gateway listens."""

    host: str
    tls: bool


@dataclass(frozen=True, slots=True)
class ReadinessParts:
    """Everything that readiness looks at."""

    candidates: Candidates
    ledger: Ledger
    keys: KeyRing
    reviews: ReviewBox
    cases: CaseBox
    runs: RunBox
    evidence: EvidenceBox
    signoffs: SignoffBook
    stages: StageBook
    prices: PriceBook
    listener: Listener
    audit: Callable[[], Proof]
    """Verifies the whole ledger; raises `LedgerUnreadable`."""
    clock: Clock


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One use case that should enter one stage, looked at now."""

    parts: ReadinessParts
    candidate: Candidate
    organisation: str
    stage: Stage
    """Where it is."""
    target: Stage
    """Where it should go; where it is when it is in production."""
    now_ms: int

    @property
    def usecase(self) -> str:
        return self.candidate.name

    @property
    def release(self) -> Digest:
        """What would go live."""
        return self.candidate.release(self.target)


def inquire(
    parts: ReadinessParts, usecase: str, *, organisation: str, to: Stage | None = None
) -> Inquiry:
    """Raises `NotFound` for an unknown use case and `InvalidRequest` for a retired one."""
    candidate = known(parts, usecase)
    stage = current_stage(parts, candidate, organisation=organisation)
    if stage is Stage.RETIRED:
        raise InvalidRequest(f"{usecase} is retired.")
    target = to or NEXT.get(stage, stage)
    return Inquiry(parts, candidate, organisation, stage, target, parts.clock.now_ms())


def known(parts: ReadinessParts, usecase: str) -> Candidate:
    """Raises `NotFound`."""
    candidate = parts.candidates.find(usecase)
    if candidate is None:
        raise NotFound(f"There is no use case {usecase!r}.")
    return candidate


def current_stage(parts: ReadinessParts, candidate: Candidate, *, organisation: str) -> Stage:
    """Where the last move left it, else where its file says."""
    moved = parts.stages.current(candidate.name, organisation=organisation)
    return moved or candidate.profile.stage
