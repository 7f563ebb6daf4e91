"""`--rules DIR`: an office's own phrases and table rows, beside ours or in place of them, or some of ours switched off.

DIR holds files called like ours: phrase files (`conditions.json` ..., the medSpaCy format), `wording.json`,
`spelling.csv`, tables (`codes.csv` ...). An entry with a new id is added, one with an id of ours replaces it. `off.txt`
switches entries off, one id a line. What is in force is what the hash of the ruleset is made of.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ..coding import tables
from ..coding.errors import InputError
from ..nlp import lexicon

_PHRASES: Final[Mapping[str, str]] = {**lexicon.FILES, "wording.json": "wording"}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "spelling.csv": ("variant",),
    "audit_checks.csv": ("kind",),
    "codes.csv": ("family", "region", "variant"),
    "injury_regions.csv": ("injury", "group"),
    "payer_notes.csv": ("id",),
    "region_groups.csv": ("region", "group"),
    "retired_codes.csv": ("code",),
    "rules.csv": ("id",),
}
"""What a row of a table is known by; joined with "/" it is its id."""
_NEEDED: Final = ("rules.csv", "audit_checks.csv", "region_groups.csv", "wording.json")
"""What the program asks for by name: entries can be replaced, not switched off."""
_CUED: Final = ("conditions.json", "facts.json", "anatomy.json")
"""Phrases that make a sentence worth reading: a new one brings its own cue."""
_CUES: Final = "excerpt-strong"
OFF: Final = "off.txt"


def use_rules(folder: str) -> None:
    """Put the rules of ``folder`` in force, for this process and before any rule was read.

    Raises:
        InputError: the folder or a file in it cannot be used; names file and entry.
        TableError: what came out is no valid ruleset.
    """
    if lexicon.phrases_hash.cache_info().currsize or tables.ruleset_hash.cache_info().currsize:
        raise InputError("--rules: the rules of this process have been read already; start a new one")
    own = _files(Path(folder))
    off = _off(own.pop(OFF, b""), folder)
    overlay: dict[str, bytes] = {}
    for name in (*_PHRASES, *_KEYS):
        merge = _merged_phrases if name in _PHRASES else _merged_table
        if name in own or off:
            ours = lexicon.packaged(name) if _is_phrases(name) else tables.table_bytes(name)
            merged = merge(name, ours, own.get(name), off)
            if merged is not None:
                overlay[name] = merged
    unknown = sorted(wanted for wanted, found in off.items() if not found)
    if unknown:
        raise InputError(f"{folder}/{OFF}: there is no entry {unknown[0]!r}; spinecode rules and the files list them")
    _add_cues(overlay, own)
    for name, content in overlay.items():
        (lexicon.OVERLAY if _is_phrases(name) else tables.OVERLAY)[name] = content
    _check()


def _is_phrases(name: str) -> bool:
    return name in _PHRASES or name == "spelling.csv"


def _files(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise InputError(f"--rules {folder}: no such folder")
    found = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.suffix == ".md":
            continue
        if file.name not in (*_PHRASES, *_KEYS, OFF) or not file.is_file():
            raise InputError(f"{file}: is no file of rules; there are {', '.join(sorted((*_PHRASES, *_KEYS, OFF)))}")
        found[file.name] = file.read_bytes()
    if not found:
        raise InputError(f"--rules {folder}: holds no file of rules")
    return found


def _off(content: bytes, folder: str) -> dict[str, bool]:
    """The ids to switch off, none of them found yet."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{folder}/{OFF}: is not UTF-8") from None
    return {line.partition("#")[0].strip(): False for line in lines if line.partition("#")[0].strip()}


# -- merging -----------------------------------------------------------------------------------------------------------


def _merged_phrases(name: str, ours: bytes, own: bytes | None, off: dict[str, bool]) -> bytes | None:
    key = _PHRASES[name]
    entries = json.loads(ours)[key]
    added: list[Any] = []
    if own is not None:
        try:
            added = json.loads(own)[key]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{name} of --rules: is no file of phrases: an object with the list {key!r}") from None
    merged = _merged(name, entries, added, off, _phrase_id)
    return None if merged is None else json.dumps({key: merged}, ensure_ascii=False).encode("utf-8")


def _phrase_id(entry: Any) -> str:
    found = (entry.get("metadata") or entry).get("id") if isinstance(entry, Mapping) else None
    return str(found or "")


def _merged_table(name: str, ours: bytes, own: bytes | None, off: dict[str, bool]) -> bytes | None:
    columns, entries = _read_table(name, ours)
    added: list[dict[str, str]] = []
    if own is not None:
        names, added = _read_table(f"{name} of --rules", own)
        if names != columns:
            raise InputError(f"{name} of --rules: the columns are {', '.join(columns)}")
    merged = _merged(name, entries, added, off, lambda row: "/".join(row[key] for key in _KEYS[name]))
    if merged is None:
        return None
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged)
    return out.getvalue().encode("utf-8")


def _read_table(name: str, content: bytes) -> tuple[list[str], list[dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: is no CSV table ({type(error).__name__})") from None
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise InputError(f"{name}, row {number}: has not as many cells as the header")
    return list(reader.fieldnames or []), rows


def _merged(
    name: str, ours: list[Any], own: Iterable[Any], off: dict[str, bool], identify: Callable[[Any], str]
) -> list[Any] | None:
    """Ours, those replaced in their places, without what is switched off, the new ones behind; None if nothing changed."""
    own_by_id: dict[str, Any] = {}
    for number, entry in enumerate(own, start=1):
        name_of_entry = identify(entry)
        if not name_of_entry.strip("/") or name_of_entry in own_by_id:
            raise InputError(f"{name} of --rules, entry {number}: its id is missing or stands twice")
        own_by_id[name_of_entry] = entry
    changed = bool(own_by_id)
    merged = []
    for entry in ours:
        known = identify(entry)
        asked = next((word for word in (known, f"{name} {known}") if word in off), None)
        if asked is None:
            merged.append(own_by_id.pop(known, entry))
            continue
        if name in _NEEDED:
            raise InputError(f"{OFF}: {asked!r} is asked for by name and can be replaced, not switched off")
        off[asked] = changed = True
    return [*merged, *own_by_id.values()] if changed else None


# -- what a new phrase needs to be read --------------------------------------------------------------------------------


def _add_cues(overlay: dict[str, bytes], own: Mapping[str, bytes]) -> None:
    """Sentences without a cue are not read: the words of each new phrase become one."""
    cues = []
    for name in _CUED:
        for entry in json.loads(own[name])[_PHRASES[name]] if name in own else []:
            cues += [re.escape(word.lower()) for word in _first_words(entry)]
    if not cues:
        return
    wording = json.loads(overlay.get("wording.json") or lexicon.packaged("wording.json"))
    for entry in wording["wording"]:
        if entry["id"] == _CUES:
            entry["pattern"] = [*entry["pattern"], "".join(rf"|\b{cue}\b" for cue in dict.fromkeys(cues))]
    overlay["wording.json"] = json.dumps(wording, ensure_ascii=False).encode("utf-8")


def _first_words(entry: Mapping[str, Any]) -> list[str]:
    """The words a phrase can begin with."""
    if not entry.get("pattern"):
        return str(entry.get("literal", "")).split()[:1]
    for place in entry["pattern"]:
        word = place.get("LOWER") if isinstance(place, Mapping) else None
        found = word.get("IN", []) if isinstance(word, Mapping) else [word]
        if found and all(isinstance(each, str) for each in found) and place.get("OP") not in ("?", "*"):
            return list(found)
    return []


def _check() -> None:
    """Read everything once, so that what is wrong is said now and not in a worker."""
    for name in lexicon.FILES:
        lexicon.rules(name)
    lexicon.wording(_CUES)
    tables.tables()
    for read in (tables.audit_checks, tables.payer_notes, tables.retired_codes):
        read()
