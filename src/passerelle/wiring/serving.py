"""Serve's parts, from the settings and the store."""

from collections.abc import Iterator, Mapping

import msgspec

from passerelle.adapters.store.stores import Store
from passerelle.domain.budgets.limits import Amount
from passerelle.domain.budgets.reservations import Purse
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.ledger.entries import Entry, Ledger
from passerelle.domain.ledger.events import EXCHANGE_ENDED
from passerelle.domain.routing.providers import Provider
from passerelle.stories.serve.accounts import Accounts, CallerBudgets, of_deployment
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.facts import seems_asked
from passerelle.stories.serve.observe import Observer
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments, LiveIndex
from passerelle.wiring.direct import DIRECT, direct_models
from passerelle.wiring.installation import Installation
from passerelle.wiring.providers import price_book
from passerelle.wiring.seats import SharedLimits
from passerelle.wiring.secrets import pepper

LONGEST_PERIOD_MS = 32 * 86_400_000
"""A month and a day: what the budgets of this month can have been spent in."""
PAGE = 1_000


def build_parts(
    installation: Installation,
    store: Store,
    providers: Mapping[str, Provider],
    observer: Observer,
    *,
    shared: SharedLimits | None = None,
) -> tuple[Parts, Deployments]:
    """Everything that serving reads or calls; the deployments follow index and store.

    Without `shared` the limits are this process's own.
    """
    from passerelle.adapters.store.purse import MemoryPurse
    from passerelle.domain.budgets.rates import MemoryRates

    prices = price_book(installation)
    deployments = open_deployments(installation, store, prices)
    accounts = accounts_of(installation)
    purse: Purse = shared.purse if shared else MemoryPurse()
    if shared is None:
        remember_spending(purse, accounts, store, deployments, now_ms=installation.clock.now_ms())
    parts = Parts(
        keys=store.keys,
        pepper=pepper(installation.data),
        catalogue=deployments,
        accounts=accounts,
        rates=shared.rates if shared else MemoryRates(),
        purse=purse,
        providers=providers,
        ledger=store.ledger,
        observer=observer,
        prices=prices,
        clock=installation.clock,
    )
    return parts, deployments


def accounts_of(installation: Installation) -> Accounts:
    """By the budgets of the settings."""
    budgets = installation.settings.budgets
    return Accounts(CallerBudgets(budgets.each_key, budgets.each_user, budgets.teams))


def open_deployments(
    installation: Installation, store: Store, prices: PriceBook | None = None
) -> Deployments:
    """What is in force, for those who look and do not serve too."""
    return Deployments(
        installation.usecases,
        open_indexes(installation),
        labels=store.labels,
        stages=store.stages,
        prices=prices or price_book(installation),
        scope=installation.scope,
        created=installation.clock.now_ms() // 1_000,
        direct=direct_models(installation, created=installation.clock.now_ms() // 1_000),
    )


def build_serving(parts: Parts) -> Serving:
    return Serving(parts)


def open_indexes(installation: Installation) -> dict[str, LiveIndex]:
    """An index for each use case with knowledge, empty where ingest has not run."""
    from passerelle.adapters.store.text_index import TextIndex

    return {
        usecase.name: TextIndex.open(installation.index_folder(usecase.name))
        for usecase in installation.usecases
        if usecase.knowledge is not None
    }


def remember_spending(
    purse: Purse,
    accounts: Accounts,
    store: Store,
    deployments: Deployments,
    *,
    now_ms: int,
) -> None:
    """Books what this month's exchanges have taken, so that a restart forgets nothing."""
    scope = deployments.scope
    for entry, told in taken_lately(store.ledger, scope.organisation, now_ms):
        deployment = deployments.find(f"{entry.usecase}@{told.stage}", scope)
        deployment = deployment or deployments.find(told.named(entry.usecase), scope)
        key = store.keys.get(told.key_id)
        # What a caller has spent stays spent when the use case is gone.
        offered = of_deployment(deployment) if deployment is not None else ()
        callers = accounts.of_caller(key.principal, key) if key is not None else ()
        for allowance in (*offered, *callers):
            purse.load(allowance, told.amount, at_ms=entry.at_ms)


def taken_lately(ledger: Ledger, organisation: str, now_ms: int) -> Iterator[tuple[Entry, "Taken"]]:
    """Exchanges of the last month for which a provider was asked, newest first."""
    for entry in _exchanges_since(now_ms - LONGEST_PERIOD_MS, ledger, organisation):
        told = msgspec.json.decode(entry.facts, type=Taken)
        if told.reached:
            yield entry, told


def _exchanges_since(since_ms: int, ledger: Ledger, organisation: str) -> Iterator[Entry]:
    before: int | None = None
    while True:
        page = ledger.entries(
            organisation=organisation, before=before, limit=PAGE, event=EXCHANGE_ENDED
        )
        for entry in page:
            if entry.at_ms < since_ms:
                return
            yield entry
        if len(page) < PAGE:
            return
        before = page[-1].sequence


class Taken(msgspec.Struct):
    """What the facts of an exchange say of what it took."""

    status: int = 0
    code: str = ""
    stage: str = ""
    provider: str = ""
    model: str = ""
    key_id: str = ""
    cost_nano_usd: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    asked: bool | None = None

    @property
    def reached(self) -> bool:
        """A provider was asked, whatever came of it."""
        if self.asked is not None:
            return self.asked
        taken = bool(self.cost_nano_usd or self.tokens)
        return seems_asked(status=self.status, code=self.code, taken=taken)

    @property
    def amount(self) -> Amount:
        return Amount(self.cost_nano_usd or 0, self.tokens, 1)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def named(self, usecase: str) -> str:
        """The name of a model that was asked for directly."""
        return f"{self.provider}/{self.model}" if usecase == DIRECT else usecase
