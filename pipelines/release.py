"""Make the small release file from an official ICD-10-CM tabular XML.

``python -m spinecode.pipelines.release OUT [XML]``. The XML is the one CDC/NCHS publishes; without a path the copy
inside the PyPI package ``simple-icd-10-cm`` is read (the package itself is not imported: that alone takes seconds).
What is written is plain JSON, one code a line, in the order of the tabular list, so that two releases can be compared
line by line. Same XML, same bytes.

Only whole categories are kept, those in `CATEGORIES`, with the blocks and the chapter above them. Each line holds the
official title, the parent, the notes printed there and the 7th characters defined there; what follows from these
(billable or not, inherited notes) is answered by `spinecode.coding.tabular.Tabular`.

`load` reads a release that is not built in, from such a file or from the XML itself, and keeps nothing on disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from ..coding.errors import ReleaseError, SpinecodeError
from ..coding.tabular import NOTE_KINDS, SCHEMA, Tabular

PACKAGE = "simple-icd-10-cm"

CATEGORIES = frozenset(
    {
        *("M40", "M41", "M42", "M43", "M45", "M46", "M47", "M48", "M49", "M50", "M51", "M53", "M54"),
        *("M62", "M79", "M96", "M99", "G54", "G55", "G83", "G89", "R10", "R52"),
        *("O26", "O99", "O9A", "Z33", "Z3A"),
        *("S13", "S14", "S16", "S23", "S24", "S29", "S33", "S34", "S39"),
        *("V89", "W01", "W10", "W11", "W17", "W18", "W19", "W22", "X50", "Y92", "Y99"),
    }
)
"""What spinecode may emit or compare against. Every one must be in the XML."""

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DATED = re.compile(rf"({'|'.join(MONTHS)})-(?:(\d{{1,2}})-)?(\d{{4}})")

_Entry = dict[str, Any]


def find_xml() -> Path:
    """Path of the tabular XML inside the installed ``simple-icd-10-cm``.

    Raises:
        ReleaseError: the package is not installed, or holds no or several tabular files.
    """
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        raise ReleaseError(f"{PACKAGE} is not installed: pip install {PACKAGE}, or name the tabular XML") from None
    found = [file for file in files if "tabular" in file.name and file.suffix == ".xml"]
    if len(found) != 1:
        raise ReleaseError(f"{PACKAGE}: {len(found)} tabular XML files instead of one; name the one to read")
    return Path(str(found[0].locate()))


def build(xml: bytes, file_name: str) -> bytes:
    """The release file of a tabular XML. ``file_name`` tells the release when it holds a date ("April-1-2026",
    "April-2025").

    Raises:
        ReleaseError: not a tabular XML, or one that lacks a category of `CATEGORIES`.
    """
    try:
        root = ET.fromstring(xml)  # noqa: S314 -- a published file the builder chose; expat fetches no entities
    except ET.ParseError as error:
        raise ReleaseError(f"{file_name}: not well-formed XML ({error})") from None
    if root.tag != "ICD10CM.tabular":
        raise ReleaseError(f"{file_name}: not an ICD-10-CM tabular list (its root is {root.tag})")
    codes = dict(_entries(root))
    missing = sorted(CATEGORIES.difference(codes))
    if missing:
        raise ReleaseError(f"{file_name}: category {missing[0]} is missing")
    head = {
        "schema": SCHEMA,
        "release": _release(file_name, _text(root, "version")),
        "source": {"file": file_name, "sha256": hashlib.sha256(xml).hexdigest()},
    }
    return _render(head, codes)


_ZIP = b"PK\x03\x04"


def load(path: str) -> Tabular:
    """The release in a file: an official tabular XML, or the JSON that this module writes. Nothing is kept on disk.

    Raises:
        ReleaseError: the file cannot be read, is neither of the two, or lacks a category of `CATEGORIES`.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ReleaseError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if raw.startswith(_ZIP):
        raise ReleaseError(f"{path}: is a ZIP file; unpack it and give the tabular XML inside")
    start = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start not in (b"<", b"{"):
        raise ReleaseError(f"{path}: is neither an official tabular XML nor a release file of spinecode")
    return Tabular(_checked(raw if start == b"{" else build(raw, file.name), path))


def _checked(raw: bytes, path: str) -> dict[str, Any]:
    """The JSON of a release file whose every part has its type, so that no question asked of it can fail later."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise ReleaseError(f"{path}: is no JSON") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ReleaseError(f"{path}: schema is not {SCHEMA}")
    codes = data.get("codes")
    if not isinstance(data.get("release"), str) or not _DAY.fullmatch(data["release"]):
        raise ReleaseError(f"{path}: release must be the day it takes effect, YYYY-MM-DD")
    source = data.get("source")
    if not isinstance(codes, dict) or not isinstance(source, dict):
        raise ReleaseError(f"{path}: codes or source is missing")
    if not all(isinstance(source.get(key), str) for key in ("file", "sha256")):
        raise ReleaseError(f"{path}: source must name the file and its sha256")
    bad = next((code for code, entry in codes.items() if not _is_entry(entry)), None)
    if bad is not None:
        raise ReleaseError(f"{path}: the entry of {bad} is not as spinecode.pipelines.release writes it")
    missing = sorted(CATEGORIES.difference(codes))
    if missing:
        raise ReleaseError(f"{path}: category {missing[0]} is missing")
    return data


_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("title"), str):
        return False
    notes = (entry.get(kind, []) for kind in NOTE_KINDS)
    seventh = entry.get("seventh", {})
    return (
        isinstance(entry.get("parent", ""), str)
        and all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in notes)
        and isinstance(seventh, dict)
        and all(isinstance(words, str) for words in seventh.values())
    )


def _release(file_name: str, version: str) -> str:
    """The day the code set takes effect: the date in the name, else 1 October before the fiscal year it is for."""
    dated = _DATED.search(file_name)
    if dated:
        return f"{dated[3]}-{MONTHS.index(dated[1]) + 1:02}-{int(dated[2] or 1):02}"
    if not version.isdecimal():
        raise ReleaseError(f"{file_name}: neither its name nor its version says which release it is")
    return f"{int(version) - 1}-10-01"


def _entries(root: ET.Element) -> Iterator[tuple[str, _Entry]]:
    """Chapters, blocks and codes that are kept, each before what stands below it."""
    for chapter in root.iter("chapter"):
        sections = chapter.findall("section")
        kept = [section for section in sections if any(_name(d) in CATEGORIES for d in section.findall("diag"))]
        if not kept:
            continue
        chapter_name = f"chapter {_name(chapter)}"
        yield chapter_name, _entry(chapter, "")
        wanted = {id(s) for section in kept for s in (section, *_enclosing(section, sections))}
        for section in sections:
            if id(section) in wanted:
                around = _enclosing(section, sections)
                yield _block(section), _entry(section, _block(around[0]) if around else chapter_name)
                for category in section.findall("diag"):
                    if _name(category) in CATEGORIES:
                        yield from _codes(category, _block(section))


def _enclosing(section: ET.Element, sections: Sequence[ET.Element]) -> list[ET.Element]:
    """The blocks around a block, nearest first. The XML lists M40-M54 beside M50-M54, not around it: only the ranges
    tell, and V00-V99 has notes that hold for V80-V89.
    """
    around = [other for other in sections if _within(section, other)]
    return sorted(around, key=lambda outer: -sum(_within(outer, other) for other in around))


def _within(inner: ET.Element, outer: ET.Element) -> bool:
    return inner is not outer and _range(outer)[0] <= _range(inner)[0] and _range(inner)[1] <= _range(outer)[1]


def _codes(diag: ET.Element, parent: str) -> Iterator[tuple[str, _Entry]]:
    name = _name(diag)
    yield name, _entry(diag, parent)
    for below in diag.findall("diag"):
        yield from _codes(below, name)


def _entry(element: ET.Element, parent: str) -> _Entry:
    entry: _Entry = {"title": _text(element, "desc")}
    if parent:
        entry["parent"] = parent
    for kind in NOTE_KINDS:
        notes = [_words(note) for holder in element.findall(kind) for note in holder.findall("note")]
        if notes:
            entry[kind] = notes
    seventh = {e.get("char", ""): _words(e) for d in element.findall("sevenChrDef") for e in d.findall("extension")}
    if seventh:
        entry["seventh"] = seventh
    return entry


def _name(element: ET.Element) -> str:
    return _text(element, "name")


def _block(section: ET.Element) -> str:
    """A block's name. One of a single category is "M99" in the XML like the category itself: here "M99-M99"."""
    return "-".join(_range(section))


def _range(section: ET.Element) -> tuple[str, str]:
    low, _, high = section.get("id", "").partition("-")
    return low, high or low


def _text(element: ET.Element, tag: str) -> str:
    found = element.find(tag)
    return "" if found is None else _words(found)


def _words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _render(head: _Entry, codes: dict[str, _Entry]) -> bytes:
    """JSON with one line a code: readable as a diff, and no larger for it."""

    def compact(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    lines = [f"{compact(key)}:{compact(value)},\n" for key, value in head.items()]
    body = ",\n".join(f"{compact(code)}:{compact(entry)}" for code, entry in codes.items())
    return f'{{{"".join(lines)}"codes":{{\n{body}\n}}}}\n'.encode()


def main(argv: Sequence[str] | None = None) -> int:
    """Write OUT; 0 when done, 2 when the XML cannot be found or read or OUT cannot be written."""
    parser = argparse.ArgumentParser(prog="spinecode.pipelines.release", description=__doc__.partition("\n")[0])
    parser.add_argument("out", metavar="OUT", type=Path, help="the JSON file to write")
    parser.add_argument("xml", metavar="XML", type=Path, nargs="?", help=f"default: the one in {PACKAGE}")
    args = parser.parse_args(argv)
    try:
        path: Path = args.xml or find_xml()
        args.out.write_bytes(build(path.read_bytes(), path.name))
    except (SpinecodeError, OSError) as error:
        sys.stderr.write(f"spinecode: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
