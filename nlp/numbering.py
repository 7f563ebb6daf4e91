"""Numbers that open the entries of a list inside a line: "1. Strain 2. Pain", "#1 strain #2 pain", "1 strain, 2 pain".

A number counts as an entry's when it goes on from the entry before it in the same style. What only looks like one
("grade 2. Stable", "type 2. Continue", "#30 tablets") is told by the word in front of it or by what it counts.
"""

from __future__ import annotations

import re

from .lexicon import wording

_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six")
# "2 IUD insertion": an entry's number with no mark behind it; what is counted is no entry.
_COUNTED = (
    r"(?!(?:x|d|days?|wks?|weeks?|mos?|months?|y|yrs?|years?|hrs?|hours?|min\w*|mg|mcg|ml|cc|mm|cm|of|to|or|and|times"
    r"|tabs?|visits?|sessions?|views?|levels?|units?|more|per|st|nd|rd|th|pm|am|refills?)\b)"
)
BARE_NUMBER = re.compile(rf"[ \t]*(\d{{1,2}})[ \t]+(?=[A-Za-z]){_COUNTED}", re.IGNORECASE)
_INLINE = re.compile(
    r"(?<![\w./-])(?P<digits>\d{1,2})(?:(?P<stop>\.)(?:[ \t]+(?=[A-Z])|(?=[A-Z][A-Za-z]))|(?P<bracket>\))[ \t]+(?=[A-Za-z]))"
    r"|(?P<word>\b(?:One|Two|Three|Four|Five|Six))[,.:][ \t]+(?=\S)"
    rf"|(?<![\w#])#[ \t]?(?P<hash>\d{{1,2}})[.:)]?[ \t]+(?=[A-Za-z])(?i:{_COUNTED})"
    rf"|(?<=[,;.][ \t])(?P<bare>\d{{1,2}})[ \t]+(?=[A-Za-z])(?i:{_COUNTED})"
)
# Where a number may stand: looked for first, for ``re`` is quick where a pattern begins with one of a few letters.
_MAY_NUMBER = re.compile(
    r"[\d#OTFS](?:(?<=\d)(?:\d?(?:\.[ \t]*(?=[A-Z])|\)[ \t])|(?<=[,;.][ \t].)\d?[ \t])|(?<=#)(?=[ \t]?\d)"
    r"|(?:(?<=O)ne|(?<=T)(?:wo|hree)|(?<=F)(?:our|ive)|(?<=S)ix)[,.:])"
)
_TAKES_NUMBER = wording("layout-takes-number")
_LOOK_BACK = 24


def inline_numbers(text: str, start: int, end: int) -> list[re.Match[str]]:
    """What may be the number of an entry in ``text[start:end]``, in order."""
    found: list[re.Match[str]] = []
    for place in _MAY_NUMBER.finditer(text, start, end):
        if not found or found[-1].end() <= place.start():
            match = _INLINE.match(text, place.start(), end)
            found += [match] if match else []
    return found


def number_of(match: re.Match[str]) -> int:
    """The number that a match of `inline_numbers` writes."""
    if match["word"]:
        return _NUMBER_WORDS.index(match["word"].lower()) + 1
    return int(match["digits"] or match["hash"] or match["bare"])


def style_of(match: re.Match[str]) -> str:
    """How the number is written; a list keeps to one style."""
    if match["digits"]:
        return "." if match["stop"] else ")"
    return "word" if match["word"] else "#" if match["hash"] else "bare"


def takes_number(text: str, start: int, at: int) -> bool:
    """Whether the word before `at` has the number for its own ("grade 2.", "type 2.")."""
    return bool(_TAKES_NUMBER.search(text[max(start, at - _LOOK_BACK) : at].rstrip(" \t(")))
