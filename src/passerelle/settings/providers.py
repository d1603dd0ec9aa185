"""`[providers.NAME]`: where completions and embeddings come from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict
from urllib.parse import urlsplit

from passerelle.core.values.sections import Section
from passerelle.settings.secrets import Secret, Surroundings

KeyHeader: TypeAlias = Literal["authorization", "api-key"]
TokensField: TypeAlias = Literal["max_completion_tokens", "max_tokens"]

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """What all providers behind a network have; how long an answer may take, the route says."""

    kind: str
    """As the file says it, such as `mistral`."""
    base_url: str
    """No slash at the end."""
    api_key: Secret | None
    connect_seconds: float
    prices: str
    """Provider id in the price list; empty: found by base URL."""
    models: tuple[str, ...]
    """That may be asked for as `provider/model`; empty: whatever the provider has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(RemoteSettings):
    """Any server that speaks OpenAI's formats; the base URL ends with the version.

    None: as servers of this kind are known to want it.
    """

    path: str | None
    """Appended to the base URL; may carry a query, such as `?api-version=…`."""
    key_header: KeyHeader | None
    tokens_field: TokensField | None
    include_usage: bool | None
    """Ask for usage in streams; a few old servers refuse the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings(RemoteSettings):
    """Azure OpenAI: the base URL is the resource's endpoint, a model the name of a deployment."""

    api_version: str
    """Empty: the version-less `/openai/v1`."""
    token: Secret | None
    """An Entra ID access token, instead of a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicSettings(RemoteSettings):
    """Anthropic's own interface."""

    version: str
    """The `anthropic-version` header."""
    beta: tuple[str, ...]
    """The `anthropic-beta` header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockSettings(RemoteSettings):
    """AWS Bedrock: signed with an access key, or with `api_key` as a bearer key."""

    region: str
    access_key_id: str
    secret_access_key: Secret | None
    session_token: Secret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiSettings(RemoteSettings):
    """The Gemini API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexSettings(RemoteSettings):
    """Google Vertex AI; the base URL is empty where the location decides it."""

    project: str
    location: str
    credentials: Path | None
    """A service account's JSON file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohereSettings(RemoteSettings):
    """Cohere's own interface."""


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """`[providers.NAME]` of kind `replay`."""

    recordings: Path | None
    """Folder of recorded exchanges."""
    answer: str
    """What is said where nothing was recorded; empty: that is a failure."""
    latency_seconds: float
    """Before the first byte."""
    chunk_characters: int
    between_chunks_seconds: float
    models: tuple[str, ...] = ()
    kind: str = "replay"


@dataclass(frozen=True, slots=True)
class ExtractiveSettings:
    """`[providers.NAME]` of kind `extractive`: nothing to set."""

    models: tuple[str, ...] = ()
    kind: str = "extractive"


ProviderSettings: TypeAlias = RemoteSettings | ReplaySettings | ExtractiveSettings


_SERVERS: Mapping[str, str] = {
    "openai": "https://api.openai.com/v1",
    "mistral": "https://api.mistral.ai/v1",
    "groq": "https://api.groq.com/openai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "xai": "https://api.x.ai/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "sglang": "http://127.0.0.1:30000/v1",
    "tgi": "http://127.0.0.1:8080/v1",
}
"""Kinds that are `openai_style` with a usual address."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A known provider whose key is in the environment, though no provider uses it."""

    name: str
    variable: str
    toml: str
    """What to add to passerelle.toml; names the variable, never its value."""


def read_provider(name: str, section: Section, around: Surroundings) -> ProviderSettings:
    kind = section.choice("kind", tuple(_READERS))
    if not _NAME.fullmatch(name):
        section.fault("", "a provider's name has lower-case letters, digits, - and _ only")
    if name == "extractive" and kind != "extractive":
        section.fault("kind", "the name extractive is taken by the built-in provider")
    return _READERS[kind](section, around)


def _extractive(_section: Section, _around: Surroundings) -> ExtractiveSettings:
    return ExtractiveSettings()


def _replay(section: Section, around: Surroundings) -> ReplaySettings:
    return ReplaySettings(
        recordings=around.path(section, "recordings"),
        answer=section.text("answer", "", empty=True),
        latency_seconds=section.number("latency_seconds", 0.0, minimum=0),
        chunk_characters=section.integer("chunk_characters", 12, minimum=1),
        between_chunks_seconds=section.number("between_chunks_seconds", 0.0, minimum=0),
        models=section.strings("models", ()),
    )


class _Remote(TypedDict):
    kind: str
    base_url: str
    api_key: Secret | None
    connect_seconds: float
    prices: str
    models: tuple[str, ...]


def _remote(section: Section, around: Surroundings, base_url: str | None = None) -> _Remote:
    return {
        "kind": section.text("kind"),
        "base_url": _base_url(section, base_url),
        "api_key": around.secret(section),
        "connect_seconds": section.number("connect_seconds", 5.0, above=0, maximum=300),
        "prices": section.text("prices", ""),
        "models": section.strings("models", ()),
    }


def _server(section: Section, around: Surroundings, usual: str | None = None) -> ServerSettings:
    headers: tuple[KeyHeader, ...] = ("authorization", "api-key")
    fields: tuple[TokensField, ...] = ("max_completion_tokens", "max_tokens")
    return ServerSettings(
        **_remote(section, around, usual),
        path=section.text("path") if "path" in section else None,
        key_header=section.choice("key_header", headers) if "key_header" in section else None,
        tokens_field=section.choice("tokens_field", fields) if "tokens_field" in section else None,
        include_usage=section.flag("include_usage") if "include_usage" in section else None,
    )


def _azure(section: Section, around: Surroundings) -> AzureSettings:
    return AzureSettings(
        **_remote(section, around),
        api_version=section.text("api_version", "", empty=True),
        token=around.secret(section, "token"),
    )


def _anthropic(section: Section, around: Surroundings) -> AnthropicSettings:
    return AnthropicSettings(
        **_remote(section, around, "https://api.anthropic.com"),
        version=section.text("version", "2023-06-01"),
        beta=section.strings("beta", ()),
    )


def _bedrock(section: Section, around: Surroundings) -> BedrockSettings:
    region = section.text("region")
    settings = BedrockSettings(
        **_remote(section, around, f"https://bedrock-runtime.{region}.amazonaws.com"),
        region=region,
        access_key_id=section.text("access_key_id", ""),
        secret_access_key=around.secret(section, "secret_access_key"),
        session_token=around.secret(section, "session_token"),
    )
    if bool(settings.access_key_id) != (settings.secret_access_key is not None):
        section.fault("access_key_id", "needs secret_access_key beside it, and the other way round")
    elif not settings.access_key_id and "api_key" not in section:
        section.fault("", "needs access_key_id with secret_access_key, or api_key")
    return settings


def _gemini(section: Section, around: Surroundings) -> GeminiSettings:
    usual = "https://generativelanguage.googleapis.com/v1beta"
    return GeminiSettings(**_remote(section, around, usual))


def _vertex(section: Section, around: Surroundings) -> VertexSettings:
    if "credentials" not in section and "api_key" not in section:
        section.fault(
            "credentials", "is missing: the JSON file of a service account, or an api_key"
        )
    return VertexSettings(
        **_remote(section, around, ""),
        project=section.text("project"),
        location=section.text("location", "global"),
        credentials=around.path(section, "credentials"),
    )


def _cohere(section: Section, around: Surroundings) -> CohereSettings:
    return CohereSettings(**_remote(section, around, "https://api.cohere.com"))


_READERS: Mapping[str, Callable[[Section, Surroundings], ProviderSettings]] = {
    "extractive": _extractive,
    "replay": _replay,
    "openai_style": _server,
    **{kind: partial(_server, usual=usual) for kind, usual in _SERVERS.items()},
    "azure": _azure,
    "anthropic": _anthropic,
    "bedrock": _bedrock,
    "gemini": _gemini,
    "vertex": _vertex,
    "cohere": _cohere,
}


def _base_url(section: Section, usual: str | None) -> str:
    text = section.text("base_url", usual, empty=usual == "")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        secret = parts.password is not None or parts.username is not None
        _ = parts.port
    except ValueError:
        valid = secret = False
    if text and (not valid or parts.query or parts.fragment):
        section.fault("base_url", 'must be an address such as "https://api.openai.com/v1"')
    elif secret:
        section.fault("base_url", "must not hold a user name or password; use api_key")
    return text.rstrip("/")


_KEY_VARIABLES: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "groq": "GROQ_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "cohere": "CO_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together": "TOGETHER_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "xai": "XAI_API_KEY",
}


def offers(variables: Mapping[str, str], used: set[str]) -> tuple[Offer, ...]:
    """Providers whose key is in the environment, and not yet among the keys in use."""
    found = []
    for kind, variable in _KEY_VARIABLES.items():
        if not variables.get(variable, "").strip() or f"env:{variable}" in used:
            continue
        toml = f'[providers.{kind}]\nkind = "{kind}"\napi_key = "env:{variable}"\n'
        if kind == "azure":
            usual = "https://YOUR-RESOURCE.openai.azure.com"
            endpoint = variables.get("AZURE_OPENAI_ENDPOINT", usual).rstrip("/")
            toml += f'base_url = "{endpoint}"\n'
        found.append(Offer(kind, variable, toml))
    return tuple(found)
