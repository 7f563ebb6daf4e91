"""From a family and a region to a `Draft`: the tables asked, nothing decided."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import TableError
from .findings import Condition, Evidence
from .problem import Draft, Problem, evidence_of, in_note_order
from .tables import tables


def draft(
    problem: Problem,
    family: str,
    rule: str,
    variant: str = "",
    *,
    also: Iterable[Condition] = (),
    side: str = "",
) -> tuple[Draft, ...]:
    """The draft of a problem, or () when the family has no leaf for it. ``also``: mentions that helped to decide."""
    row = tables().code(family, problem.region, variant)
    if row is None:
        return ()
    helpers = tuple(also)
    evidence = in_note_order({*problem.evidence, *evidence_of(helpers)}) if helpers else problem.evidence
    return (Draft(row.code, family, rule, problem.regions, problem.place, evidence, problem.mentions, side),)


def plain(
    family: str,
    variant: str,
    rule: str,
    place: tuple[int, int],
    evidence: Iterable[Evidence],
    follows: Iterable[str] = (),
) -> Draft:
    """A draft that belongs to the whole note rather than to one problem of one region.

    Raises:
        TableError: the table has no row of this family without a region.
    """
    row = tables().code(family, None, variant)
    if row is None:
        raise TableError(f"codes.csv: no row for {family} without a region")
    return Draft(row.code, family, rule, (), place, in_note_order(set(evidence)), follows=tuple(follows))
