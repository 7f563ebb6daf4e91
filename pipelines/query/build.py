"""From a gap and the templates to a query. What may not be offered is not offered; the rest is the judge's."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ... import __version__
from ...coding.gaps.model import Option as GapOption
from .check import cut_off, lacks
from .gap import Encounter, Gap, Indicator
from .model import Option, Query
from .templates import Template, Templates

_FEWEST: Final = 2
"""Answers that a list needs; with fewer the query is open-ended (rule too-few-options)."""


def build_query(gap: Gap, encounter: Encounter, templates: Templates) -> Query:
    """The query that asks about ``gap``, not judged yet."""
    template = templates.elements[gap.element]
    offered = [_option(answer, template) for answer in gap.answers]
    answers = [option for option in offered if not lacks(option, gap.indicators)]
    if len(answers) < _FEWEST:
        answers = []
    return Query(
        encounter=encounter,
        engine=__version__,
        gap=gap.id,
        element=gap.element,
        about=gap.about,
        brief=templates.brief,
        title=template.title.format(about=gap.about),
        opening=template.opening.format(about=gap.about),
        indicators=gap.indicators,
        question=template.question.format(about=gap.about),
        options=(
            *answers,
            Option(templates.other if answers else templates.open, "other"),
            Option(templates.undetermined, "undetermined"),
        ),
        instruction=templates.instruction,
    )


def whole_quotes(gap: Gap, text: str) -> Gap:
    """The gap with quotes that begin at the word which denies or doubts them, where it stands right before."""
    return replace(gap, indicators=tuple(_whole(indicator, text) for indicator in gap.indicators))


def _whole(indicator: Indicator, text: str) -> Indicator:
    before = "" if indicator.cue else cut_off(text, indicator.start)
    return replace(indicator, start=indicator.start - len(before), text=before + indicator.text)


def _option(answer: GapOption, template: Template) -> Option:
    words = template.options.get(answer.answer, "{words}").format(words=answer.words)
    return Option(
        text=words[:1].upper() + words[1:],
        answer=answer.answer,
        introduces=answer.introduces,
        supported_by=answer.supported_by,
    )
