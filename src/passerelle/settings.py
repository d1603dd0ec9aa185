"""The configuration of the process: passerelle.toml, then PASSERELLE_* on top, read once.

| environment variable                      | key in passerelle.toml           | default      |
|-------------------------------------------|----------------------------------|--------------|
| PASSERELLE_ORGANISATION                   | organisation                     | local        |
| PASSERELLE_TEAM                           | team                             | local        |
| PASSERELLE_DATA                           | data                             | .passerelle  |
| PASSERELLE_LISTENER_HOST                  | listener.host                    | 127.0.0.1    |
| PASSERELLE_LISTENER_PORT                  | listener.port                    | 8080         |
| PASSERELLE_LISTENER_TLS_CERTIFICATE       | listener.tls_certificate         |              |
| PASSERELLE_LISTENER_TLS_KEY               | listener.tls_key                 |              |
| PASSERELLE_LIMITS_MAX_BODY_BYTES          | limits.max_body_bytes            | 8388608      |
| PASSERELLE_LIMITS_HEADER_DEADLINE_SECONDS | limits.header_deadline_seconds   | 10           |
| PASSERELLE_LIMITS_BODY_DEADLINE_SECONDS   | limits.body_deadline_seconds     | 30           |
| PASSERELLE_LIMITS_DRAIN_SECONDS           | limits.drain_seconds             | 20           |

Providers stand in the file only; their keys are named there, never written. Paths
are below the folder of the file.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NoReturn, TypeAlias
from urllib.parse import urlsplit

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault, InvalidConfiguration
from passerelle.core.values.sections import Section
from passerelle.stories.govern.lines import Lines

ProviderKind: TypeAlias = Literal["extractive", "replay", "openai_style"]
KeyHeader: TypeAlias = Literal["authorization", "api-key"]
TokensField: TypeAlias = Literal["max_completion_tokens", "max_tokens"]

FILE_NAME = "passerelle.toml"
_PREFIX = "PASSERELLE_"
_OF_OTHERS = frozenset({"PASSERELLE_DATA_SETS", "PASSERELLE_NO_SKIPS"})
"""Variables of the test suite and the measurements: not ours to judge."""
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_SYNTAX_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_ENVIRONMENT = "environment"

_VARIABLES: Mapping[str, tuple[tuple[str, ...], type[str] | type[int] | type[float]]] = {
    "PASSERELLE_ORGANISATION": (("organisation",), str),
    "PASSERELLE_TEAM": (("team",), str),
    "PASSERELLE_DATA": (("data",), str),
    "PASSERELLE_LISTENER_HOST": (("listener", "host"), str),
    "PASSERELLE_LISTENER_PORT": (("listener", "port"), int),
    "PASSERELLE_LISTENER_TLS_CERTIFICATE": (("listener", "tls_certificate"), str),
    "PASSERELLE_LISTENER_TLS_KEY": (("listener", "tls_key"), str),
    "PASSERELLE_LIMITS_MAX_BODY_BYTES": (("limits", "max_body_bytes"), int),
    "PASSERELLE_LIMITS_HEADER_DEADLINE_SECONDS": (("limits", "header_deadline_seconds"), float),
    "PASSERELLE_LIMITS_BODY_DEADLINE_SECONDS": (("limits", "body_deadline_seconds"), float),
    "PASSERELLE_LIMITS_DRAIN_SECONDS": (("limits", "drain_seconds"), float),
}


class Secret:
    """A text that shows itself only when asked to, never in messages, logs or copies of values."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be serialised")


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """`[listener]`"""

    host: str
    port: int
    """0 takes any free port."""
    tls_certificate: Path | None
    """PEM chain; None serves without TLS."""
    tls_key: Path | None


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """`[limits]`: what a client may take of us."""

    max_body_bytes: int
    header_deadline_seconds: float
    body_deadline_seconds: float
    drain_seconds: float
    """How long answers in progress may still take once the process is asked to stop."""


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


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the process was told at its start."""

    organisation: str
    team: str
    data: Path
    listener: ListenerSettings
    limits: LimitSettings
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    """By name; `extractive` is always among them."""
    offers: tuple[Offer, ...] = ()


def read_settings(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Reads a passerelle.toml, which may be absent, and the environment of the process.

    Raises `InvalidConfiguration` with all faults of both.
    """
    variables = os.environ if environment is None else environment  # noqa: TID251 - this is settings.py
    text, table, faults = _read_file(path)
    overrides, more = _overrides(variables)
    faults += more
    for keys, (_, value) in overrides.items():
        _put(table, keys, value)
    section = Section(table)
    settings = _Reader(path.parent, variables).settings(section)
    lines = Lines(text)
    for fault in dict.fromkeys(section.done()):
        variable = overrides.get(tuple(map(str, fault.where)))
        if variable:
            faults.append(Fault((variable[0],), fault.message, _ENVIRONMENT))
        else:
            faults.append(replace(fault, file=str(path), line=lines.line(fault.where)))
    if faults:
        raise InvalidConfiguration(sorted(faults, key=lambda fault: fault.line))
    return settings


def _read_file(path: Path) -> tuple[str, dict[str, JsonValue], list[Fault]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text), []
    except FileNotFoundError:
        return "", {}, []
    except UnicodeDecodeError:
        return "", {}, [Fault((), "is not UTF-8 text", str(path), 1)]
    except OSError as error:
        return "", {}, [Fault((), f"cannot be read: {error.strerror}", str(path), 1)]
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX_LINE.search(str(error))
        line = int(place[1]) if place else 1
        return "", {}, [Fault((), f"not valid TOML: {error}", str(path), line)]


def _overrides(
    variables: Mapping[str, str],
) -> tuple[dict[tuple[str, ...], tuple[str, JsonValue]], list[Fault]]:
    """Path of keys → (variable, value), and the variables that cannot be used."""
    found: dict[tuple[str, ...], tuple[str, JsonValue]] = {}
    faults: list[Fault] = []
    given = {name: text for name, text in variables.items() if name.startswith(_PREFIX)}
    for name, text in sorted(given.items()):
        if name in _OF_OTHERS:
            continue
        if name not in _VARIABLES:
            near = difflib.get_close_matches(name, _VARIABLES, n=1)
            message = f"unknown variable; did you mean {near[0]}?" if near else "unknown variable"
            faults.append(Fault((name,), message, _ENVIRONMENT))
            continue
        keys, kind = _VARIABLES[name]
        try:
            found[keys] = (name, kind(text))
        except ValueError:
            wanted = "an integer" if kind is int else "a number"
            faults.append(Fault((name,), f"must be {wanted}", _ENVIRONMENT))
    return found, faults


def _put(table: dict[str, JsonValue], keys: tuple[str, ...], value: JsonValue) -> None:
    for key in keys[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            return  # the section reader says what is wrong with it
        table = inner
    table[keys[-1]] = value


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    variables: Mapping[str, str]

    def settings(self, section: Section) -> Settings:
        providers: dict[str, ProviderSettings] = {"extractive": ExtractiveSettings()}
        for name, each in section.table("providers").named().items():
            providers[name] = self._provider(name, each)
        used = {
            str(each.get("api_key"))
            for each in section.unread("providers").values()
            if isinstance(each, Mapping)
        }
        return Settings(
            organisation=section.text("organisation", "local"),
            team=section.text("team", "local"),
            data=self.folder / section.text("data", ".passerelle"),
            listener=self._listener(section.table("listener")),
            limits=_limits(section.table("limits")),
            providers=providers,
            offers=_offers(self.variables, used),
        )

    def _listener(self, section: Section) -> ListenerSettings:
        certificate = self._path(section, "tls_certificate")
        key = self._path(section, "tls_key")
        if (certificate is None) != (key is None):
            missing = "tls_key" if key is None else "tls_certificate"
            section.fault(missing, "is missing: TLS needs both a certificate and its key")
        return ListenerSettings(
            host=section.text("host", "127.0.0.1"),
            port=section.integer("port", 8080, minimum=0, maximum=65_535),
            tls_certificate=certificate,
            tls_key=key,
        )

    def _path(self, section: Section, key: str) -> Path | None:
        """An existing file or folder."""
        if key not in section:
            return None
        name = section.text(key)
        path = self.folder / Path(name).expanduser()
        if name and not path.exists():
            section.fault(key, f"{path} does not exist")
        return path

    def _provider(self, name: str, section: Section) -> ProviderSettings:
        kinds: tuple[ProviderKind, ...] = ("extractive", "replay", "openai_style")
        kind: ProviderKind = section.choice("kind", kinds)
        if not _NAME.fullmatch(name):
            section.fault("", "a provider's name has lower-case letters, digits, - and _ only")
        if name == "extractive" and kind != "extractive":
            section.fault("kind", "the name extractive is taken by the built-in provider")
        if kind == "replay":
            return self._replay(section)
        return self._server(section) if kind == "openai_style" else ExtractiveSettings()

    def _replay(self, section: Section) -> ReplaySettings:
        return ReplaySettings(
            recordings=self._path(section, "recordings"),
            answer=section.text("answer", "", empty=True),
            latency_seconds=section.number("latency_seconds", 0.0, minimum=0),
            chunk_characters=section.integer("chunk_characters", 12, minimum=1),
            between_chunks_seconds=section.number("between_chunks_seconds", 0.0, minimum=0),
        )

    def _server(self, section: Section) -> ServerSettings:
        headers: tuple[KeyHeader, ...] = ("authorization", "api-key")
        fields: tuple[TokensField, ...] = ("max_completion_tokens", "max_tokens")
        return ServerSettings(
            base_url=_base_url(section),
            api_key=self._secret(section),
            connect_seconds=section.number("connect_seconds", 5.0, above=0, maximum=300),
            prices=section.text("prices", ""),
            path=section.text("path", "/chat/completions"),
            key_header=section.choice("key_header", headers, "authorization"),
            tokens_field=section.choice("tokens_field", fields, "max_completion_tokens"),
            include_usage=section.flag("include_usage", default=True),
        )

    def _secret(self, section: Section) -> Secret | None:
        if "api_key" not in section:
            return None
        scheme, _, name = section.text("api_key").partition(":")
        readers: dict[str, Callable[[str], str]] = {
            "env": lambda name: self.variables[name],
            "file": lambda name: (self.folder / Path(name).expanduser()).read_text("utf-8"),
        }
        if scheme not in readers or not name:
            # The value may be the key itself: it must not be repeated.
            message = (
                'must be "env:NAME" or "file:PATH"; a key itself never belongs in this file'
                " (if one stood here, revoke it)"
            )
            section.fault("api_key", message)
            return None
        try:
            value = readers[scheme](name).strip()
        except KeyError:
            section.fault("api_key", f"the environment variable {name} is not set")
        except (OSError, UnicodeDecodeError):
            section.fault("api_key", f"the file {name} cannot be read")
        else:
            if value:
                return Secret(value)
            section.fault("api_key", f"{name} is empty")
        return None


def _limits(section: Section) -> LimitSettings:
    return LimitSettings(
        max_body_bytes=section.integer("max_body_bytes", 8_388_608, minimum=1_024),
        header_deadline_seconds=section.number("header_deadline_seconds", 10.0, above=0),
        body_deadline_seconds=section.number("body_deadline_seconds", 30.0, above=0),
        drain_seconds=section.number("drain_seconds", 20.0, minimum=0),
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


def _offers(variables: Mapping[str, str], used: set[str]) -> tuple[Offer, ...]:
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
