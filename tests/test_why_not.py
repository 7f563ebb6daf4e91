"""`suggest --why-not`: what stands against a code, and the smallest fact that would bring it in."""

from __future__ import annotations

import json

import pytest
from spinecode.coding.tables import tables
from spinecode.coding.why_not import why_not

SCIATICA = "CHIEF COMPLAINT: Leg pain.\nASSESSMENT:\n1. Sciatica.\n"
LOW_BACK = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. Low back pain.\n"
SUSPECTED = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. Low back pain. Possible lumbar disc herniation.\n"
DENIED = "CHIEF COMPLAINT: Low back pain.\nHISTORY: Denies sciatica.\nASSESSMENT:\n1. Low back pain.\n"
MODIC = "CHIEF COMPLAINT: Low back pain.\nMRI: Modic type 2 changes at L4-L5.\nASSESSMENT:\n1. Low back pain.\n"
HERNIATION = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. L4-L5 disc herniation.\n2. Low back pain.\n"
STRAIN = "CHIEF COMPLAINT: Back pain.\nASSESSMENT:\n1. Lumbar strain, improving. Continue therapy.\n"
BOTH = "CHIEF COMPLAINT: Low back pain.\nASSESSMENT:\n1. Low back pain with right sciatica.\n"

FACTS = [
    # (note, code, a word of the one fact of the first way, the codes then)
    (SCIATICA, "M54.32", 'side of "Sciatica": left', ("M54.32",)),
    (LOW_BACK, "M54.59", "kind of pain", ("M54.59",)),
    (LOW_BACK, "G89.29", "chronic", ("M54.50", "G89.29")),
    (LOW_BACK, "O26.892", "pregnancy, second trimester", ("O26.892", "M54.50")),
    (LOW_BACK, "M48.062", "neurogenic claudication", ("M48.062",)),
    (SUSPECTED, "M51.26", "confirmed", ("M51.26",)),
    (MODIC, "M54.51", "vertebrogenic", ("M54.51",)),
    (HERNIATION, "M51.16", "radiculopathy", ("M51.16",)),
    (HERNIATION, "M54.50", "unrelated", ("M51.26", "M54.50")),
    (STRAIN, "S39.012A", "active treatment", ("S39.012A",)),
]


@pytest.mark.parametrize(("note", "code", "words", "then"), FACTS)
def test_the_smallest_fact(engine, note, code, words, then):
    answer = why_not(engine.suggest(note).findings, code)
    first = answer.ways[0]
    assert len(first.facts) == 1
    assert words in first.facts[0]
    assert first.codes == then


def test_two_facts_where_one_is_not_enough(engine):
    answer = why_not(engine.suggest(LOW_BACK).findings, "M54.51")
    assert len(answer.ways[0].facts) == 2
    assert any("Modic" in fact for fact in answer.ways[0].facts)


def test_what_stands_against_it_is_named(engine):
    uncertain = why_not(engine.suggest(SUSPECTED).findings, "M51.26")
    assert (uncertain.answer, uncertain.entries[0].status) == ("left_out", "uncertain")
    denied = why_not(engine.suggest(DENIED).findings, "M54.31")
    assert denied.entries[0].status == "negated"
    replaced = why_not(engine.suggest(HERNIATION).findings, "M54.50")
    assert replaced.entries[0].status == "replaced"
    excluded = why_not(engine.suggest(BOTH).findings, "M54.50")
    assert (excluded.rivals[0].code.code, excluded.rivals[0].stays) == ("M54.41", "M54.41")
    assert excluded.rivals[0].note.startswith("M54.5:")


def test_a_suggested_code_says_so(engine):
    answer = why_not(engine.suggest(LOW_BACK).findings, "M54.50")
    assert answer.answer == "suggested"
    assert answer.suggested is not None
    assert answer.ways == ()


def test_a_valid_code_that_is_never_suggested_says_so(engine):
    assert why_not(engine.suggest(LOW_BACK).findings, "M48.50XA").answer == "never_suggested"


def test_every_way_brings_the_code_in_and_no_way_holds_another(engine):
    """For every code of the table against one note: what is promised is what deciding again gives."""
    findings = engine.suggest(BOTH).findings
    without = []
    for code in sorted({row.code for row in tables().codes.values() if row.family not in ("weeks", "external_cause")}):
        answer = why_not(findings, code, most_facts=2)
        if answer.answer != "suggested" and not answer.ways:
            without.append(code)
        for way in answer.ways:
            assert code in way.codes
            assert set(way.removes).isdisjoint(way.codes)
        sets = [set(way.facts) for way in answer.ways]
        assert not any(a < b for a in sets for b in sets)
    # A code that says less than the note does cannot be reached by adding to it.
    vague = {row.code for row in tables().codes.values() if row.region == "unspecified"}
    assert set(without) - vague == {"M51.361", "M51.369", "M51.371", "M51.379", "M54.30", "M54.40"}


def test_asking_changes_nothing(engine):
    findings = engine.suggest(BOTH).findings
    before = repr(findings)
    first, second = why_not(findings, "M54.42"), why_not(findings, "M54.42")
    assert first == second
    assert repr(findings) == before


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_answers_as_text_and_json(cli):
    text = cli("suggest", "--why-not", "m5432", stdin=SCIATICA.encode())
    assert text.returncode == 0
    assert 'the side of "Sciatica": left' in text.stdout.decode()
    assert max(map(len, text.stdout.decode().splitlines())) <= 100
    done = cli("suggest", "--why-not", "M54.32", "--json", stdin=SCIATICA.encode())
    data = json.loads(done.stdout)
    assert (data["schema"], data["code"], data["answer"]) == ("spinecode/why-not/1", "M54.32", "not_documented")
    assert data["would_need"][0] == {
        "facts": ['the side of "Sciatica": left'],
        "codes": ["M54.32"],
        "adds": [],
        "removes": ["M54.30"],
        "outcome": "code",
    }


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("M54.5", "retired on 2021-10-01"),
        ("M51.36x", "retired on 2024-10-01; ask about M51.360"),
        ("S39.012", "lacks a 7th character"),
        ("M54.7", "lacks an entry"),
        ("I10", "no category"),
        ("sciatica", "not written like"),
        ("", "not written like"),
    ],
)
def test_a_code_that_cannot_be_billed_is_refused_in_one_line(cli, code, words):
    done = cli("suggest", "--why-not", code, stdin=LOW_BACK.encode())
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines), done.stdout) == (2, 1, b"")
    assert words in lines[0]
