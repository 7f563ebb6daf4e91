"""Layout of a note: lines, headings, list items and sentences, found in the raw text before spaCy sees any of it.

Clinical notes are lists, headings and dictated paragraphs in any mixture. A line break may end a thought or fall in the
middle of a phrase; a heading may fill a line or open one; a sentence may have no full stop. This module decides those
questions once, on the raw text, with offsets kept, so that what holds no cue need never be tokenised.

Units: all offsets are code points of the note as given.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from .headings import (
    REPORT_PARTS,
    STATES_DIAGNOSES,
    Heading,
    Titles,
    copied,
    is_report_end,
    names_study,
    normal_title,
    place_in_order,
    soap_letter,
)
from .lexicon import wording
from .numbering import BARE_NUMBER, inline_numbers, number_of, style_of, takes_number

_LINE = re.compile(r"[^\r\n\v\f\u2028\u2029\x85]*(?:\r\n|[\r\n\v\f\u2028\u2029\x85]|\Z)")
_BULLET = re.compile(
    r"[ \t\u00a0]*(?:[-–—•*·‣●○▪◦>]+[ \t]+|[•●▪·](?=\w)"
    r"|(?P<number>\d{1,2})[ \t]*[.)][ \t]*(?=[^\d\s])|#[ \t]*(?P<hash>\d{0,2})[.:]?[ \t]*(?=[A-Za-z])"
    r"|\((?P<paren>\d{1,2})\)[ \t]*"
    r"|(?P<word>One|Two|Three|Four|Five|Six|Seven|Eight|[Nn]umber[ \t]+(?:one|two|three|four|five|six|seven|eight))"
    r"(?:[,.:]|[ \t]-)[ \t]+(?=[^\d\s])"
    r"|(?P<letter>[A-Za-z])[.)][ \t]+(?=[A-Z]))"
)
# A sentence ends at . ! ? before white space and an upper-case letter, digit or quote; not after these (none is longer
# than six letters).
_ABBREVIATIONS = (  # noqa: SIM905 - a list to be read
    "dr mr mrs ms prof st vs no pt pts approx dept fig inc jr sr e.g i.e etc incl ca cf al wt ht temp resp exam"
    " lt rt hx dx tx rx fx sx b.i.d t.i.d q.i.d p.r.n p.o q.d a.m p.m h.s y.o mg ml cm mm"
).split()
# Asked of the letters before a stop in reverse order, so that it is tried at one place alone.
_ENDS_ABBREVIATED = re.compile(
    rf"(?:{'|'.join(re.escape(word[::-1]) for word in _ABBREVIATIONS)})(?!\w)"
    # A letter alone is a name's; behind a comma, ">" or "on" it is a side, which may end a sentence ("sciatica, L.").
    r"|(?:[A-KM-QS-Z]|[LR](?! ,| ?>| no\b))(?![\w/'’])",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"[.!?;](?:(?<=;)(?=[ \t])"
    r"|(?<!;)[.!?]*[\"')\]”’]*(?=[ \t\u00a0]+[\"'(\[“‘]?[A-Z0-9•*]|[ \t\u00a0]+c/o\b|[ \t\u00a0]*$))"
)
# "x.Y" without a space after the stop (dictation): only after a lower-case word of three letters or more.
_TIGHT_STOP = re.compile(r"\.(?<=[a-z]{3}\.)(?=[A-Z][a-z]+ )")

# A line that ends in one of these is torn off.
_DANGLING = re.compile(
    r"\b(?:a|an|the|of|at|in|on|to|and|or|with|for|from|by|her|his|is|was|are|were|has|have|no|not|that|which|as|than|into)$"
)
# Longer than any sentence of a note that means one thing; what is longer is cut so that reading stays linear.
_LONGEST_SENTENCE = 1200
_LISTING = frozenset(("assessment", "post_diagnosis", "pre_diagnosis", "past_history", "plan", "problem_list"))
# Words of an entry on a line of its own, and of one that stands among others.
_ENTRY_LINE, _SHORT_ENTRY = 10, 6
# What parts a diagnosis from the remark on it.
_REMARK = re.compile(r":(?=[ \t])|[ \t][-–—]+(?=[ \t])")
_VERB = wording("note-verb")
_CONCLUDES = wording("layout-concludes")
_ON_ADMISSION = wording("layout-on-admission")
_AT_DISCHARGE = wording("layout-at-discharge")
_WRAP_LONGEST = 140
_WRAP_SHORTEST = 40
_WRAP_RAGGED = 12


class Line(NamedTuple):
    """A line and where it stands, its line end left out."""

    start: int
    end: int  # without the line end
    text: str


class Sentence(NamedTuple):
    """A sentence or list entry. ``item`` counts the entries of its section from 1; 0 when it stands in none.

    ``first``: it opens its entry (or its section): the place of a diagnostic statement. ``label``: the category of a
    sub-heading in force ("Plan:" inside an assessment), else empty.
    """

    start: int
    end: int
    section: Heading
    item: int
    first: bool
    label: str
    paragraph: int


@dataclass(frozen=True)
class Layout:
    """The headings and sentences of a note, in order."""

    sentences: tuple[Sentence, ...]
    headings: tuple[Heading, ...]


def lines_of(text: str) -> list[Line]:
    """The lines of `text` with their offsets; line ends of every kind are left out of them."""
    out: list[Line] = []
    for match in _LINE.finditer(text):
        body = match.group().rstrip("\r\n\v\f\u2028\u2029\x85")
        if match.end() == match.start() and match.start() == len(text) and out:
            break
        out.append(Line(match.start(), match.start() + len(body), body))
    return out


def wrap_width(lines: list[Line]) -> int:
    """The column at which the note was wrapped, or 0 when it was not.

    In a wrapped text many lines come near the same greatest length; in a list of entries one line is the longest.
    """
    lengths = [len(line.text) for line in lines if line.text.strip()]
    width = max(lengths, default=0)
    if width < _WRAP_SHORTEST or width > _WRAP_LONGEST:
        return 0
    full = sum(width - _WRAP_RAGGED <= length for length in lengths)
    return width if full >= 3 and full / len(lengths) >= 0.3 else 0


def _continues(line: Line, following: Line, width: int, *, lower_entries: bool) -> bool:
    """Whether the break after `line` is only a wrap."""
    text, after = line.text.rstrip(), following.text.lstrip()
    if not text or not after or _BULLET.match(following.text):
        return False
    if after[0].islower() and not lower_entries and text[-1] not in ".!?:":
        return True
    if _DANGLING.search(text) or text[-1] == ",":
        return True
    if not width or lower_entries:
        return False
    first_word = after.split(None, 1)[0]
    full = width < len(text) + 1 + len(first_word)
    return full and text[-1] != ":"


class LayoutReader:
    """Reads the layout of notes; built once with the known titles."""

    def __init__(self, titles: Titles) -> None:
        self._titles = titles

    def read(self, text: str) -> Layout:
        """The headings and sentences of `text`, in order; every non-blank character of a body is in one sentence."""
        walker = _Walker(text, self._titles)
        blocks = _blocks(lines_of(text), self._titles)
        for block, following in itertools.zip_longest(blocks, blocks[1:]):
            walker.block(block, following)
        layout = Layout(tuple(walker.sentences), tuple(walker.headings))
        return _with_conclusions(text, _with_first_impressions(_with_pasted_reports(layout)))


def _with_conclusions(text: str, layout: Layout) -> Layout:
    """The layout with the conclusion of a letter, or of one long dictation, as its assessment: "In summary, she has ...".

    It goes on to the end of its paragraph. A note that heads its diagnoses needs none.
    """
    if any(heading.category in STATES_DIAGNOSES for heading in layout.headings):
        return layout
    out: list[Sentence] = []
    concluding: Heading | None = None
    for sentence in layout.sentences:
        if concluding is not None and sentence.paragraph == out[-1].paragraph:
            out.append(sentence._replace(section=concluding))
            continue
        concluding = _conclusion(text, sentence)
        if concluding is None:
            out.append(sentence)
            continue
        if sentence.start < concluding.start:
            out.append(sentence._replace(end=concluding.start))
        out.append(sentence._replace(start=concluding.end, section=concluding, first=True))
    return replace(layout, sentences=tuple(out))


def _conclusion(text: str, sentence: Sentence) -> Heading | None:
    """The words of a sentence that announce what the provider concludes, as a heading."""
    if sentence.section.category not in ("none", "history"):
        return None
    said = text[sentence.start : sentence.end]
    match = _CONCLUDES.search(said)
    if match is None or not said[match.end() :].strip():
        return None
    title = match.group().strip(" ,:")
    return Heading(sentence.start + match.start(), sentence.start + match.end(), title, "assessment")


def _with_pasted_reports(layout: Layout) -> Layout:
    """The layout with the impression of a pasted report as part of the report.

    A radiologist's "IMPRESSION" below "FINDINGS" inside a visit is no diagnosis of this provider's: the visit has an
    assessment of its own, or the impression stands right below the name of the study between history and plan.
    """
    places: dict[str, list[int]] = {}
    for index, heading in enumerate(layout.headings):
        places.setdefault(heading.category, []).append(index)
    told = {s.section.start for s in layout.sentences}
    pasted = {
        heading.start: replace(heading, category="imaging")
        for index, heading in enumerate(layout.headings)
        if index and is_report_end(heading.title) and _is_pasted(layout.headings, index, places, told)
    }
    return _replaced(layout, pasted) if pasted else layout


def _with_first_impressions(layout: Layout) -> Layout:
    """The layout with the diagnosis on admission as the complaint, where one at discharge tells what it was."""
    if not any(_AT_DISCHARGE.search(heading.title) for heading in layout.headings):
        return layout
    return _replaced(
        layout,
        {h.start: replace(h, category="chief_complaint") for h in layout.headings if _ON_ADMISSION.search(h.title)},
    )


def _replaced(layout: Layout, headings: dict[int, Heading]) -> Layout:
    """The layout with other headings in place of those that start at these places."""
    sentences = tuple(s._replace(section=headings.get(s.section.start, s.section)) for s in layout.sentences)
    return Layout(sentences, tuple(headings.get(h.start, h) for h in layout.headings))


def _is_pasted(headings: tuple[Heading, ...], index: int, places: dict[str, list[int]], told: set[int]) -> bool:
    """Whether the impression at `index` is a report's. ``places``: indexes by category; ``told``: starts with a body."""
    before, heading = headings[index - 1], headings[index]
    if before.category != "imaging" or heading.category != "assessment":
        return False

    def later(category: str) -> bool:
        return places.get(category, [-1])[-1] > index

    def earlier(category: str) -> bool:
        return places.get(category, [index])[0] < index

    if later("assessment"):
        return True
    if normal_title(before.title) not in REPORT_PARTS and not names_study(before.title):
        return False
    if earlier("assessment"):
        return True
    named_only = names_study(before.title) and before.start not in told
    return named_only and (earlier("history") or earlier("chief_complaint")) and later("plan")


class _Block(NamedTuple):
    """Lines that run on as one text; ``blank_before``: a blank line stands above."""

    start: int
    end: int
    bullet: re.Match[str] | None
    blank_before: bool
    last_of_paragraph: bool
    indent: int


def _blocks(lines: list[Line], titles: Titles) -> list[_Block]:
    width = wrap_width(lines)
    out: list[_Block] = []
    blank = True
    lower_entries = False
    index = 0
    while index < len(lines):
        line = lines[index]
        if not line.text.strip():
            blank = True
            index += 1
            continue
        if blank:
            # A paragraph whose first line starts small is a list of small entries, not a sentence torn in two.
            lower_entries = line.text.lstrip()[0].islower()
        last = index
        while (
            last + 1 < len(lines)
            and _continues(lines[last], lines[last + 1], width, lower_entries=lower_entries)
            and not titles.opens(lines[last + 1].text)
            and not titles.fills(lines[last].text)
        ):
            last += 1
        following_blank = last + 1 >= len(lines) or not lines[last + 1].text.strip()
        indent = len(line.text) - len(line.text.lstrip())
        out.append(_Block(line.start, lines[last].end, _BULLET.match(line.text), blank, following_blank, indent))
        blank = False
        index = last + 1
    return out


class _Walker:
    """Goes through the blocks once, keeping the section, the entry and the sub-heading in force."""

    def __init__(self, text: str, titles: Titles) -> None:
        self.text = text
        self.titles = titles
        self.sentences: list[Sentence] = []
        self.headings: list[Heading] = []
        self.section = Heading(0, 0, "", "none")
        self.item = 0
        self.fresh = True
        self.label = ""
        self.paragraph = 0
        self.numbered = False
        self.style = ""
        self.passing_label = False
        self.before_section = 0
        self.copied = False
        self.copied_line = False
        self.line_end = 0

    def block(self, block: _Block, following: _Block | None) -> None:
        """Reads the next block; `following` is the one below it."""
        self.paragraph += 1
        if self.passing_label:
            self.label, self.passing_label = "", False
        start, self.line_end = block.start, block.end
        if block.bullet and start + block.bullet.end() < block.end:
            body = start + block.bullet.end()
            if self._entry_label(body, block.end):
                return
            self._open_entry(block)
            start = body
        else:
            heading = self._report_heading(block, following) or self.titles.heading(
                self.text, start, block.end, self.section
            )
            number = BARE_NUMBER.match(self.text, start, block.end)
            if heading is not None:
                start = self._enter(heading)
            elif number is not None and self._is_next(int(number[1])):
                self.numbered = True
                self.style = "bare"
                self._next_item()
                start = number.end()
            elif self._is_entry_heading(block):
                self._next_item()
        self._body(start, block.end)

    def _report_heading(self, block: _Block, following: _Block | None) -> Heading | None:
        """The name of a study on a line of its own, above the parts of a report pasted into a visit."""
        if following is None or self.section.category == "none":
            return None
        line = self.text[block.start : block.end]
        if not self.titles.starts_report(line, self.text[following.start : following.end]):
            return None
        return Heading(block.start, block.end, line.strip().rstrip(":"), "imaging")

    def _entry_label(self, start: int, end: int) -> bool:
        """A bullet that is itself a heading ("• Medical Reasoning: ...")."""
        heading = self.titles.heading(self.text, start, end, self.section)
        if heading is None or names_study(heading.title):
            return False
        self._body(self._enter(heading), end)
        return True

    def _open_entry(self, block: _Block) -> None:
        assert block.bullet is not None
        mark = block.bullet
        # "# Herpes zoster" with "- valacyclovir" below it: the dashes are parts of the entry, as under a number.
        if mark["number"] or mark["paren"] or mark["word"] or mark["hash"] is not None:
            self.numbered = True
            self.style = "#" if mark["hash"] else ")" if mark["paren"] or mark.group().rstrip().endswith(")") else "."
            self._next_item()
        elif not self.numbered:
            self._next_item()

    def _is_next(self, number: int) -> bool:
        """Whether a bare number counts on in an assessment; only a first entry may open the counting."""
        return (
            self.section.category == "assessment" and number == self._next_number() and (self.numbered or number == 1)
        )

    def _next_number(self) -> int:
        return self.item - self.before_section + 1

    def _next_item(self) -> None:
        self.item += 1
        self.fresh = True
        self.label = ""

    def _is_entry_heading(self, block: _Block) -> bool:
        """A short line of its own in an assessment, above its reasoning, or one diagnosis to a line.

        "Cervical radiculopathy - MRI pending", "LUMBAR DDD: HOME EXERCISES": short is what stands before the remark.
        """
        if self.section.category != "assessment" or self.numbered:
            return False
        line = self.text[block.start : block.end]
        named = _REMARK.split(line, maxsplit=1)[0]
        if len(named.split()) <= _SHORT_ENTRY and (named == line or not _VERB.search(named)):
            return True
        alone = block.blank_before or block.last_of_paragraph or (self.fresh and not self.item)
        return len(line.split()) <= _ENTRY_LINE and (alone or not _VERB.search(line))

    def _enter(self, heading: Heading) -> int:
        """Makes `heading` the section or sub-heading in force; returns where its body starts."""
        earlier = copied(heading.title)
        if earlier is None and self.copied_line and not heading.is_label and not self._within_copy(heading):
            earlier = False  # "Prior assessment: ..." on one line is that line
        self.copied = self.copied if earlier is None else earlier
        self.copied_line = (
            bool(earlier) or (self.copied_line and self._within_copy(heading))
        ) and heading.end < self.line_end
        if self.copied:
            heading = Heading(heading.start, heading.end, heading.title, "past_history", heading.is_label)
        if heading.is_label:
            self.label = "" if self.copied else heading.category
            self.passing_label = heading.category == "imaging"
        else:
            self._count_on(heading)
            self.section = heading
            self.headings.append(heading)
            self.fresh = True
            self.label = ""
            self.numbered = False
            self.style = ""
            counted = heading.category == "assessment" and place_in_order(heading.title)
            if (
                counted
                and heading.end < self.line_end
                and not self.text[heading.end : self.line_end].lstrip()[:1].isdigit()
            ):
                self._next_item()
        return heading.end

    def _count_on(self, heading: Heading) -> None:
        """Sets the count of entries: a "Secondary diagnosis" goes on from the diagnosis before it, all else starts anew."""
        self.before_section = 0
        if heading.category == "assessment" == self.section.category and place_in_order(heading.title) > 1:
            if not self.item:
                # "Diagnosis: ... Diagnosis 2: ...": the first was an entry after all.
                for index in range(len(self.sentences) - 1, -1, -1):
                    if self.sentences[index].section != self.section:
                        break
                    self.sentences[index] = self.sentences[index]._replace(item=1)
            self.before_section = max(self.item, 1)
        self.item = self.before_section

    def _within_copy(self, heading: Heading) -> bool:
        """As in "Previous note: S: sciatica. A: radiculopathy." the letters are the copied note's own."""
        letter = soap_letter(heading)
        return heading.end <= self.line_end and (letter == "s" or bool(letter and soap_letter(self.section)))

    def _body(self, start: int, end: int) -> None:
        """Sentences of a run of text, which may hold headings and numbers of its own."""
        position = start
        for inner in self.titles.inner(self.text, start, end, self.section):
            told_of = self.section.category == "past_history" and inner.category == "assessment"
            if told_of and not soap_letter(inner):
                continue  # "46M w/ 4 mo leg pain. Dx: disc herniation." told of an earlier time
            self._numbered_run(position, inner.start)
            position = self._enter(inner)
        self._numbered_run(position, end)

    def _numbered_run(self, start: int, end: int) -> None:
        """Splits "1. Strain. 2. Pain." on one line into entries."""
        position = start
        first = BARE_NUMBER.match(self.text, start, end) if self.fresh and not self.numbered else None
        if first is not None and int(first[1]) == 1 and self._is_next(1):
            self.numbered, self.style = True, "bare"
            self._next_item()
            position = first.end()
        for cut in inline_numbers(self.text, position, end):
            if not self._is_entry_number(cut, start):
                continue
            self._sentences(position, cut.start())
            self.numbered = True
            self.style = style_of(cut)
            self._next_item()
            position = cut.end()
        self._sentences(position, end)

    def _is_entry_number(self, match: re.Match[str], start: int) -> bool:
        if number_of(match) != self._next_number():
            return False
        before = self.text[start : match.start()].rstrip(" \t\r\n(")
        style = style_of(match)
        listing = self.section.category in _LISTING
        if before and style == "bare":
            return listing and self.style == "bare"
        if not before or before[-1] in ".;:,)":
            return listing or not before
        # "1. Hypertension 2. Low back pain": no stop between, but the counting goes on as it began.
        goes_on = self.item > 0 and (style == ")" or (self.style == style and style in ".#"))
        return listing and goes_on and not takes_number(self.text, start, match.start())

    def _sentences(self, start: int, end: int) -> None:
        for left, right in split_sentences(self.text, start, end):
            self.sentences.append(
                Sentence(left, right, self.section, self.item, self.fresh, self.label, self.paragraph)
            )
            self.fresh = False


def _short_enough(text: str, cuts: list[int], start: int) -> list[int]:
    """The cuts, with more of them at white space where a "sentence" has no end: a pasted table, a huge line."""
    out: list[int] = []
    for cut in cuts:
        while cut - start > _LONGEST_SENTENCE:
            space = text.rfind(" ", start + _LONGEST_SENTENCE // 2, start + _LONGEST_SENTENCE)
            start = space + 1 if space >= 0 else start + _LONGEST_SENTENCE
            out.append(start)
        out.append(cut)
        start = cut
    return out


def split_sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the sentences of ``text[start:end]``, trimmed of white space."""
    cuts = []
    for pattern in (_STOP, _TIGHT_STOP):
        for match in pattern.finditer(text, start, end):
            at = match.start()
            long_word = at - start >= 7 and text[at - 7 : at].isalpha()
            if text[at] == "." and not long_word and _ENDS_ABBREVIATED.match(text[max(start, at - 12) : at][::-1]):
                continue
            cuts.append(match.end())
    out: list[tuple[int, int]] = []
    position = start
    for cut in _short_enough(text, [*sorted(cuts), end], start):
        left, right = position, cut
        while left < right and text[left].isspace():
            left += 1
        while left < right and text[right - 1].isspace():
            right -= 1
        if left < right:
            out.append((left, right))
        position = cut
    return out
