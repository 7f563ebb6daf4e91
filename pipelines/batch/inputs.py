"""From the name of an input to its source: a URL, a folder, or a file by its suffix, packed or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...coding.errors import InputError
from ..text_input import STDIN
from . import documents, files
from .columns import Columns
from .items import Source
from .json_lines import JsonLines
from .streams import Torn, bare_suffix, is_compressed, lines_of

_NOTES: Final = (*files.FHIR_FILES, *files.HL7_FILES, *(suffix for suffix in documents.SUFFIXES if suffix))
FORMATS: Final = ("jsonl", "csv", "xlsx", "parquet", "folder", "sql", "fhir", "hl7")


@dataclass(frozen=True)
class Input:
    """What to read, as the user says. ``format``: one of `FORMATS`, or None to go by the name."""

    name: str
    format: str | None = None
    columns: Columns = field(default_factory=Columns)
    encoding: str = "utf-8"
    table: str | None = None
    query: str | None = None
    sheet: str | None = None


def open_source(asked: Input) -> Source:
    """The source for an input.

    Raises:
        InputError: it is not there, of no kind that can be read, or its columns cannot be told.
    """
    if asked.name == STDIN:
        raise InputError("IN: standard input is not supported, a run must be able to read it again: give a file")
    kind = asked.format or _kind(asked.name)
    if kind == "sql":
        from .sql import SqlTable

        return SqlTable(asked.name, table=asked.table, query=asked.query, columns=asked.columns)
    if asked.table or asked.query:
        raise InputError(f"{asked.name}: is no database; --table and --query are for one")
    _check_columns(asked.columns, kind)
    path = Path(asked.name)
    if kind == "csv":
        from .tables import CsvTable

        return CsvTable(path, asked.columns, asked.encoding)
    if kind == "xlsx":
        from .tables import XlsxTable

        return XlsxTable(_unpacked(path), asked.columns, asked.sheet)
    if kind == "parquet":
        from .tables import ParquetTable

        return ParquetTable(_unpacked(path), asked.columns)
    if kind == "jsonl":
        return JsonLines(path, asked.columns.named())
    if kind in ("folder", "fhir", "hl7"):
        return files.NoteFiles(path, asked.encoding)
    raise InputError(f"--from {kind}: no such format; there are {', '.join(FORMATS)}")


def _check_columns(columns: Columns, kind: str) -> None:
    """Raise `InputError` for options that this kind of input would pass over."""
    if kind == "jsonl" and columns.date_format:
        raise InputError("--date-format: is for tables; in JSON Lines a date is written YYYY-MM-DD")
    if kind in ("folder", "fhir", "hl7") and str(columns):
        raise InputError("--id-column, --text-column, --date-column, --provider-column, --date-format: are for tables")


def _kind(name: str) -> str:
    from .sql import is_database

    if is_database(name):
        return "sql"
    path = Path(name)
    if path.is_dir():
        return "folder"
    suffix = bare_suffix(path)
    if suffix == ".ndjson":
        return "folder" if _holds_resources(path) else "jsonl"
    by_suffix = {
        ".jsonl": "jsonl",
        ".csv": "csv",
        ".tsv": "csv",
        ".xlsx": "xlsx",
        ".xls": "xlsx",
        ".parquet": "parquet",
        ".pq": "parquet",
    }
    if suffix in by_suffix:
        return by_suffix[suffix]
    if suffix in _NOTES:
        return "folder"
    if not path.exists():
        raise InputError(f"{name}: no such file; give a file, a folder or the URL of a database")
    if suffix in documents.REFUSED:
        raise InputError(f"{name}: is {documents.REFUSED[suffix]}")
    raise InputError(f"{name}: what is in it? say --from {' or '.join(FORMATS)}")


def _holds_resources(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        first = next((line for line in lines_of(path) if line.strip()), b"")
    except Torn as torn:
        first = torn.piece
    return b'"resourceType"' in first


def _unpacked(path: Path) -> Path:
    if path.is_file() and is_compressed(path):
        raise InputError(f"{path}: unpack it first; only files of text are read packed")
    return path
