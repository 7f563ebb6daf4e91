"""Loads the phrase files of ``nlp/rules`` (medSpaCy JSON) and checks what every rule must carry."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from ..coding.errors import TableError

FILES = {
    "sections.json": "section_rules",
    "conditions.json": "target_rules",
    "anatomy.json": "target_rules",
    "sides.json": "target_rules",
    "attributes.json": "target_rules",
    "facts.json": "target_rules",
    "context.json": "context_rules",
}


OVERLAY: dict[str, bytes] = {}
"""Phrase files in place of the package's, by name: set before any is read, by `pipelines/own_rules.py`."""


def _read(name: str) -> bytes:
    return OVERLAY[name] if name in OVERLAY else packaged(name)


def packaged(name: str) -> bytes:
    """A phrase file as the package has it."""
    return files(__package__).joinpath("rules", name).read_bytes()


@cache
def rules(name: str) -> tuple[dict[str, Any], ...]:
    """The rules of one file, as medSpaCy would read them.

    Raises:
        TableError: a rule without id, source or example, or a repeated id; names file and rule.
    """
    try:
        listed = json.loads(_read(name))[FILES[name]]
    except (ValueError, KeyError) as error:
        raise TableError(f"nlp/rules/{name}: not a medSpaCy rule file ({error})") from None
    seen: set[str] = set()
    for number, rule in enumerate(listed, start=1):
        metadata = rule.get("metadata") or {}
        for key in ("id", "source", "example"):
            if not metadata.get(key):
                raise TableError(f"nlp/rules/{name}: rule {number} ({rule.get('literal')!r}) has no {key}")
        if metadata["id"] in seen:
            raise TableError(f"nlp/rules/{name}: rule {number} repeats the id {metadata['id']!r}")
        seen.add(metadata["id"])
    return tuple(listed)


@lru_cache(maxsize=1)
def _wording() -> dict[str, dict[str, Any]]:
    entries = json.loads(_read("wording.json"))["wording"]
    for number, entry in enumerate(entries, start=1):
        if not (entry.get("id") and entry.get("source") and (entry.get("pattern") or entry.get("words"))):
            raise TableError(f"nlp/rules/wording.json: entry {number} lacks id, source, or pattern and words")
    return {entry["id"]: entry for entry in entries}


def _any_blank(pattern: str) -> str:
    """The pattern with each blank standing for any white space: lines are wrapped anywhere, blanks doubled."""
    parts = re.split(r"(\\.|\[(?:\\.|[^\]])*\])", pattern)  # escapes and character classes stay as they are
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r" [?*]", r"\\s*", parts[index])
        parts[index] = re.sub(r" \+?", r"\\s+", parts[index])
    return "".join(parts)


@cache
def wording(name: str) -> re.Pattern[str]:
    """A turn of phrase of ``wording.json`` as a regular expression (its parts joined)."""
    entry = _wording()[name]
    return re.compile(_any_blank("".join(entry["pattern"])), re.IGNORECASE if entry["ignore_case"] else 0)


@lru_cache(maxsize=1)
def said() -> dict[str, list[tuple[str, re.Pattern[str], bool]]]:
    """By kind what decides which code it is: (quality, pattern, whether words just before count)."""
    out: dict[str, list[tuple[str, re.Pattern[str], bool]]] = {}
    for entry in _wording().values():
        for kind in entry["kinds"] if entry.get("quality") else ():
            out.setdefault(kind, []).append((entry["quality"], wording(entry["id"]), bool(entry.get("near"))))
    return out


@cache
def words(name: str) -> frozenset[str]:
    """A list of words of ``wording.json``."""
    return frozenset(_wording()[name]["words"])


@lru_cache(maxsize=1)
def spelling() -> dict[str, str]:
    """Misspelt word → standard word."""
    reader = csv.DictReader(io.StringIO(_read("spelling.csv").decode("utf-8")))
    return {row["variant"].lower(): row["standard"] for row in reader}


def _contents() -> Iterator[bytes]:
    for name in sorted([*FILES, "spelling.csv", "wording.json"]):
        yield name.encode() + b"\0" + _read(name) + b"\0"


@lru_cache(maxsize=1)
def phrases_hash() -> str:
    """SHA-256 over all phrase files: one half of a result's ``ruleset``."""
    digest = hashlib.sha256()
    for part in _contents():
        digest.update(part)
    return digest.hexdigest()


_RUNS = re.compile(r"\s+")


def folded(text: str) -> str:
    """`text` with every run of white space as one space: a wrapped or stretched line says what it said before."""
    return _RUNS.sub(" ", text) if "  " in text or not text.isprintable() else text


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def lowered(text: str) -> str:
    """`text` in lower case as far as that keeps every letter in its place."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)
