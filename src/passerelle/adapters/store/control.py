"""Keys and flags in SQLite: few, read often, changed rarely, by several processes."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from passerelle.adapters.store.connection import open_reader, open_writer
from passerelle.adapters.store.memory import newest_keys
from passerelle.core.values.clock import Clock
from passerelle.core.values.errors import Unavailable
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.keys import ApiKey

REFRESH_NS = 1_000_000_000
"""How long another process's change may stay unseen."""

METADATA = sa.MetaData()
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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
    sa.Column("created_at_ms", _Number, nullable=False),
    sa.Column("expires_at_ms", _Number),
    sa.Column("revoked_at_ms", _Number),
    sa.Column("revision", _Number, nullable=False),
    sa.Index("api_keys_by_revision", "revision"),
)
FLAGS = sa.Table(
    "flags",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("exchange_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("at_ms", _Number, nullable=False),
    sa.Column("organisation", sa.Text, nullable=False),
    sa.Index("flags_by_organisation", "organisation", "at_ms"),
    sa.Index("flags_by_exchange", "exchange_id"),
)


class Database:
    """The control plane's way into the file."""

    def __init__(self, path: Path) -> None:
        self._readers = _engine(path, write=False)
        self._writers = _engine(path, write=True)

    def rows(self, query: sa.Select[tuple[object, ...]]) -> list[RowMapping]:
        """Everything that the query finds. Raises `Unavailable`."""
        with _mapped(), self._readers.connect() as connection:
            return list(connection.execute(query).mappings())

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that holds the write lock. Raises `Unavailable`."""
        with _mapped(), self._writers.begin() as connection:
            yield connection

    def close(self) -> None:
        self._readers.dispose()
        self._writers.dispose()


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


class SqliteFlagBox:
    """Flags, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, flag: Flag) -> None:
        await asyncio.to_thread(self._add, flag)

    def list(
        self, *, organisation: str, limit: int = 50, exchange_id: str = ""
    ) -> tuple[Flag, ...]:
        query = sa.select(FLAGS).where(FLAGS.c.organisation == organisation)
        if exchange_id:
            query = query.where(FLAGS.c.exchange_id == exchange_id)
        query = query.order_by(FLAGS.c.at_ms.desc(), FLAGS.c.id.desc()).limit(limit)
        return tuple(
            Flag(**(dict(row) | {"reason": FlagReason(row["reason"])}))
            for row in self._database.rows(query)
        )

    def flagged(self, exchange_ids: Iterable[str], *, organisation: str) -> frozenset[str]:
        query = sa.select(FLAGS.c.exchange_id).where(
            FLAGS.c.organisation == organisation, FLAGS.c.exchange_id.in_(list(exchange_ids))
        )
        return frozenset(row["exchange_id"] for row in self._database.rows(query))

    def _add(self, flag: Flag) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(FLAGS).values(
                    id=flag.id,
                    exchange_id=flag.exchange_id,
                    reason=flag.reason.value,
                    comment=flag.comment,
                    principal=flag.principal,
                    at_ms=flag.at_ms,
                    organisation=flag.organisation,
                )
            )


class SqliteControl:
    """Keys and flags of a data folder, over one set of connections."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._database = Database(path)
        self.keys = SqliteKeyRing(self._database, clock)
        self.flags = SqliteFlagBox(self._database)

    def close(self) -> None:
        self._database.close()


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
    )


def _engine(path: Path, *, write: bool) -> sa.Engine:
    opened = open_writer if write else open_reader
    engine = sa.create_engine(
        "sqlite://", creator=lambda: opened(path), poolclass=sa.QueuePool, pool_size=2
    )
    if write:
        sa.event.listen(engine, "begin", lambda made: made.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable("The data folder cannot be read or written.") from error
