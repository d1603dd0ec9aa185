"""Texts to vectors: the same questions as for an answer, as far as they arise."""

from dataclasses import replace

from passerelle.core.values.chat import ChatRequest, Message, Options
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.guardrails.guards import Surface
from passerelle.domain.routing.providers import EmbeddingCall
from passerelle.stories.serve.call import Calling, embedding
from passerelle.stories.serve.exchange import (
    Arrival,
    CheckedEmbeddings,
    EmbeddingArrival,
    EmbeddingRequest,
)
from passerelle.stories.serve.parts import Deployment, Parts
from passerelle.stories.serve.steps import (
    Identified,
    charge,
    reserve,
    screen_input,
    served_by,
)
from passerelle.stories.serve.surfaces import note_unread

EMBEDDINGS = "embeddings"
"""Operation of an exchange that embeds, in the record."""


class EmbedsNothing(InvalidRequest):
    """This use case has no embedding model."""

    code = "model_not_found"
    status = 404


def as_chat(arrival: EmbeddingArrival) -> Arrival:
    """The same arrival as a conversation, one turn for each text, for the steps that they share."""
    request = arrival.request
    texts = (text if isinstance(text, str) else "" for text in request.inputs)
    return Arrival(
        request=ChatRequest(
            model=request.model,
            messages=tuple(Message("user", text) for text in texts),
            end_user=request.end_user,
            options=Options(max_tokens=1, extras=request.extras),
        ),
        credential=arrival.credential,
        request_id=arrival.request_id,
        received_ns=arrival.received_ns,
        on_behalf_of=arrival.on_behalf_of,
    )


async def embed(
    identified: Identified, request: EmbeddingRequest, parts: Parts
) -> CheckedEmbeddings:
    """Vectors of what may pass. The caller leaves the tab, and so writes the entry."""
    tab = identified.tab
    tab.operation = EMBEDDINGS
    as_tokens = [each for each in request.inputs if not isinstance(each, str)]
    unread_tokens = sum(map(len, as_tokens))
    reserved = reserve(identified, parts, route=_embedding, unread_tokens=unread_tokens)
    deployment = reserved.deployment
    screened = screen_input(reserved)
    if as_tokens:
        note_unread(tab, deployment, Surface.INPUT, ("tokens",))
    call = EmbeddingCall(
        model=deployment.plan.model,
        inputs=tuple(
            message.text if isinstance(given, str) else given
            for given, message in zip(request.inputs, screened.messages, strict=True)
        ),
        deadline_seconds=deployment.plan.deadline_seconds,
        dimensions=request.dimensions,
        extras=request.extras,
    )
    embeddings = await Calling(tab, deployment.plan, parts, embedding(call)).reach()
    charge(tab, embeddings.usage)
    return CheckedEmbeddings(
        exchange_id=tab.exchange_id,
        served=served_by(tab, deployment),
        vectors=embeddings.vectors,
        usage=embeddings.usage,
        guards=tuple(tab.guards),
        cost_nano_usd=tab.cost_nano_usd,
        price_book=parts.prices.dated,
        upstream_ns=tab.upstream_ns,
        rates=tab.rates,
    )


def _embedding(deployment: Deployment) -> Deployment:
    """The deployment with the route of its embeddings in place of that of its answers."""
    if deployment.embedding is None:
        raise EmbedsNothing(f"{deployment.model} has no section [embeddings].", param="model")
    return replace(deployment, plan=deployment.embedding)
