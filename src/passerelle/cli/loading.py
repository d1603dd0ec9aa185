"""passerelle loadtest: how much load does a running gateway bear?"""

import asyncio
from typing import Annotated

import typer

from passerelle.cli.drawing import bar_of
from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data
from passerelle.cli.output import NO, explained, print_json, say, warn
from passerelle.wiring.costing import only_usecase
from passerelle.wiring.installation import Told, opened_store, read_installation
from passerelle.wiring.loading import LONGEST_SECONDS, LoadMeasured, LoadWanted, measure_load


def loadtest(
    usecase: Annotated[
        str, typer.Argument(help="Name of a use case; may be left out where there is one.")
    ] = "",
    *,
    rps: Annotated[float, typer.Option(min=0.1, max=100_000, help="Requests a second.")] = 500,
    duration: Annotated[
        float, typer.Option(min=0.1, max=LONGEST_SECONDS, help="How many seconds.")
    ] = 30,
    url: Annotated[str, typer.Option(help="Of the gateway [default: of the settings].")] = "",
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running gateway at a fixed rate; exit status 1 when it does not bear it."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        named = only_usecase(installation, usecase)
        wanted = LoadWanted(named, rps, duration, url=url, key_file=as_key)
        with opened_store(installation) as store, bar_of(draw=not as_json) as bar:
            task = bar.add_task(named, total=round(rps * duration), item="")
            found = asyncio.run(
                measure_load(
                    installation, store, wanted, lambda sent: bar.update(task, completed=sent)
                )
            )
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found.borne:
        raise typer.Exit(NO)


def _print(found: LoadMeasured) -> None:
    say(f"{found.model} at {found.url}: {found.figures}")
    for status, count in sorted(found.statuses.items()):
        say(f"  {status or 'no answer'}: {count:,}")
    say(f"Kept as evidence {found.evidence.id}.")
    if not found.borne:
        warn("It does not bear this load.")
    for line in found.missing:
        say(f"Not enough to go live: {line}")
