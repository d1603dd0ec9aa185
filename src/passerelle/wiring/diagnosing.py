"""What is wrong with an installation, and how to repair it."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from passerelle.core.values.errors import InvalidConfiguration, Refusal
from passerelle.domain.budgets.limits import Budget
from passerelle.settings.process import Settings
from passerelle.wiring.improving import CASES_FILE, read_cases
from passerelle.wiring.installation import Installation, Told, read_installation
from passerelle.wiring.operating import DEVELOPMENT_KEY, verify_ledger
from passerelle.wiring.providers import build_providers, price_book
from passerelle.wiring.serving import open_indexes

OLDEST_SQLITE = (3, 35, 0)
"""`RETURNING` and reliable write-ahead mode."""
SECRET_FILES = ("ledger.key", "pepper", DEVELOPMENT_KEY)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    outcome: str
    """`ok`, `fault`, or `note`: worth knowing, and nothing is broken."""
    message: str
    cure: str = ""
    """What to do next; empty when nothing is to be done."""


def diagnose(told: Told) -> list[Finding]:
    """Every check in turn; a fault of one does not stop the others."""
    findings = [_runtime(), _console()]
    try:
        installation = read_installation(told)
    except InvalidConfiguration as refusal:
        findings += [
            Finding("configuration", "fault", str(fault), "Correct the file.")
            for fault in refusal.faults
        ]
        return findings
    findings.append(_configuration(installation))
    for look in (_providers, _state, _ledger, _knowledge, _cases, _prices, _roles, _listener):
        findings += look(installation)
    return findings


def _runtime() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    message = f"Python {version}, SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return Finding("runtime", "fault", message, "Use a Python with SQLite 3.35 or newer.")
    return Finding("runtime", "ok", message)


def _console() -> Finding:
    from passerelle.adapters.console.files import STATIC

    if (STATIC / "index.html").is_file():
        return Finding("console", "ok", "The console is built.")
    return Finding(
        "console", "note", "The console is not built.", "Install Node 20 and run make setup."
    )


def _configuration(installation: Installation) -> Finding:
    names = ", ".join(usecase.name for usecase in installation.usecases)
    if not names:
        cure = "Run passerelle init NAME, or name the folder with --config."
        return Finding("configuration", "fault", "There is no use case.", cure)
    return Finding("configuration", "ok", f"Use cases: {names}.")


def _providers(installation: Installation) -> Iterator[Finding]:
    try:
        providers = build_providers(installation)
    except Refusal as refusal:
        yield Finding("providers", "fault", refusal.message, "Correct the route or the provider.")
    else:
        yield Finding("providers", "ok", f"Providers: {', '.join(sorted(providers))}.")
    for offer in installation.settings.offers:
        yield Finding("providers", "note", f"{offer.variable} is set and not used.", offer.toml)


def _state(installation: Installation) -> Iterator[Finding]:
    folder = installation.data
    if not folder.is_dir():
        yield Finding("state", "note", f"{folder} does not exist yet.", "Run passerelle up.")
        return
    exposed = [
        str(folder / name)
        for name in SECRET_FILES
        if (folder / name).exists() and (folder / name).stat().st_mode & 0o077
    ]
    for path in exposed:
        yield Finding("state", "fault", f"{path} can be read by others.", f"chmod 600 {path}")
    if not exposed:
        yield Finding("state", "ok", f"State in {folder}; its secrets are the owner's only.")


def _ledger(installation: Installation) -> Iterator[Finding]:
    if not installation.data.is_dir():
        return
    try:
        found = verify_ledger(installation.data)
    except Refusal as refusal:
        yield Finding("ledger", "note", refusal.message, "Run passerelle up once.")
        return
    if found.ok:
        yield Finding("ledger", "ok", f"The ledger holds: {found.entries} entries proved.")
    else:
        yield Finding(
            "ledger",
            "fault",
            f"The ledger does not hold: {found.faults[0]}",
            "Stop the gateway, keep a copy of the folder, and restore the last good backup.",
        )


def _knowledge(installation: Installation) -> Iterator[Finding]:
    if not installation.data.is_dir():
        return
    for name, index in open_indexes(installation).items():
        documents = index.documents()
        quarantined = [record for record in documents if record.reason]
        for record in quarantined:
            yield Finding("knowledge", "note", f"{name}: {record.path}: {record.reason}")
        if len(documents) > len(quarantined):
            read = len(documents) - len(quarantined)
            yield Finding("knowledge", "ok", f"{name}: {read} documents are searchable.")
        else:
            cure = "Put documents into its knowledge folder and run passerelle ingest."
            yield Finding("knowledge", "fault", f"{name}: there is nothing to search.", cure)


def _cases(installation: Installation) -> Iterator[Finding]:
    for usecase in installation.usecases:
        try:
            cases = read_cases(installation, usecase)
        except InvalidConfiguration as refusal:
            for fault in refusal.faults:
                yield Finding("cases", "fault", str(fault), "Correct the line.")
            continue
        if cases:
            yield Finding("cases", "ok", f"{usecase.name}: {len(cases):,} cases to evaluate.")
        else:
            cure = f"Write usecases/{usecase.name}/{CASES_FILE}, one question a line."
            yield Finding("cases", "note", f"{usecase.name}: there are no cases.", cure)


def _prices(installation: Installation) -> Iterator[Finding]:
    prices = price_book(installation)
    callers = _callers_budgets(installation.settings)
    for usecase in installation.usecases:
        for stage, setup in usecase.stages.items():
            budgets = [*callers, usecase.budget, *([setup.budget] if setup.budget else [])]
            for target in setup.plan.targets:
                if prices.price(target.provider, target.model) is None:
                    what = f"{target.model} at {target.provider}"
                    yield _price_unknown(f"{usecase.name}@{stage}", what, budgets)


def _callers_budgets(settings: Settings) -> list[Budget]:
    """Those that hold whatever is asked for."""
    told = settings.budgets
    found = (told.each_key, told.each_user, *told.teams.values())
    return [budget for budget in found if budget is not None]


def _price_unknown(where: str, what: str, budgets: Sequence[Budget]) -> Finding:
    nobody = f"{where}: nobody knows the price of {what}; its cost is shown as not known"
    cure = 'Set prices = "PROVIDER" of the price list in [providers.NAME]'
    limited = [budget for budget in budgets if budget.limits_money]
    if any(budget.unknown_price == "refuse" for budget in limited):
        message = f"{nobody}, and requests are refused, for a budget limits money."
        return Finding("prices", "fault", message, f'{cure}, or unknown_price = "pass" there.')
    held = ", and budgets in money do not hold for it" if limited else ""
    return Finding("prices", "note", f"{nobody}{held}.", f"{cure}.")


def _roles(installation: Installation) -> Iterator[Finding]:
    for usecase in installation.usecases:
        if unnamed := usecase.charter.roles.unnamed:
            yield Finding(
                "roles",
                "note",
                f"{usecase.name}: nobody is named for {', '.join(unnamed)}.",
                "Name a person for each in [charter.roles].",
            )


def _listener(installation: Installation) -> Iterator[Finding]:
    listener = installation.settings.listener
    local = listener.host in {"127.0.0.1", "::1", "localhost"}
    if not local and listener.tls_certificate is None:
        yield Finding(
            "listener",
            "fault",
            f"{listener.host} can be reached by others, without TLS.",
            "Set listener.tls_certificate and listener.tls_key, or put a TLS proxy in front.",
        )
