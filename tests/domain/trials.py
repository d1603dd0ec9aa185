"""Cases and trials for tests of what is made of them."""

from dataclasses import replace

from passerelle.core.values.ids import digest_of
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.datasets import Dataset
from passerelle.domain.evaluation.runs import Run, Trial
from passerelle.domain.evaluation.summaries import Evaluation, evaluated

FEE = Case("fee", "What is the fee?", "The fee is 4 percent.", ("fees.md",), True, "facts")
REFUND = Case(
    "refund", "How long do refunds take?", "Refunds take ten days.", ("fees.md",), True, "facts"
)
MOON = Case("moon", "How far is the moon?", "", (), False, "far")
CASES = (FEE, REFUND, MOON)


def answered(case: Case, answer: str = "", **fields: object) -> Trial:
    """A good answer, unless told otherwise."""
    trial = Trial(
        case_id=case.id,
        answer=answer or f"{case.reference} [1]",
        cited_documents=case.documents,
        support=Support.SUPPORTED,
        grounding_score=1.0,
        latency_ms=4.0,
        cost_nano_usd=100,
        refused=False,
        status=200,
        exchange_id=f"exc_{case.id}",
    )
    return replace(trial, **fields)  # type: ignore[arg-type]


def refused(case: Case, **fields: object) -> Trial:
    """It said that it does not know."""
    trial = answered(case, "I do not know.", cited_documents=(), support=Support.NOT_SCANNED)
    return replace(trial, refused=True, **fields)  # type: ignore[arg-type]


def run_of(dataset: Dataset, name: str = "run_1") -> Run:
    return Run(
        id=name,
        usecase=dataset.usecase,
        organisation="acme",
        dataset=dataset.version,
        release=digest_of(f"release of {name}"),
        prompt=digest_of(f"prompt of {name}"),
        model_name="fees@pilot",
        started_at_ms=1_700_000_000_000,
    )


def evaluation(*trials: Trial, cases: tuple[Case, ...] = CASES, run: str = "run_1") -> Evaluation:
    dataset = Dataset("fees", cases)
    return evaluated(run_of(dataset, run), dataset, trials)
