"""Guards over retrieved passages. Passages repeat, so a verdict is remembered."""

from collections import OrderedDict
from collections.abc import Sequence

from passerelle.core.values.ids import PassageId
from passerelle.core.values.passages import Hit
from passerelle.core.values.verdicts import Outcome, Verdict
from passerelle.domain.guardrails.guards import GuardPolicy, Surface
from passerelle.domain.guardrails.screening import screen

REMEMBERED_PASSAGES = 20_000
"""About 2 MB of verdicts; a guard's answer on the same passage never changes."""

_KEEPS_AWAY = frozenset({Outcome.BLOCKED, Outcome.REDACTED})


class DocumentScreen:
    """Keeps passages that a guard blocks away from the model.

    A passage id changes with its text, so a remembered verdict cannot go stale;
    a new set of guards is a new screen.
    """

    def __init__(self, guards: Sequence[GuardPolicy]) -> None:
        self._guards = tuple(policy for policy in guards if Surface.DOCUMENT in policy.surfaces)
        self._verdicts: OrderedDict[PassageId, tuple[Verdict, ...]] = OrderedDict()

    def screen(self, hits: Sequence[Hit]) -> tuple[tuple[Hit, ...], tuple[Verdict, ...]]:
        """Hits that may be shown to the model, and every verdict that is not a pass."""
        if not self._guards:
            return tuple(hits), ()
        kept: list[Hit] = []
        remarks: list[Verdict] = []
        for hit in hits:
            verdicts = self._verdicts_of(hit)
            # A passage cannot be redacted: its offsets are what citations point to.
            if not any(verdict.outcome in _KEEPS_AWAY for verdict in verdicts):
                kept.append(hit)
            remarks.extend(verdicts)
        return tuple(kept), tuple(remarks)

    def _verdicts_of(self, hit: Hit) -> tuple[Verdict, ...]:
        known = self._verdicts.get(hit.passage.id)
        if known is None:
            screened = screen(hit.passage.text, self._guards, Surface.DOCUMENT)
            known = tuple(
                verdict for verdict in screened.verdicts if verdict.outcome is not Outcome.PASSED
            )
            self._verdicts[hit.passage.id] = known
            if len(self._verdicts) > REMEMBERED_PASSAGES:
                self._verdicts.popitem(last=False)
        return known
