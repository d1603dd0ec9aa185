"""passerelle prompts: which version is in place, put another there, put the last one back."""

import asyncio
from typing import Annotated

import typer

from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data, UseCase
from passerelle.cli.output import NO, explained, fail, print_json, print_table, say
from passerelle.core.values.scope import Stage
from passerelle.domain.prompts.labels import Label
from passerelle.stories.improve.promote import Untestable, WouldBreak
from passerelle.wiring.installation import Told, opened_store, read_installation
from passerelle.wiring.prompting import PromptDesk

app = typer.Typer(
    help="Prompt versions: which is in place where, promote, roll back.", no_args_is_help=True
)
Reason = Annotated[str, typer.Option(help="Why; kept with the move.")]


@app.command("list")
def list_all(
    usecase: Annotated[str, typer.Argument(help="Name of a use case; all when left out.")] = "",
    *,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of the use cases and the stages at which each is in place."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            rows = PromptDesk(installation, store, as_key).versions(usecase)
    if as_json:
        print_json(rows)
        return
    headings = ("use case", "version", "digest", "in place at")
    cells = [
        (row.usecase, row.name, row.digest.removeprefix("sha256:")[:12], ", ".join(row.stages))
        for row in rows
    ]
    print_table("Prompts", headings, cells)


@app.command()
def promote(
    usecase: UseCase,
    *,
    to: Annotated[Stage, typer.Option("--to", help="At which stage.")],
    version: Annotated[
        str, typer.Option(help="Such as v2 [default: the newest by its name].")
    ] = "",
    reason: Reason = "",
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put a version in place when no case breaks; exit status 1 when some do."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = PromptDesk(installation, store, as_key)
            try:
                label = asyncio.run(desk.promote(usecase, to, version=version, reason=reason))
            except WouldBreak as refusal:
                found = refusal.comparison
                told = {"broken": found.broken, "mended": found.mended, "pairs": found.pairs}
                fail(refusal, as_json=as_json, status=NO, more=told)
            except Untestable as refusal:
                fail(refusal, as_json=as_json, status=NO)
    _print(label, as_json=as_json)


@app.command()
def rollback(
    usecase: UseCase,
    *,
    stage: Annotated[Stage, typer.Option(help="At which stage.")],
    reason: Reason = "",
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put back what the last promotion replaced; served within a second."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = PromptDesk(installation, store, as_key)
            label = asyncio.run(desk.rollback(usecase, stage, reason=reason))
    _print(label, as_json=as_json)


def _print(label: Label, *, as_json: bool) -> None:
    if as_json:
        print_json(label)
    else:
        say(f"{label.name} is in place for {label.usecase} at {label.stage}.")
