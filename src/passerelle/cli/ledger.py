"""passerelle ledger: look at it, prove it, erase content from beside it."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from passerelle.cli.options import HERE, AsJson, Config, Data
from passerelle.cli.output import NO, print_json, print_table, say, warn
from passerelle.domain.ledger.entries import Entry
from passerelle.wiring import operating
from passerelle.wiring.installation import Told, opened_store, read_settings_only

app = typer.Typer(help="The ledger: show, verify, erase.", no_args_is_help=True)


@app.command()
def show(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    before: Annotated[int | None, typer.Option(help="Only entries before this number.")] = None,
    event: Annotated[str, typer.Option(help="Only this event, such as exchange.ended.")] = "",
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries."""
    installation = read_settings_only(Told(config, data))
    entries = operating.newest_entries(installation, before=before, limit=limit, event=event)
    if as_json:
        print_json([_row(entry) for entry in entries])
        return
    headings = ("#", "at (UTC)", "event", "subject", "use case", "hash")
    print_table(
        "Ledger",
        headings,
        [
            (entry.sequence, _at(entry), entry.event, entry.subject, entry.usecase, entry.hash[:12])
            for entry in entries
        ],
    )


@app.command()
def verify(*, config: Config = HERE, data: Data = None, as_json: AsJson = False) -> None:
    """Prove every byte of the ledger; exit status 1 when it does not hold."""
    installation = read_settings_only(Told(config, data))
    found = operating.verify_ledger(installation.data)
    if as_json:
        print_json(found)
    elif found.ok:
        say(
            f"The ledger holds: {found.entries} entries proved under {found.checkpoints} signed "
            f"checkpoints, {found.erased} contents erased on record."
        )
        say(f"Root: {found.root}")
    else:
        warn(f"The ledger does NOT hold ({found.entries} entries read):")
        for fault in found.faults:
            warn(f"  {fault}")
    if not found.ok:
        raise typer.Exit(NO)


@app.command()
def erase(
    exchange: str,
    *,
    reason: Annotated[str, typer.Option(help="Why; part of the record, so no personal data.")],
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase the content of an exchange. Its entry stays, and the ledger still proves."""
    installation = read_settings_only(Told(config, data))
    with opened_store(installation) as store:
        erased = asyncio.run(operating.erase_exchange(installation, store, exchange, reason)).value
    if as_json:
        print_json({"exchange": exchange, "entries": [entry.sequence for entry in erased.entries]})
    else:
        say(f"Erased the content of {exchange}; entry {erased.entries[-1].sequence} says so.")


def _row(entry: Entry) -> dict[str, object]:
    return entry._asdict() | {"facts": msgspec.json.decode(entry.facts)}


def _at(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
