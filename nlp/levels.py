"""Vertebral levels and roots: "L4-5 and L5-S1", "C5 through C7", "L5 over S1", "right L5 root".

A level expression is found in the raw sentence and replaced by one word (`PLACEHOLDER`) before the sentence is
tokenised, so that every phrase rule needs one word for it and none needs to know how levels are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..coding.findings import Region

PLACEHOLDER = "lvl"

_ORDER = (
    [f"C{n}" for n in range(8)]
    + [f"T{n}" for n in range(1, 13)]
    + [f"L{n}" for n in range(1, 6)]
    + [f"S{n}" for n in range(1, 6)]
)
_INDEX = {name: i for i, name in enumerate(_ORDER)}
_LIMIT = {"C": 8, "T": 12, "L": 5, "S": 5}

_VERTEBRA = r"[CTLS][ -]?\d{1,2}"
_NO_MEASURE = r"(?![0-9A-Za-z/]|[ ]?(?:mm|cm|%|x|times|out|weeks|months|days|years|hours|visits))"
# One expression: "L4", "L4-5", "L4-L5", "L4/5", "L5S1", "L3, L4 and L5", "C3 through C5", "L4-5-S1".
EXPRESSION = re.compile(
    rf"(?<![A-Za-z0-9]){_VERTEBRA}(?![0-9])"
    rf"(?:(?:[ ]?(?:[-/]|to|though|through|thru|over|upon|on)[ ]?(?:(?:the[ ])?{_VERTEBRA}|\d{{1,2}})|[ ]?[LS]\d)"
    r"(?![0-9]|/\d|[ ]?(?:mm|cm|%|weeks|months|days)))*"
    rf"(?:(?:[ ]?,[ ]?and[ ]|[ ]?,[ ]?|[ ]and[ ]|[ ]?&[ ]?){_VERTEBRA}(?:[ ]?[-/][ ]?(?:{_VERTEBRA}|\d{{1,2}}))*(?![0-9A-Za-z]))*"
    # "L4-5, 5-1": the next disc begins where the last one ended. "4/5" is a strength.
    rf"(?:(?<=[-/](\d))(?:[ ]?,[ ]?|[ ]and[ ]|[ ]?&[ ]?)\1(?:[-/]S?1|-\d){_NO_MEASURE})*"
    r"(?![0-9A-Za-z])"
    r"(?![ -]?(?:weighted|signal|hyperintens|FLAIR|images|sequences|axial|sagittal|and[ ]S2\b|[ ]?,[ ]?S2\b))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Levels:
    """What one expression says: disc levels head to tail, or single vertebrae when no pair is said."""

    start: int
    end: int
    discs: tuple[str, ...]
    vertebrae: tuple[str, ...]


def _norm(token: str, letter: str = "") -> str | None:
    token = token.replace(" ", "").replace("-", "").upper()
    if token.isdigit():
        token = letter + token
    name, number = token[0], token[1:]
    if name not in _LIMIT or not number.isdigit() or _LIMIT[name] < int(number):
        return None
    if number == "0" and name != "C":
        return None
    return f"{name}{int(number)}"


def disc(upper: str, lower: str) -> str:
    """The name of the disc between two vertebrae, head to tail: "L4-L5"."""
    return f"{upper}-{lower}"


def discs_between(upper: str, lower: str) -> tuple[str, ...]:
    """Every disc from `upper` to `lower` inclusive: C5, C7 give C5-C6 and C6-C7."""
    if "C8" in (upper, lower):
        return ()
    left, right = sorted((_INDEX[upper], _INDEX[lower]))
    return tuple(disc(_ORDER[i], _ORDER[i + 1]) for i in range(left, right))


_MAYBE = re.compile(r"[CTLSctls][ -]?\d")
_PART = re.compile(rf"{_VERTEBRA}|\d{{1,2}}|[A-Za-z]+|[-/,&]", re.IGNORECASE)
_SPANNING = {"-", "/", "to", "though", "through", "thru", "over", "upon", "on"}


@lru_cache(maxsize=4096)
def parse(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(discs, vertebrae) of an expression's words; empty when they name no vertebra."""
    discs: list[str] = []
    singles: list[str] = []
    previous: str | None = None
    joined, letter = False, ""
    for match in _PART.finditer(words):
        token = match.group()
        if token.lower() in _SPANNING:
            joined = True
            continue
        if not token[0].isdigit() and not re.fullmatch(_VERTEBRA, token, re.IGNORECASE):
            if token.lower() != "the":
                joined, previous = False, None
            continue
        if pair := _run_together(token):
            discs.extend(d for d in discs_between(*pair) if d not in discs)
            joined, previous, letter = False, None, pair[1][0]
            continue
        name = _crossing(token, previous) or _norm(token, letter)
        if name is None:
            continue
        letter = name[0]
        tight = previous is not None and match.start() > 0 and words[match.start() - 1].isalnum()
        if previous is not None and (joined or tight):
            if singles and singles[-1] == previous:
                singles.pop()
            discs.extend(d for d in discs_between(previous, name) if d not in discs)
        else:
            singles.append(name)
        previous, joined = name, False
    return tuple(discs), tuple(singles)


def _run_together(token: str) -> tuple[str, str] | None:
    """As in "L45", "C56": two vertebrae in a row, where no vertebra has such a number."""
    if len(token) != 3 or token[0].upper() not in "CL" or not token[1:].isdigit():  # "L-4" names one vertebra
        return None
    if int(token[2]) != int(token[1]) + 1:
        return None
    upper, lower = _norm(token[:2]), _norm(token[0] + token[2])
    return (upper, lower) if upper and lower and _norm(token) is None else None


def _crossing(digits: str, previous: str | None) -> str | None:
    """As in "L5-1" and "C7-1", "T12-1" are L5-S1, C7-T1, T12-L1."""
    across = {"L5": "S1", "C7": "T1", "T12": "L1"}
    return across.get(previous or "") if digits == "1" else None


def find(text: str) -> list[Levels]:
    """Level expressions of `text` (dashes already plain) with offsets into it."""
    out: list[Levels] = []
    if not _MAYBE.search(text):
        return out
    for match in EXPRESSION.finditer(text):
        discs, vertebrae = parse(match.group())
        if (discs or vertebrae) and not _heart_sounds(text, match) and not _code(text, match):
            out.append(Levels(match.start(), match.end(), discs, vertebrae))
    return out


def _code(text: str, match: re.Match[str]) -> bool:
    """As in "C34.1", a code of the classification, not C3-C4 written together."""
    return bool(_run_together(match.group())) and bool(re.match(r"\.\d", text[match.end() : match.end() + 2]))


def _heart_sounds(text: str, match: re.Match[str]) -> bool:
    """S1 and S2 of a heart exam are no vertebrae."""
    if not re.fullmatch(r"S[1-4](?:[ ]?(?:,|and|&|/)[ ]?S[1-4])*", match.group(), re.IGNORECASE):
        return False
    near = text[max(0, match.start() - 40) : match.end() + 25].lower()
    return bool(re.search(r"heart|murmur|rhythm|rrr|regular|rate|cardiac|gallop|normal s1|\bcv\b", near))


def region_of_disc(level: str) -> Region:
    """The region of a disc level (coding policy 2)."""
    upper, lower = level.split("-")
    if upper in ("C0", "C1"):
        return "occipito_atlanto_axial"
    crossing: dict[tuple[str, str], Region] = {
        ("C7", "T1"): "cervicothoracic",
        ("T12", "L1"): "thoracolumbar",
        ("L5", "S1"): "lumbosacral",
    }
    if (upper, lower) in crossing:
        return crossing[upper, lower]
    return _REGION_OF_LETTER[upper[0]]


def region_of_root(name: str) -> Region:
    """The region of a nerve root (coding policy 2): C8 is cervicothoracic, S1 lumbosacral."""
    special: dict[str, Region] = {
        "C1": "occipito_atlanto_axial",
        "C2": "occipito_atlanto_axial",
        "C8": "cervicothoracic",
        "S1": "lumbosacral",
    }
    return special.get(name) or _REGION_OF_LETTER[name[0]]


def region_of_vertebra(name: str) -> Region:
    """The region of a single vertebra or root's name."""
    return "occipito_atlanto_axial" if name in ("C0", "C1") else _REGION_OF_LETTER[name[0]]


_REGION_OF_LETTER: dict[str, Region] = {"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "sacral"}
