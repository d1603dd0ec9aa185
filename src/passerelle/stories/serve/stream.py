"""The same story for streams: what leaves is a sequence of checked windows."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from passerelle.core.values.chat import Completion, Piece, Usage
from passerelle.stories.serve.call import Calling, opening, pieces_in
from passerelle.stories.serve.exchange import Checked, CheckedWindow, Opening
from passerelle.stories.serve.lanes import StreamedChoice, pieces_of
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.steps import (
    Answered,
    Routed,
    asked_for,
    charge,
    conclude,
    refuses_unsupported,
)


class AnswerStream:
    """Windows as they pass, then one `Checked`, given only after its entry is durable.

    Where the stage replaces unsupported answers, nothing may leave before the
    whole is known: then all of it comes at the end.
    """

    def __init__(self, routed: Routed, parts: Parts) -> None:
        self.opening = Opening(routed.tab.exchange_id, routed.tab.rates)
        self._routed = routed
        self._parts = parts
        self._clock = parts.clock
        self._last = Piece()
        self._said_characters = 0
        self._choices: dict[int, StreamedChoice] = {}
        self._run: AsyncGenerator[CheckedWindow | Checked, None] | None = None

    def __aiter__(self) -> AsyncIterator[CheckedWindow | Checked]:
        self._run = self._windows()
        return self._run

    async def aclose(self) -> None:
        """Leaves, early or after the end; the exchange has its one entry either way."""
        if self._run is not None:
            await self._run.aclose()
        else:  # a generator that never started would skip its own clean-up
            await self._routed.tab.close(asyncio.CancelledError())

    async def _windows(self) -> AsyncGenerator[CheckedWindow | Checked, None]:
        holds = refuses_unsupported(self._routed.deployment)
        left = False
        async with self._routed.tab:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    choice = self._choice(piece.index)
                    for passed in choice.push(piece):
                        self._keep(passed)
                        if not holds:
                            left = True
                            yield CheckedWindow(passed)
                    if choice.blocked:
                        break
            for passed in self._rest():
                self._keep(passed)
                if not holds:
                    left = True
                    yield CheckedWindow(passed)
            checked = self._conclude()
        if not left:
            for index, whole in enumerate(checked.completion.choices):
                for passed in pieces_of(index, whole):
                    yield CheckedWindow(passed)
        yield checked

    def _choice(self, index: int) -> StreamedChoice:
        choice = self._choices.get(index)
        if choice is None:
            deployment = self._routed.deployment
            choice = self._choices[index] = StreamedChoice(
                index,
                deployment.guards,
                unscanned_blocks=deployment.policy.unscanned == "block",
            )
        return choice

    def _rest(self) -> list[Piece]:
        return [piece for choice in self._choices.values() for piece in choice.finish()]

    def _keep(self, passed: Piece) -> None:
        """What left must be on the record even when the stream is cut off next."""
        if not passed.index:
            self._routed.tab.said += passed.text

    async def _pieces(self) -> AsyncGenerator[Piece, None]:
        """The provider's pieces; whatever happens, what they used is charged."""
        routed, tab = self._routed, self._routed.tab
        try:
            calling = Calling(tab, routed.plan, self._parts, opening(routed.call))
            async with aclosing(pieces_in(await calling.reach())) as pieces:
                while True:
                    waiting_since = self._clock.monotonic_ns()
                    try:
                        piece = await anext(pieces, None)
                    finally:
                        tab.upstream_ns += self._clock.monotonic_ns() - waiting_since
                    if piece is None:
                        return
                    self._said_characters += _characters(piece)
                    if piece.usage is not None:
                        self._last = piece
                    yield piece
        finally:
            used = self._last.usage or asked_for(routed.call, self._said_characters)
            charge(tab, used if tab.called else Usage())

    def _conclude(self) -> Checked:
        tab = self._routed.tab
        choices = [choice for _, choice in sorted(self._choices.items())] or [self._choice(0)]
        screened = [choice.screened() for choice in choices]
        completion = Completion(
            tuple(each.choice for each in screened),
            tab.usage,
            self._last.model,
            self._last.extras,
        )
        return conclude(Answered(tab, self._routed.deployment, completion), screened)


def _characters(piece: Piece) -> int:
    beside = sum(len(call.arguments) for call in piece.calls)
    return len(piece.text) + beside + (len(piece.thought.text) if piece.thought else 0)
