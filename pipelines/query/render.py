"""A judged query as text and as Markdown, as the provider gets it: no code, no gap id, nothing of what would change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..render import plain, wrapped
from .check import Approved
from .gap import Encounter, Indicator
from .model import Brief, Option

NOT_GIVEN: Final = "not given"
_BLANK: Final = "____________________"
_HASH_SHOWN: Final = 12
_LABEL: Final = 11
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|~&])")
_FIRST: Final = re.compile(r"^(\d+(?=[.)])|(?=[#+=-]))")
"""What would make a line a heading, an item or a rule."""


def render_text(approved: Approved) -> str:
    """The query for a terminal or a letter, 100 columns wide."""
    query = approved.query
    lines = ["Provider query", "", *wrapped(plain(query.title), 0), ""]
    for label, value in _reference(query.encounter):
        lines += wrapped(f"{label:<{_LABEL}}{value}", 2, 2 + _LABEL)
    lines += ["", *wrapped(plain(query.opening), 0)]
    for quote in quotes(query.indicators):
        lines += wrapped(f"- {quote}", 2, 4)
    lines += ["", *wrapped(plain(query.question), 0), ""]
    for option in query.options:
        lines += wrapped(f"[ ] {_line(option)}", 2, 6)
    lines += ["", *wrapped(plain(query.instruction), 0), "", *wrapped(footer(query.brief), 0)]
    return "\n".join(lines) + "\n"


def render_markdown(approved: Approved) -> str:
    """The query as Markdown; nothing that a note holds is taken for markup."""
    query = approved.query
    lines = [f"# {_escaped(query.title)}", ""]
    lines += [f"- {label}: {_escaped(value)}" for label, value in _reference(query.encounter)]
    lines += ["", _escaped(query.opening), ""]
    lines += [f"> - {_escaped(quote)}" for quote in quotes(query.indicators)]
    lines += ["", _escaped(query.question), ""]
    lines += [f"- [ ] {_escaped(_line(option))}" for option in query.options]
    lines += ["", _escaped(query.instruction), "", _escaped(footer(query.brief))]
    return "\n".join(lines) + "\n"


def quotes(indicators: Iterable[Indicator], marks: str = "“”") -> list[str]:
    """Each indicator in quotation marks with its section, words of one place once, in note order."""
    ordered = sorted(indicators, key=lambda each: (each.start, each.end))
    return list(dict.fromkeys(_quote(each, marks) for each in ordered))


def _quote(indicator: Indicator, marks: str) -> str:
    section = plain(indicator.section).strip("(): *#_") or "no heading"
    said = f"; the note adds {marks[0]}{plain(indicator.cue)}{marks[1]}" if indicator.cue else ""
    return f"{marks[0]}{plain(indicator.text)}{marks[1]} ({section}{said})"


def footer(brief: Brief) -> str:
    """Which practice brief the query follows."""
    return plain(f"This query follows {brief.publisher}: {brief.name} ({brief.version}).")


def _reference(encounter: Encounter) -> tuple[tuple[str, str], ...]:
    number = NOT_GIVEN if encounter.encounter_id is None else plain(str(encounter.encounter_id))
    return (
        ("Encounter", number),
        ("Date", encounter.date_of_service or NOT_GIVEN),
        ("Provider", plain(encounter.provider or NOT_GIVEN)),
        ("Note", f"sha256 {encounter.text_sha256[:_HASH_SHOWN]}"),
    )


def _line(option: Option) -> str:
    return f"{plain(option.text)}: {_BLANK}" if option.kind == "other" else plain(option.text)


def _escaped(text: str) -> str:
    """Text in which Markdown and HTML see no markup."""
    return _FIRST.sub(r"\1\\", _MARKUP.sub(r"\\\1", plain(text)))
