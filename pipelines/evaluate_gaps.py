"""Gap figures of a corpus: which elements of documentation are asked about, against those its coders named.

Counted per note and element, over the elements the references use; the others are listed apart. Beside it stands the
constant answer of naming the three commonest elements for every note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .result import Result

SCORED: Final = (
    "diagnosis_statement",
    "etiology",
    "duration",
    "region",
    "conflict",
    "strain_confirmation",
    "red_flags",
    "imaging",
)
"""The elements that the references of the development notes use."""

CONSTANT: Final = ("diagnosis_statement", "etiology", "duration")


@dataclass(frozen=True)
class Rate:
    """Named by both, by us alone, by the reference alone."""

    both: int
    ours: int
    reference: int

    @property
    def recall(self) -> float:
        """Of the reference's, the share that we name; 1 when it names none."""
        return self.both / (self.both + self.reference) if self.both + self.reference else 1.0

    @property
    def precision(self) -> float:
        """Of ours, the share that the reference names; 1 when we name none."""
        return self.both / (self.both + self.ours) if self.both + self.ours else 1.0


@dataclass(frozen=True)
class GapFigures:
    """``notes`` are those whose reference names gaps, if only to say that there are none."""

    notes: int
    per_note: float
    all: Rate
    constant: Rate
    elements: Mapping[str, Rate]
    apart: Mapping[str, int]


def gap_figures(pairs: Iterable[tuple[Mapping[str, Any], Result]]) -> GapFigures | None:
    """The figures of (note, its result); None for a corpus without gaps in its references."""
    judged = [(note, result) for note, result in pairs if isinstance(note.get("gaps"), list)]
    if not judged:
        return None
    named: list[tuple[set[str], set[str]]] = [
        ({str(gap.element) for gap in result.gaps} & set(SCORED), _elements(note["gaps"])) for note, result in judged
    ]
    return GapFigures(
        notes=len(judged),
        per_note=sum(len(result.gaps) for _, result in judged) / len(judged),
        all=_rate(named),
        constant=_rate([(set(CONSTANT), theirs) for _, theirs in named]),
        elements={e: _rate([(ours & {e}, theirs & {e}) for ours, theirs in named]) for e in SCORED},
        apart=Counter(g.element for _, result in judged for g in result.gaps if g.element not in SCORED),
    )


def _elements(gaps: Iterable[Any]) -> set[str]:
    """The elements of a reference's gaps, which are words or objects with an ``element``."""
    return {gap["element"] if isinstance(gap, Mapping) else str(gap) for gap in gaps} & set(SCORED)


def _rate(named: Iterable[tuple[set[str], set[str]]]) -> Rate:
    pairs = list(named)
    return Rate(
        sum(len(ours & theirs) for ours, theirs in pairs),
        sum(len(ours - theirs) for ours, theirs in pairs),
        sum(len(theirs - ours) for ours, theirs in pairs),
    )


def gap_lines(figures: GapFigures) -> list[str]:
    """The figures as lines of the report."""
    first = (
        f"{'gaps':<20}recall {figures.all.recall:.3f}   precision {figures.all.precision:.3f}"
        f"   {figures.per_note:.2f} a note on {figures.notes}"
        f"   ({', '.join(CONSTANT)} always: {figures.constant.recall:.3f}, {figures.constant.precision:.3f})"
    )
    lines = [first] + [
        f"gap {element:<20}recall {rate.recall:.3f}   precision {rate.precision:.3f}"
        f"   ({rate.both} both, {rate.ours} ours, {rate.reference} reference)"
        for element, rate in figures.elements.items()
        if rate.both + rate.ours + rate.reference
    ]
    apart = ", ".join(f"{element} {count}" for element, count in sorted(figures.apart.items()))
    return [*lines, f"{'gaps not scored':<20}{apart}"] if apart else lines


def gap_data(figures: GapFigures) -> dict[str, Any]:
    """The figures as JSON data."""
    return {
        "notes": figures.notes,
        "per_note": figures.per_note,
        "recall": figures.all.recall,
        "precision": figures.all.precision,
        "constant": {"recall": figures.constant.recall, "precision": figures.constant.precision},
        "elements": {element: vars(rate) for element, rate in figures.elements.items()},
        "not_scored": dict(sorted(figures.apart.items())),
    }
