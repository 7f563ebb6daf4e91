"""Decision features: what is known about a decision that may tell whether its set is right. Numbers, no note text."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final

import numpy as np
import numpy.typing as npt

from ..coding.codeset import CodeSet
from ..coding.findings import Evidence, Findings
from ..coding.gaps.model import Gaps
from .families import families_of
from .second_reader import Reading
from .words import HEADED, Tokens, headings, tokens

_DIAGNOSTIC: Final = frozenset({"assessment", "post_diagnosis", "pre_diagnosis", "indication"})
_UNSPECIFIED: Final = ("M54.9", "M54.50", "M54.10", "M54.30", "M54.40", "M48.00", "M41.9", "M45.9", "M51.9")

_STEMS: Final[Mapping[str, str]] = {
    "pain": "pain ache aching sore discomfort hurt tender stiff",
    "nerve": "sciati radicul radiat shoot neuritis neuralgia numb tingl leg$ legs$ arm$ arms$",
    "disc": "hernia protru extru bulg hnp disc$ discs$ disk degener ddd modic endplate vertebrogenic annul",
    "bone": "stenos narrow spondyl listhes facet arthr scolio instab claudic myelopath osteoph",
    "joint": "sacroil si$ coccy tailbone dysfunction subluxat spasm multifid",
    "injury": "strain sprain whiplash injur fell fall lift accident collision mvc mva twist pulled",
    "cause": "fractur stone zoster shingles metasta tumor cancer infect aneurysm abscess pneumon pyelo postop surgery fusion"
    " laminectomy discectomy",
    "place": "back neck spine spinal lumb cervic thorac sacr flank scapul",
    "side": "left right bilat both$",
    "time": "chronic acute subacute month week year recurr longstand since$",
    "kind": "mechanical myofascial muscular musculosk axial discogenic postural nonspecific",
    "pregnancy": "pregnan trimester gestation prenatal gravid postpartum",
    "phase": "follow improv resol recheck return continu injection block ablation epidural",
    "doubt": "possib probab likely suspect question ruled$ rule$ versus$ vs$ concern consistent suggest differential",
    "denial": "denie deny no$ not$ without negative absent none$",
    "other": "history mother father brother sister wife husband family risk prevent",
}
"""Beginnings of words of spine notes by what they say (a whole word with ``$``). Such words outside all evidence are what
the rules may have passed over."""

_LEVEL: Final = re.compile(r"[ctls]\d{1,2}")
_BEGIN: Final = {
    name: tuple(stem for stem in stems.split() if not stem.endswith("$")) for name, stems in _STEMS.items()
}
_WHOLE: Final = {
    stem.removesuffix("$"): name for name, stems in _STEMS.items() for stem in stems.split() if stem.endswith("$")
}
_DIAGNOSIS_LENGTH: Final = 300
"""So many code points from a diagnosis heading on count as the diagnosis."""
_HEADING: Final = re.compile(
    HEADED + r"(?:\w+ )?(?:assessments?|impressions?|diagnos[ie]s|dx|imp|a|a/p|ap)\b", re.IGNORECASE
)

_UNCOVERED: Final = {name: f"uncovered_{name}" for name in _STEMS}
_UNCOVERED_IN_DIAGNOSIS: Final = {name: f"uncovered_{name}_in_diagnosis" for name in _STEMS}
NAMES: Final = (
    "nothing_coded",
    "codes",
    "unspecified_codes",
    "families",
    "words_log",
    "assessment",
    "complaint",
    "report_or_procedure",
    "codes_from_diagnosis",
    "codes_from_history_only",
    "first_from_diagnosis",
    "code_gaps",
    "other_gaps",
    "conflict",
    "open_facts",
    "query_owed",
    "red_flags",
    "injury",
    "pregnancy",
    "left_uncertain",
    "left_negated",
    "left_historical",
    "left_replaced",
    "left_excluded",
    "left_undocumented",
    "stated_not_coded",
    *_UNCOVERED.values(),
    *_UNCOVERED_IN_DIAGNOSIS.values(),
    "unknown_words",
    "expected_not_coded",
    "coded_not_expected",
    "disagreement",
    "seen",
    "passed_over",
    "passed_over_in_diagnosis",
    "most_passed_over",
    "most_passed_over_in_diagnosis",
    "passed_over_share",
)
"""The features in the order of the arrays."""


_log: Final = math.log1p


@dataclass(frozen=True)
class Decision:
    """What the models look at: the raw note, what was read in it and what was decided."""

    text: str
    findings: Findings
    code_set: CodeSet
    gaps: Gaps


class Habit:
    """How surprising it is that a word lies outside all evidence: minus the log of how often it does in read notes."""

    def __init__(self, words: Sequence[str], surprise: npt.NDArray[np.float64]) -> None:
        self.words, self.surprise = tuple(words), surprise
        self._of: dict[str, float] = dict(zip(self.words, surprise.tolist(), strict=True))

    def of(self, words: Iterable[str]) -> list[float]:
        """The surprise of each word of some that has one."""
        return list(filter(None, map(self._of.get, words)))


_FIRST_TWO: Final = frozenset(stem[:2] for stems in _STEMS.values() for stem in stems.split())


class _Stems(dict[str, str]):
    """What words say, of those met so far. A full one starts anew: keeping the order of use would cost more than it saves."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = stem = _stem(word)
        return stem


_MOST_WORDS: Final = 50_000
_stems: Final = _Stems()


def _stem(word: str) -> str:
    """What a word says: a name of the table of stems, or nothing."""
    if word[:2] not in _FIRST_TWO and not word[-1].isdigit():
        return ""
    whole = _WHOLE.get(word)
    if whole is not None:
        return whole
    return next(
        (name for name, begins in _BEGIN.items() if word.startswith(begins)), "place" if _is_level(word) else ""
    )


def _is_level(word: str) -> bool:
    return _LEVEL.fullmatch(word) is not None


def features(decision: Decision, reading: Reading, habit: Habit, cut: Tokens | None = None) -> dict[str, float]:
    """All features of a decision by name; finite numbers, counts damped by a logarithm."""
    return {
        **_decided(decision),
        **_open(decision),
        **_passed_over(decision, habit, tokens(decision.text) if cut is None else cut),
        **_disagreement(decision, reading),
    }


def words_outside(decision: Decision, cut: Tokens) -> tuple[list[str], list[str]]:
    """The words of the note that no evidence covers: all of them, and those behind a diagnosis heading."""
    words, starts = cut.words, cut.starts
    outside = bytearray(b"\1") * len(words)
    for start, end in {(evidence.start, evidence.end) for evidence in _all_evidence(decision)}:
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        outside[first:last] = bytes(max(0, last - first))
    in_diagnosis: list[str] = []
    last = 0
    for start in headings(_HEADING, decision.text):
        first = max(last, bisect_left(starts, start))
        last = bisect_left(starts, start + _DIAGNOSIS_LENGTH)
        in_diagnosis += compress(words[first:last], outside[first:last])
    return list(compress(words, outside)), in_diagnosis


def _decided(decision: Decision) -> dict[str, float]:
    findings, codes = decision.findings, [c for c in decision.code_set.codes if c.role != "optional"]
    at = {(c.evidence.start, c.evidence.end): c.source for c in findings.conditions}
    sources = [{at.get((e.start, e.end)) for e in code.evidence} - {None} for code in codes]
    diagnosed = [bool(each & _DIAGNOSTIC) for each in sources]
    size = max(1, len(codes))
    return {
        "nothing_coded": float(not codes),
        "codes": _log(len(codes)),
        "unspecified_codes": _log(sum(code.code in _UNSPECIFIED for code in codes)),
        "families": _log(len(families_of(code.code for code in codes))),
        "words_log": math.log1p(len(decision.text.split())),
        "assessment": float(findings.has_assessment),
        "complaint": float(findings.complaint),
        "report_or_procedure": float(findings.document_type != "visit"),
        "codes_from_diagnosis": sum(diagnosed) / size,
        "codes_from_history_only": sum(each == {"history"} for each in sources) / size,
        "first_from_diagnosis": float(bool(diagnosed) and diagnosed[0]),
        "injury": float(bool(findings.injuries)),
        "pregnancy": float(findings.pregnancy is not None),
        "seen": _log(len(decision.code_set.seen)),
    }


def _open(decision: Decision) -> dict[str, float]:
    gaps, code_set = decision.gaps, decision.code_set
    statuses = [entry.status for entry in code_set.not_coded]
    used = {(e.start, e.end) for code in code_set.codes for e in code.evidence}
    used |= {(e.start, e.end) for entry in code_set.not_coded for e in entry.evidence}
    stated = [
        c
        for c in decision.findings.conditions
        if c.assertion == "present" and (c.evidence.start, c.evidence.end) not in used
    ]
    return {
        "code_gaps": _log(sum(gap.effect == "code" for gap in gaps.gaps)),
        "other_gaps": _log(sum(gap.effect != "code" for gap in gaps.gaps)),
        "conflict": float(has_conflict(code_set, gaps)),
        "open_facts": _log(len(gaps.open_facts)),
        "query_owed": float(any(notice.kind == "query" for notice in code_set.warnings)),
        "red_flags": float(bool(code_set.red_flags)),
        "left_uncertain": _log(statuses.count("uncertain")),
        "left_negated": _log(statuses.count("negated")),
        "left_historical": _log(statuses.count("historical") + statuses.count("family")),
        "left_replaced": _log(statuses.count("replaced")),
        "left_excluded": _log(statuses.count("excludes1")),
        "left_undocumented": _log(statuses.count("needs_documentation")),
        "stated_not_coded": _log(len(stated)),
    }


def has_conflict(code_set: CodeSet, gaps: Gaps) -> bool:
    """Whether two entries of the note contradict each other, by a notice or by an open fact."""
    return any(notice.kind == "conflict" for notice in code_set.warnings) or any(
        gap.element == "conflict" for gap in gaps.gaps
    )


def _passed_over(decision: Decision, habit: Habit, cut: Tokens) -> dict[str, float]:
    """Words that no evidence covers: cue words by kind, and how surprising that is; in all, and in the diagnosis."""
    everywhere, in_diagnosis = words_outside(decision, cut)
    kinds, named = _kinds(everywhere), _kinds(in_diagnosis)
    surprises, of_diagnosis = habit.of(everywhere), habit.of(in_diagnosis)
    passed_over = math.fsum(surprises)
    return {
        **{feature: _log(kinds[name]) for name, feature in _UNCOVERED.items()},
        **{feature: _log(named[name]) for name, feature in _UNCOVERED_IN_DIAGNOSIS.items()},
        "passed_over": _log(passed_over),
        "passed_over_in_diagnosis": _log(math.fsum(of_diagnosis)),
        "most_passed_over": max(surprises, default=0.0),
        "most_passed_over_in_diagnosis": max(of_diagnosis, default=0.0),
        "passed_over_share": 10.0 * passed_over / max(1, len(cut.words)),
    }


def _kinds(words: Iterable[str]) -> Counter[str]:
    return Counter(filter(None, map(_stems.__getitem__, words)))


def _all_evidence(decision: Decision) -> list[Evidence]:
    findings, code_set = decision.findings, decision.code_set
    found = [c.evidence for c in findings.conditions]
    found += [d.evidence for c in findings.conditions for d in c.details]
    found += [link.evidence for link in findings.links]
    for marks in (findings.phases, findings.intents, findings.studies, findings.red_flags, findings.supports):
        found += [mark.evidence for mark in marks]
    found += [i.evidence for i in findings.injuries] + [d.evidence for i in findings.injuries for d in i.details]
    if findings.pregnancy is not None:
        found += [findings.pregnancy.evidence, *(d.evidence for d in findings.pregnancy.details)]
    found += [e for seen in code_set.seen for e in seen.evidence]
    found += [e for code in code_set.codes for e in code.evidence]
    return found


def _disagreement(decision: Decision, reading: Reading) -> dict[str, float]:
    coded = coded_families(decision.code_set)
    missed = [p for family, p in reading.expected.items() if family not in coded]
    doubted = [1.0 - p for family, p in reading.expected.items() if family in coded]
    return {
        "unknown_words": reading.unknown,
        "expected_not_coded": max(missed, default=0.0),
        "coded_not_expected": max(doubted, default=0.0),
        "disagreement": _log(sum(missed) + sum(doubted)),
    }


def coded_families(code_set: CodeSet) -> frozenset[str]:
    """The families that the rules produced, optional codes left out."""
    return families_of(code.code for code in code_set.codes if code.role != "optional")


def told(name: str) -> str:
    """A feature in words, for people."""
    if name.startswith("uncovered_"):
        kind = name.removeprefix("uncovered_").removesuffix("_in_diagnosis")
        where = " in the diagnosis" if name.endswith("_in_diagnosis") else ""
        return f"words of the kind “{kind}”{where} that no evidence covers"
    return _TOLD.get(name, name.replace("_", " "))


_TOLD: Final = {
    "codes_from_diagnosis": "how many codes rest on the diagnosis",
    "codes_from_history_only": "how many codes rest on the history alone",
    "first_from_diagnosis": "whether the first code rests on the diagnosis",
    "words_log": "the length of the note",
    "assessment": "whether there is a diagnostic statement",
    "complaint": "whether the visit is for the spine",
    "report_or_procedure": "a report or procedure note",
    "stated_not_coded": "stated findings that were neither coded nor left out by a rule",
    "unknown_words": "words that the second reader does not know",
    "expected_not_coded": "a family that the second reader expects",
    "coded_not_expected": "a family that the second reader does not expect",
    "disagreement": "how far the second reader and the codes agree",
    "passed_over": "words outside the evidence that are mostly inside it",
    "passed_over_in_diagnosis": "words of the diagnosis outside the evidence that are mostly inside it",
    "most_passed_over": "a word outside the evidence that is mostly inside it",
    "most_passed_over_in_diagnosis": "a word of the diagnosis outside the evidence that is mostly inside it",
    "passed_over_share": "the share of words that the evidence should have covered",
}
