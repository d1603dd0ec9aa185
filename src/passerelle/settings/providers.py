"""`[providers.NAME]`: where completions and embeddings come from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from passerelle.core.values.sections import Section
from passerelle.settings.secrets import Secret, Surroundings

ProviderKind: TypeAlias = Literal["extractive", "replay", "openai_style"]
KeyHeader: TypeAlias = Literal["authorization", "api-key"]
TokensField: TypeAlias = Literal["max_completion_tokens", "max_tokens"]

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[providers.NAME]` of kind `openai_style`; how long an answer may take, the route says."""

    base_url: str
    """Up to and with the version, such as `https://api.openai.com/v1`; no slash at the end."""
    api_key: Secret | None
    connect_seconds: float
    prices: str
    """Provider id in the price list; empty: found by base URL."""
    path: str
    """Appended to the base URL; may carry a query, such as `?api-version=…`."""
    key_header: KeyHeader
    tokens_field: TokensField
    include_usage: bool
    """Ask for usage in streams; a few old servers refuse the question."""


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


@dataclass(frozen=True, slots=True)
class ExtractiveSettings:
    """`[providers.NAME]` of kind `extractive`: nothing to set."""


ProviderSettings: TypeAlias = ServerSettings | ReplaySettings | ExtractiveSettings


@dataclass(frozen=True, slots=True)
class Offer:
    """A known provider whose key is in the environment, though no provider uses it."""

    name: str
    variable: str
    toml: str
    """What to add to passerelle.toml; names the variable, never its value."""


def read_provider(name: str, section: Section, around: Surroundings) -> ProviderSettings:
    kinds: tuple[ProviderKind, ...] = ("extractive", "replay", "openai_style")
    kind: ProviderKind = section.choice("kind", kinds)
    if not _NAME.fullmatch(name):
        section.fault("", "a provider's name has lower-case letters, digits, - and _ only")
    if name == "extractive" and kind != "extractive":
        section.fault("kind", "the name extractive is taken by the built-in provider")
    if kind == "replay":
        return _replay(section, around)
    return _server(section, around) if kind == "openai_style" else ExtractiveSettings()


def _replay(section: Section, around: Surroundings) -> ReplaySettings:
    return ReplaySettings(
        recordings=around.path(section, "recordings"),
        answer=section.text("answer", "", empty=True),
        latency_seconds=section.number("latency_seconds", 0.0, minimum=0),
        chunk_characters=section.integer("chunk_characters", 12, minimum=1),
        between_chunks_seconds=section.number("between_chunks_seconds", 0.0, minimum=0),
    )


def _server(section: Section, around: Surroundings) -> ServerSettings:
    headers: tuple[KeyHeader, ...] = ("authorization", "api-key")
    fields: tuple[TokensField, ...] = ("max_completion_tokens", "max_tokens")
    return ServerSettings(
        base_url=_base_url(section),
        api_key=around.secret(section),
        connect_seconds=section.number("connect_seconds", 5.0, above=0, maximum=300),
        prices=section.text("prices", ""),
        path=section.text("path", "/chat/completions"),
        key_header=section.choice("key_header", headers, "authorization"),
        tokens_field=section.choice("tokens_field", fields, "max_completion_tokens"),
        include_usage=section.flag("include_usage", default=True),
    )


def _base_url(section: Section) -> str:
    text = section.text("base_url")
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


_KNOWN_PROVIDERS: tuple[tuple[str, str, str], ...] = (
    ("openai", "OPENAI_API_KEY", "https://api.openai.com/v1"),
    ("azure", "AZURE_OPENAI_API_KEY", ""),
    ("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    ("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    ("gemini", "GEMINI_API_KEY", "https://generativelanguage.googleapis.com/v1beta/openai"),
    ("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1"),
    ("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
    ("together", "TOGETHER_API_KEY", "https://api.together.xyz/v1"),
    ("fireworks", "FIREWORKS_API_KEY", "https://api.fireworks.ai/inference/v1"),
    ("xai", "XAI_API_KEY", "https://api.x.ai/v1"),
)


def offers(variables: Mapping[str, str], used: set[str]) -> tuple[Offer, ...]:
    offers = []
    for name, variable, address in _KNOWN_PROVIDERS:
        if not variables.get(variable, "").strip() or f"env:{variable}" in used:
            continue
        base_url = address or _azure_address(variables)
        toml = (
            f'[providers.{name}]\nkind = "openai_style"\n'
            f'base_url = "{base_url}"\napi_key = "env:{variable}"\n'
        )
        offers.append(Offer(name, variable, toml))
    return tuple(offers)


def _azure_address(variables: Mapping[str, str]) -> str:
    endpoint = variables.get("AZURE_OPENAI_ENDPOINT", "https://YOUR-RESOURCE.openai.azure.com")
    return f"{endpoint.rstrip('/')}/openai/v1"
