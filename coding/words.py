"""Facts in words: names for people, and the rationale of a rule filled in with the note's own words."""

from __future__ import annotations

from collections.abc import Iterable

from .findings import Condition, Evidence, Region
from .kinds import LOW_BACK_ONLY, SACRAL_ONLY
from .problem import Problem, in_note_order
from .tables import tables

_LONGEST = 160
_REGION_WORDS: dict[Region, str] = {
    "occipito_atlanto_axial": "occipito-atlanto-axial",
    "cervical": "cervical",
    "cervicothoracic": "cervicothoracic",
    "thoracic": "thoracic",
    "thoracolumbar": "thoracolumbar",
    "lumbar": "lumbar",
    "lumbosacral": "lumbosacral",
    "sacral": "sacral",
}


_PAIN_WORDS: dict[Region, str] = {
    "occipito_atlanto_axial": "neck pain",
    "cervical": "neck pain",
    "cervicothoracic": "neck pain",
    "thoracic": "thoracic pain",
    "thoracolumbar": "low back pain",
    "lumbar": "low back pain",
    "lumbosacral": "low back pain",
    "sacral": "sacral pain",
}


_DISC_PAINS = {
    "0": "back pain only",
    "1": "leg pain only",
    "2": "back pain and leg pain",
    "9": "neither back pain nor leg pain",
}
"""M51.36- and M51.37-, by their 6th character."""

_MOST_QUOTES = 4


def named(problem: Problem) -> str:
    """What a problem is called in messages: its kind and region in plain words."""
    return _name(problem.stated[0], problem.regions)


def named_mention(c: Condition) -> str:
    """What one mention is called: its own name if it has one, else its kind, with the region."""
    return _name(c, c.regions)


def _name(c: Condition, regions: tuple[Region, ...]) -> str:
    if c.kind == "pain" and not c.name:
        return " and ".join(dict.fromkeys(_PAIN_WORDS[region] for region in regions)) or "back pain"
    kind = c.name or c.kind.replace("_", " ")
    where = "" if c.kind in LOW_BACK_ONLY | SACRAL_ONLY else region_words(regions)
    where = where if regions else ""
    return f"{where} {kind}" if where and not c.name else kind


def region_words(regions: Iterable[Region]) -> str:
    """The regions in a row ("lumbar and lumbosacral"), or "unspecified" when there is none."""
    return " and ".join(_REGION_WORDS[region] for region in regions) or "unspecified"


def quoted(evidence: Iterable[Evidence]) -> str:
    """The supporting words in quotation marks, each once whatever its case, no quote within a quote, few and short."""
    told = (" ".join(e.text.split()) for e in in_note_order(evidence))
    first: dict[str, str] = {}
    for text in filter(None, told):
        first.setdefault(text.casefold(), text)
    whole = [text for key, text in first.items() if not any(key != other and key in other for other in first)]
    shown = "; ".join(f'"{text}"' for text in whole[:_MOST_QUOTES])
    words = shown if len(shown) < _LONGEST else shown[: _LONGEST - 1].rstrip() + "…"
    return words + (" and more" if len(whole) > _MOST_QUOTES else "")


def reason(rule: str, problem: Problem, code: str = "") -> str:
    """The rationale of a rule about one problem."""
    return rationale(rule, problem.evidence, problem.regions, "", code)


def rationale(
    rule: str, evidence: Iterable[Evidence], regions: Iterable[Region] = (), side: str = "", code: str = ""
) -> str:
    """The rationale template of a rule, filled in. An unknown rule is a defect: `KeyError`."""
    template = tables().rules[rule].rationale
    return template.format(
        quote=quoted(evidence),
        region=region_words(regions),
        side=side or "not stated",
        code=code,
        pain=_pain_of_disc(code),
    )


def _pain_of_disc(code: str) -> str:
    """Which pain decided the 6th character of a low disc degeneration; empty for any other code."""
    if not code.startswith(("M51.36", "M51.37")) or code[-1] not in _DISC_PAINS:
        return ""  # of a release before FY2025 too, which had M51.36 and M51.37 without a 6th character
    return f", of which the note tells {_DISC_PAINS[code[-1]]} (6th character {code[-1]})"
