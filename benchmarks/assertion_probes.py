"""Assertion probes: the status our reader gives to a named mention, beside medspaCy's defaults on the same probes.

    python benchmarks/assertion_probes.py [--list]

`probes.jsonl` is open: its failures are listed. `unseen.jsonl` is frozen: only counts of it are printed, never a text.
`--list` names medspaCy's failures on the open part too.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from loguru import logger
from spinecode.coding.findings import Assertion, Evidence, Findings
from spinecode.nlp.reader import Reader

PROBES = Path(__file__).resolve().parent.parent / "corpora" / "assertion-probes"
STATUSES: tuple[str, ...] = get_args(Assertion)
UNREAD = "unread"
"""The reader made nothing of the target: always wrong."""

# The attributes of medspaCy's default ConText, the strongest first. It knows no other person: a relative counts.
_ATTRIBUTES = {
    "is_family": "family",
    "is_hypothetical": "hypothetical",
    "is_negated": "negated",
    "is_uncertain": "uncertain",
    "is_historical": "historical",
}


@dataclass(frozen=True)
class Probe:
    """One line of the corpus: ``target`` stands in ``text`` exactly once."""

    id: str
    text: str
    target: str
    expected: str

    @property
    def span(self) -> tuple[int, int]:
        """Offsets of the target."""
        start = self.text.index(self.target)
        return start, start + len(self.target)


@dataclass(frozen=True)
class Answer:
    """What a system said of one probe. ``got``: its one status; ``right``: whether that counts as the expected one."""

    probe: Probe
    got: str
    right: bool


System = Callable[[Probe], Answer]


def load(path: Path) -> list[Probe]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [Probe(row["id"], row["text"], row["target"], row["expected"]) for row in rows]


def status_in(findings: Findings, start: int, end: int) -> str:
    """The status of the mention that covers most of ``[start, end)``; `UNREAD` when none touches it."""
    best, found = 0, UNREAD
    for evidence, assertion in _mentions(findings):
        overlap = min(end, evidence.end) - max(start, evidence.start)
        if overlap > best:
            best, found = overlap, assertion
    return found


def _mentions(findings: Findings) -> Iterator[tuple[Evidence, str]]:
    # Conditions first: on equal cover a diagnosis speaks before a mark of the whole note.
    yield from ((c.evidence, c.assertion) for c in findings.conditions)
    yield from ((i.evidence, i.assertion) for i in findings.injuries)
    yield from ((f.evidence, f.assertion) for f in findings.red_flags)


def our_system(reader: Reader) -> System:
    def answer(probe: Probe) -> Answer:
        got = status_in(reader.read(probe.text), *probe.span)
        return Answer(probe, got, got == probe.expected)

    return answer


def medspacy_system() -> System:
    """The baseline: medspaCy's default sentences and ConText, the target matched by one rule of its own.

    In its favour: it is right when the expected status is among the attributes it sets, whatever else it sets.
    """
    import medspacy
    from medspacy.target_matcher import TargetMatcher, TargetRule

    nlp: Any = medspacy.load(medspacy_enable=["medspacy_pyrush", "medspacy_context"])
    sentences, context = nlp.get_pipe("medspacy_pyrush"), nlp.get_pipe("medspacy_context")

    def answer(probe: Probe) -> Answer:
        # A matcher for each probe, so that no other probe's target is found in its text.
        matcher = TargetMatcher(nlp)
        matcher.add(TargetRule(probe.target, "TARGET"))
        doc = context(matcher(sentences(nlp.make_doc(probe.text))))
        start, end = probe.span
        spans = [e for e in doc.ents if e.start_char < end and start < e.end_char]
        if not spans:
            return Answer(probe, UNREAD, right=False)
        said = [status for name, status in _ATTRIBUTES.items() if getattr(spans[0]._, name)] or ["present"]
        expected = "family" if probe.expected == "other_person" else probe.expected
        return Answer(probe, probe.expected if expected in said else said[0], expected in said)

    return answer


def run(system: System, probes: Iterable[Probe]) -> list[Answer]:
    return [system(probe) for probe in probes]


def accuracy(answers: Sequence[Answer]) -> float:
    return sum(a.right for a in answers) / len(answers) if answers else 0.0


def by_status(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """The answers under the status that was expected of them, in the order of `STATUSES`."""
    out: dict[str, list[Answer]] = {status: [] for status in STATUSES}
    for answer in answers:
        out[answer.probe.expected].append(answer)
    return {status: some for status, some in out.items() if some}


def failures(answers: Iterable[Answer]) -> list[str]:
    """One line for each wrong answer. Never for the unseen part."""
    return [
        f"{a.probe.id}  got {a.got}, expected {a.probe.expected}: {a.probe.target!r} in {a.probe.text!r}"
        for a in answers
        if not a.right
    ]


def confusion(answers: Iterable[Answer]) -> str:
    """A table, expected down and got across."""
    counts: Mapping[tuple[str, str], int] = Counter((a.probe.expected, a.got) for a in answers)
    columns = [s for s in (*STATUSES, UNREAD) if any(got == s for _, got in counts)]
    rows = [s for s in STATUSES if any(expected == s for expected, _ in counts)]
    lines = [f"{'expected / got':<16}" + "".join(f"{c[:12]:>13}" for c in columns)]
    lines += [f"{r:<16}" + "".join(f"{counts.get((r, c), 0) or '.':>13}" for c in columns) for r in rows]
    return "\n".join(lines)


def _print_figures(name: str, ours: Sequence[Answer], theirs: Sequence[Answer]) -> None:
    print(f"== {name}: {len(ours)} probes")
    print(f"{'':<16}{'spinecode':>18}{'medspaCy defaults':>20}")
    other = by_status(theirs)
    for status, some in [("all", list(ours)), *by_status(ours).items()]:
        beside = list(theirs) if status == "all" else other[status]
        print(f"{status:<16}{_figure(some):>18}{_figure(beside):>20}")


def _figure(answers: Sequence[Answer]) -> str:
    return f"{accuracy(answers):.3f} ({sum(a.right for a in answers)}/{len(answers)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="name medspaCy's failures on the open part too")
    arguments = parser.parse_args()
    for package in ("medspacy", "PyRuSH"):
        logger.disable(package)
    ours, theirs = our_system(Reader()), medspacy_system()

    probes = load(PROBES / "probes.jsonl")
    answers, beside = run(ours, probes), run(theirs, probes)
    _print_figures("probes.jsonl (open)", answers, beside)
    print("\n".join(["failures:", *(f"  {line}" for line in failures(answers) or ["none"])]))
    if arguments.list:
        print("\n".join(["failures of medspaCy's defaults:", *(f"  {line}" for line in failures(beside) or ["none"])]))

    unseen = load(PROBES / "unseen.jsonl")
    answers = run(ours, unseen)
    print()
    _print_figures("unseen.jsonl (frozen, counts only)", answers, run(theirs, unseen))
    print(confusion(answers))


if __name__ == "__main__":
    main()
