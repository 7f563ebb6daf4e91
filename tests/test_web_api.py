"""The HTTP API of a running server: the same answers as the command line, and its own OpenAPI document kept."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    return told["detail"]


def test_suggest_is_the_object_of_the_command_line(server, cli, tmp_path, sample_texts):
    for text in sample_texts[:3]:
        (tmp_path / "note.txt").write_bytes(text.encode())
        told = cli("suggest", "--json", "--date", "2026-06-10", "--encounter-id", "E1", tmp_path / "note.txt").stdout
        sent = {"text": text, "date_of_service": "2026-06-10", "encounter_id": "E1"}
        assert server.client.post("/v1/suggest", json=sent).content + b"\n" == told


def test_the_examples_of_the_document_run(server):
    document = server.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    run = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for kind, content in operation.get("requestBody", {"content": {}})["content"].items():
                for example in content["examples"].values():
                    body = example["value"] if isinstance(example["value"], str) else json.dumps(example["value"])
                    answer = server.client.request(method, path, content=body, headers={"Content-Type": kind})
                    run += 1
                    assert answer.status_code == 200, answer.text
                    for expected in re.findall(r"[A-Z]\d\d\.\d+|\w+:\w+", example["summary"]):
                        assert f'"{expected}"' in answer.text
                    shape = operation["responses"]["200"]["content"][answer.headers["content-type"].partition(";")[0]]
                    if "$ref" in shape["schema"]:
                        schema = {**shape["schema"], "components": document["components"]}
                        jsonschema.validate(answer.json(), schema)
    assert run >= 8
    assert server.client.get("/v1/codes/M54.5").json()["codes"][0]["code"] == "M54.5"


def test_offsets_are_code_points_of_the_text_as_sent(server, every_evidence):
    text = "🦴 CC: back.\r\nAssessment: 👩‍⚕️ low back pain with left sciatica."
    result = server.client.post("/v1/suggest", json={"text": text}).json()
    assert result["codes"][0]["code"] == "M54.42"
    for quote in every_evidence(result):
        assert text[quote["start"] : quote["end"]] == quote["text"]


def test_answers_and_facts_decide_again(server):
    text = "Assessment: low back pain with sciatica."
    answered = server.client.post("/v1/suggest", json={"text": text, "answers": {"laterality:sciatica": "left"}}).json()
    assert ([each["code"] for each in answered["codes"]], answered["before"]) == (["M54.42"], ["M54.40"])
    detail = problem(server.client.post("/v1/suggest", json={"text": text, "answers": {"side": "left"}}), 422)
    assert detail.startswith("answers: side: is no open fact")
    assert "laterality:sciatica" in detail


def test_query_and_audit(server):
    text = "Assessment: low back pain with sciatica."
    asked = server.client.post("/v1/query", json={"text": text, "provider": "Dr. Example"}).json()
    assert "laterality:sciatica" in [each["gap"] for each in asked["queries"]]
    audited = server.client.post("/v1/audit", json={"text": text, "codes": ["m545"], "encounter_id": 7}).json()
    (claim,) = audited["claims"]
    assert (claim["encounter_id"], claim["codes"], claim["suggested"]) == (7, ["M54.5"], ["M54.40"])
    assert {finding["severity"] for finding in claim["findings"]} >= {"error"}


def test_batch_answers_each_line_in_order(server):
    rows = [
        b'{"encounter_id": 1, "text": "Assessment: neck pain.", "clinic": "North"}',
        b"",
        b'{"encounter_id": 2}',
        b"no json",
        b'{"encounter_id": "x", "text": "Assessment: left sciatica.", "date_of_service": "2026-06-10"}\r',
        b'{"encounter_id": 3, "text": "' + b"x" * 1_000_000 + b'"}',
    ]
    answer = server.client.post("/v1/batch", content=b"\n".join(rows), headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line.get("encounter_id", line.get("line")) for line in lines] == [1, 3, 4, "x", 6]
    assert lines[0]["extra"] == {"clinic": "North"}
    assert lines[1] == {"schema": "spinecode/reject/1", "line": 3, "reason": "text is missing"}
    assert lines[3]["codes"][0]["code"] == "M54.32"


def test_codes_and_their_absence(server):
    assert server.client.get("/v1/codes/m5441").json()["codes"][0]["code"] == "M54.41"
    assert "no code" in problem(server.client.get("/v1/codes/sciatica"), 404)
    problem(server.client.get("/v1/codes/M54.99"), 404)


def reference(text, **more):
    attachment = {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "id": "d1",
        "content": [{"attachment": attachment}],
        **more,
    }


def test_fhir_answers_a_bundle_of_conditions_in_claim_order(server):
    sent = reference("Assessment: chronic low back pain with left sciatica.", subject={"reference": "Patient/7"})
    answer = server.client.post("/fhir/$suggest", json=sent)
    assert answer.headers["content-type"] == "application/fhir+json"
    encounter, *conditions = (entry["resource"] for entry in answer.json()["entry"])
    assert [each["code"]["coding"][0]["code"] for each in conditions] == ["M54.42", "G89.29"]
    assert {each["subject"]["reference"] for each in conditions} == {"Patient/7"}
    assert [each["rank"] for each in encounter["diagnosis"]] == [1, 2]


def test_fhir_says_of_each_document_what_is_wrong_with_it(server):
    entries = [
        {"resource": reference("Assessment: neck pain.")},
        {"resource": reference("x", status="entered-in-error")},
    ]
    answer = server.client.post(
        "/fhir/$suggest", json={"resourceType": "Bundle", "type": "collection", "entry": entries}
    )
    assert [entry["resource"]["resourceType"] for entry in answer.json()["entry"]][-1] == "OperationOutcome"
    for bad in (
        {"resourceType": "Patient"},
        {"resourceType": "Bundle", "entry": 5},
        reference("x", status="superseded"),
    ):
        refused = server.client.post("/fhir/$suggest", json=bad)
        assert (refused.status_code, refused.json()["resourceType"]) == (422, "OperationOutcome")


@pytest.mark.parametrize(
    ("path", "kind", "body", "status", "says"),
    [
        ("/v1/suggest", "application/json", b"{", 400, "not JSON"),
        ("/v1/suggest", "application/json", b"[1]", 400, "not a JSON object"),
        ("/v1/suggest", "application/json", b"[" * 100_000, 400, "nested too deeply"),
        ("/v1/suggest", "application/json", b'{"text": "\\ud800"}', 400, "surrogate"),
        ("/v1/suggest", "application/json", b'{"text": "a", "text": "b"}', 400, "twice"),
        ("/v1/suggest", "application/json", b"\xff", 400, "not UTF-8"),
        ("/v1/suggest", "application/json", b"{}", 422, "text: Field required"),
        ("/v1/suggest", "application/json", b'{"text": 5}', 422, "text: "),
        ("/v1/suggest", "application/json", b'{"text": "a", "colour": 1}', 422, "not known; known are text"),
        ("/v1/suggest", "application/json", b'{"text": "a", "date_of_service": "6/10/26"}', 422, "YYYY-MM-DD"),
        ("/v1/suggest", "text/plain", b'{"text": "a"}', 415, "application/json"),
        ("/v1/batch", "application/json", b"{}", 415, "x-ndjson"),
        ("/v1/suggest", "application/json", b'{"text": "' + b"a" * 1_000_000 + b'"}', 413, "1,000,000 bytes"),
        ("/v1/nothing", "application/json", b"{}", 404, "/openapi.json"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_line_that_says_why(server, path, kind, body, status, says):
    detail = problem(server.client.post(path, content=body, headers={"Content-Type": kind}), status)
    assert says in detail
    assert "\n" not in detail


def test_ten_megabytes_are_refused_before_they_are_read(server):
    def endless():
        for _ in range(100):
            yield b"x" * 100_000

    answer = server.client.post("/v1/suggest", content=endless(), headers={"Content-Type": "application/json"})
    problem(answer, 413)
    told = server.client.post("/v1/suggest", content=b"x" * 10_000_000, headers={"Content-Type": "application/json"})
    problem(told, 413)


def test_other_methods_are_refused(server):
    answer = server.client.get("/v1/suggest")
    assert "POST" in problem(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_health_and_figures(server):
    assert server.client.get("/healthz").json()["status"] == "ok"
    server.client.post("/v1/suggest", json={"text": "Assessment: neck pain."})
    figures = server.client.get("/metrics").text
    assert re.search(r'spinecode_requests_total\{method="POST",route="/v1/suggest",status="200"\} [1-9]', figures)
    assert 'spinecode_jobs_total{kind="suggest",outcome="done"}' in figures
