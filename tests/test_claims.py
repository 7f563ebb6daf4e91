"""`spinecode audit` as a command: claims files of three kinds, the summary, `--no-text`, exit statuses."""

from __future__ import annotations

import json

import pandas
import pytest
from spinecode.pipelines.claims import read_claims

NOTE = "CHIEF COMPLAINT: Leg pain.\nASSESSMENT:\n1. Left-sided sciatica.\n"
ROWS = [
    {"encounter_id": "E1", "codes": "m545", "cpt": "99213", "date_of_service": "2026-05-04", "text": ""},
    {"encounter_id": "E2", "codes": "M54.30; I10", "cpt": "", "date_of_service": "", "text": NOTE},
    {"encounter_id": "E3", "codes": "M5441|G8929", "cpt": "99213,72148", "date_of_service": "2026-06-01", "text": ""},
]


@pytest.fixture
def write(tmp_path):
    """Write rows as a file of any of the three kinds."""

    def run(rows, kind):
        path = tmp_path / f"claims.{kind}"
        frame = pandas.DataFrame(rows)
        if kind == "csv":
            frame.to_csv(path, index=False)
        elif kind == "xlsx":
            frame.to_excel(path, index=False)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return run


def one_line(done):
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_the_three_kinds_of_file_hold_the_same_claims(write, kind):
    rows = read_claims(str(write(ROWS, kind)))
    assert [row.encounter_id for row in rows] == ["E1", "E2", "E3"]
    assert [row.claim.codes for row in rows] == [("M54.5",), ("M54.30", "I10"), ("M54.41", "G89.29")]
    assert [row.claim.cpt for row in rows] == [("99213",), (), ("99213", "72148")]
    assert [row.claim.date_of_service for row in rows] == ["2026-05-04", None, "2026-06-01"]
    assert [row.text for row in rows] == [None, NOTE, None]
    assert [row.claim.empty_note for row in rows] == [True, False, True]


def test_spreadsheet_cells_are_read_as_written(write):
    day = pandas.Timestamp("2026-05-04")
    rows = [{"Encounter ID": 1001, "DX1": "M54.50", "DX2": "G89.29", "CPT": 97110, "Date of Service": day}]
    (row,) = read_claims(str(write(rows, "xlsx")))
    assert (row.encounter_id, row.claim.codes, row.claim.cpt) == ("1001", ("M54.50", "G89.29"), ("97110",))
    assert (row.claim.date_of_service, row.claim.bad_date) == ("2026-05-04", False)


def test_json_keeps_types_and_takes_lists(write):
    (row,) = read_claims(str(write([{"encounter_id": 7, "codes": ["m5450", "G89.29"], "cpt": [97110]}], "jsonl")))
    assert (row.encounter_id, row.claim.codes, row.claim.cpt) == (7, ("M54.50", "G89.29"), ("97110",))


def test_without_any_note_no_missing_note_is_reported(write):
    rows = read_claims(str(write([{**row, "text": ""} for row in ROWS], "csv")))
    assert not any(row.claim.empty_note for row in rows)


def test_blank_rows_hold_no_claim_and_a_bad_date_is_kept_for_the_audit(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "encounter_id,codes,date_of_service\n1,M54.2,05/04/2026\n,,\n2,M54.2,2026-02-30\n", encoding="utf-8"
    )
    rows = read_claims(str(path))
    assert [(row.line, row.claim.bad_date) for row in rows] == [(2, True), (4, True)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("c.txt", b"", "a .csv, .jsonl or .xlsx file"),
        ("c.csv", b"", "c.csv"),
        ("c.csv", b"codes\nM54.2\n", "encounter_id is missing"),
        ("c.csv", b"encounter_id,text\n1,x\n", "codes is missing"),
        ("c.csv", b"encounter_id,codes\n1,M54.2,x,y,z\n", "is no CSV table"),
        ("c.csv", "encounter_id,codes\n\xe9,M54.2\n".encode("latin-1"), "is not UTF-8"),
        ("c.jsonl", b'{"encounter_id": 1, "codes": "M54.2"}\n{', "row 2: not JSON"),
        ("c.jsonl", b'{"encounter_id": 1, "codes": 5.5}', "codes: must be"),
        ("c.jsonl", b'{"encounter_id": null, "codes": "M54.2"}', "encounter_id: must be"),
        ("c.xlsx", b"no workbook", "cannot be read as an XLSX workbook"),
        ("nowhere.csv", None, "no such file"),
    ],
)
def test_unreadable_files_are_refused_in_one_line(cli, tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = cli("audit", "--claims", name)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in one_line(done)


# -- the command -------------------------------------------------------------------------------------------------------


def test_a_file_of_claims_is_audited_with_a_summary(cli, write):
    write(ROWS, "csv")
    done = cli("audit", "--claims", "claims.csv", "--json")
    assert done.returncode == 1
    data = json.loads(done.stdout)
    found = [[finding["kind"] for finding in claim["findings"]] for claim in data["claims"]]
    assert "retired" in found[0]
    assert "side_missing" in found[1]
    assert data["claims"][1]["suggested"] == ["M54.32"]
    assert data["claims"][1]["not_checked"] == ["I10"]
    summary = data["summary"]
    assert (summary["claims"], summary["with_note"], summary["of_spine"]) == (3, 1, 3)
    assert (summary["unspecified"], summary["unspecified_codes"]) == (1, {"M54.30": 1})
    assert summary["unspecified_rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert summary["guide"]["mistake 1"] == 1
    text = cli("audit", "--claims", "claims.csv").stdout.decode()
    assert "Encounter E2 (row 3)" in text
    assert "unspecified-code rate 33.3%: 1 of 3 claims with a spine code (M54.30 1)" in text
    assert "checks that need the note" in text
    assert max(map(len, text.splitlines())) <= 100


def test_one_note_with_its_codes(cli, tmp_path):
    (tmp_path / "note.txt").write_text(NOTE, encoding="utf-8")
    wrong = cli("audit", "note.txt", "m5430", "I10")
    assert wrong.returncode == 1
    assert "Use M54.32." in wrong.stdout.decode()
    right = cli("audit", "note.txt", "M54.32")
    assert (right.returncode, right.stderr) == (0, b"")
    assert "nothing found" in right.stdout.decode()
    piped = cli("audit", "-", "M54.32", "--json", "--date", "2026-05-04", "--cpt", "64483", stdin=NOTE.encode())
    (claim,) = json.loads(piped.stdout)["claims"]
    assert (claim["date_of_service"], claim["cpt"], claim["findings"]) == ("2026-05-04", ["64483"], [])


def test_evidence_quotes_the_note_at_its_offsets(cli, every_evidence):
    data = json.loads(cli("audit", "-", "M54.30", "--json", stdin=NOTE.encode()).stdout)
    pieces = list(every_evidence(data))
    assert pieces
    for piece in pieces:
        assert NOTE[piece["start"] : piece["end"]] == piece["text"]


def test_no_text_quotes_nothing_and_keeps_offsets(cli, every_evidence):
    note = "CHIEF COMPLAINT: Leg pain of Zebediah.\nASSESSMENT:\n1. Left-sided sciatica, Zebediah.\n2. Zebediism.\n"
    told = cli("audit", "-", "M54.30", "M51.16", "--json", stdin=note.encode())
    blank = cli("audit", "-", "M54.30", "M51.16", "--json", "--no-text", stdin=note.encode())
    text = cli("audit", "-", "M54.30", "M51.16", "--no-text", stdin=note.encode())
    for output in (blank.stdout, text.stdout):
        assert b"Left-sided" not in output
        assert b"Zebedi" not in output
    full, bare = json.loads(told.stdout), json.loads(blank.stdout)
    assert [e["start"] for e in every_evidence(full)] == [e["start"] for e in every_evidence(bare)]
    assert {e["text"] for e in every_evidence(bare)} == {""}
    assert [f["kind"] for f in full["claims"][0]["findings"]] == [f["kind"] for f in bare["claims"][0]["findings"]]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["note.txt"],
        ["note.txt", "M54.2", "--claims", "c.csv"],
        ["--claims", "c.csv", "--date", "2026-05-04"],
        ["note.txt", "M54.2", "--date", "yesterday"],
        ["missing.txt", "M54.2"],
    ],
)
def test_usage_errors(cli, arguments):
    done = cli("audit", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    one_line(done)


def test_claims_without_notes_load_no_language_pipeline(tmp_path, write):
    import subprocess
    import sys

    write([{"encounter_id": "1", "codes": "M54.41"}], "jsonl")
    script = (
        "import sys\nfrom spinecode.cli import main\nstatus = main(['audit', '--claims', 'claims.jsonl'])\n"
        "print('LOADED', status, *[n for n in ('spacy', 'medspacy', 'pandas') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED 0"


def test_a_claim_of_another_year_says_under_which_release_it_was_judged(cli, tmp_path):
    rows = "encounter_id,codes,date_of_service\nE1,M54.9,2023-05-04\nE2,M54.9,2026-05-04\n"
    (tmp_path / "claims.csv").write_text(rows, encoding="utf-8")
    first, second = json.loads(cli("audit", "--claims", "claims.csv", "--json").stdout)["claims"]
    assert [notice["kind"] for notice in first["warnings"]] == ["release"]
    assert "2025-04-01" in first["warnings"][0]["message"]
    assert second["warnings"] == []
    assert "nearest one at hand" in " ".join(cli("audit", "--claims", "claims.csv").stdout.decode().split())
