"""Prompt versions as one person handles them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import NotFound
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.prompts.labels import Label
from passerelle.domain.prompts.versions import PromptVersion
from passerelle.stories.improve import promote as story
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.improving import find_usecase, promotion_parts
from passerelle.wiring.installation import Installation
from passerelle.wiring.operating import acting
from passerelle.wiring.serving import open_deployments

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version and where it is in place."""

    usecase: str
    name: str
    digest: Digest
    stages: tuple[Stage, ...]


class PromptDesk:
    def __init__(self, installation: Installation, store: Store, key_file: Path | None) -> None:
        self._installation = installation
        self._store = store
        self._principal = acting(installation, store, key_file)
        self._deployments = open_deployments(installation, store)

    def versions(self, usecase: str = "") -> list[VersionRow]:
        """Of one use case when it is named. Raises `NotFound`."""
        self._granted(Permission.PROMPT_READ)
        installed = self._installation.usecases
        chosen = [find_usecase(self._installation, usecase)] if usecase else installed
        return [
            VersionRow(each.name, version.name, version.digest, self._stages(each.name, version))
            for each in chosen
            for version in by_age(self._deployments.versions(each.name))
        ]

    async def promote(
        self, usecase: str, stage: Stage, *, version: str = "", reason: str = ""
    ) -> Label:
        """The newest version by its name when none is named."""
        granted = self._granted(Permission.PROMPT_PROMOTE)
        find_usecase(self._installation, usecase)
        recorded = await story.promote(
            granted,
            promotion_parts(self._installation, self._store, self._deployments),
            usecase=usecase,
            to_stage=stage,
            version=version or newest(self._deployments, usecase),
            reason=reason,
        )
        return recorded.value

    async def rollback(self, usecase: str, stage: Stage, *, reason: str = "") -> Label:
        granted = self._granted(Permission.PROMPT_PROMOTE)
        recorded = await story.rollback(
            granted,
            promotion_parts(self._installation, self._store, self._deployments),
            usecase=usecase,
            stage=stage,
            reason=reason,
        )
        return recorded.value

    def _granted(self, permission: Permission) -> Granted:
        return authorise(self._principal, permission)

    def _stages(self, usecase: str, version: PromptVersion) -> tuple[Stage, ...]:
        return tuple(
            each.stage
            for each in self._deployments.offered(self._installation.scope)
            if each.model == f"{usecase}@{each.stage}" and each.prompt.digest == version.digest
        )


def by_age(versions: Sequence[PromptVersion]) -> list[PromptVersion]:
    """By name, its numbers as numbers: v9 before v10."""
    return sorted(versions, key=lambda version: _natural(version.name))


def newest(deployments: Deployments, usecase: str) -> str:
    versions = by_age(deployments.versions(usecase))
    if not versions:
        raise NotFound(f"{usecase} has no prompt version.")
    return versions[-1].name


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in _DIGITS.split(name)]
