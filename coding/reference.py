"""The code reference: what the tables say of a code apart from deciding it. The guide's tables, where the guide is
corrected, payer notes, retired codes and the rules that emit a code.

Nothing here changes a code; `pipelines/codes.py` puts it together with the official list for `spinecode codes`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .errors import TableError
from .tables import CodeRow, PayerNote, Rule, payer_notes, table_rows, tables

_GUIDE_COLUMNS = ("table", "codes", "title", "says", "cpt")
_CORRECTION_COLUMNS = ("codes", "guide", "official", "source")
_RULE_CODE_COLUMNS = ("rule", "family", "codes")
_LAY_COLUMNS = ("words", "standard", "source")


@dataclass(frozen=True)
class GuideRow:
    """One row of one of the guide's tables. ``codes``: those it is about; a header stands for all codes below it."""

    table: str
    codes: tuple[str, ...]
    title: str
    says: str
    cpt: tuple[str, ...]


@dataclass(frozen=True)
class Correction:
    """A statement of the guide that the official list or the guidelines contradict."""

    codes: tuple[str, ...]
    guide: str
    official: str
    source: str


@dataclass(frozen=True)
class RuleCodes:
    """Which codes a rule may emit: those of a family, all of them or the ones that fit a pattern ("M51.36*")."""

    rule: str
    family: str
    codes: tuple[str, ...]


@functools.cache
def lay_words() -> Mapping[str, str]:
    """What patients and letters call a condition → the words of the list, longest phrase first; to look codes up.

    Raises:
        TableError: a row without a source, or a phrase that stands twice.
    """
    found: dict[str, str] = {}
    for where, row in table_rows("lay_words.csv", _LAY_COLUMNS):
        if not row["source"]:
            raise TableError(f"{where}: no source")
        for words in _cells(row["words"]):
            if words in found:
                raise TableError(f"{where}: {words!r} is there twice")
            found[words] = row["standard"]
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def in_standard_words(query: str) -> str:
    """The query with the words of patients and letters put into those of the list, and nothing else changed."""
    known = lay_words()
    phrases = "|".join(map(re.escape, known))
    return re.sub(rf"(?<!\w)(?:{phrases})(?!\w)", lambda found: known[found[0].lower()], query, flags=re.IGNORECASE)


@functools.cache
def guide_rows() -> tuple[GuideRow, ...]:
    """Every row of every table of the guide, in the guide's order."""
    return tuple(
        GuideRow(row["table"], _cells(row["codes"]), row["title"], row["says"], _cells(row["cpt"]))
        for _, row in table_rows("guide_tables.csv", _GUIDE_COLUMNS)
    )


@functools.cache
def corrections() -> tuple[Correction, ...]:
    """The policy's *Where the guide is corrected*, by code."""
    return tuple(
        Correction(_cells(row["codes"]), row["guide"], row["official"], row["source"])
        for _, row in table_rows("guide_corrections.csv", _CORRECTION_COLUMNS)
    )


@functools.cache
def rule_codes() -> tuple[RuleCodes, ...]:
    """Which rule emits what.

    Raises:
        TableError: a rule, a family or a code that the other tables do not know.
    """
    found = []
    families = {row.family for row in tables().codes.values()}
    for where, row in table_rows("rule_codes.csv", _RULE_CODE_COLUMNS):
        if row["rule"] not in tables().rules:
            raise TableError(f"{where}: no rule {row['rule']!r}")
        if row["family"] not in families:
            raise TableError(f"{where}: no family {row['family']!r}")
        entry = RuleCodes(row["rule"], row["family"], _cells(row["codes"]))
        for pattern in entry.codes:
            if not any(fnmatchcase(code.code, pattern) for code in rows_of_family(entry.family)):
                raise TableError(f"{where}: {pattern!r} is no code of family {entry.family!r}")
        found.append(entry)
    return tuple(found)


def _cells(cell: str) -> tuple[str, ...]:
    return tuple(word for word in cell.split(";") if word)


# -- questions about one code ------------------------------------------------------------------------------------------


def rows_of_family(family: str) -> tuple[CodeRow, ...]:
    """The rows of a family, in the order of the table."""
    return tuple(row for row in tables().codes.values() if row.family == family)


def rows_of(code: str) -> tuple[CodeRow, ...]:
    """The rows that give ``code``, or a code below it when it is a header."""
    return tuple(row for row in tables().codes.values() if is_at_or_below(row.code, code))


def rules_of(code: str) -> tuple[Rule, ...]:
    """The rules that may emit ``code``, or a code below it, in the order of the policy."""
    wanted = {
        entry.rule
        for entry in rule_codes()
        for row in rows_of_family(entry.family)
        if is_at_or_below(row.code, code) and _fits(row.code, entry.codes)
    }
    return tuple(rule for name, rule in tables().rules.items() if name in wanted)


def codes_of_rule(rule: str) -> tuple[str, ...]:
    """The codes that a rule may emit, sorted; none for a rule that leaves codes out."""
    entries = [entry for entry in rule_codes() if entry.rule == rule]
    return tuple(sorted({r.code for e in entries for r in rows_of_family(e.family) if _fits(r.code, e.codes)}))


def _fits(code: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(code, pattern) for pattern in patterns)


def guide_rows_of(code: str) -> tuple[GuideRow, ...]:
    """What the guide's tables say of ``code``, of codes above it or, for a header, below it."""
    return tuple(row for row in guide_rows() if touches(code, row.codes))


def corrections_of(code: str) -> tuple[Correction, ...]:
    """Where the guide is wrong about ``code``, the codes above it or, for a header, below it."""
    return tuple(row for row in corrections() if touches(code, row.codes))


def payer_notes_of(code: str) -> tuple[PayerNote, ...]:
    """The payer notes for ``code``: those listed under it and those whose words name it."""
    return tuple(
        note
        for note in payer_notes()
        if touches(code, note.codes) or any(is_at_or_below(word, code) for word in _words(note.note))
    )


def _words(text: str) -> list[str]:
    return [word.strip(".,:;") for word in text.split()]


def touches(code: str, others: Iterable[str]) -> bool:
    """Whether one of ``others`` is ``code``, above it or below it."""
    return any(is_at_or_below(code, other) or is_at_or_below(other, code) for other in others)


def is_at_or_below(code: str, header: str) -> bool:
    """Whether ``code`` is ``header`` or stands below it. Codes are written with their dot."""
    return code.startswith(header) and (len(header) >= 3)
