"""One case through the real serving path: same guards, same budget, same entry."""

from passerelle.core.values.chat import ChatRequest, Message
from passerelle.core.values.errors import Refusal
from passerelle.core.values.ids import new_exchange_id, new_id
from passerelle.core.values.principals import Principal
from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.answerer import Target
from passerelle.domain.evaluation.cases import Case
from passerelle.domain.evaluation.runs import Trial
from passerelle.domain.grounding.claims import is_refusal
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.stories.serve.answer import prepare
from passerelle.stories.serve.exchange import REHEARSAL, Checked
from passerelle.stories.serve.parts import Deployment, ModelNotFound, Parts
from passerelle.stories.serve.steps import Identified, check, complete
from passerelle.stories.serve.tab import Tab

_OF_THE_QUESTION = frozenset({400, 413, 422})
"""Statuses of refusals that the same question would get again."""


class Rehearsal:
    """Implements evaluation's `Answerer` on behalf of one principal.

    Each case is an exchange with an entry of its own, marked as a rehearsal; it is
    paid from the use case's budget and counts in its rate limit.
    """

    def __init__(self, parts: Parts, principal: Principal) -> None:
        authorise(principal, Permission.EXCHANGE_CREATE)
        self._parts = parts
        self._principal = principal

    def target(self, model: str) -> Target:
        deployment = self._deployment(model)
        return Target(
            usecase=deployment.usecase,
            release=deployment.release,
            prompt=deployment.prompt.digest,
            prompt_name=deployment.prompt.name,
        )

    async def answer(self, model: str, case: Case) -> Trial:
        refusal_text = self._deployment(model).prompt.refusal
        tab = self._tab(model, case)
        try:
            async with tab:
                routed = prepare(Identified(tab), self._parts)
                checked = check(await complete(routed, self._parts))
        except Refusal as refusal:
            if refusal.status not in _OF_THE_QUESTION:
                raise
            return self._refused(tab, case, refusal)
        return self._answered(tab, case, checked, refusal_text)

    def _deployment(self, model: str) -> Deployment:
        found = self._parts.catalogue.find(model, self._principal.scope)
        if found is None:
            raise ModelNotFound(f"Asked for {model!r}.")
        return found

    def _tab(self, model: str, case: Case) -> Tab:
        clock = self._parts.clock
        return Tab(
            parts=self._parts,
            exchange_id=new_exchange_id(clock),
            principal=self._principal,
            request=ChatRequest(model=model, messages=(Message("user", case.question),)),
            request_id=new_id("req", clock),
            received_ns=clock.monotonic_ns(),
            purpose=REHEARSAL,
        )

    def _answered(self, tab: Tab, case: Case, checked: Checked, refusal_text: str) -> Trial:
        stopped = checked.finish_reason == "content_filter"
        refused = stopped or is_refusal(checked.text, refusal_text)
        return Trial(
            case_id=case.id,
            answer=checked.text,
            cited_documents=tuple(dict.fromkeys(each.document for each in checked.citations)),
            support=Support.NOT_SCANNED if refused else checked.grounding.support,
            grounding_score=0.0 if refused else checked.grounding.score,
            latency_ms=self._elapsed_ms(tab),
            cost_nano_usd=checked.cost_nano_usd,
            refused=refused,
            status=200,
            exchange_id=checked.exchange_id,
        )

    def _refused(self, tab: Tab, case: Case, refusal: Refusal) -> Trial:
        return Trial(
            case_id=case.id,
            answer="",
            cited_documents=(),
            support=Support.NOT_SCANNED,
            grounding_score=0.0,
            latency_ms=self._elapsed_ms(tab),
            cost_nano_usd=tab.cost_nano_usd,
            refused=True,
            status=refusal.status,
            exchange_id=tab.exchange_id,
        )

    def _elapsed_ms(self, tab: Tab) -> float:
        return (self._parts.clock.monotonic_ns() - tab.received_ns) / 1_000_000
