"""Use cases as the control plane shows them, and what keeps them from being served."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import Refusal
from passerelle.core.values.scope import Scope
from passerelle.domain.ledger.tables import AuditableLedger
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.installation import Installation

if TYPE_CHECKING:
    from passerelle.adapters.api.parts import UseCaseView

EXAMPLES = 4
"""Questions that the playground offers to begin with."""


def usecase_views(
    installation: Installation, deployments: Deployments, scope: Scope
) -> "Sequence[UseCaseView]":
    """Every use case at every stage that it serves, as the console shows it."""
    from passerelle.adapters.api.parts import UseCaseView

    charters = {usecase.name: usecase for usecase in installation.usecases}
    examples = {name: example_questions(installation, name) for name in charters}
    return [
        UseCaseView(
            name=each.usecase,
            title=charters[each.usecase].profile.title,
            goal=charters[each.usecase].charter.goal,
            kpi=charters[each.usecase].charter.kpi,
            roles=charters[each.usecase].charter.roles,
            examples=examples[each.usecase],
            stage=each.stage,
            model=each.model,
            provider=each.plan.provider,
            guards=[policy.guard.name for policy in each.guards],
            index=each.index,
        )
        for each in deployments.offered(scope)
        if each.usecase in charters  # providers' own models are no use case
    ]


def example_questions(installation: Installation, usecase: str) -> list[str]:
    """The first cases of the use case that its documents answer; none without readable cases."""
    file = installation.folder / "usecases" / usecase / "cases.jsonl"
    try:
        lines = file.read_bytes().splitlines()
        cases = [msgspec.json.decode(line, type=_ExampleCase) for line in lines if line.strip()]
    except (OSError, msgspec.MsgspecError):
        return []
    return [case.question for case in cases if case.answerable][:EXAMPLES]


class _ExampleCase(msgspec.Struct):
    question: str
    answerable: bool = True


def unready(installation: Installation, deployments: Deployments, store: Store) -> tuple[str, ...]:
    """What keeps this process from serving; empty when nothing does."""
    faults = [*store_faults(installation.data, store.ledger)]
    faults += [
        f"{each.usecase} has no knowledge: run passerelle ingest"
        for each in deployments.offered(installation.scope)
        if each.index is not None and not each.index.documents()
    ]
    faults += deployments.faults
    if not installation.usecases:
        faults.append("no use case is configured: run passerelle init NAME")
    return tuple(dict.fromkeys(faults))


def store_faults(folder: Path, ledger: AuditableLedger) -> tuple[str, ...]:
    """What keeps exchanges from being recorded."""
    from passerelle.adapters.store.connection import DATABASE

    # An open database outlives its name: what is written to it then is lost with the process.
    if not (folder / DATABASE).is_file():
        return ("the store has lost its file: stop the process and restore it",)
    try:
        ledger.head()
    except Refusal as refusal:
        return (str(refusal),)
    return ()
