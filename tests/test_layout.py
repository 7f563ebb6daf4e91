"""Entries of an assessment, the diagnostic statement, and the kind of document: what the layout of a note decides."""

from __future__ import annotations

import pytest
from spinecode.nlp.reader import Reader

ENTRIES = [
    ("Assessment: 1. HTN 2. Low back pain", {"HTN": 1, "Low back pain": 2}),
    ("A/P: 1. DM2 2. Neck pain 3. HLD", {"DM2": 1, "Neck pain": 2, "HLD": 3}),
    ("Assessment: 1.HTN 2.Low back pain", {"HTN": 1, "Low back pain": 2}),
    ("Assessment: (1) HTN (2) low back pain", {"HTN": 1, "low back pain": 2}),
    ("Assessment: #1 HTN #2 sciatica", {"HTN": 1, "sciatica": 2}),
    ("Assessment: 1. Spondylolisthesis grade 2. Stable. 2. Neck pain", {"Spondylolisthesis": 1, "Neck pain": 2}),
    ("Assessment: 1 week of low back pain", {"low back pain": 0}),
    ("Dx 1 low back pain, 2 coccyx pain", {"low back pain": 1, "coccyx pain": 2}),
    ("Dx 1: low back pain. Dx 2: coccyx pain", {"low back pain": 1, "coccyx pain": 2}),
    ("Diagnosis: neck pain. Diagnosis 2: low back pain", {"neck pain": 1, "low back pain": 2}),
    ("Primary dx: neck pain\nSecondary dx:\n1. Low back pain\n2. HTN", {"neck pain": 1, "Low back pain": 2, "HTN": 3}),
    (
        "A/P:\nCervical radiculopathy - R C6, MRI pending\nNeck pain - stable",
        {"Cervical radiculopathy": 1, "Neck pain": 2},
    ),
    (
        "Diagnoses:\nHypertension\nChronic bilateral low back pain without sciatica\nCervicalgia",
        {"Hypertension": 1, "low back pain": 2, "Cervicalgia": 3},
    ),
]
STATED = [
    ("S: Low back pain\nA/P: PT 2x/week, NSAIDs", False),
    ("1. Low back pain\n2. Lumbar DDD\nA/P: start gabapentin", False),
    ("HPI: Low back pain.\nAssessment: No acute disease.", True),
    ("HPI: Low back pain.\nA/P: Gout. PT.", True),
    ("Low back pain. A: gout.", True),
    ("Low back pain. Hepatitis A: immune.", False),
]
KINDS = [
    ("Impression: Low back pain. MRI normal.", "visit"),
    ("Pt here for f/u. Impression: Chronic neck pain. MRI unremarkable. Continue PT.", "visit"),
    ("MRI reviewed with patient. Impression: Low back pain.", "visit"),
    ("HPI: Low back pain.\nMRI: FINDINGS: L4-5 bulge. IMPRESSION: Bulge.\nA: Low back pain.", "visit"),
    ("MRI lumbar spine. Impression: L4-5 disc herniation.", "imaging_report"),
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize(("note", "places"), ENTRIES)
def test_entries_keep_the_order_of_the_assessment(reader: Reader, note: str, places: dict[str, int]) -> None:
    found = {c.evidence.text: c.item for c in reader.read(note).conditions}
    for words, item in places.items():
        assert {i for quote, i in found.items() if words in quote} == {item}, words


@pytest.mark.parametrize(("note", "stated"), STATED)
def test_only_a_diagnostic_statement_is_an_assessment(reader: Reader, note: str, *, stated: bool) -> None:
    assert reader.read(note).has_assessment is stated


@pytest.mark.parametrize(("note", "kind"), KINDS)
def test_an_impression_alone_makes_no_report(reader: Reader, note: str, kind: str) -> None:
    assert reader.read(note).document_type == kind
