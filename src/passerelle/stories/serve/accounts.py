"""Which accounts a request draws on, and which rates it counts in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from passerelle.core.values.principals import Principal
from passerelle.domain.budgets.limits import NO_BUDGET, Budget, written_budget
from passerelle.domain.budgets.rates import RateLimit
from passerelle.domain.budgets.reservations import Allowance
from passerelle.domain.identity.keys import ApiKey
from passerelle.stories.serve.parts import Deployment, Draws

_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class CallerBudgets:
    """Budgets that hold beside those of use cases; None limits nothing."""

    each_key: Budget | None = None
    """Unless the key has its own."""
    each_user: Budget | None = None
    """Of a principal, over all of their keys."""
    teams: Mapping[str, Budget] = field(default_factory=dict)
    """By the team's name."""


class Accounts:
    """Implements serve's `Drawing`; remembers the answer for each deployment and key."""

    def __init__(self, budgets: CallerBudgets | None = None) -> None:
        budgets = budgets or CallerBudgets()
        self.each_key = budgets.each_key
        self.each_user = budgets.each_user
        self.teams = budgets.teams
        self._known: dict[tuple[str, str], tuple[Deployment, ApiKey | None, Draws]] = {}

    def draws(self, deployment: Deployment, principal: Principal, key: ApiKey | None) -> Draws:
        place = (principal.key_id, deployment.model)
        known = self._known.get(place)
        if known is not None and known[0] is deployment and known[1] is key:
            return known[2]
        draws = self._made(deployment, principal, key)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[place] = (deployment, key, draws)
        return draws

    def _made(self, deployment: Deployment, principal: Principal, key: ApiKey | None) -> Draws:
        offered, callers = of_deployment(deployment), self.of_caller(principal, key)
        # The rate of a use case holds for each key; that of a caller for all that it asks.
        rates = [_rate(f"{principal.key_id}/{each.account}", each.budget) for each in offered]
        rates += [_rate(each.account, each.budget) for each in callers]
        allowances = (*offered, *callers)
        return Draws(
            tuple(each for each in allowances if each.budget.limits),
            tuple(rate for rate in rates if rate is not None),
            any(
                each.budget.limits_money and each.budget.unknown_price == "refuse"
                for each in allowances
            ),
        )

    def of_caller(self, principal: Principal, key: ApiKey | None) -> tuple[Allowance, ...]:
        """Of key, user and team, where they have a budget."""
        scope = principal.scope
        own = self.of_key(key) if key is not None else None
        found = (own, self.of_user(principal), self.of_team(scope.organisation, scope.team))
        return tuple(each for each in found if each is not None)

    def of_key(self, key: ApiKey) -> Allowance | None:
        """By its own budget, else by that of every key."""
        account = f"{key.principal.scope.organisation}/key/{key.public_id}"
        return _allowance(account, written_budget(key.budget) or self.each_key, "this key")

    def of_user(self, principal: Principal) -> Allowance | None:
        account = f"{principal.scope.organisation}/user/{principal.id}"
        return _allowance(account, self.each_user, "this user")

    def of_team(self, organisation: str, team: str) -> Allowance | None:
        return _allowance(f"{organisation}/team/{team}", self.teams.get(team), f"team {team}")


def of_deployment(deployment: Deployment) -> tuple[Allowance, ...]:
    """Of the use case, and of the stage where it has a budget beside that."""
    usecase, organisation = deployment.usecase, deployment.scope.organisation
    whole = Allowance(f"{organisation}/{usecase}", deployment.budget, f"use case {usecase}")
    name = f"{usecase}@{deployment.stage}"
    stage = _allowance(f"{organisation}/{name}", deployment.stage_budget, f"stage {name}")
    return (whole,) if stage is None else (whole, stage)


def _allowance(account: str, budget: Budget | None, name: str) -> Allowance | None:
    return None if budget is None else Allowance(account, budget, name)


def _rate(key: str, budget: Budget = NO_BUDGET) -> RateLimit | None:
    if budget.requests_per_minute is None and budget.tokens_per_minute is None:
        return None
    return RateLimit(key, budget.requests_per_minute, budget.tokens_per_minute)
