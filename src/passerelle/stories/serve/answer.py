"""The online product, in reading order."""

from passerelle.core.values.errors import Refusal
from passerelle.domain.identity.grants import authorise, holds
from passerelle.domain.identity.keys import identify as identify_key
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.count import Counted, count
from passerelle.stories.serve.embed import as_chat, embed
from passerelle.stories.serve.exchange import (
    Arrival,
    Checked,
    CheckedEmbeddings,
    CheckedStream,
    EmbeddingArrival,
    ModelOffer,
)
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.steps import (
    Identified,
    Routed,
    check,
    complete,
    identify,
    reserve,
    retrieve,
    route,
    screen_input,
)
from passerelle.stories.serve.stream import AnswerStream


class Serving:
    """Answers requests. Holds no state of its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def answer(self, arrival: Arrival) -> Checked:
        """One whole answer, given only after its entry is durable."""
        parts = self._parts
        identified = self._identify(arrival)
        async with identified.tab:
            routed = prepare(identified, parts)
            answered = await complete(routed, parts)
            return check(answered)  # leaving the tab waits until the entry is durable

    async def stream(self, arrival: Arrival) -> CheckedStream:
        """A streamed answer, opened once everything that can refuse it has spoken."""
        parts = self._parts
        identified = self._identify(arrival)
        try:
            routed = prepare(identified, parts)
        except BaseException as error:
            await identified.tab.close(error)
            raise
        return AnswerStream(routed, parts)

    async def embed(self, arrival: EmbeddingArrival) -> CheckedEmbeddings:
        """Vectors, given only after their entry is durable."""
        identified = self._identify(as_chat(arrival))
        async with identified.tab:
            return await embed(identified, arrival.request, self._parts)

    async def count(self, arrival: Arrival) -> Counted:
        """The tokens that a model would read, given only after their entry is durable."""
        identified = self._identify(arrival)
        async with identified.tab:
            return await count(identified, self._parts)

    def models(self, credential: str) -> tuple[ModelOffer, ...]:
        """Models that the caller may ask for, by name."""
        parts = self._parts
        principal = identify_key(
            credential, parts.keys, pepper=parts.pepper, now_ms=parts.clock.now_ms()
        )
        authorise(principal, Permission.MODEL_LIST)
        return tuple(
            ModelOffer(deployment.model, deployment.created, deployment.scope.organisation)
            for deployment in parts.catalogue.offered(principal.scope)
            if holds(principal, deployment.permission)
        )

    def _identify(self, arrival: Arrival) -> Identified:
        try:
            return identify(arrival, self._parts)
        except Refusal as refusal:
            self._parts.observer.caller_refused(refusal.code)
            raise


def prepare(identified: Identified, parts: Parts) -> Routed:
    """From who asks to which model answers: everything that needs no waiting."""
    reserved = reserve(identified, parts)
    screened = screen_input(reserved)
    retrieved = retrieve(screened)
    return route(retrieved)
