"""Serve's parts, from the settings and the store."""

from collections.abc import Iterator, Mapping

import msgspec

from passerelle.adapters.store.stores import Store
from passerelle.domain.budgets.reservations import Purse
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.ledger.entries import Entry, Ledger
from passerelle.domain.ledger.events import EXCHANGE_ENDED
from passerelle.domain.routing.providers import Provider
from passerelle.stories.serve.answer import Serving
from passerelle.stories.serve.observe import Observer
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments, LiveIndex
from passerelle.wiring.direct import direct_models
from passerelle.wiring.installation import Installation
from passerelle.wiring.providers import price_book
from passerelle.wiring.secrets import pepper

LONGEST_PERIOD_MS = 32 * 86_400_000
"""A month and a day: what the budgets of this month can have been spent in."""
PAGE = 1_000


def build_parts(
    installation: Installation, store: Store, providers: Mapping[str, Provider], observer: Observer
) -> tuple[Parts, Deployments]:
    """Everything that serving reads or calls; the deployments follow index and store."""
    from passerelle.adapters.store.purse import MemoryPurse
    from passerelle.domain.budgets.rates import Rates

    prices = price_book(installation)
    deployments = open_deployments(installation, store, prices)
    purse = MemoryPurse()
    remember_spending(purse, store.ledger, installation)
    parts = Parts(
        keys=store.keys,
        pepper=pepper(installation.data),
        catalogue=deployments,
        rates=Rates(),
        purse=purse,
        providers=providers,
        ledger=store.ledger,
        observer=observer,
        prices=prices,
        clock=installation.clock,
    )
    return parts, deployments


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


def remember_spending(purse: Purse, ledger: Ledger, installation: Installation) -> None:
    """Books what this month's exchanges have cost, so that a restart forgets nothing."""
    budgets = {usecase.name: usecase.budget for usecase in installation.usecases}
    since = installation.clock.now_ms() - LONGEST_PERIOD_MS
    for entry in _exchanges_since(since, ledger, installation.scope.organisation):
        budget = budgets.get(entry.usecase)
        cost = _cost_of(entry)
        if budget is not None and cost:
            account = f"{entry.organisation}/{entry.usecase}"
            purse.load(account, spent_nano=cost, at_ms=entry.at_ms, time_zone=budget.time_zone)


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


def _cost_of(entry: Entry) -> int:
    cost = msgspec.json.decode(entry.facts, type=_Cost).cost_nano_usd
    return cost or 0


class _Cost(msgspec.Struct):
    cost_nano_usd: int | None = None
