"""Notes composed from fragments, with the facts and codes that went into them: the same seed gives the same notes.

For volume, not for truth: every phrase was chosen here, so a figure on generated notes says nothing of real ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .corpus import FACT_NAMES

SPECIALTIES: Final = ("primary care", "urgent care", "orthopaedics", "pain clinic", "physiatry", "emergency")


@dataclass(frozen=True)
class Problem:
    """A diagnosis as it may be written, with its facts and codes. ``{side}`` in a phrase is filled; ``sided`` says with which."""

    phrases: tuple[str, ...]
    codes: tuple[str, ...]
    region: str
    complaint: str
    etiology: str = ""
    sided: str = ""
    pain: bool = False
    gaps: tuple[str, ...] = ()


def _sided(phrases: Sequence[str], stem: str, complaint: str, region: str = "") -> list[Problem]:
    return [
        Problem(
            tuple(p.format(side=side) for p in phrases), (f"{stem}{digit}",), region, complaint, "sciatica", side, True
        )
        for side, digit in (("right", "1"), ("left", "2"))
    ]


PROBLEMS: Final = (
    Problem(
        ("Low back pain", "Lumbago", "Lumbar pain"),
        ("M54.50",),
        "lumbar",
        "lower back pain",
        pain=True,
        gaps=("etiology",),
    ),
    Problem(
        ("Mechanical low back pain", "Myofascial low back pain"), ("M54.59",), "lumbar", "an aching low back", pain=True
    ),
    Problem(("Neck pain", "Cervicalgia"), ("M54.2",), "cervical", "neck pain", pain=True, gaps=("etiology",)),
    Problem(
        ("Thoracic back pain", "Mid back pain"), ("M54.6",), "thoracic", "mid back pain", pain=True, gaps=("etiology",)
    ),
    *_sided(("{side} sciatica", "Sciatica, {side}"), "M54.3", "leg pain"),
    *_sided(("Low back pain with {side} sciatica",), "M54.4", "low back pain into the leg", "lumbar"),
    Problem(("Lumbar radiculopathy", "L5 radiculopathy"), ("M54.16",), "lumbar", "leg pain", "radiculopathy"),
    Problem(("Cervical radiculopathy", "C6 radiculopathy"), ("M54.12",), "cervical", "arm pain", "radiculopathy"),
    Problem(("L4-5 disc herniation",), ("M51.26",), "lumbar", "low back pain", "disc herniation"),
    Problem(("L4-5 disc herniation with radiculopathy",), ("M51.16",), "lumbar", "leg pain", "disc herniation"),
    Problem(
        ("Lumbar spinal stenosis with neurogenic claudication",),
        ("M48.062",),
        "lumbar",
        "heavy legs on walking",
        "stenosis",
    ),
    Problem(("Cervical stenosis",), ("M48.02",), "cervical", "neck stiffness", "stenosis"),
    Problem(("Lumbar facet arthropathy",), ("M47.816",), "lumbar", "low back pain", "facet arthropathy"),
    Problem(("L4-5 spondylolisthesis",), ("M43.16",), "lumbar", "low back pain", "spondylolisthesis"),
    Problem(("Sacroiliac joint dysfunction",), ("M53.3",), "sacral", "buttock pain", "sacroiliac joint"),
    Problem(
        ("Postlaminectomy syndrome",), ("M96.1",), "unspecified", "back pain after surgery", "postlaminectomy syndrome"
    ),
)
ELSEWHERE: Final = (
    ("Ureteral stone, right", "sudden flank and back pain", "CT shows a 5 mm stone."),
    ("Acute pyelonephritis", "fever and back pain", "Urine with nitrite and casts."),
    ("Hypertension", "a blood pressure check", "BP 148/92."),
    ("Type 2 diabetes", "a diabetes visit", "A1c 7.4."),
    ("Herpes zoster, T6", "burning pain around the chest and back", "Vesicles in a band."),
)
DURATIONS: Final = (
    ("3 days", "acute"),
    ("two weeks", "acute"),
    ("5 weeks", "acute"),
    ("8 weeks", "subacute"),
    ("ten weeks", "subacute"),
    ("5 months", "chronic"),
    ("two years", "chronic"),
)
DENIALS: Final = (
    "Denies fever, weight loss and bladder trouble.",
    "No saddle numbness, no weakness.",
    "Denies neck stiffness or headache.",
    "No night sweats. No trauma.",
)
DISTRACTORS: Final = (
    "Mother had lumbar stenosis.",
    "His brother has ankylosing spondylitis.",
    "Takes lisinopril.",
    "Works in a warehouse.",
    "Return if sciatica or weakness develops.",
    "Former smoker.",
)
EXAMS: Final = (
    "Gait normal.",
    "Strength 5/5.",
    "Reflexes symmetric.",
    "Range of motion reduced by pain.",
    "Walks on heels and toes.",
)
PLANS: Final = (
    "Physical therapy.",
    "Naproxen for ten days.",
    "Recheck in four weeks.",
    "Home exercises.",
    "Heat, stay active.",
)
LAYOUTS: Final = ("headed", "soap", "prose")
_HEADS: Final = {
    "headed": ("HISTORY OF PRESENT ILLNESS:\n", "\n\nEXAM:\n", "\n\nASSESSMENT:\n", "\n\nPLAN:\n"),
    "soap": ("S: ", "\nO: ", "\nA: ", "\nP: "),
    "prose": ("", " On examination: ", "\nDiagnosis: ", "\nPlan: "),
}


@dataclass
class _Writer:
    """Text as it grows, and the facts with where they were written."""

    text: str = ""
    facts: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in FACT_NAMES})
    spans: list[dict[str, Any]] = field(default_factory=list)

    def say(self, words: str, **facts: str) -> None:
        start = len(self.text)
        self.text += words
        for name, value in facts.items():
            if value and value not in self.facts[name]:
                self.facts[name].append(value)
            if value:
                self.spans.append({"fact": name, "value": value, "start": start, "end": len(self.text)})


def generate(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """``count`` notes in the corpus format, a third of them with nothing codable."""
    for number in range(1, count + 1):
        # A generator of its own for each note: the first notes of a longer run are those of a shorter one.
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - chance for texts, no secret
        name = f"GEN-{seed}-{number:05}"
        yield _elsewhere(chance, name) if number % 3 == 0 else _spinal(chance, name)


def _spinal(chance: random.Random, name: str) -> dict[str, Any]:
    problem, layout = chance.choice(PROBLEMS), chance.choice(LAYOUTS)
    duration, chronicity = chance.choice(DURATIONS)
    phrase = chance.choice(problem.phrases)
    history, exam, assessment, plan = _HEADS[layout]
    writer = _Writer()
    writer.say(history + f"{chance.randint(19, 84)}-year-old here for {problem.complaint}, ")
    writer.say(f"for {duration}", duration=duration, chronicity=chronicity)
    writer.say(f". {chance.choice(DENIALS)} {chance.choice(DISTRACTORS)}{exam}{chance.choice(EXAMS)}{assessment}")
    writer.say(
        phrase[0].upper() + phrase[1:], region=problem.region, etiology=problem.etiology, laterality=problem.sided
    )
    writer.say(f".{plan}{chance.choice(PLANS)}")
    writer.facts["intent"] = ["evaluation"]
    codes = [*problem.codes, *(["G89.29"] if problem.pain and chronicity == "chronic" else [])]
    evidence = {problem.codes[0]: phrase[0].upper() + phrase[1:]}
    if len(codes) > 1:
        evidence["G89.29"] = duration
    return _note(chance, name, f"spinal/{layout}", writer, codes, evidence, problem.gaps)


def _elsewhere(chance: random.Random, name: str) -> dict[str, Any]:
    (title, reason, sign), layout = chance.choice(ELSEWHERE), chance.choice(LAYOUTS)
    history, exam, assessment, plan = _HEADS[layout]
    writer = _Writer()
    writer.say(f"{history}{chance.randint(19, 84)}-year-old here for {reason}. {chance.choice(DISTRACTORS)}")
    writer.say(f"{exam}{sign} {chance.choice(EXAMS)}{assessment}{title}.{plan}{chance.choice(PLANS[2:3])}")
    writer.facts["intent"] = ["evaluation"]
    return _note(chance, name, f"elsewhere/{layout}", writer, [], {}, ())


def _note(
    chance: random.Random,
    name: str,
    family: str,
    writer: _Writer,
    codes: list[str],
    evidence: dict[str, str],
    gaps: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "id": name,
        "source": "generated by spinecode corpus generate",
        "title": family,
        "family": family,
        "specialty": chance.choice(SPECIALTIES),
        "text": writer.text,
        "codes": codes,
        "alternatives": [],
        "accept_extra": [],
        "extra": [],
        "facts": writer.facts,
        "fact_spans": writer.spans,
        "evidence": evidence,
        "gaps": list(gaps),
        "agreed": None,
        "why": "composed from fragments; the codes are those of the diagnosis that was put in",
    }


def generated_lines(seed: int, count: int) -> str:
    """The notes as JSON lines."""
    return "".join(json.dumps(note, ensure_ascii=False) + "\n" for note in generate(seed, count))
