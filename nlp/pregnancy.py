"""A current pregnancy, its weeks or trimester as stated, and how the pain relates to it (coding policy 6)."""

from __future__ import annotations

import functools
import operator
import re
from typing import TYPE_CHECKING

from spacy.tokens import Span

from ..coding import findings as f
from . import pipeline
from .cues import WordSearch, gated

if TYPE_CHECKING:
    from .draft import Draft

_DAYS = r"(?:\s*(?:\+|-|and|&|,)?\s*(?P<days>\d)(?:\s*/\s*7|\s*d(?:ays?)?)?)?"
# Six weeks and two days may be counted from an operation too: only in a note that speaks of pregnancy.
_BARE_WEEKS = re.compile(r"\b(?P<weeks>\d{1,2})\s*w(?:k|eeks?)?\s*(?P<days>\d)\s*d\b", re.IGNORECASE)
_SPOKEN_OF = re.compile(
    r"pregnan|gestation|gravid|\biup\b|intrauterine|\bega\b|antenatal|prenatal|obstet|\bG\d ?P\d|fo?etal|"
    r"trimester|fundal|\bOB\b",
    re.IGNORECASE,
)
# Where the time of something else is told.
_OF_PAIN = r"for|past|last|since|over|x|in|after|pain\w*|\w*ache|lbp|sciatica|began|started|onset|history|hx"
_WEEKS = (
    # 28 weeks gestation, 34-week pregnancy
    re.compile(
        rf"\b(?P<weeks>\d{{1,2}}){_DAYS}[\s-]*(?:weeks?|wks?)(?:[\s-]*(?:and\s)?\d\s*days?)?[\s-]*(?:'|’)?\s*"
        r"(?:of\s|by dates\s)?(?:gestation\w*|pregnan\w*|EGA|GA|IUP|intrauterine|gravid|(?:prenatal|antenatal|OB|obstetric)\b)",
        re.IGNORECASE,
    ),
    # 28w3d
    _BARE_WEEKS,
    # G2P1 at 30 weeks, IUP at 28-1/7 weeks; not "pregnant, low back pain for 6 weeks"
    re.compile(
        r"\b(?:gravida|G\d+(?:\s?P\d+)?|IUP|pregnan\w*|gestation\w*(?: age)?(?: of)?|EGA|GA|primigravida|multigravida|para)\b"
        rf"(?:\s+x\b)?(?:(?!\b(?:{_OF_PAIN})\b)[^.\n]){{0,50}}?"
        rf"(?:at|@|is|of|:|,)?\s*\b(?P<weeks>\d{{1,2}}){_DAYS}[\s-]*(?:weeks?|wks?|w)\b",
        re.IGNORECASE,
    ),
    # pregnant with low back pain, now 30 weeks
    re.compile(
        r"\b(?:pregnan\w*|IUP|gestation\w*|gravida|G\d+\s?P\d+)\b[^.\n]{0,60}?(?:\bnow|\bcurrently|\bat|@)\s+"
        rf"(?P<weeks>\d{{1,2}}){_DAYS}[\s-]*(?:weeks?|wks?|w)\b(?!\s+(?:of|with)\b)",
        re.IGNORECASE,
    ),
    # OB visit, 30 weeks; prenatal 26 wks
    re.compile(
        r"(?<!next )(?<!return )(?<!schedule )\b(?:OB|prenatal|antenatal|obstetric)\b"
        r"(?: (?:visit|check|exam|appointment|appt|patient|pt))?"
        rf"[\s,:;@-]*(?:(?:at|now|currently|is)\s+)?(?P<weeks>\d{{1,2}}){_DAYS}[\s-]*(?:weeks?|wks?|w)\b",
        re.IGNORECASE,
    ),
    # at 20 weeks ... fetal heart tones
    re.compile(
        rf"\b(?:at|@|now|currently)\s(?:about\s)?(?P<weeks>\d{{1,2}}){_DAYS}\s*(?:weeks?|wks?)(?:'|’)?"
        r"(?=[^.\n]{0,40}(?:pregnan|gestation|fetal|obstet|prenatal|\bOB\b))",
        re.IGNORECASE,
    ),
    # 34+0, the obstetric way, in a note that speaks of pregnancy
    re.compile(
        r"(?<![\d/.])(?P<weeks>[1-4]\d)\s*\+\s*(?P<days>[0-6])(?![\d/])(?=(?s:.*?)(?:pregnan|antenatal|prenatal|obstet))",
        re.IGNORECASE,
    ),
)
_WEEKS_GATED = tuple(map(gated, _WEEKS))
# None of the patterns above can match without one of these.
_MAY_BE = WordSearch(
    re.compile(
        r"pregnan|gestation|gravid|\biup\b|intrauterine|\bega\b|\bga\b|antenatal|prenatal|obstet|\bpara\b|\bg\d|fo?etal|"
        r"trimester|fundal|\bob\b",
        re.IGNORECASE,
    )
)
_ALLOWED = frozenset(("chief_complaint", "history", "assessment", "indication", "plan", "problem_list", "exam"))


def _weeks(text: str, bits: int) -> tuple[int, int, int] | None:
    """(completed weeks, start, end) of a gestational age stated in a note whose words have these `bits`."""
    if not _MAY_BE.found_by(bits, text, 0, len(text)):
        return None
    for pattern in _WEEKS_GATED:
        if pattern is _BARE_WEEKS and not _SPOKEN_OF.search(text):
            continue
        for match in pattern.finditer(text):
            weeks = int(match["weeks"])
            if 3 <= weeks <= 43 and not re.search(
                r"\b(?:ago|post\w*|follow\w*|old|deliver\w*|s/p|after|since|out)\b",
                text[match.start() : match.end() + 12],
                re.IGNORECASE,
            ):
                return weeks, match.start(), match.end()
    return None


def pregnancy_of(draft: Draft) -> f.Pregnancy | None:
    """The current pregnancy, or None: a negative test, obstetric history and the time after birth are none."""
    spans = [s for read in draft.reads for s in read.spans.facts if s.label_.startswith("PREGNANCY")]
    stated = _weeks(draft.text, functools.reduce(operator.or_, draft.excerpt.bits, draft.excerpt.bits_of_rest))
    said = [s for s in spans if s.label_ in ("PREGNANCY", "PREGNANCY_RELATION") and _current(draft, s)]
    if not any(_SPOKEN_OF.search(s.text) for s in said):
        said = []  # "pre-existing" alone is said of any condition
    trimesters = [s for s in spans if s.label_ == "PREGNANCY_TRIMESTER" and _current(draft, s)]
    if stated is None and not trimesters and (not said or any(s.label_ == "PREGNANCY_NOT" for s in spans)):
        return None
    evidence = draft.quote(stated[1], stated[2]) if stated else draft.evidence_of((said or trimesters)[0])
    details = [f.Detail("trimester", draft.evidence_of(s)) for s in trimesters[:1]]
    trimester: f.Trimester | None = pipeline.metadata(trimesters[0])["value"] if trimesters else None
    relations = [s for s in spans if s.label_ == "PREGNANCY_RELATION" and _current(draft, s)]
    details += [f.Detail("relation", draft.evidence_of(s)) for s in relations]
    values = [pipeline.metadata(s)["value"] for s in relations]
    # What predates or stands apart from the pregnancy is said on purpose; "in pregnancy" is said of everything.
    relation = next((v for v in values if v != "caused"), values[0] if values else None)
    return f.Pregnancy(evidence, trimester, stated[0] if stated else None, relation, tuple(details))


def _current(draft: Draft, span: Span) -> bool:
    return draft.assertion(span)[0] == "present" and draft.source(draft.piece_of(span).sentence) in _ALLOWED
