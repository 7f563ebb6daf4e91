"""The code reference behind `spinecode codes`: one code, a family or a search by words. Looks up, decides nothing.

What is official comes from the release (`Tabular`), everything else from the tables (`coding/reference.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from ..coding import reference
from ..coding.errors import InputError, ReleaseError
from ..coding.reference import Correction, GuideRow
from ..coding.releases import fiscal_year
from ..coding.tables import CodeRow, PayerNote, Retired, Rule, releases, retired_codes, tables, tabular
from ..coding.tabular import NOTE_KINDS, Note, NoteKind, Tabular
from .release import load

CPT_NOTE: Final = "typical, verify LCD/NCD"
_NEAR: Final = 6
_MAYBE_WORD: Final = 4
"""Up to this length, and without a dot, what looks like a code may be a word of a note: T12, L5S1."""

_TYPED: Final = re.compile(r"([A-Z]\d[0-9A-Z])\.?([0-9A-Z]{0,4})(?:\.?-)?")
_RANGE: Final = re.compile(r"([A-Z]\d[0-9A-Z.]+)-([A-Z]\d[0-9A-Z.]+)")
_YEAR: Final = re.compile(r"(?:FY)?(\d{4})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """Everything there is to say of one code. ``lacks`` is empty for a billable code.

    ``first``: the oldest built-in release that has the code, if a still older one has not. ``below``: the billable codes
    below a header. ``notes``: per kind, own ones first, then inherited with where they stand. ``excluded_by``: Excludes1
    notes of other codes that name this one.
    """

    code: str
    description: str
    release: str
    lacks: str
    retired: Retired | None
    first: str | None
    above: tuple[tuple[str, str], ...]
    below: tuple[tuple[str, str], ...]
    notes: dict[NoteKind, tuple[Note, ...]]
    excluded_by: tuple[Note, ...]
    rows: tuple[CodeRow, ...]
    cpt: tuple[str, ...]
    guide: tuple[GuideRow, ...]
    corrections: tuple[Correction, ...]
    payer_notes: tuple[PayerNote, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Match:
    """A code found by family or words, with what it is for."""

    code: str
    description: str
    when_to_use: str
    families: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What was asked and found: entries for codes, matches for a family or words.

    ``read_as``: the words looked for, where the query uses those of patients and letters ("slipped disc").
    """

    query: str
    release: str
    entries: tuple[Entry, ...] = ()
    matches: tuple[Match, ...] = ()
    read_as: str = ""


# -- which release -----------------------------------------------------------------------------------------------------


def open_named(name: str | None, file: Tabular | None) -> Tabular:
    """A release by its name, its fiscal year ("2026", "FY2026") or the path of a file; without a name ``file``, else
    the newest built-in one.

    Raises:
        ReleaseError: there is none of that name.
    """
    if name is None:
        return file or tabular()
    if file is not None and (name == file.release or _year(name) == fiscal_year(file.release)):
        return file
    known = [release for release in releases() if name == release or _year(name) == fiscal_year(release)]
    if known:
        return tabular(known[-1])
    if Path(name).is_file():
        return load(name)
    there = (*releases(), file.release) if file else releases()
    raise ReleaseError(f"release {name}: neither one of {', '.join(there)} nor the path of a tabular XML")


def _year(name: str) -> int | None:
    typed = _YEAR.fullmatch(name)
    return int(typed[1]) if typed else None


# -- what was asked ----------------------------------------------------------------------------------------------------


def look_up(words: Sequence[str], book: Tabular) -> Answer:
    """Entries if codes were asked for, else the codes of a family, else those that fit the words, best first.

    Raises:
        InputError: no such code, with near ones; or nothing fits the words.
    """
    query = " ".join(" ".join(words).split())
    cells = [cell for cell in re.split(r"[;,|\s]+", query) if cell]
    if not cells:
        return Answer("", book.release, matches=_families())
    if all(_TYPED.fullmatch(cell.upper()) or _RANGE.fullmatch(cell.upper()) for cell in cells):
        asked = [(cell, _asked(cell, book)) for cell in cells]
        unknown = [cell for cell, found in asked if not found]
        if not unknown:
            codes = dict.fromkeys(code for _, found in asked for code in found)
            return Answer(query, book.release, entries=tuple(entry(code, book) for code in codes))
        if any("." in cell or len(cell) > _MAYBE_WORD for cell in cells):
            raise InputError(_unknown(unknown[0], book))
    standard = reference.in_standard_words(query)
    matches = _of_family(query, book) or _of_family(standard, book) or search(standard, book)
    if not matches:
        raise InputError(_unknown(cells[0] if len(cells) == 1 else query, book))
    return Answer(query, book.release, matches=matches, read_as="" if standard == query else standard)


def _asked(cell: str, book: Tabular) -> list[str]:
    """The codes a cell asks for: one, or a range's; none where there is no such code."""
    between = _RANGE.fullmatch(cell.upper())
    if between is None:
        code = known_code(cell, book)
        return [code] if code else []
    low, high = (_dotted(end) for end in between.groups())
    return [leaf for leaf in book.leaves() if low <= leaf and leaf[: len(high)] <= high]


def known_code(text: str, book: Tabular) -> str:
    """A code as a person types it (dot optional, any case, "M54.5-", "M51.36x") if this or a built-in release has it;
    else an empty string.
    """
    code = _dotted(text)
    books = (book, *(tabular(name) for name in releases()))
    candidates = [code]
    while candidates[-1].endswith("X"):
        candidates.append(candidates[-1][:-1].rstrip("."))
    return next((c for c in candidates if c and any(known.exists(c) for known in books)), "")


def _dotted(text: str) -> str:
    typed = _TYPED.fullmatch(text.upper())
    if typed is None:
        return ""
    return f"{typed[1]}.{typed[2]}" if typed[2] else typed[1]


def _unknown(query: str, book: Tabular) -> str:
    code = _dotted(query)
    if not code:
        close = get_close_matches(query.lower().replace(" ", "_"), sorted(_family_codes()), n=3, cutoff=0.5)
        hint = f"; families near it: {', '.join(close)}" if close else "; spinecode codes alone lists the families"
        return f"nothing fits {query!r}{hint}"
    near = ", ".join(nearest(code, book))
    if not book.covers(code):
        return f"{code} is in no category that spinecode knows; near: {near}"
    lacks = book.lacks(code)
    why = f"no such code in release {book.release}" if "entry" in lacks else f"no such code, it lacks {lacks}"
    return f"{code}: {why}; near: {near}"


def nearest(code: str, book: Tabular) -> tuple[str, ...]:
    """Codes that look like ``code``: the longest common beginning first, then by how near the next character is."""
    candidates = _all_codes(book) if book.covers(code) else list(dict.fromkeys(_table_codes()))
    order = {other: number for number, other in enumerate(candidates)}
    return tuple(sorted(candidates, key=lambda other: (*_likeness(code, other), order[other]))[:_NEAR])


def _likeness(code: str, other: str) -> tuple[int, int, int]:
    common = next((i for i, (a, b) in enumerate(zip(code, other, strict=False)) if a != b), min(len(code), len(other)))
    apart = abs(ord(code[common : common + 1] or "0") - ord(other[common : common + 1] or "0"))
    return -common, apart, abs(len(code) - len(other))


def _all_codes(book: Tabular) -> list[str]:
    """Headers before the codes below them."""
    codes = (c for leaf in book.leaves() for c in (*reversed(book.ancestors(leaf)), leaf) if book.exists(c))
    return list(dict.fromkeys(codes))


def _table_codes() -> Iterator[str]:
    return (row.code for row in tables().codes.values())


# -- one code ----------------------------------------------------------------------------------------------------------


def entry(code: str, book: Tabular) -> Entry:
    """The whole entry of a code that this or a built-in release has (`known_code`)."""
    home = book if book.exists(code) else next(b for b in _newest_first() if b.exists(code))
    rows, guide = reference.rows_of(code), reference.guide_rows_of(code)
    return Entry(
        code=code,
        description=home.description(code),
        release=book.release,
        lacks=book.lacks(code) if book.covers(code) else f"a category in the {book.release} release",
        retired=_retired(code, book),
        first=_first(code),
        above=tuple((owner, home.description(owner)) for owner in home.ancestors(code)),
        below=tuple((leaf, home.description(leaf)) for leaf in home.leaves(code) if leaf != code),
        notes={kind: home.inherited_notes(code, kind) for kind in NOTE_KINDS},
        excluded_by=home.excluded_by(code),
        rows=rows,
        cpt=_cpt(code, rows, guide),
        guide=guide,
        corrections=reference.corrections_of(code),
        payer_notes=reference.payer_notes_of(code),
        rules=reference.rules_of(code),
    )


def _newest_first() -> Iterator[Tabular]:
    return (tabular(name) for name in reversed(releases()))


def _retired(code: str, book: Tabular) -> Retired | None:
    """A retirement that had taken effect when ``book`` did; what was retired and is billable there was not yet."""
    row = retired_codes().get(code)
    return row if row and not book.is_leaf(code) and row.retired_on <= book.release else None


def _first(code: str) -> str | None:
    have = [name for name in releases() if tabular(name).exists(code)]
    return have[0] if have and have[0] != releases()[0] else None


def _cpt(code: str, rows: Iterable[CodeRow], guide: Iterable[GuideRow]) -> tuple[str, ...]:
    """The guide's pairings of this very code, or of the header above it that the guide lists; numbers only."""
    own = [number for row in rows if row.code == code for number in row.cpt]
    said = [number for row in guide for number in row.cpt if _is_about(code, row)]
    return tuple(dict.fromkeys((*own, *said)))


def _is_about(code: str, row: GuideRow) -> bool:
    return any(reference.is_at_or_below(code, listed) for listed in row.codes)


# -- families and words ------------------------------------------------------------------------------------------------


def _family_codes() -> dict[str, tuple[str, ...]]:
    families: dict[str, list[str]] = {}
    for row in tables().codes.values():
        families.setdefault(row.family, []).append(row.code)
    return {family: tuple(dict.fromkeys(codes)) for family, codes in families.items()}


def _families() -> tuple[Match, ...]:
    """One line a family: its codes from first to last."""
    return tuple(
        Match(codes[0] if len(codes) == 1 else f"{min(codes)} to {max(codes)}", family.replace("_", " "), "", (family,))
        for family, codes in _family_codes().items()
    )


def _of_family(query: str, book: Tabular) -> tuple[Match, ...]:
    name = re.sub(r"[\s-]+", "_", query.lower())
    return tuple(_match(code, book) for code in _family_codes().get(name, ()))


def _match(code: str, book: Tabular) -> Match:
    home = book if book.exists(code) else tabular()
    rows = [row for row in reference.rows_of(code) if row.code == code]
    return Match(
        code,
        home.description(code),
        "; ".join(dict.fromkeys(row.when_to_use for row in rows)),
        tuple(dict.fromkeys(row.family for row in rows)),
    )


_WORD: Final = re.compile(r"[a-z0-9]+")
_EMPTY: Final = frozenset({"of", "the", "a", "an", "and", "or", "to", "in", "for", "by", "on", "code", "icd"})
_STEM: Final = 6
_TITLE, _DENIED, _USE, _TERM, _FAMILY = 6, 3, 4, 4, 3
_IN_TABLE, _WHOLE = 3, 3


def search(query: str, book: Tabular) -> tuple[Match, ...]:
    """The billable codes that fit the words, best first: those that fit every word, else those that fit most.

    A word counts most in the official title, then in when to use the code and in its inclusion terms. Codes that
    spinecode can give come before the others; equals stand in the order of the tabular list.
    """
    asked = [w for w in map(_stem, _WORD.findall(query.lower())) if w not in _EMPTY] or _words_of(query)
    if not asked:
        return ()
    rows: dict[str, list[CodeRow]] = {}
    for row in tables().codes.values():
        rows.setdefault(row.code, []).append(row)
    scored = []
    for number, leaf in enumerate(book.leaves()):
        hits = _hits(asked, _fields(leaf, rows.get(leaf, ()), book))
        if any(hits):
            whole = query.lower() in book.description(leaf).lower()
            score = sum(hits) + _IN_TABLE * (leaf in rows) + _WHOLE * whole
            scored.append((sum(map(bool, hits)), score, -number, leaf))
    most = max((found[0] for found in scored), default=0)
    best = sorted((found for found in scored if found[0] == most), reverse=True)
    return tuple(_match(found[-1], book) for found in best)


def _fields(leaf: str, rows: Iterable[CodeRow], book: Tabular) -> tuple[tuple[int, list[str]], ...]:
    terms = " ".join(note.text for note in book.inherited_notes(leaf, "inclusionTerm"))
    used = list(rows)
    title, _, denied = book.description(leaf).partition(" without ")
    return (
        (_TITLE, _words_of(title)),
        (_DENIED, _words_of(denied)),
        (_USE, _words_of(" ".join(row.when_to_use for row in used))),
        (_TERM, _words_of(terms)),
        (_FAMILY, _words_of(" ".join(f"{row.family} {row.region} {row.variant}" for row in used))),
    )


def _hits(asked: Iterable[str], fields: Iterable[tuple[int, list[str]]]) -> list[float]:
    kept = list(fields)
    return [max(weight * _fit(word, words) for weight, words in kept) for word in asked]


def _fit(word: str, words: list[str]) -> float:
    """1 for the word itself, less for one that begins with it or shares its stem."""
    if word in words:
        return 1.0
    if len(word) >= 4 and any(other.startswith(word) for other in words):
        return 0.7
    shared = len(word) > _STEM and any(other[:_STEM] == word[:_STEM] for other in words)
    return 0.5 if shared else 0.0


def _words_of(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower().replace("_", " "))]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "is", "us")) else word
