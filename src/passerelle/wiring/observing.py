"""How providers stand, as the control plane shows it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from passerelle.domain.routing.health import TargetHealth, together
from passerelle.domain.routing.plans import Target
from passerelle.settings.providers import ProviderSettings, RemoteSettings
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.installation import Installation

if TYPE_CHECKING:
    from passerelle.adapters.api.parts import ProviderState


def provider_states(
    installation: Installation,
    parts: Parts,
    deployments: Deployments,
    others: Sequence[TargetHealth] = (),
) -> "Sequence[ProviderState]":
    """Every provider of the settings with the targets that routes name or somebody asked.

    `others` is how targets stand in other workers.
    """
    from passerelle.adapters.api.parts import ProviderState

    seen: dict[Target, list[TargetHealth]] = {}
    for each in others:
        seen.setdefault(each.target, []).append(each)
    routes: dict[Target, list[str]] = {
        Target(target.provider, target.model): [] for target in (*parts.health.known, *seen)
    }
    for deployment in deployments.offered(installation.scope):
        for plan in (deployment.plan, deployment.embedding):
            for target in plan.targets if plan is not None else ():
                named = routes.setdefault(Target(target.provider, target.model), [])
                named.append(deployment.model)
    now_ns = installation.clock.monotonic_ns()
    return [
        ProviderState(
            name=name,
            kind=settings.kind,
            address=_address(settings),
            has_key=isinstance(settings, RemoteSettings) and settings.api_key is not None,
            direct=installation.settings.direct is not None,
            models=settings.models,
            targets=[
                (
                    together([parts.health.standing(target, now_ns), *seen.get(target, ())]),
                    tuple(dict.fromkeys(named)),
                )
                for target, named in sorted(routes.items(), key=lambda pair: pair[0].model)
                if target.provider == name
            ],
        )
        for name, settings in sorted(installation.settings.providers.items())
    ]


def _address(settings: ProviderSettings) -> str:
    return urlsplit(settings.base_url).netloc if isinstance(settings, RemoteSettings) else ""
