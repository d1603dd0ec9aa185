"""What is counted while serving, and how providers stand, over all workers."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from passerelle.core.values.clock import Clock
from passerelle.domain.routing.health import TargetHealth, together
from passerelle.domain.routing.plans import Target
from passerelle.settings.providers import ProviderSettings, RemoteSettings
from passerelle.stories.serve.observe import TrafficMinute
from passerelle.stories.serve.parts import Parts
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.installation import Installation

if TYPE_CHECKING:
    from passerelle.adapters.api.parts import ProviderState
    from passerelle.adapters.telemetry.board import Board, Told

TELL_SECONDS = 1.0
"""How old at most is what a worker knows of the others."""


class Watch:
    """What this process counts, and on a board what the other workers do."""

    def __init__(self, clock: Clock, board: "Board | None" = None) -> None:
        from passerelle.adapters.telemetry.metrics import Registry
        from passerelle.adapters.telemetry.observers import ServingMetrics
        from passerelle.adapters.telemetry.recent import RecentTraffic

        self.registry = Registry()
        self.recent = RecentTraffic(clock, ServingMetrics(self.registry))
        self._clock = clock
        self._board = board

    def exposition(self) -> bytes:
        return self.registry.exposition([told.metrics for told in self._others()])

    def minutes(self) -> Sequence[TrafficMinute]:
        return self.recent.minutes(each for told in self._others() for each in told.minutes)

    def health(self) -> Sequence[TargetHealth]:
        """How targets stand in the other workers."""
        return [each for told in self._others() for each in told.health]

    async def keep_telling(self, parts: Parts) -> None:
        """Until cancelled, and once more then."""
        try:
            while self._board is not None:
                self._tell(self._board, parts)
                await asyncio.sleep(TELL_SECONDS)
        finally:
            if self._board is not None:
                self._tell(self._board, parts)

    def _tell(self, board: "Board", parts: Parts) -> None:
        from passerelle.adapters.telemetry.board import Told

        now_ns = self._clock.monotonic_ns()
        health = [parts.health.standing(target, now_ns) for target in parts.health.known]
        with suppress(OSError):  # a full disk must not stop the serving
            board.tell(Told(self.registry.reading(), self.recent.counted(), health))

    def _others(self) -> "Sequence[Told]":
        return self._board.others() if self._board is not None else ()


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
