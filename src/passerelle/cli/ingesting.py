"""passerelle ingest: bring the knowledge of every use case up to date."""

import asyncio
from typing import Annotated

import typer

from passerelle.cli.drawing import bar_of
from passerelle.cli.options import HERE, AsJson, Config, Data
from passerelle.cli.output import explained, print_json, say, warn
from passerelle.domain.jobs.progress import Progress as Step
from passerelle.stories.ingest.report import IngestReport
from passerelle.wiring.ingesting import ingest_usecases
from passerelle.wiring.installation import (
    Installation,
    OpenStore,
    Told,
    opened_store,
    read_installation,
)


def ingest(
    *,
    retry: Annotated[
        bool, typer.Option("--retry", help="Read documents in quarantine again.")
    ] = False,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Read what changed; a running gateway takes it up within a second."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            reports = asyncio.run(
                ingest_all(installation, store, quiet=True, draw=not as_json, retry=retry)
            )
    if as_json:
        print_json(reports)
        return
    for report in reports:
        say(summary(report))


async def ingest_all(
    installation: Installation,
    store: OpenStore,
    *,
    quiet: bool = False,
    draw: bool | None = None,
    retry: bool = False,
) -> tuple[IngestReport, ...]:
    """Every use case, with a bar while there is something to read and a line where it changed."""
    with bar_of(draw=not quiet if draw is None else draw) as bar:
        tasks = {
            usecase.name: bar.add_task(usecase.name, total=None, visible=False, item="")
            for usecase in installation.usecases
        }

        def show(usecase: str, step: Step) -> None:
            bar.update(
                tasks[usecase],
                completed=step.done,
                total=step.total,
                item=step.item,
                visible=step.total > 0,
            )

        reports = await ingest_usecases(installation, store, show, retry=retry)
    for report in reports:
        if report.changed and not quiet:
            say(summary(report))
        for document in report.quarantined:
            warn(f"{report.usecase}: {document.path} is in quarantine: {document.reason}")
    return reports


def summary(report: IngestReport) -> str:
    return (
        f"{report.usecase}: {report.documents} documents, {report.passages} passages "
        f"({report.read} read, {report.unchanged} unchanged, {report.removed} removed, "
        f"{len(report.quarantined)} in quarantine) in {report.seconds:.1f} s"
    )
