"""passerelle init: a commented scaffold."""

from typing import Annotated

import typer

from passerelle.cli.options import HERE, AsJson, Config, Data
from passerelle.cli.output import explained, print_json, say
from passerelle.wiring import operating


def init(
    name: Annotated[
        str, typer.Argument(help="Lower-case name: what clients ask for as the model.")
    ],
    *,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write a commented scaffold of a new use case; nothing is overwritten."""
    with explained(as_json=as_json):
        written = operating.write_scaffold(config, name)
    if as_json:
        print_json({"written": list(written)})
        return
    for path in written:
        say(f"  {config / path}")
    state = f" --data {data}" if data else ""
    say(f"\nNext: put documents into {config / 'usecases' / name / 'knowledge'}, then")
    say(f"  passerelle up --config {config}{state}")
