"""passerelle review: flags, what was said, and what would have been right."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data
from passerelle.cli.output import explained, print_json, print_table, say
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.feedback.reviews import Cause, Review
from passerelle.stories.improve.exchanges import Transcript
from passerelle.stories.improve.review import Flagged, FlagStatus
from passerelle.wiring import improving
from passerelle.wiring.installation import Told, opened_store, read_installation
from passerelle.wiring.operating import acting


def review(
    flag: Annotated[str, typer.Argument(help="Id of a flag; without it flags are listed.")] = "",
    *,
    cause: Annotated[
        Cause | None, typer.Option(help="Why the answer was as it was; keeps a review.")
    ] = None,
    correction: Annotated[
        str | None, typer.Option(help="What should have been answered [default: the flag's own].")
    ] = None,
    document: Annotated[
        list[str] | None, typer.Option(help="Path of a document that says so; may be repeated.")
    ] = None,
    status: Annotated[FlagStatus | None, typer.Option(help="List only these.")] = None,
    usecase: Annotated[str, typer.Option(help="List only flags of this use case.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List flags, show one, or say what was wrong: a corrected flag becomes a case."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            desk = improving.ReviewDesk(installation, store, acting(installation, store, as_key))
            if not flag:
                _print_list(desk.list(status, usecase=usecase, limit=limit), as_json=as_json)
            elif cause is None:
                _print_one(*asyncio.run(desk.read(flag)), as_json=as_json)
            else:
                finding = improving.ReviewGiven(flag, cause, correction, tuple(document or ()))
                _print_review(*asyncio.run(desk.review(finding)), as_json=as_json)


def _print_list(flags: tuple[Flagged, ...], *, as_json: bool) -> None:
    if as_json:
        print_json([_row(each) for each in flags])
    elif not flags:
        say("There are no such flags.")
    else:
        columns = ("flag", "at", "usecase", "reason", "status", "cause", "exchange_id")
        rows = [[_row(each)[name] for name in columns] for each in flags]
        print_table("Flags", ("flag", "at (UTC)", *columns[2:]), rows)


def _print_one(flagged: Flagged, transcript: Transcript, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(flagged) | {"said": transcript})
        return
    say(f"{flagged.flag.id}: {flagged.flag.reason} ({flagged.status}) {flagged.flag.comment}")
    say(f"\nAsked:     {transcript.question}")
    say(f"Answered:  {transcript.answer}")
    if transcript.withheld:
        say(f"Withheld:  {transcript.withheld}")
    for citation in transcript.citations:
        say(f"           [{citation.number}] {citation.document}: {citation.quote}")
    if flagged.flag.correction:
        say(f"Proposed:  {flagged.flag.correction}")
    if flagged.review is not None:
        say(f"Reviewed:  {flagged.review.cause}: {flagged.review.correction}")
    causes = ", ".join(Cause)
    say(f"\nReview it: passerelle review {flagged.flag.id} --cause CAUSE --correction TEXT")
    say(f"Causes:    {causes}")


def _print_review(review: Review, case: Case | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"review": review, "case": case})
        return
    say(f"{review.flag_id} is reviewed: {review.cause}.")
    if case is None:
        say("It has no correction, so it becomes no case; one that it became before stays.")
    else:
        kind = "to be answered" if case.answerable else "that cannot be answered"
        say(f"Case {case.id} of {review.usecase}: a question {kind}.")


def _row(flagged: Flagged) -> dict[str, object]:
    at = datetime.fromtimestamp(flagged.flag.at_ms / 1_000, UTC)
    return {
        "flag": flagged.flag.id,
        "at": f"{at:%Y-%m-%d %H:%M:%S}",
        "usecase": flagged.exchange.usecase,
        "reason": flagged.flag.reason,
        "comment": flagged.flag.comment,
        "proposed": flagged.flag.correction,
        "status": flagged.status,
        "cause": flagged.review.cause if flagged.review else "",
        "correction": flagged.review.correction if flagged.review else "",
        "exchange_id": flagged.flag.exchange_id,
    }
