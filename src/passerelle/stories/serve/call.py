"""One model call: whom to ask, how often, and what that says of each target."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

from passerelle.core.values.chat import Completion, Piece
from passerelle.core.values.errors import Unavailable
from passerelle.domain.routing.fallback import Itinerary, Step
from passerelle.domain.routing.plans import Plan, Target
from passerelle.domain.routing.providers import (
    EmbeddingCall,
    Embeddings,
    ModelCall,
    Provider,
    ProviderFailed,
    ProviderOverloaded,
    ProviderRefused,
    ProviderTimedOut,
)
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.tab import Attempt, Tab

_NS = 1_000_000_000
Answer = TypeVar("Answer")


class Seconds(NamedTuple):
    """What is left for one attempt."""

    whole: float
    first: float
    """Up to the first piece of a stream."""


Ask = Callable[[Provider, str, Seconds], Awaitable[Answer]]
"""Asks a provider for the model of that name."""


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """A stream whose first piece has come; from here on nobody else can be asked."""

    first: Piece
    rest: AsyncGenerator[Piece, None]

    async def aclose(self) -> None:
        await self.rest.aclose()


class Calling(Generic[Answer]):
    """The attempts of one call. What they came to is put on the tab."""

    def __init__(self, tab: Tab, plan: Plan, parts: Parts, ask: Ask[Answer]) -> None:
        self._tab = tab
        self._plan = plan
        self._parts = parts
        self._ask = ask
        self._started_ns = parts.clock.monotonic_ns()
        self._itinerary = Itinerary(plan, parts.health, chance=parts.chance())

    async def reach(self) -> Answer:
        """The first answer. Raises the last `ProviderFailed` when nobody gives one."""
        step = self._itinerary.next(self._started_ns)
        failure: ProviderFailed | None = None
        try:
            while step is not None and step.wait_seconds < self._left():
                if step.wait_seconds:
                    await asyncio.sleep(step.wait_seconds)
                try:
                    return await self._attempt(step)
                except ProviderFailed as fault:
                    failure = fault
                step = self._itinerary.next(self._parts.clock.monotonic_ns(), failure)
        finally:
            self._tab.upstream_ns += self._parts.clock.monotonic_ns() - self._started_ns
        raise failure or self._all_rest()

    async def _attempt(self, step: Step) -> Answer:
        hedge = self._plan.hedge
        if hedge is None:
            return await self._one(step.target)
        self._parts.hedges.called(self._tab.usecase)
        first = asyncio.create_task(self._one(step.target))
        running = {first}
        try:
            await asyncio.wait(running, timeout=hedge.after_seconds)
            if not first.done() and self._parts.hedges.may_send(self._tab.usecase, hedge):
                other = self._itinerary.beside(self._parts.clock.monotonic_ns())
                if other is not None:
                    running.add(asyncio.create_task(self._one(other)))
            return await self._first_of(running)
        finally:
            await self._drop(running)

    async def _first_of(self, running: "set[asyncio.Task[Answer]]") -> Answer:
        """The first that answers; the failure of the last when none does."""
        while True:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                if task.exception() is None or not running:
                    return task.result()

    async def _drop(self, running: "set[asyncio.Task[Answer]]") -> None:
        """Cancels who lost the race; what they had been asked may have to be paid."""
        for task in running:
            task.cancel()
        for task in running:
            self._tab.dropped += 1
            with suppress(asyncio.CancelledError, ProviderFailed):
                late = await task
                if isinstance(late, OpenedStream):
                    await late.aclose()

    async def _one(self, target: Target) -> Answer:
        provider = provider_of(target, self._parts)
        clock, health = self._parts.clock, self._parts.health
        started_ns = clock.monotonic_ns()
        self._tab.called = True
        try:
            answer = await self._ask(provider, target.model, self._seconds())
        except ProviderRefused as refusal:
            health.gave_up(target)
            self._note(target, refusal.code, started_ns)
            raise
        except ProviderFailed as failure:
            retry_after = (
                failure.retry_after_seconds if isinstance(failure, ProviderOverloaded) else None
            )
            health.failed(
                target, failure.code, clock.monotonic_ns(), retry_after_seconds=retry_after
            )
            self._note(target, failure.code, started_ns)
            raise
        except BaseException:
            health.gave_up(target)
            raise
        health.succeeded(target, clock.monotonic_ns() - started_ns)
        self._note(target, "", started_ns)
        self._tab.target = target
        return answer

    def _note(self, target: Target, code: str, started_ns: int) -> None:
        elapsed_ns = self._parts.clock.monotonic_ns() - started_ns
        self._tab.attempts.append(Attempt(target, code, elapsed_ns))

    def _left(self) -> float:
        spent_ns = self._parts.clock.monotonic_ns() - self._started_ns
        return max(0.001, self._plan.deadline_seconds - spent_ns / _NS)

    def _seconds(self) -> Seconds:
        # What has passed before the first attempt is no wait.
        left = self._left() if self._tab.attempts else self._plan.deadline_seconds
        return Seconds(left, min(left, self._plan.attempt_seconds or left))

    def _all_rest(self) -> ProviderFailed:
        now_ns = self._parts.clock.monotonic_ns()
        targets = (self._plan.target, *self._plan.peers, *self._plan.fallbacks)
        seconds = self._parts.health.seconds_until_rested(targets, now_ns)
        return ProviderOverloaded(
            "It has failed too often and rests.", retry_after_seconds=max(0.1, seconds)
        )


def provider_of(target: Target | Plan, parts: Parts) -> Provider:
    """Raises `Unavailable` where the settings have no such provider."""
    provider = parts.providers.get(target.provider)
    if provider is None:
        raise Unavailable(f"Provider {target.provider!r} is not configured: see passerelle doctor.")
    return provider


def whole(call: ModelCall) -> Ask[Completion]:
    """Asks for a whole answer."""

    async def ask(provider: Provider, model: str, seconds: Seconds) -> Completion:
        return await provider.complete(_for(call, model, seconds.first))

    return ask


def _for(call: ModelCall, model: str, seconds: float) -> ModelCall:
    if call.model == model and call.deadline_seconds == seconds:
        return call
    return replace(call, model=model, deadline_seconds=seconds)


def embedding(call: EmbeddingCall) -> Ask[Embeddings]:
    """Asks for vectors."""

    async def ask(provider: Provider, model: str, seconds: Seconds) -> Embeddings:
        return await provider.embed(replace(call, model=model, deadline_seconds=seconds.first))

    return ask


def opening(call: ModelCall) -> Ask[OpenedStream]:
    """Asks for a stream, and waits for its first piece."""

    async def ask(provider: Provider, model: str, seconds: Seconds) -> OpenedStream:
        pieces = provider.stream(_for(call, model, seconds.whole))
        try:
            async with asyncio.timeout(seconds.first):
                first = await anext(pieces)
        except TimeoutError:
            await pieces.aclose()
            raise ProviderTimedOut(f"Provider `{provider.name}`.") from None
        except BaseException:
            await pieces.aclose()
            raise
        return OpenedStream(first, pieces)

    return ask


async def pieces_in(opened: OpenedStream) -> AsyncGenerator[Piece, None]:
    """All pieces, the first one too. Closing it cancels the call at the provider."""
    async with aclosing(opened.rest) as rest:
        yield opened.first
        async for piece in rest:
            yield piece
