"""The options that every command shares."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Config: TypeAlias = Annotated[
    Path, typer.Option("--config", help="Folder with passerelle.toml and usecases/.")
]
Data: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", help="State folder [default: .passerelle beside the config]."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsKey: TypeAlias = Annotated[
    Path | None,
    typer.Option("--as-key", help="Act as the person whose API key is in this file."),
]
UseCase: TypeAlias = Annotated[str, typer.Argument(help="Name of a use case.")]
HERE = Path()
