"""Improve's parts: flags, reviews, cases, evaluations, prompt labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import Fault, InvalidConfiguration, NotFound
from passerelle.core.values.principals import Principal
from passerelle.domain.evaluation.cases import Case, parse_cases
from passerelle.domain.evaluation.datasets import Dataset, assemble
from passerelle.domain.feedback.reviews import Cause, Review
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.govern.publish import UseCase
from passerelle.stories.improve.dispatch import DispatchParts, NoCorrection, dispatch_flag
from passerelle.stories.improve.evaluate import EvaluationParts
from passerelle.stories.improve.exchanges import Transcript
from passerelle.stories.improve.promote import PromotionParts
from passerelle.stories.improve.review import (
    Flagged,
    FlagStatus,
    ReviewParts,
    list_flagged,
    read_flagged,
    review_flag,
)
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.rehearse import Rehearsal
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.installation import Installation

CASES_FILE = "cases.jsonl"


def review_parts(installation: Installation, store: Store) -> ReviewParts:
    return ReviewParts(store.ledger, store.flags, store.reviews, store.cases, installation.clock)


def dispatch_parts(installation: Installation, store: Store) -> DispatchParts:
    guards = {usecase.name: usecase.guards for usecase in installation.usecases}

    def guards_of(usecase: str) -> Sequence[GuardPolicy] | None:
        return guards.get(usecase)

    return DispatchParts(
        ledger=store.ledger,
        flags=store.flags,
        reviews=store.reviews,
        cases=store.cases,
        guards=guards_of,
        clock=installation.clock,
    )


def promotion_parts(
    installation: Installation, store: Store, deployments: Deployments
) -> PromotionParts:
    return PromotionParts(
        ledger=store.ledger,
        labels=store.labels,
        runs=store.runs,
        versions=deployments,
        dataset=lambda usecase: read_dataset(installation, store, usecase),
        clock=installation.clock,
    )


def evaluation_parts(store: Store, parts: Parts, principal: Principal) -> EvaluationParts:
    """Every case goes through `parts`, the same that serve callers."""
    return EvaluationParts(
        ledger=store.ledger,
        runs=store.runs,
        answerer=Rehearsal(parts, principal),
        clock=parts.clock,
    )


def read_dataset(installation: Installation, store: Store, usecase: str) -> Dataset:
    """Today's cases: those of the file, then those that came from flags.

    Raises `InvalidConfiguration` with every fault of the file, and `NotFound`.
    """
    written = read_cases(installation, find_usecase(installation, usecase))
    organisation = installation.scope.organisation
    return assemble(usecase, written, store.cases.list(usecase, organisation=organisation))


def read_cases(installation: Installation, usecase: UseCase) -> tuple[Case, ...]:
    """Those of the use case's file; none when there is no file."""
    file = installation.folder / "usecases" / usecase.name / CASES_FILE
    name = file.relative_to(installation.folder).as_posix()
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise InvalidConfiguration([Fault((), "is not UTF-8 text", name, 1)]) from error
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise InvalidConfiguration([Fault((), reason, name)]) from error
    cases, faults = parse_cases(text, name)
    if faults:
        raise InvalidConfiguration(faults)
    return cases


def find_usecase(installation: Installation, name: str) -> UseCase:
    """Raises `NotFound` with the names that there are."""
    for usecase in installation.usecases:
        if usecase.name == name:
            return usecase
    known = ", ".join(usecase.name for usecase in installation.usecases) or "none"
    raise NotFound(f"There is no use case {name!r}; there are: {known}.")


@dataclass(frozen=True, slots=True)
class ReviewGiven:
    """What a reviewer says of a flag."""

    flag_id: str
    cause: Cause
    correction: str | None = None
    """None takes over what the flagger proposed."""
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """Flags as one person handles them."""

    installation: Installation
    store: Store
    principal: Principal

    def list(
        self, status: FlagStatus | None, *, usecase: str = "", limit: int = 50
    ) -> tuple[Flagged, ...]:
        granted = authorise(self.principal, Permission.FLAG_READ)
        parts = review_parts(self.installation, self.store)
        return list_flagged(granted, parts, status=status, usecase=usecase, limit=limit)

    async def read(self, flag_id: str) -> tuple[Flagged, Transcript]:
        granted = authorise(self.principal, Permission.FLAG_READ)
        return await read_flagged(granted, review_parts(self.installation, self.store), flag_id)

    async def review(self, given: ReviewGiven) -> tuple[Review, Case | None]:
        """Keeps the review; a correction, or knowledge that is missing, makes a case as well."""
        parts = review_parts(self.installation, self.store)
        granted = authorise(self.principal, Permission.FLAG_REVIEW)
        reviewed = await review_flag(
            granted,
            parts,
            flag_id=given.flag_id,
            cause=given.cause,
            correction=given.correction,
            documents=given.documents,
        )
        try:
            case = await dispatch_flag(
                authorise(self.principal, Permission.CASE_WRITE),
                dispatch_parts(self.installation, self.store),
                given.flag_id,
            )
        except NoCorrection:
            return reviewed.value, None
        return reviewed.value, case.value
