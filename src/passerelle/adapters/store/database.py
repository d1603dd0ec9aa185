"""The control plane's way into the SQLite file: few rows, changed rarely, by several processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from passerelle.adapters.store.connection import open_reader, open_writer
from passerelle.core.values.errors import Unavailable

REFRESH_NS = 1_000_000_000
"""How long another process's change may stay unseen."""
METADATA = sa.MetaData()
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text_column(name: str) -> sa.Column[str]:
    """A text that is always there, if only empty."""
    return sa.Column(name, sa.Text, nullable=False)


def number_column(name: str) -> sa.Column[int]:
    return sa.Column(name, Number, nullable=False)


def sequence_column() -> sa.Column[int]:
    """Counts rows as they are added, so that their order needs no clock."""
    return sa.Column("sequence", Number, primary_key=True)


class Database:
    """Connections for reading and for writing."""

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

    def write(self, change: sa.Insert | sa.Update | sa.Delete) -> None:
        """One change in a transaction of its own. Raises `Unavailable`."""
        with self.writing() as connection:
            connection.execute(change)

    def close(self) -> None:
        self._readers.dispose()
        self._writers.dispose()


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
