"""Load on a running gateway, and the evidence that it leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.evidence import Evidence
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.readiness.loads import (
    LOAD_BAR,
    LoadFigures,
    figures_of,
    shortfalls,
)
from passerelle.stories.justify.loads import record_load
from passerelle.wiring.improving import read_dataset
from passerelle.wiring.installation import Installation
from passerelle.wiring.justifying import evidence_parts, next_model
from passerelle.wiring.operating import DEVELOPMENT_KEY, acting, read_key
from passerelle.wiring.serving import open_deployments

LONGEST_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class LoadWanted:
    """What to offer."""

    usecase: str
    rps: float
    seconds: float
    url: str = ""
    """Of the gateway; empty for the one of the settings."""
    key_file: Path | None = None
    """Of the person who asks and answers for the evidence; None for the development key."""


@dataclass(frozen=True, slots=True)
class LoadMeasured:
    """What was borne."""

    model: str
    url: str
    figures: LoadFigures
    statuses: dict[int, int]
    """How often each HTTP status came; 0 is no answer at all."""
    evidence: Evidence
    borne: bool
    """What was offered was answered, in time and almost without a failure."""
    missing: tuple[str, ...]
    """What is not enough to go live; empty when it is."""


async def measure_load(
    installation: Installation, store: Store, wanted: LoadWanted, progress: Callable[[int], None]
) -> LoadMeasured:
    """Asks the use case's own cases at a fixed rate, then keeps what was seen as evidence.

    The stage that the use case should enter next answers, where it is set up.
    """
    from passerelle.adapters.loadtest.open_loop import LoadPlan, run_load
    from passerelle.transport.egress.connections import Connections

    granted = authorise(acting(installation, store, wanted.key_file), Permission.EVIDENCE_WRITE)
    questions = [case.question for case in read_dataset(installation, store, wanted.usecase).cases]
    if not questions:
        raise InvalidRequest(f"{wanted.usecase} has no cases to ask: add some to its cases.jsonl.")
    model = next_model(installation, open_deployments(installation, store), wanted.usecase)
    plan = LoadPlan(
        address=wanted.url or address_of(installation),
        model=model,
        questions=questions,
        rps=wanted.rps,
        seconds=wanted.seconds,
        key=read_key(wanted.key_file or installation.data / DEVELOPMENT_KEY),
    )
    connections = Connections()
    try:
        run = await run_load(plan, connections, progress=progress)
    finally:
        await connections.close()
    recorded = await record_load(
        granted,
        evidence_parts(installation, store),
        usecase=wanted.usecase,
        release=run.release,
        seen=run.seen,
    )
    figures = figures_of(run.seen)
    return LoadMeasured(
        model=model,
        url=plan.address,
        figures=figures,
        statuses=run.statuses,
        evidence=recorded.value,
        borne=_bore(figures),
        missing=shortfalls(figures),
    )


def _bore(figures: LoadFigures) -> bool:
    failed = figures.failures > LOAD_BAR.failed_share * figures.offered
    return not failed and figures.p99_ms.value < LOAD_BAR.p99_ms


def address_of(installation: Installation) -> str:
    """Where a gateway with these settings listens, as seen from this machine."""
    listener = installation.settings.listener
    scheme = "https" if listener.tls_certificate else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)  # noqa: S104 - reads it
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.port}"
