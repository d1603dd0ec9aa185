"""Providers and their prices, from the settings."""

import tomllib
from collections.abc import Iterator, Mapping

from passerelle.core.values.chat import Usage, spoken
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Fault, InvalidConfiguration, Refusal
from passerelle.core.values.scope import Stage
from passerelle.domain.costs.price_book import PriceBook
from passerelle.domain.routing.providers import Provider
from passerelle.settings.providers import (
    AzureSettings,
    BedrockSettings,
    ProviderSettings,
    RemoteSettings,
    ReplaySettings,
    VertexSettings,
)
from passerelle.stories.govern.lines import Lines
from passerelle.wiring.installation import Installation
from passerelle.wiring.remotes import remote_provider

_LISTED: Mapping[type[RemoteSettings], str] = {
    AzureSettings: "azure",
    BedrockSettings: "aws",
    VertexSettings: "google",
}
"""Names in the price list of those whose address does not tell."""


class RecordingsUnreadable(Refusal):
    """A recording cannot be replayed."""

    code = "recordings_unreadable"


def build_providers(installation: Installation) -> dict[str, Provider]:
    """Every configured provider by name. Raises `InvalidConfiguration` for routes to none."""
    configured = installation.settings.providers
    if faults := tuple(_routes_to_nowhere(installation, configured)):
        raise InvalidConfiguration(faults)
    clock = installation.clock
    return {name: _provider(name, each, clock) for name, each in configured.items()}


def price_book(installation: Installation, *, also: str = "") -> PriceBook:
    """Prices of the configured providers; `also` is the list's name of one that is not."""
    from passerelle.adapters.sources.price_list import ListedProvider, PriceList

    configured = installation.settings.providers.items()
    listed = {
        name: ListedProvider(
            base_url=each.base_url, list_name=each.prices or _LISTED.get(type(each), "")
        )
        for name, each in configured
        if isinstance(each, RemoteSettings)
    }
    own = frozenset(name for name, each in configured if not isinstance(each, RemoteSettings))
    if also and also not in listed and also not in own:
        listed[also] = ListedProvider(list_name=also)
    return PriceList(clock=installation.clock, own=own, providers=listed)


def _routes_to_nowhere(
    installation: Installation, configured: Mapping[str, ProviderSettings]
) -> Iterator[Fault]:
    known = ", ".join(sorted(configured))
    for usecase in installation.usecases:
        for stage, setup in usecase.stages.items():
            for target in setup.plan.targets:
                if target.provider in configured:
                    continue
                message = (
                    f"stage {stage} is routed to {target.provider!r}, which passerelle.toml "
                    f"does not configure (it has: {known})"
                )
                file = f"usecases/{usecase.name}/usecase.toml"
                text = (installation.folder / file).read_text("utf-8-sig", errors="replace")
                where = _where_routed(text, stage)
                yield Fault(where, message, file, Lines(text).line(where))


def _where_routed(text: str, stage: Stage) -> tuple[str, ...]:
    """Where the file names the provider: at the stage itself, or for all of them."""
    at_stage = tomllib.loads(text).get("stages", {}).get(stage.value, {}).get("route", {})
    own = ("stages", stage.value, "route", "provider")
    return own if "provider" in at_stage else own[2:]


def _provider(name: str, settings: ProviderSettings, clock: Clock) -> Provider:
    match settings:
        case RemoteSettings():
            return remote_provider(name, settings, clock)
        case ReplaySettings():
            return _replay(name, settings)
        case _:
            from passerelle.adapters.providers.extractive import Extractive

            return Extractive(name)


def _replay(name: str, settings: ReplaySettings) -> Provider:
    from passerelle.adapters.providers.replay import (
        Pace,
        Replay,
        UnreadableRecording,
        recordings_in,
    )

    try:
        recordings = recordings_in(settings.recordings) if settings.recordings else ()
    except UnreadableRecording as fault:
        raise RecordingsUnreadable(f"Provider {name!r}: {fault}") from fault
    answer = settings.answer
    return Replay(
        recordings,
        name=name,
        default=spoken(answer, usage=Usage(estimated=True), model=name) if answer else None,
        pace=Pace(
            settings.latency_seconds, settings.chunk_characters, settings.between_chunks_seconds
        ),
    )
