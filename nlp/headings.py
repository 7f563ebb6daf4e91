"""Which words are headings, and what part of the note they open. The titles are medSpaCy section rules (data)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from .lexicon import rules, wording

# Title at the start of a line: up to nine words, then a colon (or a spaced dash).
_LINE_TITLE = re.compile(
    r"[ \t\u00a0]*(?:[*_#=>]+[ \t]*)?(?P<title>[A-Za-z][^:\r\n]{0,68}?)[ \t]*[*_]*(?P<mark>:[*_]*|[ \t][-–—]+(?=[ \t]))"
)
# "S/ pain for a week", "PLAN   rest": a letter and a stroke, or capitals set off by white space.
_SET_OFF_TITLE = re.compile(r"[ \t]*(?P<title>[SOAP](?=/[ \t])|[A-Z][A-Z /&]{2,40}?(?=[ \t]{2,}\S))(?P<mark>/|[ \t]+)")
# "Dx #1 low back pain, #2 neck pain": the counting starts right behind the title.
_COUNTED_TITLE = re.compile(
    r"[ \t]*(?P<title>dx|diagnos[ie]s|impression|assessment)[ \t]+(?=#?[ \t]?1[.)]?[ \t]+[a-z])", re.IGNORECASE
)
# In running text: capitals and a colon, or Title Case and a colon after a full stop.
_INNER_TITLE = re.compile(
    r"(?:(?<=[.;:!?)\]][ \t])|(?<=[ \t]{2})|(?<=[.;]))(?P<title>[A-Z][A-Z0-9 /&,'’()-]{2,50}"
    r"|[A-Z][a-z]+(?: (?:of|and|the|[A-Za-z/&]+)){0,4}(?: #?\d{1,2})?):"
)
# "... tender A: lumbar strain P: rest": one letter and a colon; a number behind it is a value ("P: 80") unless it opens a list.
_INNER_LETTER = re.compile(r"(?<![\w'’./&-])(?P<title>[SOAP]):(?=[ \t]*(?:[A-Za-z(\"“+-]|\d{1,2}[.)][ \t]|#)|[ \t]*\Z)")
# "A: rest. B: injection", "Q: Any pain? A: Yes": letters of another list.
_OTHER_LETTERS = re.compile(r"(?<![\w'’])[BCDEQ]:")
_SOAP = "soap"
_NOT_WORD = re.compile(r"[^a-z0-9/+]+")
# "PREOP SUMMARY (copied from 11/2025)": what a heading adds in brackets is no part of its name.
_ASIDE = re.compile(r"(?<=\w)[ ]*\([^()]*[^()s][^()]*\)[ ]*$")
_SPACED_STROKE = re.compile(r" ?/ ?")
_SPINAL = wording("headings-spinal")
_STOPS = re.compile(r"[.;?!][ \t]+\S")
_LOOK_BACK, _LONGEST_TITLE = 24, 90
REPORT_PARTS = frozenset(("findings", "technique", "comparison"))
"""Titles that only a report has."""
# What may stand right below the name of a study in a report.
_REPORT_OPENS = REPORT_PARTS | {"indication", "clinical history", "clinical indication", "history", "report"}
STATES_DIAGNOSES = frozenset(("assessment", "post_diagnosis", "pre_diagnosis"))
"""Sections that hold the provider's diagnostic statement (coding policy 1)."""
# Sections whose own parts (organ systems, body regions) stay in them.
_HOLDS_PARTS = frozenset({"exam", "review_of_systems", "imaging", "past_history", "other", "medication", "procedure"})


_QUALIFIED = wording("headings-qualified")
# A block copied from an earlier visit is history, whatever its own headings say, until today's part starts.
_HEDGED = wording("headings-hedged")
_LETTERED = wording("headings-lettered")
_ORDINAL = wording("headings-ordinal")
_STUDY = wording("headings-study")
_STUDY_TOLD = wording("headings-study-told")
_PRIOR = wording("headings-prior")
_TODAY = wording("headings-today")


_ASIDE_LISTS = frozenset(("past_history", "medication", "social", "allergies", "family"))


@dataclass(frozen=True)
class Heading:
    """A heading in force from `start`; its body starts at `end`. ``is_label``: a sub-heading inside a section."""

    start: int
    end: int
    title: str
    category: str
    is_label: bool = False


def copied(title: str) -> bool | None:
    """True when the title opens a block from an earlier visit, False when it opens today's part, else None."""
    key = normal_title(title)
    if _PRIOR.search(key):
        return True
    return False if _TODAY.search(key) else None


_REPORT_ENDS = frozenset(("impression", "impressions", "conclusion", "interpretation", "summary"))


def is_report_end(title: str) -> bool:
    """Whether a title is one that closes a radiologist's report."""
    return normal_title(title) in _REPORT_ENDS


@lru_cache(maxsize=64)  # a line is asked several questions, one after the other
def normal_title(text: str) -> str:
    """Lower case, words parted by one space, punctuation gone: what titles are compared by."""
    return _SPACED_STROKE.sub("/", _NOT_WORD.sub(" ", text.lower().replace("&", " and "))).strip()


def place_in_order(title: str) -> int:
    """1 for a title that opens a count of diagnoses ("Primary dx", "Dx 1"), 2 for one that goes on with it, else 0."""
    match = _ORDINAL.search(normal_title(title))
    if match is None:
        return 0
    return 1 if match["first"] or match["number"] == "1" else 2


def names_study(title: str) -> bool:
    """Whether a title is a study with its place, date or kind of text ("MRI L-spine", "X-ray lumbar spine 2/3/2026")."""
    return not _STOPS.search(title) and bool(_STUDY.match(normal_title(_without_aside(title))))


def _without_aside(title: str) -> str:
    return _ASIDE.sub("", title) if ")" in title else title


class Titles:
    """The known titles; built from (literal, category, label) triples, e.g. of ``nlp/rules/sections.json``."""

    def __init__(self, rules: Iterable[tuple[str, str, bool]]) -> None:
        self._known = {normal_title(literal): (category, label) for literal, category, label in rules}

    def lookup(self, title: str) -> tuple[str, bool] | None:
        """(category, is_label) of a title, or None."""
        key = normal_title(_without_aside(title))
        found = self._known.get(key) or self._known.get(re.sub(r" \d+$", "", key))
        if found is None and _PRIOR.search(key) and len(key.split()) <= 7:
            return "past_history", False
        if (
            found is None
            and not _HEDGED.match(key)
            and not names_study(title)
            and not _STOPS.search(title)
            and (qualified := _QUALIFIED.match(key))
        ):
            # "PT assessment", "orthopaedic impression": the last words say what it is.
            return self._known.get(qualified["title"] or qualified["first"])
        return found

    def starts_report(self, line: str, following: str) -> bool:
        """Whether `line` names a study and the line below it opens a part of a report."""
        if len(line) > _LONGEST_TITLE or not names_study(line.strip().rstrip(":.").strip("*_#=- \t")):
            return False
        match = _LINE_TITLE.match(following)
        title = match["title"] if match else following.strip().rstrip(":")
        return normal_title(title) in _REPORT_OPENS or is_report_end(title)

    def opens(self, line: str) -> bool:
        """Whether the line starts with a known title and a colon, or is one."""
        match = _SET_OFF_TITLE.match(line) or _LINE_TITLE.match(line)
        named = match and (self.lookup(match["title"]) or (match["mark"][0] == ":" and names_study(match["title"])))
        return bool(named) or self.fills(line)

    def fills(self, line: str) -> bool:
        """Whether the whole line is a known title."""
        bare = line.strip().rstrip(":.").strip("*_#=- \t")
        return 2 <= len(bare) <= 60 and self.lookup(bare) is not None and (line.strip()[-1:] != ".")

    def heading(self, text: str, start: int, end: int, current: Heading) -> Heading | None:
        """The heading that opens or fills ``text[start:end]``, given the section it stands in."""
        line = text[start:end]
        if self.fills(line):
            category, label = self.lookup(line.strip().rstrip(":").strip("*_#=- \t")) or ("other", False)
            return Heading(start, end, line.strip(), category, self._as_label(label, current))
        match = _SET_OFF_TITLE.match(line)
        if match is not None and (found := self.lookup(match["title"])) is not None:
            return Heading(start, start + match.end(), match["title"], found[0], self._as_label(found[1], current))
        match = _COUNTED_TITLE.match(line)
        if match is not None:
            return Heading(start, start + match.end(), match["title"], "assessment")
        match = _LINE_TITLE.match(line)
        if match is None:
            return self._told_study(line, start, current)
        known = self.lookup(match["title"])
        if known is not None and (match["mark"][0] == ":" or not known[1]):
            category, label = known
            return Heading(start, start + match.end(), match["title"], category, self._as_label(label, current))
        if match["mark"][0] == ":" and names_study(match["title"]):
            return self._study(match, start, current)
        return self._told_study(line, start, current) or self._unknown(match, start, current)

    @staticmethod
    def _told_study(line: str, start: int, current: Heading) -> Heading | None:
        """As in "PMH: asthma." and below it "MRI 9/2025 shows ...": a line of its own on a study is no past history."""
        if current.category not in _ASIDE_LISTS or not (match := _STUDY_TOLD.match(line)):
            return None
        title = re.match(r"[\w-]+(?: [\w-]+)?", match.group())
        assert title is not None
        return Heading(start, start, title.group(), "history")

    @staticmethod
    def _study(match: re.Match[str], start: int, current: Heading) -> Heading | None:
        """As in "MRI L-spine: ..." is a part of the note, below a diagnosis a part of it; what is planned is no result."""
        if current.category in ("plan", "education"):
            return None
        below = current.category in STATES_DIAGNOSES
        if below and not match.string[match.end() :].strip():
            return None
        return Heading(start, start + match.end(), match["title"], "imaging", below)

    @staticmethod
    def _as_label(label: bool, current: Heading) -> bool:
        # "Plan:" below an assessment is a part of its entry; alone it is a section of its own.
        return label and current.category != "none"

    @staticmethod
    def _unknown(match: re.Match[str], start: int, current: Heading) -> Heading | None:
        """A heading nobody listed ends a history or complaint, unless it names the spine or stands in a part."""
        title = match["title"]
        shouted = title.upper() == title and len(title.split()) <= 6 and match["mark"][0] == ":"
        if not shouted or _SPINAL.search(title) or current.category in _HOLDS_PARTS:
            return None
        if current.category in ("assessment", "plan", "post_diagnosis", "pre_diagnosis", "indication"):
            return None
        return Heading(start, start + match.end(), title, "other")

    def inner(self, text: str, start: int, end: int, current: Heading) -> Iterator[Heading]:
        """Known headings inside running text, in order. Sub-headings only when written in capitals."""
        if text.find(":", start, end) < 0:
            return
        found = [*self._inner_titles(text, start, end), *self._inner_letters(text, start, end, current)]
        yield from sorted(found, key=lambda heading: heading.start)

    def _inner_titles(self, text: str, start: int, end: int) -> Iterator[Heading]:
        for match in _INNER_TITLE.finditer(text, start, end):
            title = match["title"]
            known = self.lookup(title)
            if known is None:
                continue
            category, label = known
            shouted = title.upper() == title
            if shouted or not label or category == "plan":
                yield Heading(match.start(), match.end(), title, category, label)

    def _inner_letters(self, text: str, start: int, end: int, current: Heading) -> Iterator[Heading]:
        """The letters S, O, A, P of a note told on one line: behind a stop, or going on from the letter before."""
        matches = list(_INNER_LETTER.finditer(text, start, end))
        if not matches or _OTHER_LETTERS.search(text, start, end):
            return
        last = soap_letter(current)
        for match in matches:
            letter = match["title"].lower()
            before = text[max(start, match.start() - _LOOK_BACK) : match.start()].rstrip()
            if _LETTERED.search(before) or before.endswith("?"):
                continue
            stopped = not before or before.endswith((".", ";", ":", "!", ")", "]"))
            goes_on = bool(last) and _SOAP.index(last) < _SOAP.index(letter)
            known = self.lookup(letter)
            if known is not None and (stopped or goes_on):
                last = letter
                yield Heading(match.start(), match.end(), match["title"], *known)


def soap_letter(heading: Heading) -> str:
    """The letter, in lower case, where the heading is S, O, A or P alone; else nothing."""
    title = normal_title(heading.title)
    return title if len(title) == 1 and title in _SOAP else ""


@lru_cache(maxsize=1)
def known_titles() -> Titles:
    """The section titles of ``nlp/rules/sections.json``, ready for the layout."""
    return Titles((r["literal"], r["category"], bool(r["metadata"].get("label"))) for r in rules("sections.json"))
