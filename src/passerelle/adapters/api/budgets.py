"""Limits, and how much of them is taken."""

import asyncio
from typing import Literal

import msgspec

from passerelle.adapters.api.parts import ApiParts
from passerelle.adapters.api.routes import read
from passerelle.core.values.chat import JsonValue
from passerelle.domain.budgets.limits import Amount, Ceiling
from passerelle.domain.budgets.views import AccountKind, AccountView
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission


class Budget(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Limits in the words of `[budget]`; what is absent or null is no limit, 0 is nothing."""

    per_day_usd: float | None = None
    per_month_usd: float | None = None
    per_day_tokens: int | None = None
    per_month_tokens: int | None = None
    per_day_requests: int | None = None
    per_month_requests: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    time_zone: str | None = None
    """IANA name; null is UTC."""
    alert_at: list[str] | None = None
    """Shares such as `80%`, which is also what null means."""
    downgrade_at: float | None = None
    unknown_price: Literal["refuse", "pass"] | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What requests have taken."""

    nano_usd: int
    tokens: int
    requests: int


class Most(msgspec.Struct, frozen=True, kw_only=True):
    """The most that they may take; null is no limit."""

    nano_usd: int | None
    tokens: int | None
    requests: int | None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The running day or month of an account."""

    start_ms: int
    end_ms: int
    """First millisecond of the next one."""
    spent: Taken
    held: Taken
    """Reserved for requests that are not answered yet."""
    limit: Most


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """How an account stands now."""

    kind: AccountKind
    name: str
    """`handbook`, `handbook@pilot`, a key's public id, a principal's id, a team."""
    time_zone: str
    day: Period | None
    """Null where the day has no limit: then it is not counted."""
    month: Period | None
    requests_per_minute: int | None
    """Of a use case and of a stage: for each key."""
    tokens_per_minute: int | None
    alert_at: list[float]
    downgrade_at: float | None


async def list_budgets(granted: Granted, parts: ApiParts) -> list[Account]:
    """Use cases, stages, teams and users that have a limit, and how they stand.

    Users are shown once they have spent something; keys stand in the list of keys.
    """
    views = await asyncio.to_thread(parts.limited, granted.principal.scope)
    return [show_account(view) for view in views]


def show_account(view: AccountView) -> Account:
    budget, standing = view.allowance.budget, view.standing
    periods = standing.periods
    day = Period(
        start_ms=periods.day_start_ms,
        end_ms=periods.day_end_ms,
        spent=_taken(standing.day_spent),
        held=_taken(standing.day_held),
        limit=_most(budget.day),
    )
    month = Period(
        start_ms=periods.month_start_ms,
        end_ms=periods.month_end_ms,
        spent=_taken(standing.month_spent),
        held=_taken(standing.month_held),
        limit=_most(budget.month),
    )
    return Account(
        kind=view.kind,
        name=view.name,
        time_zone=budget.time_zone,
        day=day if budget.day.limits else None,
        month=month if budget.month.limits else None,
        requests_per_minute=budget.requests_per_minute,
        tokens_per_minute=budget.tokens_per_minute,
        alert_at=list(budget.alert_at),
        downgrade_at=budget.downgrade_at,
    )


def show_written(written: str) -> Budget | None:
    """What the record of a key says; None where it has no budget of its own."""
    return msgspec.json.decode(written, type=Budget) if written else None


def words_of(budget: Budget | None) -> dict[str, JsonValue]:
    """What was said of it."""
    words: dict[str, JsonValue] = msgspec.to_builtins(budget) if budget else {}
    return words


def _taken(amount: Amount) -> Taken:
    return Taken(nano_usd=amount.nano, tokens=amount.tokens, requests=amount.requests)


def _most(ceiling: Ceiling) -> Most:
    return Most(nano_usd=ceiling.nano, tokens=ceiling.tokens, requests=ceiling.requests)


ROUTES = (read("/budgets", Permission.COST_READ, list_budgets),)
