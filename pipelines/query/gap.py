"""A gap of a Result, as a query needs it: read from the result's JSON object, so that stored results serve as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...coding.errors import InputError
from ...coding.gaps.model import Option

SURE: Final = "present"
_MOST: Final = 2
"""Most quotes of a code that stand for those of a gap without any."""

_ABSENT: Final = ("negated", "family", "hypothetical", "other_person")
_MENTIONS: Final = ("conditions", "injuries", "red_flags", "supports", "studies", "intents", "phases")
"""The lists of findings whose entries say whether they are present."""

Said = Mapping[tuple[int, int], tuple[tuple[str, str], ...]]
"""Place in the note → (assertion, cue) of each mention there."""


@dataclass(frozen=True)
class Indicator:
    """Words of the note that bear on a gap. ``cue``: the note's word that denies them or puts them in doubt, if it stands
    outside the quote ("possible", "denies").
    """

    start: int
    end: int
    text: str
    section: str
    cue: str = ""


@dataclass(frozen=True)
class Gap:
    """What the note leaves open and a query may ask (`gaps` in docs/result.schema.json). ``supported_by`` of an answer
    are indexes into these ``indicators``, which are not all of the result's.
    """

    id: str
    element: str
    about: str
    effect: str
    answers: tuple[Option, ...]
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True)
class Encounter:
    """Which encounter and which note a query is about."""

    encounter_id: str | int | None
    provider: str | None
    date_of_service: str | None
    text_sha256: str


def gaps_of(result: Mapping[str, Any]) -> tuple[Gap, ...]:
    """The gaps of a result object, in its order.

    Raises:
        InputError: the result was made by a version without gaps, or its gaps cannot be read.
    """
    if "gaps" not in result:
        raise InputError("is a result without gaps; make it again with this version")
    try:
        said, rests_on = _said(result), _rests_on(result)
        return tuple(_gap(data, said, rests_on) for data in result["gaps"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError("its gaps cannot be read; make the result again with this version") from None


def encounter_of(result: Mapping[str, Any]) -> Encounter:
    """The encounter that a result object is of.

    Raises:
        InputError: the keys that name it are missing or of another type.
    """
    number, provider, day = (result.get(key) for key in ("encounter_id", "provider", "date_of_service"))
    usable = isinstance(number, str | int | None) and isinstance(provider, str | None) and isinstance(day, str | None)
    if not usable or not isinstance(result.get("text_sha256"), str):
        raise InputError("is no spinecode result")
    return Encounter(number, provider, day, result["text_sha256"])


def _rests_on(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The fullest quotes of the first spinal code: what a gap is about that has no words of its own."""
    codes = list(result.get("codes") or ())
    spinal = [code for code in codes if code["code"].startswith("M")] or codes
    quotes = sorted(spinal[0]["evidence"], key=lambda quote: quote["start"] - quote["end"]) if spinal else []
    return tuple(sorted(quotes[:_MOST], key=lambda quote: quote["start"]))


def _gap(data: Mapping[str, Any], said: Said, rests_on: tuple[Mapping[str, Any], ...]) -> Gap:
    pieces = list(data["indicators"])
    # What is only told as absent, by no word that could be quoted with it, is no indicator.
    kept = [index for index, piece in enumerate(pieces) if _cue(piece, said) is not None]
    return Gap(
        id=str(data["id"]),
        element=str(data["element"]),
        about=str(data.get("about") or ""),
        effect=str(data["effect"]),
        answers=tuple(_answer(option, kept) for option in data["options"]),
        indicators=tuple(_indicator(piece, said) for piece in [pieces[index] for index in kept] or rests_on),
    )


def _answer(data: Mapping[str, Any], kept: list[int]) -> Option:
    return Option(
        answer=str(data["answer"]),
        words=str(data.get("words") or data["answer"]),
        codes=tuple(str(code) for code in data["codes"]),
        introduces=bool(data.get("introduces", False)),
        supported_by=tuple(kept.index(index) for index in data.get("supported_by", ()) if index in kept),
    )


def _indicator(data: Mapping[str, Any], said: Said) -> Indicator:
    text, cue = str(data["text"]), _cue(data, said) or ""
    # A cue inside the quote is read with it.
    outside = cue if cue.casefold() not in text.casefold() else ""
    return Indicator(int(data["start"]), int(data["end"]), text, str(data["section"]), outside)


def _cue(piece: Mapping[str, Any], said: Said) -> str | None:
    """The note's word that denies or doubts a quote, "" if none does; None if it is denied by no word that is known."""
    mentions = said.get((int(piece["start"]), int(piece["end"])), ())
    if not mentions or any(assertion not in _ABSENT for assertion, cue in mentions if not cue):
        return ""
    return next((cue for _, cue in mentions if cue), None)


def _said(result: Mapping[str, Any]) -> Said:
    """What the findings say of each place: the assertion and the cue of every mention there."""
    found: dict[tuple[int, int], tuple[tuple[str, str], ...]] = {}
    for name in _MENTIONS:
        for mention in (result.get("findings") or {}).get(name, ()):
            quote = mention["evidence"]
            place = (int(quote["start"]), int(quote["end"]))
            cue = str(mention.get("cue", ""))
            # A condition denied by no word of its own is by its heading, which is quoted with it.
            by_heading = name == "conditions" and not cue
            told = (SURE if by_heading else str(mention.get("assertion", SURE)), cue)
            found[place] = (*found.get(place, ()), told)
    return found
