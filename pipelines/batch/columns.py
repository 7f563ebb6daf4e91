"""Which column of a table holds what: as the user says, else by the names that such columns usually have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from ...coding.errors import InputError
from ..result import canonical_json
from ..rows import Reject, Row, row_of
from ..text_input import without_midnight

_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "encounter_id": (
        "encounter_id", "encounterid", "encounter", "enc_id", "encounter_number", "visit_id", "visitid", "visit_number",
        "csn", "note_id", "noteid", "document_id", "account_number", "id",
    ),
    "text": (
        "text", "note_text", "notetext", "note", "note_body", "clinical_note", "progress_note", "document_text", "body",
        "narrative", "report_text", "report", "content",
    ),
    "date_of_service": (
        "date_of_service", "dos", "service_date", "servicedate", "encounter_date", "visit_date", "note_date", "date",
    ),
    "provider": (
        "provider", "provider_name", "rendering_provider", "attending_provider", "attending", "physician", "clinician",
        "doctor", "author", "provider_id",
    ),
}  # fmt: skip
_NEEDED: Final = ("encounter_id", "text")
_OPTIONS: Final = {
    "encounter_id": "--id-column",
    "text": "--text-column",
    "date_of_service": "--date-column",
    "provider": "--provider-column",
}


@dataclass(frozen=True)
class Columns:
    """The columns that the user names, and how dates are written in them (as `strftime` has it; None: YYYY-MM-DD)."""

    encounter_id: str | None = None
    text: str | None = None
    date_of_service: str | None = None
    provider: str | None = None
    date_format: str | None = None

    def named(self) -> dict[str, str]:
        """The names that were given, by ours."""
        return {name: given for name in _USUAL if (given := getattr(self, name)) is not None}

    def __str__(self) -> str:
        return ", ".join(f"{each.name}={value}" for each in fields(self) if (value := getattr(self, each.name)))

    def bind(self, names: Sequence[str], where: str) -> Binding:
        """Which column of a table with these ``names`` is which.

        Raises:
            InputError: a column is named twice, a named one is not there, or one that is needed cannot be guessed.
        """
        double = next((name for name in names if list(names).count(name) > 1), None)
        if double is not None:
            raise InputError(f"{where}: two columns are called {double!r}; rename one")
        places: dict[str, int] = {}
        for ours, usual in _USUAL.items():
            given = getattr(self, ours)
            if given is not None and given not in names:
                raise InputError(f"{where}: there is no column {given!r} ({_OPTIONS[ours]}); there are {_list(names)}")
            found = names.index(given) if given is not None else _guess(names, usual, places)
            if found is not None:
                places[ours] = found
        for ours in _NEEDED:
            if ours not in places:
                raise InputError(f"{where}: which column holds {ours}? say {_OPTIONS[ours]}; there are {_list(names)}")
        return Binding(tuple(names), places, self.date_format)


def _guess(names: Sequence[str], usual: tuple[str, ...], taken: Mapping[str, int]) -> int | None:
    plain = [re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") for name in names]
    free = {name: index for index, name in reversed(list(enumerate(plain))) if index not in taken.values()}
    return next((free[name] for name in usual if name in free), None)


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:30]) or "none"


@dataclass(frozen=True)
class Binding:
    """The columns of one table: their names, and the places of ours among them."""

    names: tuple[str, ...]
    places: Mapping[str, int]
    date_format: str | None

    @property
    def extra(self) -> tuple[str, ...]:
        """The columns that are carried through."""
        return tuple(name for place, name in enumerate(self.names) if place not in self.places.values())

    def row(self, line: int, cells: Sequence[Any]) -> Row | Reject:
        """The row of a table's cells."""
        values = [plain_cell(cell) for cell in cells]
        raw = canonical_json(dict(zip(self.names, values, strict=True)))
        try:
            data: dict[str, Any] = {ours: values[place] for ours, place in self.places.items()}
            data["encounter_id"] = _id(data["encounter_id"])
            data["date_of_service"] = self._day(data.get("date_of_service"))
            data["provider"] = _provider(data.get("provider"))
            carried = {f"input_{name}" if name in data else name: values[self.names.index(name)] for name in self.extra}
            return row_of(line, {**carried, **data}, raw)
        except InputError as error:
            return Reject(line, str(error), raw)

    def _day(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, str):
            return value
        value = value.strip()
        if self.date_format is None:
            return without_midnight(value)
        try:
            return datetime.strptime(value, self.date_format).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            raise InputError(f"date_of_service: is not written as {self.date_format} (--date-format)") from None


def plain_cell(cell: Any) -> Any:
    """A cell as JSON has it: days as YYYY-MM-DD, whole numbers of a spreadsheet without their ".0"."""
    if cell is None or isinstance(cell, str | bool | int):
        return _utf8(cell) if isinstance(cell, str) else cell
    if isinstance(cell, float):
        if math.isnan(cell) or math.isinf(cell):
            return None
        return int(cell) if cell.is_integer() and abs(cell) < 2**53 else cell
    if isinstance(cell, datetime):
        return without_midnight(cell.isoformat())
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else str(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", errors="replace")
    return str(cell)


def _utf8(cell: str) -> str:
    return cell.encode("utf-8", errors="replace").decode("utf-8") if not cell.isascii() and _torn(cell) else cell


def _torn(cell: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in cell)


def _id(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        return None
    return str(value) if isinstance(value, float) else value


def _provider(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return str(value)
