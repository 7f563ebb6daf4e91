"""A claim, what is found on it, and what the tables and the official list say of one code of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from .findings import Evidence
from .kinds import INTEGRAL_CAUSES
from .regions import NECK, groups_of
from .releases import release_for
from .tables import REGIONS, CodeRow, audit_checks, releases, tables, tabular
from .tabular import Tabular
from .words import quoted

Severity = Literal["error", "warning", "info"]

MOST_CODES = 12
"""Diagnoses that a claim holds."""

SYMPTOM_FAMILIES = frozenset({"pain", "sciatica", "low_back_pain_with_sciatica", "radiculopathy", "flank_pain"})
CAUSE_FAMILIES = INTEGRAL_CAUSES | {"disc_radiculopathy", "disc_myelopathy"}
OPTIONAL_FAMILIES = frozenset({"external_cause", "work_status", "weeks"})

_MOST_NAMED = 8


@dataclass(frozen=True)
class Claim:
    """Diagnosis codes in claim order, as `typed_codes` writes them, and what else the claim says.

    ``bad_date``: a date stands there that cannot be read. ``empty_note``: the place for the note is there, and empty.
    """

    codes: tuple[str, ...]
    cpt: tuple[str, ...] = ()
    date_of_service: str | None = None
    bad_date: bool = False
    empty_note: bool = False


@dataclass(frozen=True)
class AuditFinding:
    """One thing that is wrong, doubtful or worth knowing about a claim.

    ``guide``: the guide's mistake or denial trigger it is, empty when none. ``instead``: what to code in place of
    ``code``, best first; empty where nothing is to be coded instead.
    """

    kind: str
    severity: Severity
    code: str
    what: str
    why: str
    advice: str
    instead: tuple[str, ...]
    source: str
    guide: str
    evidence: tuple[Evidence, ...] = ()


def make(
    kind: str,
    code: str = "",
    *,
    instead: Iterable[str] = (),
    evidence: Iterable[Evidence] = (),
    source: str = "",
    **words: str,
) -> AuditFinding:
    """A finding in the words of ``audit_checks.csv``. ``source`` stands before the source of the check."""
    check = audit_checks()[kind]
    codes = tuple(dict.fromkeys(instead))
    quotes = tuple(evidence)
    fill = {"code": code, "instead": either(codes), "quote": quoted(quotes), "use": use(code, codes), **words}
    return AuditFinding(
        kind,
        cast(Severity, check.severity),
        code,
        check.what.format(**fill),
        check.why.format(**fill),
        check.advice.format(**fill),
        codes,
        "; ".join(dict.fromkeys(part for text in (source, check.source) for part in text.split("; ") if part)),
        check.guide,
        quotes,
    )


def use(code: str, instead: tuple[str, ...], claimed: Iterable[str] = ()) -> str:
    """What to do about a code that should not stand: leave it off, or use another."""
    missing = tuple(c for c in instead if c not in claimed)
    if instead and not missing:
        return f"Leave {code} off; {either(instead, 'and')} says it."
    return f"Use {either(missing, 'and' if claimed else 'or')}." if missing else f"Leave {code} off."


def either(codes: tuple[str, ...], word: str = "or") -> str:
    """The codes in a row: "A, B or C", cut where there are many."""
    if len(codes) > _MOST_NAMED:
        return f"{', '.join(codes[:_MOST_NAMED])} or another of its group"
    return f" {word} ".join([", ".join(codes[:-1]), codes[-1]]) if len(codes) > 1 else "".join(codes)


def official_for(day: str | None, release: str | Tabular | None) -> Tabular:
    """The code set to judge by: the one given, by name or itself, else the built-in one for the date of service."""
    return release if isinstance(release, Tabular) else tabular(release or release_for(day, releases()))


# -- one code ----------------------------------------------------------------------------------------------------------


@functools.cache
def rows_of(code: str) -> tuple[CodeRow, ...]:
    """The rows of the code table that give this code."""
    return tuple(row for row in tables().codes.values() if row.code == code)


def families(code: str) -> frozenset[str]:
    """The families of the code table that this code belongs to."""
    return frozenset(row.family for row in rows_of(code))


def is_decided(code: str) -> bool:
    """Whether spinecode could suggest this code at all, so that it can be held against a note."""
    return bool(rows_of(code)) and not families(code) <= OPTIONAL_FAMILIES


def is_symptom(code: str) -> bool:
    """A pain, a sciatica or a radiculopathy, which a confirmed cause may speak for."""
    return bool(families(code) & SYMPTOM_FAMILIES)


def is_cause(code: str) -> bool:
    """A diagnosis to which pain of its region is integral (I.B.5)."""
    return bool(families(code) & CAUSE_FAMILIES)


def groups(code: str) -> tuple[str, ...]:
    """The region groups the code names; empty when it names none. Thoracolumbar counts only where it stands alone."""
    regions = {row.region for row in rows_of(code)}
    named = [region for region in REGIONS if region in regions]
    return groups_of([region for region in named if region != "thoracolumbar"] or named)


def apart(a: str, b: str) -> bool:
    """Whether the two name regions that have nothing in common. Back pain of no region is never the neck's."""
    first, second = groups(a), groups(b)
    if first and second:
        return not set(first) & set(second)
    return "M54.9" in (a, b) and (NECK,) in (first, second)


def is_unspecified(code: str, official: Tabular) -> bool:
    """Whether the official title says *unspecified* (or *without mention*) and a code beside it says more."""
    return _is_vague(official.description(code)) and bool(more_exact(code, official))


def more_exact(code: str, official: Tabular) -> tuple[str, ...]:
    """The codes under the same heading whose titles are not unspecified; those of the same condition where there are."""
    parent = official.ancestors(code)[0]
    if not official.covers(parent):
        return ()
    exact = tuple(leaf for leaf in official.leaves(parent) if not _is_vague(official.description(leaf)))
    return tuple(leaf for leaf in exact if families(leaf) & families(code)) or exact


def _is_vague(title: str) -> bool:
    return "unspecified" in title.lower() or "without mention" in title.lower()
