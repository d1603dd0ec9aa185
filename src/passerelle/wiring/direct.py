"""Providers' own models, asked for as `provider/model` without a use case."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from passerelle.core.values.ids import digest_of
from passerelle.core.values.scope import Scope, Stage
from passerelle.domain.grounding.sections import GroundingPolicy
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.domain.routing.plans import Plan
from passerelle.domain.usecases.policies import DEFAULTS
from passerelle.settings.process import DirectSettings
from passerelle.settings.providers import ProviderSettings
from passerelle.stories.serve.documents import DocumentScreen
from passerelle.stories.serve.parts import Deployment
from passerelle.wiring.installation import Installation

DIRECT = "direct"
"""Stands where the name of a use case would: in the ledger, in budgets, in metrics."""
DEADLINE_SECONDS = 600.0
"""As the clients of the field wait."""
_REMEMBERED = 1_000
_NOTHING_SAID = PromptVersion(
    digest_of(""), "none", "", passages=0, sentences=0, refuse_below=0.0, refusal=""
)


class DirectModels:
    """Makes a deployment for whatever model of a configured provider is asked for."""

    def __init__(
        self,
        settings: DirectSettings,
        providers: Mapping[str, ProviderSettings],
        *,
        scope: Scope,
        created: int,
    ) -> None:
        self._providers = providers
        self._made: OrderedDict[str, Deployment] = OrderedDict()
        self._usual = Deployment(
            model="",
            usecase=DIRECT,
            scope=scope,
            stage=Stage.POC,
            created=created,
            release=digest_of(DIRECT),
            policy=replace(DEFAULTS[Stage.POC], keep_content=settings.keep_content),
            guards=settings.guards,
            documents=DocumentScreen(settings.guards),
            grounding=GroundingPolicy(),
            prompt=_NOTHING_SAID,
            index=None,
            plan=Plan("", "", DEADLINE_SECONDS),
            budget=settings.budget,
            permission=Permission.MODEL_ASK,
        )

    def find(self, model: str) -> Deployment | None:
        """None where no provider has that name, or where its list does not hold the model."""
        known = self._made.get(model)
        if known is not None:
            return known
        provider, _, name = model.partition("/")
        settings = self._providers.get(provider)
        if settings is None or not name:
            return None
        allowed = settings.models
        if allowed and name not in allowed:
            return None
        made = self._make(provider, name)
        self._made[model] = made
        if len(self._made) > _REMEMBERED:  # callers choose these names
            self._made.popitem(last=False)
        return made

    def offered(self) -> Sequence[Deployment]:
        """The models that the settings list."""
        return [
            self._make(provider, name)
            for provider, settings in sorted(self._providers.items())
            for name in settings.models
        ]

    def _make(self, provider: str, name: str) -> Deployment:
        plan = Plan(provider, name, DEADLINE_SECONDS)
        return replace(
            self._usual,
            model=f"{provider}/{name}",
            release=digest_of([self._usual.release, plan.digest]),
            plan=plan,
            embedding=plan,
        )


def direct_models(installation: Installation, *, created: int) -> DirectModels | None:
    """None where the settings have no `[direct]`."""
    settings = installation.settings
    if settings.direct is None:
        return None
    return DirectModels(
        settings.direct, settings.providers, scope=installation.scope, created=created
    )
