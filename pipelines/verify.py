"""Prove the decision layer: decide every note of the space and hold each result against the invariants.

``python -m spinecode.pipelines.verify [--quick]``. Every family in full, every two kinds in every relation, and every
combination of any three values over three conditions and the whole note (`space`). Prints how many combinations and how
long; each violation with the smallest findings that still show it. Exit 1 on a violation.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..coding import findings as f
from ..coding.decide import decide
from ..coding.tables import tabular
from . import space
from .covering import Rows, count_combinations, covering
from .invariants import INVARIANTS, Invariant

PROCESSES = 2
_SHOWN = 3
_QUICK_FAMILIES, _QUICK_PAIRS = 151, 127
"""Primes: every value of every product comes by."""


@dataclass
class Tally:
    """What one process found: combinations by part, and for each invariant how often it broke and the first notes."""

    counts: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    first: dict[str, list[tuple[str, f.Findings]]] = field(default_factory=dict)

    def note(self, part: str, findings: f.Findings) -> None:
        """Decide one note and hold the result against every invariant."""
        self.counts[part] = self.counts.get(part, 0) + 1
        for name, words in violations(findings):
            self.broken[name] = self.broken.get(name, 0) + 1
            if len(self.first.setdefault(name, [])) < _SHOWN:
                self.first[name].append((words, findings))

    def add(self, other: Tally) -> None:
        """Take in what another process found."""
        for part, count in other.counts.items():
            self.counts[part] = self.counts.get(part, 0) + count
        for name, count in other.broken.items():
            self.broken[name] = self.broken.get(name, 0) + count
            self.first[name] = (self.first.get(name, []) + other.first[name])[:_SHOWN]


def violations(findings: f.Findings, among: Sequence[Invariant] = INVARIANTS) -> Iterator[tuple[str, str]]:
    """Each invariant that the decision for these findings breaks, with what is wrong."""
    try:
        result = decide(findings)
    except Exception as error:  # a crash is a violation like any other: the note that shows it is what is wanted
        yield "no crash", repr(error)
        return
    for invariant in among:
        words = next(invariant.check(findings, result), None)
        if words is not None:
            yield invariant.name, words


def smallest(findings: f.Findings, name: str) -> f.Findings:
    """The findings with everything left out that the violation does not need."""
    found = True
    while found:
        found = False
        for less in _less(findings):
            if any(broken == name for broken, _ in violations(less)):
                findings, found = less, True
                break
    return findings


def _less(findings: f.Findings) -> Iterator[f.Findings]:
    plain = f.Findings(document_type=findings.document_type)
    for i in range(len(findings.conditions)):
        rest = findings.conditions[:i] + findings.conditions[i + 1 :]
        links = [k for k in findings.links if i not in (k.effect, k.cause)]
        moved = [dataclasses.replace(k, effect=k.effect - (k.effect > i), cause=k.cause - (k.cause > i)) for k in links]
        yield dataclasses.replace(findings, conditions=rest, links=tuple(moved))
    for name in ("links", "pregnancy", "injuries", "phases", "intents"):
        if getattr(findings, name) != getattr(plain, name):
            yield dataclasses.replace(findings, **{name: getattr(plain, name)})
    for i, c in enumerate(findings.conditions):
        bare = f.Condition(c.kind, c.evidence, c.source)
        for attribute in dataclasses.fields(c):
            value = getattr(bare, attribute.name)
            if getattr(c, attribute.name) != value:
                smaller = dataclasses.replace(c, **{attribute.name: value})
                conditions = (*findings.conditions[:i], smaller, *findings.conditions[i + 1 :])
                yield dataclasses.replace(findings, conditions=conditions)


# -- running -----------------------------------------------------------------------------------------------------------


def run(*, quick: bool = False, processes: int = PROCESSES) -> Tally:
    """Decide the whole space, or with ``quick`` a thinned one with every pair of values, and tally what is broken."""
    tabular()
    sizes, likely = _sizes()
    rows = covering(sizes, likely, 2 if quick else 3)
    if processes == 1:
        return _share(rows, 0, 1, quick)
    context = multiprocessing.get_context("fork")
    with context.Pool(processes) as pool:
        shares = [pool.apply_async(_share, (rows, i, processes, quick)) for i in range(processes)]
        total = Tally()
        for share in shares:
            total.add(share.get())
    return total


def _sizes() -> tuple[list[int], list[int]]:
    factors = space.factors()
    return [len(factor.values) for factor in factors], [factor.likely for factor in factors]


def _share(rows: Rows, start: int, step: int, quick: bool) -> Tally:
    tally = Tally()
    factors = space.factors()
    alone, two = (_QUICK_FAMILIES, _QUICK_PAIRS) if quick else (1, 1)
    parts: tuple[tuple[str, Iterator[f.Findings]], ...] = (
        ("every family", space.families(space.Share(start * alone, step * alone))),
        ("every two kinds", space.pairs(space.Share(start * two, step * two))),
        ("combinations", (space.combined(row, factors) for row in rows[start::step].tolist())),
    )
    for name, notes in parts:
        for note in notes:
            tally.note(name, note)
    return tally


def report(tally: Tally, seconds: float, strength: int) -> str:
    """What is printed: violations first, with the smallest findings that show them, then the figures."""
    lines = []
    for name, count in sorted(tally.broken.items()):
        reason = next((i.reason for i in INVARIANTS if i.name == name), "the decision layer answers every note")
        lines.append(f"VIOLATED {count} times: {name} ({reason})")
        for words, findings in tally.first[name][:_SHOWN]:
            less = smallest(findings, name)
            lines += [f"  {words}", f"  {json.dumps(f.to_json(less), sort_keys=True)}"]
    sizes, _ = _sizes()
    ways = f"all {count_combinations(sizes, strength)} combinations of {strength} values of {len(sizes)} factors"
    lines += [f"  {count} {part}" for part, count in tally.counts.items()]
    lines.append(f"  the last hold {ways}")
    broken = sum(tally.broken.values())
    total = sum(tally.counts.values())
    lines.append(f"{total} combinations, {len(INVARIANTS)} invariants, {broken} violations in {seconds:.0f} s")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m spinecode.pipelines.verify", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a thinned space with every pair of values")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    tally = run(quick=options.quick, processes=options.processes)
    seconds = time.monotonic() - began
    sys.stdout.write(report(tally, seconds, 2 if options.quick else 3))
    return 1 if tally.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
