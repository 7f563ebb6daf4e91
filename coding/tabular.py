"""The official tabular list as questions a coder asks: is it billable, what does it lack, may these two stand together.

Pure: a `Tabular` is made from the parsed JSON that `pipelines/release.py` writes; it opens no file and asks no clock.
Codes are written with their dot everywhere. Blocks are named by their range ("M50-M54"), chapters "chapter 13".

The file holds whole categories, but only those that spinecode may emit or compare against. `covers` tells which;
about a code of another category the release says nothing except what the notes of covered codes say of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from .errors import ReleaseError

SCHEMA = "spinecode/release/1"

NoteKind = Literal[
    "includes", "inclusionTerm", "excludes1", "excludes2", "codeFirst", "useAdditionalCode", "codeAlso", "notes"
]
"""Instructional notes under the names of the official XML; *notes* are its free remarks ("This category ...")."""

NOTE_KINDS: tuple[NoteKind, ...] = get_args(NoteKind)

_ORDINAL = {4: "4th", 5: "5th", 6: "6th"}


@dataclass(frozen=True)
class Note:
    """An instructional note: the code, block or chapter it stands at, and its words."""

    owner: str
    text: str


@dataclass(frozen=True)
class ExcludesNote:
    """The Excludes1 note that forbids a pair. ``codes``: what it names, as printed ("M51.2-", "M50-M51")."""

    owner: str
    text: str
    codes: tuple[str, ...]


class Tabular:
    """One release of the tabular list."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Build from the JSON object written by ``python -m spinecode.pipelines.release``.

        Raises:
            ReleaseError: another schema, or a code whose parent does not stand before it.
        """
        if data.get("schema") != SCHEMA:
            raise ReleaseError(f"release file: schema is not {SCHEMA}; rebuild it with spinecode.pipelines.release")
        self.release: str = data["release"]
        self.source: Mapping[str, str] = data.get("source", {})
        self._nodes: Mapping[str, Mapping[str, Any]] = data["codes"]
        self._parents = _checked_parents(self._nodes, self.release)
        self._excludes: dict[str, tuple[tuple[ExcludesNote, tuple[_Span, ...]], ...]] = {}
        self._pairs: dict[tuple[str, str], ExcludesNote | None] = {}
        self._billable: dict[str, str] = {}

    @property
    def label(self) -> str:
        """The release with the file it was built from: "2026-10-01 (icd10cm_tabular_2027.xml, SHA-256 0a1b…)"."""
        return f"{self.release} ({self.source['file']}, SHA-256 {self.source['sha256'][:16]}…)"

    # -- which codes there are -----------------------------------------------------------------------------------------

    def covers(self, code: str) -> bool:
        """Whether the category of ``code`` is part of this file, so that `exists` and `lacks` can judge it."""
        return code[:3] in self._nodes and code[3:4] in ("", ".")

    def exists(self, code: str) -> bool:
        """Whether ``code`` is a code of the release, billable or not: "M54", "M54.5", "S39.012", "S39.012A"."""
        return (code in self._nodes and self.covers(code)) or bool(self._seventh_of(code))

    def is_leaf(self, code: str) -> bool:
        """Whether ``code`` is billable: nothing below it, and its 7th character present where one is required."""
        if code in self._nodes:
            return self.covers(code) and code not in self._parents and not self._seventh(code)
        return bool(self._seventh_of(code))

    def entries(self) -> tuple[str, ...]:
        """Every entry of the file: codes, blocks and chapters. Codes with a 7th character are none of their own."""
        return tuple(self._nodes)

    def knows(self, entry: str) -> bool:
        """Whether the file has this code, block or chapter as an entry."""
        return entry in self._nodes

    def leaves(self, under: str = "") -> Iterator[str]:
        """Every billable code in tabular order; with ``under`` only those below that code ("M54.5") or equal to it."""
        for code in self._nodes:
            if code in self._parents or not code.startswith(under[: len(code)]) or not self.covers(code):
                continue
            extensions = self._seventh(code)
            complete = [_with_seventh(code, char) for char in extensions] if extensions else [code]
            yield from (leaf for leaf in complete if leaf.startswith(under))

    def billable_above(self, code: str) -> str:
        """``code`` if it is billable, else the nearest code above it that is: what an older release had before the
        code was split off ("M54.5" for "M54.50" in 2021). Empty when there is none.
        """
        found = self._billable.get(code)
        if found is None:
            found = code
            while found and not self.is_leaf(found):
                found = found[:-1].rstrip(".")
            self._billable[code] = found
        return found

    def lacks(self, code: str) -> str:
        """What ``code`` needs to be billable, in words that follow "lacks"; empty when it is billable.

        "a 5th character", "a 7th character (A, D or S)", "a 7th character (A, D or S) after placeholder XX",
        "placeholder XX before its 7th character (S16.1XXA)", "an entry in the 2026-04-01 release".

        Raises:
            ReleaseError: the category is not in this file, so nothing can be said about the code.
        """
        if not self.covers(code):
            raise ReleaseError(f"{code} is in no category of the built-in part of release {self.release}")
        if self.is_leaf(code):
            return ""
        if code in self._parents:
            return f"a {_ORDINAL[len(_plain(code)) + 1]} character"
        return self._lacks_seventh(code) or f"an entry in the {self.release} release"

    def _lacks_seventh(self, code: str) -> str:
        base = self._home(code)
        extensions = self._seventh(base)
        if not extensions or base in self._parents:
            return ""
        tail = _plain(code)[len(_plain(base)) :]
        padding = "X" * (6 - len(_plain(base)))
        wanted = f"7th character ({_either(list(extensions))})"
        if tail == padding[: len(tail)]:
            missing = padding[len(tail) :]
            return f"a {wanted} after placeholder {missing}" if missing else f"a {wanted}"
        if tail[-1] in extensions and tail[:-1] == padding[: len(tail) - 1]:
            missing = padding[len(tail) - 1 :]
            return f"placeholder {missing} before its 7th character ({_with_seventh(base, tail[-1])})"
        return f"a valid {wanted}"

    # -- what the list says of them ------------------------------------------------------------------------------------

    def description(self, code: str) -> str:
        """The official title; with a 7th character, its meaning after a comma (", initial encounter").

        Raises:
            ReleaseError: no such code, block or chapter in this file.
        """
        base = self._known(code)
        title: str = self._nodes[base]["title"]
        return title if base == code else f"{title}, {self._seventh(base)[code[-1]]}"

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Everything above ``code``, nearest first: codes, category, block, enclosing block if any, chapter.

        "S39.012A" has "S39.012" as its nearest. Raises `ReleaseError` as `description` does.
        """
        base = self._known(code)
        chain = self._chain(base)
        return chain[1:] if base == code else chain

    def notes(self, code: str, kind: NoteKind) -> tuple[str, ...]:
        """The notes of one kind printed at ``code`` itself (a code, "M50-M54" or "chapter 13"), in printed order.

        Raises `ReleaseError` as `description` does.
        """
        return self._own_notes(code, kind) if self._known(code) == code else ()

    def inherited_notes(self, code: str, kind: NoteKind) -> tuple[Note, ...]:
        """The notes of one kind that govern ``code``: its own, then each ancestor's, with where they stand."""
        chain = self._chain(self._known(code))
        return tuple(Note(owner, text) for owner in chain for text in self._own_notes(owner, kind))

    def excludes1(self, a: str, b: str) -> ExcludesNote | None:
        """The Excludes1 note that keeps ``a`` and ``b`` apart, or None. The order of the two does not matter.

        Looks at the notes of both codes and of all their ancestors, block and chapter included; a note counts when it
        names the other code, by prefix or range. Notes that name no code ("current injury - see injury of spine")
        are left to the caller. A code that is not in the file has no notes here but can be named by the other's.
        Where several notes apply the nearest to the code that sorts first is returned.
        """
        if a == b:
            return None
        pair = (a, b) if a < b else (b, a)
        if pair not in self._pairs:
            self._pairs[pair] = self._note_between(*pair)
        return self._pairs[pair]

    def _note_between(self, a: str, b: str) -> ExcludesNote | None:
        for owner_side, other in ((a, b), (b, a)):
            plain = _plain(other)
            for note, spans in self._excludes1_of(self._home(owner_side)):
                if any(span.holds(plain) for span in spans):
                    return note
        return None

    def excluded_by(self, code: str) -> tuple[Note, ...]:
        """The Excludes1 notes printed elsewhere that name ``code``: those of codes it has no share in."""
        own = self._chain(self._known(code))
        plain = _plain(code)
        return tuple(
            Note(owner, text)
            for owner in self._nodes
            if owner not in own
            for text in self._own_notes(owner, "excludes1")
            if any(span.holds(plain) for span in _spans(text))
        )

    # -- inside --------------------------------------------------------------------------------------------------------

    def _excludes1_of(self, base: str) -> tuple[tuple[ExcludesNote, tuple[_Span, ...]], ...]:
        """The Excludes1 notes that name codes, for ``base`` and above: parsed when first asked, then kept."""
        if base not in self._excludes:
            found = []
            for owner in self._chain(base):
                for text in self._own_notes(owner, "excludes1"):
                    spans = _spans(text)
                    if spans:
                        found.append((ExcludesNote(owner, text, tuple(s.printed for s in spans)), spans))
            self._excludes[base] = tuple(found)
        return self._excludes[base]

    def _own_notes(self, owner: str, kind: NoteKind) -> tuple[str, ...]:
        return tuple(self._nodes[owner].get(kind, ()))

    def _chain(self, base: str) -> tuple[str, ...]:
        chain = []
        while base:
            chain.append(base)
            base = self._nodes[base].get("parent", "")
        return tuple(chain)

    def _seventh(self, base: str) -> Mapping[str, str]:
        """7th characters and their meaning; the nearest definition at or above ``base`` holds. Empty when none does."""
        for owner in self._chain(base):
            if "seventh" in self._nodes[owner]:
                seventh: Mapping[str, str] = self._nodes[owner]["seventh"]
                return seventh
        return {}

    def _seventh_of(self, code: str) -> str:
        """The entry that ``code`` extends by a valid 7th character, placeholders in place; empty when it does not."""
        if len(code) != 8:
            return ""
        base = self._home(code)
        complete = base not in self._parents and code[-1] in self._seventh(base)
        return base if complete and _with_seventh(base, code[-1]) == code else ""

    def _home(self, code: str) -> str:
        """The longest beginning of ``code`` that is an entry: "S16.1XXA" lives at "S16.1"; empty when none is."""
        while code and code not in self._nodes:
            code = code[:-1].rstrip(".")
        return code

    def _known(self, code: str) -> str:
        base = code if code in self._nodes else self._seventh_of(code)
        if not base:
            raise ReleaseError(f"{code} is not a code of the built-in part of release {self.release}")
        return base


def _checked_parents(nodes: Mapping[str, Mapping[str, Any]], release: str) -> set[str]:
    """Every entry that has others below it. A parent stands before its children, so no chain of them is a circle."""
    seen: set[str] = set()
    parents: set[str] = set()
    for code, node in nodes.items():
        parent = node.get("parent")
        if parent is not None:
            if parent not in seen:
                raise ReleaseError(f"release file {release}: {code} stands before its parent {parent}")
            parents.add(parent)
        seen.add(code)
    return parents


class _Span(NamedTuple):
    """What one reference in a note names: all codes from ``low`` to ``high`` (dots removed), ``infix`` at its place."""

    printed: str
    low: str
    high: str
    infix: str = ""
    at: int = 0

    def holds(self, plain: str) -> bool:
        """Compared only as far as the reference is written out: "M51" reaches M51.26, "S39.012" reaches S39.012A."""
        low, high = self.low, self.high
        return plain[: len(low)] >= low and plain[: len(high)] <= high and plain.startswith(self.infix, self.at)


_CODE = r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?"
_REFERENCE = re.compile(
    rf"\b(?P<low>{_CODE})(?:\.?-)?"  # M54.1   M54.1-   M54.-   and the misprint M50.1.-
    rf"(?:\s*-?\s*(?<=-)(?P<high>{_CODE})(?:\.?-)?)?"  # M43.3-M43.5X9   R10.1-R10.3-
    r"(?![0-9A-Z])"
    r"(?:\s+with\s+(?:(?:fifth|5th) character (?P<fifth>[0-9A-Z])|\.(?P<ending>[0-9A-Z]+)))?"
)
_PARENTHESES = re.compile(r"\(([^()]*)\)")


def _spans(text: str) -> tuple[_Span, ...]:
    """The codes a note names. They stand in parentheses; only a note that has none there is read as a whole
    ("torticollis NOS M43.6"), since a code among the words may describe rather than name ("any type in A15 (J65)").
    """
    inside = " , ".join(_PARENTHESES.findall(text))
    found = list(_REFERENCE.finditer(inside)) or list(_REFERENCE.finditer(text))
    return tuple(_span(match) for match in found)


def _span(match: re.Match[str]) -> _Span:
    low = _plain(match["low"])
    high = _plain(match["high"] or match["low"])
    if match["fifth"]:
        return _Span(match[0], low, high, match["fifth"], 4)
    return _Span(match[0], low, high, match["ending"] or "", 3)


def _plain(code: str) -> str:
    return code.replace(".", "")


def _with_seventh(base: str, char: str) -> str:
    """``base`` filled with placeholder X to six characters, then ``char``: S16.1 and A give S16.1XXA."""
    plain = _plain(base).ljust(6, "X") + char
    return f"{plain[:3]}.{plain[3:]}"


def _either(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}"
