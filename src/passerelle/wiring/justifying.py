"""Justify's parts: costs, readiness, signatures, stages."""

from dataclasses import dataclass

from passerelle.adapters.store.stores import Store
from passerelle.core.values.evidence import Evidence
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Stage
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.readiness.facts import Proof
from passerelle.domain.usecases.stages import NEXT
from passerelle.stories.govern.audit import verify
from passerelle.stories.govern.publish import UseCase
from passerelle.stories.justify.candidates import (
    Candidate,
    Listener,
    ReadinessParts,
    Setup,
    inquire,
)
from passerelle.stories.justify.evidence import EvidenceParts, keep_evidence
from passerelle.stories.justify.meter import MeterParts
from passerelle.stories.justify.project import ProjectedCosts, projection_finding
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.improving import read_cases
from passerelle.wiring.installation import Installation
from passerelle.wiring.providers import price_book


@dataclass(frozen=True, slots=True)
class InstalledCandidates:
    """Implements readiness' `Candidates`: what the files say, as it is served now."""

    installation: Installation
    deployments: Deployments

    def find(self, usecase: str) -> Candidate | None:
        """Raises `InvalidConfiguration` for faults in its cases."""
        named = {each.name: each for each in self.installation.usecases}
        return self._candidate(named[usecase]) if usecase in named else None

    def _candidate(self, usecase: UseCase) -> Candidate:
        return Candidate(
            profile=usecase.profile,
            charter=usecase.charter,
            budget=usecase.budget,
            timetable=usecase.timetable,
            guards=usecase.guards,
            setups={stage: self._setup(usecase, stage) for stage in usecase.stages},
            index=self.deployments.index(usecase.name),
            cases=read_cases(self.installation, usecase),
        )

    def _setup(self, usecase: UseCase, stage: Stage) -> Setup:
        setup = usecase.reachable[stage]
        parts = self.deployments.parts_in_force(usecase.name, stage)
        return Setup(setup.policy, setup.plan, parts)


def readiness_parts(
    installation: Installation, store: Store, deployments: Deployments
) -> ReadinessParts:
    listener = installation.settings.listener
    return ReadinessParts(
        candidates=InstalledCandidates(installation, deployments),
        ledger=store.ledger,
        keys=store.keys,
        reviews=store.reviews,
        cases=store.cases,
        runs=store.runs,
        evidence=store.evidence,
        signoffs=store.signoffs,
        stages=store.stages,
        prices=price_book(installation),
        listener=Listener(listener.host, tls=listener.tls_certificate is not None),
        audit=lambda: _proof(store),
        clock=installation.clock,
    )


def evidence_parts(installation: Installation, store: Store) -> EvidenceParts:
    return EvidenceParts(store.evidence, store.ledger, installation.clock)


def meter_parts(
    installation: Installation, store: Store, prices: PriceBook | None = None
) -> MeterParts:
    return MeterParts(
        store.ledger, store.flags, prices or price_book(installation), installation.clock
    )


def next_model(installation: Installation, deployments: Deployments, usecase: str) -> str:
    """The name under which the stage that comes next already answers, else the present one."""
    stage = deployments.stage(usecase)
    named = f"{usecase}@{NEXT.get(stage, stage)}"
    known = {each.model for each in deployments.offered(installation.scope)}
    return named if named in known else usecase


async def keep_projection(
    principal: Principal, parts: ReadinessParts, projected: ProjectedCosts
) -> Evidence:
    """A projection becomes evidence about what would go live."""
    granted = authorise(principal, Permission.EVIDENCE_WRITE)
    usecase = projected.window.usecase
    inquiry = inquire(parts, usecase, organisation=principal.scope.organisation)
    kept = EvidenceParts(parts.evidence, parts.ledger, parts.clock)
    found = projection_finding(projected, inquiry.release)
    return (await keep_evidence(granted, kept, found)).value


def _proof(store: Store) -> Proof:
    found = verify(store.ledger)
    return Proof(found.ok, found.entries, found.faults[0] if found.faults else "")
