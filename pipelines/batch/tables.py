"""Tables as sources: CSV, XLSX and Parquet files. They are read in pieces; a file of any size fits."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from ...coding.errors import InputError
from ..rows import Reject
from .columns import Binding, Columns
from .items import Fingerprint, Item
from .streams import Stream, damage, damage_words, existing_file, hash_file, not_read, unreadable

_LONGEST_RAW: Final = 20_000
"""Characters kept of a row that is no row: an open quotation mark may run to the end of the file."""
_LARGEST_CELL: Final = 64_000_000
_DELIMITERS: Final = ",;\t|"
_DELIMITER_LINE: Final = re.compile(r'\ufeff?"?sep=([^"\r\n])"?[\r\n]*', re.IGNORECASE)
"""The line by which Excel is told what stands between cells; spreadsheets do not count it."""
_LONGEST_HEADER: Final = 1_000_000
_LINES_OF_A_NOTE: Final = 50
_PARQUET_ROWS: Final = 500

Begun = TypeVar("Begun")


class CsvTable:
    """A CSV file with a header. A row's number is the one a spreadsheet shows: the header is row 1.

    ``warnings``: what was met while reading, said of rows by their numbers.
    """

    def __init__(self, path: Path, columns: Columns | None = None, encoding: str = "utf-8") -> None:
        self.path = existing_file(path, "a CSV file")
        self._encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        csv.field_size_limit(min(_LARGEST_CELL, sys.maxsize))
        self._delimiter, names = self._header()
        self._binding = (columns or Columns()).bind(names, str(path))
        self.columns: tuple[str, ...] | None = self._binding.extra
        self.told = self._binding.told
        self.warnings: list[str] = []

    def _refuse_wide(self, start: bytes) -> None:
        """Raise `InputError` for UTF-16, as Excel saves "Unicode text", that is to be read as something else."""
        wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if wide and not re.match(r"utf[-_]?(16|32)", self._encoding, re.IGNORECASE):
            raise InputError(f"{self.path}: is UTF-16; say so: --encoding utf-16")

    def _header(self) -> tuple[str, list[str]]:
        """What stands between cells, and the names. A name of several lines, as Excel wraps them, is one."""
        self._refuse_wide(self._begun(lambda stream: stream.file.read(2)))
        first = self._begun(self._first_line)
        if _undecoded(first):
            raise InputError(f"{self.path}: is not {_shown(self._encoding)}; say which it is: --encoding cp1252")
        if not first.strip():
            what = "its first line" if first else "the file"
            raise InputError(f"{self.path}: {what} is empty; it must hold the header")
        given = _DELIMITER_LINE.fullmatch(first)
        delimiter = given[1] if given else max(_DELIMITERS, key=first.count)
        names = self._begun(lambda stream: next(self._records(stream, delimiter), None))
        if names is None or any(map(_undecoded, names)):
            raise InputError(f"{self.path}: a quotation mark in the first row is out of place; is there a header?")
        return delimiter, [name.strip() or f"column_{place}" for place, name in enumerate(names, start=1)]

    def _begun(self, read: Callable[[Stream], Begun]) -> Begun:
        """What ``read`` takes from the start of the file."""
        stream = Stream(self.path)
        try:
            return read(stream)
        except UnicodeError:
            raise InputError(f"{self.path}: is not {_shown(self._encoding)}; say which it is: --encoding") from None
        except LookupError:
            raise InputError(f"--encoding {self._encoding!r}: no such encoding; try utf-8 or cp1252") from None
        except damage() as error:
            raise InputError(f"{self.path}: {damage_words(error)} in its header") from None
        finally:
            stream.close()

    def _first_line(self, stream: Stream) -> str:
        return self._text(stream, "surrogateescape").readline(_LONGEST_HEADER)

    def _records(self, stream: Stream, delimiter: str) -> _Records:
        return _Records(self._text(stream, "surrogateescape"), delimiter)

    def _text(self, stream: Stream, errors: str) -> io.TextIOWrapper:
        return io.TextIOWrapper(stream.file, encoding=self._encoding, errors=errors, newline="")

    def fingerprint(self) -> Fingerprint:
        """Hash and size of the file as stored."""
        return Fingerprint(*hash_file(self.path))

    def items(self, lines: int, position: int) -> Iterator[Item]:  # noqa: ARG002 - read again from the start
        """Each row behind row ``lines``; an empty one holds none."""
        stream = Stream(self.path)
        row = 1
        try:
            records = self._records(stream, self._delimiter)
            next(records)
            while True:
                row += 1
                if row <= lines:
                    if next(records) is None:
                        self._misquoted(records, row)  # an earlier run could not warn of it
                else:
                    yield Item(self._content(records, row), row, stream.place())
        except StopIteration:
            return
        except _broken_text() as error:
            if row > lines:
                self.warnings.append(not_read(str(self.path), error, row))
                yield unreadable(row, stream.place(), error)
        finally:
            stream.close()

    def _content(self, records: _Records, row: int) -> Any:
        cells = next(records)
        if cells is None:
            return Reject(row, self._misquoted(records, row), records.raw)
        if not any(cell.strip() for cell in cells):
            return None
        wanted = len(self._binding.names)
        if len(cells) != wanted:
            over = self._spread(records, row)
            return Reject(row, f"has {len(cells)} cells, the header has {wanted}{over}", records.raw)
        if any(map(_undecoded, cells)):
            return Reject(row, f"is not {_shown(self._encoding)}; say which it is: --encoding cp1252", records.raw)
        return self._binding.row(row, cells)

    def _misquoted(self, records: _Records, row: int) -> str:
        """Why a row is none."""
        behind = records.lines - 1
        if not records.open or not behind:
            return f"is no row of a CSV table: a quotation mark is out of place{self._spread(records, row)}"
        reason = (
            f"a quotation mark in this row opens a cell that never closes: {_lines(behind)} behind it were not read"
        )
        self.warnings.append(f"{self.path}: row {row}: {reason}")
        return reason

    def _spread(self, records: _Records, row: int) -> str:
        """How much of the file went into a row that is none. More lines than a note has may be other rows."""
        behind = records.lines - 1
        if not behind:
            return ""
        spread = f"its quotation marks take {_lines(behind)} behind it along"
        if behind >= _LINES_OF_A_NOTE:
            self.warnings.append(f"{self.path}: row {row}: {spread}: other rows may be among them")
        return f"; {spread}"


def _broken_text() -> tuple[type[Exception], ...]:
    return (*damage(), UnicodeError)  # UTF-16 that is cut off within a character


def _lines(count: int) -> str:
    return f"{count} line{'s' if count > 1 else ''}"


def _shown(encoding: str) -> str:
    return encoding.removesuffix("-sig")


def _undecoded(text: str) -> bool:
    """Whether bytes of it were no text in the encoding of the file."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


class _Records:
    """The records of a CSV file one by one, the header first, with the lines that each was made of; None for what is no record.

    ``lines``: how many these are. ``open``: the file ended within a cell.
    """

    def __init__(self, text: io.TextIOWrapper, delimiter: str) -> None:
        self._text = text
        self._lines: list[str] = []
        self._kept = self.lines = 0
        self.open = False
        self._reader = csv.reader(self._read(), delimiter=delimiter, strict=True)

    def _read(self) -> Iterator[str]:
        for number, line in enumerate(self._text):
            if number == 0 and _DELIMITER_LINE.fullmatch(line):
                continue
            self.lines += 1
            if self._kept < _LONGEST_RAW:
                self._lines.append(line)
                self._kept += len(line)
            yield line
        self.open = True  # a record that is whole does not come here

    @property
    def raw(self) -> str:
        text = "".join(self._lines)[:_LONGEST_RAW].rstrip("\r\n")
        return text.encode("utf-8", errors="replace").decode("utf-8")

    def __iter__(self) -> Iterator[list[str] | None]:
        return self

    def __next__(self) -> list[str] | None:
        self._lines, self._kept, self.lines = [], 0, 0
        try:
            return next(self._reader)
        except csv.Error:
            return None


class XlsxTable:
    """The first sheet of a workbook, or the one named. A row's number is the one the sheet shows."""

    def __init__(self, path: Path, columns: Columns | None = None, sheet: str | None = None) -> None:
        self.path = existing_file(path, "an XLSX workbook")
        self._sheet = sheet
        self._others: list[str] = []
        self.warnings: list[str] = []
        names = next(self._rows(), ())
        titles = [_title(cell, place) for place, cell in enumerate(names, start=1)]
        try:
            self._binding: Binding = (columns or Columns()).bind(titles, str(path))
        except InputError as error:
            others = f"; other sheets (--sheet NAME): {', '.join(map(repr, self._others))}" if self._others else ""
            raise InputError(f"{error}{others}") from None
        self.columns: tuple[str, ...] | None = self._binding.extra
        self.told = self._binding.told

    def _rows(self) -> Iterator[Sequence[Any]]:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException

        if _is_old_office(self.path):
            raise InputError(f"{self.path}: is an old Excel file or has a password; save it as .xlsx without one")
        try:
            book = openpyxl.load_workbook(self.path, read_only=True, data_only=True)
        except InvalidFileException:
            raise InputError(f"{self.path}: is not called like an XLSX workbook; name it .xlsx") from None
        except (zipfile.BadZipFile, KeyError, ValueError, OSError):
            raise InputError(f"{self.path}: cannot be read as an XLSX workbook; it is damaged perhaps") from None
        try:
            if self._sheet is not None and self._sheet not in book.sheetnames:
                raise InputError(f"{self.path}: there is no sheet {self._sheet!r}; there are {book.sheetnames}")
            sheet = book[self._sheet] if self._sheet else book.worksheets[0]
            self._others = [name for name in book.sheetnames if name != sheet.title]
            sheet.reset_dimensions()  # what the file says of its size may be wrong
            yield from sheet.iter_rows(values_only=True)
        finally:
            book.close()

    def fingerprint(self) -> Fingerprint:
        """Hash of the file; the size counts rows."""
        return Fingerprint(hash_file(self.path)[0], sum(1 for _ in self._rows()))

    def items(self, lines: int, position: int) -> Iterator[Item]:  # noqa: ARG002
        """Each row behind row ``lines``; an empty one holds none."""
        width, row = len(self._binding.names), 0
        try:
            for row, cells in enumerate(self._rows(), start=1):
                if row > max(lines, 1):
                    yield Item(self._content(row, cells, width), row, row)
        except _broken_book() as error:
            if row + 1 > lines:
                self.warnings.append(not_read(str(self.path), error, row + 1))
                yield unreadable(row + 1, row + 1, error)

    def _content(self, row: int, cells: Sequence[Any], width: int) -> Any:
        if not any(cell is not None and str(cell).strip() for cell in cells):
            return None
        given = [*cells, *[None] * (width - len(cells))]
        if any(cell is not None for cell in given[width:]):
            return Reject(row, f"has more cells than the header, which has {width}", "")
        return self._binding.row(row, given[:width])


def _is_old_office(path: Path) -> bool:
    """An .xls file, or a workbook with a password: both come in the same wrapping."""
    with path.open("rb") as file:
        return file.read(4) == b"\xd0\xcf\x11\xe0"


def _broken_book() -> tuple[type[Exception], ...]:
    return (*damage(), zipfile.BadZipFile, SyntaxError, ValueError)  # broken XML is a SyntaxError


def _title(cell: Any, place: int) -> str:
    return str(cell).strip() if cell is not None and str(cell).strip() else f"column_{place}"


class ParquetTable:
    """A Parquet file. Rows count from 1."""

    def __init__(self, path: Path, columns: Columns | None = None) -> None:
        self.path = existing_file(path, "a Parquet file")
        with self._open() as file:
            self._binding: Binding = (columns or Columns()).bind(file.schema_arrow.names, str(path))
            self._rows: int = file.metadata.num_rows
        self.columns: tuple[str, ...] | None = self._binding.extra
        self.told = self._binding.told

    def _open(self) -> Any:
        import pyarrow
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self.path)  # type: ignore[no-untyped-call]
        except (pyarrow.ArrowException, OSError):
            raise InputError(f"{self.path}: cannot be read as a Parquet file; it is damaged perhaps") from None

    def fingerprint(self) -> Fingerprint:
        """Hash of the file; the size counts rows."""
        return Fingerprint(hash_file(self.path)[0], self._rows, self._rows)

    def items(self, lines: int, position: int) -> Iterator[Item]:  # noqa: ARG002
        """Each row behind row ``lines``. Of a row group that is damaged each row is a reject."""
        with self._open() as file:
            first = 1
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if first + count - 1 > lines:
                    yield from self._group(file, group, first, count, lines)
                first += count

    def _group(self, file: Any, group: int, first: int, count: int, lines: int) -> Iterator[Item]:
        import pyarrow

        row = first
        try:
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, row_groups=[group]):
                columns = [column.to_pylist() for column in batch.columns]  # by place: names may repeat
                for cells in zip(*columns, strict=True):
                    if row > lines:
                        yield Item(self._binding.row(row, cells), row, row)
                    row += 1
        except (pyarrow.ArrowException, OSError):
            reason = "its part of the file is damaged"
            for lost in range(row, first + count):
                if lost > lines:
                    yield Item(Reject(lost, reason, ""), lost, lost)
