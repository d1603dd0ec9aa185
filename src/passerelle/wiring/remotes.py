"""Providers behind a network, each from its own settings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import InvalidRequest
from passerelle.domain.routing.providers import Provider
from passerelle.settings.providers import (
    AnthropicSettings,
    AzureSettings,
    BedrockSettings,
    CohereSettings,
    GeminiSettings,
    RemoteSettings,
    ServerSettings,
    VertexSettings,
)
from passerelle.settings.secrets import Secret

if TYPE_CHECKING:
    from passerelle.transport.egress.connections import Connections

MOST_CONNECTIONS = 8_192
"""To one provider: each streamed answer holds one as long as it lasts."""


class UnusableProvider(InvalidRequest):
    """A provider cannot be set up."""

    status = 500
    code = "invalid_configuration"


def remote_provider(name: str, settings: RemoteSettings, clock: Clock) -> Provider:
    """Raises `UnusableProvider` for an address or credentials that cannot be used."""
    from passerelle.transport.egress.targets import NotATarget

    try:
        return _MAKERS[type(settings)](name, settings, clock)
    except NotATarget as fault:
        raise UnusableProvider(f"Provider {name!r}: {fault}") from None


def _connections() -> "Connections":
    from passerelle.transport.egress.connections import Connections
    from passerelle.transport.egress.exchange import Limits

    return Connections(limits=Limits(connections=MOST_CONNECTIONS))


def _plain(secret: Secret | None) -> str:
    return secret.reveal() if secret is not None else ""


def _server(name: str, settings: ServerSettings, _: Clock) -> Provider:
    from passerelle.adapters.providers.dialects import dialect_of
    from passerelle.adapters.providers.openai_style import OpenAIStyle

    told = {
        "path": settings.path,
        "key_header": settings.key_header,
        "tokens_field": settings.tokens_field,
        "include_usage": settings.include_usage,
    }
    differs: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    return OpenAIStyle(
        name,
        settings.base_url,
        _plain(settings.api_key) or None,
        _connections(),
        dialect=replace(dialect_of(settings.kind), **differs),
        connect_seconds=settings.connect_seconds,
    )


def _azure(name: str, settings: AzureSettings, _: Clock) -> Provider:
    from passerelle.adapters.providers.azure import azure_openai

    return azure_openai(
        name,
        settings.base_url,
        _connections(),
        api_key=_plain(settings.api_key),
        token=_plain(settings.token),
        api_version=settings.api_version,
        connect_seconds=settings.connect_seconds,
    )


def _anthropic(name: str, settings: AnthropicSettings, _: Clock) -> Provider:
    from passerelle.adapters.providers.anthropic import Anthropic

    return Anthropic(
        name,
        settings.base_url,
        _plain(settings.api_key) or None,
        _connections(),
        version=settings.version,
        betas=settings.beta,
        connect_seconds=settings.connect_seconds,
    )


def _bedrock(name: str, settings: BedrockSettings, clock: Clock) -> Provider:
    from passerelle.adapters.providers.bedrock import BearerKey, Bedrock, Endpoint
    from passerelle.transport.egress.sigv4 import Credentials

    credentials: Credentials | BearerKey = BearerKey(_plain(settings.api_key))
    if settings.secret_access_key is not None:
        credentials = Credentials(
            settings.access_key_id,
            settings.secret_access_key.reveal(),
            _plain(settings.session_token),
        )
    return Bedrock(
        name,
        Endpoint(settings.base_url, settings.region, credentials),
        _connections(),
        clock,
        connect_seconds=settings.connect_seconds,
    )


def _gemini(name: str, settings: GeminiSettings, _: Clock) -> Provider:
    from passerelle.adapters.providers.google import Gemini

    return Gemini(
        name,
        settings.base_url,
        _plain(settings.api_key) or None,
        _connections(),
        connect_seconds=settings.connect_seconds,
    )


def _vertex(name: str, settings: VertexSettings, clock: Clock) -> Provider:
    from passerelle.adapters.providers.google import Vertex
    from passerelle.adapters.providers.vertex_models import Place
    from passerelle.transport.egress.jwt_bearer import (
        JwtBearer,
        NotAServiceAccount,
        service_account,
    )

    credentials: JwtBearer | str = _plain(settings.api_key)
    if settings.credentials is not None:
        try:
            account = service_account(settings.credentials.read_bytes())
            credentials = JwtBearer(account, _connections(), clock)
        except (OSError, NotAServiceAccount) as fault:
            raise UnusableProvider(f"Provider {name!r}: {fault}") from None
    return Vertex(
        name,
        Place(settings.project, settings.location, settings.base_url),
        credentials,
        _connections(),
        connect_seconds=settings.connect_seconds,
    )


def _cohere(name: str, settings: CohereSettings, _: Clock) -> Provider:
    from passerelle.adapters.providers.cohere import Cohere

    return Cohere(
        name,
        settings.base_url,
        _plain(settings.api_key) or None,
        _connections(),
        connect_seconds=settings.connect_seconds,
    )


_MAKERS: Mapping[type[RemoteSettings], Callable[[str, Any, Clock], Provider]] = {
    ServerSettings: _server,
    AzureSettings: _azure,
    AnthropicSettings: _anthropic,
    BedrockSettings: _bedrock,
    GeminiSettings: _gemini,
    VertexSettings: _vertex,
    CohereSettings: _cohere,
}
