"""The guards of one surface, sorted out once for all its texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from passerelle.core.values.verdicts import Verdict
from passerelle.domain.guardrails.guards import GuardPolicy, Surface
from passerelle.domain.guardrails.length import MOST_IN_TOTAL, Length
from passerelle.domain.guardrails.refusals import TooMuchText


@dataclass(frozen=True, slots=True)
class Watch:
    """What `screen` asks of every text."""

    policies: tuple[GuardPolicy, ...]
    passed: tuple[Verdict, ...]
    """Their verdicts on a text in which none finds anything: one object, so that it can be
    told at a glance.
    """
    limits: tuple[GuardPolicy, ...]
    """Lengths beyond which a text is blocked, and so read no further."""
    most_in_total: int | None
    """Characters of all texts of a request; None where nobody reads them."""


class Guards(tuple[GuardPolicy, ...]):  # noqa: SLOT001 - a tuple can have no slots of its own
    """The guards of a use case, in the order of its file."""

    _watches: dict[Surface, Watch]

    def __new__(cls, policies: Sequence[GuardPolicy] = ()) -> Self:
        made = super().__new__(cls, policies)
        made._watches = {surface: _watch(made, surface) for surface in Surface}
        return made

    def on(self, surface: Surface) -> Watch:
        return self._watches[surface]


def watch_of(guards: Sequence[GuardPolicy], surface: Surface) -> Watch:
    """Sorted out before where the guards come from a use case's file."""
    return guards.on(surface) if isinstance(guards, Guards) else _watch(guards, surface)


def refuse_too_much(texts: Iterable[str], guards: Sequence[GuardPolicy], surface: Surface) -> None:
    """Call before the texts of a request are screened. Raises `TooMuchText`."""
    most = watch_of(guards, surface).most_in_total
    if most is None:
        return
    total = sum(map(len, texts))
    if total > most:
        raise TooMuchText(f"It holds {total:,} characters; the most is {most:,}.")


def _watch(guards: Sequence[GuardPolicy], surface: Surface) -> Watch:
    policies = tuple(policy for policy in guards if surface in policy.surfaces)
    lengths = [policy.guard for policy in policies if isinstance(policy.guard, Length)]
    totals = [length.max_total_characters for length in lengths] or [MOST_IN_TOTAL]
    return Watch(
        policies,
        tuple(policy.passed for policy in policies),
        tuple(
            policy
            for policy in policies
            if isinstance(policy.guard, Length) and policy.action == "block"
        ),
        min(totals) if policies else None,
    )
