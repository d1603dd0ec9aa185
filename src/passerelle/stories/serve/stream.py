"""The same story for streams: what leaves is a sequence of checked windows."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from passerelle.core.values.chat import Completion, Piece, Usage
from passerelle.domain.guardrails.screening import Screened as ScreenedText
from passerelle.domain.guardrails.windows import Windows
from passerelle.stories.serve.exchange import Checked, CheckedWindow, Opening
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.steps import (
    CHARACTERS_PER_TOKEN,
    Answered,
    Routed,
    charge,
    conclude,
    refuses_unsupported,
    served_by,
)


class AnswerStream:
    """Windows as they pass, then one `Checked`, given only after its entry is durable.

    Where the stage replaces unsupported answers, nothing may leave before the
    whole is known: then the text comes as one window at the end.
    """

    def __init__(self, routed: Routed, parts: Parts) -> None:
        self.opening = Opening(routed.tab.exchange_id, served_by(routed.deployment))
        self._routed = routed
        self._clock = parts.clock
        self._last = Piece(finish_reason="stop")
        self._said: list[str] = []
        self._passed: list[str] = []
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
        async with self._routed.tab:
            windows = self._open_windows()
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    passed = self._pass(windows.push(piece.text))
                    if passed is not None and not holds:
                        yield passed
                    if windows.blocked:
                        break
            passed = self._pass(windows.finish())
            if passed is not None and not holds:
                yield passed
            checked = self._conclude(windows, held=holds)
        if holds or not self._passed:
            yield CheckedWindow(checked.text)
        yield checked

    def _open_windows(self) -> Windows:
        deployment = self._routed.deployment
        blocks = deployment.policy.unscanned == "block"
        return Windows(deployment.guards, unscanned_blocks=blocks)

    def _pass(self, text: str) -> CheckedWindow | None:
        if not text:
            return None
        self._passed.append(text)
        self._routed.tab.answer += text
        return CheckedWindow(text)

    async def _pieces(self) -> AsyncGenerator[Piece, None]:
        """The provider's pieces; whatever happens, what they used is charged."""
        tab = self._routed.tab
        tab.called = True
        try:
            async with aclosing(self._routed.provider.stream(self._routed.call)) as pieces:
                while True:
                    waiting_since = self._clock.monotonic_ns()
                    try:
                        piece = await anext(pieces, None)
                    finally:
                        tab.upstream_ns += self._clock.monotonic_ns() - waiting_since
                    if piece is None:
                        return
                    self._said.append(piece.text)
                    if piece.finish_reason is not None:
                        self._last = piece
                    yield piece
        finally:
            charge(tab, self._routed.deployment, self._last.usage or self._counted())

    def _counted(self) -> Usage:
        """Our own count, for a stream that ended before the provider said what it used."""
        asked = sum(len(message.text) for message in self._routed.call.messages)
        return Usage(
            input_tokens=asked // CHARACTERS_PER_TOKEN,
            output_tokens=len("".join(self._said)) // CHARACTERS_PER_TOKEN,
            estimated=True,
        )

    def _conclude(self, windows: Windows, *, held: bool) -> Checked:
        completion = Completion(
            text="".join(self._said),
            finish_reason=self._last.finish_reason or "stop",
            usage=self._routed.tab.usage,
            model=self._last.model,
            extras=self._last.extras,
        )
        answered = Answered(self._routed.tab, self._routed.deployment, completion)
        # What was blocked after some had left stays cut; what was held need not show at all.
        text = "" if held and windows.blocked else "".join(self._passed)
        passed = ScreenedText(text, windows.verdicts, windows.blocked)
        return conclude(answered, passed)
