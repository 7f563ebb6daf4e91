"""A `Result` as text for a person: red flags, the codes with their words and sources, what was left out and why.

Made to be read in ten seconds on a terminal of 100 columns. Nothing is decided here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Final

from ..coding.codeset import Code, NotCoded
from ..coding.findings import Evidence
from ..coding.gaps.model import Gap
from .result import Result

WIDTH: Final = 100
_LABEL: Final = 11
_QUOTE: Final = 60
"""Longest quote shown; the rest stands in the JSON."""
_QUOTES: Final = 8
"""Most quotes shown of one code."""

_GAPS: Final = 3
"""Most gaps shown in full: a provider answers few questions (query fatigue)."""

_OUTCOMES: Final = {
    "code": "",
    "code_and_query": "The codes stand; a query to the provider could change or strengthen them.",
    "query": "No code can be given from this note as it stands; a query to the provider is needed.",
    "out_of_scope": "Nothing in this note is codable here.",
}
ROLES: Final = {"first_listed": "first-listed", "additional": "additional", "optional": "optional, never first"}
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def render(result: Result) -> str:
    """The whole result, red flags first."""
    parts = [
        _red_flags(result),
        _clarified(result),
        _codes(result),
        _route(result),
        _gaps(result),
        _not_coded(result),
        _seen(result),
        _warnings(result),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _red_flags(result: Result) -> list[str]:
    if not result.red_flags:
        return []
    flags = [f"{plain(flag.flag)}  {_quotes(flag.evidence)}" for flag in result.red_flags]
    return ["RED FLAGS documented", *items(flags, mark="! ")]


def _codes(result: Result) -> list[str]:
    title = f"SUGGESTED CODES, in claim order  (release {result.release})"
    lines = [title if result.codes else f"NO CODE SUGGESTED  (release {result.release})"]
    if _OUTCOMES[result.outcome]:
        lines += wrapped(_OUTCOMES[result.outcome], indent=2)
    for number, code in enumerate(result.codes, start=1):
        lines += ["", *_code(number, code)]
    return lines


def _code(number: int, code: Code) -> list[str]:
    head = f"{number:>2}. {code.code:<9}{code.description}  [{ROLES[code.role]}]"
    lines = wrapped(head, indent=0, hang=13)
    lines += labelled("why", code.rationale)
    lines += labelled("words", _quotes(code.evidence))
    lines += labelled("source", f"{code.source}  (rule {code.rule})")
    if code.exception is not None:
        lines += labelled("exception", f"stands beside {code.exception.with_code}: {code.exception.note}")
    return lines


def _clarified(result: Result) -> list[str]:
    """What was told after the note, and what it changed."""
    if result.before is None:
        return []
    told = [f"{c.fact} = {plain(c.answer) or 'none'} (by the {c.by})" for c in result.findings.clarifications]
    now = tuple(code.code for code in result.codes)
    lines = ["TOLD AFTER THE NOTE", *items(told)]
    if now == result.before:
        return [*lines, *wrapped("The codes stay as they were.", 2)]
    return [*lines, *wrapped(f"before: {_codes_in_a_row(result.before)}; now: {_codes_in_a_row(now)}", 2, 4)]


def _codes_in_a_row(codes: Iterable[str]) -> str:
    return " + ".join(codes) or "no code"


def _route(result: Result) -> list[str]:
    """Where the encounter goes and why; nothing without models, or where there is nothing to send."""
    if result.route is None or result.confidence is None or result.outcome == "out_of_scope":
        return []
    why = "; ".join(reason.message for reason in result.reasons)
    return wrapped(f"ROUTE {result.route}, confidence {result.confidence:.2f}: {plain(why)}", 0, 6)


def _gaps(result: Result) -> list[str]:
    """What is worth asking the provider, the most important first, and what each answer would give."""
    if not result.gaps:
        return []
    lines = ["OPEN, AND WORTH ASKING"]
    for gap in result.gaps[:_GAPS]:
        lines += items([f"{gap.id}: {plain(gap.why)}"])
        lines += wrapped(_answers(gap, tuple(code.code for code in result.codes)), 4, 6)
    rest = result.gaps[_GAPS:]
    return lines + (wrapped(f"and {len(rest)} more: {', '.join(gap.id for gap in rest)}", 2, 4) if rest else [])


def _answers(gap: Gap, now: tuple[str, ...]) -> str:
    """As in "left → M54.42, right → M54.41; now M54.40": answers that lead to the same codes stand together."""
    if gap.effect == "defence":
        return (
            f"no answer changes a code; asked for by: {gap.demanded_by}"
            if gap.demanded_by
            else "no answer changes a code"
        )
    by_codes: dict[tuple[str, ...], list[str]] = {}
    for option in gap.options:
        by_codes.setdefault(option.codes, []).append(option.answer)
    told = [f"{' or '.join(answers)} → {_codes_in_a_row(codes)}" for codes, answers in by_codes.items()]
    return f"{', '.join(told)}; now {_codes_in_a_row(now)}"


def _not_coded(result: Result) -> list[str]:
    if not result.not_coded:
        return []
    return ["CONSIDERED, NOT CODED", *items(map(_left_out, result.not_coded))]


def _left_out(entry: NotCoded) -> str:
    code = f" ({entry.code})" if entry.code else ""
    # The reason quotes the words already; where they stand is what is missing.
    places = ", ".join(dict.fromkeys(_section(piece) for piece in entry.evidence))
    where = f" ({places})" if places else ""
    return f"{plain(entry.what)}{code}, {entry.status.replace('_', ' ')}: {plain(entry.reason)}{where}"


def _seen(result: Result) -> list[str]:
    if not result.seen:
        return []
    # A problem named twice is one problem to a reader; the JSON keeps both places.
    names = dict.fromkeys(_short(plain(entry.what), _QUOTE) for entry in result.seen)
    return ["SEEN, NOT CODED HERE", *wrapped("  ·  ".join(names), indent=2)]


def _warnings(result: Result) -> list[str]:
    if not result.warnings:
        return []
    return [
        "WARNINGS",
        *items(f"{notice.kind.replace('_', ' ')}: {plain(notice.message)}" for notice in result.warnings),
    ]


def _quotes(evidence: Iterable[Evidence]) -> str:
    """The quoted words with their sections, each section named once after its words."""
    pieces = list(evidence)
    distinct = dict.fromkeys((_section(piece), _short(plain(piece.text), _QUOTE)) for piece in outermost(pieces))
    distinct = {(section, words): None for section, words in distinct if words}
    shown = list(distinct)[:_QUOTES]
    by_section: dict[str, list[str]] = {}
    for section, words in shown:
        by_section.setdefault(section, []).append(f"“{words}”")
    more = f"; and {len(distinct) - len(shown)} more" if len(distinct) > len(shown) else ""
    told = dict.fromkeys(plain(piece.section) for piece in pieces if not piece.text and piece.section)
    return "; ".join([*(f"{', '.join(words)} ({section})" for section, words in by_section.items()), *told]) + more


def outermost(evidence: Iterable[Evidence]) -> list[Evidence]:
    """In note order, without the empty and those inside another."""
    kept: list[Evidence] = []
    for piece in sorted(evidence, key=lambda piece: (piece.start, -piece.end)):
        if piece.end > piece.start and (not kept or piece.end > kept[-1].end):
            kept.append(piece)
    return kept


def _section(piece: Evidence) -> str:
    """The heading the words stand under, as a person would name it."""
    return plain(piece.section).strip("(): ") or "no heading"


def labelled(label: str, text: str) -> list[str]:
    """A text behind its label, under an entry."""
    return wrapped(f"{label:<{_LABEL - 2}}{plain(text)}", indent=4, hang=4 + _LABEL - 2)


def items(texts: Iterable[str], mark: str = "- ") -> list[str]:
    """Each text on lines of its own behind a mark."""
    return [line for text in texts for line in wrapped(mark + text, indent=2, hang=4)]


def wrapped(text: str, indent: int, hang: int | None = None) -> list[str]:
    """The text on lines of the terminal's width."""
    # No breaking inside words or at hyphens: M54.1- and L4-L5 must stay whole.
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent if hang is None else hang),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def plain(text: str) -> str:
    """Note words on one line, without the control characters that a terminal would obey."""
    return re.sub(r"\s+", " ", _UNSAFE.sub(" ", text)).strip()


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
