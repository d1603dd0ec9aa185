"""Everything that serving needs, in memory: for tests of what happens to one request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from passerelle.adapters.kms.signing import SigningKey
from passerelle.adapters.providers.replay import Replay
from passerelle.adapters.store.memory import MemoryStore, memory_store
from passerelle.adapters.store.memory_index import MemoryIndex
from passerelle.adapters.store.purse import MemoryPurse
from passerelle.core.values.chat import (
    ChatRequest,
    Completion,
    JsonValue,
    Message,
    Options,
    Usage,
    spoken,
)
from passerelle.core.values.clock import SetClock
from passerelle.core.values.ids import digest_of
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.budgets.rates import MemoryRates
from passerelle.domain.budgets.reservations import Allowance, Standing
from passerelle.domain.costs.price_book import FixedPrices, Price, Rate
from passerelle.domain.grounding.sections import GroundingPolicy
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.guardrails.sections import parse_guards
from passerelle.domain.identity.keys import mint
from passerelle.domain.knowledge.documents import DocumentRecord, Extracted
from passerelle.domain.knowledge.library import NewDocument
from passerelle.domain.knowledge.splitting import Splitting, split
from passerelle.domain.ledger.entries import Entry
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.plans import Plan
from passerelle.domain.routing.providers import Provider
from passerelle.domain.usecases.policies import DEFAULTS, StagePolicy
from passerelle.stories.serve.accounts import Accounts
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.documents import DocumentScreen
from passerelle.stories.serve.exchange import Arrival
from passerelle.stories.serve.observe import Observation
from passerelle.stories.serve.parts import Deployment, Parts

SCOPE = Scope("acme", "support")
PEPPER = b"a pepper for tests, nothing else"
FEES = "# Fees\n\nThe transfer fee is 4 percent of the amount. Refunds take ten days.\n"
PRICE = Price(input=Rate(1_000_000_000), output=Rate(2_000_000_000))
"""1 USD and 2 USD for a million tokens."""
ANSWER = spoken(
    "The transfer fee is 4 percent of the amount. [1]", usage=Usage(100, 20), model="replay-1"
)


@dataclass
class Watch:
    """Implements serve's `Observer` by keeping what it is told."""

    ended: list[Observation] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    alerts: list[tuple[str, float]] = field(default_factory=list)

    def exchange_ended(self, observation: Observation) -> None:
        self.ended.append(observation)

    def budget_alert(self, name: str, share: float) -> None:
        self.alerts.append((name, share))

    def caller_refused(self, code: str) -> None:
        self.refused.append(code)


@dataclass
class OneUseCase:
    """Implements serve's `Catalogue`."""

    deployment: Deployment

    def find(self, model: str, scope: Scope) -> Deployment | None:
        same = scope.organisation == self.deployment.scope.organisation
        return self.deployment if same and model == self.deployment.model else None

    def offered(self, scope: Scope) -> tuple[Deployment, ...]:
        found = self.find(self.deployment.model, scope)
        return (found,) if found else ()


@dataclass
class Kitchen:
    parts: Parts
    store: MemoryStore
    watch: Watch
    purse: MemoryPurse
    deployment: Deployment
    key: str
    clock: SetClock

    @property
    def serving(self) -> Serving:
        return Serving(self.parts)

    def arrival(self, question: str, **fields: Any) -> Arrival:
        """A request for the use case; fields of `ChatRequest` and of its options may be set."""
        known = ChatRequest.__dataclass_fields__
        options = Options(**{name: value for name, value in fields.items() if name not in known})
        request = ChatRequest(model="fees", messages=(Message("user", question),), options=options)
        asked = {name: value for name, value in fields.items() if name in known}
        return Arrival(replace(request, **asked), self.key, "req_1", 0)

    def standing(self, budget: Budget) -> Standing:
        """How the use case stands under that budget."""
        return self.purse.standing(Allowance("acme/fees", budget), now_ms=self.clock.now_ms())

    def entries(self) -> tuple[Entry, ...]:
        """Of exchanges, oldest first."""
        found = self.store.ledger.entries(organisation="acme", event="exchange.ended")
        return tuple(reversed(found))

    def facts(self) -> dict[str, JsonValue]:
        """Of the only exchange."""
        (entry,) = self.entries()
        facts: dict[str, JsonValue] = msgspec.json.decode(entry.facts)
        return facts

    def content(self) -> dict[str, JsonValue]:
        (entry,) = self.entries()
        body = self.store.ledger.content(entry.commitment)
        found: dict[str, JsonValue] = msgspec.json.decode(body or b"null")
        return found


def saying(text: str) -> Completion:
    """`ANSWER` in other words."""
    return spoken(text, usage=ANSWER.usage, model=ANSWER.model)


def guards(**sections: JsonValue) -> tuple[GuardPolicy, ...]:
    """As `[guards]` of a use case file would give them."""
    found, faults = parse_guards(sections)
    assert found is not None, faults
    return found


def index_of(**documents: str) -> MemoryIndex:
    def read(name: str, text: str) -> NewDocument:
        path, digest = f"{name}.md", digest_of(text.encode())
        extracted = Extracted(text, name, markdown=True)
        passages = split(path, digest, extracted, Splitting())
        record = DocumentRecord(path, name, digest, len(text), len(passages), "indexed", "")
        return NewDocument(stamp=digest, record=record, extracted=extracted, passages=passages)

    return MemoryIndex(read(name, text) for name, text in documents.items())


async def kitchen(
    *,
    provider: Provider | None = None,
    policy: StagePolicy = DEFAULTS[Stage.POC],
    guard_policies: tuple[GuardPolicy, ...] = (),
    documents: Mapping[str, str] | None = None,
    budget: Budget | None = None,
    roles: frozenset[str] = frozenset({"end_user"}),
) -> Kitchen:
    """One use case `fees`, one provider `replay`, one caller."""
    clock, watch, purse = SetClock(), Watch(), MemoryPurse()
    store = memory_store(signer=SigningKey("passerelle/test", b"s" * 32))
    caller = Principal("svc_1", "service", "caller", SCOPE, roles)
    key, record = mint(caller, pepper=PEPPER, label="caller", now_ms=clock.now_ms())
    await store.keys.add(record)
    deployment = Deployment(
        model="fees",
        usecase="fees",
        scope=SCOPE,
        stage=Stage.POC,
        created=1_700_000_000,
        release=digest_of("release"),
        policy=policy,
        guards=guard_policies,
        documents=DocumentScreen(guard_policies),
        grounding=GroundingPolicy(),
        prompt=PromptVersion(
            digest_of("prompt"), "v1", "Quote.\n{{passages}}", 5, 3, 0.3, "I do not know."
        ),
        index=index_of(**(documents if documents is not None else {"fees": FEES})),
        plan=Plan("replay", "replay-1", 5.0),
        budget=budget or Budget(),
    )
    parts = Parts(
        keys=store.keys,
        pepper=PEPPER,
        catalogue=OneUseCase(deployment),
        accounts=Accounts(),
        rates=MemoryRates(),
        purse=purse,
        providers={"replay": provider or Replay(default=ANSWER)},
        ledger=store.ledger,
        observer=watch,
        prices=FixedPrices("test prices", {("replay", "replay-1"): PRICE}),
        clock=clock,
    )
    return Kitchen(parts, store, watch, purse, deployment, key, clock)
