"""What one process was told: settings, use cases, the folder of its state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from passerelle.adapters.store.stores import Store
from passerelle.core.values.clock import Clock, SystemClock
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.roles import Role
from passerelle.settings.process import FILE_NAME, Settings, read_settings
from passerelle.stories.govern.publish import UseCase, UseCaseFile, read_usecases

OpenStore: TypeAlias = Store
"""What commands hand from one call to the next without looking inside."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the command line overrides; None leaves what the settings say."""

    config: Path
    data: Path | None = None
    host: str | None = None
    port: int | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """A configuration folder that has been read and found without faults."""

    folder: Path
    settings: Settings
    usecases: tuple[UseCase, ...]
    clock: Clock

    @property
    def scope(self) -> Scope:
        return Scope(self.settings.organisation, self.settings.team)

    @property
    def data(self) -> Path:
        return self.settings.data

    @property
    def operator(self) -> Principal:
        """Whoever can read the state folder may do everything; the ledger says it was them."""
        roles = frozenset({str(Role.ADMINISTRATOR)})
        return Principal("local-operator", "person", "local operator", self.scope, roles)

    def index_folder(self, usecase: str) -> Path:
        return self.data / "knowledge" / usecase


def read_installation(told: Told) -> Installation:
    """Reads settings and use cases. Raises `InvalidConfiguration` with every fault of them."""
    settings = _overridden(read_settings(told.config / FILE_NAME), told)
    usecases = read_usecases(_usecase_files(told.config))
    return Installation(told.config, settings, usecases, SystemClock())


def read_settings_only(told: Told) -> Installation:
    """For commands that need no use case: a faulty use case file must not stop them."""
    settings = _overridden(read_settings(told.config / FILE_NAME), told)
    return Installation(told.config, settings, (), SystemClock())


def _overridden(settings: Settings, told: Told) -> Settings:
    listener = settings.listener
    if told.host is not None:
        listener = replace(listener, host=told.host)
    if told.port is not None:
        listener = replace(listener, port=told.port)
    if told.workers is not None:
        listener = replace(listener, workers=told.workers)
    return replace(settings, data=told.data or settings.data, listener=listener)


def _usecase_files(folder: Path) -> Iterator[UseCaseFile]:
    for file in sorted(folder.glob("usecases/*/usecase.toml")):
        yield UseCaseFile(
            text=file.read_text(encoding="utf-8", errors="replace"),
            file=file.relative_to(folder).as_posix(),
            read_file=lambda path, below=file.parent: (below / path).read_text("utf-8"),  # type: ignore[misc]
            list_files=lambda folder, below=file.parent: _names_in(below / folder),  # type: ignore[misc]
        )


def _names_in(folder: Path) -> list[str]:
    try:
        return [file.name for file in folder.iterdir() if file.is_file()]
    except OSError:
        return []


@contextmanager
def opened_store(installation: Installation) -> Iterator[OpenStore]:
    """The store of the state folder, closed at the end."""
    from passerelle.adapters.kms.signing import open_signing_key
    from passerelle.adapters.store.sqlite import open_store

    installation.data.mkdir(parents=True, exist_ok=True)
    signer = open_signing_key(installation.data)
    store = open_store(installation.data, clock=installation.clock, signer=signer)
    try:
        yield store
    finally:
        store.close()
