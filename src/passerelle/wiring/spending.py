"""How accounts stand: in the running gateway, or by its ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from passerelle.adapters.store.stores import Store
from passerelle.core.values.scope import Scope
from passerelle.domain.budgets.limits import Amount
from passerelle.domain.budgets.reservations import Allowance
from passerelle.domain.budgets.views import AccountKind, AccountView
from passerelle.domain.identity.keys import ApiKey
from passerelle.stories.serve.accounts import Accounts, of_deployment
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.installation import Installation
from passerelle.wiring.serving import accounts_of, taken_lately

_Named = tuple[AccountKind, str, Allowance]


@dataclass(frozen=True, slots=True)
class Spending:
    """Reads purse and catalogue; changes nothing."""

    parts: Parts
    accounts: Accounts
    deployments: Deployments

    def of_key(self, key: ApiKey) -> AccountView | None:
        """None for a key that nothing limits."""
        allowance = self.accounts.of_key(key)
        return self._view((AccountKind.KEY, key.public_id, allowance)) if allowance else None

    def limited(self, scope: Scope) -> Sequence[AccountView]:
        """Use cases, stages, teams and users with a limit; users once they have spent."""
        views = [self._view(each) for each in self._named(scope) if each[2].budget.limits_anything]
        return [view for view in views if view.kind is not AccountKind.USER or _has_spent(view)]

    def _named(self, scope: Scope) -> Iterator[_Named]:
        found: dict[str, _Named] = {}
        for deployment in self.deployments.offered(scope):
            of_usecase, *of_stage = of_deployment(deployment)
            found[of_usecase.account] = (AccountKind.USECASE, deployment.usecase, of_usecase)
            for each in of_stage:
                name = f"{deployment.usecase}@{deployment.stage}"
                found[each.account] = (AccountKind.STAGE, name, each)
        if scope.organisation == self.deployments.scope.organisation:
            for team in sorted(self.accounts.teams):
                if of_team := self.accounts.of_team(scope.organisation, team):
                    found[of_team.account] = (AccountKind.TEAM, team, of_team)
        for key in self.parts.keys.all(scope.organisation):
            if of_user := self.accounts.of_user(key.principal):
                found[of_user.account] = (AccountKind.USER, key.principal.id, of_user)
        yield from found.values()

    def _view(self, named: _Named) -> AccountView:
        kind, name, allowance = named
        now_ms = self.parts.clock.now_ms()
        return AccountView(
            kind, name, allowance, self.parts.purse.standing(allowance, now_ms=now_ms)
        )


def views_of_keys(installation: Installation, store: Store) -> dict[str, AccountView]:
    """Of the keys that something limits, as the ledger has it: without what is held now."""
    from passerelle.adapters.store.purse import MemoryPurse

    accounts, purse, now_ms = accounts_of(installation), MemoryPurse(), installation.clock.now_ms()
    organisation = installation.scope.organisation
    keys = {key.public_id: key for key in store.keys.all(organisation)}
    limited = {name: found for name, key in keys.items() if (found := accounts.of_key(key))}
    if limited:
        for entry, told in taken_lately(store.ledger, organisation, now_ms):
            if told.key_id in limited:
                purse.load(limited[told.key_id], told.amount, at_ms=entry.at_ms)
    return {
        name: AccountView(AccountKind.KEY, name, each, purse.standing(each, now_ms=now_ms))
        for name, each in limited.items()
    }


def _has_spent(view: AccountView) -> bool:
    return Amount() != view.standing.day_spent or Amount() != view.standing.month_spent
