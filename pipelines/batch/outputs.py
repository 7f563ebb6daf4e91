"""From the name of an output to its sink."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...coding.errors import InputError
from .shapes import TABLES
from .sinks import SUFFIXES, JsonLinesSink, Sink

FORMATS: Final = ("jsonl", "csv", "xlsx", "parquet", "sql", "fhir")
_PACKED: Final = (".gz", ".zst", ".bz2", ".xz", ".zip")


@dataclass(frozen=True)
class Output:
    """What to write, as the user says. ``rows``: tables of `shapes.TABLES`; empty: encounters, in a workbook all."""

    name: str
    format: str | None = None
    rows: tuple[str, ...] = ()
    table: str = "spinecode_results"

    @property
    def kind(self) -> str:
        """One of `FORMATS`. Raises `InputError` for a name that says nothing, or something that is not done."""
        from .sql import DATABASE_FILES, is_database

        if is_database(self.name):
            return self.format or "sql"
        path = Path(self.name)
        if self.name == "-":
            raise InputError("-: results go to a file, not to standard output; give its name")
        if path.is_dir():
            raise InputError(f"{path}: is a directory; give the file to write")
        if path.suffix.lower() in _PACKED:
            raise InputError(f"{path}: output is not packed; write {path.with_suffix('')} and pack it after")
        found = self.format or SUFFIXES.get(path.suffix.lower())
        if found is None:
            raise InputError(
                f"{path}: what should it hold? OUT ends in {', '.join(SUFFIXES)} or {', '.join(DATABASE_FILES)}, "
                f"or say --to {'|'.join(FORMATS)}"
            )
        return found

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables to write, the first under the name that was given."""
        return tuple(dict.fromkeys(self.rows)) or (tuple(TABLES) if self.kind == "xlsx" else ("encounters",))


def open_sink(asked: Output, columns: tuple[str, ...] | None, *, no_dots: bool = False) -> Sink:
    """The sink for an output; ``columns``: those that the input carries through.

    Raises:
        InputError: no such format or table, or options that do not go together.
    """
    kind, path = asked.kind, Path(asked.name)
    unknown = next((name for name in asked.rows if name not in TABLES), None)
    if unknown is not None:
        raise InputError(f"--rows {unknown}: no such table; there are {', '.join(TABLES)}")
    if asked.rows and kind in ("jsonl", "fhir"):
        raise InputError(f"--rows: {asked.name} holds whole results; tables are CSV, XLSX, Parquet or SQL")
    if kind == "jsonl":
        return JsonLinesSink(path)
    if kind == "fhir":
        from .fhir_out import FhirSink, check_options

        check_options(no_dots=no_dots)
        return FhirSink(path)
    if kind not in FORMATS:
        raise InputError(f"--to {kind}: no such format; there are {', '.join(FORMATS)}")
    from . import table_sinks

    if kind == "sql":
        return table_sinks.SqlSink(asked.name, asked.table, asked.tables, columns)
    sinks = {"csv": table_sinks.CsvSink, "xlsx": table_sinks.XlsxSink, "parquet": table_sinks.ParquetSink}
    return sinks[kind](path, asked.tables, columns)
