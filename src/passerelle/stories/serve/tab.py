"""What an exchange has used and shown so far, and its one entry."""

import asyncio
import hmac
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

from passerelle.core.values.chat import (
    ChatRequest,
    Choice,
    JsonObject,
    JsonValue,
    Message,
    Usage,
)
from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import ExchangeId, canonical_bytes
from passerelle.core.values.passages import Citation, Hit
from passerelle.core.values.principals import Principal
from passerelle.core.values.verdicts import Grounding, Support, Verdict
from passerelle.domain.budgets.limits import Amount
from passerelle.domain.budgets.rates import NO_LIMITS, RateLimit, RateStanding
from passerelle.domain.budgets.reservations import Alert, Reservation
from passerelle.domain.ledger.entries import Draft
from passerelle.domain.ledger.events import BUDGET_ALERT, EXCHANGE_ENDED
from passerelle.domain.routing.plans import Target
from passerelle.stories.serve.contents import choice_content, message_content
from passerelle.stories.serve.exchange import LIVE, SurfaceVerdict
from passerelle.stories.serve.facts import (
    AttemptFacts,
    ExchangeFacts,
    citation_facts,
    grounding_facts,
    seems_asked,
    sorted_verdicts,
)
from passerelle.stories.serve.observe import Observation
from passerelle.stories.serve.parts import Deployment, Parts

CLIENT_CLOSED = 499
"""Status of an exchange that the client left; it has no one to read it."""
NOT_GROUNDED = Grounding(Support.NOT_SCANNED, 0.0, (), "no answer was given")


class Attempt(NamedTuple):
    """One target that was asked."""

    target: Target
    code: str
    """Of its failure; empty when it answered."""
    elapsed_ns: int


@dataclass(slots=True)
class Tab:
    """Collects while the steps run; leaving it settles the budget and writes the entry.

    The entry is written whatever happens: answered, refused, failed, cut off.
    """

    parts: Parts
    exchange_id: ExchangeId
    principal: Principal
    request: ChatRequest
    request_id: str
    received_ns: int
    purpose: str = LIVE
    operation: str = "chat"
    store: bool = True
    kept: JsonObject = field(default_factory=dict)
    recalled: range = range(0)
    deployment: Deployment | None = None
    reservation: Reservation | None = None
    counted: tuple[RateLimit, ...] = ()
    """Rates that the request was counted in, with the tokens that it was thought to take."""
    expected_tokens: int = 0
    rates: RateStanding = NO_LIMITS
    messages: tuple[Message, ...] = ()
    """As they went to the model: after redaction."""
    guards: list[SurfaceVerdict] = field(default_factory=list)
    noted: tuple[Sequence[Verdict], ...] = ()
    """Those that are among `guards` already."""
    hits: tuple[Hit, ...] = ()
    choices: tuple[Choice, ...] = ()
    """What left as a whole, or is about to leave."""
    said: str = ""
    """What has left so far of the first choice of a stream."""
    withheld: str = ""
    """What the model said where something else was sent instead."""
    usage: Usage = field(default_factory=Usage)
    target: Target | None = None
    """Who answered."""
    attempts: list[Attempt] = field(default_factory=list)
    dropped: int = 0
    """Calls that were cancelled because another answered first."""
    called: bool = False
    """A provider has been asked, so there may be a cost."""
    cost_nano_usd: int | None = 0
    upstream_ns: int = 0
    grounding: Grounding = NOT_GROUNDED
    citations: tuple[Citation, ...] = ()

    @property
    def usecase(self) -> str:
        """Empty while it is not known."""
        return self.deployment.usecase if self.deployment is not None else ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close(error)

    async def close(self, error: BaseException | None) -> None:
        """Settles and records; a cancelled caller does not stop the record from being written."""
        status, code = outcome_of(error)
        if isinstance(error, Refusal):
            error.exchange_id = self.exchange_id
        alerts = self._settle()
        drafts = deque((self._draft(status, code), *map(self._alert, alerts)))
        try:
            while drafts:
                await self.parts.ledger.append(drafts.popleft())
        except asyncio.CancelledError:  # what is queued is written, though the client has gone
            for draft in drafts:
                with suppress(asyncio.CancelledError):
                    await self.parts.ledger.append(draft)
            self.parts.observer.exchange_ended(self._observation(status, code))
            raise
        self.parts.observer.exchange_ended(self._observation(status, code))

    def _settle(self) -> tuple[Alert, ...]:
        parts, tokens = self.parts, self.usage.input_tokens + self.usage.output_tokens
        if self.counted and tokens != self.expected_tokens:
            parts.rates.correct(
                self.counted,
                estimated=self.expected_tokens,
                actual=tokens,
                now_ns=parts.clock.monotonic_ns(),
            )
        reservation, self.reservation = self.reservation, None
        if reservation is None:
            return ()
        if not self.called:
            parts.purse.void(reservation)
            return ()
        return parts.purse.settle(reservation, Amount(self.cost_nano_usd or 0, tokens, 1))

    def _alert(self, alert: Alert) -> Draft:
        self.parts.observer.budget_alert(alert.name, alert.share)
        return Draft(
            event=BUDGET_ALERT,
            at_ms=self.parts.clock.now_ms(),
            scope=self.principal.scope,
            principal=self.principal.id,
            subject=alert.account,
            usecase=self.usecase,
            facts={
                "name": alert.name,
                "period": "month" if alert.month else "day",
                "period_start_ms": alert.start_ms,
                "share": alert.share,
            },
        )

    def _draft(self, status: int, code: str) -> Draft:
        deployment = self.deployment
        keeps_content = deployment is not None and deployment.policy.keep_content and self.store
        return Draft(
            event=EXCHANGE_ENDED,
            at_ms=self.parts.clock.now_ms(),
            scope=self.principal.scope,
            principal=self.principal.id,
            subject=self.exchange_id,
            usecase=deployment.usecase if deployment else "",
            facts=self._facts(status, code),
            content=self._content() if keeps_content else None,
        )

    def _facts(self, status: int, code: str) -> ExchangeFacts:
        deployment, usage, end_user = self.deployment, self.usage, self.request.end_user
        passed, guards = sorted_verdicts(self.guards)
        target = self.target or (deployment.plan.target if deployment else None)
        told_attempts = len(self.attempts) > 1 or self.dropped
        taken = bool(self.cost_nano_usd or usage.input_tokens or usage.output_tokens)
        plain = seems_asked(status=status, code=code, taken=taken) == self.called
        return ExchangeFacts(
            status=status,
            code=code,
            purpose=self.purpose,
            operation=self.operation,
            cut_off=status == CLIENT_CLOSED,
            stream=self.request.stream,
            request_id=self.request_id,
            key_id=self.principal.key_id,
            latency_ms=self._elapsed_ns() // 1_000_000,
            upstream_ms=self.upstream_ns // 1_000_000,
            cost_nano_usd=self.cost_nano_usd,
            price_book=self.parts.prices.dated,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            usage_estimated=usage.estimated,
            passed=passed,
            guards=guards,
            grounding=grounding_facts(self.grounding),
            citations=citation_facts(self.citations),
            hits=tuple([hit.passage.id for hit in self.hits]),
            end_user=self._pseudonym(end_user) if end_user else "",
            stage=deployment.stage if deployment else "",
            release=deployment.release if deployment else "",
            prompt=deployment.prompt.digest if deployment else "",
            knowledge_version=_knowledge_version(deployment),
            provider=target.provider if target else "",
            model=target.model if target else "",
            attempts=tuple(map(_attempt_facts, self.attempts)) if told_attempts else (),
            dropped=self.dropped,
            asked=None if plain else self.called,
        )

    def _content(self) -> bytes:
        answer = self.choices[0].text if self.choices else self.said
        content: dict[str, JsonValue] = {
            "messages": [
                message_content(message)
                for place, message in enumerate(self.messages or self.request.messages)
                if place not in self.recalled
            ],
            "answer": answer,
            "citations": [_citation_content(citation) for citation in self.citations],
        }
        if self.choices != (Choice(answer),):
            content["choices"] = [choice_content(choice) for choice in self.choices]
        if self.kept:
            content["kept"] = dict(self.kept)
        if self.withheld:
            content["withheld"] = self.withheld
        return canonical_bytes(content)

    def _observation(self, status: int, code: str) -> Observation:
        deployment = self.deployment
        asked = self.target or (deployment.plan.target if deployment and self.called else None)
        return Observation(
            usecase=deployment.usecase if deployment else "",
            stage=deployment.stage if deployment else "",
            status=status,
            code=code,
            duration_ns=self._elapsed_ns(),
            upstream_ns=self.upstream_ns,
            usage=self.usage,
            cost_nano_usd=self.cost_nano_usd,
            support=self.grounding.support,
            blocked=any(verdict.verdict.outcome == "blocked" for verdict in self.guards),
            provider=asked.provider if asked else "",
            model=asked.model if asked else "",
        )

    def _pseudonym(self, end_user: str) -> str:
        """Tells end users apart without keeping the caller's name for them."""
        return hmac.digest(self.parts.pepper, end_user.encode(), "sha256").hex()[:16]

    def _elapsed_ns(self) -> int:
        return self.parts.clock.monotonic_ns() - self.received_ns


def outcome_of(error: BaseException | None) -> tuple[int, str]:
    """Status and code that an exchange ends with."""
    match error:
        case None:
            return 200, ""
        case Refusal():
            return error.status, error.code
        case Exception():
            return Refusal.status, Refusal.code
        case _:  # cancelled, or the stream was closed: the client has gone
            return CLIENT_CLOSED, "client_closed"


def _knowledge_version(deployment: Deployment | None) -> str:
    index = deployment.index if deployment is not None else None
    return index.version if index is not None else ""


def _attempt_facts(attempt: Attempt) -> AttemptFacts:
    target = attempt.target
    return AttemptFacts(
        target.provider, target.model, attempt.code, attempt.elapsed_ns // 1_000_000
    )


def _citation_content(citation: Citation) -> JsonValue:
    return {
        "number": citation.number,
        "document": citation.document,
        "passage": citation.passage,
        "start": citation.start,
        "end": citation.end,
        "title": citation.title,
        "quote": citation.quote,
    }


def cited(grounding: Grounding) -> Sequence[Citation]:
    """The places that back the answer, each once, in the order of the claims."""
    places: dict[tuple[str, int, int], Citation] = {}
    for claim in grounding.claims:
        if claim.citation is not None and claim.support is not Support.UNSUPPORTED:
            place = (claim.citation.passage, claim.citation.start, claim.citation.end)
            places.setdefault(place, claim.citation)
    return tuple(places.values())
