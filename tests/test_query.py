"""Provider queries as users get them: from gaps to text, Markdown and JSON; templates of their own."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from spinecode.coding.errors import InputError, TableError
from spinecode.coding.gaps.model import Element
from spinecode.pipelines.query.ask import NOTHING, ask, asked_data, asked_schema, render_asked
from spinecode.pipelines.query.build import build_query
from spinecode.pipelines.query.check import judge
from spinecode.pipelines.query.gap import encounter_of, gaps_of
from spinecode.pipelines.query.model import query_from
from spinecode.pipelines.query.templates import built_in, load
from spinecode.pipelines.query.wording import rules

ROOT = Path(__file__).resolve().parent.parent

NOTE = """\
CHIEF COMPLAINT: Low back pain.

HISTORY: Low back pain for 10 days. Pain shoots down the right leg. Denies sciatica before.

ASSESSMENT:
1. Low back pain with sciatica, possible disc herniation.
"""


def piece(words, section, nth=1):
    start = -1
    for _ in range(nth):
        start = NOTE.index(words, start + 1)
    return {"start": start, "end": start + len(words), "text": words, "section": section}


def option(answer, words, codes, *, introduces=False, supported_by=()):
    return {
        "answer": answer,
        "words": words,
        "codes": codes,
        "introduces": introduces,
        "supported_by": list(supported_by),
    }


SIDE = {
    "id": "laterality:sciatica",
    "element": "laterality",
    "about": "side of the sciatica",
    "why": "The side decides the code.",
    "effect": "code",
    "options": [
        option("left", "left", ["M54.42"], supported_by=[0]),
        option("right", "right", ["M54.41"], supported_by=[0]),
        option("bilateral", "both sides", ["M54.41", "M54.42"], supported_by=[0]),
    ],
    "indicators": [piece("sciatica", "ASSESSMENT:", 2)],
}
DIAGNOSIS = {
    "id": "diagnosis_statement:disc",
    "element": "diagnosis_statement",
    "about": "low back pain",
    "why": "A disc herniation would replace the pain code.",
    "effect": "code",
    "options": [
        option("herniation", "lumbar disc herniation", ["M51.26"], introduces=True, supported_by=[1]),
        option("stenosis", "lumbar stenosis", ["M48.061"], introduces=True),
        option("nonspecific", "no specific cause found", ["M54.50"]),
    ],
    "indicators": [piece("Low back pain", "ASSESSMENT:", 3), piece("disc herniation", "ASSESSMENT:")],
}
OPEN = {
    **DIAGNOSIS,
    "id": "diagnosis_statement:pain",
    "options": DIAGNOSIS["options"][1:],
}


def result_of(*gaps, **keys):
    return {
        "encounter_id": "E-17",
        "provider": "Dr. Adams",
        "date_of_service": "2026-05-04",
        "text_sha256": hashlib.sha256(NOTE.encode()).hexdigest(),
        "gaps": list(gaps),
        "findings": {
            "conditions": [
                {
                    "kind": "disc_displacement",
                    "assertion": "uncertain",
                    "cue": "possible",
                    "evidence": piece("disc herniation", "ASSESSMENT:"),
                }
            ]
        },
        **keys,
    }


def asked_of(*gaps, templates=None, only=None, **keys):
    return ask(result_of(*gaps, **keys), templates or built_in(), text=NOTE, only=only)


# -- from gap to query -------------------------------------------------------------------------------------------------


def test_the_query_offers_each_answer_and_the_two_closing_options():
    (approved,) = asked_of(SIDE).queries
    assert [each.text for each in approved.query.options] == [
        "Left",
        "Right",
        "Both sides",
        "Other (please specify)",
        "Unable to determine",
    ]


def test_a_diagnosis_without_an_indicator_is_not_offered():
    (approved,) = asked_of(DIAGNOSIS).queries
    assert [each.answer for each in approved.query.answers] == ["herniation", "nonspecific"]


def test_a_gap_that_supports_no_two_answers_is_asked_openly():
    (approved,) = asked_of(OPEN).queries
    assert approved.query.answers == ()
    assert [each.text for each in approved.query.options] == ["Answer (please specify)", "Unable to determine"]


def test_what_stands_in_doubt_is_quoted_with_its_doubt():
    (approved,) = asked_of(DIAGNOSIS).queries
    text = render_asked(asked_of(DIAGNOSIS))
    assert [each.cue for each in approved.query.indicators] == ["", "possible"]
    assert "“disc herniation” (ASSESSMENT; the note adds “possible”)" in text


def test_what_is_only_told_as_absent_is_no_indicator():
    fever = piece("Denies sciatica", "HISTORY:")
    gap = {**SIDE, "indicators": [fever, *SIDE["indicators"]]}
    gap["options"] = [{**each, "supported_by": [0, 1]} for each in SIDE["options"]]
    result = result_of(gap)
    result["findings"]["injuries"] = [{"mechanism": "fall", "assertion": "negated", "evidence": fever}]
    (approved,) = ask(result, built_in(), text=NOTE).queries
    assert [each.text for each in approved.query.indicators] == ["sciatica"]
    assert [each.supported_by for each in approved.query.answers] == [(0,)] * 3


def test_a_gap_without_words_of_its_own_quotes_what_its_code_rests_on():
    words = [piece("Low back pain", "ASSESSMENT:", 3), piece("sciatica", "ASSESSMENT:", 2)]
    codes = [{"code": "G89.29", "evidence": words[:1]}, {"code": "M54.40", "evidence": words}]
    gap = {**SIDE, "indicators": [], "options": [{**each, "supported_by": []} for each in SIDE["options"]]}
    (approved,) = ask(result_of(gap, codes=codes), built_in(), text=NOTE).queries
    assert [each.text for each in approved.query.indicators] == ["Low back pain", "sciatica"]
    (refused,) = ask(result_of(gap), built_in(), text=NOTE).refused
    assert "no-indicator" in [breach.rule for breach in refused.breaches]


def test_one_gap_can_be_chosen_and_an_unknown_one_names_the_others():
    assert [each.query.gap for each in asked_of(SIDE, DIAGNOSIS, only=DIAGNOSIS["id"]).queries] == [DIAGNOSIS["id"]]
    with pytest.raises(InputError, match=r"laterality:sciatica, diagnosis_statement:disc"):
        asked_of(SIDE, DIAGNOSIS, only="laterality")
    with pytest.raises(InputError, match="no gaps"):
        asked_of(only="laterality")


def test_every_element_of_a_gap_has_a_template():
    assert tuple(built_in().elements) == get_args(Element)


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_the_text_holds_what_a_query_must_hold():
    text = render_asked(asked_of(SIDE))
    for words in ("E-17", "2026-05-04", "Dr. Adams", "“sciatica” (ASSESSMENT)", "2022 Update", "ACDIS/AHIMA"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("markdown", [False, True])
def test_no_code_no_gap_and_no_reason_is_shown(markdown):
    text = render_asked(asked_of(SIDE, DIAGNOSIS), markdown=markdown)
    assert not re.search(r"[MG]\d\d", text)
    for words in ("laterality", "diagnosis_statement", "decides", "replace", "stenosis"):
        assert words not in text


def test_markdown_of_a_note_is_no_markup():
    nasty = "# pain [x](http://e.x) <b>bad</b> *very* `_low_` | back"
    gap = {**SIDE, "about": "", "indicators": [{"start": 0, "end": len(nasty), "text": nasty, "section": "*HPI*"}]}
    gap["options"] = SIDE["options"]
    result = result_of(gap, provider="# Dr. <i>", text_sha256=hashlib.sha256(f"{nasty}*HPI*".encode()).hexdigest())
    asked = ask({**result, "findings": {}}, built_in(), text=None)
    text = render_asked(asked, markdown=True)
    assert r"\[x\](http://e.x) \<b\>bad\</b\> \*very\* \`\_low\_\` \| back" in text
    assert r"Provider: \# Dr. \<i\>" in text
    assert text.count("- [ ] ") == 5


def test_a_terminal_obeys_nothing_of_the_note():
    gap = {**SIDE, "indicators": [{**SIDE["indicators"][0], "text": "sciatica\x1b[2J\u202e"}]}
    text = render_asked(ask(result_of(gap), built_in(), text=None))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_published_schema_is_the_one_in_the_code():
    published = json.loads((ROOT / "docs" / "query.schema.json").read_text(encoding="utf-8"))
    assert published == asked_schema()
    jsonschema.Draft202012Validator.check_schema(published)


def test_queries_follow_the_schema_and_come_back_from_json():
    asked = asked_of(SIDE, DIAGNOSIS, OPEN)
    data = json.loads(json.dumps(asked_data(asked)))
    jsonschema.validate(data, asked_schema())
    for each, approved in zip(data["queries"], asked.queries, strict=True):
        assert "M54" not in json.dumps(each)
        assert query_from(each) == approved.query
        assert judge(query_from(each), text=NOTE) == approved


def test_a_query_without_options_or_indicators_breaks_the_schema():
    for key in ("options", "indicators"):
        data = asked_data(asked_of(SIDE))
        data["queries"][0][key] = []
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(data, asked_schema())
    with pytest.raises(InputError):
        query_from({"schema": "spinecode/query/1"})


def test_the_same_gaps_give_the_same_bytes():
    assert json.dumps(asked_data(asked_of(SIDE, DIAGNOSIS))) == json.dumps(asked_data(asked_of(SIDE, DIAGNOSIS)))


@pytest.mark.parametrize("gaps", [None, [{}], "no list", [{"id": "x"}]])
def test_gaps_that_cannot_be_read_are_refused(gaps):
    result = result_of()
    with pytest.raises(InputError):
        gaps_of({**result, "gaps": gaps} if gaps is not None else {k: v for k, v in result.items() if k != "gaps"})
    with pytest.raises(InputError):
        encounter_of({"encounter_id": []})


# -- templates ---------------------------------------------------------------------------------------------------------


def own(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_replaces_the_words_it_names_and_no_others(tmp_path):
    path = own(
        tmp_path,
        '[brief]\nversion = "2026 Update"\n[elements.laterality]\nquestion = "Which side?"\n'
        '[elements.laterality.options]\nleft = "Left side"\n',
    )
    (approved,) = asked_of(SIDE, templates=load(path)).queries
    assert approved.query.question == "Which side?"
    assert approved.query.brief.version == "2026 Update"
    assert approved.query.title == built_in().elements["laterality"].title
    assert [each.text for each in approved.query.answers] == ["Left side", "Right", "Both sides"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[elements.laterality]\nquestion = 'Which side, for payment?'\n", "breaks rule payment"),
        ("[elements.laterality]\ntitle = 'Denial risk'\n", "breaks rule denial"),
        ("[elements.etiology.options]\nmechanical = 'Mechanical (M54.59)'\n", "breaks rule code-shown"),
        ("[common]\ninstruction = 'You must answer.'\n", "breaks rule urging"),
        ("[closing]\nundetermined = 'Unable to determine (not recommended)'\n", "breaks rule"),
        ("[elements.laterality]\nqestion = 'Which side?'\n", "unknown 'qestion'"),
        ("[elements.side]\nquestion = 'Which side?'\n", "unknown 'side'"),
        ("[elements.laterality]\nquestion = 'Which side of {name}?'\n", "placeholder"),
        ("[elements.laterality]\nquestion = 'Which side of {about.x}?'\n", "placeholder"),
        ("[elements.laterality]\nquestion = 'Which side {?'\n", "placeholder"),
        ("[elements.laterality]\nquestion = 7\n", "must be text"),
        ("elements = 7\n", "must be a table"),
        ("[elements.laterality\n", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, text, words):
    path = own(tmp_path, text)
    with pytest.raises(TableError, match=re.escape(words)) as caught:
        load(path)
    assert path in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[closing]\nother = 'Something else'\n", "missing-other"),
        ("[closing]\nundetermined = ''\n", "missing-undetermined"),
        ("[elements.laterality]\nquestion = 'Is the sciatica on the left?'\n", "names-answer"),
        ("[elements.laterality]\nquestion = 'Which side has the radiculopathy?'\n", "names-answer"),
        ("[elements.laterality]\ntitle = 'Right sciatica'\n", "title-leads"),
        ("[elements.laterality]\nquestion = ''\n", "no-question"),
        ("[elements.laterality.options]\nleft = 'Right'\n", "option-twice"),
        ("[elements.laterality.options]\nleft = 'Left radiculopathy'\n", "option-altered"),
        ("[elements.laterality.options]\nleft = 'On the right'\nright = 'On the left'\n", "option-altered"),
        ("[brief]\nversion = ''\n", "no-brief"),
    ],
)
def test_a_query_in_words_that_break_a_rule_is_refused(tmp_path, text, rule):
    asked = asked_of(SIDE, templates=load(own(tmp_path, text)))
    assert asked.queries == ()
    assert rule in [breach.rule for breach in asked.refused[0].breaches]
    assert render_asked(asked) == ""
    jsonschema.validate(asked_data(asked), asked_schema())


def test_the_built_in_templates_break_no_rule_of_wording(tmp_path):
    assert load(own(tmp_path, "")) == built_in()


def test_a_title_may_name_what_is_documented(tmp_path):
    path = own(tmp_path, "[elements.laterality]\ntitle = 'Clarification: {about}'\n")
    (approved,) = asked_of(SIDE, templates=load(path)).queries
    assert approved.query.title == "Clarification: side of the sciatica"


def test_nothing_to_ask_is_said():
    assert render_asked(asked_of()) == NOTHING
    assert asked_data(asked_of())["queries"] == []


def test_an_unjudged_query_cannot_be_printed():
    from spinecode.pipelines.query.render import render_text

    query = build_query(gaps_of(result_of(SIDE))[0], encounter_of(result_of(SIDE)), built_in())
    with pytest.raises(AttributeError):
        render_text(query)


def test_the_page_lists_the_rules_as_they_are():
    page = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", page, flags=re.M)
    assert listed == [(rule.id, rule.says, rule.source) for rule in rules().rules.values()]
