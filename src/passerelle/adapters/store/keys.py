"""API keys in SQLite."""

import asyncio
import threading
from collections.abc import Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from passerelle.adapters.store.database import METADATA, REFRESH_NS, Database, Number
from passerelle.adapters.store.memory import newest_keys
from passerelle.core.values.clock import Clock
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.keys import ApiKey

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("public_id", sa.Text, primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("principal_id", sa.Text, nullable=False),
    sa.Column("principal_kind", sa.Text, nullable=False),
    sa.Column("principal_name", sa.Text, nullable=False),
    sa.Column("organisation", sa.Text, nullable=False),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("env", sa.Text, nullable=False),
    sa.Column("created_at_ms", Number, nullable=False),
    sa.Column("expires_at_ms", Number),
    sa.Column("revoked_at_ms", Number),
    sa.Column("revision", Number, nullable=False),
    sa.Column("budget", sa.Text, nullable=False, server_default=""),
    sa.Index("api_keys_by_revision", "revision"),
)


class SqliteKeyRing:
    """All keys in memory; what another process changed is seen within a second."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, ApiKey] = {}
        self._revision = 0
        self._loaded_ns = 0
        self._load()

    def get(self, public_id: str) -> ApiKey | None:
        if self._clock.monotonic_ns() - self._loaded_ns >= REFRESH_NS:
            self._load()
        return self._keys.get(public_id)

    async def add(self, key: ApiKey) -> None:
        await asyncio.to_thread(self._write, sa.insert(API_KEYS).values(_columns(key)))

    async def revoke(self, public_id: str, *, at_ms: int) -> None:
        revocation = (
            sa.update(API_KEYS)
            .where(API_KEYS.c.public_id == public_id, API_KEYS.c.revoked_at_ms.is_(None))
            .values(revoked_at_ms=at_ms)
        )
        await asyncio.to_thread(self._write, revocation)

    def all(self, organisation: str) -> tuple[ApiKey, ...]:
        self._load()
        return newest_keys(self._keys.values(), organisation)

    def _write(self, change: sa.Insert | sa.Update) -> None:
        with self._database.writing() as connection:
            newest = connection.scalar(sa.select(sa.func.max(API_KEYS.c.revision)))
            connection.execute(change.values(revision=(newest or 0) + 1))
        self._load()

    def _load(self) -> None:
        """Takes over what changed since: every change carries a higher revision."""
        with self._lock:
            self._loaded_ns = self._clock.monotonic_ns()
            changed = sa.select(API_KEYS).where(API_KEYS.c.revision > self._revision)
            for row in self._database.rows(changed.order_by(API_KEYS.c.revision)):
                key = _key(row)
                self._keys[key.public_id] = key
                self._revision = row["revision"]


def _columns(key: ApiKey) -> Mapping[str, object]:
    principal = key.principal
    return {
        "public_id": key.public_id,
        "secret_hash": key.secret_hash,
        "principal_id": principal.id,
        "principal_kind": principal.kind,
        "principal_name": principal.name,
        "organisation": principal.scope.organisation,
        "team": principal.scope.team,
        "roles": msgspec.json.encode(sorted(principal.roles)).decode(),
        "label": key.label,
        "env": key.env,
        "created_at_ms": key.created_at_ms,
        "expires_at_ms": key.expires_at_ms,
        "revoked_at_ms": key.revoked_at_ms,
        "budget": key.budget,
    }


def _key(row: RowMapping) -> ApiKey:
    principal = Principal(
        id=row["principal_id"],
        kind=row["principal_kind"],
        name=row["principal_name"],
        scope=Scope(row["organisation"], row["team"]),
        roles=frozenset(msgspec.json.decode(row["roles"], type=list[str])),
        key_id=row["public_id"],
    )
    return ApiKey(
        public_id=row["public_id"],
        secret_hash=row["secret_hash"],
        principal=principal,
        label=row["label"],
        created_at_ms=row["created_at_ms"],
        expires_at_ms=row["expires_at_ms"],
        revoked_at_ms=row["revoked_at_ms"],
        env=row["env"],
        budget=row["budget"],
    )
