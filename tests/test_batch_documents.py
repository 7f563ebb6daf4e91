"""What an office's files do wrong, and what becomes of it: withdrawn notes, torn files, links, notes in several parts."""

from __future__ import annotations

import json

import pytest
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.sinks import JsonLinesSink
from spinecode.pipelines.batch.workers import answer_here

HEAD = "MSH|^~\\&|E|H|S|H|1||{kind}|M1|P|2.5\r"


@pytest.fixture
def batch(engine, tmp_path):
    """A batch of a file or folder in this process: its results, its rejects and its summary."""

    def run(name, **asked):
        sink = JsonLinesSink(tmp_path / "out.jsonl")
        job = Job(
            source=open_source(Input(str(tmp_path / name), **asked)),
            sink=sink,
            build=lambda: engine,
            engine=lambda items, factory: answer_here(items, factory()),
            ruleset="r",
            engine_version="1",
        )
        summary = run_job(job)
        results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        rejects = sink.paths.rejects.read_text(encoding="utf-8") if sink.paths.rejects.exists() else ""
        return results, [json.loads(line) for line in rejects.splitlines()], summary

    return run


def codes(result):
    return [code["code"] for code in result["codes"]]


# -- HL7 v2 ------------------------------------------------------------------------------------------------------------


def message(*segments, kind="ORU^R01"):
    return HEAD.format(kind=kind) + "".join(f"{segment}\r" for segment in segments)


def observation(text, status):
    return f"OBX|1|TX|N||{text}||||||{status}"


def test_only_results_that_stand_are_text(batch, tmp_path):
    kept = [observation(f"Kept {status}.", status) for status in ("F", "C", "P", "R", "S", "U", "A", "B", "V", "")]
    lost = [observation("Assessment: neck pain.", status) for status in ("D", "I", "N", "O", "W", "X", "x")]
    back = observation("Assessment: low back pain.", "F")
    (tmp_path / "in.hl7").write_text(message(*lost, *kept, back), newline="")
    (tmp_path / "kept.hl7").write_text(message(*kept, back), newline="")
    (found,), rejects, _ = batch("in.hl7")
    (want,), _, _ = batch("kept.hl7")
    assert (found, rejects) == (want, [])
    assert codes(found) == ["M54.50"]


def test_a_message_whose_text_is_all_withdrawn_is_a_reject(batch, tmp_path):
    embedded = "OBX|2|ED|1||^image^png^Base64^AAAA||||||D"
    text = message(observation("Zebediah has neck pain", "W"), embedded, "OBX|3|NM|1||98||||||F")
    (tmp_path / "in.hl7").write_text(text, newline="")
    results, (reject,), _ = batch("in.hl7")
    assert results == []
    assert "no result (OBX-11: D, deleted; W, posted as wrong)" in reject["reason"]
    assert "Zebediah" not in reject["reason"]
    assert "neck pain" in reject["row"]


@pytest.mark.parametrize(
    ("kind", "completion", "availability", "words"),
    [
        ("MDM^T11", "", "", "cancels a document"),
        ("MDM^T02", "CA", "", "was canceled"),
        ("MDM^T02", "AU", "CA", "was deleted"),
        ("MDM^T02", "AU", "OB", "is obsolete"),
        ("MDM^T02", "AU", "UN", "is not available"),
        ("MDM^T02", "AU", "AV", None),
        ("MDM^T02", "DI", "", None),
    ],
)
def test_a_document_that_no_longer_holds_is_a_reject(batch, tmp_path, kind, completion, availability, words):
    txa = f"TXA|1|PN|TX|||||||||D1|||||{completion}||{availability}"
    (tmp_path / "in.hl7").write_text(message(txa, observation("Neck pain.", "F"), kind=kind), newline="")
    results, rejects, _ = batch("in.hl7")
    if words is None:
        assert [codes(each) for each in results] == [["M54.2"]]
    else:
        assert words in rejects[0]["reason"]
