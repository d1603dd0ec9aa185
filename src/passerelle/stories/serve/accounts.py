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
        self._budgets = budgets or CallerBudgets()
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
        allowances = self.allowances(deployment, principal, key)
        # The rate of a use case holds for each key; all others for their account as a whole.
        usecase = deployment.stage_budget or deployment.budget
        rates = [_rate(f"{principal.key_id}/{deployment.model}", usecase)]
        rates += [_rate(each.account, each.budget) for each in self._callers(principal, key)]
        return Draws(
            tuple(each for each in allowances if each.budget.limits),
            tuple(rate for rate in rates if rate is not None),
            any(
                each.budget.limits_money and each.budget.unknown_price == "refuse"
                for each in allowances
            ),
        )

    def allowances(
        self, deployment: Deployment, principal: Principal, key: ApiKey | None
    ) -> tuple[Allowance, ...]:
        """Of use case, stage, key, user and team, whether they limit anything or not."""
        usecase = usecase_account(deployment.scope.organisation, deployment.usecase)
        found = [Allowance(usecase, deployment.budget, f"use case {deployment.usecase}")]
        if deployment.stage_budget is not None:
            name = f"{deployment.usecase}@{deployment.stage}"
            stage = f"{deployment.scope.organisation}/{name}"
            found.append(Allowance(stage, deployment.stage_budget, f"stage {name}"))
        return (*found, *self._callers(principal, key))

    def _callers(self, principal: Principal, key: ApiKey | None) -> tuple[Allowance, ...]:
        organisation, team = principal.scope.organisation, principal.scope.team
        budgets = self._budgets
        own = key_budget(key) if key is not None else None
        wanted = (
            (f"{organisation}/key/{principal.key_id}", own or budgets.each_key, "this key"),
            (f"{organisation}/user/{principal.id}", budgets.each_user, "this user"),
            (f"{organisation}/team/{team}", budgets.teams.get(team), f"team {team}"),
        )
        return tuple(Allowance(account, budget, name) for account, budget, name in wanted if budget)


def usecase_account(organisation: str, usecase: str) -> str:
    return f"{organisation}/{usecase}"


def key_budget(key: ApiKey) -> Budget | None:
    """What was written when the key was made; None where nothing was."""
    return written_budget(key.budget)


def _rate(key: str, budget: Budget = NO_BUDGET) -> RateLimit | None:
    if budget.requests_per_minute is None and budget.tokens_per_minute is None:
        return None
    return RateLimit(key, budget.requests_per_minute, budget.tokens_per_minute)
