"""Questions without a listener: the same steps, the same entries."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from passerelle.adapters.store.stores import Store
from passerelle.core.values.chat import ChatRequest, Message
from passerelle.core.values.ids import new_id
from passerelle.domain.evaluation.summaries import Evaluation
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.jobs.progress import Report
from passerelle.stories.improve.evaluate import evaluate, last_evaluation
from passerelle.stories.serve.exchange import Arrival, Checked
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.improving import evaluation_parts, read_dataset
from passerelle.wiring.ingesting import ingest_usecases
from passerelle.wiring.installation import Installation
from passerelle.wiring.operating import NoKey, acting, development_key, read_key
from passerelle.wiring.providers import build_providers
from passerelle.wiring.serving import build_parts, build_serving


@asynccontextmanager
async def serving_here(
    installation: Installation, store: Store
) -> AsyncIterator[tuple[Parts, Deployments]]:
    """Everything that serves, in this process; what has no knowledge yet gets it first."""
    from passerelle.adapters.telemetry.metrics import Registry
    from passerelle.adapters.telemetry.observers import ServingMetrics

    await ingest_usecases(installation, store, lambda _usecase, _step: None, missing_only=True)
    providers = build_providers(installation)
    async with AsyncExitStack() as stack:
        for provider in providers.values():
            stack.push_async_callback(provider.close)
        yield build_parts(installation, store, providers, ServingMetrics(Registry()))


async def ask_once(
    installation: Installation,
    store: Store,
    model: str,
    question: str,
    *,
    key_file: Path | None = None,
) -> Checked:
    """Asks as the person whose key is in the file; else with the development key."""
    async with serving_here(installation, store) as (parts, _):
        credential = await _credential(installation, store, key_file)
        arrival = Arrival(
            request=ChatRequest(model=model, messages=(Message("user", question),)),
            credential=credential,
            request_id=new_id("req", installation.clock),
            received_ns=installation.clock.monotonic_ns(),
        )
        return await build_serving(parts).answer(arrival)


async def _credential(installation: Installation, store: Store, key_file: Path | None) -> str:
    if key_file is not None:
        return read_key(key_file)
    credential = await development_key(installation, store)
    if not credential:
        raise NoKey("The development key was revoked: ask with --as-key FILE.")
    return credential


async def evaluate_model(
    installation: Installation,
    store: Store,
    model: str,
    progress: Report,
    *,
    key_file: Path | None = None,
) -> Evaluation:
    """Asks every case of a use case; the model may name a stage and a prompt version.

    The spelling is `handbook`, `handbook@pilot` or `handbook@pilot#v2`.
    """
    principal = acting(installation, store, key_file)
    granted = authorise(principal, Permission.EVALUATION_RUN)
    usecase = usecase_of(model)
    dataset = read_dataset(installation, store, usecase)
    async with serving_here(installation, store) as (parts, deployments):
        rehearsing = replace(parts, catalogue=deployments.rehearsing())
        recorded = await evaluate(
            granted,
            evaluation_parts(store, rehearsing, principal),
            usecase=usecase,
            model=model,
            dataset=dataset,
            progress=progress,
        )
    return recorded.value


def shown_evaluation(
    installation: Installation, store: Store, usecase: str, *, key_file: Path | None = None
) -> Evaluation:
    """The last finished one, scored against today's cases. Raises `NotFound`."""
    principal = acting(installation, store, key_file)
    granted = authorise(principal, Permission.EVALUATION_READ)
    return last_evaluation(granted, store.runs, read_dataset(installation, store, usecase))


def usecase_of(model: str) -> str:
    """`handbook` of `handbook@pilot#v2`."""
    return model.partition("#")[0].partition("@")[0]
