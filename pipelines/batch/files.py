"""Files that hold notes rather than rows, as sources: a folder of them, FHIR as JSON or NDJSON, HL7 v2 messages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...coding.errors import InputError
from ..result import canonical_json
from ..rows import Document, Reject, Row, load_object
from . import documents
from .fhir_in import RESOURCE, bundle_or_resource, documents_in
from .folders import Found, files_below
from .hl7_in import messages_in
from .items import Fingerprint, Item
from .streams import (
    Torn,
    bare_suffix,
    broken_off,
    damage,
    damage_words,
    hash_file,
    lines_of,
    not_read,
    piece_of,
)

FHIR_LINES: Final = (".ndjson",)
FHIR_FILES: Final = (".json",)
HL7_FILES: Final = (".hl7",)


@dataclass(frozen=True)
class _Note:
    """What makes the row of a note, or its reject, once its number is known. ``torn``: why its file goes on no further."""

    make: Callable[[int], Row | Reject]
    torn: Exception | None = None


class NoteFiles:
    """A folder (all files in it and below, in the order of their names) or one file. Rows count from 1.

    What a file holds is told by its suffix; a file that holds no note that can be read is a reject; `folders` says which
    are not looked at. ``encoding``: that of plain text. ``warnings``: what was met while reading.
    """

    columns: tuple[str, ...] | None = None

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        self.path, self._encoding = path, encoding
        self.warnings: list[str] = []

    def fingerprint(self) -> Fingerprint:
        """A hash of names and contents; the size counts files."""
        digest, files = hashlib.sha256(), self._files()
        for found in files:
            held = found.refused or _content_hash(found.path)
            digest.update(f"{found.name}\0{held}\0".encode("utf-8", errors="surrogateescape"))
        return Fingerprint(digest.hexdigest(), len(files))

    def _files(self) -> list[Found]:
        return [Found(self.path, self.path.name)] if self.path.is_file() else files_below(self.path)

    def items(self, lines: int, position: int) -> Iterator[Item]:  # noqa: ARG002
        """Each note behind note ``lines``."""
        line = 0
        for place, found in enumerate(self._files(), start=1):
            for note in self._notes(found):
                line += 1
                if note.torn is not None:
                    self.warnings.append(not_read(str(found.path), note.torn, line))
                if line > lines:
                    yield Item(note.make(line), line, place)

    def _notes(self, found: Found) -> Iterator[_Note]:
        file, name = found.path, found.name
        suffix = bare_suffix(file)
        try:
            if found.refused:
                yield _refuse(f"{name}: {found.refused}", name)
            elif suffix in FHIR_LINES:
                yield from _fhir_lines(file, name)
            elif suffix in FHIR_FILES:
                yield from map(_fhir_row, documents_in(bundle_or_resource(b"".join(lines_of(file)), name)))
            elif suffix in HL7_FILES:
                yield from _hl7_messages(file, name)
            elif suffix in documents.REFUSED:
                yield _refuse(f"{name}: is {documents.REFUSED[suffix]}", name)
            elif suffix not in documents.SUFFIXES:
                yield _refuse(f"{name}: is a {suffix} file, which is no kind of note that can be read", name)
            else:
                yield self._document(documents.SUFFIXES[suffix], file, name)
        except InputError as error:
            yield _refuse(str(error), name)
        except damage() as error:
            if suffix in documents.SUFFIXES:
                yield _refuse(f"{name}: {damage_words(error)}; nothing of it was coded", name)
            else:
                yield _Note(_reject(f"{name} {broken_off(error)}", piece_of(error)), error)

    def _document(self, kind: str, file: Path, name: str) -> _Note:
        if not _writable(name):
            return _refuse("its file name is not UTF-8; rename it", "")
        packed = file.name.lower().endswith((".gz", ".zst"))
        data = b"".join(lines_of(file)) if packed else b""
        document = Document(kind, name, None if packed else str(file), data, self._encoding)
        bare = name[: -len("".join(_suffixes(file)))] if _suffixes(file) else name
        extra = {"file": name}
        return _Note(lambda line: Row(line, bare, "", None, None, extra, canonical_json(extra), document))


def _content_hash(file: Path) -> str:
    try:
        return hash_file(file)[0]
    except OSError as error:
        return f"cannot be read: {error.errno}"


def _suffixes(file: Path) -> list[str]:
    packed = file.suffix.lower() in (".gz", ".zst")
    return file.suffixes[-2:] if packed else file.suffixes[-1:]


def _writable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse(reason: str, name: str) -> _Note:
    raw = canonical_json({"file": name}) if _writable(name) else ""
    words = reason.encode("utf-8", errors="replace").decode("utf-8")
    return _Note(_reject(words, raw))


def _reject(reason: str, raw: str) -> Callable[[int], Reject]:
    return lambda line: Reject(line, reason, raw)


def _lazy(kind: str, name: str, data: bytes) -> _Note:
    raw = data.decode("utf-8", errors="replace")
    return _Note(lambda line: Row(line, "", "", None, None, None, raw, Document(kind, name, data=data)))


def _hl7_messages(file: Path, name: str) -> Iterator[_Note]:
    """The messages of a file; where it is torn, the last of them is not whole."""
    data = bytearray()
    try:
        for line in lines_of(file):
            data += line
    except Torn as torn:
        *whole, part = [*messages_in(bytes(data + torn.piece))] or [b""]
        yield from (_lazy("hl7", name, message) for message in whole)
        raise Torn(torn.what, part) from None
    yield from (_lazy("hl7", name, message) for message in messages_in(bytes(data)))


def _fhir_row(resource: Mapping[str, Any]) -> _Note:
    return _lazy("fhir", RESOURCE, canonical_json(resource).encode("utf-8", errors="replace"))


def _fhir_lines(file: Path, name: str) -> Iterator[_Note]:
    """The DocumentReferences of a bulk export; resources of other types hold no note."""
    for number, raw in enumerate(_whole_lines(file), start=1):
        if not raw.strip():
            continue
        try:
            resource = load_object(raw.decode("utf-8"))
        except (InputError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, InputError) else "not UTF-8"
            shown = raw.decode("utf-8", errors="replace").rstrip("\r\n")
            yield _Note(_reject(f"{name}, line {number}: {reason}", shown))
            continue
        yield from map(_fhir_row, documents_in(resource))


def _whole_lines(file: Path) -> Iterator[bytes]:
    """The lines of a file; where it is torn, a last one without a line end too if it is an object: a part never is."""
    try:
        yield from lines_of(file)
    except Torn as torn:
        try:
            load_object(torn.piece.decode("utf-8"))
        except (InputError, UnicodeDecodeError):
            raise torn from None
        yield torn.piece
        raise Torn(torn.what, b"") from None
