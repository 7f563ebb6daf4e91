"""Reading a note: bytes in, the decoded text out, line ends untouched, so that offsets are the file's own.

What cannot be read is refused with one line that names the input and says what to do, and never quotes the note.
"""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from ..coding.codeset import Notice
from ..coding.errors import InputError

STDIN: Final = "-"

# Files that people hand over by mistake, by their first bytes. The text ones (RTF, PDF) would decode and then be coded
# from their markup.
_MAGIC: Final = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a Word or ZIP file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"{\\rtf": "an RTF file",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\x7fELF": "a program",
}
_WIDE_BOMS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16: its mark begins with UTF-16's
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BINARY_SHARE: Final = 0.3
"""Share of control characters from which text is taken for binary. A stray NUL in a note is far below it, UTF-16 read as
UTF-8 (every second byte NUL) far above."""

INPUT_NOTICE: Final = "input"
_BOM_DROPPED: Final = Notice(
    INPUT_NOTICE, "A byte order mark at the start of the note was dropped; offsets start after it."
)


@dataclass(frozen=True)
class NoteText:
    """A note as decoded, and what the reading of it has to say."""

    text: str
    warnings: tuple[Notice, ...] = ()


def read_note(path: str, encoding: str = "utf-8") -> NoteText:
    """The note in the file ``path``, or on standard input for ``-``.

    Raises:
        InputError: missing, a directory, not text, or not in ``encoding``.
    """
    if path == STDIN:
        return decode_note(sys.stdin.buffer.read(), "standard input", encoding)
    return decode_note(read_bytes(path), path, encoding)


def read_bytes(path: str) -> bytes:
    """The content of a file, with one-line errors."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give the path of a text file, or - for standard input") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; give one text file (for many notes: spinecode batch)") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def decode_note(raw: bytes, name: str, encoding: str = "utf-8") -> NoteText:
    """Decode ``raw``; ``name`` is how messages call it.

    Raises:
        InputError: not text, not in ``encoding``, or no such encoding.
    """
    codec = _codec(encoding)
    for magic, kind in _MAGIC.items():
        if raw.startswith(magic):
            raise InputError(f"{name}: looks like {kind}, not plain text; save the note as plain text (UTF-8)")
    wide = next((wide for bom, wide in _WIDE_BOMS.items() if raw.startswith(bom)), None)
    if codec == "utf-8" and wide:
        raise InputError(f"{name}: is {wide.upper()}, not UTF-8; run again with --encoding {wide}")
    try:
        text = raw.decode(codec)
    except UnicodeError as error:
        raise InputError(_undecodable(name, raw, codec, error)) from None
    if "\x00" in text or _CONTROL.search(text):
        _refuse_binary(text, name)
    if text.startswith("\ufeff"):
        return NoteText(text[1:], (_BOM_DROPPED,))
    return NoteText(text, (_BOM_DROPPED,) if wide and codec in {"utf-16", "utf-32"} else ())


def _codec(encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise InputError(f"--encoding {encoding!r}: no such encoding; try utf-8, cp1252 or utf-16") from None
    if not info._is_text_encoding:
        raise InputError(f"--encoding {encoding!r}: is no text encoding; try utf-8, cp1252 or utf-16")
    return "utf-8" if info.name == "utf-8-sig" else info.name


def _undecodable(name: str, raw: bytes, codec: str, error: UnicodeError) -> str:
    if b"\x00" in raw[:8192]:
        return f"{name}: looks binary, not text; save the note as plain text (UTF-8)"
    place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    others = "cp1252" if codec == "utf-8" else "utf-8"
    return f"{name}: is not {codec.upper()}{place}; if you know its encoding, run again with --encoding, e.g. {others}"


def _refuse_binary(text: str, name: str) -> None:
    if len(_CONTROL.findall(text)) < _BINARY_SHARE * len(text):
        return
    if len(text) > 1 and text.count("\x00") * 3 > len(text) and set(text) != {"\x00"}:
        half = "utf-16-be" if text[0] == "\x00" else "utf-16-le"
        raise InputError(f"{name}: looks like UTF-16 or binary; if it is a note, run again with --encoding {half}")
    raise InputError(f"{name}: looks binary, not text; save the note as plain text (UTF-8)")


def check_text(text: object) -> str:
    """``text`` if it is usable as a note.

    Raises:
        InputError: not a string, or holding half of a surrogate pair, which no encoding can write.
    """
    if not isinstance(text, str):
        raise InputError("text: must be a string")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"text: half of a surrogate pair at character {error.start}; decode the note again") from None
    return text


_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MIDNIGHT: Final = re.compile(r"[ T]00:00:00(?:\.0+)?$")


def without_midnight(day: str) -> str:
    """A day without the midnight that spreadsheets and databases write behind it."""
    return _MIDNIGHT.sub("", day)


def check_date(value: object, name: str = "date_of_service") -> str | None:
    """``value`` as YYYY-MM-DD, or None for None.

    Raises:
        InputError: anything else, or a day that the calendar does not have.
    """
    if value is None:
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        raise InputError(f"{name}: no such day in the calendar; write the date as YYYY-MM-DD") from None
    raise InputError(f"{name}: must be a date written YYYY-MM-DD")
