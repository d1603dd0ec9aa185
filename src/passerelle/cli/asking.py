"""passerelle ask: one question through the whole serving path, without a listener."""

import asyncio
from typing import Annotated

import typer

from passerelle.cli.options import HERE, AsJson, AsKey, Config, Data
from passerelle.cli.output import explained, print_json, say
from passerelle.stories.serve.exchange import Checked
from passerelle.wiring.asking import ask_once
from passerelle.wiring.installation import Told, opened_store, read_installation

HELP_QUESTION = "What to ask."


def ask(
    usecase: Annotated[
        str, typer.Argument(help="A use case, or a use case at a stage: name@pilot.")
    ],
    question: Annotated[str, typer.Argument(help=HELP_QUESTION)],
    *,
    as_key: AsKey = None,
    config: Config = HERE,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask once; the exchange is recorded like any other."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data))
        with opened_store(installation) as store:
            checked = asyncio.run(ask_once(installation, store, usecase, question, key_file=as_key))
    if as_json:
        print_json(_told(checked))
    else:
        _print(checked)


def _told(checked: Checked) -> dict[str, object]:
    completion = checked.completion
    return {
        "exchange_id": checked.exchange_id,
        "served": checked.served._asdict(),
        "text": checked.text,
        "finish_reason": checked.finish_reason,
        "usage": completion.usage,
        "citations": checked.citations,
        "grounding": checked.grounding,
        "guards": [guard._asdict() for guard in checked.guards],
        "cost_nano_usd": checked.cost_nano_usd,
        "price_book": checked.price_book,
        "upstream_ns": checked.upstream_ns,
    }


def _print(checked: Checked) -> None:
    say(checked.text)
    if checked.citations:
        say()
    for citation in checked.citations:
        say(f"[{citation.number}] {citation.document} ({citation.start}-{citation.end})")
    cost = "not known" if checked.cost_nano_usd is None else f"{checked.cost_nano_usd} nano-USD"
    grounding = checked.grounding
    say(
        f"\n{grounding.support} ({grounding.score:.2f})"
        f"{f': {grounding.reason}' if grounding.reason else ''} · {checked.served.provider} · "
        f"cost {cost} · {checked.exchange_id}"
    )
