"""passerelle keys: make, list and revoke API keys."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from passerelle.cli.options import HERE, AsJson, Config, Data
from passerelle.cli.output import print_json, print_table, say
from passerelle.core.values.money import Money
from passerelle.domain.budgets.views import AccountView
from passerelle.domain.identity.keys import ApiKey
from passerelle.domain.identity.roles import Role
from passerelle.stories.govern.keys import WantedKey
from passerelle.wiring import operating
from passerelle.wiring.installation import Told, opened_store, read_settings_only
from passerelle.wiring.spending import views_of_keys

Dollars = Annotated[float | None, typer.Option(help="Of its budget, in US dollars.", min=0)]
Most = Annotated[int | None, typer.Option(help="Of its budget.", min=0)]
PerMinute = Annotated[int | None, typer.Option(help="Of its budget.", min=1)]

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    *,
    label: Annotated[str, typer.Option(help="What the key is for; the principal's name.")],
    role: Annotated[
        list[Role] | None, typer.Option(help="May be given several times [default: end_user].")
    ] = None,
    kind: Annotated[str, typer.Option(help="service or person")] = "service",
    expires_in_days: Annotated[int | None, typer.Option(help="Default: never.")] = None,
    per_day_usd: Dollars = None,
    per_month_usd: Dollars = None,
    per_day_tokens: Most = None,
    per_month_tokens: Most = None,
    per_day_requests: Most = None,
    per_month_requests: Most = None,
    requests_per_minute: PerMinute = None,
    tokens_per_minute: PerMinute = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Says when its day begins [default: UTC].")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Write the key into this file instead of showing it.")
    ] = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once."""
    installation = read_settings_only(Told(config, data))
    budget = {
        "per_day_usd": per_day_usd,
        "per_month_usd": per_month_usd,
        "per_day_tokens": per_day_tokens,
        "per_month_tokens": per_month_tokens,
        "per_day_requests": per_day_requests,
        "per_month_requests": per_month_requests,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "time_zone": time_zone,
    }
    wanted = WantedKey(
        label=label,
        kind=_kind(kind),
        roles=frozenset(str(each) for each in role or [Role.END_USER]),
        expires_in_days=expires_in_days,
        budget={word: value for word, value in budget.items() if value is not None},
    )
    with opened_store(installation) as store:
        issued = asyncio.run(operating.create_key(installation, store, wanted, file=file)).value
    if as_json:
        shown = {"key": issued.plain} if file is None else {"file": str(file)}
        print_json(shown | _row(issued.key))
    elif file is not None:
        say(f"The key of {issued.key.label} is in {file}, which only you can read.")
    else:
        say(issued.plain)
        say("Keep it now: it is not stored and cannot be shown again.")


@app.command("list")
def list_all(*, config: Config = HERE, data: Data = None, as_json: AsJson = False) -> None:
    """List keys, newest first; never their secrets."""
    installation = read_settings_only(Told(config, data))
    with opened_store(installation) as store:
        views = views_of_keys(installation, store)
        rows = [
            _row(key, views.get(key.public_id)) for key in operating.list_keys(installation, store)
        ]
    if as_json:
        print_json(rows)
        return
    headings = ("public id", "label", "roles", "env", "created", "state", "spent of its budget")
    columns = ("public_id", "label", "roles", "env", "created", "state", "spent")
    print_table("API keys", headings, [[_cell(row[name]) for name in columns] for row in rows])


@app.command()
def revoke(
    public_id: str, *, config: Config = HERE, data: Data = None, as_json: AsJson = False
) -> None:
    """Kill a key, also in a gateway that is running."""
    installation = read_settings_only(Told(config, data))
    with opened_store(installation) as store:
        key = asyncio.run(operating.revoke_key(installation, store, public_id)).value
    if as_json:
        print_json(_row(key))
    else:
        say(f"{key.public_id} ({key.label}) is revoked.")


def _kind(text: str) -> Literal["person", "service"]:
    if text == "person":
        return "person"
    if text == "service":
        return "service"
    raise typer.BadParameter("service or person", param_hint="--kind")


def _row(key: ApiKey, view: AccountView | None = None) -> dict[str, object]:
    return {
        "public_id": key.public_id,
        "label": key.label,
        "principal": key.principal.id,
        "kind": key.principal.kind,
        "roles": sorted(key.principal.roles),
        "env": key.env,
        "created": _day(key.created_at_ms),
        "expires": _day(key.expires_at_ms),
        "state": "revoked" if key.revoked_at_ms is not None else "active",
        "budget": json.loads(key.budget) if key.budget else None,
        "spent": _spent(view) if view is not None else [],
    }


def _spent(view: AccountView) -> list[str]:
    """One text for each limit that there is: `0.25 of 5 USD today`."""
    budget, standing = view.allowance.budget, view.standing
    told = []
    for when, spent, limit in (
        ("today", standing.day_spent, budget.day),
        ("this month", standing.month_spent, budget.month),
    ):
        if limit.nano is not None:
            told.append(f"{_dollars(spent.nano)} of {_dollars(limit.nano)} USD {when}")
        if limit.tokens is not None:
            told.append(f"{spent.tokens:,} of {limit.tokens:,} tokens {when}")
        if limit.requests is not None:
            told.append(f"{spent.requests:,} of {limit.requests:,} requests {when}")
    for most, what in (
        (budget.requests_per_minute, "requests"),
        (budget.tokens_per_minute, "tokens"),
    ):
        if most is not None:
            told.append(f"at most {most:,} {what} a minute")
    return told


def _dollars(nano: int) -> str:
    amount, _, _ = str(Money(nano)).partition(" ")
    return amount.rstrip("0").rstrip(".")


def _day(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="seconds")


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
