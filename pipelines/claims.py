"""Reading a file of claims: CSV, JSON Lines or XLSX in, one `ClaimRow` per claim out. Nothing is judged here."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

from ..coding.claim import Claim
from ..coding.errors import InputError
from ..coding.typed import typed_codes
from .rows import check_encounter_id, load_object
from .text_input import check_date, check_text, read_bytes, without_midnight

_ALIASES: Final = {"id": "encounter_id", "encounter": "encounter_id", "dos": "date_of_service", "note": "text"}
_CODE_COLUMN: Final = re.compile(r"(?:codes?|dx|icd|icd_?10|diagnos[ie]s)_?\d*")
_CPT_COLUMN: Final = re.compile(r"(?:cpt|hcpcs)s?_?\d*")
_WHOLE: Final = re.compile(r"^(\d+)\.0+$")


@dataclass(frozen=True)
class ClaimRow:
    """One claim with where it stands in its file (the line, or the row of a sheet) and the note, if one came along."""

    line: int
    encounter_id: str | int
    claim: Claim
    text: str | None


def read_claims(path: str) -> tuple[ClaimRow, ...]:
    """Every claim of a CSV, JSON Lines or XLSX file, in its order. Blank rows hold no claim.

    Raises:
        InputError: the file cannot be read or has no column of codes or encounters; names file and row.
    """
    kind = PurePath(path).suffix.lower()
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".xlsx": _xlsx}
    if kind not in readers:
        raise InputError(f"{path}: a claims file is a .csv, .jsonl or .xlsx file")
    rows = readers[kind](read_bytes(path), path)
    found = tuple(_row(line, fields, f"{path}, row {line}") for line, fields in rows)
    if any(row.text is not None for row in found):
        return found
    # A file without any note is audited without notes; that each of them is missing says nothing.
    return tuple(replace(row, claim=replace(row.claim, empty_note=False)) for row in found)


# -- files -------------------------------------------------------------------------------------------------------------

Fields = list[tuple[str, Any]]
"""The named cells of a row, in the order of the file."""


def _jsonl(raw: bytes, path: str) -> Iterator[tuple[int, Fields]]:
    text = _decoded(raw, path)
    for line, words in enumerate(text.split("\n"), start=1):
        if not words.strip():
            continue
        try:
            data = load_object(words)
        except InputError as error:
            raise InputError(f"{path}, row {line}: {error}") from None
        fields = [(_name(key), value) for key, value in data.items()]
        _check_columns([name for name, _ in fields], f"{path}, row {line}")
        yield line, fields


def _csv(raw: bytes, path: str) -> Iterator[tuple[int, Fields]]:
    import pandas

    text = _decoded(raw, path)
    separator = "\t" if "\t" in text.partition("\n")[0] and "," not in text.partition("\n")[0] else ","
    try:
        frame = pandas.read_csv(io.StringIO(text), header=None, dtype=str, keep_default_na=False, sep=separator)
    except (ValueError, pandas.errors.ParserError) as error:
        reason = " ".join(str(error).replace("Error tokenizing data. C error:", "").split())
        raise InputError(f"{path}: is no CSV table ({reason})") from None
    return _table(frame, path)


def _xlsx(raw: bytes, path: str) -> Iterator[tuple[int, Fields]]:
    import pandas

    try:
        frame = pandas.read_excel(io.BytesIO(raw), header=None, dtype=str, keep_default_na=False, engine="openpyxl")
    except Exception as error:  # openpyxl lets whatever a broken archive raises through
        raise InputError(f"{path}: cannot be read as an XLSX workbook ({type(error).__name__})") from None
    return _table(frame, path)


def _decoded(raw: bytes, path: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from None


def _table(frame: Any, path: str) -> Iterator[tuple[int, Fields]]:
    """The rows of a data frame whose first row names the columns; rows are counted as a spreadsheet shows them."""
    cells = frame.fillna("").to_numpy().tolist()
    names = [_name(str(cell)) for cell in cells[0]] if cells else []
    _check_columns(names, path)
    for line, row in enumerate(cells[1:], start=2):
        values = [str(cell) for cell in row]
        if any(value.strip() for value in values):
            yield line, list(zip(names, values, strict=True))


def _name(title: str) -> str:
    name = "_".join(title.strip().lower().split())
    return _ALIASES.get(name, name)


def _check_columns(names: Iterable[str], where: str) -> None:
    columns = list(names)
    if "encounter_id" not in columns:
        raise InputError(f"{where}: encounter_id is missing; a claim has encounter_id and codes")
    if not any(_CODE_COLUMN.fullmatch(name) for name in columns):
        raise InputError(f"{where}: codes is missing; a claim has encounter_id and codes")


# -- one claim ---------------------------------------------------------------------------------------------------------


def _row(line: int, fields: Fields, where: str) -> ClaimRow:
    named: Mapping[str, Any] = dict(reversed(fields))
    try:
        text = check_text(named["text"]) if named.get("text") is not None else None
        codes = _cells(value for name, value in fields if _CODE_COLUMN.fullmatch(name))
        cpt = _cells(value for name, value in fields if _CPT_COLUMN.fullmatch(name))
        encounter_id = check_encounter_id(named["encounter_id"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    day, bad = _day(named.get("date_of_service"))
    claim = Claim(
        codes=tuple(code for cell in codes for code in typed_codes(cell)),
        cpt=tuple(code for cell in cpt for code in typed_cpt(cell)),
        date_of_service=day,
        bad_date=bad,
        empty_note=text is not None and not text.strip(),
    )
    return ClaimRow(line, encounter_id, claim, text if text and text.strip() else None)


def _cells(values: Iterable[Any]) -> list[str]:
    """The words of each cell; JSON may have a list in place of a cell."""
    found: list[str] = []
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            if item is not None and (isinstance(item, bool) or not isinstance(item, str | int)):
                raise InputError("codes: must be a string or a list of strings")
            found.append("" if item is None else str(item))
    return found


def typed_cpt(cell: str) -> tuple[str, ...]:
    """CPT numbers of a cell, as people and spreadsheets write them."""
    words = re.split(r"[;,|\s]+", cell.upper())
    return tuple(_WHOLE.sub(r"\1", word) for word in words if word)


def _day(value: object) -> tuple[str | None, bool]:
    """The date, and whether what stands there is none. A spreadsheet's midnight is cut off."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, False
    try:
        return check_date(without_midnight(value.strip()) if isinstance(value, str) else value), False
    except InputError:
        return None, True
