"""One function per step: each takes one state and returns the next."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from passerelle.core.values.chat import Choice, Completion, Message, Usage, question_in
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.ids import new_exchange_id
from passerelle.core.values.passages import Hit
from passerelle.core.values.scope import Stage
from passerelle.core.values.verdicts import Grounding, Support
from passerelle.domain.costs.pricing import cost_nano
from passerelle.domain.grounding.detector import ground
from passerelle.domain.guardrails.guards import Surface
from passerelle.domain.guardrails.watches import refuse_too_much
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.keys import identify as identify_key
from passerelle.domain.identity.keys import still_good
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.knowledge.retrieval import retrieve as search
from passerelle.domain.prompts.rendering import render
from passerelle.domain.routing.plans import Plan
from passerelle.domain.routing.providers import ModelCall
from passerelle.stories.serve.call import Calling, whole
from passerelle.stories.serve.exchange import LOAD, Arrival, Checked, Served
from passerelle.stories.serve.expected import expect
from passerelle.stories.serve.parts import Deployment, ModelNotFound, Parts
from passerelle.stories.serve.surfaces import (
    ScreenedChoice,
    note,
    note_unread,
    screen_choice,
    screen_message,
    screen_tools,
    texts_of,
    unread_in,
)
from passerelle.stories.serve.tab import Tab, cited

CHARACTERS_PER_TOKEN = 4
"""Of English text; for our own count where a provider reports none."""


class Identified(NamedTuple):
    """Who asks is known, and the exchange has a tab."""

    tab: Tab


class Reserved(NamedTuple):
    """What answers is known, and its money is set aside."""

    tab: Tab
    deployment: Deployment


class Screened(NamedTuple):
    """The input has passed its guards; these are the messages that may go on."""

    tab: Tab
    deployment: Deployment
    messages: tuple[Message, ...]
    question: str


class Retrieved(NamedTuple):
    """What we know about it, as far as the guards let it through."""

    tab: Tab
    deployment: Deployment
    messages: tuple[Message, ...]
    question: str
    hits: tuple[Hit, ...]


class Routed(NamedTuple):
    """Which targets may get which call."""

    tab: Tab
    deployment: Deployment
    plan: Plan
    call: ModelCall


class Answered(NamedTuple):
    """What the model said; not yet allowed to leave."""

    tab: Tab
    deployment: Deployment
    completion: Completion


def identify(arrival: Arrival, parts: Parts) -> Identified:
    """Who? A caller without a valid key gets no tab: there is no tenant to write it for."""
    now_ms = parts.clock.now_ms()
    if arrival.on_behalf_of:
        principal = still_good(arrival.on_behalf_of, parts.keys, now_ms=now_ms)
    else:
        principal = identify_key(arrival.credential, parts.keys, pepper=parts.pepper, now_ms=now_ms)
    authorise(principal, Permission.EXCHANGE_CREATE)
    if arrival.purpose == LOAD:
        authorise(principal, Permission.EVIDENCE_WRITE)
    return Identified(
        Tab(
            parts=parts,
            exchange_id=new_exchange_id(parts.clock),
            principal=principal,
            request=arrival.request,
            request_id=arrival.request_id,
            received_ns=arrival.received_ns,
            purpose=arrival.purpose,
            store=arrival.store,
            kept=arrival.kept,
            recalled=arrival.recalled,
        )
    )


def as_it_is(deployment: Deployment) -> Deployment:
    return deployment


def reserve(
    identified: Identified,
    parts: Parts,
    *,
    route: Callable[[Deployment], Deployment] = as_it_is,
    unread_tokens: int = 0,
) -> Reserved:
    """May they spend? Rate first, then money; both before any work is done.

    `route` says which of the deployment's routes is asked: its own, or that of embeddings;
    `unread_tokens` are inputs that came as tokens.
    """
    tab = identified.tab
    deployment = route(_resolve(tab, parts))
    tab.deployment = deployment
    key = parts.keys.get(tab.principal.key_id)
    draws = parts.accounts.draws(deployment, tab.principal, key)
    if not draws.allowances and not draws.rates:
        return Reserved(tab, deployment)
    expected = expect(
        tab.request,
        deployment,
        parts.prices,
        unread_tokens=unread_tokens,
        strict_price=draws.strict_price,
    )
    if draws.rates and tab.purpose != LOAD:
        tab.rates = parts.rates.take(
            draws.rates, tokens=expected.tokens, now_ns=parts.clock.monotonic_ns()
        )
        # Only now: a refused request was counted nowhere, so nothing of it may be given back.
        tab.counted = draws.rates
        tab.expected_tokens = expected.tokens
    if draws.allowances:
        tab.reservation = parts.purse.reserve(
            draws.allowances, expected.most, now_ms=parts.clock.now_ms()
        )
        small = deployment.plan.small
        if tab.reservation.downgrade and small is not None:
            deployment = replace(deployment, plan=deployment.plan.on(small))
            tab.deployment = deployment
    return Reserved(tab, deployment)


def _resolve(tab: Tab, parts: Parts) -> Deployment:
    request = tab.request
    deployment = parts.catalogue.find(request.model, tab.principal.scope)
    if deployment is None or deployment.stage is Stage.RETIRED:
        raise ModelNotFound(f"Asked for {request.model[:80]!r}; GET /v1/models lists yours.")
    authorise(tab.principal, deployment.permission)
    unknown = request.options.extras
    if unknown and deployment.policy.unknown_fields == "refuse":
        raise InvalidRequest(
            f"Stage {deployment.stage} refuses unknown fields.", param=min(unknown)
        )
    return deployment


def screen_input(reserved: Reserved) -> Screened:
    """May this pass? Everything that a caller can have written is looked at."""
    tab, deployment = reserved.tab, reserved.deployment
    refuse_too_much(texts_of(tab.request), deployment.guards, Surface.INPUT)
    tab.messages = tuple(
        screen_message(message, tab, deployment) for message in tab.request.messages
    )
    if tab.request.options.tools:
        screen_tools(tab.request.options.tools, tab, deployment)
    return Screened(tab, deployment, tab.messages, question_in(tab.messages))


def retrieve(screened: Screened) -> Retrieved:
    """What do we know? Passages that a guard blocks are as good as not found."""
    tab, deployment = screened.tab, screened.deployment
    hits: tuple[Hit, ...] = ()
    if deployment.index is not None:
        earlier = [each.text for each in screened.messages if each.role == "user"][:-1]
        found = search(
            deployment.index,
            screened.question,
            limit=deployment.prompt.passages,
            history=earlier,
        )
        hits, verdicts = deployment.documents.screen(found)
        note(tab, deployment, Surface.DOCUMENT, verdicts)
    tab.hits = hits
    return Retrieved(tab, deployment, screened.messages, screened.question, hits)


def route(retrieved: Retrieved) -> Routed:
    """Which model?"""
    tab, deployment, request = retrieved.tab, retrieved.deployment, retrieved.tab.request
    plan, prompt = deployment.plan, deployment.prompt
    call = ModelCall(
        model=plan.model,
        messages=render(prompt, hits=retrieved.hits, messages=retrieved.messages),
        question=retrieved.question,
        hits=retrieved.hits,
        sentences=prompt.sentences,
        refuse_below=prompt.refuse_below,
        refusal=prompt.refusal,
        deadline_seconds=plan.deadline_seconds,
        options=request.options,
    )
    return Routed(tab, deployment, plan, call)


async def complete(routed: Routed, parts: Parts) -> Answered:
    """The answer of the first target that gives one."""
    tab = routed.tab
    try:
        completion = await Calling(tab, routed.plan, parts, whole(routed.call)).reach()
    except asyncio.CancelledError:
        # The client left: what the provider had read by then it will bill.
        charge(tab, asked_for(routed.call))
        raise
    charge(tab, completion.usage)
    return Answered(tab, routed.deployment, completion)


def asked_for(call: ModelCall, said_characters: int = 0) -> Usage:
    """Our own count of a call that ended before its provider said what it used."""
    asked = sum(len(message.text) for message in call.messages)
    return Usage(
        input_tokens=asked // CHARACTERS_PER_TOKEN,
        output_tokens=said_characters // CHARACTERS_PER_TOKEN,
        estimated=True,
    )


def charge(tab: Tab, usage: Usage) -> None:
    """Puts what was used, and its price where one is known, on the tab.

    A call that lost a race was cancelled: it counts with what it had been asked.
    """
    target = tab.target or (tab.deployment.plan.target if tab.deployment else None)
    price = tab.parts.prices.price(target.provider, target.model) if target else None
    tab.usage = usage
    if price is None:
        tab.cost_nano_usd = None
        return
    cost = cost_nano(usage, price)
    if tab.dropped:
        lost = Usage(input_tokens=usage.input_tokens, estimated=True)
        cost += tab.dropped * cost_nano(lost, price)
    tab.cost_nano_usd = cost


def check(answered: Answered) -> Checked:
    """May it leave, and is it grounded?"""
    guards = answered.deployment.guards
    choices = answered.completion.choices
    return conclude(answered, [screen_choice(choice, guards) for choice in choices])


def conclude(answered: Answered, screened: Sequence[ScreenedChoice]) -> Checked:
    """The last word on an answer whose output guards have spoken, streamed or whole."""
    tab, deployment, completion = answered.tab, answered.deployment, answered.completion
    for each in screened:
        note(tab, deployment, Surface.OUTPUT, each.verdicts)
        if each.choice.extras:
            note_unread(tab, deployment, Surface.OUTPUT, unread_in(each.choice))
    grounded = [(each, _ground(each.choice, tab, deployment)) for each in screened]
    worst = grounded[0] if len(grounded) == 1 else min(grounded, key=_standing)
    tab.grounding = worst[1]
    tab.choices = tuple([_backed(*pair, tab, deployment) for pair in grounded])
    tab.citations = () if tab.withheld else tuple(cited(tab.grounding))
    return Checked(
        exchange_id=tab.exchange_id,
        served=served_by(tab, deployment),
        completion=Completion(tab.choices, tab.usage, completion.model, completion.extras),
        citations=tab.citations,
        grounding=tab.grounding,
        guards=tuple(tab.guards),
        cost_nano_usd=tab.cost_nano_usd,
        price_book=tab.parts.prices.dated,
        upstream_ns=tab.upstream_ns,
        rates=tab.rates,
    )


_UNBACKED = frozenset({Support.UNSUPPORTED, Support.CONTRADICTED})
_WORST_FIRST = (
    Support.CONTRADICTED,
    Support.UNSUPPORTED,
    Support.NOT_SCANNED,
    Support.SUPPORTED,
)


def _ground(choice: Choice, tab: Tab, deployment: Deployment) -> Grounding:
    if choice.tool_calls and not choice.text:
        return Grounding(Support.NOT_SCANNED, 0.0, reason="tool_calls")
    return ground(
        choice.text,
        [hit.passage for hit in tab.hits],
        threshold=deployment.grounding.threshold,
        refusal=deployment.prompt.refusal,
    )


def _standing(grounded: tuple[ScreenedChoice, Grounding]) -> tuple[int, float]:
    """Several answers stand as badly as the worst of them."""
    grounding = grounded[1]
    return _WORST_FIRST.index(grounding.support), grounding.score


def _backed(
    screened: ScreenedChoice, grounding: Grounding, tab: Tab, deployment: Deployment
) -> Choice:
    """The choice, or the use case's refusal where the stage lets nothing unbacked leave."""
    unbacked = grounding.support in _UNBACKED and refuses_unsupported(deployment)
    if screened.blocked or not unbacked:
        return screened.choice
    tab.withheld = "\n\n".join(filter(None, (tab.withheld, screened.choice.text)))
    return Choice(deployment.prompt.refusal, screened.choice.finish_reason)


def refuses_unsupported(deployment: Deployment) -> bool:
    """Does this stage replace an answer that nothing backs?"""
    unsupported = deployment.policy.unsupported
    if unsupported == "from grounding":
        unsupported = deployment.grounding.unsupported
    return unsupported == "refuse"


def served_by(tab: Tab, deployment: Deployment) -> Served:
    target = tab.target or deployment.plan.target
    return Served(
        usecase=deployment.usecase,
        stage=deployment.stage,
        release=deployment.release,
        provider=target.provider,
        model=target.model,
    )
