"""Which column of a table holds what: as the user says, else by the names that such columns usually have."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from ...coding.errors import InputError
from ..result import canonical_json
from ..rows import Reject, Row, row_of
from ..text_input import without_midnight

_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "encounter_id": (
        "encounter_id", "encounterid", "encounter", "enc_id", "encounter_number", "visit_id", "visitid", "visit_number",
        "csn", "note_id", "noteid", "document_id", "account_number", "id", "pat_enc_csn_id", "account", "claim_id",
        "case_number", "har",
    ),
    "text": (
        "text", "note_text", "notetext", "note", "note_body", "clinical_note", "progress_note", "document_text", "body",
        "narrative", "report_text", "report", "content", "progress_notes", "full_note",
    ),
    "date_of_service": (
        "date_of_service", "dos", "service_date", "servicedate", "encounter_date", "visit_date", "date", "dateofservice",
        "appt_date", "enc_date", "contact_date",
    ),
    "provider": (
        "provider", "provider_name", "rendering_provider", "attending_provider", "attending", "physician", "clinician",
        "doctor", "author", "provider_id",
    ),
}  # fmt: skip
"""A name that stands behind another is guessed only where that one is missing, so new ones go to the end. No "note_date": it may
be the day of the signature.
"""
_NEEDED: Final = ("encounter_id", "text")
_OPTIONS: Final = {
    "encounter_id": "--id-column",
    "text": "--text-column",
    "date_of_service": "--date-column",
    "provider": "--provider-column",
}
_ROLES: Final = {"encounter_id": "id", "text": "text", "date_of_service": "date", "provider": "provider"}

_LONGEST_NAME: Final = 40
_WORDS_OF_A_SENTENCE: Final = 7
_SENTENCE: Final = re.compile(r"\w[.!?;:]\s+\w+\s+\w|[\r\n]")

_ISO_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AP]M|Z|UTC|[+-]\d{2}(?::?\d{2})?)?", re.ASCII
)
_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_A_DAY: Final = datetime(2026, 11, 23, tzinfo=UTC)


class Undecoded(bytes):
    """Text of a database in bytes that are no UTF-8."""


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
            InputError: a named column is not there, has two meanings or stands twice, or one that is needed cannot be
                guessed, or the format of dates is none.
        """
        _check_format(self.date_format)
        named = self._named_places(names, where)
        places = dict(named)
        for ours, usual in _USUAL.items():
            fitting = [] if ours in named else _fitting(names, usual, places)
            if fitting:
                places[ours] = fitting[0]
        for ours in _NEEDED:
            if ours not in places:
                raise InputError(f"{where}: which column holds {ours}? say {_OPTIONS[ours]}; {_there(names)}")
        for place in places.values():
            if list(names).count(names[place]) > 1:
                raise InputError(f"{where}: two columns are called {names[place]!r}; rename one")
        more = [] if "text" in named else [names[place] for place in _fitting(names, _USUAL["text"], places)]
        return Binding(tuple(told_apart(names)), places, self.date_format, tuple(more))

    def _named_places(self, names: Sequence[str], where: str) -> dict[str, int]:
        places: dict[str, int] = {}
        for ours, given in self.named().items():
            if given not in names:
                raise InputError(f"{where}: there is no column {given!r} ({_OPTIONS[ours]}); {_there(names)}")
            place = names.index(given)
            other = next((_OPTIONS[role] for role, taken in places.items() if taken == place), None)
            if other is not None:
                raise InputError(f"{other} and {_OPTIONS[ours]}: both name the column {given!r}; name two")
            places[ours] = place
        return places


def _check_format(date_format: str | None) -> None:
    """Raise `InputError` unless a day that is written so can be read again."""
    if date_format is None:
        return
    try:
        again = datetime.strptime(_A_DAY.strftime(date_format), date_format).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        again = None
    if again != _A_DAY.date():
        raise InputError(
            f"--date-format {date_format!r}: is no format of a whole date; give one like %m/%d/%Y (%d.%m.%y, %Y%m%d)"
        )


def _fitting(names: Sequence[str], usual: tuple[str, ...], taken: Mapping[str, int]) -> list[int]:
    """Places of the columns that are usually called so, the likeliest first."""
    free = {_plain(name): place for place, name in reversed(list(enumerate(names))) if place not in taken.values()}
    return [free[name] for name in usual if name in free]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _there(names: Sequence[str]) -> str:
    """What columns there are. A file without a header has a note, or who it is about, where names should be."""
    if any(map(_looks_like_data, names)):
        usual = {each for group in _USUAL.values() for each in group}
        known = ", ".join(repr(name) for name in names if _plain(name) in usual)
        return f"the first row looks like data: is there a header?{known and f' it has {known}'}"
    return f"there are {', '.join(repr(name) for name in names[:30]) or 'none'}"


def _looks_like_data(name: str) -> bool:
    if len(name) > _LONGEST_NAME or _SENTENCE.search(name) or len(name.split()) >= _WORDS_OF_A_SENTENCE:
        return True
    return 2 * sum(map(str.isdigit, name)) > sum(map(str.isalnum, name))


def told_apart(names: Iterable[str], taken: Iterable[str] = (), *, any_case: bool = False) -> list[str]:
    """The names, each that repeats one before it or one of ``taken`` with a number behind it."""
    fold = str.casefold if any_case else str
    names = list(names)
    used, all_names = set(map(fold, taken)), set(map(fold, names))
    found: list[str] = []
    for name in names:
        given, number = name, 1
        while fold(given) in used or (number > 1 and fold(given) in all_names):
            number += 1
            given = f"{name} {number}"
        used.add(fold(given))
        found.append(given)
    return found


@dataclass(frozen=True)
class Binding:
    """The columns of one table: their names, and the places of ours among them.

    ``more``: names of columns that look like a note too.
    """

    names: tuple[str, ...]
    places: Mapping[str, int]
    date_format: str | None
    more: tuple[str, ...] = ()

    @cached_property
    def _carried(self) -> dict[int, str]:
        """What the columns that are carried through are called in a row, by their places."""
        rest = {place: name for place, name in enumerate(self.names) if place not in self.places.values()}
        called = told_apart(f"input_{name}" if name in _USUAL else name for name in rest.values())
        return dict(zip(rest, called, strict=True))

    @property
    def extra(self) -> tuple[str, ...]:
        """The columns that are carried through, as rows call them."""
        return tuple(self._carried.values())

    @property
    def told(self) -> str:
        """Which column was taken for what. Names only: those are usual ones or were given by the user."""
        roles = [
            f"{role} {self.names[self.places[ours]]!r}"
            if ours in self.places
            else f"{role} none found ({_OPTIONS[ours]})"
            for ours, role in _ROLES.items()
        ]
        more = f"; also looks like a note: {', '.join(map(repr, self.more))} (--text-column)" if self.more else ""
        return f"columns: {', '.join(roles)}{more}"

    def row(self, line: int, cells: Sequence[Any]) -> Row | Reject:
        """The row of a table's cells."""
        values = [plain_cell(cell) for cell in cells]
        try:
            data = {ours: self._ours(ours, cells[place], values[place]) for ours, place in self.places.items()}
            undecoded = next((place for place, cell in enumerate(cells) if isinstance(cell, Undecoded)), None)
            if undecoded is not None:
                raise InputError(f"column {undecoded + 1} is not UTF-8; repair it in the database")
            carried = {name: values[place] for place, name in self._carried.items()}
            return row_of(line, {**carried, **data}, self._raw(values))
        except InputError as error:
            return Reject(line, str(error), self._raw(values))

    def _raw(self, values: Sequence[Any]) -> str:
        return canonical_json(dict(zip(self.names, values, strict=True)))

    def _ours(self, ours: str, cell: Any, value: Any) -> Any:
        if isinstance(cell, bytes | bytearray | memoryview):
            value = _decoded(ours, bytes(cell))
        if ours == "encounter_id":
            return _id(value)
        if ours == "date_of_service":
            return cell.isoformat()[:10] if isinstance(cell, date) else self._day(value)
        return _provider(value) if ours == "provider" else value

    def _day(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if self.date_format is not None and isinstance(value, str | int):
            return self._formatted(str(value).strip(), self.date_format)
        timed = _ISO_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
        day = timed[1] if timed else value.strip() if isinstance(value, str) else value
        if not isinstance(day, str) or not _ISO_DAY.fullmatch(day):
            raise InputError(
                "date_of_service: must be a date written YYYY-MM-DD; say how these are written: --date-format, "
                "e.g. %m/%d/%Y"
            )
        return day

    @staticmethod
    def _formatted(value: str, date_format: str) -> str:
        try:
            return datetime.strptime(value, date_format).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            raise InputError(f"date_of_service: is not written as {date_format} (--date-format)") from None


def _decoded(ours: str, cell: bytes) -> str:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{ours}: is not UTF-8") from None


def plain_cell(cell: Any) -> Any:
    """A cell as JSON has it: days as YYYY-MM-DD, whole numbers of a spreadsheet without their ".0", bytes in base64."""
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
    if isinstance(cell, Undecoded):
        return cell.decode("utf-8", errors="replace")
    if isinstance(cell, bytes | bytearray | memoryview):
        return base64.b64encode(cell).decode()
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
