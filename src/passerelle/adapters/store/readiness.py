"""Signatures and evidence in SQLite."""

import asyncio

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from passerelle.adapters.store.database import (
    METADATA,
    Database,
    Number,
    number_column,
    sequence_column,
    text_column,
)
from passerelle.core.values.chat import JsonValue
from passerelle.core.values.estimates import Estimate
from passerelle.core.values.evidence import Evidence, Grade
from passerelle.core.values.ids import Digest
from passerelle.core.values.scope import Stage
from passerelle.domain.readiness.signoffs import Basis, Meaning, Signoff

SIGNOFFS = sa.Table(
    "signoffs",
    METADATA,
    sequence_column(),
    text_column("id"),
    text_column("usecase"),
    text_column("organisation"),
    text_column("role"),
    text_column("meaning"),
    text_column("reason"),
    text_column("stage"),
    text_column("principal"),
    number_column("at_ms"),
    text_column("basis"),
    sa.Index("signoffs_by_usecase", "organisation", "usecase"),
)
EVIDENCE = sa.Table(
    "evidence",
    METADATA,
    sequence_column(),
    text_column("id"),
    text_column("kind"),
    text_column("subject"),
    text_column("usecase"),
    text_column("organisation"),
    text_column("by"),
    number_column("at_ms"),
    sa.Column("expires_at_ms", Number),
    text_column("grade"),
    text_column("facts"),
    sa.Column("estimate", sa.Text),
    sa.Index("evidence_by_kind", "organisation", "usecase", "kind"),
)


class SqliteSignoffBook:
    """Signatures, last added first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, signoff: Signoff) -> None:
        kept = sa.insert(SIGNOFFS).values(
            id=signoff.id,
            usecase=signoff.usecase,
            organisation=signoff.organisation,
            role=signoff.role,
            meaning=signoff.meaning.value,
            reason=signoff.reason,
            stage=signoff.stage.value,
            principal=signoff.principal,
            at_ms=signoff.at_ms,
            basis=_text(signoff.basis),
        )
        await asyncio.to_thread(self._database.write, kept)

    def list(self, usecase: str, *, organisation: str) -> tuple[Signoff, ...]:
        query = sa.select(SIGNOFFS).where(
            SIGNOFFS.c.organisation == organisation, SIGNOFFS.c.usecase == usecase
        )
        query = query.order_by(SIGNOFFS.c.sequence.desc())
        return tuple(map(_signoff, self._database.rows(query)))


class SqliteEvidenceBox:
    """Evidence, last added first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, evidence: Evidence) -> None:
        estimate = evidence.estimate
        kept = sa.insert(EVIDENCE).values(
            id=evidence.id,
            kind=evidence.kind,
            subject=evidence.subject,
            usecase=evidence.usecase,
            organisation=evidence.organisation,
            by=evidence.by,
            at_ms=evidence.at_ms,
            expires_at_ms=evidence.expires_at_ms,
            grade=evidence.grade.value,
            facts=_text(evidence.facts),
            estimate=None if estimate is None else _text(estimate),
        )
        await asyncio.to_thread(self._database.write, kept)

    def latest(self, usecase: str, kind: str, *, organisation: str) -> Evidence | None:
        found = self.list(usecase, organisation=organisation, kind=kind, limit=1)
        return found[0] if found else None

    def list(
        self, usecase: str, *, organisation: str, kind: str = "", limit: int = 50
    ) -> tuple[Evidence, ...]:
        query = sa.select(EVIDENCE).where(
            EVIDENCE.c.organisation == organisation, EVIDENCE.c.usecase == usecase
        )
        if kind:
            query = query.where(EVIDENCE.c.kind == kind)
        query = query.order_by(EVIDENCE.c.sequence.desc()).limit(limit)
        return tuple(map(_evidence, self._database.rows(query)))


def _signoff(row: RowMapping) -> Signoff:
    return Signoff(
        id=row["id"],
        usecase=row["usecase"],
        organisation=row["organisation"],
        role=row["role"],
        meaning=Meaning(row["meaning"]),
        reason=row["reason"],
        stage=Stage(row["stage"]),
        principal=row["principal"],
        at_ms=row["at_ms"],
        basis=msgspec.json.decode(row["basis"], type=Basis),
    )


def _evidence(row: RowMapping) -> Evidence:
    estimate = row["estimate"]
    facts: dict[str, JsonValue] = msgspec.json.decode(row["facts"])
    return Evidence(
        id=row["id"],
        kind=row["kind"],
        subject=Digest(row["subject"]),
        usecase=row["usecase"],
        organisation=row["organisation"],
        by=row["by"],
        at_ms=row["at_ms"],
        expires_at_ms=row["expires_at_ms"],
        grade=Grade(row["grade"]),
        facts=facts,
        estimate=None if estimate is None else msgspec.json.decode(estimate, type=Estimate),
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
