"""Providers' own models, without a use case."""

import pytest

from passerelle.core.values.scope import Scope
from passerelle.domain.budgets.limits import Budget
from passerelle.domain.identity.permissions import Permission
from passerelle.settings.process import DirectSettings
from passerelle.settings.providers import ReplaySettings
from passerelle.wiring.direct import DIRECT, DirectModels
from tests.stories.kitchen import guards

SCOPE = Scope("acme", "support")


def replay(*models: str) -> ReplaySettings:
    return ReplaySettings(None, "Yes.", 0.0, 12, 0.0, models)


def direct(**providers: ReplaySettings) -> DirectModels:
    settings = DirectSettings(guards(secrets={}), Budget(), keep_content=False)
    return DirectModels(settings, providers, scope=SCOPE, created=1)


def test_any_model_of_a_provider_can_be_asked_with_the_guards_of_all() -> None:
    found = direct(tape=replay()).find("tape/org/model-1")
    assert found is not None
    assert (found.usecase, found.plan.provider, found.plan.model) == (
        DIRECT,
        "tape",
        "org/model-1",
    )
    assert found.permission is Permission.MODEL_ASK
    assert {policy.guard.name for policy in found.guards} == {"secrets"}
    assert found.embedding == found.plan
    assert not found.policy.keep_content


@pytest.mark.parametrize("model", ["tape", "tape/", "other/model-1", "", "/", "handbook"])
def test_what_is_no_model_of_a_provider_is_not_found(model: str) -> None:
    assert direct(tape=replay()).find(model) is None


def test_listed_models_are_offered_and_no_others_reached() -> None:
    models = direct(tape=replay("small", "large"))
    assert [each.model for each in models.offered()] == ["tape/small", "tape/large"]
    assert models.find("tape/small") is not None
    assert models.find("tape/huge") is None


def test_names_that_callers_invent_do_not_pile_up() -> None:
    models = direct(tape=replay())
    for number in range(3_000):
        models.find(f"tape/m{number}")
    assert len(models._made) <= 1_000
