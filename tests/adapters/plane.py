"""A control plane with people of every role, a use case and a document, called in process."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx

from passerelle.adapters.api.app import ROUTES, control_plane
from passerelle.adapters.api.parts import ApiParts, ProviderState, UseCaseView
from passerelle.adapters.api.routes import Route
from passerelle.adapters.store.memory import MemoryStore
from passerelle.adapters.store.purse import MemoryPurse
from passerelle.core.values.clock import SetClock
from passerelle.core.values.ids import Digest, PassageId, digest_of
from passerelle.core.values.passages import Hit, Passage
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.budgets.limits import Budget, written_budget
from passerelle.domain.budgets.reservations import Allowance
from passerelle.domain.budgets.views import AccountKind, AccountView
from passerelle.domain.identity.keys import ApiKey, mint
from passerelle.domain.knowledge.documents import DocumentRecord
from passerelle.domain.routing.health import Health
from passerelle.domain.routing.plans import Target
from passerelle.domain.usecases.charter import Kpi, Roles
from passerelle.stories.govern.audit import Verification, verify
from passerelle.stories.serve.observe import TrafficMinute
from tests.adapters.desk import desk_of, improving
from tests.stories.office import PEPPER, person, store

TEXT = "Fees\n\nIn 2026 the fee is 4 %. It is paid in March."
START, END = TEXT.index("In 2026"), TEXT.index(" It is paid")
DIGEST = digest_of(TEXT)


class Shelf:
    """An index of one document."""

    version: Digest = DIGEST
    _passage = Passage(
        PassageId("psg_1"), "a/fees.md", "Fees", "Fees", TEXT[START:END], START, END, DIGEST
    )

    def search(self, question: str, *, limit: int) -> tuple[Hit, ...]:
        return (Hit(self._passage, 1.0),) if question and limit else ()

    def passage(self, passage_id: PassageId) -> Passage | None:
        return self._passage if passage_id == self._passage.id else None

    def document_text(self, document: str) -> str | None:
        return TEXT if document == "a/fees.md" else None

    def documents(self) -> tuple[DocumentRecord, ...]:
        return (
            DocumentRecord("a/fees.md", "Fees", DIGEST, len(TEXT), 1, "indexed"),
            DocumentRecord("b.pdf", "b.pdf", "", 0, 0, "quarantined", "It is damaged."),
        )


HANDBOOK = UseCaseView(
    name="handbook",
    title="Handbook",
    goal="Answers questions about the product.",
    stage="pilot",
    model="handbook",
    provider="extractive",
    guards=("personal_data", "injection"),
    index=Shelf(),
    kpi=Kpi("answered at once", "share", 0.2, 0.6, 0.3, higher_is_better=True),
    roles=Roles("Grace", "Ada", "Katherine", "Dorothy"),
)


PROVIDERS = (
    ProviderState(
        name="openai",
        kind="openai",
        address="api.openai.com",
        has_key=True,
        direct=True,
        models=("gpt-5-mini",),
        targets=((Health().standing(Target("openai", "gpt-5"), 0), ("handbook@pilot",)),),
    ),
)
TEAM = Budget(month_nano=2_000_000_000, tokens_per_minute=600)
TRAFFIC = (
    TrafficMinute(60_000, "handbook", "pilot", "openai", "gpt-5", 3, 1, 0, 0, 360, 21, 5.0, 9.0),
)


@dataclass
class Plane:
    """The application, its store, and a way to call it as somebody."""

    clock: SetClock = field(default_factory=SetClock)
    store: MemoryStore = field(default_factory=store)
    routes: Sequence[Route] = ROUTES
    purse: MemoryPurse = field(default_factory=MemoryPurse)

    def __post_init__(self) -> None:
        self.desk = desk_of(self.store, self.clock)
        self.parts = ApiParts(
            ring=self.store.keys,
            ledger=self.store.ledger,
            flags=self.store.flags,
            clock=self.clock,
            usecases=self._usecases,
            verify=self._verify,
            providers=lambda: PROVIDERS,
            traffic=lambda: TRAFFIC,
            standing=self._standing,
            limited=self._limited,
            pepper=PEPPER,
            **improving(self.desk),  # type: ignore[arg-type]
        )
        self.app = control_plane(self.parts, routes=self.routes)

    async def key_of(self, who: Principal, *, expires_at_ms: int | None = None) -> str:
        plain, key = mint(
            who,
            pepper=PEPPER,
            label=who.name,
            now_ms=self.clock.now_ms(),
            expires_at_ms=expires_at_ms,
        )
        await self.store.keys.add(key)
        return plain

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        json: object = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request; a path that starts with a slash is taken as it is."""
        sent = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://plane") as client:
            return await client.request(
                method,
                path if path.startswith("/") else f"/api/v1/{path}",
                json=json,
                content=content,
                headers=sent | (headers or {}),
            )

    async def as_role(
        self, role: str, method: str, path: str, *, json: object = None
    ) -> httpx.Response:
        key = await self.key_of(person(role, role))
        return await self.call(method, path, key=key, json=json)

    def _usecases(self, scope: Scope) -> Sequence[UseCaseView]:
        return (HANDBOOK,) if scope.organisation == "acme" else ()

    def _standing(self, key: ApiKey) -> AccountView | None:
        budget = written_budget(key.budget)
        if budget is None:
            return None
        allowance = Allowance(f"acme/key/{key.public_id}", budget)
        return self._view(AccountKind.KEY, key.public_id, allowance)

    def _limited(self, scope: Scope) -> Sequence[AccountView]:
        if scope.organisation != "acme":
            return ()
        return (self._view(AccountKind.TEAM, "claims", Allowance("acme/team/claims", TEAM)),)

    def _view(self, kind: AccountKind, name: str, allowance: Allowance) -> AccountView:
        standing = self.purse.standing(allowance, now_ms=self.clock.now_ms())
        return AccountView(kind, name, allowance, standing)

    async def _verify(self) -> Verification:
        return verify(self.store.ledger)
