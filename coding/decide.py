"""`decide`: findings in, code set out. Select, merge, decide, chronicity, pregnancy, edits, order.

Pure: the same findings give the same bytes. The only files behind it are the tables of `coding.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import chronic, report
from .case import Case, open_case
from .codeset import Code, CodeSet, NotCoded, Notice, Outcome, Role
from .disc import discs
from .edits import edit, g89_alone
from .findings import Findings
from .injury import injuries
from .order import in_claim_order, why_here
from .pain import pains
from .pregnancy import OPTIONAL, external_causes, pregnancy
from .problem import NOTHING, Draft, Found
from .radicular import spend
from .releases import file_notice, notices, release_for
from .structure import structures
from .tables import releases, tables, tabular
from .tabular import Tabular
from .words import rationale


def decide(findings: Findings, release: str | Tabular | None = None) -> CodeSet:
    """The code set of one encounter.

    ``release`` names a built-in code set release ("2026-04-01") or is one read from a file; without it the built-in one
    for the date of service is taken, the newest when there is no date. The answer does not depend on the order of
    ``findings.conditions``; links index them in note order (`case.ordered`).

    Raises:
        ReleaseError: no such release is built in.
        TableError: a table of the package is broken.
    """
    official = _official(findings, release)
    case = open_case(findings)
    found = _codes(case, official)
    said = report.mentions_left_out(case) + report.refused_mentions(case) + report.radiating(case)
    said += report.symptoms_of_causes(case) + report.side_conflicts(case)
    drafts = in_claim_order(case, found.drafts)
    extra = NOTHING if drafts or found.queries else report.owed_without_codes(case)
    queries = tuple(dict.fromkeys((*found.queries, *said.queries, *extra.queries)))
    if not drafts and not found.queries and not extra.queries:
        queries = ()  # nothing of this visit is ours: nobody is asked about it
    about = _about_release(findings, official, release)
    warnings = (*about, *dict.fromkeys(found.notices), *(Notice("query", message) for message in queries))
    return CodeSet(
        release=official.release,
        outcome=_outcome(drafts, queries),
        codes=tuple(_code(d, i, official, why_here(case, drafts, d)) for i, d in enumerate(drafts)),
        not_coded=_not_coded((*found.left_out, *said.left_out, *extra.left_out)),
        seen=report.seen(case),
        red_flags=report.red_flags(case),
        warnings=warnings,
    )


def claim_codes(findings: Findings, release: str | Tabular | None = None, known: Case | None = None) -> tuple[str, ...]:
    """The codes that `decide` gives, in claim order, without their words: for trying many findings.

    ``known``: the case of findings that these were made from by a change.
    """
    official = _official(findings, release)
    case = open_case(findings, known)
    return tuple(d.code for d in in_claim_order(case, _codes(case, official).drafts))


def _official(findings: Findings, release: str | Tabular | None) -> Tabular:
    if isinstance(release, Tabular):
        return release
    return tabular(release or release_for(findings.date_of_service, releases()))


def _about_release(findings: Findings, official: Tabular, release: str | Tabular | None) -> tuple[Notice, ...]:
    about = notices(findings.date_of_service, official.release)
    if isinstance(release, Tabular):
        return (file_notice(release.label), *about)
    return about


def _codes(case: Case, official: Tabular) -> Found:
    """All drafts that leave, with what was left out on the way. Edits run on every set, again where G89 or pregnancy add."""
    spending = spend(case)
    injured = injuries(case)
    found = injured + discs(case, spending) + structures(case, spending) + pains(case, spending, injured.drafts)
    found = _edited(case, found, official)
    edited = found.drafts
    found += chronic.chronicity(case, found.drafts)
    alone = g89_alone(found.drafts, official)
    found = _with(found, alone)
    found += pregnancy(case, found.drafts)
    found += external_causes(case, found.drafts)
    return found if found.drafts is edited else _edited(case, found, official)


def _edited(case: Case, found: Found, official: Tabular) -> Found:
    return _with(found, edit(case, found.drafts, official))


def _with(found: Found, result: Found) -> Found:
    """``found`` with its drafts replaced by those of a later step."""
    return Found(
        result.drafts, found.left_out + result.left_out, found.queries + result.queries, found.notices + result.notices
    )


def _code(d: Draft, index: int, official: Tabular, placed: str) -> Code:
    role: Role = "optional" if d.family in OPTIONAL else ("additional" if index else "first_listed")
    return Code(
        d.code,
        official.description(d.code),
        role,
        d.rule,
        rationale(d.rule, d.evidence, d.regions, d.side, d.code) + placed,
        tables().rules[d.rule].source,
        d.evidence,
        d.exception,
    )


def _outcome(drafts: Sequence[Draft], queries: Sequence[str]) -> Outcome:
    if drafts:
        return "code_and_query" if queries else "code"
    return "query" if queries else "out_of_scope"


def _not_coded(items: Sequence[NotCoded]) -> tuple[NotCoded, ...]:
    """Without repeats, in note order."""
    unique = dict.fromkeys(items)
    return tuple(sorted(unique, key=lambda n: (n.evidence[:1], n.what, n.code or "", n.rule)))
