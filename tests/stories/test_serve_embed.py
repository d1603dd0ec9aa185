"""What happens to texts that are to be embedded."""

from array import array
from dataclasses import replace

import pytest

from passerelle.adapters.providers.replay import Replay
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.scope import Stage
from passerelle.domain.guardrails.refusals import Blocked
from passerelle.domain.routing.plans import Plan
from passerelle.domain.routing.providers import EmbeddingCall, Embeddings
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.stories.serve.embed import EmbedsNothing
from passerelle.stories.serve.exchange import EmbeddingArrival, EmbeddingRequest
from tests.stories.kitchen import ANSWER, Kitchen, guards, kitchen

PLAN = Plan("replay", "replay-1", 5.0)


class Listening(Replay):
    """A provider that keeps what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__(default=ANSWER)
        self.calls: list[EmbeddingCall] = []

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        self.calls.append(call)
        return await super().embed(call)


async def embedding(provider: Replay, **fields: object) -> Kitchen:
    here = await kitchen(provider=provider, **fields)  # type: ignore[arg-type]
    deployment = replace(here.deployment, embedding=PLAN)
    parts = replace(here.parts, catalogue=type(here.parts.catalogue)(deployment))  # type: ignore[call-arg]
    return replace(here, parts=parts, deployment=deployment)


def asked(here: Kitchen, *inputs: str | tuple[int, ...], **fields: object) -> EmbeddingArrival:
    request = replace(EmbeddingRequest("fees", inputs), **fields)  # type: ignore[arg-type]
    return EmbeddingArrival(request, here.key, "req_1", 0)


async def test_every_text_gets_its_vector_and_the_exchange_its_entry() -> None:
    here = await embedding(Listening())
    checked = await here.serving.embed(asked(here, "one", "two"))
    first, second = checked.vectors
    assert len(array("f", first)) == len(array("f", second)) > 0
    assert first != second
    facts = here.facts()
    assert (facts["operation"], facts["status"], facts["model"]) == ("embeddings", 200, "replay-1")
    assert facts["cost_nano_usd"] == checked.cost_nano_usd


async def test_personal_data_is_redacted_before_the_model_sees_it() -> None:
    provider = Listening()
    here = await embedding(provider, guard_policies=guards(personal_data={"input": "redact"}))
    await here.serving.embed(asked(here, "Write to eva@example.org"))
    assert provider.calls[0].inputs == ("Write to [email]",)
    assert "eva@" not in str(here.content())


async def test_tokens_stop_where_nothing_may_pass_unread() -> None:
    here = await embedding(Listening(), policy=DEFAULTS[Stage.PILOT])
    with pytest.raises(Blocked):
        await here.serving.embed(asked(here, (1, 2, 3)))
    assert here.facts()["code"] == "content_blocked"


async def test_tokens_pass_with_a_note_that_nobody_read_them() -> None:
    provider = Listening()
    here = await embedding(provider)
    await here.serving.embed(asked(here, (1, 2, 3)))
    assert provider.calls[0].inputs == ((1, 2, 3),)
    assert "not_scanned" in str(here.facts()["guards"])


async def test_use_case_without_embeddings_says_so() -> None:
    here = await kitchen()
    with pytest.raises(EmbedsNothing):
        await here.serving.embed(asked(here, "one"))
    assert here.facts()["code"] == "model_not_found"


async def test_unknown_fields_are_passed_on_or_refused_by_policy() -> None:
    provider = Listening()
    here = await embedding(provider)
    await here.serving.embed(asked(here, "one", extras={"input_type": "query"}))
    assert provider.calls[0].extras == {"input_type": "query"}
    strict = await embedding(Listening(), policy=DEFAULTS[Stage.PRODUCTION])
    with pytest.raises(InvalidRequest):
        await strict.serving.embed(asked(strict, "one", extras={"input_type": "query"}))
