"""Rows of a batch: one JSON object per line in, a `Row` or a `Reject` out. Nothing is read from disk or decided here."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ..coding.errors import InputError
from .text_input import check_date, check_text

_KNOWN: Final = ("encounter_id", "text", "date_of_service", "provider")


@dataclass(frozen=True)
class Document:
    """A note still in the form it came in: ``kind`` says how to read it, from a file or from these bytes."""

    kind: str
    name: str
    path: str | None = None
    data: bytes = b""
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Row:
    """A usable row. Its identity is its line number; encounter ids may repeat.

    ``document``: what the text, and for some kinds the rest of the row, is still to be read from.
    """

    line: int
    encounter_id: str | int
    text: str
    date_of_service: str | None
    provider: str | None
    extra: dict[str, Any] | None
    raw: str
    document: Document | None = None


@dataclass(frozen=True)
class Reject:
    """A line that cannot be used, and why. The reason quotes nothing of the line. ``defect``: it is our fault."""

    line: int
    reason: str
    raw: str
    defect: bool = False

    def to_dict(self, *, with_text: bool) -> dict[str, Any]:
        """The object of the rejects file; the raw row may hold the note, so `--no-text` blanks it."""
        return {"line": self.line, "reason": self.reason, "row": self.raw if with_text else ""}


def parse_row(line: int, raw: bytes, names: Mapping[str, str] | None = None) -> Row | Reject | None:
    """The row of one line of the input; None for a blank line, which holds no row.

    ``names``: where the row calls things otherwise, by our names.
    """
    raw = raw.rstrip(b"\r\n")
    if line == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    if not raw.strip():
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Reject(line, f"not UTF-8 at byte {error.start} of the line", raw.decode("utf-8", errors="replace"))
    try:
        return row_of(line, _renamed(load_object(text), names or {}), text)
    except InputError as error:
        return Reject(line, str(error), text)


def load_object(text: str) -> dict[str, Any]:
    """The JSON object on a line. Raises `InputError` for anything else; the message quotes nothing of the line."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise InputError("not usable: nested too deeply") from None
    except ValueError:  # an integer of more digits than Python reads
        raise InputError("not usable: a number is too long") from None
    if not isinstance(data, dict):
        raise InputError("not a JSON object")
    # Only such an escape can bring in half of a surrogate pair, which no file can hold.
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(data, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise InputError("half of a surrogate pair (a \\ud800 to \\udfff escape) in the row") from None
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise InputError(f"not JSON: {name} is no JSON number")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise InputError("a key stands twice in one object")
    return data


def _renamed(data: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    for name in ("encounter_id", "text"):
        if name in names and names[name] not in data:
            raise InputError(f"{name} is missing: the row has no key {names[name]!r}, which was named for it")
    ours = {theirs: name for name, theirs in names.items() if theirs in data}
    rest = {f"input_{key}" if key in names else key: value for key, value in data.items() if key not in ours}
    return {**rest, **{name: data[theirs] for theirs, name in ours.items()}}


def check_encounter_id(value: object) -> str | int:
    """``value`` if it can name an encounter. Raises `InputError` if not."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError("encounter_id: must be a string or an integer")
    return value


def row_of(line: int, data: Mapping[str, Any], raw: str) -> Row:
    """The row of an object with our names; other keys are carried along. Raises `InputError` if it is not usable."""
    for key in ("encounter_id", "text"):
        if data.get(key) is None:
            raise InputError(f"{key} is missing")
    encounter_id, provider = check_encounter_id(data["encounter_id"]), data.get("provider")
    if not isinstance(provider, str | None):
        raise InputError("provider: must be a string")
    return Row(
        line=line,
        encounter_id=encounter_id,
        text=check_text(data["text"]),
        date_of_service=check_date(data.get("date_of_service")),
        provider=provider,
        extra={key: value for key, value in data.items() if key not in _KNOWN} or None,
        raw=raw,
    )
