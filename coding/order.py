"""The order of the claim (policy section 7): obstetric first, pain control, the assessment's order, the optional last."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from .case import Case
from .chronic import pain_control
from .pregnancy import OBSTETRIC, OPTIONAL
from .problem import Draft
from .words import quoted

_RANK = (
    ("G83.4", 9),
    ("M50.0", 8),
    ("M51.0", 8),
    ("M47.1", 8),
    ("M50.1", 7),
    ("M51.1", 7),
    ("M47.2", 7),
    ("M54.51", 5),
    ("M54.1", 5),
    ("M54.3", 4),
    ("M54.4", 4),
    ("M53.3", 4),
    ("M54.59", 3),
    ("M54.89", 2),
    ("M54.9", 1),
    ("M54", 2),
    ("M62", 2),
    ("M99", 2),
    ("R10", 2),
    ("Z33", -1),
)
"""How specific a diagnosis is, where the assessment gives no order; any other confirmed cause stands at six."""

_CAUSE = 6
_AFTER = (("M51.A", ("M51.0", "M51.1", "M51.2")),)
"""Code first notes: a defect of the annulus stands behind the herniation."""


def in_claim_order(case: Case, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """All drafts in claim order; the optional ones at the end."""
    if len(drafts) < 2:
        return tuple(drafts)
    optional = sorted((d for d in drafts if d.family in OPTIONAL), key=lambda d: (d.place, d.code))
    obstetric = [d for d in drafts if d.family in OBSTETRIC]
    rest = [d for d in drafts if d.family not in OPTIONAL and d.family not in OBSTETRIC]
    pain = [d for d in rest if d.code.startswith("G89")]
    spine = sorted((d for d in rest if d not in pain and not _is_sequela(d)), key=_key)
    sequels = sorted((d for d in rest if _is_sequela(d)), key=_key)
    ordered = [*sorted(pain, key=_key), *_behind(spine)] if pain_control(case) else _with_pain(spine, pain)
    return (*obstetric, *ordered, *sequels, *optional)


def why_here(case: Case, drafts: Sequence[Draft], d: Draft) -> str:
    """Why a G89 code comes before the codes of site or cause; empty where it does not. ``drafts``: in claim order."""
    behind = [o for o in drafts[drafts.index(d) + 1 :] if not o.code.startswith("G89") and o.family not in OPTIONAL]
    if not d.code.startswith("G89") or not behind:
        return ""
    if pain_control(case):
        words = quoted(
            m.evidence for m in case.findings.intents if m.value == "pain_control" and m.assertion == "present"
        )
        said = f" ({words})" if words else ""
        return f" The encounter is for pain control{said}, so {d.code} comes before site and cause (I.C.6.b.1)."
    if all(_is_sequela(o) for o in behind):
        return f" {d.code} is what remains of the injury, so it comes before the late effect (I.B.10)."
    return ""


def _key(d: Draft) -> tuple[int, int, int, str]:
    item, start = d.place
    return (item, -_rank(d.code), start, d.code)


@functools.lru_cache(maxsize=4096)
def _rank(code: str) -> int:
    return next((rank for prefix, rank in _RANK if code.startswith(prefix)), _CAUSE)


def _is_sequela(d: Draft) -> bool:
    return d.code.startswith("S") and d.code.endswith("S")


def _with_pain(spine: list[Draft], pain: list[Draft]) -> list[Draft]:
    """G89.2- behind the codes it belongs to; G89.3 and G89.4 where the assessment has them."""
    own = [d for d in pain if not d.follows]
    ordered = _behind(sorted([*spine, *own], key=_key))
    for d in sorted((d for d in pain if d.follows), key=_key):
        places = [i for i, other in enumerate(ordered) if other.code in d.follows]
        ordered.insert(places[-1] + 1 if places else len(ordered), d)
    return ordered


def _behind(drafts: list[Draft]) -> list[Draft]:
    ordered = list(drafts)
    for prefix, firsts in _AFTER:
        for d in [d for d in drafts if d.code.startswith(prefix)]:
            places = [i for i, other in enumerate(ordered) if other.code.startswith(firsts)]
            if places and ordered.index(d) < places[-1]:
                ordered.remove(d)
                ordered.insert(places[-1], d)
    return ordered
