"""The published JSON Schemas of the audit and of why-not: what the commands print follows them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import spinecode
from spinecode.pipelines.schema import audit_schema, why_not_schema

DOCS = Path(__file__).resolve().parent.parent / "docs"
NOTE = "CHIEF COMPLAINT: Leg pain.\nASSESSMENT:\n1. Left sciatica. Possible L4-L5 disc herniation.\n"
CLAIMS = (
    "encounter_id,codes,date_of_service,cpt,text\n"
    'E1,"M54.5; G89.29",2026-05-04,99213,\n'
    f'2,"M54.30, I10, nonsense",31/12/2026,64628,"{NOTE}"\n'
    'E3,"S39.012 M54.50 M51.360",,,""\n'
    "E4,,,,\n"
)


@pytest.mark.parametrize(("name", "schema"), [("audit", audit_schema), ("why-not", why_not_schema)])
def test_the_published_schemas_are_those_in_the_code(name, schema):
    published = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
    jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("more", [(), ("--no-text",)])
def test_an_audit_follows_its_schema(cli, tmp_path, more):
    (tmp_path / "claims.csv").write_text(CLAIMS, encoding="utf-8")
    done = cli("audit", "--claims", "claims.csv", "--json", *more)
    assert done.returncode == 1
    data = json.loads(done.stdout)
    jsonschema.validate(data, audit_schema())
    assert len(data["claims"]) == 4
    wrong = copy.deepcopy(data)
    wrong["claims"][0]["findings"][0]["severity"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, audit_schema())


@pytest.mark.parametrize(
    ("code", "answer"),
    [("M54.32", "suggested"), ("M51.26", "left_out"), ("M54.2", "not_documented"), ("M48.50XA", "never_suggested")],
)
def test_why_not_follows_its_schema(cli, code, answer):
    done = cli("suggest", "--why-not", code, "--json", "--date", "2026-05-04", stdin=NOTE.encode())
    data = json.loads(done.stdout)
    jsonschema.validate(data, why_not_schema())
    assert data["answer"] == answer
    data["would_need"].append({"facts": []})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, why_not_schema())


def test_both_are_at_hand_in_python(engine):
    result = engine.suggest(NOTE)
    audited = spinecode.audit(spinecode.Claim(("M54.30",)), result.findings)
    assert [finding.instead for finding in audited.findings if finding.kind == "side_missing"] == [("M54.32",)]
    answer = spinecode.why_not(result.findings, "M51.26")
    assert (answer.answer, answer.entries[0].status) == ("left_out", "uncertain")
    assert spinecode.audit_schema() == audit_schema()
    assert spinecode.why_not_schema() == why_not_schema()
