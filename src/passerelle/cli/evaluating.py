"""passerelle eval: ask every case, see the scores."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from passerelle import __version__
from passerelle.cli.drawing import drawn
from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data, UseCase
from passerelle.cli.output import explained, print_json, print_report_table, say, warn
from passerelle.core.reports.html import render_html
from passerelle.core.values.errors import Unavailable
from passerelle.domain.evaluation.summaries import Evaluation
from passerelle.stories.improve.report import evaluation_report
from passerelle.wiring.asking import evaluate_model, shown_evaluation
from passerelle.wiring.installation import Installation, Told, opened_store, read_installation

app = typer.Typer(help="Evaluations: run, show.", no_args_is_help=True)
Page = Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML page.")]
Model = Annotated[
    str, typer.Argument(help="A use case, at a stage, with a prompt version: name@pilot#v2.")
]


class CannotWrite(Unavailable):
    """The report cannot be written."""

    code = "cannot_write"


@app.command()
def run(
    model: Model,
    *,
    html: Page = None,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask every case once and score the answers; what was stopped goes on where it stood."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store, drawn(model, draw=not as_json) as show:
            try:
                evaluation = asyncio.run(
                    evaluate_model(installation, store, model, show, key_file=as_key)
                )
            except KeyboardInterrupt:
                warn("Run it again: it goes on where it stood.")
                raise
        _hand_over(evaluation, installation, html, as_json=as_json)


@app.command("show")
def show_last(
    usecase: UseCase,
    *,
    html: Page = None,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show the last finished evaluation again; nothing is asked."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            evaluation = shown_evaluation(installation, store, usecase, key_file=as_key)
        _hand_over(evaluation, installation, html, as_json=as_json)


def _hand_over(
    evaluation: Evaluation, installation: Installation, html: Path | None, *, as_json: bool
) -> None:
    report = evaluation_report(
        evaluation, made_at_ms=installation.clock.now_ms(), code_version=__version__
    )
    if html is not None:
        _write(html, render_html(report))
    if as_json:
        print_json(_document(evaluation, html))
        return
    say(report.headline)
    for section in report.sections[:2]:
        for table in section.tables:
            say()
            print_report_table(table)
    failed = [each.case.id for each in evaluation.judged if not each.right]
    if failed:
        say(f"\nNot answered rightly: {', '.join(failed)}.")
    if html is not None:
        say(f"\nReport: {html}")


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        raise CannotWrite(f"{file}: {error.strerror}.") from error


def _document(evaluation: Evaluation, html: Path | None) -> dict[str, object]:
    return {
        "run": evaluation.run,
        "cases": len(evaluation.judged),
        "scores": [
            {
                "metric": score.metric.name,
                "slice": score.slice,
                "unit": score.metric.unit,
                "estimate": score.estimate,
                "baselines": score.baselines,
            }
            for score in evaluation.scores
        ],
        "failed": [each.case.id for each in evaluation.judged if not each.right],
        "cost_nano_usd": evaluation.cost_nano_usd,
        "unpriced": evaluation.unpriced,
        "seed": evaluation.seed,
        "html": None if html is None else str(html),
    }
