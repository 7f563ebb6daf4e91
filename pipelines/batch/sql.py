"""Databases by SQLAlchemy URL: a table or a query in, tables out. The password of a URL is told to nobody."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...coding.errors import InputError
from ..result import canonical_json
from .columns import Binding, Columns, Undecoded, plain_cell
from .items import Fingerprint, Item

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Select, TextClause

_ROWS_PER_CHUNK: Final = 1000
_URL: Final = re.compile(r"[a-zA-Z][\w+.-]*://")
DATABASE_FILES: Final = (".db", ".sqlite", ".sqlite3")


def is_database(name: str) -> bool:
    """Whether a source or output is a database: a URL, or a file called like one of SQLite's."""
    return bool(_URL.match(name)) or name.lower().endswith(DATABASE_FILES)


def open_engine(name: str) -> Engine:
    """The engine of a URL or SQLite file.

    Raises:
        InputError: no such kind of database, or its driver is not installed.
    """
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    url = name if _URL.match(name) else f"sqlite:///{name}"
    url = re.sub(r"^postgres(?:ql)?://", "postgresql+psycopg://", url)
    try:
        engine = sqlalchemy.create_engine(url)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise InputError(f"{shown(name)}: is no SQLAlchemy URL, e.g. postgresql://user@host/database") from None
    except ImportError as error:
        extra = "; pip install 'spinecode[postgresql]'" if "psycopg" in str(error) else ""
        raise InputError(f"{shown(name)}: its driver {error.name!r} is not installed{extra}") from None
    if engine.dialect.name == "sqlite":
        sqlalchemy.event.listen(engine, "connect", _take_any_text)
    return engine


def _take_any_text(connection: Any, _record: object) -> None:
    """Bytes for text that is no UTF-8: it costs a row, where the module would end the run and quote it."""
    connection.text_factory = _text


def _text(raw: bytes) -> str | Undecoded:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return Undecoded(raw)


def shown(name: str) -> str:
    """A URL without its password."""
    return re.sub(r"(//[^:/@]*):[^@]*@", r"\1:***@", name)


def sqlite_file(name: str) -> Path | None:
    """The file of an SQLite database; None for any other."""
    if not _URL.match(name):
        return Path(name)
    found = re.match(r"sqlite(?:\+\w+)?:///(.+)", name)
    return Path(found[1]) if found else None


@contextmanager
def told_plainly(name: str) -> Iterator[None]:
    """What goes wrong with a database in one line; a message of SQLAlchemy would quote rows."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        raise InputError(f"{shown(name)}: {_words_of(error)}") from None


def _words_of(error: Exception) -> str:
    """What a driver says, where it is sure to quote no cell; else only the kind of error."""
    origin = getattr(error, "orig", None)
    if origin is None:
        return type(error).__name__
    words = " ".join(str(origin).split("\n")[0].split())[:200]
    if isinstance(origin, sqlite3.Error):
        safe = "decode" not in words
    else:  # classes of SQLSTATE: 22, 23 and P0 are about values
        state = getattr(origin, "sqlstate", "")
        safe = type(origin).__module__.startswith("psycopg") and (state or "")[:2] not in ("22", "23", "P0")
    return words if safe else f"{type(origin).__name__}; what the database says of it may quote a row and is not shown"


class SqlTable:
    """A table in the order of its primary key, or a query in the order it asks for. Rows count from 1."""

    def __init__(
        self, name: str, *, table: str | None = None, query: str | None = None, columns: Columns | None = None
    ) -> None:
        """Raises `InputError`: the database cannot be reached, the table is not there, the query is none."""
        if (table is None) == (query is None):
            raise InputError(f"{shown(name)}: say what to read: --table NAME or --query SELECT...")
        self.name, self.path = name, sqlite_file(name)
        if self.path is not None and not self.path.exists():
            raise InputError(f"{self.path}: no such file; give a database that is there")
        self._engine = open_engine(name)
        self._connection: Connection | None = None
        with told_plainly(name):
            self._query = self._select(table) if table is not None else self._text(query or "")
            with self._engine.connect() as connection:
                names = list(connection.execute(self._query).keys())
        self._binding: Binding = (columns or Columns()).bind(names, shown(name))
        self.columns: tuple[str, ...] | None = self._binding.extra
        self.told = self._binding.told

    def _select(self, table: str) -> Select[*tuple[Any, ...]]:
        import sqlalchemy

        schema, _, name = table.rpartition(".")
        try:
            found = sqlalchemy.Table(name, sqlalchemy.MetaData(), schema=schema or None, autoload_with=self._engine)
        except sqlalchemy.exc.NoSuchTableError:
            there = ", ".join(sqlalchemy.inspect(self._engine).get_table_names(schema or None)) or "none"
            raise InputError(f"{shown(self.name)}: there is no table {table!r}; there are {there}") from None
        order = list(found.primary_key.columns) or list(found.columns)
        if self._engine.dialect.name != "sqlite":
            return sqlalchemy.select(found).order_by(*order)
        # SQLite holds anything in a column of any type: read what is there, and do not take it for a day or a number.
        as_stored = (sqlalchemy.type_coerce(column, sqlalchemy.types.NullType()) for column in found.columns)
        return sqlalchemy.select(
            *(each.label(column.name) for each, column in zip(as_stored, found.columns, strict=True))
        ).order_by(*order)

    @staticmethod
    def _text(query: str) -> TextClause:
        import sqlalchemy

        if not re.match(r"\s*(?:select|with)\b", query, re.IGNORECASE):
            raise InputError("--query: give a SELECT, with an ORDER BY that leaves no two rows in doubt")
        return sqlalchemy.text(query.strip().rstrip(";").replace(":", r"\:"))

    def fingerprint(self) -> Fingerprint:
        """A hash of all rows in their order."""
        digest, rows = hashlib.sha256(canonical_json(list(self._binding.names)).encode()), 0
        for cells in self._cells():
            digest.update(canonical_json([plain_cell(cell) for cell in cells]).encode())
            rows += 1
        return Fingerprint(digest.hexdigest(), rows, rows)

    def items(self, lines: int, position: int) -> Iterator[Item]:  # noqa: ARG002
        """Each row behind row ``lines``."""
        for row, cells in enumerate(self._cells(), start=1):
            if row > lines:
                yield Item(self._binding.row(row, cells), row, row)

    def _snapshot(self) -> Connection:
        """One connection for all that is read, so that what others write meanwhile changes nothing. SQLite has none: each
        of its statements sees one state of the file.
        """
        if self._connection is None:
            self._connection = self._engine.connect()
            if self._engine.dialect.name != "sqlite":
                self._connection = self._connection.execution_options(isolation_level="REPEATABLE READ")
        return self._connection

    def _cells(self) -> Iterator[list[Any]]:
        with told_plainly(self.name):
            streamed = self._snapshot().execution_options(stream_results=True, max_row_buffer=_ROWS_PER_CHUNK)
            for row in streamed.execute(self._query).yield_per(_ROWS_PER_CHUNK):
                yield list(row)
