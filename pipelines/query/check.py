"""The judge of queries: nothing is printed that has not passed here, whoever wrote the templates.

A rule of `wording/rules.toml` either looks for words or has a function of its name below. Nothing a query says of itself
is believed where it can be looked up: quotes are held against the note, options against the quotes.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ...coding.findings import NO_HEADING
from ...coding.gaps.model import Option as GapOption
from .gap import Gap, Indicator
from .model import Option, Query
from .wording import Rules, matcher, readings, rules, same_words

_HASH: Final = re.compile("[0-9a-f]{64}")

_BEFORE: Final = 60
"""Characters before a quote in which a word that denies it is looked for; the longest such phrase has 21."""


@dataclass(frozen=True)
class Breach:
    """A rule that a query breaks, and where. ``found``: words of the query's own, never of the note."""

    rule: str
    part: str
    found: str = ""

    @property
    def message(self) -> str:
        """One line: where, what, which rule."""
        said = f"{self.found!r} breaks rule" if self.found else "breaks rule"
        return f"{self.part}: {said} {self.rule}: {rules().rules[self.rule].says}"


@dataclass(frozen=True)
class Approved:
    """A query that breaks no rule. Only `judge` makes one, and only such queries can be rendered."""

    query: Query


@dataclass(frozen=True)
class Refused:
    """A query that must not be sent, and each rule it breaks."""

    gap: str
    breaches: tuple[Breach, ...]

    @property
    def message(self) -> str:
        """One line for the person who would have sent it."""
        return f"query {self.gap} is refused: {'; '.join(breach.message for breach in self.breaches)}"


@dataclass(frozen=True)
class _Case:
    """A query with what it is held against: its note and its gap, as far as they are at hand."""

    query: Query
    text: str | None
    gap: Gap | None
    rules: Rules

    def stated(self) -> frozenset[str]:
        """The diagnoses that a quoted indicator states and no option brings in."""
        brought_in: frozenset[str] = frozenset().union(
            *(self.rules.named(option.text) for option in self.query.answers if option.introduces)
        )
        return _stated(self.query.indicators, self.rules) - brought_in


def judge(query: Query, *, text: str | None = None, gap: Gap | None = None) -> Approved | Refused:
    """Hold ``query`` against every rule. ``text``: its note, where at hand; ``gap``: what it was built from."""
    breaches = check(query, text=text, gap=gap)
    return Refused(query.gap, breaches) if breaches else Approved(query)


def check(query: Query, *, text: str | None = None, gap: Gap | None = None) -> tuple[Breach, ...]:
    """Every rule that ``query`` breaks, in the order of rules.toml, each once."""
    case = _Case(query, text, gap, rules())
    found: list[Breach] = []
    for rule in case.rules.rules.values():
        hits = _worded(query, rule.id) if rule.is_wording else FUNCTIONS[rule.id](case)
        found += [Breach(rule.id, part, words) for part, words in hits][:1]
    return tuple(found)


Hits = Iterator[tuple[str, str]]
"""Where a rule is broken, and by which words."""


def _worded(query: Query, name: str) -> Hits:
    rule = rules().rules[name]
    for part, kind, text in _texts(query):
        words = rule.found_in(text) if kind in rule.where else None
        if words is not None:
            yield part, words


def _texts(query: Query) -> Iterator[tuple[str, str, str]]:
    """The query's own words with the name and the kind of their part. Quotes are the note's and not judged as wording."""
    yield "title", "title", query.title
    yield "opening", "opening", query.opening
    yield "question", "question", query.question
    for number, option in enumerate(query.options, start=1):
        yield f"option {number}", "option", option.text
    yield "instruction", "instruction", query.instruction


# -- title and question ------------------------------------------------------------------------------------------------


def _title_leads(case: _Case) -> Hits:
    """A diagnosis that is not stated, or the words of an answer, in the title."""
    title = case.query.title
    yield from (("title", name) for name in sorted(case.rules.named(title) - case.stated()))
    yield from (("title", words) for words in _answers_in(title, case))


def _names_answer(case: _Case) -> Hits:
    """The same in the question and the words around it; a question may name all answers, not some of them."""
    query = case.query
    for part, text in (("opening", query.opening), ("question", query.question), ("instruction", query.instruction)):
        yield from ((part, name) for name in sorted(case.rules.named(text) - case.stated()))
        named = list(_answers_in(text, case))
        if len(named) < len(query.answers):
            yield from ((part, words) for words in named)


def _answers_in(text: str, case: _Case) -> Iterator[str]:
    """The answers whose words stand in ``text``; what the question is about may be named."""
    words, about = f" {same_words(text)} ", f" {same_words(case.query.about)} "
    for option in case.query.answers:
        said = f" {same_words(option.text)} "
        if said.strip() and said in words and said not in about:
            yield said.strip()


def _no_question(case: _Case) -> Hits:
    question = case.query.question.strip()
    if not same_words(case.query.title):
        yield "title", ""
    if not same_words(question) or not (question.endswith("?") or question.lower().startswith("please ")):
        yield "question", ""


def _several_questions(case: _Case) -> Hits:
    if case.query.question.count("?") > 1:
        yield "question", ""


# -- indicators --------------------------------------------------------------------------------------------------------


def _no_indicator(case: _Case) -> Hits:
    if not case.query.indicators:
        yield "indicators", ""
    for part, indicator in _numbered(case):
        if not indicator.text.strip():
            yield part, ""


def _numbered(case: _Case) -> Iterator[tuple[str, Indicator]]:
    for number, indicator in enumerate(case.query.indicators, start=1):
        yield f"indicator {number}", indicator


def _standing(case: _Case, indicator: Indicator) -> str | None:
    """The words of the note at the place of an indicator; None if there is no such place."""
    assert case.text is not None
    if not 0 <= indicator.start < indicator.end <= len(case.text):
        return None
    return case.text[indicator.start : indicator.end]


def _indicator_not_in_note(case: _Case) -> Hits:
    """No such place, or other words stand there: not one word is the same."""
    if case.text is None:
        return
    for part, indicator in _numbered(case):
        there = _standing(case, indicator)
        if there is None or (there != indicator.text and not _share_words(there, indicator.text)):
            yield part, ""


def _quote_altered(case: _Case) -> Hits:
    if case.text is None:
        return
    for part, indicator in _numbered(case):
        there = _standing(case, indicator)
        if there is not None and there != indicator.text and _share_words(there, indicator.text):
            yield part, ""


def _share_words(one: str, other: str) -> bool:
    return not set(readings(one)[0].split()).isdisjoint(readings(other)[0].split())


def _quote_cut(case: _Case) -> Hits:
    """Half a word, or a denial left outside the quote and not said beside it."""
    if case.text is None:
        return
    for part, indicator in _numbered(case):
        if _standing(case, indicator) != indicator.text:
            continue  # another rule says so
        before, after = case.text[: indicator.start][-1:], case.text[indicator.end : indicator.end + 1]
        inside = _splits(before, indicator.text[:1]) or _splits(indicator.text[-1:], after)
        if inside or (not indicator.cue and cut_off(case.text, indicator.start)):
            yield part, ""


def _splits(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum()


def cut_off(text: str, start: int) -> str:
    """The words of ``text`` right before ``start`` that deny or doubt what follows, as they stand there with the space
    after them; a sentence or an entry that ends parts them.
    """
    before = re.split(r"[.;:,!?\n\r]", text[max(0, start - _BEFORE) : start])[-1]
    found = _cut_pattern(rules().lists["cut"]).search(before)
    return found[0] if found else ""


@functools.cache
def _cut_pattern(cues: tuple[str, ...]) -> re.Pattern[str]:
    phrases = (r"[^\w]+".join(map(re.escape, cue.split())) for cue in sorted(cues, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})[^\w]+$", re.IGNORECASE)


def _section_altered(case: _Case) -> Hits:
    if case.text is None:
        return
    for part, indicator in _numbered(case):
        own_word = indicator.section in ("", NO_HEADING)
        if not own_word and indicator.section not in case.text[: indicator.end]:
            yield part, ""


def _other_encounter(case: _Case) -> Hits:
    query = case.query
    if case.text is not None and query.encounter.text_sha256 != hashlib.sha256(case.text.encode()).hexdigest():
        yield "encounter", ""


def _no_reference(case: _Case) -> Hits:
    encounter = case.query.encounter
    if not _HASH.fullmatch(encounter.text_sha256) or not str(
        "-" if encounter.encounter_id is None else encounter.encounter_id
    ):
        yield "encounter", ""


def _no_brief(case: _Case) -> Hits:
    brief = case.query.brief
    if not all(words.strip() for words in (brief.name, brief.version, brief.publisher)):
        yield "brief", ""


# -- options -----------------------------------------------------------------------------------------------------------


def _missing(kind: str, wordings: str) -> Callable[[_Case], Hits]:
    def judged(case: _Case) -> Hits:
        lines = [option.text for option in case.query.options if option.kind == kind]
        known = case.rules.lists[wordings]
        if not any(readings(line)[0].strip() in known for line in lines):
            yield "options", ""

    return judged


def _too_few_options(case: _Case) -> Hits:
    if len(case.query.answers) == 1:  # none: an open-ended query
        yield "options", ""


def _option_twice(case: _Case) -> Hits:
    seen: set[str] = set()
    for number, option in enumerate(case.query.options, start=1):
        words = readings(option.text)[0]
        if words in seen:
            yield f"option {number}", words.strip()
        seen.add(words)


def _option_left_out(case: _Case) -> Hits:
    offered = {option.answer for option in case.query.answers}
    if not offered:
        return
    for wanted in case.rules.together.get(case.query.element, ()):
        if offered & wanted and not wanted <= offered:
            yield "options", ", ".join(sorted(wanted - offered))
    if case.gap is not None:
        answers, indicators = case.gap.answers, case.gap.indicators
        stand = {answer.answer for answer in answers if not lacks(_in_own_words(answer), indicators)}
        if not stand <= offered:
            yield "options", ", ".join(sorted(stand - offered))


def _introduces_diagnosis(case: _Case) -> Hits:
    yield from _lacking(case, "option-introduces-diagnosis")


def _unsupported(case: _Case) -> Hits:
    yield from _lacking(case, "option-unsupported")


def _lacking(case: _Case, rule: str) -> Hits:
    for number, option in enumerate(case.query.options, start=1):
        if option.kind == "answer" and lacks(option, case.query.indicators) == rule:
            yield f"option {number}", option.text


def lacks(option: Option, indicators: tuple[Indicator, ...]) -> str | None:
    """The rule by which an option may not be offered beside these indicators; None if it may."""
    known = rules()
    if not all(0 <= index < len(indicators) for index in option.supported_by):
        return "option-unsupported"
    cited = [indicators[index] for index in option.supported_by]
    named = frozenset() if _negates(option, known) else known.named(option.text)
    new = named - _stated(indicators, known)
    if (new or option.introduces) and not cited:
        return "option-introduces-diagnosis"
    speaking = [indicator.text for indicator in cited if not _denied(indicator, known)]
    silent = bool(cited) and not speaking and not _negates(option, known)
    if silent or any(not any(known.speaks_for(words, name) for words in speaking) for name in new):
        return "option-unsupported"
    return None


def _negates(option: Option, known: Rules) -> bool:
    """Whether the answer is that a diagnosis is not there; an answer that brings one in never is."""
    words = readings(option.text)[0]
    ends = any(words.endswith(f" {end} ") for end in known.lists["negates_at_end"])
    starts = any(words.startswith(f" {start} ") for start in known.lists["negates_at_start"])
    return not option.introduces and (ends or starts)


def _in_own_words(answer: GapOption) -> Option:
    return Option(answer.words, introduces=answer.introduces, supported_by=answer.supported_by)


def _stated(indicators: tuple[Indicator, ...], known: Rules) -> frozenset[str]:
    """The diagnoses that these quotes state without doubt."""
    doubt = matcher(known.lists["cut"])
    sure = [each.text for each in indicators if not each.cue and doubt.search(each.text) is None]
    return frozenset().union(*map(known.named, sure))


def _denied(indicator: Indicator, known: Rules) -> bool:
    return matcher(known.lists["denies"]).search(f"{indicator.cue} {indicator.text}") is not None


def _option_altered(case: _Case) -> Hits:
    """An option in words of a template that name another answer of the gap, or a diagnosis that its answer does not."""
    if case.gap is None:
        return
    words = {each.answer: each.words for each in case.gap.answers}
    for number, option in enumerate(case.query.options, start=1):
        own = words.get(option.answer)
        if option.kind != "answer" or own is None:
            continue
        others = [other for answer, other in words.items() if answer != option.answer]
        brought_in = case.rules.named(option.text) - case.rules.named(own) - _stated(case.query.indicators, case.rules)
        if brought_in or (not _holds(option.text, own) and any(_holds(option.text, other) for other in others)):
            yield f"option {number}", option.text


def _holds(text: str, words: str) -> bool:
    return f" {same_words(words)} " in f" {same_words(text)} "


def _conflict_one_sided(case: _Case) -> Hits:
    query = case.query
    if query.element != "conflict":
        return
    # Both entries may stand in one quote ("second trimester, 13 weeks"); then no option cites it for itself.
    sides = {option.supported_by for option in query.answers if option.supported_by}
    if len(sides) == 1 or (sides and len(query.indicators) < 2):
        yield "options", ""


def _yes_no(case: _Case) -> Hits:
    query = case.query
    asked = any(
        readings(option.text)[0].split()[:1] == ["yes"] or same_words(option.text) == "no" for option in query.answers
    )
    allowed = query.element in case.rules.lists["yes_no"] and not any(option.introduces for option in query.answers)
    if asked and not allowed:
        yield "options", ""


FUNCTIONS: Final[dict[str, Callable[[_Case], Hits]]] = {
    "title-leads": _title_leads,
    "names-answer": _names_answer,
    "no-question": _no_question,
    "several-questions": _several_questions,
    "no-indicator": _no_indicator,
    "indicator-not-in-note": _indicator_not_in_note,
    "quote-altered": _quote_altered,
    "quote-cut": _quote_cut,
    "section-altered": _section_altered,
    "other-encounter": _other_encounter,
    "no-reference": _no_reference,
    "no-brief": _no_brief,
    "missing-other": _missing("other", "other"),
    "missing-undetermined": _missing("undetermined", "undetermined"),
    "too-few-options": _too_few_options,
    "option-twice": _option_twice,
    "option-left-out": _option_left_out,
    "option-introduces-diagnosis": _introduces_diagnosis,
    "option-unsupported": _unsupported,
    "option-altered": _option_altered,
    "conflict-one-sided": _conflict_one_sided,
    "yes-no": _yes_no,
}
"""The rules that no list of words can judge; a test holds them against rules.toml."""
