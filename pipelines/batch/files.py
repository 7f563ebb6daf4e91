"""Files that hold notes rather than rows, as sources: a folder of them, FHIR as JSON or NDJSON, HL7 v2 messages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ...coding.errors import InputError
from ..result import canonical_json
from ..rows import Document, Reject, Row, load_object
from . import documents
from .fhir_in import RESOURCE, bundle_or_resource, documents_in
from .hl7_in import messages_in
from .items import Fingerprint, Item
from .streams import bare_suffix, damage, hash_file, lines_of

FHIR_LINES: Final = (".ndjson",)
FHIR_FILES: Final = (".json",)
HL7_FILES: Final = (".hl7",)

Content = Row | Reject


class NoteFiles:
    """A folder (all files in it and below, in the order of their names) or one file. Rows count from 1.

    What a file holds is told by its suffix; a file that holds no note that can be read is a reject, hidden ones are not
    looked at. ``encoding``: that of plain text.
    """

    columns: tuple[str, ...] | None = None

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        self.path, self._encoding = path, encoding

    def _files(self) -> list[tuple[Path, str]]:
        """Each file with the name it is called by."""
        if self.path.is_file():
            return [(self.path, self.path.name)]
        found = []
        for file in self.path.rglob("*"):
            name = file.relative_to(self.path)
            if file.is_file() and not any(part.startswith(".") for part in name.parts):
                found.append((file, name.as_posix()))
        return sorted(found, key=lambda each: each[1])

    def fingerprint(self) -> Fingerprint:
        """A hash of names and contents; the size counts files."""
        digest, files = hashlib.sha256(), self._files()
        for file, name in files:
            try:
                held = hash_file(file)[0]
            except OSError as error:
                held = f"cannot be read: {error.errno}"
            digest.update(f"{name}\0{held}\0".encode("utf-8", errors="surrogateescape"))
        return Fingerprint(digest.hexdigest(), len(files))

    def items(self, lines: int, position: int) -> Iterator[Item]:  # noqa: ARG002
        """Each note behind note ``lines``."""
        line = 0
        for place, (file, name) in enumerate(self._files(), start=1):
            for make in self._notes(file, name):
                line += 1
                if line > lines:
                    yield Item(make(line), line, place)

    def _notes(self, file: Path, name: str) -> Iterator[Callable[[int], Content]]:
        """What makes the row of each note in a file, once its number is known."""
        suffix = bare_suffix(file)
        try:
            if suffix in FHIR_LINES:
                yield from _fhir_lines(file, name)
            elif suffix in FHIR_FILES:
                yield from map(_fhir_row, documents_in(bundle_or_resource(b"".join(lines_of(file)), name)))
            elif suffix in HL7_FILES:
                yield from (_lazy("hl7", name, message) for message in messages_in(b"".join(lines_of(file))))
            elif suffix in documents.REFUSED:
                yield _refuse(f"{name}: is {documents.REFUSED[suffix]}", name)
            elif suffix not in documents.SUFFIXES:
                yield _refuse(f"{name}: is a {suffix} file, which is no kind of note that can be read", name)
            else:
                yield self._document(documents.SUFFIXES[suffix], file, name)
        except InputError as error:
            yield _refuse(str(error), name)
        except damage() as error:
            yield _refuse(f"{name}: cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})", name)

    def _document(self, kind: str, file: Path, name: str) -> Callable[[int], Content]:
        if not _writable(name):
            return _refuse("its file name is not UTF-8; rename it", "")
        packed = file.name.lower().endswith((".gz", ".zst"))
        data = b"".join(lines_of(file)) if packed else b""
        document = Document(kind, name, None if packed else str(file), data, self._encoding)
        bare = name[: -len("".join(_suffixes(file)))] if _suffixes(file) else name
        return lambda line: Row(line, bare, "", None, None, {"file": name}, canonical_json({"file": name}), document)


def _suffixes(file: Path) -> list[str]:
    packed = file.suffix.lower() in (".gz", ".zst")
    return file.suffixes[-2:] if packed else file.suffixes[-1:]


def _writable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse(reason: str, name: str) -> Callable[[int], Content]:
    raw = canonical_json({"file": name}) if _writable(name) else ""
    words = reason.encode("utf-8", errors="replace").decode("utf-8")
    return lambda line: Reject(line, words, raw)


def _lazy(kind: str, name: str, data: bytes) -> Callable[[int], Content]:
    raw = data.decode("utf-8", errors="replace")
    return lambda line: Row(line, "", "", None, None, None, raw, Document(kind, name, data=data))


def _fhir_row(resource: Mapping[str, Any]) -> Callable[[int], Content]:
    return _lazy("fhir", RESOURCE, canonical_json(resource).encode("utf-8", errors="replace"))


def _fhir_lines(file: Path, name: str) -> Iterator[Callable[[int], Content]]:
    """The DocumentReferences of a bulk export; resources of other types hold no note."""
    for number, raw in enumerate(lines_of(file), start=1):
        if not raw.strip():
            continue
        try:
            resource = load_object(raw.decode("utf-8"))
        except (InputError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, InputError) else "not UTF-8"
            shown = raw.decode("utf-8", errors="replace").rstrip("\r\n")
            yield _torn_line(f"{name}, line {number}: {reason}", shown)
            continue
        yield from map(_fhir_row, documents_in(resource))


def _torn_line(reason: str, raw: str) -> Callable[[int], Content]:
    return lambda line: Reject(line, reason, raw)
