"""Readiness as one person handles it: check, sign, waive, promote, compare."""

from pathlib import Path

from passerelle.adapters.store.stores import Store
from passerelle.core.values.evidence import Evidence
from passerelle.core.values.scope import Stage
from passerelle.domain.identity.grants import Forbidden, Granted, authorise
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.readiness.claims import Comparison
from passerelle.domain.readiness.signoffs import Meaning, Signoff
from passerelle.domain.usecases.stages import StageMove
from passerelle.stories.justify import compare as comparing
from passerelle.stories.justify.check import ReadinessReport, check
from passerelle.stories.justify.go_live import go_live
from passerelle.stories.justify.sign import sign
from passerelle.stories.justify.waive import waive
from passerelle.wiring.costing import only_usecase
from passerelle.wiring.improving import find_usecase
from passerelle.wiring.installation import Installation
from passerelle.wiring.justifying import readiness_parts
from passerelle.wiring.operating import acting
from passerelle.wiring.serving import open_deployments


class ReadinessDesk:
    def __init__(self, installation: Installation, store: Store, key_file: Path | None) -> None:
        self._installation = installation
        self._key_file = key_file
        self._principal = acting(installation, store, key_file)
        deployments = open_deployments(installation, store)
        self._parts = readiness_parts(installation, store, deployments)

    def check(self, usecase: str) -> ReadinessReport:
        granted = self._granted(Permission.READINESS_READ, usecase)
        return check(granted, self._parts, usecase)

    def compare(self, usecase: str, *, first: Stage, second: Stage) -> Comparison:
        named = only_usecase(self._installation, usecase)
        granted = self._granted(Permission.READINESS_READ, named)
        return comparing.compare(granted, self._parts, named, first=first, second=second)

    async def sign(self, usecase: str, role: str, *, meaning: Meaning, reason: str) -> Signoff:
        granted = self._granted(Permission.READINESS_SIGN, usecase)
        try:
            recorded = await sign(
                granted, self._parts, usecase=usecase, role=role, meaning=meaning, reason=reason
            )
        except Forbidden as refusal:
            raise self._advised(refusal) from refusal
        return recorded.value

    async def waive(self, usecase: str, check_id: str, *, reason: str, days: int) -> Evidence:
        granted = self._granted(Permission.EVIDENCE_WRITE, usecase)
        try:
            recorded = await waive(
                granted, self._parts, usecase=usecase, check_id=check_id, reason=reason, days=days
            )
        except Forbidden as refusal:
            raise self._advised(refusal) from refusal
        return recorded.value

    async def promote(self, usecase: str, to: Stage, *, reason: str) -> StageMove:
        granted = self._granted(Permission.USECASE_PROMOTE, usecase)
        return (await go_live(granted, self._parts, usecase, to=to, reason=reason)).value

    def _granted(self, permission: Permission, usecase: str) -> Granted:
        find_usecase(self._installation, usecase)
        return authorise(self._principal, permission)

    def _advised(self, refusal: Forbidden) -> Forbidden:
        """Whoever runs the command holds no role of the use case: a key of somebody does."""
        if self._key_file is not None:
            return refusal
        return Forbidden(f"{refusal.detail} Name the file of their key: --as-key FILE.")
