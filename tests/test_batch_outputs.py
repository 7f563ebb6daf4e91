"""Every kind of output says what the results say, is safe to open, and survives a kill."""

from __future__ import annotations

import csv
import json
import random
import signal
import sqlite3
import stat
import time

import openpyxl
import pandas
import pytest
from fhir.resources.R4B.bundle import Bundle
from spinecode.coding.errors import InputError
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.outputs import Output, open_sink
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.shapes import TABLES, tables_of
from spinecode.pipelines.batch.workers import answer_here
from spinecode.pipelines.rows import Row

ROWS = [
    {"encounter_id": "E1", "text": "Assessment: chronic lumbago with left sciatica.", "mrn": "=1+1", "provider": "=HYPERLINK(1)"},
    {"encounter_id": "E2", "text": "", "mrn": "007", "provider": ""},
    {"encounter_id": "E3", "text": "Assessment: + neck pain\x00 @ C5, fell at home.", "mrn": "\t=cmd", "provider": "Dr. “A”, B"},
    {"encounter_id": "", "text": "no id", "mrn": "", "provider": ""},
]  # fmt: skip


@pytest.fixture
def source(tmp_path):
    pandas.DataFrame(ROWS).to_csv(tmp_path / "in.csv", index=False)
    return tmp_path / "in.csv"


def run(source, out, engine, *, rows=(), **options):
    opened = open_source(Input(str(source)))
    return run_job(
        Job(
            opened,
            open_sink(Output(str(out), rows=rows, **options), opened.columns),
            lambda: engine,
            lambda items, factory: answer_here(items, factory()),
            "rules-1",
            "0.1.0",
        )
    )


@pytest.fixture
def results(source, tmp_path, engine):
    run(source, tmp_path / "plain.jsonl", engine)
    return [json.loads(line) for line in (tmp_path / "plain.jsonl").read_text(encoding="utf-8").splitlines()]


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def claim(result):
    return "; ".join(code["code"] for code in result["codes"] if code["role"] != "optional")


def check_encounters(found, results):
    assert [str(row["encounter_id"]) for row in found] == ["E1", "E2", "E3"]
    assert [int(row["row"]) for row in found] == [2, 3, 4]
    assert [row["codes"] or "" for row in found] == [claim(result) for result in results]
    assert claim(results[0]).startswith("M54.42")
    assert [row["outcome"] for row in found] == [result["outcome"] for result in results]
    assert [row["text_sha256"] for row in found] == [result["text_sha256"] for result in results]
    assert [str(row["mrn"]).lstrip("'") for row in found] == ["=1+1", "007", "\t=cmd"]


def check_codes(found, results):
    want = [(r["encounter_id"], place, c["code"]) for r in results for place, c in enumerate(r["codes"], start=1)]
    assert [(row["encounter_id"], int(row["position"]), row["code"]) for row in found] == want
    assert "left sciatica" in found[0]["evidence"]


def test_csv_has_one_row_for_an_encounter_and_others_beside_it(source, tmp_path, engine, results):
    summary = run(source, tmp_path / "out.csv", engine, rows=("encounters", "codes", "gaps"))
    assert (summary.rows, summary.results, summary.rejects) == (4, 3, 1)
    check_encounters(read_csv(tmp_path / "out.csv"), results)
    check_codes(read_csv(tmp_path / "out.codes.csv"), results)
    names = (tmp_path / "out.gaps.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert names == [*TABLES["gaps"], "mrn"]
    assert "encounter_id is missing" in (tmp_path / "out.rejects.jsonl").read_text(encoding="utf-8")
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600


def test_no_cell_of_a_csv_file_is_a_formula(source, tmp_path, engine):
    run(source, tmp_path / "out.csv", engine, rows=("encounters", "codes"))
    for name in ("out.csv", "out.codes.csv"):
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@", "|", "%"))]
    assert any(cell.startswith("'=") for cell in cells)


def test_a_workbook_has_a_sheet_for_each_table_and_text_stays_text(source, tmp_path, engine, results):
    run(source, tmp_path / "out.xlsx", engine)
    sheets = pandas.read_excel(tmp_path / "out.xlsx", sheet_name=None, dtype=str, keep_default_na=False)
    assert list(sheets) == ["encounters", "codes", "gaps"]
    check_encounters(sheets["encounters"].to_dict("records"), results)
    check_codes(sheets["codes"].to_dict("records"), results)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    risky = [cell for cell in cells if isinstance(cell.value, str) and cell.value.lstrip().startswith(("=", "+", "@"))]
    assert risky
    assert all(cell.quotePrefix for cell in risky)
    assert not list(tmp_path.glob("*.tmp"))
    before = (tmp_path / "out.xlsx").read_bytes()
    run(source, tmp_path / "out.xlsx", engine)
    assert (tmp_path / "out.xlsx").read_bytes() == before


def test_parquet(source, tmp_path, engine, results):
    run(source, tmp_path / "out.parquet", engine, rows=("codes", "encounters"))
    check_codes(pandas.read_parquet(tmp_path / "out.parquet").to_dict("records"), results)
    check_encounters(pandas.read_parquet(tmp_path / "out.encounters.parquet").to_dict("records"), results)


def table(path, name):
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY row")]


def test_tables_of_a_database_are_replaced_together(source, tmp_path, engine, results):
    out = tmp_path / "out.db"
    for _ in range(2):
        run(source, out, engine, rows=("encounters", "codes", "gaps"), table="precoded")
        check_encounters(table(out, "precoded"), results)
        check_codes(table(out, "precoded_codes"), results)
        assert [row["gap"] for row in table(out, "precoded_gaps")] == [gap["id"] for r in results for gap in r["gaps"]]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*precoded*")] == ["out.precoded.rejects.jsonl"]


def test_a_table_of_something_else_is_left_alone(source, tmp_path, engine):
    out = tmp_path / "ehr.db"
    with sqlite3.connect(out) as connection:
        connection.execute("CREATE TABLE patients (id, name)")
    with pytest.raises(InputError, match="something else"):
        run(source, out, engine, table="patients")


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx", "out.parquet", "out.db", "out.json"])
def test_a_kill_while_the_output_is_made_leaves_the_old_one_and_is_repaired(
    source, tmp_path, engine, monkeypatch, name
):
    from spinecode.pipelines.batch import spool

    run(source, tmp_path / name, engine)
    before = (tmp_path / name).read_bytes()
    pandas.DataFrame(ROWS[:1]).to_csv(source, index=False)
    seen = []

    def torn(part):
        for line in whole_lines(part):
            yield line
            seen.append(line)
            raise KeyboardInterrupt

    whole_lines = spool.spool_lines
    with monkeypatch.context() as patch:
        for module in ("table_sinks", "fhir_out"):
            patch.setattr(f"spinecode.pipelines.batch.{module}.spool_lines", torn)
        with pytest.raises(KeyboardInterrupt):
            run(source, tmp_path / name, engine)
    assert seen
    if name != "out.db":  # of a database the file changes, not what it holds
        assert (tmp_path / name).read_bytes() == before
    else:
        assert len(table(tmp_path / name, "spinecode_results")) == 3
    summary = run(source, tmp_path / name, engine)
    assert summary.rows == 1
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".part", ".journal", ".new", ".tmp")]
    if name == "out.db":
        assert len(table(tmp_path / name, "spinecode_results")) == 1


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_killed_run_to_a_table_ends_as_if_it_had_not_been(tmp_path, start_slow, name):
    rows = [
        {"encounter_id": f"E{i}" if i % 11 else "", "text": f"note {i} " * (i % 30), "mrn": i} for i in range(1, 2001)
    ]
    pandas.DataFrame(rows).to_csv(tmp_path / "in.csv", index=False)

    def start(out):
        return start_slow(tmp_path / "in.csv", tmp_path / out)

    assert start(f"whole_{name}").wait(120) == 0
    chance = random.Random(3)
    for _ in range(5):
        process = start(name)
        time.sleep(chance.uniform(0.3, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert start(name).wait(120) == 0
    if name == "out.csv":
        assert (tmp_path / name).read_bytes() == (tmp_path / f"whole_{name}").read_bytes()
    else:
        found, want = pandas.read_parquet(tmp_path / name), pandas.read_parquet(tmp_path / f"whole_{name}")
        pandas.testing.assert_frame_equal(found, want)
        assert len(found) == sum(1 for row in rows if row["encounter_id"])
    rejects = (tmp_path / "out.rejects.jsonl").read_bytes()
    assert rejects == (tmp_path / f"whole_{name}").with_suffix(".rejects.jsonl").read_bytes()


# -- gaps --------------------------------------------------------------------------------------------------------------

GAP = {
    "id": "laterality:sciatica",
    "element": "laterality",
    "why": "M54.4- has a side.",
    "effect": "code",
    "options": [{"answer": "left", "codes": ["M54.42"]}, {"answer": "both", "codes": ["M54.41", "M54.42"]}],
    "indicators": [{"start": 3, "end": 8, "text": "leg pain", "section": "HPI"}],
}


def test_a_row_for_each_gap_of_a_real_note(source, tmp_path, engine, results):
    run(source, tmp_path / "gaps.csv", engine, rows=("gaps",))
    want = [(r["encounter_id"], gap["id"], gap["element"]) for r in results for gap in r["gaps"]]
    assert [(row["encounter_id"], row["gap"], row["element"]) for row in read_csv(tmp_path / "gaps.csv")] == want
    assert want


def test_a_row_for_each_gap(engine):
    result = {**engine.suggest("Low back pain with sciatica.", encounter_id=4).to_dict(), "gaps": [GAP, GAP]}
    tables = tables_of(result, Row(9, 4, "", None, None, None, ""))
    first, second = (dict(zip(TABLES["gaps"], row, strict=True)) for row in tables["gaps"])
    assert (first["row"], first["encounter_id"], first["position"], second["position"]) == (9, 4, 1, 2)
    assert first["options"] == "left → M54.42; both → M54.41 + M54.42"
    assert (first["indicators"], first["sections"]) == ("leg pain", "HPI")
    (encounter,) = tables["encounters"]
    assert dict(zip(TABLES["encounters"], encounter, strict=True))["gaps"] == 2


# -- FHIR --------------------------------------------------------------------------------------------------------------


def test_a_bundle_has_a_condition_for_each_code_in_claim_order(source, tmp_path, engine, results):
    run(source, tmp_path / "out.json", engine)
    bundle = Bundle.model_validate_json((tmp_path / "out.json").read_bytes())
    resources = {entry.fullUrl: entry.resource for entry in bundle.entry}
    encounters = [each for each in resources.values() if each.get_resource_type() == "Encounter"]
    assert [each.identifier[0].value for each in encounters] == ["E1", "E2", "E3"]
    for encounter, result in zip(encounters, results, strict=True):
        diagnoses = sorted(encounter.diagnosis or [], key=lambda each: each.rank)
        conditions = [resources[each.condition.reference] for each in diagnoses]
        assert "; ".join(each.code.coding[0].code for each in conditions) == claim(result)
        assert {each.code.coding[0].system for each in conditions} <= {"http://hl7.org/fhir/sid/icd-10-cm"}
        assert all(each.subject == encounter.subject for each in conditions)
    assert encounters[0].subject.identifier.value == "=1+1"  # the column mrn


def test_the_patient_of_a_document_reference_is_the_subject(tmp_path, engine):
    import base64

    reference = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Neck pain.").decode()}}],
    }
    (tmp_path / "in.json").write_text(json.dumps(reference))
    run(tmp_path / "in.json", tmp_path / "out.json", engine)
    bundle = json.loads((tmp_path / "out.json").read_text())
    condition = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Condition")
    assert condition["subject"] == {"reference": "Patient/p1"}
    assert condition["evidence"] == [{"detail": [{"reference": "DocumentReference/d1"}]}]
    assert condition["code"]["coding"][0]["code"] == "M54.2"


def test_no_row_no_patient(tmp_path, engine):
    (tmp_path / "in.jsonl").write_text("")
    run(tmp_path / "in.jsonl", tmp_path / "out.json", engine)
    Bundle.model_validate_json((tmp_path / "out.json").read_bytes())
    (tmp_path / "in.jsonl").write_text('{"encounter_id": 5, "text": "Neck pain."}\n')
    run(tmp_path / "in.jsonl", tmp_path / "out.json", engine)
    bundle = json.loads((tmp_path / "out.json").read_text())
    assert bundle["entry"][0]["resource"]["subject"]["identifier"]["value"] == "5"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (Output("x.csv", rows=("notes",)), "no such table"),
        (Output("x.jsonl", rows=("codes",)), "whole results"),
        (Output("x.csv", format="pdf"), "no such format"),
    ],
)
def test_impossible_outputs_are_refused(output, words):
    with pytest.raises(InputError, match=words):
        open_sink(output, None)


def test_rows_that_differ_carry_what_they_have_in_one_column(tmp_path, engine):
    (tmp_path / "in.jsonl").write_text('{"encounter_id": 1, "text": "", "a": [1]}\n{"encounter_id": 2, "text": ""}\n')
    run(tmp_path / "in.jsonl", tmp_path / "out.csv", engine)
    assert [row["extra"] for row in read_csv(tmp_path / "out.csv")] == ['{"a":[1]}', ""]


def test_the_command_writes_what_the_name_says(cli, source, tmp_path):
    assert cli("batch", "in.csv", "out.xlsx", "--no-dots", "--no-text").returncode == 3
    sheets = pandas.read_excel(tmp_path / "out.xlsx", sheet_name=None, dtype=str, keep_default_na=False)
    assert sheets["encounters"]["first_listed"][0] == "M5442"
    assert "sciatica" not in " ".join(sheets["codes"]["evidence"])
    assert cli("batch", "in.csv", "out.json", "--no-dots").returncode == 2
