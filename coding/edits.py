"""The edits that every code set passes, whatever rule made it: leaf, Excludes1, current injury (policy section 7)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from .case import Case
from .codeset import Exemption, NotCoded, Notice
from .problem import NOTHING, Draft, Found
from .regions import groups_of, same_or_unknown
from .tables import InjuryRow, releases, retired_codes, tables, tabular
from .tabular import ExcludesNote, Tabular
from .words import rationale

_STRENGTH = (
    ("M54.89", 0),
    ("M54.9", 0),
    ("Z33.1", 0),
    ("M54.3", 2),
    ("M54.4", 3),
    ("M54.1", 4),
    ("M54", 1),
    ("G89.2", 1),
    ("G89.1", 1),
    ("M43.1", 7),
    ("S33", 5),
    ("M51.1", 8),
    ("M50.1", 8),
    ("M47.2", 8),
)
"""Which of an excluded pair stays: diagnosis over symptom, combination over component. First prefix that fits."""

_DIAGNOSIS = 6
_LOW_BACK_PAIN = ("M54.50", "M54.59")
_DEGENERATION = ("M51.36", "M51.37")
_WITH_BACK_PAIN = {"1": "2", "9": "0"}


def edit(case: Case, drafts: Sequence[Draft], official: Tabular) -> Found:
    """The drafts that may stand together, and what was dropped for it."""
    kept = tuple(_merged(drafts))
    found = NOTHING
    for step in (_back_pain_named, _into_degeneration, _current_injury, _excludes1, _leaves):
        result = step(case, kept, official)
        kept = result.drafts
        if result.left_out or result.queries or result.notices:
            found += result._replace(drafts=())
    return found + Found(kept)


def _merged(drafts: Sequence[Draft]) -> list[Draft]:
    """One draft per code; what is said twice is supported twice."""
    if len(drafts) < 2:
        return list(drafts)
    merged: dict[str, Draft] = {}
    for d in sorted(drafts, key=lambda d: (d.place, d.rule)):
        first = merged.get(d.code)
        if first is None:
            merged[d.code] = d
            continue
        merged[d.code] = first._replace(
            regions=tuple(dict.fromkeys((*first.regions, *d.regions))),
            evidence=tuple(sorted({*first.evidence, *d.evidence})),
            mentions=tuple(dict.fromkeys((*first.mentions, *d.mentions))),
            follows=tuple(dict.fromkeys((*first.follows, *d.follows))),
        )
    return list(merged.values())


def _dropped(d: Draft, official: Tabular, rule: str, reason: str) -> NotCoded:
    status = "excludes1" if rule in ("excludes1", "current-injury", "sprain-with-disc") else "replaced"
    return NotCoded(_title(d.code, official), d.code, status, reason, rule, d.evidence)  # type: ignore[arg-type]


def _title(code: str, official: Tabular) -> str:
    """The official title; a code that the encounter's release does not have is called as the newest one does."""
    return (official if official.exists(code) else tabular()).description(code)


# -- rules of the policy beside the tabular notes ----------------------------------------------------------------------


def _back_pain_named(_: Case, drafts: tuple[Draft, ...], official: Tabular) -> Found:
    """M54.9 may stand beside neck pain, never beside back pain whose region is named (policy 3)."""
    if not [d for d in drafts if d.code == "M54.9"]:
        return Found(drafts)
    named = any(d.code.startswith(("M54.5", "M54.6", "M54.89")) for d in drafts)
    out = [d for d in drafts if d.code == "M54.9" and named]
    rule = "back-pain-named-elsewhere"
    left = tuple(_dropped(d, official, rule, rationale(rule, d.evidence, code=d.code)) for d in out)
    return Found(tuple(d for d in drafts if d not in out), left_out=left)


def _into_degeneration(case: Case, drafts: tuple[Draft, ...], official: Tabular) -> Found:
    """Low back pain and lumbar degeneration are one code with the pain in its 6th character (policy 7)."""
    discs = [d for d in drafts if d.code.startswith(_DEGENERATION)]
    if not discs:
        return Found(drafts)
    out = [p for p in drafts if p.code in _LOW_BACK_PAIN and any(not _unrelated(case, p, disc) for disc in discs)]
    if not out:
        return Found(drafts)
    rule = "pain-into-degeneration"
    left = tuple(_dropped(d, official, rule, rationale(rule, d.evidence, code=d.code)) for d in out)
    spoken = tuple(sorted({e for p in out for e in p.evidence}))
    kept = []
    for d in drafts:
        if d in discs:
            code = d.code[:-1] + _WITH_BACK_PAIN.get(d.code[-1], d.code[-1])
            kept.append(d._replace(code=code, evidence=tuple(sorted({*d.evidence, *spoken}))))
        elif d not in out:
            kept.append(d)
    return Found(tuple(kept), left_out=left)


def _current_injury(case: Case, drafts: tuple[Draft, ...], official: Tabular) -> Found:
    """The block note at M50-M54 names no codes: a current injury removes the pain codes of its own region."""
    injured = [(d, row) for d in drafts for row in _injury_rows(d)]
    if not injured:
        return Found(drafts)
    found = NOTHING
    kept = list(drafts)
    for injury, row in injured:
        for pain in [d for d in kept if d.code.startswith(row.removes)]:
            groups = groups_of(pain.regions)
            if groups and row.group not in groups:
                continue
            if _unrelated(case, pain, injury):
                note = _block_note(official)
                kept = [_excepted(d, note, injury.code, pain.code) for d in kept]
                found += Found(notices=(_claim_edit(injury.code, pain.code, note),))
                continue
            kept.remove(pain)
            why = rationale("current-injury", pain.evidence, pain.regions, code=injury.code)
            found += Found(left_out=(_dropped(pain, official, "current-injury", why),))
    return found + Found(tuple(kept))


def _injury_rows(d: Draft) -> tuple[InjuryRow, ...]:
    if d.code[-1] == "S":
        return ()  # what an old injury left is no current one
    return tables().injuries_of(d.code)


def _block_note(official: Tabular) -> str:
    return next((n for n in official.notes("M50-M54", "excludes1") if "current injury" in n), "current injury")


# -- Excludes1 ---------------------------------------------------------------------------------------------------------


def _excludes1(case: Case, drafts: tuple[Draft, ...], official: Tabular) -> Found:
    """No pair of one region, or with an unknown region, leaves; different regions stay with the exception (I.A.12.a)."""
    pairs = [(a, b, official.excludes1(a.code, b.code)) for a, b in itertools.combinations(drafts, 2)]
    if not any(note for _, _, note in pairs):
        return Found(drafts)
    found = NOTHING
    kept = list(drafts)
    for first, second, note in pairs:
        if note is None:
            continue
        codes = [d.code for d in kept]
        if first.code in codes and second.code in codes:
            if not same_or_unknown(first.regions, second.regions) or _unrelated(case, first, second):
                kept = [_excepted(d, f"{note.owner}: {note.text}", first.code, second.code) for d in kept]
                found += Found(notices=(_claim_edit(first.code, second.code, note.text),))
                continue
            weaker, stronger = _weaker(first, second)
            kept = [d for d in kept if d.code != weaker.code]
            found += _resolved(weaker, stronger, note, official)
    return found + Found(tuple(kept))


def _weaker(a: Draft, b: Draft) -> tuple[Draft, Draft]:
    """(the one that goes, the one that stays); between equals the provider's first-listed stays."""
    first, second = (a, b) if a.place <= b.place else (b, a)
    return (second, first) if stays(first.code, second.code) == first.code else (first, second)


def stays(first: str, second: str) -> str:
    """Which of two codes that exclude each other stays; between equals the one that is listed first."""
    return second if _strength(second) > _strength(first) else first


def _strength(code: str) -> int:
    return next((value for prefix, value in _STRENGTH if code.startswith(prefix)), _DIAGNOSIS)


def _resolved(weaker: Draft, stronger: Draft, note: ExcludesNote, official: Tabular) -> Found:
    if weaker.code.startswith("S33") and stronger.code.startswith("M51"):
        why = rationale("sprain-with-disc", weaker.evidence, weaker.regions, code=stronger.code)
        query = "A sprain and a disc disorder of one region exclude each other: which one is treated?"
        return Found(left_out=(_dropped(weaker, official, "sprain-with-disc", why),), queries=(query,))
    why = rationale("excludes1", weaker.evidence, weaker.regions, code=stronger.code)
    why = f"{why} Note at {note.owner}: {note.text}."
    return Found(left_out=(_dropped(weaker, official, "excludes1", why),))


def _excepted(d: Draft, note: str, first: str, second: str) -> Draft:
    if d.exception or d.code not in (first, second):
        return d
    return d._replace(exception=Exemption(note, second if d.code == first else first))


def _claim_edit(first: str, second: str, note: str) -> Notice:
    message = f"{first} and {second} have an Excludes1 note between them ({note}); they stand for unrelated problems (I.A.12.a)."
    return Notice("claim_edit", message)


def _unrelated(case: Case, a: Draft, b: Draft) -> bool:
    """Whether the provider states that the two have nothing to do with each other."""
    if any("unrelated" in case.mention(i).qualities for i in (*a.mentions, *b.mentions)):
        return True
    return case.tied(a.mentions, b.mentions, "not_due_to") or case.tied(b.mentions, a.mentions, "not_due_to")


# -- leaves ------------------------------------------------------------------------------------------------------------


def _leaves(case: Case, drafts: tuple[Draft, ...], official: Tabular) -> Found:
    """A code that the release of the encounter does not hold as a leaf is never emitted.

    One that was split off later falls back to the code it was split from, if that was billable then.
    """
    found = NOTHING
    kept: list[Draft] = []
    older: dict[str, str] = {}
    for d in drafts:
        held = official.billable_above(d.code)
        young = _younger(d.code, case.findings.date_of_service) if held == d.code else ()
        if not held or young:
            why = rationale("not-a-leaf", d.evidence, d.regions, code=d.code)
            what = d.family.replace("_", " ")
            out = NotCoded(what, d.code, "needs_documentation", why, "not-a-leaf", d.evidence)
            found += Found(left_out=(out,), notices=young or (Notice("release", _not_held(d.code, official)),))
            continue
        kept.append(d)
        if held != d.code:
            older[d.code] = held
            words = f"{d.code} is not in release {official.release}; {held}, billable then, stands for it."
            found += Found(notices=(Notice("release", words),))
    return found + Found(_renamed(tuple(kept), older) if older else tuple(kept))


def _younger(code: str, day: str | None) -> tuple[Notice, ...]:
    """A code of a later release, where the date of service lies before all that are at hand."""
    row = next((row for row in retired_codes().values() if code in row.replaced_by), None) if day else None
    if row is None or day is None or day >= row.retired_on:
        return ()
    words = (
        f"{code} came into force on {row.retired_on}, after the date of service, and was not given; {row.code} was"
        " billable then: --release-file takes the official tabular XML of that year."
    )
    return (Notice("release", words),)


def _renamed(drafts: tuple[Draft, ...], codes: Mapping[str, str]) -> tuple[Draft, ...]:
    """The drafts under other codes, wherever they name one; what becomes the same code becomes one draft."""
    renamed = []
    for d in drafts:
        follows = tuple(codes.get(code, code) for code in d.follows)
        other = d.exception and Exemption(d.exception.note, codes.get(d.exception.with_code, d.exception.with_code))
        renamed.append(d._replace(code=codes.get(d.code, d.code), follows=follows, exception=other))
    return tuple(_merged(renamed))


def _not_held(code: str, official: Tabular) -> str:
    first = next((name for name in releases() if tabular(name).is_leaf(code)), "")
    since = f"; the first built-in release that has it is {first}" if first > official.release else ""
    return f"{code} is not a billable code of release {official.release}{since}. It was not given."


def g89_alone(drafts: Sequence[Draft], official: Tabular) -> Found:
    """G89.2- never stands alone: without a code of site or cause it is dropped and the site asked (policy 5)."""
    others = [d for d in drafts if not d.code.startswith("G89.2")]
    alone = [d for d in drafts if d.code.startswith("G89.2") and not others]
    if not alone:
        return Found(tuple(drafts))
    left = tuple(
        NotCoded(
            official.description(d.code),
            d.code,
            "needs_documentation",
            rationale("g89-alone", d.evidence, code=d.code),
            "g89-alone",
            d.evidence,
        )
        for d in alone
    )
    return Found((), left_out=left, queries=("Where is the chronic pain?",))
