"""The command table."""

import sys
from typing import NoReturn

import typer

from passerelle import __version__
from passerelle.cli import (
    asking,
    checking,
    costing,
    diagnosing,
    evaluating,
    ingesting,
    keys,
    ledger,
    loading,
    prompting,
    reviewing,
    serving,
    starting,
)
from passerelle.cli.output import COULD_NOT, fail, warn
from passerelle.core.values.errors import Refusal, Unavailable

app = typer.Typer(
    name="passerelle",
    help="Carries a generative-AI use case from proof of concept to production.",
    epilog="Exit status: 0 done; 1 done, and the answer is no; 2 could not be run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(serving.up)
app.command("worker", hidden=True)(serving.worker)
app.command("init")(starting.init)
app.command("ingest")(ingesting.ingest)
app.command("ask")(asking.ask)
app.command("review")(reviewing.review)
app.add_typer(evaluating.app, name="eval")
app.add_typer(prompting.app, name="prompts")
app.add_typer(costing.app, name="cost")
app.command("check")(checking.check)
app.command("sign")(checking.sign)
app.command("waive")(checking.waive)
app.command("promote")(checking.promote)
app.command("compare")(checking.compare)
app.command("loadtest")(loading.loadtest)
app.command("doctor")(diagnosing.doctor)
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")


@app.callback(invoke_without_command=True)
def version(
    ctx: typer.Context, *, show: bool = typer.Option(False, "--version", help="Print the version.")
) -> None:
    """Carries a generative-AI use case from proof of concept to production."""
    if show:
        typer.echo(f"passerelle {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        raise typer.Exit(COULD_NOT)


class FilesUnusable(Unavailable):
    """A file or folder cannot be used."""

    code = "files_unusable"


def run() -> None:
    """The console script: a refusal becomes a message, an interrupt a quiet end."""
    try:
        app()
    except Refusal as refusal:
        _end(refusal)
    except OSError as error:
        _end(FilesUnusable(f"{error.filename or 'The system'}: {error.strerror or error}."))
    except KeyboardInterrupt:
        warn("passerelle: stopped")
        sys.exit(130)


def _end(refusal: Refusal) -> NoReturn:
    try:
        fail(refusal, as_json="--json" in sys.argv)
    except typer.Exit as end:
        sys.exit(end.exit_code)


if __name__ == "__main__":
    run()
