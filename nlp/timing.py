"""How long: "x 3 wks", "for the past six months", "3-year history", "began 4 months ago", "since March 2025".

Durations are normalised to days with 7-day weeks, 28-day months and 365-day years, so that three months count as the 84
days the guide calls chronic (coding policy 5). "About" and "over" count as the number; of a range the lower bound counts.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from .cues import Gated, WordSearch
from .lexicon import lowered, wording

_WORDS = {
    "a": 1, "an": 1, "half": 0.5, "half a": 0.5, "a half": 0.5, "\u00bd": 0.5, "one": 1, "two": 2, "couple": 2, "a couple": 2,
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "fifteen": 15, "eighteen": 18, "twenty": 20, "thirty": 30, "forty": 40,
}  # fmt: skip
_UNITS = {
    "d": 1,
    "day": 1,
    "w": 7,
    "wk": 7,
    "week": 7,
    "mo": 28,
    "mos": 28,
    "mth": 28,
    "month": 28,
    "y": 365,
    "yr": 365,
    "year": 365,
    "decade": 3650,
    "hour": 0,
    "hr": 0,
}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = {m: i for i, m in enumerate(("jan feb mar apr may jun jul aug sep oct nov dec").split(), start=1)}  # noqa: SIM905

_NUMBER = r"(?:1/2|\d+(?:\.\d+)?(?:\s?1/2)?|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")"
_AMOUNT = (
    rf"(?P<low>{_NUMBER})(?:[ -]and[ -](?:a[ -])?half)?(?:\s?(?:-|to|or)\s?(?P<high>{_NUMBER}))?(?:[ ]of)?[ -]?"
    r"(?:and[ -]a[ -]half[ -])?"
    r"(?P<unit>days?|weeks?|wks?|months?|mos?|mths?|years?|yrs?|decades?|hours?|hrs?|(?<=\d)[ ]?[dyw](?=\W|$))\b\.?"
)
_LEAD = (
    r"(?:about|around|approximately|approx\.?|roughly|nearly|almost|over|more than|greater than|at least|>|~|\+"
    r"|the (?:last|past)|(?:the )?(?:last|past)|these)\s*"
)
_BEFORE = (
    r"(?:\bx|>|~|\bgoing on|\bnow|\bgreater than|\bmore than|\bfor|\bover|\bduring|\bin|\bthe|\bpast|\blast|\bthroughout"
    r"|(?<!\d )(?<!few )(?<!many )(?<!several )(?<!multiple )\btimes|\bsince|\bongoing|\blasting|\bof|,|\()\s*"
)
_COMPLAINT = wording("timing-complaint")
_NO_JOINT = r"(?!(?:for|with|from|to|in|on|after|and|or|but)\b)"
# All in lower case, as the text they are looked for in: without flags they are twice as quick.
_PATTERNS = (
    # a 3-year history of, two month history
    re.compile(rf"\b{_AMOUNT}[ -]?(?:old )?(?:history|hx|h/o|duration)\b"),
    re.compile(
        rf"\b(?:history|hx|duration)(?: of)?(?: the)?(?: (?:pain|symptoms))?(?: is| was|:)?\s*(?:{_LEAD})*{_AMOUNT}"
    ),
    # x 3 wks; for the past six months; over the last 2-3 weeks
    re.compile(rf"{_BEFORE}(?:{_LEAD})*(?:(?<!\w)|(?<=\bx)){_AMOUNT}(?:['’]s?)?(?: (?:duration|now))?"),
    # it has been about 5 months
    re.compile(
        rf"\b(?:it|this)(?: has|['’]s)(?: now)? been (?:(?:{_LEAD}|right |just |well |going on |some ))*\b{_AMOUNT}"
    ),
    # 4 months ago; 4 weeks earlier
    re.compile(rf"(?:{_LEAD})?\b{_AMOUNT}\s*(?:ago|earlier|back|prior|duration)\b"),
    # four months of low back pain
    re.compile(rf"\b(?P<time>{_AMOUNT})(?:['’]s?)?(?: of)? (?:{_NO_JOINT}[\w-]+ ){{0,4}}?(?:{_COMPLAINT.pattern})"),
    # low back pain 6 months; pain now 4 mos
    re.compile(
        rf"(?:{_COMPLAINT.pattern})(?: -)? (?:now )?(?P<time>(?:{_LEAD})*{_AMOUNT}(?: now)?)"
        r"(?=\s*(?:[.,;:)]|$|(?:and|with|w/|without|worse)\b))"
    ),
)
_GATED = tuple(map(Gated, _PATTERNS))
_TIME = re.compile(_AMOUNT)  # each of them holds one
_SINCE = Gated(wording("timing-since"))
_TIMED = WordSearch(wording("timing-timed"))
_AND_HALF = re.compile(r"\band[\s-](?:a[\s-])?half\b", re.IGNORECASE)
# What the time is of, when it is not of the pain; what has a date or weeks of its own, and a pain to last.
_NOT_PAIN = wording("timing-not-pain")
_VISIT = wording("timing-visit")
_OF_OTHER = re.compile(
    r"[\s(-]*(?:(?:of|after|post|from|status|following|since(?: (?:her|his|the|their))?(?: (?:last|prior|previous))?)\b)?"
    rf"[\s-]*(?:{_NOT_PAIN.pattern}|{_VISIT.pattern})",
    re.IGNORECASE,
)
# "In 3 months" lies ahead, "in the past 3 months" does not.
_IN_BEFORE = re.compile(r"\bin\s*$")
_IN = re.compile(r"in (?!the (?:past|last))", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[.;]|, (?:and|but|she|he)\b")
_ITS_PURPOSE = wording("timing-purpose")
_NEW_CLAUSE = wording("timing-new-clause")
_ONSET = Gated(wording("timing-onset"))
_AGE = re.compile(r"[ -]?(?:old|y/?o)\b", re.IGNORECASE)
_HISTORY = re.compile(r"(?:history|hx|h/o)$", re.IGNORECASE)
_OF_COMPLAINT = re.compile(
    rf"(?:['’]s?)?(?: of)? (?:{_NO_JOINT}[\w-]+ ){{0,4}}?(?:{_COMPLAINT.pattern})", re.IGNORECASE
)
_LASTS = re.compile(r"(?:x|>|~|times|going on|for|over|since|ongoing|lasting|during)", re.IGNORECASE)


@dataclass(frozen=True)
class Duration:
    """A stated duration: offsets in the text searched, and days."""

    start: int
    end: int
    days: int


def _number(word: str) -> float:
    word = " ".join(word.lower().split())
    if word in _WORDS:
        return float(_WORDS[word])
    if word.endswith("1/2"):
        return float(word[:-3].strip() or 0) + 0.5
    return float(word)


def _days(match: re.Match[str]) -> int:
    unit = match["unit"].lower().strip(" .")
    size = _UNITS.get(unit, _UNITS.get(unit.rstrip("s"), 0))
    half = 0.5 if _AND_HALF.search(match.group()) else 0.0
    return int((_number(match["low"]) + half) * size)


def _since_days(match: re.Match[str], today: datetime.date | None) -> int | None:
    if match["hours"]:
        return int(match["hours"].lower() == "yesterday")
    if match["weekday"]:  # without a date no longer than is certain
        return (today.weekday() - _WEEKDAYS.index(match["weekday"][:3].lower())) % 7 or 7 if today else 1
    if today is None:
        return None
    year = match["y"] or match["y2"] or match["y3"] or match["y4"]
    month = match["m"] or match["m2"] or (_MONTHS[match["mon"][:3].lower()] if match["mon"] else None)
    day = match["d"] or match["d3"]
    if year is None and match["mon"]:
        year = today.year if int(month or 1) <= today.month else today.year - 1
    if year is None:
        return None
    full = int(year) + (2000 if len(str(year)) == 2 else 0)
    # Of a month or year alone the last day counts: no longer than is stated.
    try:
        onset = (
            datetime.date(full, int(month), int(day)) if month and day else _last_day(full, int(month) if month else 12)
        )
    except ValueError:
        return None
    elapsed = (today - onset).days
    return elapsed if elapsed >= 0 else None


def _last_day(year: int, month: int) -> datetime.date:
    first_of_next = datetime.date(year + (month == 12), month % 12 + 1, 1)
    return first_of_next - datetime.timedelta(days=1)


def durations(text: str, today: datetime.date | None, bits: int, *, asked: bool = False) -> list[Duration]:
    """Stated durations of pain or symptoms in one sentence (of an excerpt), leftmost first.

    Args:
        text: one sentence.
        today: the date of service, needed for "since ..."; None leaves those out.
        bits: what the words of `text` tell the patterns (`Vocabulary`); more than that does no harm.
        asked: it stands under a heading that asks for it ("Onset: 2 years ago").
    """
    found: list[Duration] = []
    lower = lowered(text)
    if not _TIMED.found_by(bits, lower, 0, len(text)):
        return found
    of_pain = asked or _ONSET.search_by(bits, text) or _COMPLAINT.search(text)
    for pattern in _GATED if of_pain and _TIME.search(lower) else ():
        for match in pattern.pattern.finditer(lower) if pattern.may_match(bits) else ():
            start, end = match.span("time" if "time" in match.re.groupindex else 0)
            if any(d.start < end and start < d.end for d in found):
                continue
            if _is_of_pain(text, match, start, end):
                found.append(Duration(start, end, _days(match)))
    for match in _SINCE.pattern.finditer(text) if _SINCE.may_match(bits) else ():
        days = _since_days(match, today)
        if days is not None and not any(d.start < match.end() and match.start() < d.end for d in found):
            found.append(Duration(match.start(), match.end(), days))
    return sorted(found, key=lambda d: d.start)


def _is_of_pain(text: str, match: re.Match[str], start: int, end: int) -> bool:
    """Whether a time, told where pain is spoken of, is the pain's."""
    after = text[end : end + 28]
    before = text[max(0, start - 45) : start]
    if _AGE.match(after) or _IN_BEFORE.search(before) or _IN.match(match.group()) or _OF_OTHER.match(after):
        return False
    if _HISTORY.search(match.group()) or _OF_COMPLAINT.match(text, end):
        return True  # "a 6-month history of", "4 months of pain": what it is of follows
    return _is_told_of_pain(_CLAUSE_END.split(before)[-1], text[start:end])


def _is_told_of_pain(before: str, time: str) -> bool:
    """Whether the pain, not a job, an age or a treatment, is what stands nearest before a time in its clause."""
    complaints = list(_COMPLAINT.finditer(before))
    start = complaints[-1].start() if complaints else 0
    other = _last(_NOT_PAIN, before)
    if other is not None:
        between = before[other.end() : start]
        treated = _ITS_PURPOSE.search(between) and not _NEW_CLAUSE.search(between)
        if other.start() >= start or treated:
            return False
    visit = _last(_VISIT, before)
    # "Here for follow-up of neck pain for 6 months", but "Recheck neck pain, 6 months", "pregnant with neck pain, 30 weeks".
    return visit is None or (visit.start() < start and bool(_LASTS.match(time)))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)
