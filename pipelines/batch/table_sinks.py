"""Tables as outputs: CSV, XLSX, Parquet and SQL, made in one step of the finished spool.

The spool holds, for each note, its rows of every table. An output has one table or several: a workbook as sheets, a
database as tables, files as `a.csv`, `a.codes.csv`, `a.gaps.csv`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from ...coding.errors import InputError
from ..private_files import private_file, replace_durably
from ..spreadsheet import RISKY, guarded
from . import sql
from .answer import Shape
from .items import lists_of
from .shapes import TABLES, carried_cells, carried_columns, tables_of
from .sinks import FileSink, Paths
from .spool import spool_lines

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table

Cells = list[Any]

_SHEET_ROWS: Final = 1_048_575
"""Rows of a sheet beside its header."""
_CELL_CHARACTERS: Final = 32_767
_CUT: Final = " …[cut: longer than a cell]"
_NUMBERS: Final = ("row", "position", "not_coded")
_FRACTIONS: Final = ("confidence",)
_CHUNK: Final = 1000


def table_rows(part: Path, table: str, columns: tuple[str, ...] | None) -> Iterator[Cells]:
    """The rows of one table in a finished spool, carried columns behind them."""
    for line in spool_lines(part):
        held = json.loads(line)
        carried = carried_cells(held["carried"][0], columns)
        for cells in held[table]:
            yield [*cells, *carried]


def header(table: str, columns: tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns of a table."""
    return (*TABLES[table], *carried_columns(columns))


def _kind(table: str, name: str) -> type:
    """What a column holds: int, float or str. Our names are not those of carried columns, which are text."""
    if name in _FRACTIONS:
        return float
    return int if name in _NUMBERS or (table == "encounters" and name == "gaps") else str


class _TableFiles(FileSink):
    """One file for each table; the first has the name that was asked for."""

    shape: Shape | None = staticmethod(tables_of)

    def __init__(self, path: Path, tables: tuple[str, ...], columns: tuple[str, ...] | None) -> None:
        super().__init__(path)
        self._tables, self._columns = tables, columns

    def _files(self) -> list[tuple[str, Path]]:
        out = self.paths.out
        rest = ((table, out.with_name(f"{out.stem}.{table}{out.suffix}")) for table in self._tables[1:])
        return [(self._tables[0], out), *rest]

    def targets(self) -> tuple[Path, ...]:
        """The files that are replaced."""
        return tuple(file for _, file in self._files())

    def finish(self, part: Path) -> None:
        """Make all files, then put them in place."""
        made = []
        for table, file in self._files():
            fresh = file.with_name(f"{file.name}.new")
            private_file(fresh)
            self._write(fresh, header(table, self._columns), table, table_rows(part, table, self._columns))
            made.append((fresh, file))
        for fresh, file in made:
            replace_durably(fresh, file)

    def _write(self, fresh: Path, names: tuple[str, ...], table: str, rows: Iterator[Cells]) -> None:
        raise NotImplementedError


class CsvSink(_TableFiles):
    """CSV, UTF-8; cells that a spreadsheet would take for formulas are quoted with an apostrophe."""

    def _write(self, fresh: Path, names: tuple[str, ...], table: str, rows: Iterator[Cells]) -> None:  # noqa: ARG002
        from defusedcsv import csv

        with fresh.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(_Lines(file), lineterminator="\r\n")
            writer.writerow(guarded(name) for name in names)
            for row in rows:
                writer.writerow(guarded(value) for value in row)


class _Lines:
    """Rows end in a line feed; the library is told CR LF, as it quotes only those ends of lines that it writes itself:
    a lone CR in a cell would be a new row to who reads it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> int:
        """Write one row."""
        return self._file.write(row.removesuffix("\r\n") + "\n")


class ParquetSink(_TableFiles):
    """Parquet, zstd; text but for counts and places."""

    def _write(self, fresh: Path, names: tuple[str, ...], table: str, rows: Iterator[Cells]) -> None:
        import pyarrow
        from pyarrow import parquet

        of_kind = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
        kinds = [of_kind[_kind(table, name)] for name in names]
        schema = pyarrow.schema(list(zip(names, kinds, strict=True)))
        with parquet.ParquetWriter(fresh, schema, compression="zstd") as writer:  # type: ignore[no-untyped-call]
            for chunk in lists_of(rows, 10 * _CHUNK):
                columns = [
                    pyarrow.array(
                        [_words(cells[place]) if kind == pyarrow.string() else cells[place] for cells in chunk], kind
                    )
                    for place, kind in enumerate(kinds)
                ]
                writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))


def _words(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


class XlsxSink(_TableFiles):
    """A workbook with a sheet for each table. Text stays text: no formulas, no links."""

    def _files(self) -> list[tuple[str, Path]]:
        return [("", self.paths.out)]

    def finish(self, part: Path) -> None:
        """Make the workbook; what the library writes meanwhile stays in a private folder beside it."""
        import xlsxwriter

        out = self.paths.out
        fresh, folder = out.with_name(f"{out.name}.new"), out.with_name(f"{out.name}.tmp")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        private_file(fresh)
        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        try:
            with xlsxwriter.Workbook(str(fresh), options) as book:
                book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})  # the same bytes each time
                quoted = book.add_format({"quote_prefix": True})
                bold = book.add_format({"bold": True})
                for table in self._tables:
                    self._sheets(book, table, table_rows(part, table, self._columns), quoted, bold)
            replace_durably(fresh, out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _sheets(self, book: Any, table: str, rows: Iterator[Cells], quoted: Any, bold: Any) -> None:
        names = header(table, self._columns)
        number, place, sheet = 0, _SHEET_ROWS, None
        for cells in rows:
            if sheet is None or place >= _SHEET_ROWS:
                number, place = number + 1, 0
                sheet = _sheet(book, table, number, names, bold)
            place += 1
            for column, value in enumerate(cells):
                _cell(sheet, place, column, value, quoted)
        if sheet is None:
            _sheet(book, table, 1, names, bold)


def _sheet(book: Any, table: str, number: int, names: tuple[str, ...], bold: Any) -> Any:
    sheet = book.add_worksheet(table if number == 1 else f"{table} {number}")
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, bold)
    return sheet


def _cell(sheet: Any, row: int, column: int, value: Any, quoted: Any) -> None:
    if value is None or value == "":
        return
    if isinstance(value, int | float) and abs(value) < 2**53:
        sheet.write_number(row, column, value)
        return
    words = str(value).replace("\x00", "\ufffd")
    if len(words) > _CELL_CHARACTERS:
        words = words[: _CELL_CHARACTERS - len(_CUT)] + _CUT
    sheet.write_string(row, column, words, quoted if words.startswith(RISKY) else None)


class SqlSink:
    """Tables of a database: that which was asked for, `..._codes` and `..._gaps`. They change in one transaction."""

    shape: Shape | None = staticmethod(tables_of)

    def __init__(self, name: str, table: str, tables: tuple[str, ...], columns: tuple[str, ...] | None) -> None:
        self._url, self._table, self._tables, self._columns = name, table, tables, columns
        self.name = f"{sql.shown(name)}, table {table}"
        self._engine = sql.open_engine(name)
        self._file = file = sql.sqlite_file(name)
        # a.db and a.sqlite are two databases: only the usual suffix may be left out.
        database = file.name.removesuffix(".db") if file else self._engine.url.database or "database"
        stem = f"{database}.{table}".replace("/", "_")
        # A server has no place of ours: the files of the run lie where it was started.
        self.paths = Paths.beside((file.parent if file else Path()) / f"{stem}.sql")

    def targets(self) -> tuple[Path, ...]:
        """No files."""
        return ()

    def written(self) -> str:
        """The database and its tables."""
        names = [name for _, name in self._names()]
        return f"{sql.shown(self._url)}, {'table' if len(names) == 1 else 'tables'} {', '.join(names)}"

    def siblings(self) -> tuple[Path, ...]:
        """None: its files are called after database and table."""
        return ()

    def check(self) -> None:
        """Raise `InputError` if the database cannot be reached or holds other tables of these names."""
        import sqlalchemy

        if self._file and not self._file.parent.is_dir():
            raise InputError(f"{self._file.parent}: no such directory; make it first")
        if self._file and not self._file.exists():
            return
        with sql.told_plainly(self._url):
            inspector = sqlalchemy.inspect(self._engine)
            for table, name in self._names():
                if not inspector.has_table(name):
                    continue
                there = [column["name"] for column in inspector.get_columns(name)]
                if there[: len(TABLES[table])] != list(TABLES[table]):
                    raise InputError(
                        f"{self.name}: {name} is a table of something else; choose another: --out-table NAME"
                    )

    def _names(self) -> list[tuple[str, str]]:
        return [(self._tables[0], self._table), *((table, f"{self._table}_{table}") for table in self._tables[1:])]

    def finish(self, part: Path) -> None:
        """Replace the tables: whoever reads them sees the old ones or the new ones."""
        fresh = self._file if self._file and not self._file.exists() else None
        if fresh:
            private_file(fresh)
        try:
            self._replace_tables(part)
        except InputError:
            if fresh:  # an empty database is no output
                self._engine.dispose()
                fresh.unlink(missing_ok=True)
            raise

    def _replace_tables(self, part: Path) -> None:
        with sql.told_plainly(self._url), self._engine.begin() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # else the module would commit before each DROP
            for table, name in self._names():
                made = self._made(connection, table, name)
                columns = [(name, _kind(table, name)) for name in header(table, self._columns)]
                for chunk in lists_of(table_rows(part, table, self._columns), _CHUNK):
                    connection.execute(
                        made.insert(),
                        [
                            {name: _sql_cell(cell, kind) for (name, kind), cell in zip(columns, row, strict=True)}
                            for row in chunk
                        ],
                    )

    def _made(self, connection: Connection, table: str, name: str) -> Table:
        import sqlalchemy

        held: MetaData = sqlalchemy.MetaData()
        of_kind = {int: sqlalchemy.BigInteger, float: sqlalchemy.Double, str: sqlalchemy.Text}
        columns = [
            sqlalchemy.Column(column, of_kind[_kind(table, column)]()) for column in header(table, self._columns)
        ]
        made = sqlalchemy.Table(name, held, *columns)
        made.drop(connection, checkfirst=True)
        made.create(connection)
        return made


def _sql_cell(value: Any, kind: type) -> Any:
    if kind is float:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    words = _words(value)
    return words.replace("\x00", "\ufffd") if words else words  # PostgreSQL holds no NUL
