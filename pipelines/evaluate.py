"""Scores on a corpus: the figures of the reference scorer, false codes on the negatives, facts, and each disagreement.

A corpus is a folder with ``notes.jsonl`` and perhaps ``negatives.jsonl``, or one notes file. Blind corpora are read in the
same way; what is done with their disagreements is the developer's discipline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..coding.errors import InputError
from ..nlp.headings import known_titles
from ..nlp.layout import LayoutReader
from .evaluate_facts import FACTS, read_facts, reference_facts
from .evaluate_gaps import GapFigures, gap_data, gap_figures, gap_lines
from .render import plain
from .result import Result
from .suggest import Spinecode

SCOPE: Final = re.compile(
    r"^(M4[0-9]|M5[0-4]|M62\.830|M62\.85|M96\.1|M99\.0|G83\.4|G89|O26\.89|O99\.89|R10\.A"
    r"|S13\.4|S16\.1|S23\.3|S29\.012|S33\.[5689]|S39\.012|S39\.92)"
)
RATES: Final = ("accepted", "strict", "first-listed", "precision", "recall", "F1")


@dataclass(frozen=True)
class Corpus:
    """The notes of a corpus, with reference codes, and its negatives, which have none."""

    notes: tuple[dict[str, Any], ...]
    negatives: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Disagreement:
    """A note whose set is not among the accepted ones (or a negative that got a code), with its words."""

    note: str
    got: tuple[str, ...]
    reference: tuple[str, ...]
    got_words: tuple[tuple[str, str], ...]
    reference_words: tuple[tuple[str, str], ...]
    negative: bool = False


@dataclass(frozen=True)
class Report:
    """All figures. ``rates[name]`` has the keys ``all``, ``all_no_codes``, ``coded`` and ``coded_no_codes``."""

    notes: int
    coded: int
    rates: Mapping[str, Mapping[str, float]]
    negatives: int
    false_on_negatives: int
    facts: Mapping[str, tuple[int, int]]
    gaps: GapFigures | None
    evidence: tuple[int, int]
    disagreements: tuple[Disagreement, ...]


# -- reading -----------------------------------------------------------------------------------------------------------


def load_corpus(path: str) -> Corpus:
    """Read a corpus folder or notes file.

    Raises:
        InputError: missing, not JSON lines, or a note without id, text or codes; names file and line.
    """
    place = Path(path)
    try:
        if not place.is_dir():
            return Corpus(tuple(_load_notes(place)), ())
        notes, negatives = place / "notes.jsonl", place / "negatives.jsonl"
        if not notes.exists():
            raise InputError(f"{place}: has no notes.jsonl; give a corpus folder or a notes file")
        return Corpus(tuple(_load_notes(notes)), tuple(_load_notes(negatives)) if negatives.exists() else ())
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _load_notes(path: Path) -> Iterator[dict[str, Any]]:
    ids: set[str] = set()
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                note = _check_note(line, f"{path}, line {number}")
                if str(note["id"]) in ids:
                    raise InputError(f"{path}, line {number}: its id stands on an earlier line too")
                ids.add(str(note["id"]))
                yield note


def _check_note(line: str, where: str) -> dict[str, Any]:
    try:
        note = json.loads(line)
    except ValueError:
        raise InputError(f"{where}: is not JSON") from None
    for key, kind in (("id", str | int), ("text", str), ("codes", list)):
        if not isinstance(note, dict) or not isinstance(note.get(key), kind):
            raise InputError(f"{where}: {key} is missing or of the wrong type")
    return dict(note)


# -- scoring -----------------------------------------------------------------------------------------------------------


def in_scope(codes: Sequence[str]) -> list[str]:
    """Those of ``codes`` that are scored."""
    return [code for code in codes if SCOPE.match(code) and not code.startswith("M48.5")]


def scored_codes(result: Result) -> list[str]:
    """The codes of a result that are scored, in claim order."""
    return in_scope([code.code for code in result.codes if code.role != "optional"])


def is_accepted(note: Mapping[str, Any], codes: Sequence[str]) -> bool:
    """Whether the set is the reference or one of its alternatives, codes that may come or go left out."""
    extra = set(note.get("accept_extra", []))
    return any(set(codes) - extra == set(accepted) - extra for accepted in _accepted_sets(note))


def _accepted_sets(note: Mapping[str, Any]) -> list[list[str]]:
    return [note["codes"], *note.get("alternatives", [])]


def _is_first(note: Mapping[str, Any], codes: Sequence[str]) -> bool:
    head = codes[0] if codes else None
    firsts = {accepted[0] if accepted else None for accepted in _accepted_sets(note)}
    return head in firsts or (is_accepted(note, codes) and head in set(note.get("accept_extra", [])))


def _counts(note: Mapping[str, Any], codes: Sequence[str]) -> tuple[int, int, int]:
    """True positives, false positives and false negatives against the accepted set of the highest F1."""
    extra = set(note.get("accept_extra", []))
    got = set(codes) - extra
    want = max((set(accepted) - extra for accepted in _accepted_sets(note)), key=lambda accepted: _f1(got, accepted))
    return len(got & want), len(got - want), len(want - got)


def _f1(got: set[str], want: set[str]) -> float:
    return 1.0 if not got and not want else 2 * len(got & want) / (len(got) + len(want))


def score(notes: Sequence[Mapping[str, Any]], predicted: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The rates of the reference scorer; ``predicted`` gives each note's scored codes by its id."""
    answers = [(note, predicted[str(note["id"])]) for note in notes]
    size = max(1, len(answers))
    tp, fp, fn = (sum(column) for column in zip((0, 0, 0), *(_counts(*answer) for answer in answers), strict=True))
    return {
        "accepted": sum(is_accepted(*answer) for answer in answers) / size,
        "strict": sum(set(codes) == set(note["codes"]) for note, codes in answers) / size,
        "first-listed": sum(_is_first(*answer) for answer in answers) / size,
        "precision": tp / max(1, tp + fp),
        "recall": tp / max(1, tp + fn),
        "F1": 2 * tp / max(1, 2 * tp + fp + fn),
    }


# -- facts and evidence ------------------------------------------------------------------------------------------------


def _score_facts(notes: Sequence[Mapping[str, Any]], results: Mapping[str, Result]) -> dict[str, tuple[int, int]]:
    right, total = dict.fromkeys(FACTS, 0), dict.fromkeys(FACTS, 0)
    for note in notes:
        read = read_facts(results[str(note["id"])].findings)
        for name, want in reference_facts(note).items():
            total[name] += 1
            right[name] += read[name] == want
    return {name: (right[name], total[name]) for name in FACTS if total[name]}


Span = tuple[int, int]


def _score_evidence(notes: Sequence[Mapping[str, Any]], results: Mapping[str, Result]) -> tuple[int, int]:
    """(right codes with a quote that overlaps the reference's or stands in its sentence, right codes with a reference quote)."""
    layouts = LayoutReader(known_titles())
    near, total = 0, 0
    for note in notes:
        quoted = note.get("evidence") or {}
        right = [c for c in results[str(note["id"])].codes if c.code in quoted and c.code in _right_codes(note)]
        sentences = [(s.start, s.end) for s in layouts.read(note["text"]).sentences] if right else []
        for code in right:
            wanted = _places(note["text"], quoted[code.code])
            if wanted:
                total += 1
                near += any(_beside((e.start, e.end), place, sentences) for e in code.evidence for place in wanted)
    return near, total


def _right_codes(note: Mapping[str, Any]) -> set[str]:
    return {code for accepted in _accepted_sets(note) for code in accepted}


def _places(text: str, words: Any) -> list[Span]:
    """Where a reference quote stands: its words with any white space between, each part of a quote with "..." apart."""
    if isinstance(words, Mapping) and "start" in words:
        return [(int(words["start"]), int(words["end"]))]
    if not isinstance(words, str | Mapping):
        return [place for item in words for place in _places(text, item)]
    found: list[Span] = []
    for part in re.split(r"\.\.\.|…|;(?=\s)", _folded(words)):
        if pattern := r"\s+".join(map(re.escape, part.split())):
            found += [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
    return found


def _beside(quote: Span, reference: Span, sentences: Sequence[Span]) -> bool:
    """Whether two spans overlap, or a sentence holds something of both."""

    def overlap(a: Span, b: Span) -> bool:
        return a[0] < b[1] and b[0] < a[1]

    return overlap(quote, reference) or any(overlap(quote, s) and overlap(reference, s) for s in sentences)


# -- the report --------------------------------------------------------------------------------------------------------


def evaluate(corpus: Corpus, engine: Spinecode) -> Report:
    """Code every note of the corpus and score it."""
    results = {str(note["id"]): _suggest(engine, note) for note in corpus.notes}
    codes = {name: scored_codes(result) for name, result in results.items()}
    nothing: dict[str, list[str]] = {name: [] for name in codes}
    coded = [note for note in corpus.notes if note["codes"]]
    columns = {
        "all": score(corpus.notes, codes),
        "all_no_codes": score(corpus.notes, nothing),
        "coded": score(coded, codes),
        "coded_no_codes": score(coded, nothing),
    }
    wrong = [
        _disagreement(note, results[str(note["id"])])
        for note in corpus.notes
        if not is_accepted(note, codes[str(note["id"])])
    ]
    negatives = [(note, _suggest(engine, note)) for note in corpus.negatives]
    false = [_disagreement(note, result, negative=True) for note, result in negatives if scored_codes(result)]
    return Report(
        notes=len(corpus.notes),
        coded=len(coded),
        rates={name: {column: rates[name] for column, rates in columns.items()} for name in RATES},
        negatives=len(corpus.negatives),
        false_on_negatives=len(false),
        facts=_score_facts(corpus.notes, results),
        gaps=gap_figures((note, results[str(note["id"])]) for note in corpus.notes),
        evidence=_score_evidence(corpus.notes, results),
        disagreements=(*wrong, *false),
    )


def _suggest(engine: Spinecode, note: Mapping[str, Any]) -> Result:
    return engine.suggest(note["text"], encounter_id=note["id"], date_of_service=note.get("date_of_service"))


def _disagreement(note: Mapping[str, Any], result: Result, *, negative: bool = False) -> Disagreement:
    got = scored_codes(result)
    said = {code.code: "; ".join(dict.fromkeys(e.text for e in code.evidence)) for code in result.codes}
    quoted = note.get("evidence") or {}
    return Disagreement(
        note=str(note["id"]),
        got=tuple(got),
        reference=tuple(note["codes"]),
        got_words=tuple((code, said[code]) for code in got),
        reference_words=tuple((code, _folded(quoted[code])) for code in note["codes"] if code in quoted),
        negative=negative,
    )


def _folded(words: Any) -> str:
    """A quote, or a list of quotes (plain, or with offsets), as one string."""
    if isinstance(words, str):
        return words
    if isinstance(words, Mapping):
        return str(words.get("text", ""))
    return "; ".join(_folded(item) for item in words)


def render_report(report: Report, *, quiet: bool = False) -> str:
    """The report as text; ``quiet`` leaves the disagreements out."""
    lines = [f"{report.notes} notes, {report.coded} of them with codes, {report.negatives} negatives"]
    lines += [_rate_line(name, rates) for name, rates in report.rates.items()]
    lines.append(f"{'false on negatives':<20}{report.false_on_negatives} of {report.negatives}   (no codes 0)")
    lines += [
        f"fact {name:<15}{right / total:.3f}   ({right} of {total} notes, exact sets)"
        for name, (right, total) in report.facts.items()
    ]
    lines += gap_lines(report.gaps) if report.gaps else []
    near, total = report.evidence
    if total:
        lines.append(
            f"{'evidence':<20}{near / total:.3f}   ({near} of {total} right codes, a quote in the reference's sentence)"
        )
    if not quiet:
        lines += [line for wrong in report.disagreements for line in _disagreement_lines(wrong)]
    return "\n".join(lines) + "\n"


def _rate_line(name: str, rates: Mapping[str, float]) -> str:
    return (
        f"{name:<20}all notes {rates['all']:.3f} (no codes {rates['all_no_codes']:.3f})"
        f"   notes with codes {rates['coded']:.3f} (no codes {rates['coded_no_codes']:.3f})"
    )


def _disagreement_lines(wrong: Disagreement) -> list[str]:
    title = f"{wrong.note} (negative)" if wrong.negative else wrong.note
    lines = ["", f"{title}: got {' '.join(wrong.got) or '-'} · reference {' '.join(wrong.reference) or '-'}"]
    lines += [f"    got        {code:<9} “{plain(words)}”" for code, words in wrong.got_words]
    lines += [f"    reference  {code:<9} “{plain(words)}”" for code, words in wrong.reference_words]
    return lines


def report_data(report: Report) -> dict[str, Any]:
    """The report as JSON data."""
    return {
        "notes": report.notes,
        "notes_with_codes": report.coded,
        **{name: dict(rates) for name, rates in report.rates.items()},
        "false on negatives": {"false": report.false_on_negatives, "negatives": report.negatives},
        "facts": {name: {"right": right, "notes": total} for name, (right, total) in report.facts.items()},
        "gaps": gap_data(report.gaps) if report.gaps else None,
        "evidence": {"beside": report.evidence[0], "codes": report.evidence[1]},
        "disagreements": [
            {
                "note": wrong.note,
                "negative": wrong.negative,
                "got": list(wrong.got),
                "reference": list(wrong.reference),
                "got_words": dict(wrong.got_words),
                "reference_words": dict(wrong.reference_words),
            }
            for wrong in report.disagreements
        ],
    }
