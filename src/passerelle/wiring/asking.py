"""One question without a listener: the same steps, the same entry."""

from contextlib import AsyncExitStack

from passerelle.adapters.store.stores import Store
from passerelle.core.values.chat import ChatRequest, Message
from passerelle.core.values.ids import new_id
from passerelle.stories.serve.exchange import Arrival, Checked
from passerelle.wiring.ingesting import ingest_usecases
from passerelle.wiring.installation import Installation
from passerelle.wiring.operating import development_key
from passerelle.wiring.providers import build_providers
from passerelle.wiring.serving import build_parts, build_serving


async def ask_once(installation: Installation, store: Store, model: str, question: str) -> Checked:
    """Asks with the development key, as the person who can read the state folder."""
    from passerelle.adapters.telemetry.metrics import Registry
    from passerelle.adapters.telemetry.observers import ServingMetrics

    await ingest_usecases(installation, store, lambda _usecase, _step: None, missing_only=True)
    providers = build_providers(installation)
    async with AsyncExitStack() as stack:
        for provider in providers.values():
            stack.push_async_callback(provider.close)
        parts, _ = build_parts(installation, store, providers, ServingMetrics(Registry()))
        arrival = Arrival(
            request=ChatRequest(model=model, messages=(Message("user", question),)),
            credential=await development_key(installation, store),
            request_id=new_id("req", installation.clock),
            received_ns=installation.clock.monotonic_ns(),
        )
        return await build_serving(parts).answer(arrival)
