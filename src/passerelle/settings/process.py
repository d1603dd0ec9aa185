"""The configuration of the process: passerelle.toml, then PASSERELLE_* on top, read once.

| environment variable                      | key in passerelle.toml           | default      |
|-------------------------------------------|----------------------------------|--------------|
| PASSERELLE_ORGANISATION                   | organisation                     | local        |
| PASSERELLE_TEAM                           | team                             | local        |
| PASSERELLE_DATA                           | data                             | .passerelle  |
| PASSERELLE_LISTENER_HOST                  | listener.host                    | 127.0.0.1    |
| PASSERELLE_LISTENER_PORT                  | listener.port                    | 8080         |
| PASSERELLE_LISTENER_WORKERS               | listener.workers                 | 1            |
| PASSERELLE_LISTENER_TLS_CERTIFICATE       | listener.tls_certificate         |              |
| PASSERELLE_LISTENER_TLS_KEY               | listener.tls_key                 |              |
| PASSERELLE_LIMITS_MAX_BODY_BYTES          | limits.max_body_bytes            | 8388608      |
| PASSERELLE_LIMITS_MAX_FILE_BYTES          | limits.max_file_bytes            | 104857600    |
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
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from passerelle.core.values.chat import JsonValue
from passerelle.core.values.errors import Fault, InvalidConfiguration
from passerelle.core.values.sections import Section
from passerelle.domain.budgets.limits import Budget, parse_budget
from passerelle.domain.guardrails.guards import GuardPolicy
from passerelle.domain.guardrails.sections import parse_guards
from passerelle.settings.providers import (
    ExtractiveSettings,
    Offer,
    ProviderSettings,
    offers,
    read_provider,
)
from passerelle.settings.secrets import Surroundings
from passerelle.stories.govern.lines import Lines

FILE_NAME = "passerelle.toml"
_PREFIX = "PASSERELLE_"
_OF_OTHERS = frozenset({"PASSERELLE_DATA_SETS", "PASSERELLE_NO_SKIPS"})
"""Variables of the test suite and the measurements: not ours to judge."""
_SYNTAX_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_ENVIRONMENT = "environment"
_MOST_WORKERS = 64

_VARIABLES: Mapping[str, tuple[tuple[str, ...], type[str] | type[int] | type[float]]] = {
    "PASSERELLE_ORGANISATION": (("organisation",), str),
    "PASSERELLE_TEAM": (("team",), str),
    "PASSERELLE_DATA": (("data",), str),
    "PASSERELLE_LISTENER_HOST": (("listener", "host"), str),
    "PASSERELLE_LISTENER_PORT": (("listener", "port"), int),
    "PASSERELLE_LISTENER_WORKERS": (("listener", "workers"), int),
    "PASSERELLE_LISTENER_TLS_CERTIFICATE": (("listener", "tls_certificate"), str),
    "PASSERELLE_LISTENER_TLS_KEY": (("listener", "tls_key"), str),
    "PASSERELLE_LIMITS_MAX_BODY_BYTES": (("limits", "max_body_bytes"), int),
    "PASSERELLE_LIMITS_MAX_FILE_BYTES": (("limits", "max_file_bytes"), int),
    "PASSERELLE_LIMITS_HEADER_DEADLINE_SECONDS": (("limits", "header_deadline_seconds"), float),
    "PASSERELLE_LIMITS_BODY_DEADLINE_SECONDS": (("limits", "body_deadline_seconds"), float),
    "PASSERELLE_LIMITS_DRAIN_SECONDS": (("limits", "drain_seconds"), float),
}


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """`[listener]`"""

    host: str
    port: int
    """0 takes any free port."""
    tls_certificate: Path | None
    """PEM chain; None serves without TLS."""
    tls_key: Path | None
    workers: int = 1
    """Processes that serve."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """`[limits]`: what a client may take of us."""

    max_body_bytes: int
    max_file_bytes: int
    """Of a file that is left for batches."""
    header_deadline_seconds: float
    body_deadline_seconds: float
    drain_seconds: float
    """How long answers in progress may still take once the process is asked to stop."""


@dataclass(frozen=True, slots=True)
class DirectSettings:
    """`[direct]`: providers' own models, asked for as `provider/model` without a use case."""

    guards: tuple[GuardPolicy, ...]
    budget: Budget
    keep_content: bool


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """`[budgets]`: what callers may take, whatever use case they ask."""

    each_key: Budget | None = None
    """`[budgets.key]`: of each key that has no budget of its own."""
    each_user: Budget | None = None
    """`[budgets.user]`: of each principal, over all of their keys."""
    teams: Mapping[str, Budget] = field(default_factory=dict)
    """`[budgets.teams.NAME]`"""


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
    budgets: BudgetSettings = field(default_factory=BudgetSettings)
    direct: DirectSettings | None = None
    """None: only use cases can be asked."""


def read_settings(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Reads a passerelle.toml, which may be absent, and the environment of the process.

    Raises `InvalidConfiguration` with all faults of both.
    """
    variables = os.environ if environment is None else environment  # noqa: TID251 - these are the settings
    text, table, faults = _read_file(path)
    overrides, more = _overrides(variables)
    faults += more
    for keys, (_, value) in overrides.items():
        _put(table, keys, value)
    section = Section(table)
    settings = _Reader(Surroundings(path.parent, variables)).settings(section)
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
    around: Surroundings

    def settings(self, section: Section) -> Settings:
        providers: dict[str, ProviderSettings] = {"extractive": ExtractiveSettings()}
        for name, each in section.table("providers").named().items():
            providers[name] = read_provider(name, each, self.around)
        used = {
            str(each.get("api_key"))
            for each in section.unread("providers").values()
            if isinstance(each, Mapping)
        }
        return Settings(
            organisation=section.text("organisation", "local"),
            team=section.text("team", "local"),
            data=self.around.folder / section.text("data", ".passerelle"),
            listener=self._listener(section.table("listener")),
            limits=_limits(section.table("limits")),
            providers=providers,
            offers=offers(self.around.variables, used),
            direct=self._direct(section) if "direct" in section else None,
            budgets=_budgets(section),
        )

    def _direct(self, section: Section) -> DirectSettings | None:
        inner = section.table("direct")
        keep_content = inner.flag("keep_content", default=True)
        guards, faults = parse_guards(inner.unread("guards"))
        budget, more = parse_budget(inner.unread("budget"))
        inner.faults_of("guards", faults)
        inner.faults_of("budget", more)
        if guards is None or budget is None:
            return None
        return DirectSettings(guards, budget, keep_content)

    def _listener(self, section: Section) -> ListenerSettings:
        certificate = self.around.path(section, "tls_certificate")
        key = self.around.path(section, "tls_key")
        if (certificate is None) != (key is None):
            missing = "tls_key" if key is None else "tls_certificate"
            section.fault(missing, "is missing: TLS needs both a certificate and its key")
        return ListenerSettings(
            host=section.text("host", "127.0.0.1"),
            port=section.integer("port", 8080, minimum=0, maximum=65_535),
            tls_certificate=certificate,
            tls_key=key,
            workers=section.integer("workers", 1, minimum=1, maximum=_MOST_WORKERS),
        )


def _budgets(section: Section) -> BudgetSettings:
    inner = section.table("budgets")
    named = inner.table("teams")
    teams = {name: _budget(named, name) for name in named}
    return BudgetSettings(
        _budget(inner, "key"),
        _budget(inner, "user"),
        {name: budget for name, budget in teams.items() if budget is not None},
    )


def _budget(section: Section, name: str) -> Budget | None:
    if name not in section:
        return None
    budget, faults = parse_budget(section.unread(name))
    section.faults_of(name, faults)
    return budget


def _limits(section: Section) -> LimitSettings:
    return LimitSettings(
        max_body_bytes=section.integer("max_body_bytes", 8_388_608, minimum=1_024),
        max_file_bytes=section.integer("max_file_bytes", 104_857_600, minimum=1_024),
        header_deadline_seconds=section.number("header_deadline_seconds", 10.0, above=0),
        body_deadline_seconds=section.number("body_deadline_seconds", 30.0, above=0),
        drain_seconds=section.number("drain_seconds", 20.0, minimum=0),
    )
