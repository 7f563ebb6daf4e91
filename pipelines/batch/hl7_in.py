"""HL7 v2 messages (MDM, ORU) to rows: the note text stands in OBX-5, in lines, repetitions and segments."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ...coding.errors import InputError
from ..rows import Document, Row
from ..text_input import check_date, check_text
from .documents import MEDIA_TYPES, text_of

_FRAME: Final = b"\x0b\x1c"
"""The bytes that begin and end a message on the wire (MLLP)."""
_TEXT_TYPES: Final = ("TX", "FT", "ST")
_NO_RESULT: Final = {
    "D": "deleted",
    "I": "pending",
    "N": "not asked",
    "O": "an order only",
    "W": "posted as wrong",
    "X": "cannot be obtained",
}
"""OBX-11 (table 0085) of segments whose text is no result; with all others, preliminary ones too, it is one."""
_CANCEL_EVENT: Final = "T11"
_WITHDRAWN: Final = {
    ("TXA", 17): {"CA": "was canceled"},
    ("TXA", 19): {"CA": "was deleted", "OB": "is obsolete", "UN": "is not available for patient care"},
}
"""Completion and availability (tables 0271, 0273) of documents that no longer hold."""
_ESCAPE: Final = re.compile(
    r"\\(?:[HNFSTRE]|X(?:[0-9A-Fa-f]{2})+|Z[^\\|\s]*|C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4,6}|\.[a-z]{2}[+-]?\d*)\\"
)
_MEANINGS: Final = {"H": "", "N": "", ".br": "\n", ".sp": "\n", ".ce": "\n", ".in": "", ".ti": "", ".sk": " "}
"""Line breaks as we have them; highlighting and indenting say nothing."""
_CHARSETS: Final = {"8859/1": "cp1252", "ASCII": "utf-8", "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8"}
_ENVELOPE: Final = ("FHS", "BHS", "BTS", "FTS")


def messages_in(data: bytes) -> Iterator[bytes]:
    """The messages of a file, one segment a line; envelopes of batches and frames of the wire are left out."""
    data = data.translate(None, _FRAME).replace(b"\r\n", b"\r").replace(b"\n", b"\r").removeprefix(b"\xef\xbb\xbf")
    segments: list[bytes] = []
    for segment in data.split(b"\r"):
        if segment[:3].decode("ascii", errors="replace") in _ENVELOPE:
            continue
        if segment.startswith(b"MSH") and segments:
            yield b"\r".join(segments)
            segments = []
        if segment.strip() or segments:
            segments.append(segment)
    if any(segment.strip() for segment in segments):
        yield b"\r".join(segments)


def read_message(row: Row) -> Row:
    """The row of a message: note, visit, day and provider; patient and message id are carried along.

    Raises:
        InputError: it is no message of HL7 v2, withdrawn, or holds no note.
    """
    import hl7

    assert row.document is not None
    logging.getLogger(hl7.util.__file__).disabled = True  # it quotes the field
    text = _decoded(row.document.data)
    if not text.startswith("MSH"):
        raise InputError("is no HL7 v2 message: it does not begin with MSH")
    try:
        message = _Message(hl7.parse(_unbroken(text)))
    except Exception:  # the library's own, and what torn segments bring about
        raise InputError("cannot be read as an HL7 v2 message: its segments are damaged") from None
    kind = message.component("MSH", 9, 0)
    if kind not in ("MDM", "ORU"):
        raise InputError(f"is a message of type {kind or '?'}; notes come in MDM and ORU")
    _check_standing(message, kind)
    encounter_id = message.first(("PV1", 19), ("TXA", 12), ("MSH", 10))
    if not encounter_id:
        raise InputError("names no visit (PV1-19), document (TXA-12) or message (MSH-10)")
    carried = {
        "patient": message.component("PID", 3, 0),
        "message": message.component("MSH", 10, 0),
        "document": message.component("TXA", 12, 0),
        "document_status": message.component("TXA", 17, 0),
    }
    return replace(
        row,
        encounter_id=encounter_id,
        text=check_text(_note(message)),
        date_of_service=_day(message.first(("PV1", 44), ("TXA", 4), ("OBR", 7), ("EVN", 2))),
        provider=message.person(("PV1", 7), ("TXA", 9), ("TXA", 5), ("OBR", 16)),
        extra={key: value for key, value in carried.items() if value} or None,
        document=None,
    )


def _decoded(data: bytes) -> str:
    """By the character set that MSH-18 names, else UTF-8, else the code page of Windows."""
    fields = data.split(b"\r", 1)[0].split(data[3:4])
    named = fields[17].split(b"~")[0].decode("ascii", errors="replace").strip() if len(fields) > 17 else ""
    for charset in (_CHARSETS.get(named, "utf-8"), "cp1252"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    raise InputError("is neither UTF-8 nor cp1252 text") from None


def _unbroken(text: str) -> str:
    """The message with a field that was broken by line ends made whole: what begins no segment goes on with the last."""
    separator = re.escape(text[3])
    lines: list[str] = []
    for line in text.split("\r"):
        if re.match(rf"[A-Z][A-Z0-9]{{2}}(?:{separator}|$)", line) or not lines:
            lines.append(line)
        elif line:
            lines[-1] += f"\\.br\\{line}"
    return "\r".join(lines) + "\r"


class _Message:
    """A parsed message, with fields that may be missing."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def segments(self, name: str) -> list[Any]:
        return [segment for segment in self._message if str(segment[0]) == name]

    def field(self, segment: Any, number: int) -> Any:
        return segment[number] if len(segment) > number else None

    def component(self, name: str, number: int, place: int) -> str:
        for segment in self.segments(name):
            field = self.field(segment, number)
            words = str(field).split("~")[0].split("^") if field is not None else []
            if len(words) > place and words[place]:
                return self.plain(words[place].split("&")[0])
        return ""

    def first(self, *places: tuple[str, int]) -> str:
        return next((found for name, number in places if (found := self.component(name, number, 0))), "")

    def person(self, *places: tuple[str, int]) -> str | None:
        """Family and given name of the first place that names somebody, else the id there."""
        for name, number in places:
            family, given = self.component(name, number, 1), self.component(name, number, 2)
            if family or given:
                return ", ".join(word for word in (family, given) if word)
            if alone := self.component(name, number, 0):
                return alone
        return None

    def plain(self, words: str) -> str:
        """Text without its escapes. A backslash that is none is one: the library would drop what follows it."""
        held, rest = [], 0
        for found in _ESCAPE.finditer(words):
            held += [words[rest : found.start()].replace("\\", "\\E\\"), found[0]]
            rest = found.end()
        held.append(words[rest:].replace("\\", "\\E\\"))
        plain: str = self._message.unescape("".join(held), _MEANINGS)
        return plain.replace("\r\n", "\n").replace("\r", "\n")


def _check_standing(message: _Message, kind: str) -> None:
    if kind == "MDM" and message.component("MSH", 9, 1) == _CANCEL_EVENT:
        raise InputError(f"cancels a document (MDM^{_CANCEL_EVENT}); it is not coded")
    for (segment, number), meanings in _WITHDRAWN.items():
        status = message.component(segment, number, 0).upper()
        if status in meanings:
            raise InputError(f"the document {meanings[status]} ({segment}-{number} is {status}); it is not coded")


def _note(message: _Message) -> str:
    """All text of the message, a line for each repetition and segment."""
    parts, passed_over = [], set()
    for segment in message.segments("OBX"):
        kind, field = str(message.field(segment, 2) or ""), message.field(segment, 5)
        if field is None or kind not in (*_TEXT_TYPES, "ED"):
            continue
        status = str(message.field(segment, 11) or "").strip().upper()
        if status in _NO_RESULT:
            passed_over.add(f"{status}, {_NO_RESULT[status]}")
        elif kind in _TEXT_TYPES:
            parts += [message.plain(repetition) for repetition in str(field).split("~")]
        else:
            parts.append(_embedded(str(field)))
    if passed_over and not parts:
        raise InputError(
            f"holds no note that stands: all its text is no result (OBX-11: {'; '.join(sorted(passed_over))})"
        )
    if not parts:
        raise InputError("holds no note: no OBX-5 of type TX, FT, ST or ED")
    return "\n".join(parts)


def _embedded(field: str) -> str:
    """The text of a document in the field: source, type, subtype, encoding, data."""
    words = field.split("^")
    if len(words) < 5 or words[3].lower() != "base64":
        raise InputError("holds an embedded document (ED) that is not base64")
    media = f"{words[1]}/{words[2]}".lower()
    kind = MEDIA_TYPES.get(media) or MEDIA_TYPES.get(f"application/{words[2].lower()}") or _loose(words[1:3])
    if kind is None:
        raise InputError(f"holds an embedded document of type {media}, which cannot be read; send it as text")
    try:
        data = base64.b64decode(words[4], validate=True)
    except (binascii.Error, ValueError):
        raise InputError("holds an embedded document whose base64 is damaged") from None
    return text_of(Document(kind, "its embedded document", data=data))


def _loose(words: list[str]) -> str | None:
    """Senders write TEXT^PLAIN, TX^, AP^PDF and the like."""
    known = {"plain": "text", "text": "text", "tx": "text", "rtf": "rtf", "pdf": "pdf", "html": "html"}
    return next((known[word.lower()] for word in reversed(words) if word.lower() in known), None)


def _day(stamp: str) -> str | None:
    """The day of a time stamp (20260504 or longer); a shorter one names no day."""
    found = re.match(r"(\d{4})(\d{2})(\d{2})", stamp)
    return check_date(f"{found[1]}-{found[2]}-{found[3]}") if found else None
