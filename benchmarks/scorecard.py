"""Rebuilds docs/scorecard.md and its two pictures: every figure that we tell of the product, each corpus apart.

python benchmarks/scorecard.py [DEV_NOTES]
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from assertion_probes import PROBES, accuracy, medspacy_system, our_system
from assertion_probes import load as load_probes
from assertion_probes import run as run_probes
from loguru import logger
from sklearn.feature_extraction.text import TfidfVectorizer
from spinecode.coding.tables import tabular
from spinecode.models.families import FAMILIES, families_of, family_of_code
from spinecode.models.store import Models, load
from spinecode.nlp.reader import Reader
from spinecode.pipelines.evaluate import (
    SCOPE,
    is_accepted,
    load_corpus,
    read_facts,
    reference_facts,
    score,
    scored_codes,
)
from spinecode.pipelines.evaluate_gaps import gap_figures
from spinecode.pipelines.figures import (
    auroc,
    calibration_error,
    clopper_pearson,
    interval_by_note,
    reliability_svg,
    risk_coverage_svg,
)
from spinecode.pipelines.result import Result
from spinecode.pipelines.suggest import Spinecode
from spinecode.pipelines.train import CROSS_FITTED, Note, decide_all

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
OPEN = ("guide", "written", "dictated", "scribed", "voices", "practice", "excerpts")
DEV_ENGINES = 5
PHRASE_CODES = {
    "low back pain": "M54.50", "neck pain": "M54.2", "back pain": "M54.9", "thoracic pain": "M54.6", "flank pain": "R10.A0",
    "sacroiliac joint pain": "M53.3", "coccydynia": "M53.3", "muscle spasm": "M62.830", "chronic pain syndrome": "G89.4",
    "sciatica": "M54.30", "lumbar radiculopathy": "M54.16", "cervical radiculopathy": "M54.12", "radicular pain": "M54.10",
    "cauda equina syndrome": "G83.4", "occipital neuralgia": "M54.81", "herniated disc": "M51.26",
    "disc herniation": "M51.26", "disc protrusion": "M51.26", "disc bulge": "M51.26",
    "degenerative disc disease": "M51.369", "spinal stenosis": "M48.00", "foraminal stenosis": "M48.00",
    "spondylosis": "M47.819", "facet arthropathy": "M47.819", "spondylolisthesis": "M43.10", "spondylolysis": "M43.00",
    "scoliosis": "M41.9", "sacroiliitis": "M46.1", "postlaminectomy syndrome": "M96.1", "lumbar strain": "S39.012A",
    "cervical strain": "S16.1XXA", "lumbar sprain": "S33.5XXA", "whiplash": "S13.4XXA",
}  # fmt: skip
"""What a phrase of the medspaCy baseline would be coded as by itself."""

Codes = Mapping[str, Sequence[str]]


# -- corpora -----------------------------------------------------------------------------------------------------------


def results_of(engine: Spinecode, notes: Iterable[Mapping[str, Any]]) -> dict[str, Result]:
    """The result of each note by its id."""
    return {str(n["id"]): engine.suggest(n["text"], date_of_service=n.get("date_of_service")) for n in notes}


def _figure(value: float, interval: tuple[float, float] | None = None) -> str:
    return f"{value:.2f}" if interval is None else f"{value:.2f} ({interval[0]:.2f}–{interval[1]:.2f})"


def corpus_row(name: str, notes: Sequence[Mapping[str, Any]], codes: Codes) -> str:
    """A line of the table of corpora."""
    rates = score(notes, codes)
    names = [str(note["id"]) for note in notes]
    accepted = np.array([is_accepted(note, codes[str(note["id"])]) for note in notes])
    interval = interval_by_note(lambda rows: float(accepted[rows].mean()), names)
    coded = [note for note in notes if note["codes"]]
    cells = [name, str(len(notes)), _figure(rates["accepted"], interval)]
    cells += [_figure(rates[each]) for each in ("strict", "first-listed", "precision", "recall", "F1")]
    cells += [_figure(score(coded, codes)["accepted"]), _figure(score(notes, dict.fromkeys(codes, ()))["accepted"])]
    return f"| {' | '.join(cells)} |"


def without_side(code: str) -> str:
    """A code without what its side decides."""
    return code[:-1] if code.startswith(("M54.3", "M54.4", "R10.A")) else code


def side_errors(notes: Sequence[Mapping[str, Any]], codes: Codes) -> str:
    """Sets that only a side keeps from the reference, and side facts read wrong."""
    wrong = [n for n in notes if not is_accepted(n, codes[str(n["id"])])]
    only = [n for n in wrong if set(map(without_side, codes[str(n["id"])])) == set(map(without_side, n["codes"]))]
    return f"{len(only)} of {len(notes)}"


def side_facts(notes: Sequence[Mapping[str, Any]], results: Mapping[str, Result]) -> str:
    """Notes whose reference gives sides, and on how many another set of sides is read."""
    wanted = [(n, reference_facts(n).get("laterality", set())) for n in notes]
    told = [(n, want) for n, want in wanted if want]
    wrong = sum(read_facts(results[str(n["id"])].findings)["laterality"] != want for n, want in told)
    return f"{wrong} of {len(told)}"


def evidence_overlap(notes: Sequence[Mapping[str, Any]], results: Mapping[str, Result]) -> str:
    """Of the codes that both have and the reference quotes, those whose evidence shares a code point with the quote."""
    shared = total = 0
    for note in notes:
        ours = {code.code: code.evidence for code in results[str(note["id"])].codes}
        for code, quotes in (note.get("evidence") or {}).items():
            spans = [
                s for quote in ([quotes] if isinstance(quotes, str) else quotes) for s in places(note["text"], quote)
            ]
            if code in ours and spans:
                total += 1
                shared += any(e.start < end and start < e.end for e in ours[code] for start, end in spans)
    return f"{shared} of {total}" if total else "–"


def places(text: str, quote: Any) -> list[tuple[int, int]]:
    """Where a quote stands; none when white space was folded in it."""
    found, at = [], text.find(str(quote))
    while quote and at >= 0:
        found.append((at, at + len(quote)))
        at = text.find(quote, at + 1)
    return found


def gap_cells(notes: Sequence[Mapping[str, Any]], results: Mapping[str, Result]) -> str:
    """Recall and precision of the elements asked about, and gaps a note."""
    figures = gap_figures((n, results[str(n["id"])]) for n in notes)
    return "– | – | –" if figures is None else (
        f"{figures.all.recall:.2f} | {figures.all.precision:.2f} | {figures.per_note:.2f}"
    )  # fmt: skip


def family_rows(notes: Sequence[Mapping[str, Any]], codes: Codes) -> list[str]:
    """Precision and recall of each family with intervals; families that occur less than three times are pooled out."""
    names = [str(note["id"]) for note in notes]
    ours = [families_of(codes[name]) for name in names]
    theirs = [families_of(note["codes"]) for note in notes]
    rows = []
    for family in FAMILIES:
        got = np.array([family in each for each in ours])
        want = np.array([family in each for each in theirs])
        if want.sum() < 3:
            continue

        def precision(at: Any, got: Any = got, want: Any = want) -> float:
            return float(want[at][got[at]].mean()) if got[at].any() else float("nan")

        def recall(at: Any, got: Any = got, want: Any = want) -> float:
            return float(got[at][want[at]].mean()) if want[at].any() else float("nan")

        all_rows = np.arange(len(names))
        cells = [_figure(f(all_rows), interval_by_note(f, names, 500)) for f in (precision, recall)]
        rows.append(f"| {family} | {int(want.sum())} | {' | '.join(cells)} |")
    return rows


# -- other coders on the same notes ------------------------------------------------------------------------------------


class RetrievalCoder:
    """TF-IDF over the official descriptions of the billable codes in scope: the nearest one, if it is near enough."""

    def __init__(self, least: float = 0.2) -> None:
        official = tabular()
        self._codes = [code for code in official.leaves() if SCOPE.match(code) and not code.startswith("M48.5")]
        self._vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english")
        self._held = self._vectorizer.fit_transform([official.description(code) for code in self._codes])
        self._least = least

    def code(self, text: str) -> list[str]:
        """At most one code."""
        near = (self._vectorizer.transform([text]) @ self._held.T).toarray()[0]
        best = int(near.argmax())
        return [self._codes[best]] if near[best] >= self._least else []


class SecondReaderCoder:
    """The second reader alone: the commonest code of each family that it expects."""

    def __init__(self, models: Models, notes: Iterable[Mapping[str, Any]]) -> None:
        counts: dict[str, Counter[str]] = {}
        for note in notes:
            for code in note["codes"]:
                counts.setdefault(family_of_code(code), Counter())[code] += 1
        self._models = models
        self._of = {family: min(c, key=lambda code: (-c[code], code)) for family, c in counts.items()}

    def code(self, text: str) -> list[str]:
        """One code for each family expected."""
        expected = self._models.reader.read(text).expected
        return [
            self._of[family] for family, probability in expected.items() if probability > 0.5 and family in self._of
        ]


class MedspacyCoder:
    """medspaCy's defaults with the fixed 40 phrases: each present phrase gives the one code that it says."""

    def __init__(self) -> None:
        import medspacy
        from medspacy.target_matcher import TargetRule

        self._nlp = medspacy.load(
            medspacy_enable=["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context", "medspacy_sectionizer"]
        )
        targets = json.loads((ROOT / "benchmarks" / "baseline_targets.json").read_text(encoding="utf-8"))["targets"]
        self._nlp.get_pipe("medspacy_target_matcher").add([TargetRule(t["literal"], t["category"]) for t in targets])

    def code(self, text: str) -> list[str]:
        """The codes of all phrases that no modifier takes away."""
        found = [
            PHRASE_CODES.get(entity.text.lower())
            for entity in self._nlp(text).ents
            if not (entity._.is_negated or entity._.is_uncertain or entity._.is_historical)
            and not (entity._.is_family or entity._.is_hypothetical)
        ]
        return list(dict.fromkeys(code for code in found if code))


def coder_row(name: str, notes: Sequence[Mapping[str, Any]], codes: Codes) -> str:
    """A line of the ablation."""
    rates = score(notes, codes)
    right = np.array([is_accepted(n, codes[str(n["id"])]) for n in notes])
    names = [str(n["id"]) for n in notes]
    interval = interval_by_note(lambda rows: float(right[rows].mean()), names)
    return f"| {name} | 1.00 | {_figure(rates['accepted'], interval)} | {_figure(rates['strict'])} | {_figure(rates['F1'])} |"


# -- confidence --------------------------------------------------------------------------------------------------------


class Scored:
    """Decisions with their confidence: arrays of one length."""

    def __init__(self, rows: Sequence[tuple[str, int, float, bool, bool]]) -> None:
        self.notes = [row[0] for row in rows]
        self.full = np.array([row[1] == 0 for row in rows])
        self.confidence = np.array([row[2] for row in rows])
        self.right = np.array([row[3] for row in rows], dtype=bool)
        self.may = np.array([row[4] for row in rows], dtype=bool)

    def part(self, rows: Any) -> Scored:
        """Some of them."""
        picked = np.flatnonzero(rows)
        return Scored(
            [
                (self.notes[i], 0 if self.full[i] else 1, self.confidence[i], self.right[i], self.may[i])
                for i in picked.tolist()
            ]
        )

    def cells(self, auto: float) -> str:
        """AUROC, calibration error, and *auto* at a threshold."""
        of, right = self.confidence, self.right
        ranks = interval_by_note(lambda rows: auroc(of[rows], right[rows]), self.notes, 500)
        error = interval_by_note(lambda rows: calibration_error(of[rows], right[rows]), self.notes, 500)
        taken = self.may & (of >= auto)
        wrong, size = int((~right[taken]).sum()), int(taken.sum())
        return (
            f"{len(of)} | {right.mean():.2f} | {_figure(auroc(of, right), ranks)} |"
            f" {_figure(calibration_error(of, right), error)} | {wrong} of {size} | {size / len(of):.2f} |"
            f" {clopper_pearson(wrong, size):.2f}"
        )


def blind_scored() -> Scored:
    """What training wrote of the blind notes, each judged by models that had not seen it."""
    with (ROOT / "models" / CROSS_FITTED).open(encoding="utf-8", newline="") as file:
        rows = [
            (r["note"], int(r["engine"]), float(r["confidence"]), r["right"] == "1", r["may_be_auto"] == "1")
            for r in csv.DictReader(file)
        ]
    return Scored(rows)


def dev_scored(notes: Sequence[Mapping[str, Any]], models: Models) -> Scored:
    """The real notes by the full engine and five weakened ones."""
    rows = []
    for each in decide_all([Note("dev", note, 0) for note in notes], DEV_ENGINES):
        judged = models.judge(each.decision)
        may = models.judge(each.decision, auto=0.0).route == "auto"
        rows.append((each.note.key, each.engine, judged.confidence, each.right, may))
    return Scored(rows)


# -- the page ----------------------------------------------------------------------------------------------------------


def main(dev_path: str | None) -> None:
    """Write the page."""
    logger.remove()
    engine, models = Spinecode(), load()
    assert models is not None
    corpora = {name: load_corpus(str(ROOT / "corpora" / name)).notes for name in (*OPEN, "blind")}
    dev = load_corpus(dev_path) if dev_path and Path(dev_path).exists() else None
    if dev is not None:
        corpora["real public notes"] = dev.notes
    results = {name: results_of(engine, notes) for name, notes in corpora.items()}
    codes = {name: {key: scored_codes(r) for key, r in found.items()} for name, found in results.items()}
    lines = [*_intro(), *_corpora(corpora, results, codes)]
    if dev is not None:
        false = sum(bool(scored_codes(r)) for r in results_of(engine, dev.negatives).values())
        lines += ["", f"Real notes with nothing codable that got a code: {false} of {len(dev.negatives)}."]
        lines += _coders(corpora["real public notes"], codes["real public notes"])
    lines += _families(corpora, codes)
    lines += _probes()
    lines += _ablation(corpora, codes, models)
    lines += _confidence(models, dev.notes if dev is not None else None)
    (DOCS / "scorecard.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"docs/scorecard.md: {len(lines)} lines")


def _intro() -> list[str]:
    return [
        "# Scorecard",
        "",
        "Rebuilt by `make scorecard`; nothing on this page is typed in but this paragraph and the remarks. The real public",
        "notes are not in this repository; without them their lines are missing. Intervals are 95 % bootstrap intervals by note.",
        "The blind notes have changed no rule. All other corpora here have: their figures say that rules are kept, no more.",
    ]


def _corpora(corpora: Mapping[str, Any], results: Mapping[str, Any], codes: Mapping[str, Codes]) -> list[str]:
    lines = [
        "",
        "## Each corpus apart",
        "",
        (
            "| corpus | notes | accepted | strict | first-listed | precision | recall | F1 | accepted, notes with codes |"
            " answering nothing |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [corpus_row(name, notes, codes[name]) for name, notes in corpora.items()]
    lines += [
        "",
        (
            "| corpus | sets wrong by a side alone | side facts wrong | evidence overlaps the quote | gap recall |"
            " gap precision | gaps a note |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {side_errors(notes, codes[name])} | {side_facts(notes, results[name])} |"
        f" {evidence_overlap(notes, results[name])} | {gap_cells(notes, results[name])} |"
        for name, notes in corpora.items()
    ]
    return lines


def _coders(notes: Sequence[Mapping[str, Any]], codes: Codes) -> list[str]:
    rates = score(notes, codes)
    return [
        "",
        "## Coder against coder, engine against coder",
        "",
        "| on real public notes | same set | same first-listed | F1 |",
        "|---|---|---|---|",
        "| two independent coders who shared the policy (127 notes; an upper view) | 0.86 | 0.90 | 0.91 |",
        (
            f"| the engine against the reconciled reference ({len(notes)} of them), strict | {rates['strict']:.2f} |"
            f" {rates['first-listed']:.2f} | {rates['F1']:.2f} |"
        ),
    ]


def _families(corpora: Mapping[str, Any], codes: Mapping[str, Codes]) -> list[str]:
    lines = []
    opened = [name for name in OPEN if name in corpora]
    groups = {"the open corpora": opened, "the blind notes": ["blind"]}
    groups |= {"the real public notes": ["real public notes"]} if "real public notes" in corpora else {}
    for title, names in groups.items():
        notes = [{**note, "id": f"{name}/{note['id']}"} for name in names for note in corpora[name]]
        held = {f"{name}/{key}": value for name in names for key, value in codes[name].items()}
        lines += [
            "",
            f"## Families on {title}",
            "",
            "| family | notes with it | precision | recall |",
            "|---|---|---|---|",
        ]
        lines += family_rows(notes, held)
    return lines


def _probes() -> list[str]:
    ours, theirs = our_system(Reader()), medspacy_system()
    lines = ["", "## Assertion probes", "", "| part | probes | ours | medspaCy's defaults |", "|---|---|---|---|"]
    for part in ("probes", "unseen"):
        probes = load_probes(PROBES / f"{part}.jsonl")
        mine, others = accuracy(run_probes(ours, probes)), accuracy(run_probes(theirs, probes))
        lines.append(f"| {'open' if part == 'probes' else part} | {len(probes)} | {mine:.2f} | {others:.2f} |")
    return lines


def _ablation(corpora: Mapping[str, Any], codes: Mapping[str, Codes], models: Models) -> list[str]:
    notes = corpora["blind"]
    scored = blind_scored()
    full = scored.part(scored.full)
    half = float(np.median(full.confidence))
    kept = full.confidence >= half
    coders = {
        "second reader alone, commonest code of each family it expects": SecondReaderCoder(
            models, [note for name in OPEN for note in corpora[name]]
        ),
        "TF-IDF retrieval over official descriptions, nearest code": RetrievalCoder(),
        "medspaCy's defaults, 40 phrases, a code for each": MedspacyCoder(),
    }
    lines = [
        "",
        "## Ablation, on the blind notes",
        "",
        "| coder | coverage | accepted | strict | F1 |",
        "|---|---|---|---|---|",
        coder_row("rules alone", notes, codes["blind"]),
        f"| rules + confidence, the more confident half | {kept.mean():.2f} | {full.right[kept].mean():.2f} | – | – |",
    ]
    for name, coder in coders.items():
        found = {str(note["id"]): [c for c in coder.code(note["text"]) if SCOPE.match(c)] for note in notes}
        lines.append(coder_row(name, notes, found))
    return lines


def _confidence(models: Models, dev: Sequence[Mapping[str, Any]] | None) -> list[str]:
    auto = models.thresholds.auto
    scored = blind_scored()
    (DOCS / "reliability.svg").write_text(reliability_svg(scored.confidence, scored.right), encoding="utf-8")
    (DOCS / "risk-coverage.svg").write_text(risk_coverage_svg(scored.confidence, scored.right), encoding="utf-8")
    head = ("decisions", "sets right", "AUROC", "calibration error", "wrong in auto", "coverage", "upper bound")
    lines = [
        "",
        "## Confidence and routing",
        "",
        "Confidence is the probability that a set is right. On the blind notes it is cross-fitted by note in ten folds: each",
        "decision is judged, and calibrated, by models that saw no decision of its note. Every note is decided by the full",
        f"engine and by {models.meta['weakened_engines']} that lack a random tenth of the phrases each. *auto* needs a",
        f"confidence of {auto:.4f} or more (chosen for a risk of {models.thresholds.risk}), no red flag, no conflict, no owed",
        "query, no gap that changes the code and no doubt of the second reader. The threshold was chosen on these pooled",
        "decisions. The upper bound is Clopper and Pearson's, 95 %, one-sided; decisions on one note are not independent, so the",
        "bound of the pooled line is too low. Calibration error: five equal-count bins.",
        "",
        f"| | {' | '.join(head)} |",
        f"|---{'|---' * len(head)}|",
        f"| blind, all engines pooled | {scored.cells(auto)} |",
        f"| blind, the full engine alone | {scored.part(scored.full).cells(auto)} |",
    ]
    if dev is not None:
        real = dev_scored(dev, models)
        lines += [
            f"| real public notes, full and {DEV_ENGINES} weakened (never trained on) | {real.cells(auto)} |",
            f"| real public notes, the full engine alone | {real.part(real.full).cells(auto)} |",
        ]
    return [
        *lines,
        "",
        "![Reliability diagram](reliability.svg) ![Risk and coverage](risk-coverage.svg)",
        "",
        (ROOT / "docs" / "scorecard-remarks.md").read_text(encoding="utf-8").strip(),
    ]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
