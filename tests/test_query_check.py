"""The judge of queries: every case of tests/queries one by one, then every compliant query broken in every way known."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from spinecode.coding.errors import TableError
from spinecode.pipelines.query import check as judging
from spinecode.pipelines.query import wording
from spinecode.pipelines.query.check import Approved, Refused, check, judge
from spinecode.pipelines.query.gap import Encounter, Indicator
from spinecode.pipelines.query.model import Brief, Option, Query
from spinecode.pipelines.query.wording import PARTS, readings, rules

FOLDER = Path(__file__).resolve().parent / "queries"
BASES = tomllib.loads((FOLDER / "bases.toml").read_text(encoding="utf-8"))
PAIRS = tomllib.loads((FOLDER / "pairs.toml").read_text(encoding="utf-8"))["pair"]
RULES = rules().rules
NEEDS_GAP = {"option-altered"}
"""Held against the gap itself: tests/test_query.py."""
WORDED = [rule for rule in RULES.values() if rule.is_wording]


def indicators_of(lines, note):
    return tuple(indicator_of(line, note) for line in lines)


def indicator_of(line, note):
    """`"quote" (SECTION)` or `"quote" at "words of the note" (SECTION)`: the place is the first below the heading."""
    quote, at, section = re.fullmatch(r'"([^"]*)"(?: at "([^"]*)")? \((.*)\)', line).groups()
    heading = max(note.find(f"{section}:"), 0)
    start = note.index(at or quote, heading)
    return Indicator(start, start + len(at or quote), quote, section)


def options_of(lines, indicators):
    return tuple(option_of(line, indicators) for line in lines)


def option_of(line, indicators):
    words, _, cited = line.partition(" <- ")
    kind, introduces = "answer", words.startswith("new: ")
    for closing in ("other", "undetermined"):
        kind = closing if words.startswith(f"{closing}: ") else kind
    text = re.sub(r"^(new|other|undetermined): ", "", words)
    quotes = [indicator.text for indicator in indicators]
    supported_by = tuple(quotes.index(quote) for quote in cited.split("; ") if quote)
    return Option(text, kind, re.search("[A-Za-z]{2,}", text)[0].lower(), introduces, supported_by)


def query_of(base, **change):
    """A base of bases.toml with one part changed, and its note."""
    data = {**BASES[base], **change}
    note = data["note"]
    sha = hashlib.sha256(note.encode()).hexdigest()
    indicators = indicators_of(data["indicators"], note)
    given = data.get("text_sha256", "the note's")
    return Query(
        encounter=Encounter(
            data.get("encounter_id", "E-17"), "Dr. Adams", "2026-05-04", sha if given == "the note's" else given
        ),
        engine="0.1.0",
        gap=data["element"],
        element=data["element"],
        about=data["about"],
        brief=Brief(
            "Guidelines for Achieving a Compliant Query Practice",
            data.get("brief_version", "2022 Update"),
            "ACDIS/AHIMA",
        ),
        title=data["title"],
        opening=data["opening"],
        indicators=indicators,
        question=data["question"],
        options=options_of(data["options"], indicators),
        instruction=data["instruction"],
    ), note


def broken(base, **change):
    query, note = query_of(base, **change)
    return [breach.rule for breach in check(query, text=note)]


# -- the cases ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
def test_the_bases_are_compliant(base):
    query, note = query_of(base)
    assert isinstance(judge(query, text=note), Approved)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
def test_the_query_is_refused_with_the_rule_it_breaks(pair):
    assert broken(pair["base"], **{pair["part"]: pair["refused"]}) == [pair["rule"]]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
def test_its_twin_may_be_sent(pair):
    assert broken(pair["base"], **{pair["part"]: pair["accepted"]}) == []


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
def test_twins_are_one_word_or_one_option_apart(pair):
    refused, accepted = pair["refused"], pair["accepted"]
    one, other = (refused.split(), accepted.split()) if isinstance(refused, str) else (refused, accepted)
    steps = [
        step for step in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if step[0] != "equal"
    ]
    assert len(steps) == 1
    _, a, b, c, d = steps[0]
    assert max(b - a, d - c) <= pair.get("words_apart", 1)


def test_there_are_cases_for_every_rule():
    assert len(PAIRS) >= 40
    assert len({pair["name"] for pair in PAIRS}) == len(PAIRS)
    assert {pair["rule"] for pair in PAIRS} == set(RULES) - NEEDS_GAP


# -- the rules ---------------------------------------------------------------------------------------------------------


def test_every_rule_has_words_or_a_function_and_a_source():
    assert set(judging.FUNCTIONS) == {rule.id for rule in RULES.values() if not rule.is_wording}
    for rule in RULES.values():
        assert rule.source.startswith(("brief", "house"))


@pytest.mark.parametrize(("rule", "phrase"), [(rule, phrase) for rule in WORDED for phrase in rule.phrases], ids=str)
def test_every_phrase_is_refused_wherever_it_stands(rule, phrase):
    """In each part that the rule looks at, in capitals too, by its own rule."""
    words = phrase.replace("*", "")
    query, note = query_of("side")
    for part, said in zip(rule.where, itertools.cycle((words, words.title())), strict=False):
        assert rule.id in [breach.rule for breach in check(with_words(query, part, said), text=note)]


def with_words(query, part, words):
    if part == "option":
        first = query.options[0]
        return replace(query, options=(replace(first, text=f"{first.text} {words}"), *query.options[1:]))
    return replace(query, **{part: f"{words} {getattr(query, part)}"})


@pytest.mark.parametrize("disabled", sorted(set(RULES) - NEEDS_GAP))
def test_every_rule_is_needed(disabled, monkeypatch):
    """Without it a query of the cases would pass."""
    kept = {name: rule for name, rule in RULES.items() if name != disabled}
    monkeypatch.setattr(judging, "rules", lambda: replace(rules(), rules=kept))
    passed = [
        pair
        for pair in PAIRS
        if pair["rule"] == disabled and not broken(pair["base"], **{pair["part"]: pair["refused"]})
    ]
    assert passed


def test_hyphens_case_and_typography_hide_nothing():
    for said in (
        "Re-Imbursement",
        "REIMBURSED",
        "re\u00adimbursement",
        "reim\u2011bursement",
        "ｐａｙｍｅｎｔ",
        "don’t you",
        "Don't you",
    ):
        query, note = query_of("side")
        assert check(with_words(query, "question", said), text=note), said


def test_words_that_only_look_alike_are_allowed():
    for said in ("decode", "billow", "scoreless", "expectorate", "shoulder", "mustard", "consideration"):
        query, note = query_of("side")
        assert check(with_words(query, "question", said), text=note) == (), said


def test_levels_of_the_spine_are_no_codes():
    for level in ("L4-L5", "L5-S1", "T11", "T12-L1", "C5-C6", "S1", "t10"):
        query, note = query_of("diagnosis")
        assert check(with_words(query, "opening", level), text=note) == (), level


@pytest.mark.parametrize(
    "code", ["M54.42", "m5442", "M5442", "S39.012A", "S39012A", "G89.29", "O26.891", "97140", "R10A1"]
)
def test_codes_are_seen_with_and_without_their_dot(code):
    query, note = query_of("side")
    assert "code-shown" in [breach.rule for breach in check(with_words(query, "option", code), text=note)]


# -- mutations: every compliant query broken in every way known ---------------------------------------------------------


def moved(query, by):
    first = query.indicators[0]
    return replace(
        query, indicators=(replace(first, start=first.start + by, end=first.end + by), *query.indicators[1:])
    )


def without(query, kind):
    return replace(query, options=tuple(option for option in query.options if option.kind != kind))


def quoted(query, **change):
    return replace(query, indicators=(replace(query.indicators[0], **change), *query.indicators[1:]))


def unsupported(query):
    options = tuple(replace(option, supported_by=()) if option.introduces else option for option in query.options)
    return replace(query, options=options)


MUTATIONS = {
    "quotes moved one character": (lambda q: moved(q, 1), {"quote-altered", "indicator-not-in-note", "quote-cut"}),
    "quotes moved behind the note": (lambda q: moved(q, 10_000), {"indicator-not-in-note"}),
    "quotes at a negative place": (lambda q: moved(q, -10_000), {"indicator-not-in-note"}),
    "a word added to a quote": (
        lambda q: quoted(q, text=q.indicators[0].text + " severe"),
        {"quote-altered"},
    ),
    "a quote in capitals": (lambda q: quoted(q, text=q.indicators[0].text.upper()), {"quote-altered"}),
    "a quote blanked": (lambda q: quoted(q, text=""), {"no-indicator"}),
    "another section": (lambda q: quoted(q, section="OPERATIVE REPORT"), {"section-altered"}),
    "no indicators": (lambda q: replace(q, indicators=()), {"no-indicator"}),
    "no Other": (lambda q: without(q, "other"), {"missing-other"}),
    "no Unable to determine": (lambda q: without(q, "undetermined"), {"missing-undetermined"}),
    "one answer": (
        lambda q: replace(q, options=(q.answers[0], *(o for o in q.options if o.kind != "answer"))),
        {"too-few-options"},
    ),
    "an option doubled": (lambda q: replace(q, options=(q.options[0], *q.options)), {"option-twice"}),
    "an indicator cited that is not there": (
        lambda q: replace(q, options=(replace(q.options[0], supported_by=(99,)), *q.options[1:])),
        {"option-unsupported"},
    ),
    "a diagnosis brought in": (
        lambda q: replace(q, options=(Option("Ankylosing spondylitis", answer="as"), *q.options)),
        {"option-introduces-diagnosis"},
    ),
    "a diagnosis in the title": (lambda q: replace(q, title=f"Myelopathy: {q.title}"), {"title-leads"}),
    "a diagnosis in the question": (lambda q: replace(q, question=f"Myelopathy: {q.question}"), {"names-answer"}),
    "an answer in the question": (
        lambda q: replace(q, question=f"{q.answers[0].text}: {q.question}"),
        {"names-answer"},
    ),
    "no question": (lambda q: replace(q, question=" "), {"no-question"}),
    "another note": (
        lambda q: replace(q, encounter=replace(q.encounter, text_sha256="0" * 64)),
        {"other-encounter"},
    ),
    "no note": (lambda q: replace(q, encounter=replace(q.encounter, text_sha256="")), {"no-reference"}),
    "no brief": (lambda q: replace(q, brief=Brief("", "", "")), {"no-brief"}),
    "yes as an answer": (
        lambda q: replace(q, options=(Option("Yes", answer="y"), *q.options)),
        {"yes-no", "option-twice"},
    ),
}


# Yes and no may be asked about entries that differ.
BROKEN = [(base, name) for base in BASES for name in MUTATIONS if (base, name) != ("conflict", "yes as an answer")]


@pytest.mark.parametrize(("base", "mutation"), BROKEN)
def test_a_broken_query_is_refused(base, mutation):
    change, wanted = MUTATIONS[mutation]
    query, note = query_of(base)
    changed = change(query)
    assert changed != query
    assert {breach.rule for breach in check(changed, text=note)} & wanted


@pytest.mark.parametrize("base", ["diagnosis", "imaging", "injury"])
def test_an_option_stripped_of_its_indicators_is_refused(base):
    query, note = query_of(base)
    assert [b.rule for b in check(unsupported(query), text=note)] == ["option-introduces-diagnosis"]


# -- what a refusal says -----------------------------------------------------------------------------------------------


def test_a_refusal_names_the_rule_and_quotes_nothing_of_the_note():
    query, note = query_of("side", indicators=['"sciatica" at "Low back pain" (ASSESSMENT)'])
    refused = judge(replace(query, question="Which side must be paid?"), text=note)
    assert isinstance(refused, Refused)
    assert {"payment", "urging", "indicator-not-in-note"} <= {breach.rule for breach in refused.breaches}
    for rule in ("payment", "urging", "indicator-not-in-note"):
        assert rule in refused.message
    assert "sciatica" not in refused.message
    assert len(refused.message.splitlines()) == 1


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("rules.toml", ('id = "payment"\n', 'id = "denial"\n'), "twice"),
        ("rules.toml", ('"reimburs*", "remit*"', '"Re-imburs*"'), "never found"),
        ("rules.toml", ("says = ", "sayz = "), "unknown key 'sayz'"),
        ("rules.toml", ('where = ["title", ', 'where = ["titel", '), "where"),
        ("diagnoses.toml", ('id = "radiculopathy"', 'id = "sciatica"'), "twice"),
        ("diagnoses.toml", ("source = ", "sorce = "), "unknown key 'sorce'"),
    ],
)
def test_a_broken_rule_file_is_refused_by_name(tmp_path, monkeypatch, name, change, words):
    for path in wording.FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace(*change, 1) if path.name == name else text, encoding="utf-8")
    monkeypatch.setattr(wording, "FOLDER", tmp_path)
    with pytest.raises(TableError, match=words) as caught:
        wording.rules.__wrapped__()
    assert name in str(caught.value)


def test_the_parts_of_a_query_are_all_judged():
    assert {part for rule in WORDED for part in rule.where} == set(PARTS)
    assert readings("Don’t RE-imburse")[1].split() == ["dont", "reimburse"]
