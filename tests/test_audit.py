"""The claim audit: each of the guide's ten mistakes and five denial triggers fires where it should and only there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import spinecode
from spinecode.coding.audit import Audit, audit
from spinecode.coding.claim import Claim, make
from spinecode.coding.findings import from_json, to_json
from spinecode.coding.tables import audit_checks, payer_notes, retired_codes, tabular
from spinecode.coding.typed import typed_code, typed_codes

LOW_BACK = "CHIEF COMPLAINT: Low back pain.\nHISTORY: Low back pain for 2 weeks.\nASSESSMENT:\n1. Low back pain.\n"
MECHANICAL = LOW_BACK.replace("1. Low back pain.", "1. Mechanical low back pain.")
SCIATICA = "CHIEF COMPLAINT: Leg pain.\nASSESSMENT:\n1. Left-sided sciatica.\n"
CHRONIC = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. Chronic low back pain.\n"
INJECTION = (
    "CHIEF COMPLAINT: Chronic low back pain, here for lumbar epidural steroid injection.\n"
    "ASSESSMENT:\n1. Chronic low back pain.\nPROCEDURE: Lumbar epidural steroid injection performed today.\n"
)
HERNIATION = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. L4-L5 disc herniation.\n"
STRAIN = "CHIEF COMPLAINT: Back pain.\nASSESSMENT:\n1. Lumbar strain, improving. Continue therapy.\n"
NO_REGION = "CHIEF COMPLAINT: Back pain.\nASSESSMENT:\n1. Back pain.\n"
SUSPECTED = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. Low back pain. Possible lumbar disc herniation.\n"


@pytest.fixture(scope="module")
def check(engine: spinecode.Spinecode) -> Any:
    """Audit codes as typed, against a note or without one."""

    def run(codes: str, note: str | None = None, *, cpt: str = "", date: str | None = None, **more: Any) -> Audit:
        claim = Claim(typed_codes(codes), cpt=tuple(cpt.split()), date_of_service=date, **more)
        return audit(claim, None if note is None else engine.suggest(note, date_of_service=date).findings)

    return run


def kinds(found: Audit) -> list[str]:
    return [finding.kind for finding in found.findings]


def named(found: Audit, kind: str) -> Any:
    return next(finding for finding in found.findings if finding.kind == kind)


# -- the guide's ten mistakes and five triggers ------------------------------------------------------------------------

FIRES = [
    # (the guide's number, kind, codes, note, CPT, what to code instead)
    ("mistake 1", "retired", "M54.5", None, "", ("M54.50", "M54.51", "M54.59")),
    ("mistake 1", "retired", "M54.5", MECHANICAL, "", ("M54.59",)),
    ("mistake 2", "unspecified", "M54.50", MECHANICAL, "", ("M54.59",)),
    ("mistake 3", "excludes1", "M54.50 M51.360", None, "", ("M51.360",)),
    ("mistake 3", "excludes1", "M54.50 M54.41", None, "", ("M54.41",)),
    ("mistake 4", "side_missing", "M54.30", SCIATICA, "", ("M54.32",)),
    ("mistake 5", "region_missing", "M54.9", LOW_BACK, "", ("M54.50",)),
    ("mistake 6", "g89_missing", "M54.50", CHRONIC, "", ()),
    ("mistake 6", "g89_alone", "G89.29", None, "", ()),
    ("mistake 7", "order_purpose", "M54.50 G89.29", INJECTION, "", ()),
    ("mistake 7", "order_purpose", "G89.29 M54.50", CHRONIC, "", ()),
    ("mistake 8", "symptom_kept", "M54.50", HERNIATION, "", ("M51.26",)),
    ("mistake 8", "symptom_beside_cause", "M54.50 M48.061", None, "", ("M48.061",)),
    ("mistake 9", "seventh_missing", "S39.012", None, "", ("S39.012A", "S39.012D", "S39.012S")),
    ("mistake 9", "seventh_missing", "S39.012", STRAIN, "", ("S39.012D",)),
    ("mistake 9", "seventh_wrong", "S39.012A", STRAIN, "", ("S39.012D",)),
    ("mistake 10", "unsupported", "M54.51", LOW_BACK, "", ("M54.50",)),
    ("trigger 1", "unspecified_code", "M54.9", None, "", ()),
    ("trigger 2", "excludes1", "M54.31 M51.16", None, "", ("M51.16",)),
    ("trigger 3", "cpt_pairing", "M54.50", None, "64628", ()),
    ("trigger 3", "payer_note", "M54.50", None, "97140", ()),
    ("trigger 4", "unsupported", "M51.26 M54.50", SUSPECTED, "", ()),
    ("trigger 5", "pain_code_first", "G89.29 M54.50", None, "", ()),
    ("trigger 5", "order_assessment", "M54.50 M54.2", "ASSESSMENT:\n1. Neck pain.\n2. Low back pain.\n", "", ()),
]

QUIET = [
    ("retired", "M54.50", None, ""),
    ("unspecified", "M54.50", LOW_BACK, ""),
    ("excludes1", "M54.50 M51.361", None, ""),
    ("excludes1", "M54.50 M51.361", LOW_BACK, ""),
    ("side_missing", "M54.30", SCIATICA.replace("Left-sided s", "S"), ""),
    ("side_missing", "M54.32", SCIATICA, ""),
    ("region_missing", "M54.9", NO_REGION, ""),
    ("g89_missing", "M54.50 G89.29", CHRONIC, ""),
    ("g89_missing", "M54.50", LOW_BACK, ""),
    ("g89_alone", "G89.29 M54.50", None, ""),
    ("order_purpose", "G89.29 M54.50", INJECTION, ""),
    ("order_purpose", "M54.50 G89.29", CHRONIC, ""),
    ("symptom_kept", "M54.50", LOW_BACK, ""),
    ("symptom_beside_cause", "M54.2 M48.061", None, ""),
    ("seventh_missing", "S39.012A", None, ""),
    ("seventh_wrong", "S39.012D", STRAIN, ""),
    ("unsupported", "M51.26", HERNIATION, ""),
    ("unspecified_code", "M54.59", None, ""),
    ("cpt_pairing", "M54.50", None, "99213 99204 72148"),
    ("payer_note", "M54.59", None, "97140"),
    ("pain_code_first", "G89.29 M54.50", None, "62323"),
    ("order_assessment", "M54.2 M54.50", "ASSESSMENT:\n1. Neck pain.\n2. Low back pain.\n", ""),
]


@pytest.mark.parametrize(("number", "kind", "codes", "note", "cpt", "instead"), FIRES)
def test_it_fires(check, number, kind, codes, note, cpt, instead):
    found = named(check(codes, note, cpt=cpt), kind)
    assert number in found.guide.split("; ")
    assert found.instead == instead
    assert found.source
    assert "{" not in found.what + found.why + found.advice
    if note is not None:
        for piece in found.evidence:
            assert note[piece.start : piece.end] == piece.text


@pytest.mark.parametrize(("kind", "codes", "note", "cpt"), QUIET)
def test_it_keeps_quiet(check, kind, codes, note, cpt):
    assert kind not in kinds(check(codes, note, cpt=cpt))


def test_every_mistake_and_trigger_fires_and_keeps_quiet():
    wanted = {f"mistake {i}" for i in range(1, 11)} | {f"trigger {i}" for i in range(1, 6)}
    assert {number for number, *_ in FIRES} == wanted
    fired = {kind for _, kind, *_ in FIRES}
    assert fired == {kind for kind, *_ in QUIET}
    for number in wanted:
        assert any(number in check.guide.split("; ") for check in audit_checks().values())


# -- other checks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "codes", "more"),
    [
        ("no_codes", "", {}),
        ("too_many", " ".join(f"M48.0{i}" for i in "0123457") + " M54.2 M54.6 M43.16 M47.816 M62.830 M99.03", {}),
        ("duplicate", "M54.50 m5450", {}),
        ("bad_date", "M54.2", {"bad_date": True}),
        ("no_record", "M54.2", {"empty_note": True}),
        ("invalid", "M54.7", {}),
        ("invalid", "lumbago", {}),
        ("not_billable", "M48.0", {}),
        ("seventh_missing", "S16.1A", {}),
        ("excludes1_apart", "M54.6 M51.26", {}),
        ("excludes1", "M54.2 S16.1XXA", {}),
        ("named_beside", "M54.9 M54.50", {}),
        ("obstetric_first", "M54.50 O26.892", {}),
        ("never_first", "X50.0XXA S39.012A", {}),
        ("sequela_first", "S16.1XXS M54.2", {}),
    ],
)
def test_checks_without_the_note(check, kind, codes, more):
    assert kind in kinds(check(codes, **more))


@pytest.mark.parametrize(
    "codes", ["M54.41", "M54.50 G89.29", "I10 M54.59", "S39.012A X50.0XXA Y99.0", "O26.892 M54.50"]
)
def test_sound_claims_have_no_error_and_no_warning(check, codes):
    assert [f for f in check(codes).findings if f.severity != "info"] == []


def test_m54_5_was_billable_until_its_last_day(check):
    assert "retired" not in kinds(check("M54.5", date="2021-09-30"))
    assert "retired" in kinds(check("M54.5", date="2021-10-01"))


def test_what_the_note_is_coded_to_makes_a_clean_claim(engine, sample_texts):
    for text in sample_texts[:25]:
        result = engine.suggest(text)
        claimed = tuple(code.code for code in result.codes)
        found = audit(Claim(claimed), result.findings)
        allowed = {"no_codes"} if not claimed else set()
        assert {f.kind for f in found.findings if f.severity == "error"} <= allowed, claimed


def test_codes_of_other_chapters_are_named_and_not_judged(check):
    found = check("M54.50 I10 E11.9", LOW_BACK)
    assert found.not_checked == ("I10", "E11.9")
    assert {f.code for f in found.findings if f.severity != "info"} == set()


def test_an_excluded_code_has_one_finding_and_the_right_code_in_place_of_both(check):
    found = check("M54.30 M54.40", LOW_BACK.replace("1. Low back pain.", "1. Low back pain with left sciatica."))
    pair = named(found, "excludes1")
    assert (pair.code, pair.instead) == ("M54.30", ("M54.42",))
    assert [f.code for f in found.findings if f.code == "M54.30" and f.severity == "error"] == ["M54.30"]


def test_the_conservative_alternative_is_no_error(check):
    note = (
        "CHIEF COMPLAINT: Low back pain.\nHISTORY: Acute low back pain from a lifting injury at work 2 days ago.\n"
        "ASSESSMENT:\n1. Acute low back pain from lifting injury at work.\n"
    )
    found = check("M54.50", note)
    assert found.decided is not None
    assert found.decided.codes[0].code == "S39.012A"
    assert named(found, "alternative").severity == "info"
    assert "error" not in {f.severity for f in found.findings}


def test_an_unsupported_code_says_what_the_note_would_need(check):
    assert "confirmed" in named(check("M51.26 M54.50", SUSPECTED), "unsupported").why


def test_errors_come_first_and_the_same_claim_gives_the_same_findings(check):
    first, second = (check("M54.5 M54.30 G89.29 G89.29", SCIATICA, cpt="97140") for _ in range(2))
    assert first == second
    ranks = [["error", "warning", "info"].index(f.severity) for f in first.findings]
    assert ranks == sorted(ranks)


def test_stored_findings_audit_the_same(check, engine):
    findings = engine.suggest(SCIATICA).findings
    again = from_json(json.loads(json.dumps(to_json(findings))))
    assert audit(Claim(("M54.30",)), findings) == audit(Claim(("M54.30",)), again)


# -- the tables --------------------------------------------------------------------------------------------------------


def test_every_check_can_be_filled_in_and_names_its_source():
    words = ["count", "others", "release", "reason", "lacks", "date", "other", "note", "title", "advice"]
    words += ["cpt", "pairings", "about"]
    for kind, row in audit_checks().items():
        found = make(kind, "M54.50", instead=("M54.59",), **dict.fromkeys(words, "x"))
        assert found.source
        assert found.severity == row.severity


def test_the_page_names_every_check_as_the_table_has_it():
    page = (Path(__file__).parent.parent / "docs" / "audit.md").read_text(encoding="utf-8")
    for row in audit_checks().values():
        assert f"| `{row.kind}` | {row.severity} | {row.needs} | {row.guide} |" in page


def test_a_code_is_not_valid_before_it_came_into_force(check):
    for code, day, before in (("M54.50", "2021-09-30", "M54.5"), ("M51.360", "2024-09-30", "M51.36")):
        (finding,) = [found for found in check(code, date=day).findings if found.kind == "invalid"]
        assert finding.instead == (before,)
        assert "came into force" in finding.why
    assert "invalid" not in kinds(check("M54.50", date="2021-10-01"))
    assert "invalid" not in kinds(check("M51.360", date="2024-10-01"))


def test_retired_codes_and_their_successors_are_those_of_the_release():
    official = tabular()
    for old in retired_codes().values():
        assert not official.is_leaf(old.code)
        assert all(official.is_leaf(code) and code.startswith(old.code) for code in old.replaced_by)
    for note in payer_notes():
        assert all(official.is_leaf(code) for code in note.codes)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("m5450", "M54.50"),
        ("M54.50", "M54.50"),
        ("s39012a", "S39.012A"),
        ("I10", "I10"),
        (" g89.29 ", "G89.29"),
        ("M54.5-", "M54.5"),
        ("o9a211", "O9A.211"),
        ("low back", "LOW BACK"),
        ("99213", "99213"),
    ],
)
def test_codes_as_people_type_them(typed, code):
    assert typed_code(typed) == code


def test_cells_are_split():
    assert typed_codes("m5450; G89.29,M54.2|I10  M546\n") == ("M54.50", "G89.29", "M54.2", "I10", "M54.6")
